/* ctc.c - `losslab ctc`: one label, a few frames, and everything CTC does with them. */
#include "canvas.h"
#include "ctc.h"
#include "losslab.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/cli.h"
#include "../common/plain.h"

#define PROGRAM "losslab ctc"

enum { MOST_PATHS = 2000000, SHOWN_FRAMES = 40 };

static const char *symbol(const ctc_scene *s, int k, char text[16]) { return ctc_symbol(s->ctx, &s->frames, k, text); }

/* ---- B, step by step -------------------------------------------------------------------------------------- */

static void print_symbols(const ctc_scene *s, const char *what, const int *v, const bool *keep, int n) {
    char text[16];
    printf("  %-18s", what);
    for (int i = 0; i < n; i++) {
        bool shown = !keep || keep[i];
        printf(" %s", shown ? symbol(s, v[i], text) : " ");
    }
    putchar('\n');
}

/* A path, its repeats gone, its blanks gone; each symbol stays in its column. Of a long path, what it reads as. */
static void print_b(const ctc_scene *s, const char *what, const int *path) {
    int T = s->frames.T;
    bool *keep = calloc((size_t)T, sizeof *keep);
    if (!keep) return;
    bool shown = T <= SHOWN_FRAMES;
    if (shown) print_symbols(s, what, path, NULL, T);
    for (int t = 0; t < T; t++) keep[t] = t == 0 || path[t] != path[t - 1];
    if (shown) print_symbols(s, "repeats merged", path, keep, T);
    for (int t = 0; t < T; t++) keep[t] = keep[t] && path[t] != s->w.blank;
    if (shown) print_symbols(s, "blanks dropped", path, keep, T);
    printf("  %-18s \"", "B(path)");
    char text[16];
    for (int t = 0; t < T; t++)
        if (keep[t]) fputs(symbol(s, path[t], text), stdout);
    puts("\"");
    free(keep);
}

/* ---- comparisons -------------------------------------------------------------------------------------------- */

/* The library's loss and gradient beside the lattice's. */
static tw_err compare_with_library(const ctc_scene *s) {
    const ctc_frames *f = &s->frames;
    tw_ctx *ctx = s->ctx;
    tw_step_begin(ctx);
    tw_tensor *z = tw_input_grad(ctx, f->logits, 3, (int[]){f->T, 1, f->K});
    tw_labels length = {(int32_t[]){s->L}, 1};
    tw_tensor *loss = tw_ctc_loss(ctx, z, (tw_labels){s->label, (size_t)s->L}, length, (tw_labels){0}, NULL);
    if (!loss || tw_backward(ctx, loss)) return tw_error(ctx);
    double worst = 0, worst_row = 0;
    for (int t = 0; t < f->T; t++) {
        double row = 0;
        for (int k = 0; k < f->K; k++) {
            double g = (double)z->grad[t * f->K + k];
            worst = fmax(worst, fabs(g - (exp(s->w.log_y[t * f->K + k]) - s->w.gamma[t * f->K + k])));
            row += g;
        }
        worst_row = fmax(worst_row, fabs(row));
    }
    printf("the library: loss %.9g, apart by %.1e; its gradient and y - gamma are apart by %.1e at most,\n"
           "             and its rows sum to 0 within %.1e\n",
           (double)tw_item(loss), fabs((double)tw_item(loss) + s->w.log_p), worst, worst_row);
    return TW_OK;
}

static void enumerate(const ctc_scene *s) {
    const ctc_frames *f = &s->frames;
    int repeats = 0;
    for (int i = 1; i < s->L; i++) repeats += s->label[i] == s->label[i - 1];
    double paths = ctc_count_paths(f->T, s->label, s->L);
    printf("paths: binom(%d, %d) = %.10g of %d^%d = %.3g are mapped to the label\n", f->T + s->L - repeats,
           f->T - s->L - repeats, paths, f->K, f->T, pow(f->K, f->T));
    if (paths > MOST_PATHS) {
        puts("       too many to add them up one by one");
        return;
    }
    double *y = malloc((size_t)(f->T * f->K) * sizeof *y);
    if (!y) return;
    for (int i = 0; i < f->T * f->K; i++) y[i] = exp(s->w.log_y[i]);
    path_sum sum = {0};
    ctc_enumerate(y, f->T, f->K, s->w.blank, s->label, s->L, MOST_PATHS, &sum);
    free(y);
    if (sum.count < 0) puts("       too many to add them up one by one");
    else
        printf("       one by one: %ld paths, sum %.12g; by the lattice %.12g; apart by %.1e of it\n", sum.count, sum.p,
               exp(s->w.log_p), fabs(sum.p / exp(s->w.log_p) - 1));
}

/* ---- the story ------------------------------------------------------------------------------------------------ */

static int needed(const ctc_scene *s) {
    int n = s->L;
    for (int i = 1; i < s->L; i++) n += s->label[i] == s->label[i - 1];
    return n;
}

