/* texture.h - paper: shading, clouds, patches, stripes, joints, and shapes behind the text. */
#ifndef CRNN_OCR_TEXTURE_H
#define CRNN_OCR_TEXTURE_H

#include "planes.h"
#include "look.h"

/* Fills plane[0] with the look's paper, uses the planes after it. */
void texture_paper(planes *c, const render_look *look, float paper, float ink);
/* Smooth noise of the given octaves with cells of `size` pixels, halved each octave: about -1 .. 1. */
void texture_cloud(float *to, int width, int height, float size, int octaves, uint64_t stream, float *spare);
/* What lies over everything: a highlight in plane[0]. */
void texture_glare(planes *c, float strength, uint64_t stream);

#endif
