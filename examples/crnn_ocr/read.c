/* read.c - `crnn_ocr read`: the text in each picture, and how sure the network is of it. */
#include "commands.h"
#include "marked.h"
#include "read_output.h"
#include "shipped.h"
#include "sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <thalweg/extend.h>

#include "../common/cli.h"

#define PROGRAM "crnn_ocr read"

typedef struct options {
    const char *model, *list, *align;
    decoding_options decoding;
    double least; /* confidence */
    bool json;
    int threads;
} options;

typedef struct run {
    tw_ctx *ctx;
    const options *o;
    sources sources;
    reader reader;
    marker *marker;
    bool align_folder;    /* --align names a folder, not a file */
    size_t failed;        /* pictures */
    size_t unsure, unfit; /* left out: not sure enough, and no word of the lexicon fits */
} run;

/* One sentence, and on with the next picture. */
static void failed(run *r) {
    report(PROGRAM, r->ctx);
    tw_error_clear(r->ctx);
    r->failed++;
}

/* ---- where marked pictures go ---------------------------------------------------------------------------- */

static bool is_folder(const char *path) {
    struct stat s;
    return !stat(path, &s) && S_ISDIR(s.st_mode);
}

/* A file is meant by a name in .png, for one picture. */
static bool is_align_folder(const run *r) {
    const char *to = r->o->align;
    size_t n = strlen(to);
    return is_folder(to) || r->sources.n > 1 || n < 4 || strcasecmp(to + n - 4, ".png");
}

/* FOLDER/7-name.png for the seventh picture, so that no two are the same; to be freed. NULL: out of memory. */
static char *marked_path(const run *r, size_t i) {
    if (!r->align_folder) return strdup(r->o->align);
    char *path = NULL;
    const char *from = r->sources.path[i], *slash = strrchr(from, '/'), *name = slash ? slash + 1 : from;
    if (!strcmp(from, "-")) name = "stdin";
    const char *dot = strrchr(name, '.');
    int stem = (int)(dot && dot != name ? dot - name : (long)strlen(name));
    return asprintf(&path, "%s/%zu-%.*s.png", r->o->align, i + 1, stem, name) < 0 ? NULL : path;
}

/* No marked picture may take the place of one that is read, or was named. */
static tw_err claim_marked(run *r) {
    const options *o = r->o;
    const char *const named[] = {o->model, o->list, o->decoding.lexicon, o->decoding.lm};
    tw_err err = TW_OK;
    r->align_folder = is_align_folder(r);
    for (size_t i = 0; i < r->sources.n; i++) {
        char *path = marked_path(r, i);
        if (!path) return tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
        cli_will_write("--align", path);
        free(path);
    }
    for (size_t i = 0; !err && i < r->sources.n; i++) err = cli_check_read(r->ctx, r->sources.path[i]);
    for (size_t i = 0; !err && i < sizeof named / sizeof *named; i++)
        if (named[i]) err = cli_check_read(r->ctx, named[i]);
    return err;
}

static tw_err prepare_align(run *r) {
    const char *to = r->o->align;
    if (r->align_folder && mkdir(to, 0777) && errno != EEXIST)
        return tw_fail_err(r->ctx, TW_ERR_IO, "%s: cannot be made: %s", to, strerror(errno));
    if (r->align_folder && !is_folder(to))
        return tw_fail_err(r->ctx, TW_ERR_IO, "%s: is no folder, and there are several pictures to mark", to);
    r->marker = marker_new(r->ctx, tw_alphabet_text(r->reader.model.alphabet));
    return r->marker ? TW_OK : tw_error(r->ctx);
}

static tw_err write_marked(run *r, size_t i, const tw_image *gray, const reading *got) {
    char *path = marked_path(r, i);
    tw_err err = path ? marked_write(r->ctx, r->marker, gray, got, path)
                      : tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
    free(path);
    return err;
}

/* ---- pictures -------------------------------------------------------------------------------------------- */

