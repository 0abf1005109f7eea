/* test_model.c - model files: what is written, what is read back, metadata, and files made by PyTorch. */
#include "util_allocator.h"
#include "util_model.h"

#include <float.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

static tw_ctx *ctx;
static tw_params *params;
static const char *folder;
static char path[300];

static void setup(void) {
    ctx = tw_ctx_new(1);
    params = tw_params_new(ctx);
    folder = make_folder("model");
    snprintf(path, sizeof path, "%s/m.safetensors", folder);
}
static void teardown(void) {
    unlink(path);
    remove_files();
    tw_params_free(params);
    tw_ctx_free(ctx);
}
TestSuite(model, .init = setup, .fini = teardown);

static tw_tensor *vector(tw_params *p, const char *name, int n, double value) {
    return tw_param(p, name, (tw_init){TW_INIT_CONSTANT, value}, 1, &n);
}

/* Parameters of every shape, a tie, buffers; `first` says which are made first, value what is in them. */
static tw_params *many(tw_ctx *of, bool reversed, double value) {
    static const struct {
        const char *name;
        int ndim, dim[TW_MAX_DIMS];
    } shape[] = {{"conv.weight", 4, {3, 2, 3, 1}},
                 {"scale", 0, {0}},
                 {"empty", 2, {0, 7}},
                 {"fc.weight", 2, {4, 5}},
                 {"tied", 2, {4, 5}}};
    tw_params *p = tw_params_new(of);
    for (int i = 0; i < 5; i++) {
        int k = reversed ? 4 - i : i;
        tw_init init = {value != 0 ? TW_INIT_UNIFORM : TW_INIT_DEFAULT, value};
        cr_assert_not_null(tw_param(p, shape[k].name, init, shape[k].ndim, shape[k].dim));
    }
    cr_assert_not_null(tw_buffer(p, "bn.running_var", (tw_real)value, 1, (int[]){3}));
    cr_assert_eq(tw_params_tie(p, "tied", "fc.weight"), TW_OK);
    return p;
}

Test(model, round_trip_is_bit_exact) {
    tw_params *a = many(ctx, false, 3), *b = many(ctx, true, 0);
    tw_real *odd = tw_params_find(a, "conv.weight")->data;
    odd[0] = (tw_real)-0.0;
    odd[1] = INFINITY;
    odd[2] = (tw_real)1e-40; /* denormal in float */
    odd[3] = FLT_MAX;
    odd[4] = NAN;
    cr_assert_eq(tw_model_save(a, NULL, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_model_load(b, path), TW_OK, "%s", tw_errmsg(ctx));
    for (size_t i = 0; i < tw_params_count(a); i++) {
        const tw_tensor *x = tw_params_at(a, i), *y = tw_params_find(b, x->name);
        cr_assert_eq(x->size, y->size);
        if (x->size) cr_assert_arr_eq(x->data, y->data, x->size * sizeof(tw_real), "%s", x->name);
    }
    tw_params_free(a);
    tw_params_free(b);
}

/* The same model gives the same bytes, in whatever order and process it was built; b was loaded and sealed as well. */
Test(model, same_content_same_bytes) {
    tw_params *a = many(ctx, false, 3), *b = many(ctx, true, 3);
    size_t n, m;
    cr_assert_eq(tw_model_save(a, NULL, path), TW_OK);
    char *first = read_file(path, &n);
    cr_assert_eq(tw_model_load(b, path), TW_OK);
    cr_assert_eq(tw_model_save(b, NULL, path), TW_OK);
    char *second = read_file(path, &m);
    cr_assert_eq(n, m);
    cr_assert_arr_eq(first, second, n);
    free(first);
    free(second);
    tw_params_free(a);
    tw_params_free(b);
}

Test(model, bytes_as_the_format_says) {
    static const char want[] =
        "{\"__metadata__\":{\"a\":\"\\\"x\\\"\\n\303\251\",\"b\":\"7\",\"thalweg.version\":\"" TW_VERSION
        "\"},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"w\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[8,20]}}";
    tw_meta *meta = tw_meta_new(ctx);
    cr_assert_eq(tw_meta_setf(meta, "b", "%d", 7), TW_OK);
    cr_assert_eq(tw_meta_set(meta, "a", "\"x\"\n\303\251"), TW_OK);
    cr_assert_not_null(tw_param(params, "w", (tw_init){TW_INIT_CONSTANT, 1.5}, 2, (int[]){1, 3}));
    cr_assert_not_null(tw_buffer(params, "b", -2, 1, (int[]){2}));
    cr_assert_eq(tw_model_save(params, meta, path), TW_OK, "%s", tw_errmsg(ctx));
    size_t n;
    uint64_t length;
    char *file = read_file(path, &n);
    memcpy(&length, file, 8);
    cr_assert_eq(length % 8, 0);
    cr_assert_eq(n, 8 + length + 20);
    cr_assert_eq(memcmp(file + 8, want, sizeof want - 1), 0, "%.*s", (int)length, file + 8);
    for (size_t i = 8 + sizeof want - 1; i < 8 + length; i++) cr_assert_eq(file[i], ' ');
    cr_assert_arr_eq(file + 8 + length, ((const float[]){-2, -2, 1.5f, 1.5f, 1.5f}), 20);
    free(file);
    tw_meta_free(meta);
}

