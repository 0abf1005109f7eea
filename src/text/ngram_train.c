/* ngram_train.c - counting the strings of a text, and the model that follows.
 *
 * All strings of up to `order` characters are counted in one pass, as a trie whose nodes are found by a hash of parent
 * and character; then the nodes are put in the order of ngram.h. */
#include "text/ngram.h"
#include "text/utf8.h"

#include <stdlib.h>

enum { POINTS = 0x110000 };

typedef struct gram {
    int32_t parent, id;
    uint32_t count;
} gram;

typedef struct counter {
    int order;
    gram *gram; /* [n], 0 is the empty string; a parent stands before its children */
    size_t n, room;
    int32_t *slot; /* [slots] a power of 2, at least twice the room: number of a gram, or 0 */
    size_t slots;
} counter;

static void counter_free(counter *c) {
    free(c->gram);
    free(c->slot);
}

static size_t hash(int32_t parent, int32_t id) {
    uint64_t h = ((uint64_t)(uint32_t)parent << 32 | (uint32_t)id) * 0x9e3779b97f4a7c15u;
    return (size_t)(h >> 24);
}

static void enter(counter *c, size_t i) {
    size_t at = hash(c->gram[i].parent, c->gram[i].id) & (c->slots - 1);
    while (c->slot[at]) at = (at + 1) & (c->slots - 1);
    c->slot[at] = (int32_t)i;
}

static bool counter_grow(counter *c) {
    size_t room = c->room ? 2 * c->room : 1 << 14;
    if (room > INT32_MAX / 2) return false;
    gram *grams = realloc(c->gram, room * sizeof *grams);
    if (grams) c->gram = grams;
    int32_t *slot = grams ? calloc(2 * room, sizeof *slot) : NULL;
    if (!slot) return false;
    free(c->slot);
    c->slot = slot;
    c->slots = 2 * room;
    c->room = room;
    for (size_t i = 1; i < c->n; i++) enter(c, i);
    return true;
}

/* Counts the string that is parent's and id once more; returns its number, or 0: out of memory. */
static int32_t count(counter *c, int32_t parent, int32_t id) {
    size_t at = hash(parent, id) & (c->slots - 1);
    for (; c->slot[at]; at = (at + 1) & (c->slots - 1)) {
        gram *g = &c->gram[c->slot[at]];
        if (g->parent != parent || g->id != id) continue;
        g->count += g->count < UINT32_MAX;
        return c->slot[at];
    }
    if (c->n == c->room) return counter_grow(c) ? count(c, parent, id) : 0;
    c->gram[c->n] = (gram){parent, id, 1};
    c->slot[at] = (int32_t)c->n;
    return (int32_t)c->n++;
}

/* All strings of begin, characters, end. id has n + 2. */
static bool count_line(counter *c, const int32_t *id, size_t n) {
    for (size_t i = c->order > 1 ? 0 : 1; i < n; i++) {
        int32_t node = 0;
        for (size_t k = i; k < n && k < i + (size_t)c->order; k++)
            if (!(node = count(c, node, id[k]))) return false;
    }
    return true;
}

/* ---- in the order of ngram.h ------------------------------------------------------------------------------ */

typedef struct place {
    int32_t parent, id, was; /* parent: its new number */
} place;

