/* util.c - see util.h. */
#include "util.h"

#include <ctype.h>
#include <time.h>
#include <unistd.h>

#define FAIL(file, line, ...)                              \
    do {                                                   \
        char message_[1024];                               \
        snprintf(message_, sizeof message_, __VA_ARGS__);  \
        cr_assert_fail("%s:%d: %s", file, line, message_); \
    } while (0)

/* ---- fixtures ---------------------------------------------------------------------------------------------------- */
typedef struct entry {
    char *name, *text; /* text, or numbers: text is NULL then */
    int ndim, dim[TW_MAX_DIMS];
    size_t n;
    tw_real *value;
} entry;
struct fixture {
    char path[512];
    entry *item;
    size_t n;
};

/* One line into e; false when it is not in the format. */
static bool parse_line(char *line, entry *e) {
    memset(e, 0, sizeof *e);
    char *end = line + strcspn(line, " ");
    if (!*end) return false;
    e->name = strndup(line, (size_t)(end - line));
    if (!strncmp(end, " = ", 3)) return (e->text = strndup(end + 3, strcspn(end + 3, "\n"))) != NULL;
    e->ndim = (int)strtol(end, &end, 10);
    if (e->ndim < 0 || e->ndim > TW_MAX_DIMS) return false;
    for (int i = 0; i < TW_MAX_DIMS; i++) e->dim[i] = i < e->ndim ? (int)strtol(end, &end, 10) : 1;
    while (isspace((unsigned char)*end)) end++;
    if (*end++ != ':') return false;
    e->n = product(e->ndim, e->dim);
    e->value = malloc((e->n + !e->n) * sizeof *e->value);
    for (size_t i = 0; i < e->n; i++) {
        char *next;
        e->value[i] = (tw_real)strtod(end, &next);
        if (next == end) return false;
        end = next;
    }
    while (isspace((unsigned char)*end)) end++;
    return !*end;
}

fixture *fixture_load(const char *file) {
    const char *dir = getenv("TW_FIXTURES");
    fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "%s/%s", dir ? dir : "tests/fixtures", file);
    FILE *in = fopen(f->path, "r");
    cr_assert_not_null(in, "cannot open the fixture %s", f->path);
    char *line = NULL;
    size_t room = 0;
    for (int number = 1; getline(&line, &room, in) >= 0; number++) {
        if (line[0] == '#' || line[0] == '\n') continue;
        f->item = realloc(f->item, (f->n + 1) * sizeof *f->item);
        cr_assert(parse_line(line, &f->item[f->n++]), "%s:%d is not a fixture line", f->path, number);
    }
    free(line);
    fclose(in);
    return f;
}

void fixture_free(fixture *f) {
    if (!f) return;
    for (size_t i = 0; i < f->n; i++) {
        free(f->item[i].name);
        free(f->item[i].text);
        free(f->item[i].value);
    }
    free(f->item);
    free(f);
}

static const entry *find(const fixture *f, const char *name) {
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->item[i].name, name)) return &f->item[i];
    return NULL;
}

bool fixture_has(const fixture *f, const char *name) { return find(f, name) != NULL; }
size_t fixture_count(const fixture *f) { return f->n; }
const char *fixture_name(const fixture *f, size_t i) { return f->item[i].name; }

const char *fixture_text(const fixture *f, const char *name) {
    const entry *e = find(f, name);
    cr_assert(e && e->text, "%s has no text \"%s\"", f->path, name);
    return e->text;
}

const tw_real *fixture_get(const fixture *f, const char *name, int *ndim, int dim[TW_MAX_DIMS], size_t *n) {
    const entry *e = find(f, name);
    cr_assert(e && !e->text, "%s has no numbers \"%s\"", f->path, name);
    if (ndim) *ndim = e->ndim;
    if (dim) memcpy(dim, e->dim, sizeof e->dim);
    if (n) *n = e->n;
    return e->value;
}

