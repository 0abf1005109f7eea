/* test_data_npy.c - NumPy's arrays: those NumPy writes, those we write, and those that cannot be. */
#include "util_files.h"

#include <unistd.h>

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) {
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(data_npy, .init = begin, .fini = end);

/* The bytes of a case of npy.txt; to be freed. */
static uint8_t *file_of(const fixture *f, const char *name, size_t *size) {
    char key[64];
    snprintf(key, sizeof key, "%s.file", name);
    const char *hex = fixture_text(f, key);
    uint8_t *bytes = malloc(strlen(hex) / 2 + 1);
    *size = strlen(hex) / 2;
    for (size_t i = 0; i < *size; i++) {
        const char two[] = {hex[2 * i], hex[2 * i + 1], 0};
        bytes[i] = (uint8_t)strtol(two, NULL, 16);
    }
    return bytes;
}

Test(data_npy, what_numpy_writes) {
    static const char *const names[] = {
        "f4",     "f8",    "f4_fortran",    "f8_fortran", "i2_fortran", "i1",       "u1",
        "u2",     "i4",    "u4_large",      "i8",         "i8_large",   "u8_large", "b1",
        "number", "empty", "empty_fortran", "version2",   "version3"};
    fixture *f = fixture_load("npy.txt");
    cr_assert_eq(fixture_count(f), 2 * sizeof names / sizeof *names);
    for (size_t c = 0; c < sizeof names / sizeof *names; c++) {
        int ndim, dim[TW_MAX_DIMS];
        size_t size, n;
        uint8_t *bytes = file_of(f, names[c], &size);
        tw_npy a;
        const tw_real *want = fixture_get(f, names[c], &ndim, dim, &n);
        const char *path = write_file("a.npy", bytes, size);
        cr_assert_eq(tw_npy_load(ctx, path, &a), TW_OK, "%s: %s", names[c], tw_errmsg(ctx));
        cr_assert(a.ndim == ndim && a.size == n && !strcmp(a.path, path), "%s", names[c]);
        for (int i = 0; i < ndim; i++) cr_assert_eq(a.dim[i], dim[i]);
        cr_assert_arr_eq(a.data, want, n * sizeof *want, "%s", names[c]);
        bool whole = strchr("iub", names[c][0]) && !strstr(names[c], "large");
        cr_assert_eq(a.integer != NULL, whole, "%s", names[c]);
        for (size_t i = 0; whole && i < n; i++)
            cr_assert(names[c][1] == '4' || names[c][1] == '8' || (tw_real)a.integer[i] == want[i], "%s", names[c]);
        if (!strcmp(names[c], "i4")) cr_assert(a.integer[0] == INT32_MIN && a.integer[1] == INT32_MAX);
        tw_npy_free(&a);
        cr_assert_null(a.data);
        free(bytes);
    }
    fixture_free(f);
}

Test(data_npy, writes_what_numpy_writes) {
    static const char *const names[] = {"f4", "empty", "number"};
    fixture *f = fixture_load("npy.txt");
    const char *path = write_text("b.npy", "");
    for (int c = 0; c < 3; c++) {
        int ndim, dim[TW_MAX_DIMS];
        size_t size, got;
        const tw_real *value = fixture_get(f, names[c], &ndim, dim, NULL);
        cr_assert_eq(tw_npy_save(ctx, path, value, ndim, dim), TW_OK, "%s", tw_errmsg(ctx));
        uint8_t *want = file_of(f, names[c], &size), bytes[1000];
        FILE *in = fopen(path, "rb");
        got = fread(bytes, 1, sizeof bytes, in);
        fclose(in);
        if (c < 2) { /* the number is an f8 there */
            cr_assert_eq(got, size);
            cr_assert_arr_eq(bytes, want, size, "%s", names[c]);
        }
        free(want);
    }
    fixture_free(f);
}

Test(data_npy, there_and_back) {
    const int shapes[][TW_MAX_DIMS + 1] = {{0},         {1, 0}, {1, 7}, {1, 5000}, {2, 3, 0}, {5, 3, 2, 5, 7, 41},
                                           {3, 1, 1, 1}};
    const char *path = write_text("a.npy", "");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int ndim = shapes[s][0];
        const int *dim = shapes[s] + 1;
        size_t n = product(ndim, dim);
        tw_real *x = random_reals(n + 1, s + 1, -3, 3);
        if (n > 3) x[0] = INFINITY, x[1] = -INFINITY, x[2] = -0.f;
        tw_npy a;
        cr_assert_eq(tw_npy_save(ctx, path, x, ndim, dim), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq(tw_npy_load(ctx, path, &a), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert(a.ndim == ndim && a.size == n && !a.integer);
        for (int i = 0; i < ndim; i++) cr_assert_eq(a.dim[i], dim[i]);
        cr_assert_arr_eq(a.data, x, n * sizeof *x);
        tw_npy_free(&a);
        free(x);
    }
    const tw_real nothing[] = {0};
    cr_assert_eq(tw_npy_save(ctx, path, nothing, 6, (int[]){1, 1, 1, 1, 1, 1}), TW_ERR_SHAPE);
    assert_error(ctx, TW_ERR_SHAPE, "not an array's shape (6 dimensions)");
    cr_assert_eq(tw_npy_save(ctx, path, nothing, 1, (int[]){-1}), TW_ERR_SHAPE);
    assert_error(ctx, TW_ERR_SHAPE, path);
    cr_assert_eq(tw_npy_save(ctx, "/nowhere/a.npy", nothing, 1, (int[]){1}), TW_ERR_IO);
    assert_error(ctx, TW_ERR_IO, "/nowhere/a.npy: cannot be written");
    cr_assert_eq(tw_npy_save(ctx, "/dev/full", nothing, 1, (int[]){1}), TW_ERR_IO);
    assert_error(ctx, TW_ERR_IO, "/dev/full: cannot be written: No space left");
}

/* ---- what cannot be ------------------------------------------------------------------------------------- */

/* A file with this header (version 1) and so many bytes of numbers behind it. */
static size_t build(uint8_t *to, const char *header, size_t numbers) {
    size_t n = strlen(header);
    memcpy(to, "\x93NUMPY\x01\x00", 8);
    to[8] = (uint8_t)(n & 255);
    to[9] = (uint8_t)(n >> 8);
    memcpy(to + 10, header, n);
    for (size_t i = 0; i < numbers; i++) to[10 + n + i] = (uint8_t)i;
    return 10 + n + numbers;
}

static const char *path_of_bad;
static void write_again(const void *bytes, size_t size) {
    if (!path_of_bad) path_of_bad = write_text("bad.npy", "");
    FILE *out = fopen(path_of_bad, "wb");
    cr_assert(out && fwrite(bytes, 1, size, out) == size && !fclose(out));
}

static void refuse(const void *bytes, size_t size, const char *part) {
    tw_npy a = {.ndim = 9};
    write_again(bytes, size);
    tw_err err = tw_npy_load(ctx, path_of_bad, &a);
    assert_sentence(ctx, err, TW_ERR_FORMAT, path_of_bad, part);
    cr_assert(!a.data && !a.path && !a.integer && !a.ndim, "a failed call leaves its result empty");
}

Test(data_npy, headers_that_cannot_be) {
    static const struct {
        const char *header, *part;
    } cases[] = {
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (4,), }", "the type \"<f2\""},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (4,), }", "the type \"<c8\""},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }", "the most significant byte first is not read"},
        {"{'descr': '|S4', 'fortran_order': False, 'shape': (4,), }", "the type \"|S4\""},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (4,), }", "the type \"|O\""},
        {"{'descr': '<f', 'fortran_order': False, 'shape': (4,), }", "the type \"<f\""},
        {"{'descr': '', 'fortran_order': False, 'shape': (4,), }", "the type \"\""},
        {"{'descr': '<f44', 'fortran_order': False, 'shape': (4,), }", "the type \"<f44\""},
        {"{'descr': '<b8', 'fortran_order': False, 'shape': (2,), }", "the type \"<b8\""},
        {"{'descr': '<i3', 'fortran_order': False, 'shape': (4,), }", "the type \"<i3\""},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }", "structured records"},
        {"{'descr': '<f4', 'fortran_order': 1, 'shape': (4,), }", "True or False"},
        {"{'descr': '<f4', 'fortran_order': Falsey, 'shape': (4,), }", "True or False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4), }", "a comma, as (3,) has,"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }", "a dimension"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 2,), }", "a comma"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,,), }", "a dimension"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 4, }", "a shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4", "a comma"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,", "a dimension"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 2, 2, 1), }", "more than 5 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3000000000,), }", "a dimension that is not too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }", "not too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 2147483647), }", "is too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647), }", "is too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647,), }", "and 16 bytes follow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
         "[3] numbers of 4 bytes are announced, and 16 bytes follow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", "[5] numbers of 4 bytes"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }", "[0] numbers of 8 bytes"},
        {"{'descr': '<f4', 'fortran_order': False, }", "has no \"shape\""},
        {"{'fortran_order': False, 'shape': (4,), }", "has no \"descr\""},
        {"{'descr': '<f4', 'shape': (4,)}", "has no \"fortran_order\""},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", "has \"descr\" twice"},
        {"{'descr': '<f4', 'order': False, 'shape': (4,), }", "has a key \"order\""},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), } x", "nothing more at \"x\""},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (4,), }", "a comma"},
        {"{descr: '<f4', 'fortran_order': False, 'shape': (4,), }", "a key"},
        {"{'descr\\'': '<f4', 'fortran_order': False, 'shape': (4,), }", "a key"},
        {"{'descr': '<f4\n\x1b\xff', 'fortran_order': False, 'shape': (4,), }", "the type \"<f4???\""},
        {"{'descr': '<f4', ", "a key"},
        {"", "a dictionary"},
    };
    uint8_t file[1000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse(file, build(file, cases[i].header, 16), cases[i].part);
}