static int by_parent_and_id(const void *x, const void *y) {
    const place *a = x, *b = y;
    if (a->parent != b->parent) return a->parent < b->parent ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

/* Fills id, count and first. all, now (the new number of each gram) and level are working memory [n]. */
static void sort_levels(const counter *c, tw_ngram *m, place *all, int32_t *now, uint8_t *level) {
    size_t start[TW__NGRAM_MOST_ORDER + 2] = {0}, fill[TW__NGRAM_MOST_ORDER + 2]; /* of each level in `all` */
    level[0] = 0;
    for (size_t i = 1; i < c->n; i++) {
        level[i] = (uint8_t)(level[c->gram[i].parent] + 1);
        start[level[i] + 1]++;
    }
    start[1] = 1; /* after the empty string */
    for (int l = 1; l <= c->order; l++) {
        start[l + 1] += start[l];
        fill[l] = start[l];
    }
    for (size_t i = 1; i < c->n; i++) all[fill[level[i]]++].was = (int32_t)i;
    now[0] = 0;
    m->id[0] = -1;
    m->count[0] = 0;
    for (int l = 1; l <= c->order; l++) {
        size_t end = start[l + 1];
        for (size_t k = start[l]; k < end; k++) {
            const gram *g = &c->gram[all[k].was];
            all[k].parent = now[g->parent];
            all[k].id = g->id;
        }
        qsort(all + start[l], end - start[l], sizeof *all, by_parent_and_id);
        for (size_t k = start[l]; k < end; k++) {
            now[all[k].was] = (int32_t)k;
            m->id[k] = all[k].id;
            m->count[k] = c->gram[all[k].was].count;
        }
    }
    int32_t child = 1;
    for (int32_t i = 0; i < m->n; i++) {
        m->first[i] = child;
        while (child < m->n && all[child].parent == i) child++;
    }
    m->first[m->n] = m->n;
}

static tw_ngram *model_of(const counter *c, const bool *seen, int32_t ncode) {
    tw_ngram *m = tw__ngram_alloc(c->order, ncode, (int32_t)c->n);
    place *all = malloc(c->n * sizeof *all);
    int32_t *now = malloc(c->n * sizeof *now);
    uint8_t *level = malloc(c->n);
    bool ok = m && all && now && level;
    if (ok) {
        for (int32_t p = 0, i = 0; p < POINTS; p++)
            if (seen[p]) m->code[i++] = p;
        sort_levels(c, m, all, now, level);
        ok = tw__ngram_finish(m) == TW_OK;
    }
    free(all);
    free(now);
    free(level);
    if (ok) return m;
    tw_ngram_free(m);
    return NULL;
}

/* ---- texts ------------------------------------------------------------------------------------------------ */

/* A text's characters in scratch memory; what: for messages. */
static int32_t *read_text(tw_ctx *ctx, size_t number, const char *text, size_t *n) {
    char what[64];
    snprintf(what, sizeof what, "language model: text %zu", number);
    return tw__line_scratch(ctx, what, text, n);
}

static bool collect(tw_ctx *ctx, size_t n, const char *const *texts, bool *seen) {
    for (size_t i = 0; i < n; i++) {
        tw_mark mark = tw_scratch_mark(ctx);
        size_t length;
        int32_t *point = read_text(ctx, i, texts[i], &length);
        for (size_t k = 0; point && k < length; k++) seen[point[k]] = true;
        tw_scratch_release(ctx, mark);
        if (!point) return false;
    }
    return true;
}

/* number [POINTS]: of each code point. */
static bool count_texts(tw_ctx *ctx, counter *c, size_t n, const char *const *texts, const int32_t *number,
                        int32_t begin) {
    for (size_t i = 0; i < n; i++) {
        tw_mark mark = tw_scratch_mark(ctx);
        size_t length;
        int32_t *point = read_text(ctx, i, texts[i], &length);
        int32_t *id = point ? tw_scratch(ctx, (length + 2) * sizeof *id) : NULL;
        bool ok = id != NULL;
        if (ok && length) { /* an empty text says nothing */
            id[0] = begin;
            for (size_t k = 0; k < length; k++) id[k + 1] = number[point[k]];
            id[length + 1] = TW__NGRAM_END;
            ok = count_line(c, id, length + 2);
            if (!ok) tw_fail(ctx, TW_ERR_NOMEM, "language model: out of memory for %zu strings", c->n);
        }
        tw_scratch_release(ctx, mark);
        if (!ok) return false;
    }
    return true;
}

tw_ngram *tw_ngram_train(tw_ctx *ctx, int order, size_t n, const char *const *texts) {
    if (order < 1 || order > TW__NGRAM_MOST_ORDER)
        return tw_fail(ctx, TW_ERR_RANGE, "language model: the order is 1 to %d, not %d", TW__NGRAM_MOST_ORDER, order);
    counter c = {.order = order, .n = 1};
    tw_ngram *m = NULL;
    /* Not scratch memory: beside blocks as large as these, that of each text would be asked for anew. */
    bool *seen = calloc(POINTS, sizeof *seen);
    int32_t *number = malloc(POINTS * sizeof *number);
    if (!seen || !number || !counter_grow(&c)) {
        tw_fail(ctx, TW_ERR_NOMEM, "language model: out of memory");
    } else if (collect(ctx, n, texts, seen)) {
        int32_t ncode = 0;
        for (int32_t p = 0; p < POINTS; p++) number[p] = seen[p] ? TW__NGRAM_FIRST + ncode++ : TW__NGRAM_UNKNOWN;
        c.gram[0] = (gram){-1, -1, 0};
        bool counted = count_texts(ctx, &c, n, texts, number, TW__NGRAM_FIRST + ncode);
        if (counted && c.n > 1) m = model_of(&c, seen, ncode);
        if (counted && c.n == 1) tw_fail(ctx, TW_ERR_FORMAT, "language model: there is no text to learn from");
        else if (counted && !m) tw_fail(ctx, TW_ERR_NOMEM, "language model: out of memory for %zu strings", c.n);
    }
    counter_free(&c);
    free(seen);
    free(number);
    return m;
}
