/* confusion.c - see confusion.h. */
#include "confusion.h"

#include <stdlib.h>
#include <string.h>

/* ---- alignment: the table of Levenshtein's distance, walked back from its last corner ---------------------- */

static size_t least(size_t a, size_t b, size_t c) {
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* d[i][j]: the distance of the first i characters of truth and the first j of read. */
static void fill(const int32_t *truth, size_t nt, const int32_t *read, size_t nr, uint32_t *d) {
    size_t row = nr + 1;
    for (size_t j = 0; j <= nr; j++) d[j] = (uint32_t)j;
    for (size_t i = 1; i <= nt; i++) {
        d[i * row] = (uint32_t)i;
        for (size_t j = 1; j <= nr; j++)
            d[i * row + j] = (uint32_t)least(d[(i - 1) * row + j - 1] + (truth[i - 1] != read[j - 1]),
                                             d[(i - 1) * row + j] + 1, d[i * row + j - 1] + 1);
    }
}

size_t align_texts(const int32_t *truth, size_t nt, const int32_t *read, size_t nr, align_step *step) {
    size_t row = nr + 1, n = 0;
    if (nt + 1 > SIZE_MAX / sizeof(uint32_t) / row) return (size_t)-1;
    uint32_t *d = malloc((nt + 1) * row * sizeof *d);
    if (!d) return (size_t)-1;
    fill(truth, nt, read, nr, d);
    for (size_t i = nt, j = nr; i || j;) {
        uint32_t here = d[i * row + j];
        if (i && j && here == d[(i - 1) * row + j - 1] + (truth[i - 1] != read[j - 1])) {
            i--, j--;
            step[n++] = (align_step){truth[i], read[j]};
        } else if (i && here == d[(i - 1) * row + j] + 1) {
            step[n++] = (align_step){truth[--i], 0};
        } else {
            step[n++] = (align_step){0, read[--j]};
        }
    }
    free(d);
    for (size_t a = 0, b = n; a + 1 < b; a++) { /* it was found from the end */
        align_step t = step[a];
        step[a] = step[--b], step[b] = t;
    }
    return n;
}

/* ---- counting --------------------------------------------------------------------------------------------- */

static bool before(const confusion_pair *p, const align_step *s) {
    return p->truth != s->truth ? p->truth < s->truth : p->read < s->read;
}

static bool add_one(confusion *c, const align_step *s) {
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (before(&c->pair[middle], s)) low = middle + 1;
        else high = middle;
    }
    if (low < c->n && c->pair[low].truth == s->truth && c->pair[low].read == s->read) {
        c->pair[low].count++;
        return true;
    }
    if (c->n == c->room) {
        size_t room = 2 * c->room + 64;
        confusion_pair *grown = realloc(c->pair, room * sizeof *grown);
        if (!grown) return false;
        c->pair = grown, c->room = room;
    }
    memmove(c->pair + low + 1, c->pair + low, (c->n - low) * sizeof *c->pair);
    c->pair[low] = (confusion_pair){s->truth, s->read, 1};
    c->n++;
    return true;
}

bool confusion_add(confusion *c, const align_step *step, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (step[i].truth != step[i].read && !add_one(c, &step[i])) return false;
    return true;
}

static int by_count(const void *a, const void *b) {
    const confusion_pair *x = a, *y = b;
    if (x->count != y->count) return (x->count < y->count) - (x->count > y->count);
    if (x->truth != y->truth) return (x->truth > y->truth) - (x->truth < y->truth);
    return (x->read > y->read) - (x->read < y->read);
}

void confusion_sort(confusion *c) {
    if (c->n) qsort(c->pair, c->n, sizeof *c->pair, by_count);
}

void confusion_free(confusion *c) {
    free(c->pair);
    *c = (confusion){0};
}
