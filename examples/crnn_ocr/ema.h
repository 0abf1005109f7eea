/* ema.h - the average of a network's weights (tw_ema), for networks that have one and networks that have none. */
#ifndef CRNN_OCR_EMA_H
#define CRNN_OCR_EMA_H

#include "model.h"

#define EMA_KEY "averages" /* in the metadata of a checkpoint that holds them */

/* Before an optimiser is made or a file is loaded. */
tw_err ema_attach(crnn *net);
tw_err ema_use(const crnn *net); /* the weights become the average */
/* The average of one network, or its weights if it has none, as the weights of another of the same design. */
tw_err ema_copy(const crnn *from, const crnn *to);

#endif
