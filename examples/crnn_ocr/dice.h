/* dice.h - random choices drawn one after another from one of the library's streams.
 *
 * A stream is a number, so the same (seed, index) gives the same choices wherever and whenever they are drawn. */
#ifndef CRNN_OCR_DICE_H
#define CRNN_OCR_DICE_H

#include <thalweg/extend.h>

typedef struct dice {
    uint64_t stream, drawn;
} dice;

static inline dice dice_of(uint64_t stream) { return (dice){stream, 0}; }
static inline uint64_t dice_bits(dice *d) { return tw_random_bits(d->stream, d->drawn++); }
static inline float dice_between(dice *d, float low, float high) {
    return low + (high - low) * (float)tw_random_uniform(d->stream, d->drawn++);
}
static inline bool dice_chance(dice *d, double p) { return tw_random_uniform(d->stream, d->drawn++) < p; }
static inline int dice_below(dice *d, int n) { return (int)(tw_random_uniform(d->stream, d->drawn++) * n); }
#define PICK(d, list) ((list)[dice_below(d, (int)(sizeof(list) / sizeof *(list)))])

#endif
