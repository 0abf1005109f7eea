/* guide.h - a second reader for training: what each frame shows by itself, without the LSTM.
 *
 * A bidirectional LSTM can carry a short text to where it likes, and then learns the places of letters instead of
 * their looks; with few pictures it may stay so. The guide is one dense layer on the features, whose CTC loss is added
 * with a small weight: it can only read what a frame shows, so the convolutions learn letters, and the plateau is
 * shorter (Lee, Watanabe 2021, do the same for speech). Models are written without it. */
#ifndef CRNN_OCR_GUIDE_H
#define CRNN_OCR_GUIDE_H

#include "model.h"

#define GUIDE_KEY "guided" /* in the metadata of a checkpoint that has its weights */

/* Before an optimiser is made or a file is loaded, and after ema_attach. */
tw_err guide_attach(crnn *net);

#endif
