/* layer_norm.isa.c - layer norm's loops over one row. Sums are kept in double, in 16 independent lanes. */
#include "layers/layer_norm.h"

enum { LANES = 16 };

void TW_ISA_NAME(tw__layer_norm_row)(size_t n, const tw_real *restrict x, tw_real mean, tw_real scale,
                                     const tw_real *restrict weight, const tw_real *restrict bias,
                                     tw_real *restrict y) {
    if (weight && bias)
        for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
    else if (weight)
        for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * weight[i];
    else if (bias)
        for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale + bias[i];
    else
        for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale;
}

void TW_ISA_NAME(tw__layer_norm_sums)(size_t n, const tw_real *x, double mean, const tw_real *weight, const tw_real *dy,
                                      double sum[2]) {
    double of_g[LANES] = {0}, of_gx[LANES] = {0};
    for (size_t at = 0; at < n; at += LANES) {
        const size_t count = n - at < LANES ? n - at : LANES;
        for (size_t k = 0; k < count; k++) {
            const double g = weight ? (double)dy[at + k] * (double)weight[at + k] : (double)dy[at + k];
            of_g[k] += g;
            of_gx[k] += g * ((double)x[at + k] - mean);
        }
    }
    sum[0] = sum[1] = 0;
    for (int k = 0; k < LANES; k++) sum[0] += of_g[k], sum[1] += of_gx[k];
}

/* x may be dy's memory, but not dx's. */
void TW_ISA_NAME(tw__layer_norm_dx)(size_t n, const tw_real *restrict x, const tw_real *restrict weight,
                                    const tw_real *restrict dy, tw__layer_norm_terms t, tw_real beta,
                                    tw_real *restrict dx) {
    for (size_t i = 0; i < n; i++) {
        const tw_real g = weight ? dy[i] * weight[i] : dy[i];
        const tw_real v = t.a * g + t.b * (x[i] - t.mean) + t.c;
        dx[i] = beta == 0 ? v : dx[i] + v;
    }
}

void TW_ISA_NAME(tw__layer_norm_affine)(size_t n, const tw_real *restrict x, double mean, double scale,
                                        const tw_real *restrict dy, double *restrict dw, double *restrict db) {
    for (size_t i = 0; dw && i < n; i++) dw[i] += (double)dy[i] * (((double)x[i] - mean) * scale);
    for (size_t i = 0; db && i < n; i++) db[i] += (double)dy[i];
}
