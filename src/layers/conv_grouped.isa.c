/* conv_grouped.isa.c - the inner loops of grouped convolution. See conv_grouped_planes.h. */
#include "layers/conv_grouped_planes.h"

#include "layers/conv_copy.h"
#include "tensor/simd.h"

/* Half of AVX-512's: x is rarely aligned, and a vector as long as a cache line then always lies in two. */
enum { BYTES = TW__VECTOR_BYTES < 32 ? TW__VECTOR_BYTES : 32, LANES = BYTES / sizeof(tw_real) };
typedef tw_real vec __attribute__((vector_size(BYTES)));
typedef tw_real vec_at __attribute__((vector_size(BYTES), aligned(sizeof(tw_real)), may_alias));
static inline vec load(const tw_real *p) { return *(const vec_at *)p; }
static inline void store(tw_real *p, vec v) { *(vec_at *)p = v; }

/* ---- sums ----------------------------------------------------------------------------------------------------- */

/* V vectors of positions: as many sums as it takes for one not to wait for the one before. A function for each V keeps
 * them in registers. */
#define SUMS(V)                                                                                                       \
    static void sums_##V(int K, const tw_real *restrict w, const int32_t *restrict offset, const tw_real *restrict x, \
                         tw_real *restrict z) {                                                                       \
        vec s[V];                                                                                                     \
        for (int v = 0; v < V; v++) s[v] = (vec){0};                                                                  \
        for (int k = 0; k < K; k++) {                                                                                 \
            const tw_real *from = x + offset[k];                                                                      \
            for (int v = 0; v < V; v++) s[v] += w[k] * load(from + v * LANES);                                        \
        }                                                                                                             \
        for (int v = 0; v < V; v++) store(z + v * LANES, s[v]);                                                       \
    }
SUMS(1)
SUMS(2)
SUMS(4)
SUMS(8)

void TW_ISA_NAME(tw__grouped_sums)(size_t n, int K, const tw_real *w, const int32_t *offset, const tw_real *x,
                                   tw_real *z) {
    size_t left = (n + LANES - 1) / LANES;
    for (; left >= 8; left -= 8, x += 8 * LANES, z += 8 * LANES) sums_8(K, w, offset, x, z);
    if (left & 4) sums_4(K, w, offset, x, z), x += 4 * LANES, z += 4 * LANES;
    if (left & 2) sums_2(K, w, offset, x, z), x += 2 * LANES, z += 2 * LANES;
    if (left & 1) sums_1(K, w, offset, x, z);
}

/* ---- products ------------------------------------------------------------------------------------------------- */

/* T places of the kernel at a time, each with a vector of sums. */
#define PRODUCTS(T)                                                                               \
    static void products_##T(size_t n, const tw_real *restrict z, const int32_t *restrict offset, \
                             const tw_real *restrict x, tw_real *restrict sum) {                  \
        vec s[T];                                                                                 \
        const tw_real *from[T];                                                                   \
        for (int t = 0; t < T; t++) s[t] = (vec){0}, from[t] = x + offset[t];                     \
        for (size_t i = 0; i < n; i += LANES) {                                                   \
            const vec d = load(z + i);                                                            \
            for (int t = 0; t < T; t++) s[t] += d * load(from[t] + i);                            \
        }                                                                                         \
        for (int t = 0; t < T; t++, sum += TW__GROUPED_LANES) store(sum, load(sum) + s[t]);       \
    }
PRODUCTS(1)
PRODUCTS(4)
PRODUCTS(9)

void TW_ISA_NAME(tw__grouped_products)(size_t n, int K, const tw_real *z, const int32_t *offset, const tw_real *x,
                                       tw_real *sum) {
    int k = 0;
    for (; k + 9 <= K; k += 9) products_9(n, z, offset + k, x, sum + k * TW__GROUPED_LANES);
    for (; k + 4 <= K; k += 4) products_4(n, z, offset + k, x, sum + k * TW__GROUPED_LANES);
    for (; k < K; k++) products_1(n, z, offset + k, x, sum + k * TW__GROUPED_LANES);
}

