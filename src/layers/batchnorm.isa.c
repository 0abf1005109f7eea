/* batchnorm.isa.c - batch norm's loops over the values of one channel. Sums are kept in double, in 16 independent
 * lanes, so that a loop has no chain of additions to wait for. */
#include "layers/batchnorm.h"

#include "layers/epilogue.h"

enum { LANES = 16, BLOCK = 512 };

static double total(const double lane[LANES]) {
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

/* A block's own mean and squares first, while it is in the cache, then joined to the others' (Chan, Golub, LeVeque
 * 1983): no difference of large squares, wherever the mean lies. */
void TW_ISA_NAME(tw__moments_add)(size_t n, const tw_real *x, tw__moments *m) {
    for (size_t at = 0; at < n; at += BLOCK, x += BLOCK) {
        int size = n - at < BLOCK ? (int)(n - at) : BLOCK, whole = size - size % LANES;
        double lane[LANES] = {0}, square[LANES] = {0};
        for (int i = 0; i < whole; i += LANES)
            for (int k = 0; k < LANES; k++) lane[k] += (double)x[i + k];
        for (int k = 0; k < size - whole; k++) lane[k] += (double)x[whole + k];
        double mean = total(lane) / size;
        for (int i = 0; i < whole; i += LANES)
            for (int k = 0; k < LANES; k++) square[k] += ((double)x[i + k] - mean) * ((double)x[i + k] - mean);
        for (int k = 0; k < size - whole; k++)
            square[k] += ((double)x[whole + k] - mean) * ((double)x[whole + k] - mean);

        double count = m->n + size, delta = mean - m->mean;
        m->m2 += total(square) + delta * delta * m->n * size / count;
        m->mean += delta * size / count;
        m->n = count;
    }
}

void TW_ISA_NAME(tw__batchnorm_sums)(tw_act act, size_t n, const tw_real *x, const tw_real *y, const tw_real *dy,
                                     double mean, double sum[2]) {
    tw_real buffer[BLOCK];
    double plain[LANES] = {0}, product[LANES] = {0};
    for (size_t at = 0; at < n; at += BLOCK) {
        int size = n - at < BLOCK ? (int)(n - at) : BLOCK, whole = size - size % LANES;
        const tw_real *dz = dy + at, *from = x + at;
        if (act != TW_ACT_NONE) {
            TW_ISA_NAME(tw__act_grad)(act, (size_t)size, y + at, dy + at, buffer);
            dz = buffer;
        }
        for (int i = 0; i < whole; i += LANES)
            for (int k = 0; k < LANES; k++) {
                plain[k] += (double)dz[i + k];
                product[k] += (double)dz[i + k] * ((double)from[i + k] - mean);
            }
        for (int k = 0; k < size - whole; k++) {
            plain[k] += (double)dz[whole + k];
            product[k] += (double)dz[whole + k] * ((double)from[whole + k] - mean);
        }
    }
    sum[0] += total(plain);
    sum[1] += total(product);
}

void TW_ISA_NAME(tw__batchnorm_dx)(tw_act act, size_t n, const tw_real *x, const tw_real *y, const tw_real *dy,
                                   tw__batchnorm_terms t, tw_real beta, tw_real *restrict dx) {
    tw_real buffer[BLOCK];
    for (size_t at = 0; at < n; at += BLOCK) {
        int size = n - at < BLOCK ? (int)(n - at) : BLOCK;
        const tw_real *dz = dy + at, *from = x + at;
        tw_real *to = dx + at;
        if (act != TW_ACT_NONE) {
            TW_ISA_NAME(tw__act_grad)(act, (size_t)size, y + at, dy + at, buffer);
            dz = buffer;
        }
        if (beta == 0)
            for (int i = 0; i < size; i++) to[i] = t.a * dz[i] + t.b * (from[i] - t.mean) + t.c;
        else
            for (int i = 0; i < size; i++) to[i] += t.a * dz[i] + t.b * (from[i] - t.mean) + t.c;
    }
}
