/* apply.c - `mnist eval` and `mnist predict`: what a trained model is good for. */
#include "mnist.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../common/cli.h"
#include "../common/plain.h"

static tw_err load_into(tw_ctx *ctx, const char *path, trained *t) {
    tw_err err = tw_meta_load(ctx, path, &t->meta);
    if (err) return err;
    const char *model = tw_meta_get(t->meta, "model"), *mean = tw_meta_get(t->meta, "mean"),
               *std = tw_meta_get(t->meta, "std");
    if (!model || !mean || !std)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: not a model of mnist train: its metadata has no model, mean or std",
                           path);
    const char *nearest;
    const model_kind *kind = model_find(model, &nearest);
    if (!kind) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: unknown model \"%s\" in its metadata", path, model);
    t->mean = strtof(mean, NULL);
    t->std = strtof(std, NULL);
    if (!isfinite(t->mean) || !(t->std > 0) || !isfinite(t->std))
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: mean \"%s\" and std \"%s\" in its metadata make no sense", path,
                           mean, std);
    t->params = tw_params_new(ctx);
    t->net = t->params ? kind->build(t->params) : NULL;
    return t->net ? tw_model_load(t->params, path) : tw_error(ctx);
}

tw_err trained_load(tw_ctx *ctx, const char *path, trained *t) {
    memset(t, 0, sizeof *t);
    tw_err err = load_into(ctx, path, t);
    if (err) trained_free(t);
    return err;
}

void trained_free(trained *t) {
    tw_params_free(t->params);
    tw_meta_free(t->meta);
    memset(t, 0, sizeof *t);
}

/* ---- eval ------------------------------------------------------------------------------------------------ */

int command_eval(int argc, char **argv) {
    const char *model = NULL, *data = DEFAULT_DATA, *png = NULL;
    int threads = 0;
    cli_option table[] = {
        {"model", 'm', CLI_TEXT, &model, "FILE", "what `mnist train` wrote", 0, 0, NULL},
        {"data", 'd', CLI_TEXT, &data, "DIR", "folder with the IDX files, raw or .gz", 0, 0, NULL},
        {"png", 'p', CLI_TEXT, &png, "FILE",
         "where the confusion matrix goes (default: beside the model,\nas MODEL.confusion.png)", 0, 0, NULL},
        {"threads", 't', CLI_INT, &threads, "N", "threads (default: all cores)", 1, 256, NULL},
    };
    cli_command command = {"mnist",
                           "eval",
                           "--model FILE [OPTION]..",
                           "Tests a model: a table by class, the confusion matrix as text and as a picture.\n"
                           "The last line of the output is `test accuracy: 0.xxxx`.",
                           sizeof table / sizeof *table,
                           table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    if (!model) cli_usage_error(&command, "--model FILE is needed");
    char beside[4096];
    if (!png) {
        if (snprintf(beside, sizeof beside, "%s.confusion.png", model) >= (int)sizeof beside)
            cli_usage_error(&command, "the model's path is too long to write beside it; say --png FILE");
        png = beside;
    }
    const cli_file files[] = {{"--model", model, CLI_READ}, {"--png", png, CLI_WRITTEN}};
    cli_check_files(&command, sizeof files / sizeof *files, files);

    tw_ctx *ctx = tw_ctx_new(0);
    if (!ctx) cli_die("mnist eval", "out of memory");
    if (threads) tw_set_threads(ctx, threads);
    trained t = {0};
    pictures test = {0};
    scores s;
    tw_err err = trained_load(ctx, model, &t);
    if (!err) err = pictures_load(ctx, data, "t10k", &test);
    if (!err && !test.image.dim[0]) err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s: no pictures", test.image.path);
    if (!err) err = evaluate(ctx, t.net, &test, t.mean, t.std, &s);
    if (!err) print_scores(&s, class_names(data));
    if (!err && !(err = write_confusion(ctx, &s, png))) plain_line(stdout, "confusion matrix: ", png);
    if (!err) printf("test accuracy: %.4f\n", (double)s.right / (double)s.total);
    if (err) report("mnist eval", ctx);
    pictures_free(&test);
    trained_free(&t);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}

/* ---- predict --------------------------------------------------------------------------------------------- */

/* The networks know light strokes on black: a picture whose edge is bright is inverted. */
static bool bright_edge(const tw_image *m) {
    long sum = 0, n = 0;
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++)
            if (!x || !y || x == m->width - 1 || y == m->height - 1) {
                sum += m->data[(size_t)y * (size_t)m->width + (size_t)x];
                n++;
            }
    return n && sum > 127 * n;
}

