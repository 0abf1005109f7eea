/* distance.c - the edit distance of Levenshtein (1966): the fewest insertions, deletions and replacements. */
#include "text/utf8.h"

size_t tw_edit_distance(tw_ctx *ctx, const int32_t *a, size_t na, const int32_t *b, size_t nb) {
    if (na < nb) { /* the shorter one gives the row that is kept */
        const int32_t *t = a;
        size_t n = na;
        a = b, na = nb;
        b = t, nb = n;
    }
    while (nb && a[na - 1] == b[nb - 1]) na--, nb--; /* what is equal at the ends costs nothing */
    while (nb && *a == *b) a++, na--, b++, nb--;
    if (!nb) return na;

    tw_mark mark = tw_scratch_mark(ctx);
    size_t *row = tw_scratch(ctx, (nb + 1) * sizeof *row); /* row[j]: distance of a[0..i) and b[0..j) */
    if (!row) return (size_t)-1;
    for (size_t j = 0; j <= nb; j++) row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t corner = row[0]; /* of a[0..i-1) and b[0..j-1) */
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t replace = corner + (a[i - 1] != b[j - 1]), remove = row[j] + 1, insert = row[j - 1] + 1;
            corner = row[j];
            if (remove < replace) replace = remove;
            row[j] = insert < replace ? insert : replace;
        }
    }
    size_t distance = row[nb];
    tw_scratch_release(ctx, mark);
    return distance;
}

size_t tw_text_distance(tw_ctx *ctx, const char *a, const char *b) {
    tw_mark mark = tw_scratch_mark(ctx);
    size_t na, nb, distance = (size_t)-1;
    int32_t *pa = tw__nfc_scratch(ctx, "text distance, first text", a, &na);
    int32_t *pb = pa ? tw__nfc_scratch(ctx, "text distance, second text", b, &nb) : NULL;
    if (pb) distance = tw_edit_distance(ctx, pa, na, pb, nb);
    tw_scratch_release(ctx, mark);
    return distance;
}
