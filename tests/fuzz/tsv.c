/* tsv.c - labels.tsv, and lists of words, which are lines of the same kind. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    tw_tsv tsv;
    const char *path = fuzz_file(bytes, size);
    tw_err err = tw_tsv_load(ctx, path, &tsv);
    fuzz_sentence(ctx, err);
    if (err) fuzz_assert(!tsv.row && !tsv.n);
    for (size_t i = 0; i < tsv.n; i++) {
        fuzz_assert(*tsv.row[i].path && tw_utf8_length(tsv.row[i].path) >= 0 && tw_utf8_length(tsv.row[i].text) >= 0);
        fuzz_assert(!strpbrk(tsv.row[i].text, "\n") && tsv.row[i].line > (i ? tsv.row[i - 1].line : 0));
    }
    tw_tsv_free(&tsv);

    tw_lines lines;
    err = tw_lines_load(ctx, path, &lines);
    fuzz_sentence(ctx, err);
    if (err) fuzz_assert(!lines.line && !lines.n);
    for (size_t i = 0; i < lines.n; i++)
        fuzz_assert(*lines.line[i] && !strchr(lines.line[i], '\n') && tw_utf8_length(lines.line[i]) >= 0);
    tw_lines_free(&lines);
    tw_ctx_free(ctx);
    fuzz_file_close();
    return 0;
}