static tw_err read_one(run *r, size_t i) {
    const char *path = r->sources.path[i];
    tw_image gray;
    reading got;
    tw_err err = source_load(r->ctx, path, &gray);
    if (err) return err;
    err = reader_read(&r->reader, &gray, &got);
    if (!err && r->marker) err = write_marked(r, i, &gray, &got);
    tw_image_free(&gray);
    if (err) return err;
    bool sure = got.n && reading_confidence(&got.best[0]) >= r->o->least;
    if (!sure && (r->o->least > 0 || !r->o->json)) {
        if (got.n) r->unsure++;
        else r->unfit++;
        return TW_OK;
    }
    if (r->o->json) return read_output_json(r->ctx, path, &got, r->o->decoding.nbest > 1);
    read_output_text(path, &got);
    return TW_OK;
}

static tw_err open_all(run *r, int n, char **operand) {
    for (int i = 0; i < n; i++)
        if (sources_add(r->ctx, &r->sources, operand[i])) failed(r);
    if (r->o->list && sources_add_list(r->ctx, &r->sources, r->o->list)) failed(r);
    if (r->o->align && claim_marked(r)) return tw_error(r->ctx);
    bool spans = r->o->json || r->o->align;
    tw_err err = reader_open(r->ctx, r->o->model, &r->o->decoding, spans, &r->reader);
    return !err && r->o->align ? prepare_align(r) : err;
}

static void tell_left_out(const run *r, size_t n, const char *why) {
    if (n) fprintf(stderr, "%s: %zu of %zu pictures left out: %s\n", PROGRAM, n, r->sources.n, why);
}

int command_read(int argc, char **argv) {
    options o = {.decoding = decoding_defaults()};
    enum { OWN = 6 };
    cli_option table[OWN + DECODING_OPTIONS] = {
        {"model", 'm', CLI_TEXT, &o.model, "FILE",
         "what `crnn_ocr train` wrote (default: " SHIPPED_MODEL ",\nwhich comes with the program)", 0, 0, NULL},
        {"list", 'l', CLI_TEXT, &o.list, "FILE",
         "also the pictures whose paths stand in it, one a line; -: standard input", 0, 0, NULL},
        {"json", 'j', CLI_FLAG, &o.json, NULL, "a line of JSON for each picture, with the place of each character", 0,
         0, NULL},
        {"align", 0, CLI_TEXT, &o.align, "TO.png|DIR",
         "write the picture with each character's place and confidence\nmarked; into a folder when there are several",
         0, 0, NULL},
        {"min-confidence", 0, CLI_REAL, &o.least, "P", "leave out readings that are less sure, and say how many", 0, 1,
         NULL},
        {"threads", 't', CLI_INT, &o.threads, "N", "threads, without effect on the result (default: all cores)", 1, 256,
         NULL},
    };
    decoding_table(&o.decoding, table + OWN);
    cli_command command = {
        "crnn_ocr",
        "read",
        "[OPTION].. PICTURE|FOLDER|- ..",
        "Reads pictures of one word or line each and prints path TAB text TAB confidence. The confidence\n"
        "is p(text|picture), summed over all alignments. Of a folder, the pictures in it are read, but not those\n"
        "of folders inside; - is a picture on standard input. A picture that cannot be read is reported on\n"
        "stderr, the others are read all the same, and the exit code is 1.",
        sizeof table / sizeof *table,
        table};
    int n = cli_parse(&command, argc, argv), streams = o.list && !strcmp(o.list, "-");
    for (int i = 1; i <= n; i++) streams += !strcmp(argv[i], "-");
    decoding_check(&o.decoding, &command);
    if (o.align && !*o.align) cli_usage_error(&command, "--align wants the name of a file or a folder, not \"\"");
    if (!n && !o.list) cli_usage_error(&command, "which pictures?");
    if (streams > 1) cli_usage_error(&command, "standard input (-) can be read only once");
    run r = {.ctx = open_context(PROGRAM, 0, o.threads), .o = &o};
    if (open_all(&r, n, argv + 1)) failed(&r);
    else
        for (size_t i = 0; i < r.sources.n; i++)
            if (read_one(&r, i)) failed(&r);
    tell_left_out(&r, r.unsure, "their readings are not sure enough");
    tell_left_out(&r, r.unfit, "no word of the lexicon fits into them");
    marker_free(r.marker);
    reader_close(&r.reader);
    sources_free(&r.sources);
    tw_ctx_free(r.ctx);
    return r.failed ? 1 : 0;
}
