/* edits.c - which characters of two texts stand for each other: the way back through the table of edit distances. */
#include <string.h>
#include <thalweg/extend.h>
#include <thalweg/text.h>

enum { SAME = 0, REMOVE = 1, INSERT = 2, MOST_CELLS = 1 << 28 };

/* step [na + 1][nb + 1]: the last edit of a minimum-cost path from a[0..i) to b[0..j). A pair goes before a gap, so
 * that "ab" and "b" pair their b. row [nb + 1] is working memory. */
static void fill(const int32_t *a, size_t na, const int32_t *b, size_t nb, size_t *row, uint8_t *step) {
    for (size_t j = 0; j <= nb; j++) row[j] = j, step[j] = INSERT;
    for (size_t i = 1; i <= na; i++) {
        size_t corner = row[0];
        uint8_t *to = step + i * (nb + 1);
        row[0] = i;
        to[0] = REMOVE;
        for (size_t j = 1; j <= nb; j++) {
            size_t least = corner + (a[i - 1] != b[j - 1]);
            to[j] = SAME;
            if (row[j] + 1 < least) least = row[j] + 1, to[j] = REMOVE;
            if (row[j - 1] + 1 < least) least = row[j - 1] + 1, to[j] = INSERT;
            corner = row[j];
            row[j] = least;
        }
    }
}

tw_err tw_edit_align(tw_ctx *ctx, const int32_t *a, size_t na, const int32_t *b, size_t nb, tw_edit *edit, size_t *n) {
    size_t head = 0, tail = 0; /* equal ends are paired without a table */
    *n = 0;
    while (head < na && head < nb && a[head] == b[head]) head++;
    while (tail < na - head && tail < nb - head && a[na - 1 - tail] == b[nb - 1 - tail]) tail++;
    size_t i = na - head - tail, j = nb - head - tail;
    if ((i + 1) > MOST_CELLS / (j + 1))
        return tw_fail_err(ctx, TW_ERR_RANGE, "edits: texts of %zu and %zu symbols are too long to be compared", na,
                           nb);
    tw_mark mark = tw_scratch_mark(ctx);
    size_t *row = tw_scratch(ctx, (j + 1) * sizeof *row);
    uint8_t *step = row ? tw_scratch(ctx, (i + 1) * (j + 1)) : NULL;
    if (step) {
        size_t width = j + 1, used = 0;
        fill(i ? a + head : a, i, j ? b + head : b, j, row, step); /* no text has no address to add to */
        for (size_t k = 0; k < tail; k++) edit[used++] = (tw_edit){(int32_t)(na - 1 - k), (int32_t)(nb - 1 - k)};
        while (i || j) {
            uint8_t s = step[i * width + j];
            edit[used++] = (tw_edit){s == INSERT ? -1 : (int32_t)(head + i - 1),
                                     s == REMOVE ? -1 : (int32_t)(head + j - 1)};
            i -= s != INSERT;
            j -= s != REMOVE;
        }
        for (size_t k = head; k-- > 0;) edit[used++] = (tw_edit){(int32_t)k, (int32_t)k};
        for (size_t k = 0; k < used / 2; k++) { /* it was found from the end */
            tw_edit e = edit[k];
            edit[k] = edit[used - 1 - k];
            edit[used - 1 - k] = e;
        }
        *n = used;
    }
    tw_scratch_release(ctx, mark);
    return step ? TW_OK : tw_error(ctx);
}
