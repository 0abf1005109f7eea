/* recipe.c - see recipe.h. */
#include "recipe.h"

#include "augment.h"
#include "ema.h"
#include "guide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/utf8.h"

/* A file's name, which may be any bytes, where a model file holds UTF-8. */
static tw_err set_name(tw_meta *meta, const char *key, const char *name) {
    char shown[4096];
    snprintf(shown, sizeof shown, "%s", name);
    utf8_or_ascii(shown);
    return tw_meta_set(meta, key, shown);
}

/* `input` is a constant of this program, written for whoever reads the file with another one. */
tw_err recipe_write(tw_meta *meta, const recipe *r, const tw_alphabet *alphabet) {
    tw_err err = tw_meta_set(meta, "program", "crnn_ocr");
    if (!err) err = tw_meta_set(meta, "model", r->model);
    if (!err) err = tw_meta_set(meta, "alphabet", tw_alphabet_text(alphabet));
    if (!err) err = tw_meta_setf(meta, "blank", "%d", tw_alphabet_blank(alphabet));
    if (!err) err = tw_meta_setf(meta, "height", "%d", r->height);
    if (!err) err = tw_meta_set(meta, "input", "(background - gray) / contrast: background 0, ink 1");
    if (!err) err = tw_meta_set(meta, "data", r->data);
    if (!err) err = tw_meta_set(meta, "optim", r->optim);
    if (!err) err = tw_meta_set(meta, "schedule", r->schedule);
    if (!err) err = tw_meta_setf(meta, "epochs", "%d", r->epochs);
    if (!err) err = tw_meta_setf(meta, "batch", "%d", r->batch);
    if (!err) err = tw_meta_setf(meta, "samples", "%d", r->samples);
    if (!err) err = tw_meta_setf(meta, "lr", "%.17g", r->lr);
    if (!err) err = tw_meta_setf(meta, "clip", "%.17g", r->clip);
    if (!err) err = tw_meta_setf(meta, "seed", "%llu", (unsigned long long)r->seed);
    if (!err && r->augment) err = tw_meta_set(meta, "augment", r->augment);
    if (!err && r->init) err = set_name(meta, "init", r->init);
    if (!err && r->rendered) err = tw_meta_set(meta, "rendered", r->rendered);
    if (!err && r->patience) err = tw_meta_setf(meta, "patience", "%d", r->patience);
    if (!err && r->ema > 0) err = tw_meta_setf(meta, "ema", "%.17g", r->ema);
    if (!err && r->guide > 0) err = tw_meta_setf(meta, "guide", "%.17g", r->guide);
    if (!err && r->mix > 0) err = tw_meta_setf(meta, "mix", "%.17g", r->mix);
    if (!err && r->val_split > 0) err = tw_meta_setf(meta, "val_split", "%.17g", r->val_split);
    return err;
}

static const char *want(tw_ctx *ctx, const tw_meta *meta, const char *key, const char *path) {
    const char *text = tw_meta_get(meta, key);
    if (!text) tw_fail(ctx, TW_ERR_FORMAT, "%s: no \"%s\" in its metadata; is it a model of crnn_ocr?", path, key);
    return text;
}

/* A number of a setting that not every file has; 0 when it is not there. */
static tw_err number(tw_ctx *ctx, const tw_meta *meta, const char *path, const char *key, double max, double *value) {
    const char *text = tw_meta_get(meta, key);
    char *end = NULL;
    *value = text ? strtod(text, &end) : 0;
    if (!text || (*text && !*end && *value >= 0 && *value <= max)) return TW_OK;
    return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"%s\" is not a number from 0 to %g: \"%.40s\"", path, key, max, text);
}

static tw_err read_seed(tw_ctx *ctx, const char *path, const char *text, uint64_t *seed) {
    char *end;
    errno = 0;
    *seed = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno) return TW_OK;
    return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"seed\" is not a whole number from 0 to 2^64-1: \"%.40s\"", path,
                       text);
}

static tw_err check_words(tw_ctx *ctx, const char *path, const recipe *r) {
    bool known = !r->augment;
    for (int i = 0; i < AUGMENT_KINDS; i++) known = known || !strcmp(r->augment, augment_name[i]);
    if (!known) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: unknown \"augment\": \"%.40s\"", path, r->augment);
    if (strcmp(r->data, "labels") != 0 && strcmp(r->data, "synth") != 0 && strcmp(r->data, "mixed") != 0)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: unknown \"data\": \"%.40s\"", path, r->data);
    return TW_OK;
}

