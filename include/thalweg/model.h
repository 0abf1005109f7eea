/* thalweg/model.h - models and checkpoints as safetensors files.
 *
 * A model file holds every parameter and buffer by name and a table of strings (architecture, alphabet ...). A
 * checkpoint holds also the optimiser's state, the random state and the loader's position, so that training
 * goes on bit for bit. Writing is atomic: the new file replaces the old one whole or not at all, however the process
 * ends (tw_file_replace in base.h says what may be left). Devices and pipes are refused. */
#ifndef THALWEG_MODEL_H
#define THALWEG_MODEL_H

#include <thalweg/data.h>
#include <thalweg/optim.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- metadata: strings by name ------------------------------------------------------------------------
 * Names that begin with "thalweg." are the library's: they can be read, and setting one is a RANGE error. */
typedef struct tw_meta tw_meta;
TW_API TW_MUST_CHECK tw_meta *tw_meta_new(tw_ctx *ctx);
TW_API void tw_meta_free(tw_meta *meta);
TW_API TW_MUST_CHECK tw_err tw_meta_set(tw_meta *meta, const char *key, const char *value); /* UTF-8, copied */
TW_API TW_MUST_CHECK tw_err tw_meta_setf(tw_meta *meta, const char *key, const char *format, ...) TW_PRINTF(3, 4);
TW_API const char *tw_meta_get(const tw_meta *meta, const char *key); /* borrowed; NULL: not there */
/* A whole number between min and max; otherwise FORMAT, naming the file it came from and the key. */
TW_API TW_MUST_CHECK tw_err tw_meta_int(const tw_meta *meta, const char *key, int64_t min, int64_t max, int64_t *value);
/* The metadata of a file, without its tensors; to be freed with tw_meta_free. */
TW_API TW_MUST_CHECK tw_err tw_meta_load(tw_ctx *ctx, const char *path, tw_meta **meta);

/* ---- models -------------------------------------------------------------------------------------------- */
TW_API TW_MUST_CHECK tw_err tw_model_save(const tw_params *params, const tw_meta *meta /* or NULL */, const char *path);
/* The same with numbers of another kind: "F16" or "BF16" (half the bytes; 11 or 8 binary digits), "F32", "F64". Each is
 * rounded to the nearest, ties to even, denormals included. Another name, and a weight that is not finite or too large
 * for the kind (65504 for F16), is RANGE, and no file is written. tw_model_load reads it back as tw_real. */
TW_API TW_MUST_CHECK tw_err tw_model_save_as(const tw_params *params, const tw_meta *meta, const char *dtype,
                                             const char *path);
/* Fills params by name (F64, F32, F16, BF16, I64, I32, U8 are converted). A missing or misshapen tensor is FORMAT and
 * leaves params as they were; so is a number of an F64 tensor that is too large for a tw_real that is float, while
 * infinities and NaNs are read as they are. Tensors params does not know are an error too, unless they are a
 * checkpoint's own. A tied parameter is saved under its original's name, and found under either. Averages of weights
 * (tw_ema, optim.h) are not saved, and are loaded where the file and params have them. */
TW_API TW_MUST_CHECK tw_err tw_model_load(tw_params *params, const char *path);

/* ---- checkpoints ----------------------------------------------------------------------------------------
 * optim may be NULL: then no optimiser state. position may be NULL. Loading also sets the context's random state and
 * the learning rate. An optimiser of another kind, with other options (but lr) or other groups than the saved one is
 * FORMAT, and so are parameters of which others are frozen (tw_params_set_frozen comes before loading) and a checkpoint
 * of a later version. All is loaded or nothing, but params are sealed also after an error that is not IO. Averages of
 * weights (tw_ema) are saved, and must be there again. */
TW_API TW_MUST_CHECK tw_err tw_checkpoint_save(const tw_params *params, const tw_optim *optim,
                                               const tw_loader_position *position, const tw_meta *meta,
                                               const char *path);
TW_API TW_MUST_CHECK tw_err tw_checkpoint_load(tw_params *params, tw_optim *optim, tw_loader_position *position,
                                               const char *path);

#ifdef __cplusplus
}
#endif
#endif
