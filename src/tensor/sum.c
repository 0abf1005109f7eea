/* sum.c - sums over any set of axes: the one place that reduces, for tw_sum, tw_mean and the gradients of broadcasting.
 *
 * Neighbouring axes of one kind are merged, so that kept and reduced ones alternate, three of each at most. The work is
 * cut into units (an output, or up to WIDTH neighbouring outputs when they lie side by side in memory) and, when there
 * are few units, each sum is cut along its outermost axis too; the parts are then added in their order. */
#include "tensor/internal.h"
#include "tensor/ops.h"

enum { WIDTH = 256, LANES = 8, MAX_PARTS = 64 };

/* Eight running sums let the compiler use vectors, and lose less to rounding than one. */
static double together(const double *s) { return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])); }

double tw__sum_run(const tw_real *x, size_t n) {
    double s[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) s[j] += (double)x[i + j];
    for (size_t j = 0; i < n; i++, j++) s[j] += (double)x[i];
    return together(s);
}

double tw__dot_run(const tw_real *x, const tw_real *y, size_t n) {
    double s[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) s[j] += (double)x[i + j] * (double)y[i + j];
    for (size_t j = 0; i < n; i++, j++) s[j] += (double)x[i] * (double)y[i];
    return together(s);
}

typedef struct axes {
    size_t n[3], stride[3]; /* outermost first; unused ones have n 1 */
} axes;

typedef struct reduction {
    axes kept, reduced;
    bool side_by_side;          /* the last axis is kept: neighbouring outputs read neighbouring numbers */
    size_t width, units_in_row; /* outputs of a unit; units along the innermost kept axis */
    size_t units, outputs;
    size_t parts, cut; /* reduced.n[cut] is cut into parts */
    const tw_real *x;
    double divisor, *partial; /* [parts][outputs], or NULL when there is one part */
    tw_real beta, *out;
} reduction;

/* Splits the axes of x into merged kept and reduced ones. Returns true when the innermost is kept. */
static bool merge(int ndim, const int *dim, const bool *marked, axes *kept, axes *reduced) {
    *kept = *reduced = (axes){{1, 1, 1}, {0, 0, 0}};
    int at[2] = {3, 3}, last = -1;
    size_t stride = 1;
    bool inner_kept = true;
    for (int i = ndim; i-- > 0;) {
        if (dim[i] == 1) continue;
        axes *a = marked[i] ? reduced : kept;
        if (last < 0) inner_kept = !marked[i];
        if (last != marked[i]) a->stride[--at[marked[i]]] = stride;
        a->n[at[marked[i]]] *= (size_t)dim[i];
        stride *= (size_t)dim[i];
        last = marked[i];
    }
    return inner_kept;
}

static void store(const reduction *r, size_t part, size_t o, const double *sum, size_t n) {
    if (r->partial) {
        for (size_t j = 0; j < n; j++) r->partial[part * r->outputs + o + j] = sum[j];
    } else {
        for (size_t j = 0; j < n; j++)
            r->out[o + j] = tw_add_to(r->beta, r->out[o + j], (tw_real)(sum[j] / r->divisor));
    }
}

/* The sum that belongs to `from`, over the reduced axes from first[] to last[]. */
static void sum_unit(const reduction *r, const tw_real *from, const size_t *first, const size_t *last, double *sum,
                     size_t n) {
    const size_t *stride = r->reduced.stride;
    for (size_t j = 0; j < n; j++) sum[j] = 0;
    for (size_t a = first[0]; a < last[0]; a++)
        for (size_t b = first[1]; b < last[1]; b++) {
            const tw_real *x = from + a * stride[0] + b * stride[1];
            if (!r->side_by_side) {
                sum[0] += tw__sum_run(x + first[2], last[2] - first[2]);
                continue;
            }
            for (size_t c = first[2]; c < last[2]; c++) {
                const tw_real *row = x + c * stride[2];
                for (size_t j = 0; j < n; j++) sum[j] += (double)row[j];
            }
        }
}

