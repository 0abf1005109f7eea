/* conv_direct.isa.c - the inner loops of direct convolution: lines in, two kinds of sums, lines out. See conv_direct.h.
 *
 * In each the sums of a tile stay in registers: 8 x 2 vectors and 8 x 3 with AVX-512, half as many channels
 * elsewhere. */
#include "layers/conv_direct.h"

#include "layers/conv_copy.h"
#include "tensor/simd.h"

typedef tw__vec vec;

enum {
    LANES = TW__LANES,
    OUT = TW__DIRECT_OUT,
    TAPS = TW__DIRECT_TAPS,
    PARTS = TW__DIRECT_LANES / LANES, /* vectors of a group */
#if defined(__AVX512F__)
    ROWS = 8
#else
    ROWS = 4
#endif
};

/* ---- lines ---------------------------------------------------------------------------------------------------- */

void TW_ISA_NAME(tw__direct_pad_plane)(const tw_real *plane, int H, int W, int row, int lines, int pitch, int left,
                                       tw_real *to) {
    for (int h = row; h < row + lines; h++, to += pitch) {
        tw__zero_line(to, pitch);
        if (h >= 0 && h < H) tw__copy_line(plane + (size_t)h * (size_t)W, W, to + left);
    }
}

void TW_ISA_NAME(tw__direct_put_lines)(int lines, int n, const tw_real *from, int pitch, tw_real beta, tw_real *y) {
    for (int i = 0; i < lines; i++, from += pitch, y += n)
        if (beta == 0) tw__copy_line(from, n, y);
        else
            for (int j = 0; j < n; j++) y[j] += from[j];
}

/* ---- sums ----------------------------------------------------------------------------------------------------- */

/* N channels and two vectors. One function for each N: an array of sums stays in registers only when its size is a
 * constant from the start. */
/* quote: sums */
#define TILE(N)                                                                                                        \
    static void tile_##N(int K, const tw_real *restrict w, const int32_t *restrict offset, const tw_real *restrict x0, \
                         const tw_real *restrict x1, tw_real *restrict z0, tw_real *restrict z1, size_t channel) {     \
        vec low[N], high[N];                                                                                           \
        for (int r = 0; r < N; r++) low[r] = high[r] = (vec){0};                                                       \
        for (int k = 0; k < K; k++, w += OUT) {                                                                        \
            const vec b0 = tw__load(x0 + offset[k]), b1 = tw__load(x1 + offset[k]);                                    \
            for (int r = 0; r < N; r++) {                                                                              \
                low[r] += w[r] * b0;                                                                                   \
                high[r] += w[r] * b1;                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
        for (int r = 0; r < N; r++) {                                                                                  \
            tw__store(z0 + (size_t)r * channel, low[r]);                                                               \
            tw__store(z1 + (size_t)r * channel, high[r]);                                                              \
        }                                                                                                              \
    }
/* end quote */

TILE(1)
TILE(4)
#if defined(__AVX512F__)
TILE(8)
#endif

void TW_ISA_NAME(tw__conv_direct_sums)(int rows, int K, const tw_real *w, const int32_t *offset, const tw_real *x0,
                                       const tw_real *x1, tw_real *z, size_t channel) {
#if defined(__AVX512F__)
    tw_real *z1 = z + LANES;
    if (rows > 4) tile_8(K, w, offset, x0, x1, z, z1, channel);
    else if (rows > 1) tile_4(K, w, offset, x0, x1, z, z1, channel);
    else tile_1(K, w, offset, x0, x1, z, z1, channel);
#else
    for (int g = 0; g < 2; g++)
        for (int p = 0; p < PARTS; p += 2) {
            const tw_real *x = (g ? x1 : x0) + p * LANES;
            for (int r = 0; r < rows; r += ROWS) {
                tw_real *to = z + (size_t)r * channel + g * TW__DIRECT_LANES + p * LANES;
                if (rows == 1) tile_1(K, w, offset, x, x + LANES, to, to + LANES, channel);
                else tile_4(K, w + r, offset, x, x + LANES, to, to + LANES, channel);
            }
        }
#endif
}

/* ROWS channels, one vector of each group. */
static void products(int n, const tw_real *restrict dz, size_t channel, const int32_t *restrict dz_at,
                     const tw_real *restrict x, const int32_t *restrict x_at, const int32_t *restrict offset,
                     tw_real *restrict sum) {
    vec s[ROWS][TAPS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) s[r][0] = s[r][1] = s[r][2] = (vec){0};
    const tw_real *x0 = x + offset[0], *x1 = x + offset[1], *x2 = x + offset[2];
    for (int g = 0; g < n; g++) {
        const ptrdiff_t a = x_at[g];
        const tw_real *d = dz + dz_at[g];
        const vec b0 = tw__load(x0 + a), b1 = tw__load(x1 + a), b2 = tw__load(x2 + a);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const vec v = tw__load(d + (size_t)r * channel);
            s[r][0] += v * b0;
            s[r][1] += v * b1;
            s[r][2] += v * b2;
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++, sum += TAPS * TW__DIRECT_LANES) {
        tw__store(sum, tw__load(sum) + s[r][0]);
        tw__store(sum + TW__DIRECT_LANES, tw__load(sum + TW__DIRECT_LANES) + s[r][1]);
        tw__store(sum + 2 * TW__DIRECT_LANES, tw__load(sum + 2 * TW__DIRECT_LANES) + s[r][2]);
    }
}

void TW_ISA_NAME(tw__conv_direct_products)(int n, const tw_real *dz, size_t channel, const int32_t *dz_at,
                                           const tw_real *x, const int32_t *x_at, const int32_t *offset, tw_real *sum) {
    for (int r = 0; r < OUT; r += ROWS)
        for (int p = 0; p < TW__DIRECT_LANES; p += LANES)
            products(n, dz + (size_t)r * channel + p, channel, dz_at, x + p, x_at, offset,
                     sum + r * TAPS * TW__DIRECT_LANES + p);
}
