/* test_data_tsv.c - labels.tsv: every way to end a line, and what is wrong said with line and byte. */
#include "util_files.h"

#include <unistd.h>

TestSuite(data_tsv, .fini = remove_files);

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) {
    tw_ctx_free(ctx);
    remove_files();
}

static void check_row(const tw_tsv *tsv, size_t i, const char *path, const char *text, int line) {
    char whole[600];
    cr_assert_lt(i, tsv->n);
    snprintf(whole, sizeof whole, "%.*s/%s", (int)(strrchr(tsv->path, '/') - tsv->path), tsv->path, path);
    cr_assert_str_eq(tsv->row[i].path, path[0] == '/' ? path : whole);
    cr_assert_str_eq(tsv->row[i].text, text);
    cr_assert_str_eq(tsv->row[i].name, path);
    cr_assert_eq(tsv->row[i].line, line);
}

Test(data_tsv, lines, .init = begin, .fini = end) {
    tw_tsv tsv;
    const char *path = write_text("labels.tsv",
                                  "\xef\xbb\xbf" /* byte order mark */
                                  "a.png\tone\n"
                                  "b.png\ttwo words\r\n" /* CRLF */
                                  "\n\r\n"               /* empty lines */
                                  "sub/c.png\t\n"        /* empty text */
                                  "/abs/d.png\tx\ty\t\n" /* TAB in the text */
                                  "e.png\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n"
                                  "f g.png\tlast line, no end");
    cr_assert_eq(tw_tsv_load(ctx, path, &tsv), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tsv.n, 6);
    cr_assert_str_eq(tsv.path, path);
    check_row(&tsv, 0, "a.png", "one", 1);
    check_row(&tsv, 1, "b.png", "two words", 2);
    check_row(&tsv, 2, "sub/c.png", "", 5);
    check_row(&tsv, 3, "/abs/d.png", "x\ty\t", 6);
    check_row(&tsv, 4, "e.png", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 7);
    check_row(&tsv, 5, "f g.png", "last line, no end", 8);
    tw_tsv_free(&tsv);
    cr_assert(!tsv.row && !tsv.n);
    tw_tsv_free(&tsv);
}

