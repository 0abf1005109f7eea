/* test_model_broken.c - model files that are cut short, inconsistent, hostile, or simply another model's. Each gives
 * one sentence that names the file, and leaves the parameters as they were. */
#include "util_model.h"

#include <sys/stat.h>
#include <unistd.h>

static tw_ctx *ctx;
static tw_params *params;
static tw_tensor *a, *b;

static void setup(void) {
    ctx = tw_ctx_new(1);
    params = tw_params_new(ctx);
    a = tw_param(params, "a", (tw_init){TW_INIT_CONSTANT, 5}, 1, (int[]){2});
    b = tw_param(params, "b", (tw_init){TW_INIT_CONSTANT, 6}, 2, (int[]){1, 3});
}
static void teardown(void) {
    remove_files();
    tw_params_free(params);
    tw_ctx_free(ctx);
}
TestSuite(model_broken, .init = setup, .fini = teardown);

static bool untouched(void) {
    return a->data[0] == 5 && a->data[1] == 5 && b->data[0] == 6 && b->data[1] == 6 && b->data[2] == 6;
}
static const float data[5] = {1, 2, 3, 4, 5};

static void refuse(const char *file, tw_err code, const char *part) {
    assert_sentence(ctx, tw_model_load(params, file), code, file, part);
    cr_assert(untouched(), "%s", file);
}

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define B "\"b\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[8,20]}"

Test(model_broken, the_good_file) {
    cr_assert_eq(tw_model_load(params, write_model("good", "{" A "," B "}", data, 20)), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(a->data[1] == 2 && b->data[2] == 5);
}

/* What a slip or malice may write instead. Every row has the 20 bytes of data. */
Test(model_broken, headers) {
    static const struct {
        const char *header, *part;
    } cases[] = {
        /* not JSON, or not quite */
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {" {" A "," B "}", "not a JSON object"},
        {"{" A "," B, "not JSON near its byte"},
        {"{" A "," B "}}", "something follows"},
        {"{" A "," B "} x", "something follows"},
        {"{" A "," B ",}", "not JSON"},
        {"{\"a\377\":{}," B "}", "UTF-8"},
        {"{\"a\":nul," B "}", "not JSON"},
        {"{\"__metadata__\":{\"k\":\"a\\u0000b\"}," A "," B "}", "a string of the header has a NUL character"},
        {"{\"__metadata__\":{\"k\\\\\\u0000b\":\"a\"}," A "," B "}", "has a NUL character"},
        {"{\"a\\u0000\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "has a NUL character"},
        /* entries that describe nothing */
        {"{\"a\":3," B "}", "\"a\" does not describe a tensor"},
        {"{\"a\":[]," B "}", "\"a\" does not describe a tensor"},
        {"{\"a\":{}," B "}", "\"a\" has no dtype"},
        {"{\"a\":{\"dtype\":3,\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "\"a\" has no dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "has no dtype"},
        {"{\"a\":{\"dtype\":\"C64\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "dtype C64, which is not supported"},
        {"{\"a\":{\"dtype\":\"F\\n2\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "dtype F?2"},
        /* shapes */
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}," B "}", "\"a\" has no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}," B "}", "\"a\" has no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}," B "}", "\"a\" has no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}," B "}", "\"a\" has no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}," B "}", "\"a\" has no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,2],\"data_offsets\":[0,8]}," B "}", "\"a\" has no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3000000000],\"data_offsets\":[0,8]}," B "}", "\"a\" has no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[65536,65536,65536,65536,2],\"data_offsets\":[0,8]}," B "}", "no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}," B "}",
         "has 8 bytes, and its shape and dtype say 12"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "say 16"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,8]}," B "}", "say 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,8]}," B "}", "say 0"},
        /* offsets */
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}," B "}", "\"a\" has no data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}," B "}", "no data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}," B "}", "no data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}," B "}", "no data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}," B "}", "no data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,1e400]}," B "}", "no data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8.5]}," B "}", "no data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":{\"x\":0,\"y\":8}}," B "}", "no data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"data_offsets\":[0,8]}," B "}",
         "no data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]}," B "}",
         "cut short: \"a\" ends at byte 24"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4503599627370496,4503599627370504]}," B "}",
         "cut short"},
        /* all together */
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}," B "}", "\"a\" begins after a hole"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}," B "}", "after a hole"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[4,16]}}",
         "\"b\" overlaps another tensor"},
        {"{" A "}", "12 bytes of data belong to no tensor"},
        {"{}", "20 bytes of data belong to no tensor"},
        {"{" A "," B "," A "}", "overlaps"},
        {"{" A "," B ",\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]},"
         "\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[20,20]}}",
         "\"e\" is there twice"},
        /* metadata */
        {"{\"__metadata__\":3," A "," B "}", "__metadata__ is not a table"},
        {"{\"__metadata__\":{\"k\":3}," A "," B "}", "metadata \"k\" is not a string"},
        {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"1\"}," A "," B "}", "metadata \"k\" is there twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{}," A "," B "}", "__metadata__ is there twice"},
        /* another model's */
        {"{" A ",\"c\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[8,20]}}",
         "there is no \"b\" [1,3], and \"c\" is unknown to the model"},
        {"{" A ",\"thalweg.b\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[8,20]}}",
         "there is no \"b\" [1,3]"},
        {"{" A "," B ",\"c\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]}}",
         "\"c\" is unknown to the model"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}," B "}",
         "\"a\" has the shape [2,1], and the model wants [2]"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[3,1],\"data_offsets\":[8,20]}}", "\"b\" has the shape [3,1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refuse(write_model("bad", cases[i].header, data, 20), TW_ERR_FORMAT, cases[i].part);
        remove_files();
    }
}

