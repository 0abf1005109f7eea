/* transfer.c - see transfer.h. */
#include "transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/utf8.h"

/* The symbol of one character, 0: the alphabet lacks it, or there is no memory to find out, which stays in ctx. */
static int32_t symbol_of(tw_ctx *ctx, const tw_alphabet *alphabet, const char *character) {
    int32_t symbol[8];
    size_t n = sizeof symbol / sizeof *symbol;
    if (tw_alphabet_encode(ctx, alphabet, character, symbol, &n)) {
        if (tw_error(ctx) != TW_ERR_NOMEM) tw_error_clear(ctx);
        return 0;
    }
    return n == 1 ? symbol[0] : 0;
}

static bool character_of(tw_ctx *ctx, const tw_alphabet *alphabet, int32_t symbol, char character[8]) {
    return !tw_alphabet_decode(ctx, alphabet, &symbol, 1, character, 8);
}

tw_alphabet *transfer_alphabet(tw_ctx *ctx, const trained *from, const tw_alphabet *texts) {
    /* The joiner keeps characters apart that would otherwise be composed (text.h). */
    static const char joiner[] = "\xcd\x8f";
    const char *known = tw_alphabet_text(from->alphabet);
    size_t room = strlen(known) + (size_t)tw_alphabet_classes(texts) * 6 + 1;
    char *all = malloc(room);
    if (!all) return tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    size_t used = (size_t)snprintf(all, room, "%s", known);
    for (int32_t s = 1; s < tw_alphabet_classes(texts); s++) {
        char one[8];
        if (!character_of(ctx, texts, s, one) || symbol_of(ctx, from->alphabet, one)) continue;
        used += (size_t)snprintf(all + used, room - used, "%s%s", joiner, one);
    }
    tw_alphabet *alphabet = tw_error(ctx) ? NULL : tw_alphabet_new(ctx, all);
    free(all);
    return alphabet;
}

/* One row a class: [K] or [K, D]. */
static bool by_class(const crnn *net, const tw_tensor *t) {
    const char *last = net->dense[net->levels - 1]->name;
    size_t n = strlen(last);
    return !strncmp(t->name, last, n) && t->name[n] == '.' && t->ndim >= 1 && t->dim[0] == net->classes;
}

static void copy_rows(const tw_tensor *from, const tw_tensor *to, const int32_t *source, int classes) {
    size_t row = to->size / (size_t)classes;
    for (int s = 0; s < classes; s++) {
        if (source[s] < 0) continue;
        memcpy(to->data + (size_t)s * row, from->data + (size_t)source[s] * row, row * sizeof *to->data);
    }
}

static tw_err copy_all(tw_ctx *ctx, const trained *from, const char *path, const crnn *to, const int32_t *source) {
    for (size_t i = 0; i < tw_params_count(to->params); i++) {
        const tw_tensor *t = tw_params_at(to->params, i);
        if (!strncmp(t->name, "ema.", 4) || !strncmp(t->name, "guide.", 6)) continue;
        const tw_tensor *f = tw_params_find(from->net.params, t->name);
        bool rows = by_class(to, t);
        size_t each = rows ? t->size / (size_t)to->classes : t->size;
        size_t have = f && rows && f->dim[0] > 0 ? f->size / (size_t)f->dim[0] : f ? f->size : 0;
        if (!f || have != each)
            return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: its \"%s\" does not fit this network", path, t->name);
        if (rows) copy_rows(f, t, source, to->classes);
        else memcpy(t->data, f->data, t->size * sizeof *t->data);
    }
    return TW_OK;
}

tw_err transfer_weights(tw_ctx *ctx, const trained *from, const char *path, const tw_alphabet *alphabet, const crnn *to,
                        int *kept) {
    *kept = 0;
    if (from->net.design != to->design || from->net.height != to->height)
        return tw_fail_err(
            ctx, TW_ERR_RANGE,
            "%s is a model %s for pictures %d high, and this one is a %s for %d; use the same --model and "
            "--height, or leave them out",
            path, from->net.design->name, from->net.height, to->design->name, to->height);
    tw_err err = tw_params_seal(to->params);
    if (err) return err;
    int32_t *source = malloc((size_t)to->classes * sizeof *source);
    if (!source) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    source[0] = 0; /* the blank */
    for (int32_t s = 1; !err && s < to->classes; s++) {
        char one[8];
        if (!character_of(ctx, alphabet, s, one)) err = tw_error(ctx);
        int32_t there = err ? 0 : symbol_of(ctx, from->alphabet, one);
        if (!err) err = tw_error(ctx);
        source[s] = there ? there : -1;
        *kept += there > 0;
    }
    if (!err) err = copy_all(ctx, from, path, to, source);
    free(source);
    return err;
}
