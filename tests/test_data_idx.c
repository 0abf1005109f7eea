/* test_data_idx.c - IDX files: what is written is read, and what is wrong is said. */
#include "util_files.h"
#include "util_malloc.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(data_idx, .fini = remove_files);

/* 2 x 3 x 2 unsigned bytes */
static const uint8_t small[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255};

static void check_small(const tw_idx *idx, const char *path) {
    cr_assert_eq(idx->ndim, 3);
    cr_assert(idx->dim[0] == 2 && idx->dim[1] == 3 && idx->dim[2] == 2);
    cr_assert_eq(idx->size, 12);
    cr_assert_eq(memcmp(idx->data, small + 16, 12), 0);
    cr_assert_str_eq(idx->path, path);
}

static void check_empty(const tw_idx *idx) { cr_assert(!idx->data && !idx->path && !idx->size && !idx->ndim); }

Test(data_idx, raw_and_gzipped) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_idx idx;
    const char *path = write_file("small-idx3-ubyte", small, sizeof small);
    cr_assert_eq(tw_idx_load(ctx, path, &idx), TW_OK, "%s", tw_errmsg(ctx));
    check_small(&idx, path);
    tw_idx_free(&idx);
    check_empty(&idx);
    path = write_gz("small-idx3-ubyte.gz", small, sizeof small);
    cr_assert_eq(tw_idx_load(ctx, path, &idx), TW_OK, "%s", tw_errmsg(ctx));
    check_small(&idx, path);
    tw_idx_free(&idx);
    tw_idx_free(&idx); /* again: nothing */
    tw_ctx_free(ctx);
}

/* Larger than the first block that is allocated, so that the memory grows. */
Test(data_idx, large) {
    enum { N = 3000, SIDE = 29 };
    size_t size = 16 + (size_t)N * SIDE * SIDE;
    uint8_t *bytes = malloc(size);
    memcpy(bytes, (uint8_t[]){0, 0, 8, 3, 0, 0, N >> 8, N & 255, 0, 0, 0, SIDE, 0, 0, 0, SIDE}, 16);
    for (size_t i = 16; i < size; i++) bytes[i] = (uint8_t)tw_random_bits(1, i);
    tw_ctx *ctx = tw_ctx_new(1);
    for (int gz = 0; gz < 2; gz++) {
        const char *path = gz ? write_gz("large.gz", bytes, size) : write_file("large", bytes, size);
        tw_idx idx;
        cr_assert_eq(tw_idx_load(ctx, path, &idx), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq(idx.size, size - 16);
        cr_assert_eq(memcmp(idx.data, bytes + 16, size - 16), 0);
        tw_idx_free(&idx);
    }
    free(bytes);
    tw_ctx_free(ctx);
}

Test(data_idx, no_items) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_idx idx;
    uint8_t none[] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28};
    cr_assert_eq(tw_idx_load(ctx, write_file("none", none, sizeof none), &idx), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(idx.ndim == 3 && idx.dim[0] == 0 && idx.dim[1] == 28 && idx.size == 0 && idx.data);
    double mean, std;
    tw_idx_mean_std(&idx, &mean, &std);
    cr_assert(mean == 0 && std == 0);
    tw_idx_free(&idx);
    tw_ctx_free(ctx);
}

/* ---- hostile files --------------------------------------------------------------------------------------- */

#define BYTES(...) \
    sizeof((uint8_t[]){__VA_ARGS__}), { __VA_ARGS__ }
