/* augment.h - prepared pictures as they might also have looked, so that a few of them teach as much as many.
 *
 * Everything keeps the text readable: small rotation, shear, perspective and scaling, elastic distortion (Simard et al.
 * 2003), thicker and thinner strokes, blur, contrast, shading, noise, erased patches (Zhong et al. 2020) and stray
 * lines. Each happens only sometimes. */
#ifndef CRNN_OCR_AUGMENT_H
#define CRNN_OCR_AUGMENT_H

#include <thalweg/tensor.h>

typedef enum augment_strength { AUGMENT_NONE, AUGMENT_LIGHT, AUGMENT_STRONG, AUGMENT_KINDS } augment_strength;
extern const char *const augment_name[AUGMENT_KINDS]; /* "none", "light", "strong" */

/* How wide a picture of this width may become. */
int augment_widest(int width, augment_strength strength);

/* x [height][*width] with background 0 and ink about 1, drawn anew by the choices of stream; *width becomes its own, of
 * any size up to augment_widest. x and spare have room for height * augment_widest(*width). */
void augment_picture(tw_real *x, tw_real *spare, int height, int *width, augment_strength strength, uint64_t stream);

#endif
