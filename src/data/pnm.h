/* pnm.h - PGM and PPM pictures with samples of one or two bytes. */
#ifndef TW_DATA_PNM_H
#define TW_DATA_PNM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <thalweg/base.h>

typedef struct tw__pnm {
    int width, height; /* as the header has them; what does not fit an int is INT_MAX */
    int channels;      /* 1, 3 */
    int white;         /* the header's maxval, 1 to 65535 */
} tw__pnm;

/* Does the file begin with P5 or P6? Both read from its beginning and leave it where they have read to. */
bool tw__pnm_begins(FILE *file);
/* Reads the header of such a file, up to the first sample. What is wrong with it, in why's room if need be, or NULL. */
const char *tw__pnm_header(FILE *file, tw__pnm *h, char why[96]);
/* The samples behind the header to [height][width][channels] of 8 bits: 255 / maxval of each, rounded, and those above
 * maxval are white. FORMAT: the file ends before; IO; NOMEM. */
TW_MUST_CHECK tw_err tw__pnm_samples(FILE *file, const tw__pnm *h, uint8_t *pixels);

#endif