/* Units are numbered with the part outermost, then the kept axes. An odometer finds them, for dividing costs more than
 * a short sum. It never steps to another part: sums that are cut are long, so a range is one unit of them. */
static void sum_units(void *arg, size_t begin, size_t end) {
    const reduction *r = arg;
    const axes *k = &r->kept, *d = &r->reduced;
    size_t part = begin / r->units, unit = begin % r->units;
    size_t row = unit / r->units_in_row, column = unit % r->units_in_row * r->width;
    size_t a = row / k->n[1], b = row % k->n[1], o = row * k->n[2] + column;
    for (size_t t = begin; t < end; t++) {
        size_t first[3] = {0, 0, 0}, last[3] = {d->n[0], d->n[1], d->n[2]};
        if (r->parts > 1) {
            first[r->cut] = d->n[r->cut] * part / r->parts;
            last[r->cut] = d->n[r->cut] * (part + 1) / r->parts;
        }
        size_t n = k->n[2] - column < r->width ? k->n[2] - column : r->width;
        double sum[WIDTH];
        sum_unit(r, r->x + a * k->stride[0] + b * k->stride[1] + column * k->stride[2], first, last, sum, n);
        store(r, part, o, sum, n);
        o += n;
        if ((column += n) < k->n[2]) continue;
        column = 0;
        if (++b < k->n[1]) continue;
        b = 0;
        a++;
    }
}

bool tw__sum_axes(tw_ctx *ctx, int ndim, const int *dim, const bool *reduced, const tw_real *x, double divisor,
                  tw_real beta, tw_real *out) {
    reduction r = {.x = x, .divisor = divisor, .beta = beta, .out = out, .parts = 1};
    r.side_by_side = merge(ndim, dim, reduced, &r.kept, &r.reduced);
    r.outputs = r.kept.n[0] * r.kept.n[1] * r.kept.n[2];
    if (r.outputs == 0) return true;
    r.width = !r.side_by_side ? 1 : r.kept.n[2] < WIDTH ? r.kept.n[2] : WIDTH;
    r.units_in_row = (r.kept.n[2] - 1) / r.width + 1;
    r.units = r.kept.n[0] * r.kept.n[1] * r.units_in_row;
    size_t length = r.reduced.n[0] * r.reduced.n[1] * r.reduced.n[2], grain = tw__grain(length * r.width);

    while (r.cut < 2 && r.reduced.n[r.cut] == 1) r.cut++;
    size_t ranges = (r.units - 1) / grain + 1;
    if (ranges < 8 && length > 1) { /* few long sums */
        r.parts = length * r.outputs / (4 * TW__GRAIN) / ranges;
        if (r.parts > MAX_PARTS) r.parts = MAX_PARTS;
        if (r.parts > r.reduced.n[r.cut]) r.parts = r.reduced.n[r.cut];
        if (r.parts < 1) r.parts = 1;
    }
    tw_mark mark = tw_scratch_mark(ctx);
    const size_t most = length * r.outputs / (4 * TW__GRAIN); /* of parts, had it fewer outputs */
    if (most > 1) {
        const size_t outputs = r.outputs < (size_t)7 * WIDTH ? r.outputs : (size_t)7 * WIDTH;
        tw__scratch_room(ctx, (most < MAX_PARTS ? most : MAX_PARTS) * outputs * sizeof *r.partial);
    }
    if (r.parts > 1) {
        r.partial = tw_scratch(ctx, r.parts * r.outputs * sizeof *r.partial);
        if (!r.partial) return false;
    }
    tw__for_ranges(ctx, r.units * r.parts, r.parts > 1 ? 1 : grain, sum_units, &r);
    for (size_t o = 0; r.partial && o < r.outputs; o++) {
        double sum = 0;
        for (size_t part = 0; part < r.parts; part++) sum += r.partial[part * r.outputs + o];
        out[o] = tw_add_to(beta, out[o], (tw_real)(sum / divisor));
    }
    tw_scratch_release(ctx, mark);
    return true;
}