/* Names that would spoil a message are shown in part. */
Test(model_broken, long_and_ugly_names) {
    char header[3000] = "{\"\\u001b[31m\\n";
    for (int i = 0; i < 400; i++) strcat(header, "\303\251");
    strcat(header, "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}," A "," B "}");
    const char *file = write_model("ugly", header, data, 20);
    cr_assert_eq(tw_model_load(params, file), TW_ERR_FORMAT);
    cr_assert(strstr(tw_errmsg(ctx), "\"?[31m?\303\251"), "%s", tw_errmsg(ctx));
    cr_assert(strstr(tw_errmsg(ctx), "...\" is unknown"), "%s", tw_errmsg(ctx));
    cr_assert_lt(strlen(tw_errmsg(ctx)), 300);
    tw_error_clear(ctx);
}

Test(model_broken, deep_nesting) {
    char header[10000] = "{\"a\":";
    memset(header + 5, '[', 9000);
    refuse(write_model("deep", header, data, 20), TW_ERR_FORMAT, "not JSON");
}

Test(model_broken, lengths_of_the_header) {
    unsigned char bytes[64] = {0};
    refuse(write_file("none", bytes, 0), TW_ERR_FORMAT, "0 bytes are too few");
    refuse(write_file("seven", bytes, 7), TW_ERR_FORMAT, "7 bytes are too few");
    refuse(write_file("zero", bytes, 8), TW_ERR_FORMAT, "not a JSON object");
    bytes[0] = 57;
    refuse(write_file("beyond", bytes, 64), TW_ERR_FORMAT, "a header of 57 bytes in a file of 64");
    memset(bytes, 255, 8);
    refuse(write_file("all ones", bytes, 64), TW_ERR_FORMAT, "a header of 18446744073709551615 bytes in a file of 64");
    memcpy(bytes, "\x89PNG\r\n\x1a\n", 8);
    refuse(write_file("a picture", bytes, 64), TW_ERR_FORMAT, "not a safetensors file");
    const char *large = write_file("large", "\1\0\0\1\0\0\0\0{", 9); /* 16 MiB + 1, in a file that is large enough */
    cr_assert_eq(truncate(large, 17 << 20), 0);
    refuse(large, TW_ERR_FORMAT, "more than the 16777216 that are allowed");
}