static const struct {
    const char *name;
    const char *part; /* of the sentence */
    size_t size;
    uint8_t bytes[32];
} hostile[] = {
    {"one-byte", "1 bytes, too short", BYTES(0)},
    {"half-magic", "3 bytes, too short", BYTES(0, 0, 8)},
    {"png", "begins with the bytes 89 50 4e 47", BYTES(0x89, 'P', 'N', 'G', 13, 10, 26, 10)},
    {"little-endian", "begins with the bytes 03 08 00 00", BYTES(3, 8, 0, 0, 2, 0, 0, 0)},
    {"signed", "signed bytes (IDX type 0x09)", BYTES(0, 0, 9, 1, 0, 0, 0, 1, 5)},
    {"shorts", "2-byte integers (IDX type 0x0b)", BYTES(0, 0, 11, 1, 0, 0, 0, 1, 5, 5)},
    {"ints", "4-byte integers (IDX type 0x0c)", BYTES(0, 0, 12, 1, 0, 0, 0, 1, 5, 5, 5, 5)},
    {"floats", "4-byte floats (IDX type 0x0d)", BYTES(0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0)},
    {"doubles", "8-byte floats (IDX type 0x0e)", BYTES(0, 0, 14, 1, 0, 0, 0, 0)},
    {"no-type", "unknown type (IDX type 0x00)", BYTES(0, 0, 0, 1, 0, 0, 0, 1, 5)},
    {"no-dimensions", "announces 0 dimensions", BYTES(0, 0, 8, 0, 5)},
    {"six-dimensions", "announces 6 dimensions", BYTES(0, 0, 8, 6, 0, 0, 0, 1)},
    {"255-dimensions", "announces 255 dimensions", BYTES(0, 0, 8, 255)},
    {"ends-in-header", "after 11 of its 16 bytes", BYTES(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0)},
    {"only-magic", "after 4 of its 8 bytes", BYTES(0, 0, 8, 1)},
    {"negative-count", "dimension 0 in the IDX header is 4294967295", BYTES(0, 0, 8, 1, 255, 255, 255, 255, 1)},
    {"overflow", "dimension 2 in the IDX header is 2147483647",
     BYTES(0, 0, 8, 3, 127, 255, 255, 255, 127, 255, 255, 255, 127, 255, 255, 255, 1)},
    {"huge", "2147483647x2000000000 = 4294967294000000000 bytes of data, ",
     BYTES(0, 0, 8, 2, 127, 255, 255, 255, 0x77, 0x35, 0x94, 0, 7)},
    {"one-missing", "announces 2x2 = 4 bytes of data, and only 3", BYTES(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3)},
    {"one-more", "more data follows the 2 = 2 bytes", BYTES(0, 0, 8, 1, 0, 0, 0, 2, 1, 2, 3)},
    {"empty-and-more", "more data follows the 0 = 0 bytes", BYTES(0, 0, 8, 1, 0, 0, 0, 0, 9)},
};

/* A header may announce exabytes: nothing near it is asked for. */
static void limit_memory(void) {
    struct rlimit limit = {1u << 30, 1u << 30};
    if (malloc_is_ours()) setrlimit(RLIMIT_AS, &limit); /* sanitizers and valgrind need more for themselves */
}

Test(data_idx, hostile_files, .init = limit_memory) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        for (int gz = 0; gz < 2; gz++) {
            tw_idx idx;
            const char *path = gz ? write_gz(hostile[i].name, hostile[i].bytes, hostile[i].size)
                                  : write_file(hostile[i].name, hostile[i].bytes, hostile[i].size);
            tw_err err = tw_idx_load(ctx, path, &idx);
            if (err && !strcmp(hostile[i].name, "huge"))
                cr_assert(strstr(tw_errmsg(ctx), gz ? "more than a gzip file of" : "and only 1 follow"));
            assert_sentence(ctx, err, TW_ERR_FORMAT, path, hostile[i].part);
            check_empty(&idx);
            remove_files();
        }
    tw_ctx_free(ctx);
}

Test(data_idx, not_a_file) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_idx idx;
    char path[256];
    tw_err err = tw_idx_load(ctx, temp_path("absent", path, sizeof path), &idx);
    assert_sentence(ctx, err, TW_ERR_IO, path, "cannot be opened: No such file");
    const char *folder = make_folder("folder");
    err = tw_idx_load(ctx, folder, &idx);
    assert_sentence(ctx, err, TW_ERR_IO, folder, "Is a directory");
    const char *empty = write_file("empty", "", 0);
    err = tw_idx_load(ctx, empty, &idx);
    assert_sentence(ctx, err, TW_ERR_FORMAT, empty, "0 bytes, too short");
    check_empty(&idx);
    tw_ctx_free(ctx);
}

/* A gzip file cut at every length, and with every byte changed: never accepted as something else. */
Test(data_idx, damaged_gzip) {
    tw_ctx *ctx = tw_ctx_new(1);
    uint8_t bytes[16 + 500], packed[1024];
    memcpy(bytes, (uint8_t[]){0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 10, 0, 0, 0, 10}, 16);
    for (size_t i = 16; i < sizeof bytes; i++) bytes[i] = (uint8_t)(tw_random_bits(7, i) % 5);
    const char *path = write_gz("whole.gz", bytes, sizeof bytes);
    FILE *file = fopen(path, "rb");
    size_t n = fread(packed, 1, sizeof packed, file);
    fclose(file);
    remove_files();
    for (size_t cut = 0; cut < n; cut++) {
        tw_idx idx;
        path = write_file("cut.gz", packed, cut);
        tw_err err = tw_idx_load(ctx, path, &idx);
        assert_sentence(ctx, err, TW_ERR_FORMAT, path, cut < 2 ? "too short" : "gzip stream breaks off");
        check_empty(&idx);
        remove_files();
    }
    for (size_t at = 0; at < n; at++) {
        tw_idx idx;
        uint8_t was = packed[at];
        packed[at] ^= 0x55;
        path = write_file("changed.gz", packed, n);
        packed[at] = was;
        tw_err err = tw_idx_load(ctx, path, &idx);
        /* Bytes 4 to 9 of a gzip header (time, flags of the packer, system) do not matter. */
        if (err) assert_sentence(ctx, err, TW_ERR_FORMAT, path, "");
        else cr_assert(at >= 4 && at < 10 && idx.size == 500 && !memcmp(idx.data, bytes + 16, 500), "byte %zu", at);
        tw_idx_free(&idx);
        remove_files();
    }
    tw_ctx_free(ctx);
}

