/* winograd.isa.c - the transforms of F(4x4, 3x3) and F(2x2, 5x5) with the points 0, +-a, +-b and infinity, a = 5/8,
 * b = 3/2.
 *
 * With m(p) = p (p^2 - a^2) (p^2 - b^2) the rows of B' are the coefficients of m(p) / (p - p_i) and of m itself, those
 * of A' the powers 1, p, p^2, .. of the points, and those of G the powers 1, p, p^2, .. divided by the product of the
 * distances to the other points. Infinity has the highest power alone.
 *
 * A number here is a vector of channels. A tile is transformed down its columns first, then across its rows. */
#include "layers/winograd.h"

#include "tensor/simd.h"

#define INLINE static inline __attribute__((always_inline))

#define PA ((tw_real)0.625)
#define PB ((tw_real)1.5)
#define PA2 ((tw_real)0.390625)                                /* a^2 */
#define PB2 ((tw_real)2.25)                                    /* b^2 */
#define PA3 ((tw_real)0.244140625)                             /* a^3 */
#define PB3 ((tw_real)3.375)                                   /* b^3 */
#define PA4 ((tw_real)0.152587890625)                          /* a^4 */
#define PB4 ((tw_real)5.0625)                                  /* b^4 */
#define SUM2 ((tw_real)2.640625)                               /* a^2 + b^2 */
#define PROD2 ((tw_real)0.87890625)                            /* a^2 b^2 */
#define AB2 ((tw_real)1.40625)                                 /* a b^2 */
#define A2B ((tw_real)0.5859375)                               /* a^2 b */
#define N0 ((tw_real)(1 / 0.87890625))                         /* 1 / (a^2 b^2) */
#define NA ((tw_real)(1 / (2 * 0.390625 * (0.390625 - 2.25)))) /* 1 / (2 a^2 (a^2 - b^2)) */
#define NB ((tw_real)(1 / (2 * 2.25 * (2.25 - 0.390625))))     /* 1 / (2 b^2 (b^2 - a^2)) */

enum { SIX = 6, PLACES = SIX * SIX, BLOCK = TW__WINO_BLOCK, LANES = TW__LANES, PANEL = 2 * LANES };

typedef tw__vec vec;

/* ---- along one axis: results go to o[0], o[step], .. ------------------------------------------------------------ */

/* o = B' d, six to six. */
INLINE void input(vec d0, vec d1, vec d2, vec d3, vec d4, vec d5, vec *o, size_t step) {
    vec even_a = d4 - PB2 * d2, odd_a = PA * d3 - AB2 * d1, even_b = d4 - PA2 * d2, odd_b = PB * d3 - A2B * d1;
    o[0] = PROD2 * d0 - SUM2 * d2 + d4;
    o[step] = even_a + odd_a, o[2 * step] = even_a - odd_a;
    o[3 * step] = even_b + odd_b, o[4 * step] = even_b - odd_b;
    o[5 * step] = PROD2 * d1 - SUM2 * d3 + d5;
}

/* o = B d, its adjoint: six to six. */
INLINE void input_grad(vec d0, vec d1, vec d2, vec d3, vec d4, vec d5, vec *o, size_t step) {
    vec sum_a = d1 + d2, dif_a = d1 - d2, sum_b = d3 + d4, dif_b = d3 - d4;
    o[0] = PROD2 * d0;
    o[step] = PROD2 * d5 - AB2 * dif_a - A2B * dif_b;
    o[2 * step] = -SUM2 * d0 - PB2 * sum_a - PA2 * sum_b;
    o[3 * step] = PA * dif_a + PB * dif_b - SUM2 * d5;
    o[4 * step] = d0 + sum_a + sum_b;
    o[5 * step] = d5;
}

/* o = A y, four or two to six. */
INLINE void gradient4(vec y0, vec y1, vec y2, vec y3, vec *o, size_t step) {
    vec even_a = y0 + PA2 * y2, odd_a = PA * y1 + PA3 * y3, even_b = y0 + PB2 * y2, odd_b = PB * y1 + PB3 * y3;
    o[0] = y0;
    o[step] = even_a + odd_a, o[2 * step] = even_a - odd_a;
    o[3 * step] = even_b + odd_b, o[4 * step] = even_b - odd_b;
    o[5 * step] = y3;
}
INLINE void gradient2(vec y0, vec y1, vec *o, size_t step) {
    o[0] = y0;
    o[step] = y0 + PA * y1, o[2 * step] = y0 - PA * y1;
    o[3 * step] = y0 + PB * y1, o[4 * step] = y0 - PB * y1;
    o[5 * step] = y1;
}

