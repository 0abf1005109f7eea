/* test_break_files.c - every reader of files against what is no file, against headers that lie, and against files that
 * are long where a disk has nothing: one sentence, soon, and no memory for what is only announced. */
#include "util_apart.h"
#include "util_model.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

TestSuite(break_files, .fini = remove_files);

/* ---- the readers ------------------------------------------------------------------------------------------------ */

static tw_err read_idx(tw_ctx *ctx, const char *path) {
    tw_idx idx;
    tw_err err = tw_idx_load(ctx, path, &idx);
    tw_idx_free(&idx);
    return err;
}
static tw_err read_npy(tw_ctx *ctx, const char *path) {
    tw_npy npy;
    tw_err err = tw_npy_load(ctx, path, &npy);
    tw_npy_free(&npy);
    return err;
}
static tw_err read_csv(tw_ctx *ctx, const char *path) {
    tw_csv csv;
    tw_err err = tw_csv_load(ctx, path, NULL, &csv);
    tw_csv_free(&csv);
    return err;
}
static tw_err read_csv_with_header(tw_ctx *ctx, const char *path) {
    tw_csv csv;
    tw_err err = tw_csv_load(ctx, path, &(tw_csv_options){.header = true}, &csv);
    tw_csv_free(&csv);
    return err;
}
static tw_err read_tsv(tw_ctx *ctx, const char *path) {
    tw_tsv tsv;
    tw_err err = tw_tsv_load(ctx, path, &tsv);
    tw_tsv_free(&tsv);
    return err;
}
static tw_err read_image(tw_ctx *ctx, const char *path) {
    tw_image image;
    tw_err err = tw_image_load(ctx, path, 0, &image);
    tw_image_free(&image);
    return err;
}
static tw_err read_lines(tw_ctx *ctx, const char *path) {
    tw_lines lines;
    tw_err err = tw_lines_load(ctx, path, &lines);
    tw_lines_free(&lines);
    return err;
}
static tw_err read_lexicon(tw_ctx *ctx, const char *path) {
    tw_alphabet *a = tw_alphabet_new(ctx, "ab");
    tw_lexicon *l = a ? tw_lexicon_load(ctx, a, path, true, NULL) : NULL;
    tw_lexicon_free(l);
    tw_alphabet_free(a);
    return tw_error(ctx);
}
static tw_err read_ngram(tw_ctx *ctx, const char *path) {
    tw_ngram_free(tw_ngram_load(ctx, path));
    return tw_error(ctx);
}
static tw_err read_model(tw_ctx *ctx, const char *path) {
    tw_params *params = tw_params_new(ctx);
    tw_err err = tw_param(params, "a", (tw_init){0}, 1, (int[]){2}) ? tw_model_load(params, path) : tw_error(ctx);
    tw_params_free(params);
    return err;
}
static tw_err read_checkpoint(tw_ctx *ctx, const char *path) {
    tw_params *params = tw_params_new(ctx);
    tw_err err = tw_param(params, "a", (tw_init){0}, 1, (int[]){2}) ? tw_checkpoint_load(params, NULL, NULL, path)
                                                                    : tw_error(ctx);
    tw_params_free(params);
    return err;
}
static tw_err read_meta(tw_ctx *ctx, const char *path) {
    tw_meta *meta;
    tw_err err = tw_meta_load(ctx, path, &meta);
    tw_meta_free(meta);
    return err;
}

static const struct reader {
    const char *name;
    apart_read read;
    bool text; /* for which an empty file is right, or wrong in its own way */
} readers[] = {
    {"idx", read_idx, false},
    {"npy", read_npy, false},
    {"csv", read_csv, true},
    {"csv with a header", read_csv_with_header, true},
    {"tsv", read_tsv, true},
    {"image", read_image, false},
    {"lines", read_lines, true},
    {"lexicon", read_lexicon, true},
    {"ngram", read_ngram, false},
    {"model", read_model, false},
    {"checkpoint", read_checkpoint, false},
    {"meta", read_meta, false},
};
enum { READERS = sizeof readers / sizeof *readers };

