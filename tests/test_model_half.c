/* test_model_half.c - weights of two bytes: every half there is, rounding against a table and against a search among
 * all halves, and what cannot be written. */
#include "util_allocator.h"
#include "util_model.h"

#include <float.h>
#include <unistd.h>

static tw_ctx *ctx;
static tw_params *params;
static char path[300];

static void setup(void) {
    ctx = tw_ctx_new(1);
    params = tw_params_new(ctx);
    snprintf(path, sizeof path, "%s/m.safetensors", make_folder("half"));
}
static void teardown(void) {
    unlink(path);
    remove_files();
    tw_params_free(params);
    tw_ctx_free(ctx);
}
TestSuite(model_half, .init = setup, .fini = teardown);

static tw_tensor *vector(const char *name, int n) {
    tw_tensor *t = tw_param(params, name, (tw_init){0}, 1, &n);
    cr_assert_not_null(t, "%s", tw_errmsg(ctx));
    return t;
}

/* The two-byte numbers of the file at path, which begin behind its header; the caller frees. */
static uint16_t *halves(size_t n) {
    size_t bytes;
    uint64_t header;
    char *file = read_file(path, &bytes);
    memcpy(&header, file, sizeof header);
    cr_assert_eq(bytes, 8 + header + 2 * n);
    memmove(file, file + 8 + header, 2 * n);
    return (uint16_t *)(void *)file;
}

static const struct {
    const char *dtype;
    double x;
    uint16_t bits;
} table[] = {
    /* exact */
    {"F16", 0, 0x0000},
    {"F16", -0.0, 0x8000},
    {"F16", 1, 0x3c00},
    {"F16", -2, 0xc000},
    {"F16", 0.5, 0x3800},
    {"F16", 65504, 0x7bff},
    {"F16", -65504, 0xfbff},
    {"F16", 0x1p-14, 0x0400},        /* the smallest normal */
    {"F16", 0x1.ff8p-15, 0x03ff},    /* the largest denormal */
    {"F16", 0x1p-24, 0x0001},        /* the smallest denormal */
    {"F16", 1.0 / 3, 0x3555},        /* rounds down */
    {"F16", 0.1, 0x2e66},            /* rounds down */
    {"F16", 0.3, 0x34cd},            /* rounds up */
    {"F16", 3.14159265, 0x4248},     /* .. */
    {"F16", 1 + 0x1p-11, 0x3c00},    /* halfway: to even, down */
    {"F16", 1 + 0x3p-11, 0x3c02},    /* halfway: to even, up */
    {"F16", 1 + 0x1.01p-11, 0x3c01}, /* just above halfway */
    {"F16", 1 + 0x0.ffp-11, 0x3c00}, /* just below */
    {"F16", -(1 + 0x3p-11), 0xbc02}, /* the same with a sign */
    {"F16", 2048 + 1, 0x6800},       /* ties of whole numbers */
    {"F16", 2048 + 3, 0x6802},       /* .. */
    {"F16", 0x1.ffep-1, 0x3c00},     /* a carry into the exponent */
    {"F16", 65519, 0x7bff},          /* below halfway to 65536 */
    {"F16", 0x1p-25, 0x0000},        /* halfway from 0 to the smallest: even is 0 */
    {"F16", 0x1.01p-25, 0x0001},
    {"F16", 0x3p-25, 0x0002},
    {"F16", 0x1.ffcp-15, 0x0400}, /* from the denormals into the normals */
    {"F16", -1e-30, 0x8000},
    {"BF16", 1, 0x3f80},
    {"BF16", -2, 0xc000},
    {"BF16", 1 + 0x1p-8, 0x3f80},
    {"BF16", 1 + 0x3p-8, 0x3f82},
    {"BF16", 1 + 0x1.01p-8, 0x3f81},
    {"BF16", 3.14159265, 0x4049},
    {"BF16", 0x1.fep127, 0x7f7f},
    {"BF16", 0x1.fe8p127, 0x7f7f},
    {"BF16", 0x1p-126, 0x0080},
    {"BF16", 0x1p-133, 0x0001},
    {"BF16", 0x1p-134, 0x0000},
    {"BF16", 0x3p-134, 0x0002},
    {"BF16", -0.0, 0x8000},
};

