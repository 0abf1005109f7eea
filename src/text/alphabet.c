/* alphabet.c - the characters a recogniser knows: code points in normalisation form C, numbered around the blank. */
#include "text/alphabet.h"

#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { POINTS = 0x110000 };

typedef struct entry {
    int32_t point, symbol;
} entry;

struct tw_alphabet {
    int n, blank;
    int32_t *point; /* [n]: point[i] is symbol i, from the blank on i + 1 */
    entry *sorted;  /* [n] by code point */
    char *text;
};

/* `"e" (U+0065)`, or the number alone when it does not print */
static const char *point_name(int32_t point, char name[32]) {
    char utf8[5] = {0};
    tw__utf8_put(point, utf8);
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) snprintf(name, 32, "U+%04X", (unsigned)point);
    else snprintf(name, 32, "\"%s\" (U+%04X)", utf8, (unsigned)point);
    return name;
}

static int by_point(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return (x->point > y->point) - (x->point < y->point);
}

static const entry *find(const tw_alphabet *a, int32_t point) {
    entry key = {point, 0};
    return a->n ? bsearch(&key, a->sorted, (size_t)a->n, sizeof key, by_point) : NULL;
}

/* ---- making one ------------------------------------------------------------------------------------------ */

/* Would the two, side by side, be normalised to something else? */
static bool must_be_parted(int32_t before, int32_t point) {
    if (utf8proc_get_property(point)->combining_class) return true; /* it may reach over its neighbour, too */
    char pair[9] = {0};
    int32_t result[16];
    size_t n = tw__utf8_put(before, pair);
    tw__utf8_put(point, pair + n);
    if (tw__nfc_room(pair) > sizeof result / sizeof *result) return true;
    return tw__nfc(pair, result, sizeof result / sizeof *result) != 2 || result[0] != before || result[1] != point;
}

/* The text from which tw_alphabet_new makes the same alphabet. */
static void write_text(tw_alphabet *a) {
    char *at = a->text;
    for (int i = 0; i < a->n; i++) {
        if (i && must_be_parted(a->point[i - 1], a->point[i])) at += tw__utf8_put(TW__JOINER, at);
        at += tw__utf8_put(a->point[i], at);
    }
    *at = 0;
}

/* From n distinct code points; duplicates are found here. */
static tw_alphabet *make(tw_ctx *ctx, const int32_t *point, size_t n, int blank) {
    if (blank < -1 || (blank > 0 && (size_t)blank > n))
        return tw_fail(ctx, TW_ERR_RANGE, "alphabet: with %zu characters the blank is class 0 to %zu, not %d", n, n,
                       blank);
    tw_alphabet *a = calloc(1, sizeof *a);
    if (a) {
        a->n = (int)n;
        a->blank = blank < 0 ? (int)n : blank;
        a->point = malloc((n + 1) * sizeof *a->point);
        a->sorted = malloc((n + 1) * sizeof *a->sorted);
        a->text = malloc(6 * n + 1); /* a character of up to 4 bytes, a joiner of 2 */
    }
    if (!a || !a->point || !a->sorted || !a->text) {
        tw_alphabet_free(a);
        return tw_fail(ctx, TW_ERR_NOMEM, "alphabet: out of memory for %zu characters", n);
    }
    if (n) memcpy(a->point, point, n * sizeof *point);
    for (int i = 0; i < a->n; i++) a->sorted[i] = (entry){point[i], i + (i >= a->blank)};
    qsort(a->sorted, n, sizeof *a->sorted, by_point);
    for (int i = 1; i < a->n; i++) {
        if (a->sorted[i - 1].point != a->sorted[i].point) continue;
        char name[32];
        tw_fail(ctx, TW_ERR_FORMAT, "alphabet: %s appears twice", point_name(a->sorted[i].point, name));
        tw_alphabet_free(a);
        return NULL;
    }
    write_text(a);
    return a;
}

/* Leaves out the joiners; returns how many remain. */
static size_t without_joiners(int32_t *point, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (point[i] != TW__JOINER) point[kept++] = point[i];
    return kept;
}

tw_alphabet *tw_alphabet_new(tw_ctx *ctx, const char *utf8) { return tw_alphabet_new_with(ctx, utf8, 0); }

tw_alphabet *tw_alphabet_new_with(tw_ctx *ctx, const char *utf8, int blank) {
    tw_mark mark = tw_scratch_mark(ctx);
    size_t n;
    int32_t *point = tw__nfc_scratch(ctx, "alphabet", utf8, &n);
    tw_alphabet *a = point ? make(ctx, point, without_joiners(point, n), blank) : NULL;
    tw_scratch_release(ctx, mark);
    return a;
}