/* ---- a file that PyTorch made -------------------------------------------------------------------------- */

Test(model, loads_pytorchs_state_dict) {
    const char *dir = getenv("TW_FIXTURES");
    char file[400];
    snprintf(file, sizeof file, "%s/model.safetensors", dir ? dir : "tests/fixtures");
    tw_layer *net[] = {
        tw_conv2d_new(params, "conv", 1, 3, 3, 2, &(tw_conv2d_options){.pad_h = 1, .pad_w = 1, .act = TW_ACT_RELU}),
        tw_batchnorm_new(params, "bn", 3, NULL),
        tw_image_to_sequence_new(params),
        tw_lstm_new(params, "lstm", 18, 4, &(tw_lstm_options){.bidirectional = true}),
        tw_dense_new(params, "fc", 8, 5, NULL),
    };
    cr_assert_eq(tw_model_load(params, file), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_params_find(params, "bn.num_batches_tracked")->data[0], 3, "an I64 tensor is converted");
    tw_set_training(ctx, false);
    fixture *f = fixture_load("model.txt");
    tw_step_begin(ctx);
    tw_tensor *y = fixture_leaf(ctx, f, "x");
    for (int i = 0; i < 5; i++) y = tw_forward(ctx, net[i], y);
    assert_ok(ctx);
    assert_fixture(ctx, f, "y", y, 1e-5);

    tw_meta *meta;
    cr_assert_eq(tw_meta_load(ctx, file, &meta), TW_OK);
    cr_assert_str_eq(tw_meta_get(meta, "made by"), "make_model.py");
    cr_assert_str_eq(tw_meta_get(meta, "alphabet"), "a\303\251\360\237\230\200");
    tw_meta_free(meta);
    fixture_free(f);
}