tw_err recipe_read(tw_ctx *ctx, const tw_meta *meta, const char *path, recipe *r) {
    int64_t height = 0, epochs = 0, batch = 0, samples = 0, patience = 0;
    *r = (recipe){.model = want(ctx, meta, "model", path),
                  .optim = want(ctx, meta, "optim", path),
                  .schedule = want(ctx, meta, "schedule", path),
                  .data = want(ctx, meta, "data", path),
                  .augment = tw_meta_get(meta, "augment"),
                  .init = tw_meta_get(meta, "init"),
                  .rendered = tw_meta_get(meta, "rendered")};
    const char *seed = want(ctx, meta, "seed", path);
    if (!want(ctx, meta, "lr", path) || !want(ctx, meta, "clip", path)) return tw_error(ctx);
    tw_err err = tw_error(ctx);
    if (!err) err = tw_meta_int(meta, "height", 8, 64, &height);
    if (!err) err = tw_meta_int(meta, "epochs", 1, MOST_EPOCHS, &epochs);
    if (!err) err = tw_meta_int(meta, "batch", 1, 4096, &batch);
    if (!err) err = tw_meta_int(meta, "samples", 0, INT32_MAX, &samples);
    if (!err && tw_meta_get(meta, "patience")) err = tw_meta_int(meta, "patience", 0, 1000000, &patience);
    if (!err) err = number(ctx, meta, path, "lr", 1e9, &r->lr);
    if (!err) err = number(ctx, meta, path, "clip", 1e9, &r->clip);
    if (!err) err = number(ctx, meta, path, "ema", 1, &r->ema);
    if (!err) err = number(ctx, meta, path, "guide", 100, &r->guide);
    if (!err) err = number(ctx, meta, path, "mix", 1, &r->mix);
    if (!err) err = number(ctx, meta, path, "val_split", 1, &r->val_split);
    if (!err) err = check_words(ctx, path, r);
    if (!err) err = read_seed(ctx, path, seed, &r->seed);
    if (err) return err;
    r->height = (int)height, r->epochs = (int)epochs, r->batch = (int)batch, r->samples = (int)samples;
    r->patience = (int)patience;
    return TW_OK;
}

/* The characters and the class of the blank, which training makes 0; a model that was trained elsewhere may have
 * another. */
static tw_alphabet *read_alphabet(tw_ctx *ctx, const tw_meta *meta, const char *path) {
    const char *characters = want(ctx, meta, "alphabet", path);
    int64_t blank = 0, last = characters ? tw_utf8_length(characters) : 0;
    if (!characters) return NULL;
    if (tw_meta_get(meta, "blank") && tw_meta_int(meta, "blank", 0, last < 0 ? 0 : last, &blank)) return NULL;
    return tw_alphabet_new_with(ctx, characters, (int)blank);
}

static tw_err load(tw_ctx *ctx, const char *path, bool weights, trained *t) {
    tw_err err = tw_meta_load(ctx, path, &t->meta);
    if (!err) err = recipe_read(ctx, t->meta, path, &t->recipe);
    if (err) return err;
    const crnn_design *design = crnn_design_find(t->recipe.model);
    if (!design) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: unknown model \"%s\"", path, t->recipe.model);
    t->alphabet = read_alphabet(ctx, t->meta, path);
    if (!t->alphabet) return tw_error(ctx);
    err = crnn_new(ctx, &t->net, design, t->recipe.height, tw_alphabet_classes(t->alphabet));
    bool averaged = tw_meta_get(t->meta, EMA_KEY) != NULL;
    if (!err && averaged) err = ema_attach(&t->net);
    if (!err && tw_meta_get(t->meta, GUIDE_KEY)) err = guide_attach(&t->net);
    if (err || !weights) return err;
    err = tw_model_load(t->net.params, path);
    return !err && averaged ? ema_use(&t->net) : err;
}

tw_err trained_load(tw_ctx *ctx, const char *path, bool weights, trained *t) {
    *t = (trained){0};
    tw_err err = load(ctx, path, weights, t);
    if (err) trained_free(t);
    return err;
}

void trained_free(trained *t) {
    crnn_free(&t->net);
    tw_alphabet_free(t->alphabet);
    tw_meta_free(t->meta);
    *t = (trained){0};
}

bool trained_trims(const trained *t) { return !strcmp(t->recipe.data, "synth"); }