Test(data_npy, files_that_cannot_be) {
    static const char good[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n";
    uint8_t file[1000];
    tw_npy a;
    size_t size = build(file, good, 16);
    for (size_t n = 0; n < size; n++) refuse(file, n, ""); /* cut anywhere */
    write_again(file, size);
    cr_assert_eq(tw_npy_load(ctx, path_of_bad, &a), TW_OK, "%s", tw_errmsg(ctx));
    tw_npy_free(&a);
    refuse(file, 6, "6 bytes are too few");
    refuse(file, 9, "ends in its npy header");
    file[8] = file[9] = 255;
    refuse(file, size, "announces an npy header of 65535 bytes, and 74 follow");
    file[6] = 2;
    memset(file + 8, 255, 4);
    refuse(file, size, "announces an npy header of 4294967295 bytes");
    file[6] = 4;
    refuse(file, size, "version 4.0 of the npy format; 1 to 3 are read");
    file[0] = 'P';
    refuse(file, size, "not an npy file");
    size = build(file, good, 16);
    file[20] = 0;
    refuse(file, size, "a NUL byte in the npy header");
    cr_assert_eq(tw_npy_load(ctx, "/nowhere/a.npy", &a), TW_ERR_IO);
    assert_error(ctx, TW_ERR_IO, "/nowhere/a.npy: cannot be opened");
    cr_assert_eq(tw_npy_load(ctx, "/", &a), TW_ERR_IO);
    assert_error(ctx, TW_ERR_IO, "/: cannot be opened: Is a directory");
    size = build(file, "{'descr': '<f8', 'fortran_order': True, 'shape': (2,1), }", 16);
    const double large[] = {1, 1e300};
    memcpy(file + size - 16, large, 16);
    if (sizeof(tw_real) == 4) refuse(file, size, "element 1 is 1e+300: too large");
    static uint8_t long_header[12 + (1 << 20) + 1] = "\x93NUMPY\x02\x00\x01\x00\x10"; /* all of it is there */
    refuse(long_header, sizeof long_header, "has an npy header of 1048577 bytes; at most 1048576 are read");
}

/* A byte anywhere is another: an error or an array, and never more. */
Test(data_npy, random_damage) {
    static const char good[] = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 4), }\n";
    uint8_t file[1000], bad[1000];
    size_t size = build(file, good, 16);
    for (unsigned i = 0; i < 4000; i++) {
        memcpy(bad, file, size);
        for (unsigned k = 0; k <= i % 3; k++)
            bad[tw_random_bits(7, 4 * i + k) % size] = (uint8_t)tw_random_bits(8, 4 * i + k);
        write_again(bad, size);
        tw_npy a;
        if (tw_npy_load(ctx, path_of_bad, &a)) {
            cr_assert_eq(strncmp(tw_errmsg(ctx), path_of_bad, strlen(path_of_bad)), 0);
            cr_assert_null(strchr(tw_errmsg(ctx), '\n'));
            tw_error_clear(ctx);
        } else {
            cr_assert_leq(a.size, 16);
        }
        tw_npy_free(&a);
    }
}
