/* winograd.isa.c - the transforms of F(4x4, 3x3) with the points 0, +-a, +-b and infinity, a = 5/8, b = 3/2.
 *
 * With m(p) = p (p^2 - a^2) (p^2 - b^2) the rows of B' are the coefficients of m(p) / (p - p_i) and of m itself, those
 * of A' the powers 1, p, p^2, p^3 of the points, and those of G the powers 1, p, p^2 divided by the product of the
 * distances to the other points. */
#include "layers/winograd.h"

#include <string.h>

#define PA ((tw_real)0.625)
#define PB ((tw_real)1.5)
#define PA2 ((tw_real)0.390625)                                /* a^2 */
#define PB2 ((tw_real)2.25)                                    /* b^2 */
#define PA3 ((tw_real)0.244140625)                             /* a^3 */
#define PB3 ((tw_real)3.375)                                   /* b^3 */
#define SUM2 ((tw_real)2.640625)                               /* a^2 + b^2 */
#define PROD2 ((tw_real)0.87890625)                            /* a^2 b^2 */
#define AB2 ((tw_real)1.40625)                                 /* a b^2 */
#define A2B ((tw_real)0.5859375)                               /* a^2 b */
#define N0 ((tw_real)(1 / 0.87890625))                         /* 1 / (a^2 b^2) */
#define NA ((tw_real)(1 / (2 * 0.390625 * (0.390625 - 2.25)))) /* 1 / (2 a^2 (a^2 - b^2)) */
#define NB ((tw_real)(1 / (2 * 2.25 * (2.25 - 0.390625))))     /* 1 / (2 b^2 (b^2 - a^2)) */

/* o = B' d, six to six. */
#define INPUT(d0, d1, d2, d3, d4, d5, o0, o1, o2, o3, o4, o5)           \
    do {                                                                \
        tw_real even_a = (d4)-PB2 * (d2), odd_a = PA * (d3)-AB2 * (d1); \
        tw_real even_b = (d4)-PA2 * (d2), odd_b = PB * (d3)-A2B * (d1); \
        (o0) = PROD2 * (d0)-SUM2 * (d2) + (d4);                         \
        (o1) = even_a + odd_a, (o2) = even_a - odd_a;                   \
        (o3) = even_b + odd_b, (o4) = even_b - odd_b;                   \
        (o5) = PROD2 * (d1)-SUM2 * (d3) + (d5);                         \
    } while (0)

/* o = A y, four to six. */
#define GRADIENT(y0, y1, y2, y3, o0, o1, o2, o3, o4, o5)                    \
    do {                                                                    \
        tw_real even_a = (y0) + PA2 * (y2), odd_a = PA * (y1) + PA3 * (y3); \
        tw_real even_b = (y0) + PB2 * (y2), odd_b = PB * (y1) + PB3 * (y3); \
        (o0) = (y0);                                                        \
        (o1) = even_a + odd_a, (o2) = even_a - odd_a;                       \
        (o3) = even_b + odd_b, (o4) = even_b - odd_b;                       \
        (o5) = (y3);                                                        \
    } while (0)

/* quote: output */
/* o = A' m, six to four. */
#define OUTPUT(m0, m1, m2, m3, m4, m5, o0, o1, o2, o3)                                              \
    do {                                                                                            \
        tw_real sum_a = (m1) + (m2), dif_a = (m1) - (m2), sum_b = (m3) + (m4), dif_b = (m3) - (m4); \
        (o0) = (m0) + sum_a + sum_b;                                                                \
        (o1) = PA * dif_a + PB * dif_b;                                                             \
        (o2) = PA2 * sum_a + PB2 * sum_b;                                                           \
        (o3) = PA3 * dif_a + PB3 * dif_b + (m5);                                                    \
    } while (0)

/* end quote */

/* o = G w, three to six, and its adjoint. */
#define WEIGHT(w0, w1, w2, o0, o1, o2, o3, o4, o5)                         \
    do {                                                                   \
        tw_real even_a = NA * ((w0) + PA2 * (w2)), odd_a = NA * PA * (w1); \
        tw_real even_b = NB * ((w0) + PB2 * (w2)), odd_b = NB * PB * (w1); \
        (o0) = N0 * (w0);                                                  \
        (o1) = even_a + odd_a, (o2) = even_a - odd_a;                      \
        (o3) = even_b + odd_b, (o4) = even_b - odd_b;                      \
        (o5) = (w2);                                                       \
    } while (0)

#define WEIGHT_GRAD(u0, u1, u2, u3, u4, u5, o0, o1, o2)                 \
    do {                                                                \
        tw_real sum_a = NA * ((u1) + (u2)), dif_a = NA * ((u1) - (u2)); \
        tw_real sum_b = NB * ((u3) + (u4)), dif_b = NB * ((u3) - (u4)); \
        (o0) = N0 * (u0) + sum_a + sum_b;                               \
        (o1) = PA * dif_a + PB * dif_b;                                 \
        (o2) = PA2 * sum_a + PB2 * sum_b + (u5);                        \
    } while (0)

/* ---- input ------------------------------------------------------------------------------------------------------ */

void TW_ISA_NAME(tw__wino_in_down)(size_t n, const tw_real *rows, size_t pitch, tw_real *out, size_t out_pitch) {
    const tw_real *restrict d = rows;
    tw_real *restrict o = out;
    for (size_t i = 0; i < n; i++)
        INPUT(d[i], d[i + pitch], d[i + 2 * pitch], d[i + 3 * pitch], d[i + 4 * pitch], d[i + 5 * pitch], o[i],
              o[i + out_pitch], o[i + 2 * out_pitch], o[i + 3 * out_pitch], o[i + 4 * out_pitch], o[i + 5 * out_pitch]);
}