Test(data_tsv, nothing_in_it, .init = begin, .fini = end) {
    static const char *const text[] = {"", "\n", "\r\n\r\n", "\xef\xbb\xbf", "\xef\xbb\xbf\n"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        tw_tsv tsv;
        cr_assert_eq(tw_tsv_load(ctx, write_text("none.tsv", text[i]), &tsv), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq(tsv.n, 0);
        tw_tsv_free(&tsv);
        remove_files();
    }
}

Test(data_tsv, a_path_without_folder, .init = begin, .fini = end) {
    const char *path = write_text("here.tsv", "a.png\tA\n");
    tw_tsv tsv;
    cr_assert_eq(chdir("/tmp"), 0);
    char name[300];
    snprintf(name, sizeof name, "%s", strrchr(path, '/') + 1);
    if (strncmp(path, "/tmp/thalweg-", 13)) return; /* TMPDIR is elsewhere */
    cr_assert_eq(tw_tsv_load(ctx, name, &tsv), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_str_eq(tsv.row[0].path, "a.png");
    tw_tsv_free(&tsv);
}

/* A file longer than the first block, and lines across its borders. */
Test(data_tsv, many_lines, .init = begin, .fini = end) {
    enum { N = 30000 };
    char *text = malloc(N * 32), *at = text;
    for (int i = 0; i < N; i++) at += sprintf(at, "%06d.png\tnumber %d\n", i, i * 7);
    tw_tsv tsv;
    cr_assert_eq(tw_tsv_load(ctx, write_text("many.tsv", text), &tsv), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tsv.n, N);
    for (int i = 0; i < N; i += 997) {
        char path[32], label[32];
        sprintf(path, "%06d.png", i);
        sprintf(label, "number %d", i * 7);
        check_row(&tsv, (size_t)i, path, label, i + 1);
    }
    tw_tsv_free(&tsv);
    free(text);
}

static const struct {
    const char *text, *part;
} wrong[] = {
    {"a.png\tA\nb.png B\n", ":2: no TAB between path and text"},
    {"a.png", ":1: no TAB"},
    {"a.png\tA\n \n", ":2: no TAB"},
    {"a.png\tA\n\tB\n", ":2: no path before the TAB"},
    {"a.png\tA\n\n\nb.png\tB\xff\n", ":4: not UTF-8 at byte 8 of the line (0xff)"},
    {"\xef\xbb\xbf\xe9.png\tA\n", ":1: not UTF-8 at byte 1 of the line (0xe9)"}, /* Latin-1, after the mark */
    {"a\t\xc0\x80\n", ":1: not UTF-8 at byte 3 of the line (0xc0)"},             /* overlong NUL */
    {"a\t\xe0\x9f\xbf\n", ":1: not UTF-8 at byte 3 of the line (0xe0)"},         /* overlong */
    {"a\t\xed\xa0\x80\n", ":1: not UTF-8 at byte 3 of the line (0xed)"},         /* surrogate */
    {"a\t\xf4\x90\x80\x80\n", ":1: not UTF-8 at byte 3 of the line (0xf4)"},     /* past U+10FFFF */
    {"a\t\xf5\x80\x80\x80\n", ":1: not UTF-8 at byte 3 of the line (0xf5)"},
    {"a\tx\xe2\x82\n", ":1: not UTF-8 at byte 4 of the line (0xe2)"}, /* ends in the middle */
    {"a\tx\xe2\x82", ":1: not UTF-8 at byte 4 of the line (0xe2)"},   /* and so does the file */
    {"a\t\x80\n", ":1: not UTF-8 at byte 3 of the line (0x80)"},
    {"\xff\xfe"
     "a",
     ":1: not UTF-8 at byte 1 of the line (0xff)"}, /* UTF-16 */
};

Test(data_tsv, malformed, .init = begin, .fini = end) {
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tw_tsv tsv;
        const char *path = write_text("wrong.tsv", wrong[i].text);
        tw_err err = tw_tsv_load(ctx, path, &tsv);
        assert_sentence(ctx, err, TW_ERR_FORMAT, path, wrong[i].part);
        cr_assert(!tsv.row && !tsv.n && !tsv.memory);
        remove_files();
    }
    tw_tsv tsv;
    const char *path = write_file("nul.tsv", "a\tb\nc\td\0e\n", 10);
    tw_err err = tw_tsv_load(ctx, path, &tsv);
    assert_sentence(ctx, err, TW_ERR_FORMAT, path, ":2: a NUL byte at byte 4 of the line");
}

Test(data_tsv, not_a_file, .init = begin, .fini = end) {
    tw_tsv tsv;
    char path[256];
    tw_err err = tw_tsv_load(ctx, temp_path("absent.tsv", path, sizeof path), &tsv);
    assert_sentence(ctx, err, TW_ERR_IO, path, "cannot be opened: No such file");
    const char *folder = make_folder("folder");
    err = tw_tsv_load(ctx, folder, &tsv);
    assert_sentence(ctx, err, TW_ERR_IO, folder, "Is a directory");
}

Test(data_tsv, captcha4, .init = begin, .fini = end) {
    char path[512];
    if (!test_data("captcha4/train-labels.tsv", path, sizeof path)) return;
    tw_tsv tsv;
    cr_assert_eq(tw_tsv_load(ctx, path, &tsv), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tsv.n, 8955);
    for (size_t i = 0; i < tsv.n; i++) {
        const char *name = strrchr(tsv.row[i].path, '/') + 1;
        cr_assert_eq(strlen(tsv.row[i].text), 4);
        cr_assert(!strncmp(name, tsv.row[i].text, 4), "%s is %s", name, tsv.row[i].text);
    }
    tw_tsv_free(&tsv);
}