/* quote: output */
/* o = A' m, six to four. */
INLINE void output4(vec m0, vec m1, vec m2, vec m3, vec m4, vec m5, vec *o, size_t step) {
    vec sum_a = m1 + m2, dif_a = m1 - m2, sum_b = m3 + m4, dif_b = m3 - m4;
    o[0] = m0 + sum_a + sum_b;
    o[step] = PA * dif_a + PB * dif_b;
    o[2 * step] = PA2 * sum_a + PB2 * sum_b;
    o[3 * step] = PA3 * dif_a + PB3 * dif_b + m5;
}
/* end quote */
/* Six to two. */
INLINE void output2(vec m0, vec m1, vec m2, vec m3, vec m4, vec m5, vec *o, size_t step) {
    o[0] = m0 + (m1 + m2) + (m3 + m4);
    o[step] = PA * (m1 - m2) + PB * (m3 - m4) + m5;
}

/* o = G w, three or five to six. */
INLINE void weight3(vec w0, vec w1, vec w2, vec *o, size_t step) {
    vec even_a = NA * (w0 + PA2 * w2), odd_a = NA * PA * w1, even_b = NB * (w0 + PB2 * w2), odd_b = NB * PB * w1;
    o[0] = N0 * w0;
    o[step] = even_a + odd_a, o[2 * step] = even_a - odd_a;
    o[3 * step] = even_b + odd_b, o[4 * step] = even_b - odd_b;
    o[5 * step] = w2;
}
INLINE void weight5(vec w0, vec w1, vec w2, vec w3, vec w4, vec *o, size_t step) {
    vec even_a = NA * (w0 + PA2 * w2 + PA4 * w4), odd_a = NA * (PA * w1 + PA3 * w3);
    vec even_b = NB * (w0 + PB2 * w2 + PB4 * w4), odd_b = NB * (PB * w1 + PB3 * w3);
    o[0] = N0 * w0;
    o[step] = even_a + odd_a, o[2 * step] = even_a - odd_a;
    o[3 * step] = even_b + odd_b, o[4 * step] = even_b - odd_b;
    o[5 * step] = w4;
}

/* o = G' u, six to three or five. */
INLINE void weight_grad3(vec u0, vec u1, vec u2, vec u3, vec u4, vec u5, vec *o, size_t step) {
    vec sum_a = NA * (u1 + u2), dif_a = NA * (u1 - u2), sum_b = NB * (u3 + u4), dif_b = NB * (u3 - u4);
    o[0] = N0 * u0 + sum_a + sum_b;
    o[step] = PA * dif_a + PB * dif_b;
    o[2 * step] = PA2 * sum_a + PB2 * sum_b + u5;
}
INLINE void weight_grad5(vec u0, vec u1, vec u2, vec u3, vec u4, vec u5, vec *o, size_t step) {
    vec sum_a = NA * (u1 + u2), dif_a = NA * (u1 - u2), sum_b = NB * (u3 + u4), dif_b = NB * (u3 - u4);
    o[0] = N0 * u0 + sum_a + sum_b;
    o[step] = PA * dif_a + PB * dif_b;
    o[2 * step] = PA2 * sum_a + PB2 * sum_b;
    o[3 * step] = PA3 * dif_a + PB3 * dif_b;
    o[4 * step] = PA4 * sum_a + PB4 * sum_b + u5;
}

/* ---- tiles of M x M outputs, with kernels of R x R: M + R - 1 = 6 ----------------------------------------------- */

static inline vec at(const tw_real *row, size_t column) { return tw__load(row + column * BLOCK); }

/* Neighbouring tiles share columns: some tiles at once, whose columns are transformed once. */
enum { AT_ONCE = 4 };

INLINE void transform_input(const size_t M, size_t tiles, const tw_real *const *rows, tw_real *v, size_t place,
                            size_t ld) {
    for (size_t g = 0; g < BLOCK; g += LANES)
        for (size_t first = 0; first < tiles; first += AT_ONCE) {
            size_t n = tiles - first < AT_ONCE ? tiles - first : AT_ONCE;
            vec down[AT_ONCE * 4 + 2][SIX];
            for (size_t j = 0; j < n * M + SIX - M; j++) {
                size_t x = first * M + j;
                input(at(rows[0] + g, x), at(rows[1] + g, x), at(rows[2] + g, x), at(rows[3] + g, x),
                      at(rows[4] + g, x), at(rows[5] + g, x), down[j], 1);
            }
            for (size_t t = 0; t < n; t++)
                for (size_t i = 0; i < SIX; i++) {
                    const vec(*d)[SIX] = (const vec(*)[SIX])down + t * M;
                    input(d[0][i], d[1][i], d[2][i], d[3][i], d[4][i], d[5][i],
                          (vec *)(v + (first + t) * ld + g + SIX * i * place), place / LANES);
                }
        }
}

