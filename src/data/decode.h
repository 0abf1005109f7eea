/* decode.h - picture files to pixels, and their size before that. */
#ifndef TW_DATA_DECODE_H
#define TW_DATA_DECODE_H

#include <stdio.h>
#include <thalweg/base.h>

/* The size of a picture, as it is stored and as it is to be seen. */
typedef struct tw__measure {
    int stored_width, stored_height, orientation; /* exif.h */
    int width, height;
} tw__measure;

/* Both read from the file's beginning, and write a sentence that begins with path into message after an error. */
tw_err tw__measure_picture(FILE *file, const char *path, tw__measure *m, char *message, size_t size);
/* The stored pixels, 8 bits a channel, to be freed: [stored_height][stored_width][channels], 1 gray, 2 gray and alpha,
 * 3 RGB, 4 RGBA. */
tw_err tw__decode_picture(FILE *file, const char *path, tw__measure *m, int *channels, uint8_t **pixels, char *message,
                          size_t size);
/* Writes "PATH: WHAT" into message; returns err. */
tw_err tw__say(tw_err err, char *message, size_t size, const char *path, const char *what);

#endif