Test(model_half, rounding_by_the_table) {
    enum { N = sizeof table / sizeof *table };
    tw_tensor *t = vector("x", N);
    static const char *const dtypes[] = {"F16", "BF16"};
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < N; i++) t->data[i] = (tw_real)(strcmp(table[i].dtype, dtypes[k]) ? 0 : table[i].x);
        cr_assert_eq(tw_model_save_as(params, NULL, dtypes[k], path), TW_OK, "%s", tw_errmsg(ctx));
        uint16_t *got = halves(N);
        for (int i = 0; i < N; i++)
            if (!strcmp(table[i].dtype, dtypes[k]))
                cr_assert_eq(got[i], table[i].bits, "%s of %a is 0x%04x, not 0x%04x", dtypes[k], table[i].x, got[i],
                             table[i].bits);
        free(got);
    }
}

/* The value of a half by its definition. */
static double value_of(unsigned bits, bool bfloat) {
    int fraction_bits = bfloat ? 7 : 10, bias = bfloat ? 127 : 15;
    int exponent = (int)(bits & 0x7fff) >> fraction_bits, fraction = (int)bits & ((1 << fraction_bits) - 1);
    double sign = bits >> 15 ? -1 : 1;
    if (!exponent) return sign * ldexp(fraction, 1 - bias - fraction_bits);
    return sign * ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

/* All finite halves are read as what they are, and written as themselves. */
Test(model_half, every_half_there_is) {
    enum { N = 1 << 16 };
    static const char *const dtypes[] = {"F16", "BF16"};
    tw_tensor *t = vector("x", N);
    for (int k = 0; k < 2; k++) {
        unsigned infinity = k ? 0x7f80 : 0x7c00;
        uint16_t *bits = malloc(N * sizeof *bits);
        for (unsigned i = 0; i < N; i++) bits[i] = (i & 0x7fff) < infinity ? (uint16_t)i : 0;
        char header[200];
        snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[65536],\"data_offsets\":[0,131072]}}",
                 dtypes[k]);
        const char *file = write_model("halves", header, bits, N * sizeof *bits);
        cr_assert_eq(tw_model_load(params, file), TW_OK, "%s", tw_errmsg(ctx));
        for (unsigned i = 0; i < N; i++) {
            double want = value_of(bits[i], k);
            cr_assert((double)t->data[i] == want && !signbit(t->data[i]) == !signbit(want), "0x%04x is %a, not %a",
                      bits[i], (double)t->data[i], want);
        }
        cr_assert_eq(tw_model_save_as(params, NULL, dtypes[k], path), TW_OK, "%s", tw_errmsg(ctx));
        uint16_t *again = halves(N);
        for (unsigned i = 0; i < N; i++) cr_assert_eq(again[i], bits[i], "0x%04x became 0x%04x", bits[i], again[i]);
        free(again);
        free(bits);
    }
}

