/* look.h - how a picture of text may look: the knobs, and the presets that turn them at random.
 *
 * Lengths are in em unless said otherwise. Strengths of what disturbs the text (texture, noise, ..) are parts of its
 * contrast, so that faint text is not drowned. docs/rendering.md shows every knob. */
#ifndef CRNN_OCR_LOOK_H
#define CRNN_OCR_LOOK_H

#include "dice.h"

#include <thalweg/base.h>

/* One line a knob: name, the value that does nothing, least, most, what it is. */
#define LOOK_KNOBS(KNOB)                                                                                              \
    KNOB(stretch, 1, 0.3, 3, "width of the letters; 1: as designed")                                                  \
    KNOB(slant, 0, -0.6, 0.6, "shift to the right per height; 0.2: like an italic")                                   \
    KNOB(weight, 0, -0.03, 0.08, "how far the outline is moved outwards")                                             \
    KNOB(spacing, 0, -0.1, 1, "more room between letters; negative: less")                                            \
    KNOB(wobble, 0, 0, 0.3, "how far each letter may stand off the line")                                             \
    KNOB(turn, 0, 0, 0.6, "how far each letter may be turned, in radians")                                            \
    KNOB(arc, 0, -3, 3, "turn of the line from first to last letter, in radians; positive: like a rainbow")           \
    KNOB(wave, 0, 0, 0.5, "height of a wave that the line follows")                                                   \
    KNOB(rotation, 0, -0.8, 0.8, "of the whole, in radians, counter-clockwise")                                       \
    KNOB(tilt_x, 0, -0.6, 0.6, "perspective: how much nearer the left end is than the middle")                        \
    KNOB(tilt_y, 0, -0.6, 0.6, "perspective: how much nearer the bottom is than the middle")                          \
    KNOB(tight, 0, 0, 1, "1: cropped to this word's ink; 0: to the height of the face's line")                        \
    KNOB(left, 0.1, -0.15, 2, "margin as a part of the height; negative: the ink is cut")                             \
    KNOB(right, 0.1, -0.15, 2, "margin on the right")                                                                 \
    KNOB(top, 0.1, -0.15, 1, "margin above")                                                                          \
    KNOB(bottom, 0.1, -0.15, 1, "margin below")                                                                       \
    KNOB(neighbours, 0, 0, 1, "1: other lines above and below, seen where the margins show them; none around an arc") \
    KNOB(contrast, 1, 0.02, 1, "difference of gray between ink and paper")                                            \
    KNOB(tone, 1, 0, 1, "1: ink and paper as bright as the contrast allows; 0: as dark")                              \
    KNOB(inverted, 0, 0, 1, "1: light on dark")                                                                       \
    KNOB(fade, 0, -0.8, 0.8, "part of the contrast lost towards the bottom; negative: towards the top")               \
    KNOB(border, 0, 0, 0.15, "width of a line around the letters")                                                    \
    KNOB(border_tone, -0.5, -1, 1.5, "gray of that line: 0 as the paper, 1 as the ink, negative: beyond the paper")   \
    KNOB(hollow, 0, 0, 1, "1: letters filled with paper, so that only the border is seen")                            \
    KNOB(shadow, 0, 0, 1, "strength of a shadow")                                                                     \
    KNOB(shadow_x, 0.06, -0.3, 0.3, "shift of the shadow to the right")                                               \
    KNOB(shadow_y, 0.06, -0.3, 0.3, "shift of the shadow downwards")                                                  \
    KNOB(shadow_soft, 0, 0, 4, "softness of the shadow, in 1/32 of the height")                                       \
    KNOB(shadow_tone, 0, 0, 1, "gray of the shadow")                                                                  \
    KNOB(extrude, 0, 0, 1, "1: the shadow is joined to the letters, as if they were thick")                           \
    KNOB(shade_x, 0, -1, 1, "how much the paper brightens from left to right")                                        \
    KNOB(shade_y, 0, -1, 1, "how much the paper brightens from top to bottom")                                        \
    KNOB(cloud, 0, 0, 1, "strength of cloudy paper: noise of several octaves")                                        \
    KNOB(cloud_size, 0.5, 0.1, 3, "size of the clouds, as a part of the height")                                      \
    KNOB(blobs, 0, 0, 1, "strength of patches with edges: leaves, stains, camouflage")                                \
    KNOB(stripes, 0, 0, 1, "strength of stripes in any direction")                                                    \
    KNOB(bricks, 0, 0, 1, "strength of joints like those of a brick wall")                                            \
    KNOB(clutter, 0, 0, 12, "number of shapes behind the text")                                                       \
    KNOB(strokes, 0, 0, 8, "number of thin lines across the text")                                                    \
    KNOB(worn, 0, 0, 1, "part of the ink that has flaked off or not printed")                                         \
    KNOB(glare, 0, 0, 1, "strength of a highlight somewhere")                                                         \
    KNOB(rows, 0, 0, 256, "drawn so many pixels high and then enlarged, as if seen from afar; 0: as high as wanted")  \
    KNOB(blur, 0, 0, 6, "standard deviation, in 1/32 of the height")                                                  \
    KNOB(motion, 0, 0, 12, "length of a blur along one direction, in 1/32 of the height")                             \
    KNOB(noise, 0, 0, 1, "standard deviation of normal noise")                                                        \
    KNOB(speckle, 0, 0, 1, "standard deviation of noise in proportion to brightness")                                 \
    KNOB(salt, 0, 0, 0.3, "part of the pixels that become dark or light")                                             \
    KNOB(jpeg, 100, 3, 100, "quality of JPEG; 100: not compressed")

typedef struct render_look {
#define LOOK_FIELD(name, plain, least, most, about) float name;
    LOOK_KNOBS(LOOK_FIELD)
#undef LOOK_FIELD
    uint64_t stream; /* of all that is drawn for this picture: noise, texture, .. */
} render_look;

#define LOOK_INDEX(name, plain, least, most, about) KNOB_##name,
enum { LOOK_KNOBS(LOOK_INDEX) KNOBS };
#undef LOOK_INDEX

typedef struct look_knob {
    const char *name, *about;
    float plain, least, most;
} look_knob;
extern const look_knob look_knobs[KNOBS];
float *look_value(render_look *look, int knob);

render_look render_plain(void); /* black on white, nothing done to it */

/* With chance, the knob is drawn from low to high; otherwise it does nothing. The draw is even, or, when 0 is between
 * low and high, the mean of two even ones: strong turns either way are rarer than slight ones. */
typedef struct knob_range {
    float chance, low, high;
} knob_range;
typedef struct look_range {
    knob_range knob[KNOBS];
} look_range;
render_look look_draw(const look_range *range, dice *d);

/* "blur=0.5:0:2,rotation=0": chance, low and high of some knobs, or one value that they always have. An error names
 * what is wrong. */
tw_err look_set(tw_ctx *ctx, const char *spec, look_range *range);

#endif