/* ---- finding files --------------------------------------------------------------------------------------- */

Test(data_idx, find_all_spellings) {
    static const char *const name[] = {"f/train-images-idx3-ubyte", "f/train-images-idx3-ubyte.gz",
                                       "f/train-images.idx3-ubyte", "f/train-images.idx3-ubyte.gz"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        tw_idx idx;
        const char *folder = make_folder("f");
        const char *path = i % 2 ? write_gz(name[i], small, sizeof small) : write_file(name[i], small, sizeof small);
        cr_assert_eq(tw_idx_find(ctx, folder, "train-images", 3, &idx), TW_OK, "%s", tw_errmsg(ctx));
        check_small(&idx, path);
        tw_idx_free(&idx);
        remove_files();
    }
    tw_ctx_free(ctx);
}

Test(data_idx, find_nothing) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_idx idx;
    const char *folder = make_folder("g");
    tw_err err = tw_idx_find(ctx, folder, "t10k-labels", 1, &idx);
    assert_sentence(ctx, err, TW_ERR_IO, folder,
                    "t10k-labels-idx1-ubyte, t10k-labels-idx1-ubyte.gz, t10k-labels.idx1-ubyte");
    check_empty(&idx);
    const char *path = write_file("g/labels-idx1-ubyte", small, sizeof small);
    err = tw_idx_find(ctx, folder, "labels", 1, &idx);
    assert_sentence(ctx, err, TW_ERR_FORMAT, path, "3 dimensions where its name says 1");
    check_empty(&idx);
    tw_ctx_free(ctx);
}

Test(data_idx, mean_and_std) {
    tw_idx idx = {.ndim = 1, .dim = {4}, .data = (uint8_t[]){0, 255, 0, 255}, .size = 4};
    double mean, std;
    tw_idx_mean_std(&idx, &mean, &std);
    cr_assert(near(mean, 0.5, 1e-12) && near(std, 0.5, 1e-12));
    idx.data = (uint8_t[]){51, 51, 51, 51};
    tw_idx_mean_std(&idx, &mean, &std);
    cr_assert(near(mean, 0.2, 1e-12) && near(std, 0, 1e-12));
}

/* ---- real files ------------------------------------------------------------------------------------------ */

Test(data_idx, mnist) {
    char dir[512];
    if (!test_data("mnist", dir, sizeof dir)) return;
    /* How many of each digit, as published. */
    static const int train[10] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
    static const int test[10] = {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009};
    tw_ctx *ctx = tw_ctx_new(1);
    for (int k = 0; k < 2; k++) {
        tw_idx images, labels;
        int count[256] = {0}, n = k ? 10000 : 60000;
        cr_assert_eq(tw_idx_find(ctx, dir, k ? "t10k-images" : "train-images", 3, &images), TW_OK, "%s",
                     tw_errmsg(ctx));
        cr_assert_eq(tw_idx_find(ctx, dir, k ? "t10k-labels" : "train-labels", 1, &labels), TW_OK, "%s",
                     tw_errmsg(ctx));
        cr_assert(images.dim[0] == n && images.dim[1] == 28 && images.dim[2] == 28 && labels.dim[0] == n);
        for (int i = 0; i < n; i++) count[labels.data[i]]++;
        for (int c = 0; c < 10; c++) cr_assert_eq(count[c], k ? test[c] : train[c]);
        double mean, std;
        tw_idx_mean_std(&images, &mean, &std);
        if (!k) cr_assert(near(mean, 0.1306604762738429, 1e-12) && near(std, 0.30810780385646264, 1e-12));
        tw_idx_free(&images);
        tw_idx_free(&labels);
    }
    tw_ctx_free(ctx);
}