/* ---- what is no file --------------------------------------------------------------------------------------------- */

static const char *link_to(const char *name, const char *target) {
    const char *path = write_text(name, "");
    unlink(path);
    cr_assert_eq(symlink(target, path), 0);
    return path;
}

Test(break_files, what_is_no_file) {
    char absent[256], long_path[5001], below_file[300];
    temp_path("absent", absent, sizeof absent);
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[0] = '/';
    long_path[5000] = 0;
    snprintf(below_file, sizeof below_file, "%s/below", write_text("file", "x"));
    const char *fifo = write_text("fifo", ""), *loop = link_to("loop", "loop");
    unlink(fifo);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    unlink(loop);
    cr_assert_eq(symlink(loop, loop), 0);
    const struct {
        const char *path, *part;
    } cases[] = {
        {absent, "No such file"},
        {"", "No such file"},
        {make_folder("folder"), "irectory"},
        {below_file, "Not a directory"},
        {fifo, "not a regular file"},
        {link_to("to a fifo", fifo), "not a regular file"},
        {loop, "symbolic links"},
        {link_to("to nothing", absent), "No such file"},
        {"/dev/zero", "not a regular file"},
        {"/dev/full", "not a regular file"},
        {"/dev/tty", ""},
        {long_path, "File name too long"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (size_t r = 0; r < READERS; r++) {
            assert_refused(readers[r].name, readers[r].read, cases[c].path, TW_ERR_IO, cases[c].part);
        }
    const char *empty = write_text("empty", "");
    for (size_t r = 0; r < READERS; r++)
        if (!readers[r].text) assert_refused(readers[r].name, readers[r].read, empty, TW_ERR_FORMAT, "");
}

/* A pipe that the process was given, as `<(command)` does, can be read where nothing has to be found twice. */
static tw_err read_from_a_pipe(tw_ctx *ctx, const char *text) {
    int ends[2];
    char path[64];
    tw_lines lines;
    if (pipe(ends) || write(ends[1], text, strlen(text)) < 0) return TW_ERR_STATE;
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    tw_err err = tw_lines_load(ctx, path, &lines);
    if (!err && (lines.n != 2 || strcmp(lines.line[1], "two"))) err = TW_ERR_STATE;
    tw_lines_free(&lines);
    tw_image image;
    if (!err && tw_image_load(ctx, path, 0, &image) != TW_ERR_IO) err = TW_ERR_STATE;
    return err;
}

Test(break_files, pipes_of_the_process) {
    if (access("/dev/fd/0", F_OK)) cr_skip_test("no /dev/fd here");
    const apart a = read_apart(read_from_a_pipe, "one\ntwo\n", 64);
    cr_assert_eq(a.err, TW_OK, "%s", a.message);
}

/* `<(xz -dc lm.xz)`: a language model is read from front to back, and is larger than what a pipe holds. */
Test(break_files, a_language_model_from_a_pipe) {
    enum { LINES = 4000 };
    if (access("/dev/fd/0", F_OK)) cr_skip_test("no /dev/fd here");
    char *lines[LINES], command[600], path[64];
    for (uint64_t i = 0; i < LINES; i++) {
        lines[i] = calloc(1, 17);
        for (uint64_t k = 0; k < 16; k++) lines[i][k] = (char)('a' + tw_random_bits(i, k) % 26);
    }
    tw_ctx *ctx = tw_ctx_new(1);
    tw_ngram *m = tw_ngram_train(ctx, 5, LINES, (const char *const *)lines), *again;
    const char *file = write_text("lm", "");
    cr_assert_eq(tw_ngram_save(ctx, m, file), TW_OK, "%s", tw_errmsg(ctx));
    size_t size;
    free(read_file(file, &size));
    cr_assert_gt(size, 3 << 16);
    const char *const shell[] = {"cat %s", "cat %s; cat /dev/zero", "head -c 100000 %s"};
    for (int i = 0; i < 3; i++) {
        snprintf(command, sizeof command, shell[i], file);
        FILE *from = popen(command, "r");
        snprintf(path, sizeof path, "/dev/fd/%d", fileno(from));
        again = tw_ngram_load(ctx, path);
        pclose(from);
        cr_assert_eq(tw_error(ctx), i ? TW_ERR_FORMAT : TW_OK, "%s: %s", command, tw_errmsg(ctx));
        cr_assert_eq(again != NULL, i == 0);
        tw_ngram_free(again);
        tw_error_clear(ctx);
    }
    tw_ngram_free(m);
    tw_ctx_free(ctx);
    for (int i = 0; i < LINES; i++) free(lines[i]);
}

/* ---- a front, and then nothing for a terabyte -------------------------------------------------------------------- */

static const char *make_sparse(const char *front, size_t n, int64_t total) {
    const char *path = write_file("sparse", front, n);
    if (total && truncate(path, (off_t)total)) return NULL; /* this file system has no such files */
    return path;
}

#define FRONT(text) (text), sizeof(text) - 1
#define MILLION "\0\x0f\x42\x40"
#define TERA INT64_C(1000000000000)
static const char npy_2d[] = "\x93NUMPY\1\0\x3a\0{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }";

/* sizeof: a string literal that ends where an octal escape may go on is cut in two. */
static const struct lie {
    const char *name;
    apart_read read;
    const char *front;
    size_t n;
    int64_t total; /* of the file, by a hole; 0: only the front */
    tw_err code;
    const char *part;
} lies[] = {
    /* counts whose product is nothing that a file or a machine has */
    {"idx: 10^6 x 10^6", read_idx, FRONT("\0\0\10\3\0\0\0\1" MILLION MILLION), 0, TW_ERR_FORMAT,
     "announces 1x1000000x1000000 = 1000000000000 bytes of data, and only 0 follow"},
    {"idx: 2^32", read_idx, FRONT("\0\0\10\2\0\1\0\0\0\1\0\0"), 0, TW_ERR_FORMAT, "65536x65536 = 4294967296 bytes"},
    {"idx: 2^64", read_idx, FRONT("\0\0\10\4\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0"), 0, TW_ERR_FORMAT,
     "dimension 3 in the IDX header is 65536: too large"},
    {"idx: 2^64 of nothing", read_idx, FRONT("\0\0\10\5\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0\0\0"), 0, TW_ERR_FORMAT,
     "too large"},
    {"idx: a terabyte that is there", read_idx, FRONT("\0\0\10\3\0\0\0\1" MILLION MILLION), TERA + 16, TW_ERR_NOMEM,
     "more than this machine's memory"},
    {"png: 10^6 x 10^6", read_image, FRONT("\x89PNG\r\n\x1a\n\0\0\0\15IHDR" MILLION MILLION "\10\0\0\0\0abcd"), 0,
     TW_ERR_FORMAT, "too many pixels"},
    {"png: 65535 x 65535", read_image, FRONT("\x89PNG\r\n\x1a\n\0\0\0\15IHDR\0\0\xff\xff\0\0\xff\xff\10\6\0\0\0abcd"),
     TERA, TW_ERR_FORMAT, "too many pixels"},
    {"pgm: 10^6 x 10^6", read_image, FRONT("P5\n1000000 1000000\n255\n"), 0, TW_ERR_FORMAT,
     "announces 1000000 x 1000000 pixels"},
    {"ppm: 65535 x 65535", read_image, FRONT("P6\n65535 65535\n255\n"), 0, TW_ERR_FORMAT, "pixels"},
    {"ppm: 2^31 x 2^31", read_image, FRONT("P6\n2147483648 99999999999999999999\n255\n"), 0, TW_ERR_FORMAT, ""},
    {"gif: 65535 x 65535", read_image, FRONT("GIF89a\xff\xff\xff\xff\0\0\0"), 0, TW_ERR_FORMAT, "pixels"},
    {"bmp: 10^6 x 10^6", read_image,
     FRONT("BM\0\0\0\0\0\0\0\0\66\0\0\0\50\0\0\0\x40\x42\x0f\0\x40\x42\x0f\0\1\0\30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
           "\0\0\0\0\0\0\0\0"),
     0, TW_ERR_FORMAT, ""},
    {"jpeg: 65535 x 65535", read_image, FRONT("\xff\xd8\xff\xc0\0\13\10\xff\xff\xff\xff\1\1\x11\0"), 0, TW_ERR_FORMAT,
     "pixels"},
    /* pictures that would be searched for ever */
    {"pgm: a comment of a terabyte", read_image, FRONT("P5\n# "), TERA, TW_ERR_FORMAT, ""},
    {"pgm: blanks of a terabyte", read_image, FRONT("P5\n16 16\n255\n"), TERA, TW_ERR_FORMAT,
     "far too long for a picture of 16 x 16 pixels"},
    {"jpeg: nothing after its beginning", read_image, FRONT("\xff\xd8\xff"), TERA, TW_ERR_FORMAT, ""},
    {"jpeg: nothing before its tables", read_image, FRONT("\xff\xd8\xff\xc0\0\13\10\0\20\0\20\1\1\x11\0"), 60 << 20,
     TW_ERR_FORMAT, "no marker"},
    {"jpeg: a scan of a terabyte", read_image,
     FRONT("\xff\xd8\xff\xc0\0\13\10\0\20\0\20\1\1\x11\0\xff\xda\0\10\1\1\0\0\77\0"), TERA, TW_ERR_FORMAT,
     "far too long for a picture of 16 x 16 pixels"},
    {"bmp: a terabyte behind a small one", read_image,
     FRONT("BM\0\0\0\0\0\0\0\0\66\0\0\0\50\0\0\0\2\0\0\0\2\0\0\0\1\0\30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
           "\0"),
     TERA, TW_ERR_FORMAT, "far too long"},
    {"gif: nothing after its header", read_image, FRONT("GIF89a\20\0\20\0\0\0\0"), TERA, TW_ERR_FORMAT, ""},
    /* texts: more than a machine's memory, or a hole that would fill half of it */
    {"tsv: a terabyte", read_tsv, FRONT("a.png\tx\n"), TERA, TW_ERR_NOMEM, "more than this machine's memory"},
    {"csv: a terabyte", read_csv, FRONT("1,2\n"), TERA, TW_ERR_NOMEM, "more than this machine's memory"},
    {"lines: a terabyte", read_lines, FRONT("a\n"), TERA, TW_ERR_NOMEM, "more than this machine's memory"},
    {"tsv: a hole", read_tsv, FRONT("a.png\tx\n"), 200 << 20, TW_ERR_FORMAT, ":2: a NUL byte at byte 1"},
    {"csv: a hole", read_csv, FRONT("1,2\n"), 200 << 20, TW_ERR_FORMAT, ":2: a NUL byte"},
    {"csv with a header: a hole", read_csv_with_header, FRONT("a,b\n1,2\n"), 200 << 20, TW_ERR_FORMAT,
     ":3: a NUL byte"},
    {"lines: a hole", read_lines, FRONT("a\n\nb"), 200 << 20, TW_ERR_FORMAT, ":3: a NUL byte"},
    {"lexicon: a hole", read_lexicon, FRONT("a\n"), 200 << 20, TW_ERR_FORMAT, ":2: a NUL byte"},
    /* models */
    {"ngram: a terabyte of another", read_ngram, FRONT("TWNGRA "), TERA, TW_ERR_FORMAT, "not a language model"},
    {"ngram: a terabyte", read_ngram, FRONT("TWNGRAM\0\1\0\0\0\3\0\0\0\2\0\0\0\2\0\0\0\xf8\x0f\xa5\xd4\xe8\0\0\0"),
     TERA, TW_ERR_FORMAT, "do not fit"},
    {"model: a header of a terabyte", read_model, FRONT("\xf8\x0f\xa5\xd4\xe8\0\0\0{"), TERA + 8, TW_ERR_FORMAT,
     "more than the 16777216 that are allowed"},
    {"model: a header of 100 MB", read_meta, FRONT("\0\xe1\xf5\5\0\0\0\0{\"a\":"), 200 << 20, TW_ERR_FORMAT,
     "more than the 16777216 that are allowed"},
    {"model: data of a terabyte", read_model, FRONT("\2\0\0\0\0\0\0\0{}"), TERA, TW_ERR_FORMAT,
     "bytes of data belong to no tensor"},
    {"model: a tensor of a terabyte", read_model,
     FRONT("\120\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[500000,500000],\"data_offsets\":[0,"
           "1000000000000]}}  "),
     TERA + 88, TW_ERR_FORMAT, "\"a\" has the shape [500000,500000], and the model wants [2]"},
};

Test(break_files, headers_that_lie_and_files_of_nothing) {
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const struct lie *l = &lies[i];
        const char *path = make_sparse(l->front, l->n, l->total);
        if (!path) printf("skipped: %s: this file system has no file of %lld bytes\n", l->name, (long long)l->total);
        else assert_refused(l->name, l->read, path, l->code, l->part);
        remove_files();
    }
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

Test(break_files, shapes_of_arrays) {
    static const struct {
        const char *shape;
        int64_t total;
        tw_err code;
        const char *part;
    } cases[] = {
        {"1000000, 1000000", 0, TW_ERR_FORMAT,
         "[1000000,1000000] numbers of 4 bytes are announced, and 0 bytes follow"},
        {"1000000, 1000000", 4 * TERA, TW_ERR_NOMEM, "[1000000,1000000] numbers are more than this machine's memory"},
        {"65536, 65536, 65536, 65536", 0, TW_ERR_FORMAT, "the shape [65536,65536,65536,65536] is too large"},
        /* what has no numbers because of a 0 must be a shape all the same, wherever the 0 stands: as in NumPy */
        {"65536, 65536, 65536, 65536, 0", 0, TW_ERR_FORMAT, "the shape [65536,65536,65536,65536,0] is too large"},
        {"0, 65536, 65536, 65536, 65536", 0, TW_ERR_FORMAT, "the shape [0,65536,65536,65536,65536] is too large"},
        {"1099511627776, 1099511627776, 0", 0, TW_ERR_FORMAT,
         "a dimension that is not too large at \"1099511627776, 1099511627776, 0)"},
        {"1, 2, 3, 4, 5, 6", 0, TW_ERR_FORMAT, "has more than 5 dimensions"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char front[300];
        int n = 10 + snprintf(front + 10, sizeof front - 10, npy_2d + 10, cases[i].shape);
        memcpy(front, npy_2d, 10);
        front[8] = (char)(n - 10);
        const char *path = make_sparse(front, (size_t)n, cases[i].total ? cases[i].total + n : 0);
        if (path) assert_refused(cases[i].shape, read_npy, path, cases[i].code, cases[i].part);
        remove_files();
    }
}

/* ---- what is packed ---------------------------------------------------------------------------------------------- */

/* gzip of 64 MB of zeros after an IDX header that announces a hundred times as much as such a file can hold. */
Test(break_files, a_gzip_bomb) {
    enum { ZEROS = 64 << 20 };
    uint8_t *bytes = calloc(ZEROS, 1);
    memcpy(bytes, "\0\0\10\2\177\377\377\377\0\0\0\20", 12);
    const char *path = write_gz("bomb.gz", bytes, ZEROS);
    free(bytes);
    assert_refused("bomb", read_idx, path, TW_ERR_FORMAT, "bytes of data, more than a gzip file of");
}

static const uint8_t three[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9};

static size_t gzip_of(const void *bytes, size_t n, uint8_t to[200]) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)n, .next_out = to, .avail_out = 200};
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return 200 - z.avail_out;
}

