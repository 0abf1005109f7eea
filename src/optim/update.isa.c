/* update.isa.c - the inner loops of optimisers and clipping, compiled for each instruction set. */
#include "optim/update.h"

#include <float.h>
#include <tgmath.h>

#ifdef TW_DOUBLE
#define LARGEST DBL_MAX
#else
#define LARGEST FLT_MAX
#endif

void TW_ISA_NAME(tw__sgd)(size_t n, tw_real *restrict p, const tw_real *restrict g, const tw__sgd_coef *c) {
    const tw_real lr = c->lr, wd = c->weight_decay;
    /* quote: sgd */
    for (size_t i = 0; i < n; i++) p[i] -= lr * (g[i] + wd * p[i]);
    /* end quote */
}

void TW_ISA_NAME(tw__sgd_momentum)(size_t n, tw_real *restrict p, const tw_real *restrict g, tw_real *restrict v,
                                   const tw__sgd_coef *c) {
    const tw_real lr = c->lr, wd = c->weight_decay, momentum = c->momentum, keep = c->keep, take = c->take;
    /* quote: momentum */
    if (c->nesterov) {
        for (size_t i = 0; i < n; i++) {
            tw_real d = g[i] + wd * p[i];
            v[i] = keep * v[i] + take * d;
            p[i] -= lr * (d + momentum * v[i]);
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            v[i] = keep * v[i] + take * (g[i] + wd * p[i]);
            p[i] -= lr * v[i];
        }
    }
    /* end quote */
}

void TW_ISA_NAME(tw__adam)(size_t n, tw_real *restrict p, const tw_real *restrict g, tw_real *restrict m,
                           tw_real *restrict v, const tw__adam_coef *c) {
    const tw_real beta1 = c->beta1, take1 = c->take1, beta2 = c->beta2, take2 = c->take2;
    const tw_real rate = c->rate, root2 = c->root2, eps = c->eps, l2 = c->l2, shrink = c->shrink;
    /* quote: adam */
    for (size_t i = 0; i < n; i++) {
        tw_real d = g[i] + l2 * p[i];
        m[i] = beta1 * m[i] + take1 * d;
        v[i] = beta2 * v[i] + take2 * d * d;
        p[i] = shrink * p[i] - rate * (m[i] / (sqrt(v[i]) / root2 + eps));
    }
    /* end quote */
}

void TW_ISA_NAME(tw__adadelta)(size_t n, tw_real *restrict p, const tw_real *restrict g, tw_real *restrict s,
                               tw_real *restrict u, const tw__adadelta_coef *c) {
    const tw_real lr = c->lr, wd = c->weight_decay, rho = c->rho, take = c->take, eps = c->eps;
    /* quote: adadelta */
    for (size_t i = 0; i < n; i++) {
        tw_real d = g[i] + wd * p[i];
        s[i] = rho * s[i] + take * d * d;
        d *= sqrt(u[i] + eps) / sqrt(s[i] + eps);
        u[i] = rho * u[i] + take * d * d;
        p[i] -= lr * d;
    }
    /* end quote */
}

bool TW_ISA_NAME(tw__all_finite)(size_t n, const tw_real *g) {
    int bad = 0; /* counted without leaving early, so that the loop is vector code */
    for (size_t i = 0; i < n; i++) bad |= !(fabs(g[i]) <= LARGEST);
    return !bad;
}

double TW_ISA_NAME(tw__sum_squares)(size_t n, const tw_real *g) {
    enum { LANES = 16 };
    double sum[LANES] = {0}, total = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++) sum[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < n; i++) total += (double)g[i] * (double)g[i];
    for (size_t k = 0; k < LANES; k++) total += sum[k];
    return total;
}

void TW_ISA_NAME(tw__scale)(size_t n, tw_real *g, tw_real factor) {
    for (size_t i = 0; i < n; i++) g[i] *= factor;
}
