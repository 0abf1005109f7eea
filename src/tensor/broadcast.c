/* broadcast.c - running an elementwise kernel over operands that NumPy's rules stretch to a common shape.
 *
 * Neighbouring dimensions in which both operands behave alike are merged, which leaves a plain loop for equal shapes
 * and for scalars, a loop over rows for [..,D] with [D], and rarely more. Each piece of a row is one call of the
 * kernel. */
#include "tensor/ops.h"

#include <string.h>

bool tw__broadcast_dims(int a_ndim, const int *a, int b_ndim, const int *b, int *ndim, int *dim) {
    *ndim = a_ndim > b_ndim ? a_ndim : b_ndim;
    for (int i = 0; i < *ndim; i++) {
        int da = i < *ndim - a_ndim ? 1 : a[i - (*ndim - a_ndim)];
        int db = i < *ndim - b_ndim ? 1 : b[i - (*ndim - b_ndim)];
        if (da != db && da != 1 && db != 1) return false;
        dim[i] = da == 1 ? db : da;
    }
    return true;
}

/* Merged dimensions, right-aligned: the last one is the row that the kernel runs along. */
typedef struct walk {
    size_t dim[TW_MAX_DIMS];
    size_t u[TW_MAX_DIMS], v[TW_MAX_DIMS]; /* strides, 0 where the operand is stretched */
    size_t rows, pieces;                   /* pieces of TW__GRAIN in a row */
    tw__kernel kernel;
    tw_real *z, beta;
    const tw_real *from_u, *from_v, *from_w;
} walk;

static bool is_stretched(tw__operand o, int axis_from_right) {
    int i = o.ndim - 1 - axis_from_right;
    return i < 0 || o.dim[i] == 1; /* asked for dimensions other than 1 only */
}

static void merge(walk *k, int ndim, const int *dim, tw__operand u, tw__operand v) {
    for (int i = 0; i < TW_MAX_DIMS; i++) k->dim[i] = 1, k->u[i] = k->v[i] = 0;
    k->u[TW_MAX_DIMS - 1] = k->v[TW_MAX_DIMS - 1] = 1; /* of a result with one element */
    size_t step_u = 1, step_v = 1;
    int at = TW_MAX_DIMS;
    bool last_u = false, last_v = false;
    for (int right = 0; right < ndim; right++) {
        size_t d = (size_t)dim[ndim - 1 - right];
        if (d == 1) continue;
        bool stays_u = is_stretched(u, right), stays_v = is_stretched(v, right);
        if (at == TW_MAX_DIMS || stays_u != last_u || stays_v != last_v) {
            at--;
            k->u[at] = stays_u ? 0 : step_u;
            k->v[at] = stays_v ? 0 : step_v;
        }
        k->dim[at] *= d;
        if (!stays_u) step_u *= d;
        if (!stays_v) step_v *= d;
        last_u = stays_u, last_v = stays_v;
    }
}

static void run_pieces(void *arg, size_t begin, size_t end) {
    const walk *k = arg;
    enum { LAST = TW_MAX_DIMS - 1 };
    size_t at[TW_MAX_DIMS] = {0}, u = 0, v = 0;
    size_t row = begin / k->pieces, piece = begin % k->pieces;
    for (size_t i = LAST, r = row; i-- > 0; r /= k->dim[i]) {
        at[i] = r % k->dim[i];
        u += at[i] * k->u[i];
        v += at[i] * k->v[i];
    }
    size_t columns = k->dim[LAST];
    for (size_t p = begin; p < end; p++) {
        size_t from = piece * TW__GRAIN, n = columns - from < TW__GRAIN ? columns - from : TW__GRAIN;
        size_t z = row * columns + from;
        k->kernel(n, k->z + z, k->beta, k->from_u + u + from * k->u[LAST], k->u[LAST],
                  k->from_v + v + from * k->v[LAST], k->v[LAST], k->from_w ? k->from_w + z : NULL);
        if (++piece < k->pieces) continue;
        piece = 0;
        row++;
        for (size_t i = LAST; i-- > 0;) { /* the next row's coordinates, as an odometer */
            u += k->u[i];
            v += k->v[i];
            if (++at[i] < k->dim[i]) break;
            u -= at[i] * k->u[i];
            v -= at[i] * k->v[i];
            at[i] = 0;
        }
    }
}

void tw__broadcast(tw_ctx *ctx, tw__kernel kernel, int ndim, const int *dim, tw_real *z, tw_real beta, tw__operand u,
                   tw__operand v, const tw_real *w) {
    walk k = {.kernel = kernel, .z = z, .beta = beta, .from_u = u.data, .from_v = v.data, .from_w = w, .rows = 1};
    merge(&k, ndim, dim, u, v);
    size_t columns = k.dim[TW_MAX_DIMS - 1];
    for (int i = 0; i < TW_MAX_DIMS - 1; i++) k.rows *= k.dim[i];
    if (!k.rows || !columns) return;
    k.pieces = (columns - 1) / TW__GRAIN + 1;
    tw__for_ranges(ctx, k.rows * k.pieces, tw__grain(columns), run_pieces, &k);
}