Test(model, other_kinds_of_numbers) {
    static const char header[] = "{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]},"
                                 "\"b\":{\"dtype\":\"F16\",\"shape\":[6],\"data_offsets\":[16,28]},"
                                 "\"c\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[28,34]},"
                                 "\"d\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[34,42]},"
                                 "\"e\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[42,46]},"
                                 "\"f\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[46,48]}}   ";
    unsigned char data[48];
    memcpy(data, (const double[]){0.1, -3}, 16);
    memcpy(data + 16, (const uint16_t[]){0x3c00, 0xc248, 0x0001, 0x7c00, 0x7e00, 0x83ff}, 12);
    memcpy(data + 28, (const uint16_t[]){0x3fc0, 0xff80, 0x0000}, 6);
    memcpy(data + 34, (const int64_t[]){-5000000000}, 8);
    memcpy(data + 42, (const int32_t[]){-7}, 4);
    memcpy(data + 46, "\001\377", 2);
    tw_tensor *t[6];
    const int size[] = {2, 6, 3, 1, 1, 2};
    for (int i = 0; i < 6; i++) t[i] = vector(params, (char[]){(char)('a' + i), 0}, size[i], 9);
    cr_assert_eq(tw_model_load(params, write_model("kinds", header, data, 48)), TW_OK, "%s", tw_errmsg(ctx));
    assert_near(t[0]->data, ((const tw_real[]){(tw_real)0.1, -3}), 2, 0);
    const double half[] = {1, -3.140625, 0x1p-24, INFINITY, NAN, -1023 * 0x1p-24};
    for (int i = 0; i < 6; i++) cr_assert(near((double)t[1]->data[i], half[i], 0), "%g", (double)t[1]->data[i]);
    assert_near(t[2]->data, ((const tw_real[]){1.5f, -INFINITY, 0}), 3, 0);
    cr_assert(t[3]->data[0] == -5000000000.f && t[4]->data[0] == -7 && t[5]->data[0] == 1 && t[5]->data[1] == 255);
}

/* 1e300 would silently become infinite in float: it is refused, and in double it is read. */
Test(model, numbers_too_large) {
    static const char header[] = "{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]},"
                                 "\"b\":{\"dtype\":\"F64\",\"shape\":[3],\"data_offsets\":[16,40]}}";
    tw_tensor *a = vector(params, "a", 2, 9), *b = vector(params, "b", 3, 9);
    const double most = 0x1.fffffefffffffp127, kept[] = {1, INFINITY, 2, -most, NAN};
    cr_assert_eq(tw_model_load(params, write_model("kept", header, kept, 40)), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(isinf(a->data[1]) && b->data[1] == (tw_real)-most && isfinite(b->data[1]) && isnan(b->data[2]));
    for (int i = 0; i < 5; i++) {
        double data[] = {3, 3, 3, 3, 3};
        data[i] = i % 2 ? 1e300 : -0x1.ffffffp127;
        const char *file = write_model("large", header, data, 40);
        tw_err err = tw_model_load(params, file);
        if (sizeof(tw_real) == sizeof(double)) {
            cr_assert_eq(err, TW_OK, "%s", tw_errmsg(ctx));
            continue;
        }
        char part[100];
        snprintf(part, sizeof part, "\"%s\" has %g at element %d, which is too large for a float", i < 2 ? "a" : "b",
                 data[i], i < 2 ? i : i - 2);
        assert_sentence(ctx, err, TW_ERR_FORMAT, file, part);
        cr_assert(a->data[0] == 1 && b->data[0] == 2, "all is loaded or nothing");
    }
}

/* ---- metadata ------------------------------------------------------------------------------------------ */

Test(model, metadata) {
    tw_meta *meta = tw_meta_new(ctx), *back;
    int64_t value;
    char key[16];
    for (int i = 0; i < 100; i++) { /* enough to grow, inserted out of order */
        snprintf(key, sizeof key, "key%d", i * 37 % 100);
        cr_assert_eq(tw_meta_setf(meta, key, "%d", i * 37 % 100), TW_OK);
    }
    cr_assert_eq(tw_meta_set(meta, "key7", "seven"), TW_OK, "a key that is there gets the new value");
    cr_assert_eq(tw_meta_set(meta, "empty", ""), TW_OK);
    cr_assert_eq(tw_meta_set(meta, "no NUL", "\\u0000"), TW_OK);
    cr_assert_null(tw_meta_get(meta, "key100"));
    cr_assert_eq(tw_model_save(params, meta, path), TW_OK);
    cr_assert_eq(tw_meta_load(ctx, path, &back), TW_OK);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "key%d", i);
        if (i != 7) cr_assert_eq(tw_meta_int(back, key, 0, 99, &value), TW_OK, "%s", tw_errmsg(ctx));
        if (i != 7) cr_assert_eq(value, i);
    }
    cr_assert_str_eq(tw_meta_get(back, "empty"), "");
    cr_assert_str_eq(tw_meta_get(back, "no NUL"), "\\u0000");
    cr_assert_str_eq(tw_meta_get(back, "thalweg.version"), TW_VERSION);
    assert_sentence(ctx, tw_meta_int(back, "key7", 0, 9, &value), TW_ERR_FORMAT, path,
                    "\"key7\" must be a whole number from 0 to 9, not \"seven\"");
    assert_sentence(ctx, tw_meta_int(back, "none", 0, 9, &value), TW_ERR_FORMAT, path, "\"none\" is missing");
    assert_sentence(ctx, tw_meta_int(back, "empty", 0, 9, &value), TW_ERR_FORMAT, path, "not \"\"");
    assert_sentence(ctx, tw_meta_int(back, "key10", 0, 9, &value), TW_ERR_FORMAT, path, "not \"10\"");
    cr_assert_eq(tw_model_save(params, back, path), TW_OK, "what was loaded can be saved");
    tw_meta_free(meta);
    tw_meta_free(back);
    tw_meta_free(NULL);
}