/* In double from portion to portion. */
void TW_ISA_NAME(tw__grouped_total)(size_t n, const tw_real *z, double *sums) {
    enum { PORTION = 1024 };
    for (size_t i = 0; i < n;) {
        const size_t end = n - i < PORTION ? n : i + PORTION;
        vec s[4] = {{0}};
        for (; i + 4 * LANES <= end; i += 4 * LANES)
            for (int v = 0; v < 4; v++) s[v] += load(z + i + (size_t)(v * LANES));
        for (; i < end; i += LANES) s[0] += load(z + i);
        s[0] = (s[0] + s[1]) + (s[2] + s[3]);
        for (int l = 0; l < LANES; l++) sums[l] += (double)s[0][l];
    }
}

typedef tw_real four __attribute__((vector_size(4 * sizeof(tw_real))));
typedef tw_real four_at __attribute__((vector_size(4 * sizeof(tw_real)), aligned(sizeof(tw_real)), may_alias));

void TW_ISA_NAME(tw__grouped_add_lanes)(size_t n, const tw_real *sum, tw_real *total) {
    for (size_t k = 0; k < n; k++, sum += TW__GROUPED_LANES) {
        const four_at *v = (const four_at *)sum;
        const four s = (v[0] + v[2]) + (v[1] + v[3]);
        total[k] = (s[0] + s[2]) + (s[1] + s[3]);
    }
}

/* ---- phases --------------------------------------------------------------------------------------------------- */

/* Every second number. What lies behind the last may be nobody's, and is not read. */
static inline void copy_second(const tw_real *from, int n, tw_real *to) {
    int i = 0;
    for (; i + 4 < n; i += 4) {
        const four a = *(const four_at *)(from + 2 * i), b = *(const four_at *)(from + 2 * i + 4);
        *(four_at *)(to + i) = (four){a[0], a[2], b[0], b[2]};
    }
#pragma GCC unroll 4
    for (int k = 0; k < 4 && i < n; k++, i++) to[i] = from[2 * i];
}

/* Phase (a,b). */
static void take_phase(const tw_real *plane, const tw__conv *s, const tw__grouped_planes *p, int a, int b,
                       tw_real *to) {
    const int sw = s->sw, column = p->columns.first[b] - s->pw;
    int row = p->rows.first[a] - s->ph;
    /* Numbers first .. end of a line are inside. */
    int first = column < 0 ? tw__blocks(-column, sw) : 0, end = column < s->W ? (s->W - 1 - column) / sw + 1 : 0;
    const int n = tw__least(end, p->columns.seen[b]) - first;
    for (int q = 0; q < p->lines; q++, row += s->sh, to += p->pitch) {
        tw__zero_line(to, p->pitch);
        if (row < 0 || row >= s->H || q >= p->rows.seen[a] || n <= 0) continue;
        const tw_real *from = plane + (size_t)row * (size_t)s->W + (ptrdiff_t)first * sw + column;
        if (sw == 1) tw__copy_line(from, n, to + first);
        else if (sw == 2) copy_second(from, n, to + first);
        else
            for (int i = 0; i < n; i++) to[first + i] = from[(ptrdiff_t)i * sw];
    }
}

void TW_ISA_NAME(tw__grouped_take)(const tw_real *plane, const tw__conv *s, const tw__grouped_planes *p, tw_real *to) {
    for (int a = 0; a < p->rows.n; a++)
        for (int b = 0; b < p->columns.n; b++, to += p->phase_size) take_phase(plane, s, p, a, b, to);
}

void TW_ISA_NAME(tw__grouped_give)(const tw_real *restrict from, int rows, int n, size_t pitch, size_t line, int stride,
                                   bool add, tw_real *restrict to) {
    for (int r = 0; r < rows; r++, from += pitch, to += line)
        if (add)
            for (int i = 0; i < n; i++) to[(ptrdiff_t)i * stride] += from[i];
        else
            for (int i = 0; i < n; i++) to[(ptrdiff_t)i * stride] = from[i];
}