INLINE void transform_gradient(const size_t M, size_t tiles, const tw_real *const *rows, tw_real *z, size_t place,
                               size_t ld) {
    for (size_t g = 0; g < BLOCK; g += LANES)
        for (size_t t = 0; t < tiles; t++) {
            vec d[4][SIX];
            for (size_t j = 0; j < M; j++) {
                size_t x = t * M + j;
                if (M == 4)
                    gradient4(at(rows[0] + g, x), at(rows[1] + g, x), at(rows[2] + g, x), at(rows[3] + g, x), d[j], 1);
                else gradient2(at(rows[0] + g, x), at(rows[1] + g, x), d[j], 1);
            }
            for (size_t i = 0; i < SIX; i++) {
                vec *o = (vec *)(z + t * ld + g + SIX * i * place);
                if (M == 4) gradient4(d[0][i], d[1][i], d[2][i], d[3][i], o, place / LANES);
                else gradient2(d[0][i], d[1][i], o, place / LANES);
            }
        }
}

/* Tiles overlap by SIX - M rows and columns, whose sums are carried on: across in registers, down in the rows. */
INLINE void transform_input_grad(const size_t M, size_t tiles, const tw_real *v, size_t place, size_t ld,
                                 tw_real *const *rows) {
    const size_t six = SIX * place / LANES, shared = SIX - M;
    for (size_t g = 0; g < BLOCK; g += LANES) {
        vec carry[SIX][4] = {{{0}}};
        for (size_t t = 0; t < tiles; t++) {
            vec down[SIX][SIX], o[SIX];
            for (size_t j = 0; j < SIX; j++) {
                const vec *c = (const vec *)(v + t * ld + g + j * place);
                input_grad(c[0], c[six], c[2 * six], c[3 * six], c[4 * six], c[5 * six], down[j], 1);
            }
            for (size_t i = 0; i < SIX; i++) {
                input_grad(down[0][i], down[1][i], down[2][i], down[3][i], down[4][i], down[5][i], o, 1);
                for (size_t j = 0; j < shared; j++) o[j] += carry[i][j];
                for (size_t j = 0; j < M; j++) {
                    tw_real *to = rows[i] + (t * M + j) * BLOCK + g;
                    tw__store(to, i < shared ? tw__load(to) + o[j] : o[j]);
                }
                for (size_t j = 0; j < shared; j++) carry[i][j] = o[M + j];
            }
        }
        for (size_t i = 0; i < SIX; i++)
            for (size_t j = 0; j < shared; j++) {
                tw_real *to = rows[i] + (tiles * M + j) * BLOCK + g;
                tw__store(to, i < shared ? tw__load(to) + carry[i][j] : carry[i][j]);
            }
    }
}

INLINE void transform_output(const size_t M, size_t tiles, const tw_real *m, size_t place, size_t ld, tw_real *rows,
                             size_t pitch) {
    for (size_t g = 0; g < BLOCK; g += LANES)
        for (size_t t = 0; t < tiles; t++) {
            vec down[SIX][4];
            for (size_t j = 0; j < SIX; j++) {
                const vec *c = (const vec *)(m + t * ld + g + j * place); /* place (i, j) is 6 i + j */
                const size_t six = SIX * place / LANES;
                if (M == 4) output4(c[0], c[six], c[2 * six], c[3 * six], c[4 * six], c[5 * six], down[j], 1);
                else output2(c[0], c[six], c[2 * six], c[3 * six], c[4 * six], c[5 * six], down[j], 1);
            }
            for (size_t i = 0; i < M; i++) {
                vec *o = (vec *)(rows + i * pitch + t * M * BLOCK + g);
                if (M == 4)
                    output4(down[0][i], down[1][i], down[2][i], down[3][i], down[4][i], down[5][i], o, BLOCK / LANES);
                else output2(down[0][i], down[1][i], down[2][i], down[3][i], down[4][i], down[5][i], o, BLOCK / LANES);
            }
        }
}

