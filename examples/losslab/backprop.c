/* backprop.c - `losslab backprop`: one training step of a network small enough to follow with a pencil. */
#include "backprop.h"
#include "canvas.h"
#include "losslab.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../common/cli.h"
#include "../common/outfile.h"
#include "../common/plain.h"

#define PROGRAM "losslab backprop"

typedef struct leaf {
    const char *name;
    int ndim, dim[2], n;
    tw_real v[6];
} leaf;
static const leaf network[BACKPROP_LEAVES] = {
    {"x", 2, {1, 2}, 2, {1, -0.5}},
    {"W\xe2\x82\x81", 2, {2, 3}, 6, {0.5, -0.3, 0.8, 0.2, 0.4, -0.6}},
    {"b\xe2\x82\x81", 1, {3}, 3, {0.1, -0.2, 0}},
    {"W\xe2\x82\x82", 2, {3, 2}, 6, {0.7, -0.5, -0.4, 0.6, 0.3, 0.9}},
    {"b\xe2\x82\x82", 1, {2}, 2, {0.05, -0.1}},
};

static tw_tensor *named(tw_tensor *t, const char *name) { return t ? tw_keep_grad(tw_set_name(t, name)) : NULL; }

/* The step's forward pass; what was computed keeps its gradient. NULL loss: the error is in ctx. */
static void forward(tw_ctx *ctx, const leaf *from, backprop_step *s) {
    tw_step_begin(ctx);
    for (int i = 0; i < BACKPROP_LEAVES; i++)
        s->leaf[i] = named(tw_input_grad(ctx, from[i].v, from[i].ndim, from[i].dim), from[i].name);
    tw_tensor *x = s->leaf[0], *W1 = s->leaf[1], *b1 = s->leaf[2], *W2 = s->leaf[3], *b2 = s->leaf[4];
    tw_tensor *a1 = named(tw_matmul(ctx, x, false, W1, false), "a\xe2\x82\x81");
    tw_tensor *z1 = named(tw_add(ctx, a1, b1), "z\xe2\x82\x81");
    tw_tensor *h = named(tw_sigmoid(ctx, z1), "h");
    tw_tensor *a2 = named(tw_matmul(ctx, h, false, W2, false), "a\xe2\x82\x82");
    tw_tensor *z2 = named(tw_add(ctx, a2, b2), "z\xe2\x82\x82");
    static const int32_t truth[] = {0};
    s->loss = named(tw_cross_entropy_loss(ctx, z2, (tw_labels){truth, 1}, NULL), "L");
}

static void collect_tape(backprop_step *s) {
    int i = BACKPROP_OPS;
    for (const tw_node *n = s->loss->node; n && i > 0; n = n->prev) s->node[--i] = n;
}

tw_err backprop_run(tw_ctx *ctx, backprop_step *s) {
    forward(ctx, network, s);
    tw_err err = tw_backward(ctx, s->loss);
    if (!err) collect_tape(s);
    return err;
}

/* The loss with one number of one leaf moved. */
static double loss_at(tw_ctx *ctx, int which, int i, double by) {
    leaf moved[BACKPROP_LEAVES];
    backprop_step s;
    memcpy(moved, network, sizeof moved);
    moved[which].v[i] += (tw_real)by;
    forward(ctx, moved, &s);
    return (double)tw_item(s.loss);
}

/* Backward beside central differences, number by number. Returns the largest difference by the largest gradient. */
static double compare(tw_ctx *ctx, tw_real grad[BACKPROP_LEAVES][6]) {
    const double step = 1e-5;
    double worst = 0, largest = 1e-3;
    printf("\nEach number moved by %g up and down, beside what backward says:\n%-10s %10s %14s %14s %10s\n", step,
           "number", "value", "backward", "differences", "apart");
    for (int l = 0; l < BACKPROP_LEAVES; l++)
        for (int i = 0; i < network[l].n; i++) {
            double numeric = (loss_at(ctx, l, i, step) - loss_at(ctx, l, i, -step)) / (2 * step);
            double a = (double)grad[l][i];
            char name[32];
            int columns = network[l].ndim == 2 ? network[l].dim[1] : network[l].dim[0];
            if (network[l].ndim == 2)
                snprintf(name, sizeof name, "%s[%d,%d]", network[l].name, i / columns, i % columns);
            else snprintf(name, sizeof name, "%s[%d]", network[l].name, i);
            int wide = strlen(network[l].name) > 1 ? 12 : 10; /* a small digit is three bytes */
            printf("%-*s %10.4f %14.10f %14.10f %10.1e\n", wide, name, (double)network[l].v[i], a, numeric,
                   fabs(a - numeric));
            worst = fmax(worst, fabs(a - numeric));
            largest = fmax(largest, fmax(fabs(a), fabs(numeric)));
        }
    return worst / largest;
}

