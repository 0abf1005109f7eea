/* conv_direct.isa.c - the two inner loops of direct convolution. See conv_direct.h.
 *
 * In each the sums of a tile stay in registers: 8 x 2 vectors and 8 x 3 with AVX-512, half as many channels
 * elsewhere. */
#include "layers/conv_direct.h"

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

typedef tw_real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef tw_real vec_unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(tw_real)), may_alias));

enum {
    LANES = VECTOR_BYTES / sizeof(tw_real),
    OUT = TW__DIRECT_OUT,
    TAPS = TW__DIRECT_TAPS,
    PARTS = TW__DIRECT_LANES / LANES, /* vectors of a group */
#if defined(__AVX512F__)
    ROWS = 8
#else
    ROWS = 4
#endif
};

static inline vec load(const tw_real *p) { return *(const vec_unaligned *)p; }
static inline void store(tw_real *p, vec v) { *(vec_unaligned *)p = v; }

/* N channels and two vectors. One function for each N: an array of sums stays in registers only when its size is a
 * constant from the start. */
/* quote: sums */
#define TILE(N)                                                                                                        \
    static void tile_##N(int K, const tw_real *restrict w, const int32_t *restrict offset, const tw_real *restrict x0, \
                         const tw_real *restrict x1, tw_real *restrict z0, tw_real *restrict z1, size_t channel) {     \
        vec low[N], high[N];                                                                                           \
        for (int r = 0; r < N; r++) low[r] = high[r] = (vec){0};                                                       \
        for (int k = 0; k < K; k++, w += OUT) {                                                                        \
            const vec b0 = load(x0 + offset[k]), b1 = load(x1 + offset[k]);                                            \
            for (int r = 0; r < N; r++) {                                                                              \
                low[r] += w[r] * b0;                                                                                   \
                high[r] += w[r] * b1;                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
        for (int r = 0; r < N; r++) {                                                                                  \
            store(z0 + (size_t)r * channel, low[r]);                                                                   \
            store(z1 + (size_t)r * channel, high[r]);                                                                  \
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
static void products(int n, const tw_real *restrict dz, size_t channel, const tw_real *restrict x,
                     const int32_t *restrict at, const int32_t *restrict offset, tw_real *restrict sum) {
    vec s[ROWS][TAPS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) s[r][0] = s[r][1] = s[r][2] = (vec){0};
    const tw_real *x0 = x + offset[0], *x1 = x + offset[1], *x2 = x + offset[2];
    for (int g = 0; g < n; g++, dz += TW__DIRECT_LANES) {
        const ptrdiff_t a = at[g];
        const vec b0 = load(x0 + a), b1 = load(x1 + a), b2 = load(x2 + a);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const vec v = load(dz + (size_t)r * channel);
            s[r][0] += v * b0;
            s[r][1] += v * b1;
            s[r][2] += v * b2;
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++, sum += TAPS * TW__DIRECT_LANES) {
        store(sum, load(sum) + s[r][0]);
        store(sum + TW__DIRECT_LANES, load(sum + TW__DIRECT_LANES) + s[r][1]);
        store(sum + 2 * TW__DIRECT_LANES, load(sum + 2 * TW__DIRECT_LANES) + s[r][2]);
    }
}

void TW_ISA_NAME(tw__conv_direct_products)(int n, const tw_real *dz, size_t channel, const tw_real *x,
                                           const int32_t *at, const int32_t *offset, tw_real *sum) {
    for (int r = 0; r < OUT; r += ROWS)
        for (int p = 0; p < TW__DIRECT_LANES; p += LANES)
            products(n, dz + (size_t)r * channel + p, channel, x + p, at, offset,
                     sum + r * TAPS * TW__DIRECT_LANES + p);
}
