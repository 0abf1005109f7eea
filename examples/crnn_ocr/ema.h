/* ema.h - an exponential moving average of a network's weights (Polyak, Juditsky 1992).
 *
 * After each step a <- d a + (1 - d) w. The average reads better than the weights themselves, which jump about with
 * every batch. It lives beside them, as buffers whose names begin with "ema.", so that a checkpoint holds both. */
#ifndef CRNN_OCR_EMA_H
#define CRNN_OCR_EMA_H

#include "model.h"

#define EMA_KEY "averages" /* in the metadata of a checkpoint that holds them */

/* Makes the buffers; before an optimiser is made or a file is loaded. */
tw_err ema_attach(crnn *net);
bool ema_attached(const crnn *net);
/* After step number `step` (1, 2 ..). Early on the average is short: d is (1 + step) / (10 + step) at most. */
void ema_update(const crnn *net, double decay, int64_t step);
void ema_use(const crnn *net); /* the weights become the average */
/* The average of one network, or its weights if it has none, as the weights of another of the same design. */
void ema_copy(const crnn *from, const crnn *to);

#endif