Test(model, whole_numbers) {
    tw_meta *meta = tw_meta_new(ctx);
    int64_t value;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {{"-9223372036854775808", true, INT64_MIN},
                 {"9223372036854775807", true, INT64_MAX},
                 {"007", true, 7},
                 {"9223372036854775808", false, 0},
                 {" 1", false, 0},
                 {"+1", false, 0},
                 {"1 ", false, 0},
                 {"1.0", false, 0},
                 {"0x1", false, 0},
                 {"-", false, 0},
                 {"--1", false, 0},
                 {"- 1", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(tw_meta_set(meta, "n", cases[i].text), TW_OK);
        tw_err err = tw_meta_int(meta, "n", INT64_MIN, INT64_MAX, &value);
        cr_assert_eq(err == TW_OK, cases[i].ok, "\"%s\"", cases[i].text);
        if (cases[i].ok) cr_assert_eq(value, cases[i].value);
        tw_error_clear(ctx);
    }
    tw_meta_free(meta);
}

Test(model, metadata_that_is_refused) {
    tw_meta *meta = tw_meta_new(ctx);
    assert_sentence(ctx, tw_meta_set(meta, "", "x"), TW_ERR_RANGE, NULL, "empty");
    assert_sentence(ctx, tw_meta_set(meta, "thalweg.rng.seed", "1"), TW_ERR_RANGE, NULL, "are the library's");
    static const char *const bad[] = {"\200",  "\303",        "\300\200", "\355\240\200", "\364\220\200\200",
                                      "a\377", "\340\200\200"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_sentence(ctx, tw_meta_set(meta, "k", bad[i]), TW_ERR_RANGE, NULL, "\"k\" is not valid UTF-8");
        cr_assert_eq(tw_meta_set(meta, bad[i], "v"), TW_ERR_RANGE);
        tw_error_clear(ctx);
    }
    static const char *const good[] = {"\302\200", "\337\277", "\340\240\200", "\355\237\277", "\364\217\277\277"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) cr_assert_eq(tw_meta_set(meta, good[i], good[i]), TW_OK);
    cr_assert_null(vector(params, "w\377", 1, 0)); /* before it is trained, not when it is saved */
    assert_error(ctx, TW_ERR_RANGE, "not UTF-8");
    tw_meta_free(meta);
}

/* ---- writing goes wrong -------------------------------------------------------------------------------- */

/* After a failure the old file is there, whole, and nothing else is. */
static void assert_old_file_kept(tw_err err, const char *part) {
    assert_sentence(ctx, err, TW_ERR_IO, path, part);
    size_t n;
    char *now = read_file(path, &n);
    cr_assert_str_eq(now, "old");
    cr_assert_eq(count_entries(folder), 1, "a temporary file was left");
    free(now);
}

static void write_old(void) {
    FILE *out = fopen(path, "w");
    cr_assert(out && fputs("old", out) >= 0 && fclose(out) == 0);
}

Test(model, disk_full_keeps_the_old_file) {
    vector(params, "w", 100000, 1);
    write_old();
    struct rlimit small = {.rlim_cur = 50000, .rlim_max = RLIM_INFINITY}, before;
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN); /* so that write fails instead */
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    tw_err err = tw_model_save(params, NULL, path);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_old_file_kept(err, "cannot be written: File too large");
    cr_assert_eq(tw_model_save(params, NULL, path), TW_OK, "and once there is room, it works");
    cr_assert_eq(count_entries(folder), 1);
}

