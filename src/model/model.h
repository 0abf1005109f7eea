/* model.h - what models and checkpoints share. */
#ifndef TW_MODEL_H
#define TW_MODEL_H

#include "model/safetensors.h"
#include "tensor/params.h"

/* Parameters and buffers, at most tw_params_count of them; a tied parameter is saved under its original's name.
 * averages: also those of a tw_ema. */
size_t tw__model_items(const tw_params *params, bool averages, tw__st_item *item);
/* The user's metadata (may be NULL) without reserved keys, and the library's version. NULL + NOMEM. */
tw_meta *tw__model_meta(tw_ctx *ctx, const tw_meta *user);
/* Which tensor of the file fills which one of params; want has room for tw_params_count. averages: those of a tw_ema
 * must be in both or in none; otherwise the file's may be unknown to params, and averages that it lacks become the
 * weights. */
tw_err tw__model_match(const tw_params *params, const tw__st_file *file, bool averages, tw__st_want *want, size_t *n);
/* STATE while the averages of a tw_ema are in the weights' place. */
tw_err tw__check_not_averaged(const tw_params *params, const char *path);
/* t has this shape; name for the message. */
tw_err tw__check_shape(const tw__st_file *file, const tw__st_tensor *t, int ndim, const int *dim);

#endif
