/* picture.h - pictures as the network wants them: background 0, ink about 1, widths that fill whole frames. */
#ifndef CRNN_OCR_PICTURE_H
#define CRNN_OCR_PICTURE_H

#include "augment.h"
#include "trim.h"

#include <thalweg/data.h>

/* x [height][*width] of grays becomes (background - gray) / contrast with the sign that makes ink positive, so that
 * dark on light and light on dark, faint and strong look alike; the background is what most of the frame shows. A
 * picture narrower than PICTURE_LEAST_ASPECT heights is stretched half of what it lacks: a short word that is turned or
 * seen from the side would have fewer frames than letters. Then it is filled up with 0 to a multiple of CRNN_STEP,
 * *width. x has room for height * picture_width(height, *width). */
enum { PICTURE_LEAST_ASPECT = 3 };
void picture_prepare(tw_real *x, int height, int *width);
int picture_columns(int height, int width); /* after stretching */
int picture_width(int height, int width);   /* after filling up, too */

/* Wider pictures are squeezed: those that are trained and measured on, and those that are read one by one, which are
 * also not made wider than so many times their width. */
enum { PICTURE_MAX_WIDTH = 4096, PICTURE_READ_WIDTH = 16384, PICTURE_ENLARGED = 8 };
/* What of a picture is shown to the network: a part, in so many columns (without those that fill the last frame). */
typedef struct picture_part {
    tw_box seen;
    int columns;
} picture_part;
/* A gray picture of any size, with trim: cut to its writing (trim.h), scaled to height and prepared: [height][*width],
 * to be freed. NULL after an error. */
tw_real *picture_from(tw_ctx *ctx, const tw_image *gray, int height, bool trim, int *width, picture_part *part);
/* The same from a file. */
tw_real *picture_load(tw_ctx *ctx, const char *path, int height, bool trim, int *width);

/* Moves a prepared picture by up to PICTURE_MOVE pixels to the right, widening it, and by one up or down, and makes its
 * ink a little stronger or fainter. Room for height * (*width + PICTURE_MOVE), filled up to whole frames. */
enum { PICTURE_MOVE = 8 };
void picture_move(tw_real *x, int height, int *width, uint64_t stream);

/* A dataset of grays (0 black, 1 white, any inner dataset) whose pictures are prepared. For training they are also
 * moved, and every second one has another picture, drawn at random, set to its right, its text after its own. That
 * keeps the network from reading by position, as it otherwise may when all pictures have the same layout. It takes
 * inner over, also when it fails. */
tw_err picture_dataset(tw_ctx *ctx, tw_dataset *inner, bool training, tw_dataset *prepared);
/* The same for training, with pictures that are also augmented, up to `most`: by nothing until picture_augment has said
 * how. No loader may use the dataset meanwhile. */
tw_err picture_augmented(tw_ctx *ctx, tw_dataset *inner, augment_strength most, tw_dataset *prepared);
void picture_augment(tw_dataset *prepared, augment_strength augment);

#endif