Test(model, places_where_nothing_can_be_written) {
    char elsewhere[400];
    vector(params, "w", 3, 1);
    snprintf(elsewhere, sizeof elsewhere, "%s/no/such/folder", folder);
    assert_sentence(ctx, tw_model_save(params, NULL, elsewhere), TW_ERR_IO, elsewhere, "No such file");
    assert_sentence(ctx, tw_model_save(params, NULL, folder), TW_ERR_IO, folder, "not a regular file");
    assert_sentence(ctx, tw_model_save(params, NULL, "/dev/null"), TW_ERR_IO, "/dev/null", "not a regular file");
    assert_sentence(ctx, tw_model_save(params, NULL, ""), TW_ERR_IO, NULL, "cannot be written");
    cr_assert_eq(count_entries(folder), 0);
    if (geteuid() == 0) return; /* root may write everywhere */
    write_old();
    chmod(path, 0400);
    assert_old_file_kept(tw_model_save(params, NULL, path), "Permission denied");
    chmod(path, 0600);
    chmod(folder, 0500);
    assert_old_file_kept(tw_model_save(params, NULL, path), "Permission denied");
    chmod(folder, 0700);
}

Test(model, links_and_modes_are_kept) {
    char link[400];
    struct stat s;
    vector(params, "w", 3, 1);
    snprintf(link, sizeof link, "%s/link", folder);
    write_old();
    chmod(path, 0640);
    cr_assert_eq(symlink("m.safetensors", link), 0);
    cr_assert_eq(tw_model_save(params, NULL, link), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(lstat(link, &s) == 0 && S_ISLNK(s.st_mode), "the link is still one");
    cr_assert(stat(path, &s) == 0 && (s.st_mode & 0777) == 0640 && s.st_size > 100, "what it points to was replaced");
    cr_assert_eq(tw_model_load(params, link), TW_OK);
    unlink(link);
}

Test(model, each_allocation_may_fail) {
    int saving = 0, loading = 0;
    for (bool done = false; !done; saving++) {
        counted c = {0};
        tw_ctx *own = counted_ctx(&c, 1);
        tw_params *p = many(own, false, 3);
        tw_meta *meta = tw_meta_new(own);
        cr_assert_eq(tw_meta_set(meta, "key", "value"), TW_OK);
        unlink(path);
        counted_fail_after(&c, saving);
        done = tw_model_save(p, meta, path) == TW_OK;
        if (!done) assert_error(own, TW_ERR_NOMEM, "out of memory");
        cr_assert_eq(count_entries(folder), done ? 1 : 0);
        tw_meta_free(meta);
        tw_params_free(p);
        tw_ctx_free(own);
    }
    for (bool done = false; !done; loading++) {
        counted c = {0};
        tw_ctx *own = counted_ctx(&c, 1);
        tw_params *p = many(own, false, 0);
        counted_fail_after(&c, loading);
        done = tw_model_load(p, path) == TW_OK;
        if (!done) assert_error(own, TW_ERR_NOMEM, "out of memory");
        cr_assert_eq(tw_params_find(p, "fc.weight")->data[3] != 0, done, "loaded whole or not at all");
        tw_params_free(p);
        tw_ctx_free(own);
    }
    cr_assert(saving > 8 && loading > 8, "%d %d", saving, loading);
}