tw_tensor *fixture_leaf(tw_ctx *ctx, const fixture *f, const char *name) {
    int ndim, dim[TW_MAX_DIMS];
    const tw_real *value = fixture_get(f, name, &ndim, dim, NULL);
    tw_tensor *t = tw_input_grad(ctx, value, ndim, dim);
    return t ? tw_set_name(t, find(f, name)->name) : NULL;
}

int32_t *fixture_ints(const fixture *f, const char *name, size_t *n) {
    size_t count;
    const tw_real *value = fixture_get(f, name, NULL, NULL, &count);
    int32_t *v = malloc((count + !count) * sizeof *v);
    for (size_t i = 0; i < count; i++) v[i] = (int32_t)lrint((double)value[i]);
    if (n) *n = count;
    return v;
}

/* ---- comparisons ------------------------------------------------------------------------------------------------- */
bool near(double got, double want, double tol) {
    if (isnan(want)) return isnan(got);
    if (isinf(want)) return got == want;
    return fabs(got - want) <= tol * fmax(1, fabs(want));
}

size_t first_far(const tw_real *got, const tw_real *want, size_t n, double tol) {
    size_t i = 0;
    while (i < n && near((double)got[i], (double)want[i], tol)) i++;
    return i;
}

void assert_near_at(const char *file, int line, const char *what, const tw_real *got, const tw_real *want, size_t n,
                    double tol) {
    size_t i = first_far(got, want, n, tol);
    if (i < n) FAIL(file, line, "%s[%zu] of %zu is %.17g, not %.17g", what, i, n, (double)got[i], (double)want[i]);
}

static void shape_text(char *text, size_t size, int ndim, const int *dim) {
    size_t used = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < ndim; i++) used += (size_t)snprintf(text + used, size - used, i ? ",%d" : "%d", dim[i]);
    snprintf(text + used, size - used, "]");
}

void assert_tensor_at(const char *file, int line, tw_ctx *ctx, const tw_tensor *t, int ndim, const int *dim,
                      const tw_real *want, double tol) {
    if (!t) FAIL(file, line, "no tensor: %s", tw_errmsg(ctx));
    bool same = t->ndim == ndim && t->size == product(ndim, dim);
    for (int i = 0; same && i < TW_MAX_DIMS; i++) same = t->dim[i] == (i < ndim ? dim[i] : 1);
    if (!same) {
        char got[80], wanted[80];
        shape_text(got, sizeof got, t->ndim, t->dim);
        shape_text(wanted, sizeof wanted, ndim, dim);
        FAIL(file, line, "the shape is %s, not %s", got, wanted);
    }
    if (want) assert_near_at(file, line, t->name ? t->name : "data", t->data, want, t->size, tol);
}

void assert_fixture_at(const char *file, int line, tw_ctx *ctx, const fixture *f, const char *name, const tw_tensor *t,
                       double tol) {
    int ndim, dim[TW_MAX_DIMS];
    const tw_real *want = fixture_get(f, name, &ndim, dim, NULL);
    assert_tensor_at(file, line, ctx, t, ndim, dim, NULL, tol);
    assert_near_at(file, line, name, t->data, want, t->size, tol);
}

void assert_fixture_grad_at(const char *file, int line, tw_ctx *ctx, const fixture *f, const char *name,
                            const tw_tensor *t, double tol) {
    int ndim, dim[TW_MAX_DIMS];
    const tw_real *want = fixture_get(f, name, &ndim, dim, NULL);
    assert_tensor_at(file, line, ctx, t, ndim, dim, NULL, tol);
    if (!t->grad) FAIL(file, line, "no gradient for %s: %s", name, tw_errmsg(ctx));
    assert_near_at(file, line, name, t->grad, want, t->size, tol);
}

void assert_error_at(const char *file, int line, tw_ctx *ctx, tw_err code, const char *part) {
    if (tw_error(ctx) != code || !strstr(tw_errmsg(ctx), part))
        FAIL(file, line, "the error is %s \"%s\", not %s \"..%s..\"", tw_err_name(tw_error(ctx)), tw_errmsg(ctx),
             tw_err_name(code), part);
    tw_error_clear(ctx);
}