static void print_tape(const backprop_step *s) {
    printf("The tape, oldest first:\n");
    for (int i = 0; i < BACKPROP_OPS; i++) {
        const tw_node *n = s->node[i];
        printf("%2d  %s = %s(", i + 1, n->out[0]->name, n->op->name);
        for (int k = 0; k < n->nin; k++) printf("%s%s", k ? ", " : "", n->in[k]->name);
        printf(")\n");
        const tw_tensor *y = n->out[0];
        printf("      value    ");
        for (size_t k = 0; k < y->size; k++) printf(" %12.8f", (double)y->data[k]);
        printf("\n      gradient ");
        for (size_t k = 0; k < y->size; k++) printf(" %12.8f", (double)y->grad[k]);
        putchar('\n');
    }
}

static bool write_dot(tw_ctx *ctx, const char *path) {
    outfile file;
    tw_err err = outfile_open(ctx, &file, path);
    if (!err) {
        tw_tape_dot(ctx, file.to);
        err = outfile_close(ctx, &file, path);
    }
    if (err) fprintf(stderr, PROGRAM ": %s\n", tw_errmsg(ctx));
    else plain_line(stdout, "tape for Graphviz: ", path);
    return !err;
}

static bool run(tw_ctx *ctx, const char *out, const char *dot) {
    backprop_step s = {0};
    tw_real grad[BACKPROP_LEAVES][6];
    char error[512] = "";
    bool good = true;
    if (cli_check_out(ctx, out) || (dot && tw_file_check(ctx, dot)) || backprop_run(ctx, &s)) {
        fprintf(stderr, PROGRAM ": %s\n", tw_errmsg(ctx));
        return false;
    }
    for (int l = 0; l < BACKPROP_LEAVES; l++)
        memcpy(grad[l], s.leaf[l]->grad, (size_t)network[l].n * sizeof grad[l][0]);
    print_tape(&s);
    canvas *c = backprop_picture(&s);
    good = canvas_save(c, out, error, sizeof error);
    canvas_free(c);
    if (!good) fprintf(stderr, PROGRAM ": %s\n", error);
    if (good) plain_line(stdout, "picture: ", out);
    if (dot) good = write_dot(ctx, dot) && good;
    double worst = compare(ctx, grad);
    printf("largest difference by the largest gradient: %.1e, %s\n", worst, worst <= 1e-6 ? "PASS" : "FAIL");
    return good && worst <= 1e-6;
}

int command_backprop(int argc, char **argv) {
    const char *out = "backprop.svg", *dot = NULL;
    cli_option table[] = {
        {"out", 'o', CLI_TEXT, &out, "FILE", "the picture, .svg or .png", 0, 0, NULL},
        {"dot", 0, CLI_TEXT, &dot, "FILE", "also writes the tape as text for Graphviz", 0, 0, NULL},
    };
    cli_command command = {
        "losslab",
        "backprop",
        "[--out FILE] [--dot FILE]",
        "One training step of a network with 2 inputs, 3 hidden units and 2 classes: a picture of the tape with\n"
        "every value, every gradient and the chain rule on each edge; then the same gradients by differences.",
        sizeof table / sizeof *table,
        table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    if (canvas_cannot_save(out)) cli_usage_error(&command, "--out %s: %s", out, canvas_cannot_save(out));
    const cli_file files[] = {{"--out", out, CLI_WRITTEN}, {"--dot", dot, CLI_WRITTEN}};
    cli_check_files(&command, sizeof files / sizeof *files, files);
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    bool good = ctx && run(ctx, out, dot);
    tw_ctx_free(ctx);
    return good ? 0 : 1;
}