Test(model_half, infinity_and_nan_are_read) {
    static const uint16_t bits[] = {0x7c00, 0xfc00, 0x7e00, 0x7c01};
    tw_tensor *t = vector("x", 4);
    const char *file = write_model("odd", "{\"x\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}}", bits,
                                   sizeof bits);
    cr_assert_eq(tw_model_load(params, file), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(t->data[0] == (tw_real)INFINITY && t->data[1] == -(tw_real)INFINITY);
    cr_assert(isnan(t->data[2]) && isnan(t->data[3]));
}

/* Numbers of all sizes become the nearest of all halves, found by search; of two the one with an even last bit. */
Test(model_half, rounding_by_search) {
    enum { N = 20000 };
    tw_tensor *t = vector("x", N);
    for (int k = 0; k < 2; k++) {
        unsigned infinity = k ? 0x7f80 : 0x7c00;
        for (int i = 0; i < N; i++) {
            uint64_t random = tw_random_bits(5, (uint64_t)i);
            unsigned low = (unsigned)(random % (infinity - 1));
            double a = value_of(low, k), b = value_of(low + 1, k);
            double at = i % 3 ? tw_random_uniform(6, (uint64_t)i) : 0.5; /* every third a tie */
            t->data[i] = (tw_real)((random >> 40 & 1 ? -1 : 1) * (a + at * (b - a)));
        }
        cr_assert_eq(tw_model_save_as(params, NULL, k ? "BF16" : "F16", path), TW_OK, "%s", tw_errmsg(ctx));
        uint16_t *got = halves(N);
        for (int i = 0; i < N; i++) {
            double x = fabs((double)t->data[i]);
            unsigned low = 0, high = infinity - 1; /* value_of(low) <= x <= value_of(high) */
            while (high - low > 1) {
                unsigned middle = (low + high) / 2;
                if (value_of(middle, k) <= x) low = middle;
                else high = middle;
            }
            double below = x - value_of(low, k), above = value_of(high, k) - x;
            unsigned want = below < above ? low : above < below ? high : low % 2 ? high : low;
            if (t->data[i] < 0) want |= 0x8000;
            cr_assert_eq(got[i], want, "%a became 0x%04x, not 0x%04x", (double)t->data[i], got[i], want);
        }
        free(got);
    }
}

Test(model_half, what_cannot_be_written) {
    tw_tensor *t = vector("fc.weight", 3);
    static const struct {
        const char *dtype;
        double x;
        const char *part;
    } bad[] = {
        {"F16", 65520, "\"fc.weight\" has the number 65520, and F16 goes to 65504; nothing was written"},
        {"F16", -1e6, "the number -1e+06, and F16 goes to 65504"},
        {"F16", INFINITY, "the number inf"},
        {"F16", NAN, "the number nan"},
        {"BF16", 0x1.ffp127, "and BF16 goes to 3.38953e+38"},
        {"BF16", -INFINITY, "the number -inf"},
        {"F32", NAN, "the number nan"},
        {"F64", INFINITY, "the number inf"},
        {"I32", 1, "cannot write numbers as \"I32\"; F64, F32, F16 and BF16 are possible"},
        {"half", 1, "cannot write numbers as \"half\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        t->data[0] = t->data[2] = 1;
        t->data[1] = (tw_real)bad[i].x;
        tw_err err = tw_model_save_as(params, NULL, bad[i].dtype, path);
        assert_sentence(ctx, err, TW_ERR_RANGE, path, bad[i].part);
        cr_assert(access(path, F_OK), "a file was left");
    }
    assert_sentence(ctx, tw_model_save_as(params, NULL, NULL, path), TW_ERR_RANGE, path, "cannot write numbers");
}

/* Half the bytes, the same names and metadata, and weights within half a unit of the eleventh digit. */
Test(model_half, a_model_in_halves) {
    tw_tensor *w = tw_param(params, "w", (tw_init){TW_INIT_UNIFORM, 3}, 2, (int[]){40, 50}), *b = vector("b", 7);
    tw_real *kept = malloc(w->size * sizeof *kept);
    memcpy(kept, w->data, w->size * sizeof *kept);
    b->data[0] = 0.25;
    tw_meta *meta = tw_meta_new(ctx), *back;
    cr_assert_eq(tw_meta_set(meta, "alphabet", "ab"), TW_OK);
    cr_assert_eq(tw_model_save(params, meta, path), TW_OK);
    size_t whole, half;
    free(read_file(path, &whole));
    cr_assert_eq(tw_model_save_as(params, meta, "F16", path), TW_OK, "%s", tw_errmsg(ctx));
    free(read_file(path, &half));
    cr_assert_eq(whole - half, 2 * (40 * 50 + 7));
    for (size_t i = 0; i < w->size; i++) cr_assert_eq(w->data[i], kept[i], "saving changed a weight");
    cr_assert_eq(tw_model_load(params, path), TW_OK, "%s", tw_errmsg(ctx));
    for (size_t i = 0; i < w->size; i++)
        cr_assert(fabs((double)(w->data[i] - kept[i])) <= 0x1p-11 * fabs((double)kept[i]) + 0x1p-25);
    cr_assert_eq(b->data[0], (tw_real)0.25);
    cr_assert_eq(tw_meta_load(ctx, path, &back), TW_OK);
    cr_assert_str_eq(tw_meta_get(back, "alphabet"), "ab");
    tw_meta_free(back);
    tw_meta_free(meta);
    free(kept);
}

Test(model_half, each_allocation_may_fail) {
    for (int limit = 0, done = 0; !done; limit++) {
        counted c = {0};
        tw_ctx *small = counted_ctx(&c, 1);
        tw_params *p = tw_params_new(small);
        tw_tensor *t = tw_param(p, "w", (tw_init){0}, 1, (int[]){1000});
        cr_assert_not_null(t);
        counted_fail_after(&c, limit);
        tw_err err = tw_model_save_as(p, NULL, "F16", path);
        done = !err;
        if (err) cr_assert_eq(err, TW_ERR_NOMEM);
        cr_assert(done || access(path, F_OK));
        counted_fail_after(&c, -1);
        tw_params_free(p);
        tw_ctx_free(small);
        cr_assert_lt(limit, 1000);
    }
}