void TW_ISA_NAME(tw__wino_in_across)(size_t tiles, const tw_real *row, tw_real *v, size_t step) {
    const tw_real *restrict r = row;
    tw_real *restrict v0 = v, *restrict v1 = v + step, *restrict v2 = v + 2 * step;
    tw_real *restrict v3 = v + 3 * step, *restrict v4 = v + 4 * step, *restrict v5 = v + 5 * step;
    for (size_t t = 0; t < tiles; t++)
        INPUT(r[4 * t], r[4 * t + 1], r[4 * t + 2], r[4 * t + 3], r[4 * t + 4], r[4 * t + 5], v0[t], v1[t], v2[t],
              v3[t], v4[t], v5[t]);
}

/* ---- an output's gradient ------------------------------------------------------------------------------------- */

void TW_ISA_NAME(tw__wino_grad_down)(size_t n, const tw_real *rows, size_t pitch, tw_real *out, size_t out_pitch) {
    const tw_real *restrict y = rows;
    tw_real *restrict o = out;
    for (size_t i = 0; i < n; i++)
        GRADIENT(y[i], y[i + pitch], y[i + 2 * pitch], y[i + 3 * pitch], o[i], o[i + out_pitch], o[i + 2 * out_pitch],
                 o[i + 3 * out_pitch], o[i + 4 * out_pitch], o[i + 5 * out_pitch]);
}

void TW_ISA_NAME(tw__wino_grad_across)(size_t tiles, const tw_real *row, tw_real *v, size_t step) {
    const tw_real *restrict r = row;
    tw_real *restrict v0 = v, *restrict v1 = v + step, *restrict v2 = v + 2 * step;
    tw_real *restrict v3 = v + 3 * step, *restrict v4 = v + 4 * step, *restrict v5 = v + 5 * step;
    for (size_t t = 0; t < tiles; t++)
        GRADIENT(r[4 * t], r[4 * t + 1], r[4 * t + 2], r[4 * t + 3], v0[t], v1[t], v2[t], v3[t], v4[t], v5[t]);
}

/* ---- output ----------------------------------------------------------------------------------------------------- */

enum { AT_ONCE = 64 }; /* tiles: what is between down and across stays in the first cache */

void TW_ISA_NAME(tw__wino_out)(size_t tiles, const tw_real *m, size_t step, tw_real *rows, size_t pitch) {
    tw_real down[TW__WINO_OUT][TW__WINO_IN][AT_ONCE];
    for (size_t first = 0; first < tiles; first += AT_ONCE) {
        size_t n = tiles - first < AT_ONCE ? tiles - first : AT_ONCE;
        for (size_t j = 0; j < TW__WINO_IN; j++) {
            const tw_real *restrict c = m + j * step + first; /* place (i, j) is array 6 i + j */
            size_t six = TW__WINO_IN * step;
            for (size_t t = 0; t < n; t++)
                OUTPUT(c[t], c[t + six], c[t + 2 * six], c[t + 3 * six], c[t + 4 * six], c[t + 5 * six], down[0][j][t],
                       down[1][j][t], down[2][j][t], down[3][j][t]);
        }
        for (size_t i = 0; i < TW__WINO_OUT; i++) {
            tw_real *restrict y = rows + i * pitch + 4 * first;
            for (size_t t = 0; t < n; t++)
                OUTPUT(down[i][0][t], down[i][1][t], down[i][2][t], down[i][3][t], down[i][4][t], down[i][5][t],
                       y[4 * t], y[4 * t + 1], y[4 * t + 2], y[4 * t + 3]);
        }
    }
}

/* ---- weights --------------------------------------------------------------------------------------------------- */

void TW_ISA_NAME(tw__wino_weight)(size_t n, const tw_real *g, tw_real *u, size_t step) {
    const tw_real *restrict w = g;
    for (size_t k = 0; k < n; k++) {
        tw_real down[6][3], o[6];
        for (size_t j = 0; j < 3; j++)
            WEIGHT(w[j * n + k], w[(3 + j) * n + k], w[(6 + j) * n + k], down[0][j], down[1][j], down[2][j], down[3][j],
                   down[4][j], down[5][j]);
        for (size_t i = 0; i < 6; i++) {
            WEIGHT(down[i][0], down[i][1], down[i][2], o[0], o[1], o[2], o[3], o[4], o[5]);
            for (size_t j = 0; j < 6; j++) u[(6 * i + j) * step + k] = o[j];
        }
    }
}

void TW_ISA_NAME(tw__wino_weight_grad)(size_t n, const tw_real *u, size_t step, tw_real *g) {
    for (size_t k = 0; k < n; k++) {
        tw_real down[3][6];
        for (size_t j = 0; j < 6; j++) {
            const tw_real *c = u + j * step + k;
            size_t six = 6 * step;
            WEIGHT_GRAD(c[0], c[six], c[2 * six], c[3 * six], c[4 * six], c[5 * six], down[0][j], down[1][j],
                        down[2][j]);
        }
        for (size_t i = 0; i < 3; i++)
            WEIGHT_GRAD(down[i][0], down[i][1], down[i][2], down[i][3], down[i][4], down[i][5], g[3 * i * n + k],
                        g[(3 * i + 1) * n + k], g[(3 * i + 2) * n + k]);
    }
}
