/* im2col.c - windows to columns, and the adjoint, for a tile of channels and positions.
 *
 * Three cases, from fast to general. When the output is as wide as the input and the stride is 1 ("same"), a row of
 * the matrix is the plane itself, shifted: one copy, and then zeros where a window hung over the left or right edge.
 * With stride_w 1, each output row is a run of an input row. Otherwise element by element. */
#include "layers/im2col.h"

#include <string.h>

#include "tensor/counts.h"

static bool is_shift(const tw__conv *s) { return s->sh == 1 && s->sw == 1 && s->OW == s->W; }

/* The output columns that have a pixel of the input j to the right of their window's corner: first..last-1. From here
 * on i and j are distances in pixels, an element's place in the kernel times the dilation. */
typedef struct span {
    int first, last;
} span;

static span inside(const tw__conv *s, int j) {
    int left = s->pw - j, right = s->W - 1 + left; /* iw = ow sw - left, which must be in 0..W-1 */
    span in = {left > 0 ? (left - 1) / s->sw + 1 : 0, 0};
    in.last = right < 0 ? 0 : tw__least(s->OW, right / s->sw + 1);
    if (in.first > in.last) in.first = in.last;
    return in;
}

/* ---- the shifted plane -------------------------------------------------------------------------------- */

/* Sets to zero the columns p0..p0+n of a row whose window element lies left or right of the plane. */
static void clear_edges(const tw__conv *s, span in, int p0, int n, tw_real *row) {
    if (in.first == 0 && in.last == s->OW) return;
    for (int start = p0 - p0 % s->OW; start < p0 + n; start += s->OW) {
        for (int ow = tw__most(0, p0 - start); ow < tw__least(in.first, p0 + n - start); ow++) row[start + ow - p0] = 0;
        for (int ow = tw__most(in.last, p0 - start); ow < tw__least(s->OW, p0 + n - start); ow++)
            row[start + ow - p0] = 0;
    }
}

/* Positions p0..p0+n read the plane at p + shift; those that fall outside it are left out: first..last-1 stay. */
static span plane_part(const tw__conv *s, ptrdiff_t shift, int p0, int n) {
    ptrdiff_t first = -shift - p0, last = (ptrdiff_t)s->H * s->W - shift - p0;
    if (first < 0) first = 0;
    if (last > n) last = n;
    return last > first ? (span){(int)first, (int)last} : (span){0, 0};
}

static void shift_in(const tw__conv *s, const tw_real *plane, int i, int j, int p0, int n, tw_real *row) {
    ptrdiff_t shift = (ptrdiff_t)(i - s->ph) * s->W + (j - s->pw);
    span part = plane_part(s, shift, p0, n);
    if (part.first > 0) memset(row, 0, (size_t)part.first * sizeof *row);
    if (part.last > part.first)
        memcpy(row + part.first, plane + p0 + shift + part.first, (size_t)(part.last - part.first) * sizeof *row);
    if (part.last < n) memset(row + part.last, 0, (size_t)(n - part.last) * sizeof *row);
    clear_edges(s, inside(s, j), p0, n, row);
}

static void shift_out(const tw__conv *s, tw_real *plane, int i, int j, int p0, int n, tw_real *row) {
    ptrdiff_t shift = (ptrdiff_t)(i - s->ph) * s->W + (j - s->pw);
    span part = plane_part(s, shift, p0, n);
    clear_edges(s, inside(s, j), p0, n, row);
    if (part.last > part.first) {
        tw_real *to = plane + p0 + shift + part.first;
        const tw_real *from = row + part.first;
        for (int k = 0; k < part.last - part.first; k++) to[k] += from[k];
    }
}

/* ---- the general case, one output row at a time ------------------------------------------------------- */

/* n positions of one output row, from column ow. */
typedef struct segment {
    int oh, ow, n;
} segment;

static segment segment_at(const tw__conv *s, int p, int end) {
    segment g = {p / s->OW, p % s->OW, 0};
    g.n = tw__least(s->OW - g.ow, end - p);
    return g;
}

static void rows_in(const tw__conv *s, const tw_real *plane, int i, int j, int p0, int n, tw_real *row) {
    span in = inside(s, j);
    for (int p = p0; p < p0 + n;) {
        segment g = segment_at(s, p, p0 + n);
        int ih = g.oh * s->sh - s->ph + i;
        int first = tw__least(tw__most(in.first, g.ow), g.ow + g.n),
            last = tw__most(tw__least(in.last, g.ow + g.n), first);
        if (ih < 0 || ih >= s->H) first = last = g.ow + g.n;
        for (int ow = g.ow; ow < first; ow++) *row++ = 0;
        if (last > first) {
            const tw_real *from = plane + (size_t)ih * (size_t)s->W + (first * s->sw - s->pw + j);
            if (s->sw == 1) memcpy(row, from, (size_t)(last - first) * sizeof *row);
            else
                for (int k = 0; k < last - first; k++) row[k] = from[k * s->sw];
            row += last - first;
        }
        for (int ow = last; ow < g.ow + g.n; ow++) *row++ = 0;
        p += g.n;
    }
}

static void rows_out(const tw__conv *s, tw_real *plane, int i, int j, int p0, int n, const tw_real *row) {
    span in = inside(s, j);
    for (int p = p0; p < p0 + n;) {
        segment g = segment_at(s, p, p0 + n);
        int ih = g.oh * s->sh - s->ph + i;
        int first = tw__most(in.first, g.ow), last = tw__least(in.last, g.ow + g.n);
        if (ih >= 0 && ih < s->H && last > first) {
            tw_real *to = plane + (size_t)ih * (size_t)s->W + (first * s->sw - s->pw + j);
            const tw_real *from = row + (first - g.ow);
            for (int k = 0; k < last - first; k++) to[k * s->sw] += from[k];
        }
        row += g.n;
        p += g.n;
    }
}

/* ---- all rows of a tile ------------------------------------------------------------------------------- */

void tw__im2col(const tw__conv *s, const tw_real *x, int c0, int channels, int p0, int n, tw_real *col, size_t ld) {
    size_t plane = (size_t)s->H * (size_t)s->W;
    bool shift = is_shift(s);
    for (int c = c0; c < c0 + channels; c++)
        for (int i = 0; i < s->kh; i++)
            for (int j = 0; j < s->kw; j++, col += ld)
                (shift ? shift_in : rows_in)(s, x + (size_t)c * plane, i * s->dh, j * s->dw, p0, n, col);
}

void tw__col2im(const tw__conv *s, tw_real *col, size_t ld, int c0, int channels, int p0, int n, tw_real *dx) {
    size_t plane = (size_t)s->H * (size_t)s->W;
    bool shift = is_shift(s);
    for (int c = c0; c < c0 + channels; c++)
        for (int i = 0; i < s->kh; i++)
            for (int j = 0; j < s->kw; j++, col += ld) {
                if (shift) shift_out(s, dx + (size_t)c * plane, i * s->dh, j * s->dw, p0, n, col);
                else rows_out(s, dx + (size_t)c * plane, i * s->dh, j * s->dw, p0, n, col);
            }
}
