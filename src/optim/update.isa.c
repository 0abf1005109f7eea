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

/* quote: rmsprop */
/* The means of g^2, and of g where m is kept; returns what is to be multiplied by lr. s - m^2 cannot be negative, but
 * its rounding can. */
static inline tw_real rmsprop_step(tw_real g, tw_real p, tw_real *s, tw_real *m, const tw__rmsprop_coef *c) {
    tw_real d = g + c->weight_decay * p, spread;
    *s = c->alpha * *s + c->take * d * d;
    spread = *s;
    if (m) {
        *m = c->alpha * *m + c->take * d;
        spread -= *m * *m;
        spread = spread > 0 ? spread : 0;
    }
    return d / (sqrt(spread) + c->eps);
}
/* end quote */

void TW_ISA_NAME(tw__rmsprop)(size_t n, tw_real *restrict p, const tw_real *restrict g, tw_real *restrict s,
                              const tw__rmsprop_coef *given) {
    const tw__rmsprop_coef c = *given;
    for (size_t i = 0; i < n; i++) p[i] -= c.lr * rmsprop_step(g[i], p[i], &s[i], NULL, &c);
}

void TW_ISA_NAME(tw__rmsprop_momentum)(size_t n, tw_real *restrict p, const tw_real *restrict g, tw_real *restrict s,
                                       tw_real *restrict v, const tw__rmsprop_coef *given) {
    const tw__rmsprop_coef c = *given;
    for (size_t i = 0; i < n; i++) {
        v[i] = c.momentum * v[i] + rmsprop_step(g[i], p[i], &s[i], NULL, &c);
        p[i] -= c.lr * v[i];
    }
}

void TW_ISA_NAME(tw__rmsprop_centered)(size_t n, tw_real *restrict p, const tw_real *restrict g, tw_real *restrict s,
                                       tw_real *restrict m, const tw__rmsprop_coef *given) {
    const tw__rmsprop_coef c = *given;
    for (size_t i = 0; i < n; i++) p[i] -= c.lr * rmsprop_step(g[i], p[i], &s[i], &m[i], &c);
}

void TW_ISA_NAME(tw__rmsprop_centered_momentum)(size_t n, tw_real *restrict p, const tw_real *restrict g,
                                                tw_real *restrict s, tw_real *restrict m, tw_real *restrict v,
                                                const tw__rmsprop_coef *given) {
    const tw__rmsprop_coef c = *given;
    for (size_t i = 0; i < n; i++) {
        v[i] = c.momentum * v[i] + rmsprop_step(g[i], p[i], &s[i], &m[i], &c);
        p[i] -= c.lr * v[i];
    }
}

void TW_ISA_NAME(tw__adagrad)(size_t n, tw_real *restrict p, const tw_real *restrict g, tw_real *restrict s,
                              const tw__adagrad_coef *c) {
    const tw_real lr = c->lr, wd = c->weight_decay, eps = c->eps;
    /* quote: adagrad */
    for (size_t i = 0; i < n; i++) {
        tw_real d = g[i] + wd * p[i];
        s[i] += d * d;
        p[i] -= lr * (d / (sqrt(s[i]) + eps));
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

size_t TW_ISA_NAME(tw__clamp)(size_t n, tw_real *g, tw_real bound) {
    size_t moved = 0;
    for (size_t i = 0; i < n; i++) {
        tw_real size = fabs(g[i]);
        bool beyond = size > bound && size <= LARGEST;
        g[i] = beyond ? copysign(bound, g[i]) : g[i];
        moved += beyond;
    }
    return moved;
}