void assert_ok_at(const char *file, int line, const tw_ctx *ctx) {
    if (tw_error(ctx)) FAIL(file, line, "%s: %s", tw_err_name(tw_error(ctx)), tw_errmsg(ctx));
}

void assert_gradcheck_at(const char *file, int line, tw_ctx *ctx, tw_gradcheck_fn f, void *user, int n,
                         const tw_gradcheck_leaf *leaf, double bound) {
    tw_gradcheck_result r;
    if (tw_gradcheck(ctx, f, user, n, leaf, 0, &r)) FAIL(file, line, "%s", tw_errmsg(ctx));
    if (!(r.error <= bound))
        FAIL(file, line, "leaf %d, element %zu: analytic %.12g, numeric %.12g, error %.3g", r.leaf, r.index, r.analytic,
             r.numeric, r.error);
}

/* ---- numbers and memory ------------------------------------------------------------------------------------------ */
void fill_random(tw_real *x, size_t n, uint64_t seed, double low, double high) {
    uint64_t stream = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < n; i++) x[i] = (tw_real)(low + (high - low) * tw_random_uniform(stream, i));
}

tw_real *random_reals(size_t n, uint64_t seed, double low, double high) {
    tw_real *x = malloc((n + !n) * sizeof *x);
    fill_random(x, n, seed, low, high);
    return x;
}

void fill_distinct(tw_real *x, size_t n, uint64_t seed, double gap) {
    for (size_t i = 0; i < n; i++) x[i] = (tw_real)(gap * ((double)i + 0.5 - (double)(n / 2)));
    for (size_t i = n; i > 1; i--) { /* Fisher and Yates */
        size_t j = (size_t)(tw_random_bits(seed, i) % i);
        tw_real t = x[i - 1];
        x[i - 1] = x[j];
        x[j] = t;
    }
}

size_t product(int ndim, const int *dim) {
    size_t n = 1;
    for (int i = 0; i < ndim; i++) n *= (size_t)dim[i];
    return n;
}

void coordinates(int ndim, const int *dim, size_t i, int *at) {
    for (int k = ndim; k-- > 0; i /= (size_t)dim[k]) at[k] = (int)(i % (size_t)dim[k]);
}

size_t element(int ndim, const int *dim, int at_ndim, const int *at) {
    size_t i = 0;
    for (int k = 0; k < ndim; k++) i = i * (size_t)dim[k] + (size_t)(dim[k] == 1 ? 0 : at[k + at_ndim - ndim]);
    return i;
}

tw_tensor *random_leaf(tw_ctx *ctx, uint64_t seed, double low, double high, int ndim, const int *dim) {
    size_t n = product(ndim, dim);
    tw_real *x = tw_alloc(ctx, (n + !n) * sizeof *x);
    if (!x) return NULL;
    fill_random(x, n, seed, low, high);
    return tw_input_grad(ctx, x, ndim, dim);
}

int test_share(void) {
    const char *share = getenv("TW_TEST_SHARE");
    return share && atoi(share) > 1 ? atoi(share) : 1;
}

bool test_data(const char *name, char *path, size_t size) {
    const char *dir = getenv("TW_TEST_DATA");
    snprintf(path, size, "%s/%s", dir ? dir : "../shared/data", name);
    if (access(path, R_OK) == 0) return true;
    fprintf(stderr, "skipped: %s is not there (set TW_TEST_DATA)\n", path);
    return false;
}

const char *temp_path(const char *name, char *path, size_t size) {
    static struct timespec born; /* process numbers come again, and a test that failed has left its files */
    const char *dir = getenv("TMPDIR");
    if (!born.tv_sec) clock_gettime(CLOCK_REALTIME, &born);
    snprintf(path, size, "%s/thalweg-%ld-%lld%09ld-%s", dir ? dir : "/tmp", (long)getpid(), (long long)born.tv_sec,
             born.tv_nsec, name);
    return path;
}
