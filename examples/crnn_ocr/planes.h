/* planes.h - planes of floats, and what happens to a picture once the letters are on it. */
#ifndef CRNN_OCR_PLANES_H
#define CRNN_OCR_PLANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* plane[0] is the picture; the others are for whoever needs room. All are width * height, rows packed. */
enum { PLANES = 5 };
typedef struct planes {
    int width, height;
    float *plane[PLANES];
    size_t room;
} planes;

bool planes_size(planes *c, int width, int height); /* contents are lost; false: out of memory */
void planes_free(planes *c);
static inline size_t planes_pixels(const planes *c) { return (size_t)c->width * (size_t)c->height; }
static inline void planes_swap(planes *c, int i, int j) {
    float *p = c->plane[i];
    c->plane[i] = c->plane[j], c->plane[j] = p;
}

/* ---- effects.c: each changes plane[at] and may use the planes after it ----------------------------------------- */

void effect_blur(planes *c, int at, float sigma);                    /* Gaussian, in pixels */
void effect_motion(planes *c, float length, float angle);            /* the mean along a line, in pixels */
void effect_noise(float *p, size_t n, float sigma, uint64_t stream); /* normal */
void effect_speckle(float *p, size_t n, float sigma, uint64_t stream);
/* Part of the pixels become one of two grays, a little further apart than these. */
void effect_salt(float *p, size_t n, float part, float dark, float light, uint64_t stream);
void effect_jpeg(planes *c, int quality);              /* of grays 0..1: what coding and decoding leave */
bool effect_enlarge(planes *c, int width, int height); /* bilinear; false: out of memory */

#endif