/* Columns first .. first+16 of the 36 matrices. */
INLINE void transform_weight(const size_t R, bool transposed, int O, int C, const tw_real *w, int first, tw_real *u,
                             size_t place) {
    const int K = transposed ? O : C, N = transposed ? C : O;
    const size_t taps = R * R;
    tw_real g[25][BLOCK] __attribute__((aligned(64))) = {{0}};
    for (int k = 0; k < K; k++) {
        for (int l = 0; l < BLOCK && first + l < N; l++) {
            const int n = first + l;
            const tw_real *kernel = w +
                (transposed ? (size_t)k * (size_t)C + (size_t)n : (size_t)n * (size_t)C + (size_t)k) * taps;
            for (size_t i = 0; i < taps; i++) g[i][l] = kernel[i];
        }
        for (int l = 0; l < BLOCK; l += LANES) {
            const int n = first + l;
            vec down[5][SIX];
#define TAP(i, j) (*(const vec *)&g[(i)*R + (j)][l])
            for (size_t j = 0; j < R; j++)
                if (R == 3) weight3(TAP(0, j), TAP(1, j), TAP(2, j), down[j], 1);
                else weight5(TAP(0, j), TAP(1, j), TAP(2, j), TAP(3, j), TAP(4, j), down[j], 1);
#undef TAP
            tw_real *panel = u + (size_t)(n / PANEL * PANEL) * (size_t)K + (size_t)k * PANEL + (size_t)(n % PANEL);
            for (size_t i = 0; i < SIX; i++) {
                vec *o = (vec *)(panel + SIX * i * place);
                if (R == 3) weight3(down[0][i], down[1][i], down[2][i], o, place / LANES);
                else weight5(down[0][i], down[1][i], down[2][i], down[3][i], down[4][i], o, place / LANES);
            }
        }
    }
}

INLINE void transform_weight_grad(const size_t R, const tw__wino_weight_sum *s, int o0, int c) {
    const size_t taps = R * R;
    tw_real g[25][BLOCK] __attribute__((aligned(64)));
    for (int l = 0; l < BLOCK; l += LANES) {
        vec sum[PLACES], down[SIX][5];
        for (size_t k = 0; k < PLACES; k++) {
            const tw_real *u = s->du + k * s->place + (size_t)c * s->ld + (size_t)(o0 + l);
            sum[k] = *(const vec *)u;
            for (int i = 1; i < s->parts; i++) sum[k] += *(const vec *)(u + (size_t)i * s->part);
        }
        for (size_t j = 0; j < SIX; j++) {
            const vec *a = sum + j;
            if (R == 3) weight_grad3(a[0], a[6], a[12], a[18], a[24], a[30], down[j], 1);
            else weight_grad5(a[0], a[6], a[12], a[18], a[24], a[30], down[j], 1);
        }
        for (size_t i = 0; i < R; i++) {
            vec *o = (vec *)&g[i * R][l];
            if (R == 3)
                weight_grad3(down[0][i], down[1][i], down[2][i], down[3][i], down[4][i], down[5][i], o, BLOCK / LANES);
            else weight_grad5(down[0][i], down[1][i], down[2][i], down[3][i], down[4][i], down[5][i], o, BLOCK / LANES);
        }
    }
    for (int l = 0; l < BLOCK && o0 + l < s->O; l++) {
        tw_real *dw = s->dw + ((size_t)(o0 + l) * (size_t)s->C + (size_t)c) * taps;
        for (size_t i = 0; i < taps; i++) dw[i] = s->beta == 0 ? g[i][l] : dw[i] + g[i][l];
    }
}

/* ---- one function for each kernel -------------------------------------------------------------------------------- */

#define KERNEL(R, M)                                                                                               \
    void TW_ISA_NAME(tw__wino##R##_input)(size_t tiles, const tw_real *const *rows, tw_real *v, size_t place,      \
                                          size_t ld) {                                                             \
        transform_input(M, tiles, rows, v, place, ld);                                                             \
    }                                                                                                              \
    void TW_ISA_NAME(tw__wino##R##_gradient)(size_t tiles, const tw_real *const *rows, tw_real *z, size_t place,   \
                                             size_t ld) {                                                          \
        transform_gradient(M, tiles, rows, z, place, ld);                                                          \
    }                                                                                                              \
    void TW_ISA_NAME(tw__wino##R##_input_grad)(size_t tiles, const tw_real *v, size_t place, size_t ld,            \
                                               tw_real *const *rows) {                                             \
        transform_input_grad(M, tiles, v, place, ld, rows);                                                        \
    }                                                                                                              \
    void TW_ISA_NAME(tw__wino##R##_output)(size_t tiles, const tw_real *m, size_t place, size_t ld, tw_real *rows, \
                                           size_t pitch) {                                                         \
        transform_output(M, tiles, m, place, ld, rows, pitch);                                                     \
    }                                                                                                              \
    void TW_ISA_NAME(tw__wino##R##_weight)(bool transposed, int O, int C, const tw_real *w, int first, tw_real *u, \
                                           size_t place) {                                                         \
        transform_weight(R, transposed, O, C, w, first, u, place);                                                 \
    }                                                                                                              \
    void TW_ISA_NAME(tw__wino##R##_weight_grad)(const tw__wino_weight_sum *s, int o0, int c) {                     \
        transform_weight_grad(R, s, o0, c);                                                                        \
    }

KERNEL(3, 4)
KERNEL(5, 2)