Test(model_broken, what_is_no_file) {
    refuse("/nonexistent/model", TW_ERR_IO, "cannot be opened: No such file");
    refuse(make_folder("folder"), TW_ERR_IO, "cannot be opened: Is a directory");
    refuse("/dev/zero", TW_ERR_IO, "not a regular file");
    char fifo[300];
    temp_path("fifo", fifo, sizeof fifo);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    refuse(fifo, TW_ERR_IO, "not a regular file");
    unlink(fifo);
    tw_meta *meta = (tw_meta *)&ctx;
    cr_assert_eq(tw_meta_load(ctx, "/nonexistent/model", &meta), TW_ERR_IO);
    cr_assert_null(meta);
    /* Parameters that found no file are open for more. */
    tw_params *fresh = tw_params_new(ctx);
    tw_error_clear(ctx);
    cr_assert_eq(tw_model_load(fresh, "/nonexistent/model"), TW_ERR_IO);
    tw_error_clear(ctx);
    cr_assert_eq(tw_checkpoint_load(fresh, NULL, NULL, "/nonexistent/model"), TW_ERR_IO);
    tw_error_clear(ctx);
    cr_assert_not_null(tw_param(fresh, "more", (tw_init){0}, 0, NULL), "%s", tw_errmsg(ctx));
    tw_params_free(fresh);
}

/* Cut at every length, a good file is refused every time. */
Test(model_broken, every_truncation) {
    size_t n;
    char *good = read_file(write_model("good", "{\"__metadata__\":{\"k\":\"v\"}," A "," B "}", data, 20), &n);
    for (size_t cut = 0; cut < n; cut++) {
        const char *file = write_file("cut", good, cut);
        cr_assert_eq(tw_model_load(params, file), TW_ERR_FORMAT, "%zu of %zu bytes: %s", cut, n, tw_errmsg(ctx));
        cr_assert_eq(strncmp(tw_errmsg(ctx), file, strlen(file)), 0);
        cr_assert(untouched());
        tw_error_clear(ctx);
        unlink(file);
        remove_files();
    }
    free(good);
}

/* Bytes of the header replaced at random: refused, or something that is really a file of this model. */
Test(model_broken, random_damage) {
    static const char spice[] = "{}[]\",:0123456789.-eabF\\u\200\377\0 ";
    size_t n, loaded = 0;
    char *good = read_file(write_model("good", "{\"__metadata__\":{\"k\":\"v\"}," A "," B "}", data, 20), &n);
    char *bad = malloc(n);
    for (uint64_t i = 0; i < 3000; i++) {
        memcpy(bad, good, n);
        for (uint64_t k = 0; k <= i % 3; k++)
            bad[tw_random_bits(i, 2 * k) % (n - 20)] = spice[tw_random_bits(i, 2 * k + 1) % (sizeof spice - 1)];
        const char *file = write_file("bad", bad, n);
        tw_err err = tw_model_load(params, file);
        if (err) {
            cr_assert_eq(err, TW_ERR_FORMAT, "%s", tw_errmsg(ctx));
            cr_assert_eq(strncmp(tw_errmsg(ctx), file, strlen(file)), 0);
            cr_assert(untouched());
        } else {
            loaded++;
            cr_assert(a->data[1] == 2 && b->data[2] == 5);
            a->data[0] = a->data[1] = 5;
            b->data[0] = b->data[1] = b->data[2] = 6;
        }
        tw_error_clear(ctx);
        remove_files();
    }
    cr_assert_lt(loaded, 1000);
    free(good);
    free(bad);
}

/* ---- tied parameters ----------------------------------------------------------------------------------- */

#define C "\"c\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
Test(model_broken, tied_parameters_under_either_name) {
    tw_tensor *c = tw_param(params, "c", (tw_init){0}, 1, (int[]){2});
    cr_assert_eq(tw_params_tie(params, "c", "a"), TW_OK);
    refuse(write_model("neither", "{\"b\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[0,12]}}", data, 12),
           TW_ERR_FORMAT, "there is no \"a\" [2]");
    static const float both[7] = {1, 2, 3, 4, 5, 1, 2}, differ[7] = {1, 2, 3, 4, 5, 1, 2.5f};
    static const char header[] = "{" A "," B ",\"c\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[20,28]}}";
    refuse(write_model("differ", header, differ, 28), TW_ERR_FORMAT, "are one parameter, but have different values");
    cr_assert_eq(tw_model_load(params, write_model("tied", "{" B "," C "}", data, 20)), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(a->data[1] == 2 && c->data[1] == 2);
    a->data[1] = 9;
    cr_assert_eq(tw_model_load(params, write_model("both", header, both, 28)), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(a->data[1] == 2 && b->data[2] == 5);
}
