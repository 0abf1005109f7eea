/* winograd_lines.isa.c - lines of 16 channels to and from a strip, where the 16 numbers of a column lie together. */
#include "layers/winograd.h"

#include "tensor/simd.h"

#include <string.h>

enum { LANES = TW__LANES };

/* Columns x .. x+n of a group of LANES lines, n <= LANES, of which `lines` exist. */
static inline void pack_square(int lines, const tw_real *const *line, const tw_real *end, size_t x, size_t n,
                               tw_real *strip) {
    tw__vec v[LANES];
    for (int k = 0; k < LANES; k++) {
        v[k] = (tw__vec){0};
        if (k >= lines) continue;
        const tw_real *from = line[k] + x;
        if (n == LANES || end - from >= LANES) {
            v[k] = tw__load(from);
        } else {
            memcpy(&v[k], from, n * sizeof *from);
        }
    }
    tw__turn(v);
    if (n == LANES)
        for (size_t k = 0; k < LANES; k++) tw__store(strip + k * TW__WINO_BLOCK, v[k]);
    else
        for (size_t k = 0; k < n; k++) tw__store(strip + k * TW__WINO_BLOCK, v[k]);
}

void TW_ISA_NAME(tw__wino_pack)(int lines, const tw_real *const *line, const tw_real *end, size_t n, tw_real *strip) {
    for (int g = 0; g < TW__WINO_BLOCK; g += LANES) {
        size_t x = 0;
        for (; x + LANES <= n; x += LANES)
            pack_square(lines - g, line + g, end, x, LANES, strip + x * TW__WINO_BLOCK + g);
        if (x < n && n >= LANES) x = n - LANES; /* the last whole square again covers some columns twice */
        if (x < n) pack_square(lines - g, line + g, end, x, n < LANES ? n : LANES, strip + x * TW__WINO_BLOCK + g);
    }
}

void TW_ISA_NAME(tw__wino_unpack)(size_t n, const tw_real *strip, tw_real *lines, size_t pitch) {
    for (size_t g = 0; g < TW__WINO_BLOCK; g += LANES)
        for (size_t x = 0; x < n; x += LANES) {
            tw__vec v[LANES];
            for (size_t k = 0; k < LANES; k++) v[k] = tw__load(strip + (x + k) * TW__WINO_BLOCK + g);
            tw__turn(v);
            for (size_t k = 0; k < LANES; k++) tw__store(lines + (g + k) * pitch + x, v[k]);
        }
}

void TW_ISA_NAME(tw__wino_column_sum)(size_t n, const tw_real *strip, double *sum) {
    enum { RUN = 64 };
    for (size_t first = 0; first < n; first += RUN)
        for (size_t g = 0; g < TW__WINO_BLOCK; g += LANES) {
            tw__vec run = {0};
            for (size_t x = first; x < n && x < first + RUN; x++) run += tw__load(strip + x * TW__WINO_BLOCK + g);
            for (size_t k = 0; k < LANES; k++) sum[g + k] += (double)run[k];
        }
}