static tw_err read_three(tw_ctx *ctx, const char *path) {
    tw_idx idx;
    tw_err err = tw_idx_load(ctx, path, &idx);
    if (!err && (idx.size != 3 || memcmp(idx.data, three + 8, 3))) err = TW_ERR_STATE;
    tw_idx_free(&idx);
    return err;
}

Test(break_files, gzip_streams) {
    uint8_t file[400];
    size_t first = gzip_of(three, 5, file), n = first + gzip_of(three + 5, sizeof three - 5, file + first);
    cr_assert_eq(read_apart(read_three, write_file("two.gz", file, n), 64).err, TW_OK, "one file in two streams");
    for (size_t cut = first; cut < n;
         cut++) { /* after the first stream stands nothing, or less than a whole second one */
        const char *path = write_file("cut.gz", file, cut);
        assert_refused("cut", read_idx, path, TW_ERR_FORMAT, cut == first ? "ends in the IDX header" : "");
        remove_files();
    }
    n = gzip_of(three, sizeof three, file);
    memset(file + n, 'x', 30); /* what tapes leave there is ignored, as gzip does */
    cr_assert_eq(read_apart(read_three, write_file("garbage.gz", file, n + 30), 64).err, TW_OK);
    file[n - 5] ^= 1;
    assert_refused("sum", read_idx, write_file("sum.gz", file, n), TW_ERR_FORMAT, "incorrect data check");
    file[n - 5] ^= 1;
    file[n - 1] ^= 1;
    assert_refused("length", read_idx, write_file("length.gz", file, n), TW_ERR_FORMAT, "incorrect length check");
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

Test(break_files, bytes_that_are_no_text) {
    static const struct {
        const char *bytes;
        size_t n;
        const char *place;
    } cases[] = {
        {FRONT("a\tb\nb\377\tb\n"), ":2: "},
        {FRONT("\377\376a\0\t\0b\0\n\0"), ":1: "}, /* UTF-16 */
        {FRONT("a\tb\n\na\300\200\tb\n"), ":3: "},
        {FRONT("a\tb\r\na\355\240\200\tb"), ":2: "},
        {FRONT("a\tb\n\0"), ":2: "},
        {FRONT("\xef\xbb\xbf"
               "a\tb\n\344\n"),
         ":2: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_file("bytes", cases[i].bytes, cases[i].n);
        char place[300];
        snprintf(place, sizeof place, "%s%s", path, cases[i].place);
        assert_refused("tsv", read_tsv, path, TW_ERR_FORMAT, place);
        assert_refused("lines", read_lines, path, TW_ERR_FORMAT, place);
        assert_refused("lexicon", read_lexicon, path, TW_ERR_FORMAT, place);
        remove_files();
    }
    assert_refused("csv", read_csv, write_file("n", FRONT("1,2\n3,\3774\n")), TW_ERR_FORMAT, ":2: column 1: \"?4\"");
    assert_refused("csv", read_csv_with_header, write_file("h", FRONT("a,b\377\n1,2\n")), TW_ERR_FORMAT,
                   ":1: the name of column 1 is not UTF-8");
}

/* 30 MB without a line end. */
Test(break_files, one_long_line) {
    enum { N = 30 << 20 };
    char *bytes = malloc(N);
    memset(bytes, 'a', N);
    const char *path = write_file("long", bytes, N);
    free(bytes);
    static const struct {
        apart_read read;
        const char *part;
    } cases[] = {
        {read_tsv, ":1: no TAB"},
        {read_csv, ":1: column 0: \"aaaaaa"},
        {read_lexicon, ": word 0 has 31457280 bytes; at most 65536 are read"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const apart a = read_apart(cases[i].read, path, 256);
        cr_assert(a.err == TW_ERR_FORMAT && strstr(a.message, cases[i].part), "%s", a.message);
        cr_assert(strlen(a.message) < 600 && a.seconds < 20, "%g s: %s", a.seconds, a.message);
    }
}

/* ---- headers of models that are made to take long ---------------------------------------------------------------- */

Test(break_files, a_million_entries) {
    enum { ROOM = 15 << 20, N = 900000 };
    char *header = malloc(ROOM);
    size_t n = (size_t)sprintf(header, "{\"__metadata__\":{");
    for (int i = N; i > 0; i--) n += (size_t)sprintf(header + n, "\"%07d\":\"\",", i); /* each before the last */
    sprintf(header + n - 1, "}}");
    const char *path = write_model("many", header, "", 0);
    const apart a = read_apart(read_meta, path, 1024);
    cr_assert_eq(a.err, TW_OK, "%s", a.message);
    cr_assert_leq(a.seconds, 20, "%g s", a.seconds); /* sorting them as they come took minutes */
    n = (size_t)sprintf(header, "{\"a\":{\"shape\":[0");
    while (n < ROOM - 20) header[n++] = ',', header[n++] = '0';
    sprintf(header + n, "]}}");
    assert_refused("values", read_model, write_model("values", header, "", 0), TW_ERR_FORMAT,
                   "values; at most 1048576");
    free(header);
}

/* ---- files that change while they are read ----------------------------------------------------------------------- */

/* A process beside cuts the file off and writes it again all the time: errors, or what was there, and no signal. */
static tw_err read_while_it_shrinks(tw_ctx *ctx, const char *path) {
    struct stat about;
    if (stat(path, &about)) return TW_ERR_STATE;
    pid_t other = fork();
    if (other < 0) return TW_ERR_STATE;
    if (!other) {
        alarm(20);
        for (off_t size = about.st_size;; size = (size * 7 + 1) % (about.st_size + 1))
            if (truncate(path, size)) _exit(1);
    }
    tw_err err = TW_OK;
    for (int i = 0; !err && i < 40; i++)
        for (size_t r = 0; r < READERS; r++) {
            if (readers[r].read(ctx, path) == TW_ERR_NOMEM) err = TW_ERR_NOMEM;
            tw_error_clear(ctx);
        }
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    return err;
}

Test(break_files, a_file_that_shrinks) {
    static const char model[] =
        "\x40\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}         "
        "       12345678";
    static uint8_t idx[100000] = "\0\0\10\1\0\1\x86\x98", text[100000];
    for (size_t i = 0; i < sizeof text; i++) text[i] = i % 10 == 9 ? '\n' : i % 3 ? '\t' : '1';
    const struct {
        const void *bytes;
        size_t n;
    } files[] = {{model, sizeof model - 1}, {idx, sizeof idx}, {text, sizeof text}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = write_file("shrinks", files[i].bytes, files[i].n);
        const apart a = read_apart(read_while_it_shrinks, path, 256);
        cr_assert_eq(a.err, TW_OK, "%s", tw_err_name(a.err));
        remove_files();
    }
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

Test(break_files, messages_are_one_line_of_text) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const char *const cases[][2] = {
        {"a\nb\033[31m\177", "a?b?[31m?"},
        {"\377\376x", "??x"},
        {"caf\303\251", "caf\303\251"},
        {"\303", "?"},
        {"\302\233"
         "31m \302\240",
         "??31m \302\240"}, /* U+009B begins what a terminal obeys; U+00A0 is a blank */
        {"\355\240\200", "???"},
        {"\360\237\230\200\360\237", "\360\237\230\200??"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_fail(ctx, TW_ERR_RANGE, "%s", cases[i][0]);
        cr_assert_str_eq(tw_errmsg(ctx), cases[i][1]);
        tw_error_clear(ctx);
    }
    char longest[5000];
    tw_cost cost;
    cr_assert_eq(tw_cost_find(ctx, "huber:\377=1", &cost), TW_ERR_RANGE);
    cr_assert(strstr(tw_errmsg(ctx), "\"?\""), "%s", tw_errmsg(ctx));
    tw_error_clear(ctx);
    for (size_t n = 0; n < 9; n++) { /* the end stays, and no letter is halved */
        memset(longest, 'x', n);
        for (size_t i = n; i < 4000; i += 2) memcpy(longest + i, "\303\251", 3);
        tw_fail(ctx, TW_ERR_IO, "%s: cannot be opened: too long", longest);
        cr_assert(strstr(tw_errmsg(ctx), "...") && strstr(tw_errmsg(ctx), ": cannot be opened: too long"));
        cr_assert(!strchr(tw_errmsg(ctx), '?'), "%s", tw_errmsg(ctx));
        tw_error_clear(ctx);
    }
    tw_ctx_free(ctx);
}

/* ---- numbers to normalise by ------------------------------------------------------------------------------------- */

Test(break_files, normalising_by_nothing) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_csv csv;
    tw_dataset dataset;
    const char *path = write_text("t.csv", "1,2\n3,4\n");
    cr_assert_eq(tw_csv_load(ctx, path, NULL, &csv), TW_OK);
    static const struct {
        double mean, std;
        const char *part;
    } cases[] = {
        {NAN, 1, ": the mean of column 1 cannot be nan"},
        {INFINITY, 1, ": the mean of column 1 cannot be inf"},
        {0, NAN, ": the standard deviation of column 1 cannot be nan"},
        {0, INFINITY, ": the standard deviation of column 1 cannot be inf"},
        {0, -1, ": the standard deviation of column 1 cannot be -1"},
        {0, 4e-320, ":1: column 1: 2 is too large when normalised by the mean 0"},
        {2, 1e-308, ":2: column 1: 4 is too large when normalised by the mean 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double mean[] = {0, cases[i].mean}, std[] = {1, cases[i].std};
        tw_err err = tw_dataset_csv(ctx, &csv, &(tw_csv_dataset_options){.mean = mean, .std = std}, &dataset);
        cr_assert(strstr(tw_errmsg(ctx), "nan") || !strstr(cases[i].part, "nan"));
        char part[100], *sign = strstr(tw_errmsg(ctx), "-nan"); /* NAN has no sign to rely on */
        snprintf(part, sizeof part, "%.*s", (int)(strlen(cases[i].part) - (sign ? 3 : 0)), cases[i].part);
        assert_sentence(ctx, err, TW_ERR_RANGE, path, part);
    }
    double mean[] = {1, 2}, none[] = {0, 0}; /* a column of one value is left where it is */
    cr_assert_eq(tw_dataset_csv(ctx, &csv, &(tw_csv_dataset_options){.mean = mean, .std = none}, &dataset), TW_OK);
    tw_dataset_free(&dataset);
    tw_csv_free(&csv);
    tw_idx idx = {.ndim = 3, .dim = {1, 1, 1}, .data = (uint8_t[]){1}, .size = 1}, label = {1, {1}, idx.data, 1, NULL};
    const double bad[][2] = {{NAN, 1}, {INFINITY, 1}, {0, 1e-320}, {0, INFINITY}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tw_err err = tw_dataset_classes(ctx, &idx, &label, 2,
                                        &(tw_picture_options){.mean = bad[i][0], .std = bad[i][1]}, &dataset);
        assert_sentence(ctx, err, TW_ERR_RANGE, "dataset: pixels cannot be normalised by the mean", "");
    }
    tw_ctx_free(ctx);
}