tw_alphabet *tw_alphabet_from_texts(tw_ctx *ctx, size_t n, const char *const *texts) {
    tw_mark mark = tw_scratch_mark(ctx);
    tw_alphabet *a = NULL;
    /* Not scratch memory: beside a block as large as this, that of each text would be asked for anew. */
    uint64_t *seen = calloc(POINTS / 64, sizeof *seen); /* a bit each */
    bool ok = seen != NULL;
    if (!seen) tw_fail(ctx, TW_ERR_NOMEM, "alphabet: out of memory");
    size_t distinct = 0;
    for (size_t i = 0; ok && i < n; i++) {
        char what[48];
        size_t length;
        tw_mark inner = tw_scratch_mark(ctx);
        snprintf(what, sizeof what, "alphabet: text %zu", i);
        int32_t *point = tw__nfc_scratch(ctx, what, texts[i], &length);
        ok = point != NULL;
        if (ok) length = without_joiners(point, length);
        for (size_t k = 0; ok && k < length; k++) {
            uint64_t *word = &seen[point[k] / 64], bit = UINT64_C(1) << (point[k] % 64);
            distinct += !(*word & bit);
            *word |= bit;
        }
        tw_scratch_release(ctx, inner);
    }
    int32_t *all = ok ? tw_scratch(ctx, (distinct + 1) * sizeof *all) : NULL;
    if (all) {
        size_t found = 0;
        for (int32_t w = 0; w < POINTS / 64; w++)
            for (uint64_t bits = seen[w]; bits; bits &= bits - 1) all[found++] = 64 * w + __builtin_ctzll(bits);
        a = make(ctx, all, found, 0);
    }
    free(seen);
    tw_scratch_release(ctx, mark);
    return a;
}

void tw_alphabet_free(tw_alphabet *a) {
    if (!a) return;
    free(a->point);
    free(a->sorted);
    free(a->text);
    free(a);
}

int tw_alphabet_classes(const tw_alphabet *a) { return a->n + 1; }
int tw_alphabet_blank(const tw_alphabet *a) { return a->blank; }
const char *tw_alphabet_text(const tw_alphabet *a) { return a->text; }

int32_t tw__alphabet_point(const tw_alphabet *a, int32_t symbol) {
    if (symbol < 0 || symbol > a->n || symbol == a->blank) return -1;
    return a->point[symbol - (symbol > a->blank)];
}

int32_t tw__alphabet_symbol(const tw_alphabet *a, int32_t point) {
    const entry *e = find(a, point);
    return e ? e->symbol : -1;
}

/* ---- using it -------------------------------------------------------------------------------------------- */

tw_err tw_alphabet_encode(tw_ctx *ctx, const tw_alphabet *a, const char *utf8, int32_t *symbols, size_t *n) {
    tw_mark mark = tw_scratch_mark(ctx);
    size_t room = *n, length;
    int32_t *point = tw__nfc_scratch(ctx, "encode", utf8, &length);
    tw_err err = point ? TW_OK : tw_error(ctx);
    *n = 0;
    if (point) length = without_joiners(point, length);
    if (point && length > room)
        err = tw_fail_err(ctx, TW_ERR_RANGE, "encode: \"%.*s\" has %zu characters, and there is room for %zu",
                          tw__utf8_cut(utf8, 100), utf8, length, room);
    for (size_t i = 0; !err && i < length; i++) {
        const entry *e = find(a, point[i]);
        char name[32];
        if (e) symbols[i] = e->symbol;
        else
            err = tw_fail_err(ctx, TW_ERR_RANGE, "encode: character %zu of \"%.*s\" is not in the alphabet: %s", i + 1,
                              tw__utf8_cut(utf8, 100), utf8, point_name(point[i], name));
    }
    if (!err) *n = length;
    tw_scratch_release(ctx, mark);
    return err;
}

tw_err tw_alphabet_decode(tw_ctx *ctx, const tw_alphabet *a, const int32_t *symbols, size_t n, char *buffer,
                          size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (symbols[i] < 0 || symbols[i] > a->n)
            return tw_fail_err(ctx, TW_ERR_RANGE, "decode: symbol %ld at place %zu is not in 0 .. %d", (long)symbols[i],
                               i, a->n);
    for (size_t i = 0; i < n; i++) {
        char utf8[4];
        int32_t point = tw__alphabet_point(a, symbols[i]);
        size_t bytes = point >= 0 ? tw__utf8_put(point, utf8) : 0;
        if (used + bytes < size) memcpy(buffer + used, utf8, bytes);
        used += bytes;
    }
    if (used >= size)
        return tw_fail_err(ctx, TW_ERR_RANGE,
                           "decode: the text takes %zu bytes with its NUL, and there is room for %zu", used + 1, size);
    buffer[used] = 0;
    return TW_OK;
}