static tw_err tell(const ctc_scene *s) {
    const lattice *w = &s->w;
    const ctc_frames *f = &s->frames;
    char text[16];
    printf("label: \"%s\", %d symbols; it needs at least %d frames, here are %d of %d symbols with the blank \"-\"\n",
           s->text, s->L, needed(s), f->T, f->K);
    printf("extended label:");
    for (int i = 0; i < w->S; i++) printf(" %s", symbol(s, w->symbol[i], text));
    printf("   (%d states)\n", w->S);
    printf("loss = -ln p(l|x) = %.9g, p(l|x) = %.9g\n", -w->log_p, exp(w->log_p));
    tw_err err = compare_with_library(s);
    if (err) return err;
    enumerate(s);
    double p_greedy = 0;
    int *best = malloc((size_t)f->T * sizeof *best);
    if (!best) return tw_fail_err(s->ctx, TW_ERR_NOMEM, "out of memory");
    for (int t = 0; t < f->T; t++) best[t] = w->symbol[w->best[t]], p_greedy += w->log_y[t * f->K + s->greedy[t]];
    printf("\nbest path of the label: p = %.4g, %.3g %% of p(l|x)\n", exp(w->log_p_best),
           100 * exp(w->log_p_best - w->log_p));
    print_b(s, "path", best);
    printf("greedy path, the best symbol of each frame: p = %.4g\n", exp(p_greedy));
    print_b(s, "path", s->greedy);
    free(best);
    return TW_OK;
}

tw_err ctc_scene_prepare(ctc_scene *s) {
    tw_ctx *ctx = s->ctx;
    const ctc_frames *f = &s->frames;
    size_t n = strlen(s->text) + 1;
    s->label = malloc(n * sizeof *s->label);
    s->greedy = malloc((size_t)f->T * sizeof *s->greedy);
    if (!s->label || !s->greedy) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    tw_err err = tw_alphabet_encode(ctx, f->alphabet, s->text, s->label, &n);
    if (err) return err;
    s->L = (int)n;
    for (int t = 0; t < f->T; t++) {
        s->greedy[t] = 0;
        for (int k = 1; k < f->K; k++)
            if (f->logits[t * f->K + k] > f->logits[t * f->K + s->greedy[t]]) s->greedy[t] = k;
    }
    if (needed(s) > f->T)
        return tw_fail_err(
            ctx, TW_ERR_RANGE,
            "\"%s\" needs %d frames (its symbols, and a blank between equal neighbours), and there are %d: "
            "its loss is infinite",
            s->text, needed(s), f->T);
    if (!lattice_make(&s->w, f->logits, f->T, f->K, 0, s->label, s->L))
        return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    return TW_OK;
}

/* Said before all that is printed and drawn. */
static tw_err check_size(const ctc_scene *s, const char *out) {
    double width, height;
    char error[512];
    tw_err err = ctc_picture_size(s, &width, &height);
    if (err || canvas_fits(width, height, out, error, sizeof error)) return err;
    return tw_fail_err(s->ctx, TW_ERR_RANGE, "--out %s, or give a shorter text and fewer frames", error);
}

void ctc_scene_free(ctc_scene *s) {
    lattice_free(&s->w);
    ctc_frames_free(&s->frames);
    free(s->label);
    free(s->greedy);
}

int command_ctc(int argc, char **argv) {
    const char *model = NULL, *out = "ctc.svg";
    int T = 12;
    uint64_t seed = 1;
    bool T_given = false;
    cli_option table[] = {
        {"frames", 'f', CLI_INT, &T, "T", "frames of the made-up network", 1, 400, &T_given},
        {"seed", 's', CLI_SEED, &seed, "N", "of those frames", 0, 0, NULL},
        {"model", 'm', CLI_TEXT, &model, "FILE", "what `crnn_ocr train` wrote: it reads IMAGE instead", 0, 0, NULL},
        {"out", 'o', CLI_TEXT, &out, "FILE", "the picture, .svg or .png", 0, 0, NULL},
    };
    cli_command command = {
        "losslab",
        "ctc",
        "TEXT [--frames T] [--model FILE IMAGE] [--out FILE]",
        "What CTC does with a text and the frames of a network: the extended label, the lattice with alpha,\n"
        "beta and the posterior as a picture, the best path and the greedy one, B step by step, and the sum over\n"
        "the paths beside adding them up one by one.",
        sizeof table / sizeof *table,
        table};
    int n = cli_parse(&command, argc, argv);
    if (n < 1) cli_usage_error(&command, "which text?");
    if (model && n < 2) cli_usage_error(&command, "--model wants an IMAGE behind the text");
    if (n > 1 + !!model) cli_usage_error(&command, "unexpected argument \"%s\"", argv[2 + !!model]);
    if (model && T_given) cli_usage_error(&command, "--frames and --model contradict each other");
    if (strlen(argv[1]) > 400) cli_usage_error(&command, "a text of at most 400 bytes");
    if (canvas_cannot_save(out)) cli_usage_error(&command, "--out %s: %s", out, canvas_cannot_save(out));
    const cli_file files[] = {{"--model", model, CLI_READ},
                              {"IMAGE", model ? argv[2] : NULL, CLI_READ},
                              {"--out", out, CLI_WRITTEN}};
    cli_check_files(&command, sizeof files / sizeof *files, files);
    ctc_scene s = {.text = argv[1], .ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = seed, .threads = 1})};
    if (!s.ctx) cli_die(PROGRAM, "out of memory");
    char error[512] = "";
    tw_err err = cli_check_out(s.ctx, out);
    if (!err)
        err = model ? ctc_frames_read(s.ctx, model, argv[2], &s.frames) : ctc_frames_draw(s.ctx, s.text, T, &s.frames);
    if (!err) err = ctc_scene_prepare(&s);
    if (!err) err = check_size(&s, out);
    if (!err) err = tell(&s);
    canvas *c = err ? NULL : ctc_picture(&s);
    bool good = !err && canvas_save(c, out, error, sizeof error);
    if (good) plain_line(stdout, "\npicture: ", out);
    else fprintf(stderr, PROGRAM ": %s\n", err ? tw_errmsg(s.ctx) : error);
    canvas_free(c);
    ctc_scene_free(&s);
    tw_ctx_free(s.ctx);
    return good ? 0 : 1;
}
