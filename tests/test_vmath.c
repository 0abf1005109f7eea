/* test_vmath.c - the vectorised exp, log, sigmoid and tanh against libm in double, on every instruction set here. */
#include "tensor/vmath.h"
#include <criterion/criterion.h>
#include <float.h>
#include <stdlib.h>

typedef void array_fn(size_t n, const tw_real *x, tw_real *y);

static double sigmoid_ref(double x) { return 1 / (1 + exp(-x)); }

#if defined(__x86_64__)
#define ON_EACH_ISA(name) \
    { name##_base, name##_avx2, name##_avx512 }
#else
#define ON_EACH_ISA(name) \
    { name##_base, NULL, NULL }
#endif

static const struct {
    const char *name;
    array_fn *fn[3];
    tw_real (*one)(tw_real);
    double (*ref)(double);
    double bound; /* ulp */
} table[] = {
    {"exp", ON_EACH_ISA(tw__vexp), tw__exp1, exp, 1},
    {"log", ON_EACH_ISA(tw__vlog), tw__log1, log, 1},
    {"sigmoid", ON_EACH_ISA(tw__vsigmoid), tw__sigmoid1, sigmoid_ref, 2},
    {"tanh", ON_EACH_ISA(tw__vtanh), tw__tanh1, tanh, 2},
};
enum { FUNCTIONS = sizeof table / sizeof *table, BLOCK = 1024 };

/* The spacing of floats at x, at least that of the smallest normal ones. */
static double ulp(double x) {
    int e;
    frexp(fmax(fmin(fabs(x), FLT_MAX), FLT_MIN), &e);
    return ldexp(1, e - FLT_MANT_DIG);
}

static void check_value(int f, float x, float got) {
    const double want = table[f].ref(x);
    const char *name = table[f].name;
    if (isnan(want)) {
        cr_assert(isnan(got), "%s(%.9g) = %.9g", name, x, got);
    } else if (isinf((float)want)) {
        cr_assert(got == (float)want, "%s(%.9g) = %.9g", name, x, got);
    } else if (fabs(want) < FLT_MIN) {
        cr_assert(fabs(got) <= FLT_MIN, "%s(%.9g) = %.9g, want %.9g", name, x, got, want);
    } else {
        cr_assert(fabs(got - want) <= table[f].bound * ulp(want), "%s(%.9g) = %.9g, want %.9g: %.2f ulp", name, x, got,
                  want, fabs(got - want) / ulp(want));
    }
}

/* Every 4099th float, of both signs, with infinities and NaNs among them. */
Test(vmath, accuracy_over_all_floats) {
    static float x[BLOCK], y[BLOCK];
    uint64_t bits = 0;
    while (bits <= UINT32_MAX) {
        size_t n = 0;
        for (; n < BLOCK && bits <= UINT32_MAX; n++, bits += 4099) x[n] = tw__from_bits((int32_t)(uint32_t)bits);
        for (int f = 0; f < FUNCTIONS; f++) {
            for (int isa = 0; isa <= tw__isa(); isa++) {
                table[f].fn[isa](n, x, y);
                for (size_t i = 0; i < n; i++) check_value(f, x[i], y[i]);
            }
            for (size_t i = 0; i < n; i += 8) check_value(f, x[i], table[f].one(x[i]));
        }
    }
}

/* Where the range reductions meet, and where they end. */
Test(vmath, accuracy_at_the_seams) {
    static const float seams[] = {0.34657359f, 0.69314718f, 1,       1.41421356f,  0.70710678f, 87.3365f, 88.37626f,
                                  88.72284f,   10,          9.0109f, 0.173286795f, 103.97f,     16.6355f};
    enum { AROUND = 2000 };
    static float x[AROUND], y[AROUND];
    for (size_t s = 0; s < sizeof seams / sizeof *seams; s++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            for (int i = 0; i < AROUND; i++) x[i] = (float)sign * tw__from_bits(tw__bits(seams[s]) + i - AROUND / 2);
            for (int f = 0; f < FUNCTIONS; f++) {
                for (int isa = 0; isa <= tw__isa(); isa++) {
                    table[f].fn[isa](AROUND, x, y);
                    for (int i = 0; i < AROUND; i++) check_value(f, x[i], y[i]);
                }
            }
        }
    }
}

Test(vmath, limits_are_exact) {
    enum { N = 7 };
    static const float x[N] = {0, -0.0f, INFINITY, -INFINITY, 1e30f, -1e30f, NAN};
    static const float want[FUNCTIONS][N] = {
        {1, 1, INFINITY, 0, INFINITY, 0, NAN},
        {-INFINITY, -INFINITY, INFINITY, NAN, 69.0775528f, NAN, NAN},
        {0.5f, 0.5f, 1, 0, 1, 0, NAN},
        {0, -0.0f, 1, -1, 1, -1, NAN},
    };
    float y[N];
    for (int f = 0; f < FUNCTIONS; f++) {
        for (int isa = 0; isa <= tw__isa(); isa++) {
            table[f].fn[isa](N, x, y);
            for (int i = 0; i < N; i++) {
                const bool same = isnan(want[f][i]) ? isnan(y[i])
                                                    : y[i] == want[f][i] && !signbit(y[i]) == !signbit(want[f][i]);
                cr_assert(same, "%s(%g) = %.9g, want %.9g", table[f].name, x[i], y[i], want[f][i]);
            }
        }
    }
}

/* Any length, in place or not, and nothing is written past the end. */
Test(vmath, lengths_and_in_place) {
    enum { ROOM = 80 };
    float x[ROOM], y[ROOM], z[ROOM];
    for (int f = 0; f < FUNCTIONS; f++) {
        for (int isa = 0; isa <= tw__isa(); isa++) {
            for (size_t n = 0; n < ROOM; n++) {
                for (size_t i = 0; i < ROOM; i++) x[i] = z[i] = (float)(i + 1) * 0.37f, y[i] = 123;
                table[f].fn[isa](n, x, y);
                table[f].fn[isa](n, z, z);
                for (size_t i = 0; i < ROOM; i++) {
                    if (i < n) check_value(f, x[i], y[i]);
                    cr_assert(i < n || y[i] == 123, "%s wrote past %zu values", table[f].name, n);
                    cr_assert(z[i] == (i < n ? y[i] : x[i]), "%s in place differs at %zu of %zu", table[f].name, i, n);
                }
            }
        }
    }
}