/* The picture's 28 x 28 numbers: its aspect kept, in the middle, on black. */
static tw_err prepare(tw_ctx *ctx, const char *path, float mean, float std, float *x) {
    tw_image gray, small;
    tw_err err = tw_image_load(ctx, path, 1, &gray);
    if (err) return err;
    int w = SIDE, h = SIDE;
    if (gray.width > gray.height) h = (int)fmax(1, round((double)SIDE * gray.height / gray.width));
    else w = (int)fmax(1, round((double)SIDE * gray.width / gray.height));
    bool invert = bright_edge(&gray);
    err = tw_image_resize(ctx, &gray, w, h, &small);
    tw_image_free(&gray);
    if (err) return err;
    for (int k = 0; k < SIDE * SIDE; k++) x[k] = (0 - mean) / std;
    for (int j = 0; j < h; j++)
        for (int i = 0; i < w; i++) {
            uint8_t v = small.data[j * w + i];
            if (invert) v = (uint8_t)(255 - v);
            x[(j + (SIDE - h) / 2) * SIDE + i + (SIDE - w) / 2] = ((float)v / 255 - mean) / std;
        }
    tw_image_free(&small);
    return TW_OK;
}

static tw_err predict(tw_ctx *ctx, const trained *t, const char *path, const char *const *name) {
    float x[SIDE * SIDE];
    tw_err err = prepare(ctx, path, t->mean, t->std, x);
    if (err) return err;
    tw_step_begin(ctx);
    tw_tensor *z = tw_forward(ctx, t->net, tw_input(ctx, x, 4, (int[]){1, 1, SIDE, SIDE}));
    tw_tensor *p = tw_softmax(ctx, z, 1);
    if (!p) return tw_error(ctx);
    int best = 0;
    for (int k = 1; k < CLASSES; k++)
        if (p->data[k] > p->data[best]) best = k;
    plain_put(stdout, path);
    printf("\t%s\t%.4f\n", name[best], (double)p->data[best]);
    return TW_OK;
}

int command_predict(int argc, char **argv) {
    const char *model = NULL;
    bool clothes = false;
    cli_option table[] = {
        {"model", 'm', CLI_TEXT, &model, "FILE", "what `mnist train` wrote", 0, 0, NULL},
        {"clothes", 'c', CLI_FLAG, &clothes, NULL, "print names of clothes (Fashion-MNIST) instead of digits", 0, 0,
         NULL},
    };
    cli_command command = {"mnist",
                           "predict",
                           "--model FILE [OPTION].. IMAGE..",
                           "Prints for each picture: its path, a TAB, the class, a TAB, the probability.\n"
                           "Pictures are scaled to 28 x 28; one with a bright edge is inverted first.",
                           sizeof table / sizeof *table,
                           table};
    int n = cli_parse(&command, argc, argv);
    if (!model) cli_usage_error(&command, "--model FILE is needed");
    if (!n) cli_usage_error(&command, "no picture is named");

    tw_ctx *ctx = tw_ctx_new(0);
    if (!ctx) cli_die("mnist predict", "out of memory");
    trained t;
    if (trained_load(ctx, model, &t)) give_up("mnist predict", ctx);
    tw_set_training(ctx, false);
    tw_set_recording(ctx, false);
    int failed = 0;
    for (int i = 1; i <= n; i++) {
        if (!predict(ctx, &t, argv[i], class_names(clothes ? "fashion" : NULL))) continue;
        fprintf(stderr, "mnist predict: %s\n", tw_errmsg(ctx)); /* the others are read all the same */
        tw_error_clear(ctx);
        failed = 1;
    }
    trained_free(&t);
    tw_ctx_free(ctx);
    return failed;
}
