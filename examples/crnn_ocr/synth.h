/* synth.h - a dataset of rendered text: sample i of an epoch is drawn from its own stream, nothing is stored. */
#ifndef CRNN_OCR_SYNTH_H
#define CRNN_OCR_SYNTH_H

#include "fonts.h"
#include "words.h"

#include <thalweg/data.h>

/* count pictures of gray values 0..1, height pixels high. fonts and words are borrowed. */
tw_err synth_dataset(tw_ctx *ctx, const font_set *fonts, const word_source *words, size_t count, int height,
                     tw_dataset *dataset);

/* The same pictures every time: each of the texts (NULL at the end; of words' alphabet) `rounds` times, in other looks
 * and faces drawn from seed. Sample i shows text i % n. */
tw_err synth_fixed_dataset(tw_ctx *ctx, const font_set *fonts, const word_source *words, const char *const *texts,
                           int rounds, uint64_t seed, int height, tw_dataset *dataset);

#endif
