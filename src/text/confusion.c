/* confusion.c - which characters are read as which. */
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Pairs by a hash of both; a slot with count 0 is free. At most half are taken. */
struct tw_confusion {
    tw_ctx *ctx;
    tw_confusion_pair *slot; /* [slots], a power of 2 */
    size_t slots, used;
};

tw_confusion *tw_confusion_new(tw_ctx *ctx) {
    tw_confusion *c = calloc(1, sizeof *c);
    if (c) {
        c->ctx = ctx;
        c->slots = 256;
        c->slot = calloc(c->slots, sizeof *c->slot);
    }
    if (c && c->slot) return c;
    tw_confusion_free(c);
    return tw_fail(ctx, TW_ERR_NOMEM, "confusion: out of memory");
}

void tw_confusion_free(tw_confusion *c) {
    if (!c) return;
    free(c->slot);
    free(c);
}

static tw_confusion_pair *find(tw_confusion_pair *slot, size_t slots, int32_t truth, int32_t read) {
    uint64_t h = ((uint64_t)(uint32_t)truth << 32 | (uint32_t)read) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(h >> 24) & (slots - 1);
    while (slot[at].count && (slot[at].truth != truth || slot[at].read != read)) at = (at + 1) & (slots - 1);
    return &slot[at];
}

static bool grow(tw_confusion *c) {
    tw_confusion_pair *slot = calloc(2 * c->slots, sizeof *slot);
    if (!slot) return false;
    for (size_t i = 0; i < c->slots; i++)
        if (c->slot[i].count) *find(slot, 2 * c->slots, c->slot[i].truth, c->slot[i].read) = c->slot[i];
    free(c->slot);
    c->slot = slot;
    c->slots *= 2;
    return true;
}

static tw_err count(tw_confusion *c, int32_t truth, int32_t read) {
    if (2 * (c->used + 1) > c->slots && !grow(c))
        return tw_fail_err(c->ctx, TW_ERR_NOMEM, "confusion: out of memory for %zu pairs", c->used);
    tw_confusion_pair *p = find(c->slot, c->slots, truth, read);
    c->used += !p->count;
    *p = (tw_confusion_pair){truth, read, p->count + 1};
    return TW_OK;
}

tw_err tw_confusion_add(tw_confusion *c, const char *truth, const char *read) {
    tw_mark mark = tw_scratch_mark(c->ctx);
    size_t nt, nr, n = 0;
    int32_t *t = tw__nfc_scratch(c->ctx, "confusion, truth", truth, &nt);
    int32_t *r = t ? tw__nfc_scratch(c->ctx, "confusion, reading", read, &nr) : NULL;
    tw_edit *edit = r ? tw_scratch(c->ctx, (nt + nr + 1) * sizeof *edit) : NULL;
    tw_err err = edit ? tw_edit_align(c->ctx, t, nt, r, nr, edit, &n) : tw_error(c->ctx);
    for (size_t i = 0; !err && i < n; i++)
        err = count(c, edit[i].a < 0 ? 0 : t[edit[i].a], edit[i].b < 0 ? 0 : r[edit[i].b]);
    tw_scratch_release(c->ctx, mark);
    return err;
}

static int by_count(const void *x, const void *y) {
    const tw_confusion_pair *a = x, *b = y;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    if (a->truth != b->truth) return a->truth < b->truth ? -1 : 1;
    return (a->read > b->read) - (a->read < b->read);
}

size_t tw_confusion_count(const tw_confusion *c, int32_t truth, int32_t read) {
    return find(c->slot, c->slots, truth, read)->count;
}

tw_err tw_confusion_top(const tw_confusion *c, tw_confusion_pair *pair, size_t *n) {
    size_t room = *n, mistakes = 0;
    tw_confusion_pair *all = malloc((c->used + 1) * sizeof *all);
    *n = 0;
    if (!all) return tw_fail_err(c->ctx, TW_ERR_NOMEM, "confusion: out of memory");
    for (size_t i = 0; i < c->slots; i++)
        if (c->slot[i].count && c->slot[i].truth != c->slot[i].read) all[mistakes++] = c->slot[i];
    qsort(all, mistakes, sizeof *all, by_count);
    *n = mistakes < room ? mistakes : room;
    if (*n) memcpy(pair, all, *n * sizeof *pair);
    free(all);
    return TW_OK;
}
