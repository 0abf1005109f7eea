/* eval.c - `losslab eval`: any loss of numbers given on the command line, its value and its gradient. */
#include "gradient.h"
#include "losslab.h"
#include "numbers.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/cli.h"

#define PROGRAM "losslab eval"

typedef struct question {
    tw_cost cost;
    const char *spec;
    numbers input, target;
    int32_t *index; /* the target as indices; NULL: a tensor */
    bool sequence;  /* input [T,K], target [L] */
    tw_reduction reduction;
} question;

typedef struct answer {
    int ndim, dim[TW_MAX_DIMS]; /* of the loss */
    tw_real *loss, *grad;       /* borrowed from the step */
} answer;

/* ---- what is compared with what --------------------------------------------------------------------- */

static bool same_shape(const numbers *a, const numbers *b) {
    return a->ndim == b->ndim && !memcmp(a->dim, b->dim, (size_t)a->ndim * sizeof *a->dim);
}

/* [N,..] for logits [N,K,..] */
static bool shape_of_classes(const numbers *input, const numbers *target) {
    if (input->ndim < 2 || target->ndim != input->ndim - 1 || target->dim[0] != input->dim[0]) return false;
    for (int i = 2; i < input->ndim; i++)
        if (target->dim[i - 1] != input->dim[i]) return false;
    return true;
}

static tw_err indices(tw_ctx *ctx, question *q) {
    const numbers *t = &q->target;
    q->index = malloc((t->size + 1) * sizeof *q->index);
    if (!q->index) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < t->size; i++) {
        double v = (double)t->v[i];
        char text[32];
        if (!(v >= INT32_MIN && v <= INT32_MAX) || v != floor(v))
            return tw_fail_err(ctx, TW_ERR_RANGE, "--target: number %zu is %s, and %s wants indices: whole numbers", i,
                               number_text(v, text), tw_cost_name(q->cost.layer));
        q->index[i] = (int32_t)v;
    }
    return TW_OK;
}

static tw_err shapes_do_not_fit(tw_ctx *ctx, const question *q) {
    const tw_cost_layer *layer = q->cost.layer;
    char input[80], target[80], wanted[200] = "";
    if (tw_cost_accepts(layer, TW_TARGET_TENSOR)) strcat(wanted, "a target of the input's shape");
    if (tw_cost_accepts(layer, TW_TARGET_CLASSES)) {
        if (*wanted) strcat(wanted, ", or ");
        strcat(wanted, "input [N,K] and indices [N]");
    }
    if (tw_cost_accepts(layer, TW_TARGET_SEQUENCES)) strcat(wanted, "input [T,K] and the label's indices [L]");
    return tw_fail_err(ctx, TW_ERR_SHAPE, "%s wants %s; --input is %s, --target %s", tw_cost_name(layer), wanted,
                       shape_text(q->input.ndim, q->input.dim, input),
                       shape_text(q->target.ndim, q->target.dim, target));
}

static tw_err arrange(tw_ctx *ctx, question *q) {
    const tw_cost_layer *layer = q->cost.layer;
    if (tw_cost_accepts(layer, TW_TARGET_TENSOR) && same_shape(&q->input, &q->target)) return TW_OK; /* also [] */
    if (!q->input.size) return tw_fail_err(ctx, TW_ERR_SHAPE, "--input: an empty list; there is nothing to compare");
    if (tw_cost_accepts(layer, TW_TARGET_SEQUENCES) && q->input.ndim == 2 && q->target.ndim == 1) {
        q->sequence = true;
        return indices(ctx, q);
    }
    if (tw_cost_accepts(layer, TW_TARGET_CLASSES) && shape_of_classes(&q->input, &q->target)) return indices(ctx, q);
    return shapes_do_not_fit(ctx, q);
}

/* ---- the loss and its gradient ------------------------------------------------------------------------ */

/* The gradient starts from ones: with `none` it is that of the sum, and a loss that is infinite has one too. */
static tw_err evaluate(tw_ctx *ctx, question *q, tw_reduction reduction, answer *a) {
    cost_set_reduction(&q->cost, reduction);
    tw_step_begin(ctx);
    const numbers *in = &q->input;
    int frames[] = {in->dim[0], 1, in->dim[1]};
    tw_tensor *pred = q->sequence ? tw_input_grad(ctx, in->v, 3, frames) : tw_input_grad(ctx, in->v, in->ndim, in->dim);
    tw_target target = {0};
    int32_t length = (int32_t)q->target.size;
    if (q->sequence) {
        target.labels = (tw_labels){q->index, q->target.size};
        target.label_lengths = (tw_labels){&length, 1};
    } else if (q->index) {
        target.classes = (tw_labels){q->index, q->target.size};
    } else {
        target.tensor = tw_input(ctx, q->target.v, in->ndim, in->dim);
    }
    tw_tensor *loss = tw_cost_apply(ctx, &q->cost, pred, &target);
    if (!loss) return tw_error(ctx);
    tw_real *ones = tw_alloc(ctx, loss->size * sizeof *ones);
    if (!ones) return tw_error(ctx);
    for (size_t i = 0; i < loss->size; i++) ones[i] = 1;
    tw_err err = tw_backward_from(ctx, loss, ones);
    if (err) return err;
    *a = (answer){.ndim = loss->ndim, .loss = loss->data, .grad = pred->grad};
    memcpy(a->dim, loss->dim, sizeof a->dim);
    return TW_OK;
}

/* ---- showing it --------------------------------------------------------------------------------------- */

static void print_json(const question *q, const answer *a) {
    fputs("{\"loss\": ", stdout);
    numbers_print(stdout, a->ndim, a->dim, a->loss);
    fputs(", \"grad\": ", stdout);
    numbers_print(stdout, q->input.ndim, q->input.dim, a->grad);
    fputs("}\n", stdout);
}

/* "[0,2]" of element i */
static const char *place_text(const numbers *n, size_t i, char text[80]) {
    int at[TW_MAX_DIMS] = {0};
    for (int d = n->ndim - 1; d >= 0; d--) at[d] = (int)(i % (size_t)n->dim[d]), i /= (size_t)n->dim[d];
    return shape_text(n->ndim, at, text);
}

/* Which term element i belongs to, and whether it is the first, or the one that the target names. */
typedef struct place {
    size_t term;
    bool first, named;
} place;
static place place_of(const question *q, size_t i) {
    if (q->sequence) return (place){0, i == 0, false};
    const numbers *in = &q->input;
    size_t step = 1;
    for (int d = 2; d < in->ndim; d++) step *= (size_t)in->dim[d];
    size_t K = in->ndim > 1 ? (size_t)in->dim[1] : 1, row = i / (K * step) * step + i % step, k = i / step % K;
    return (place){row, k == 0, q->index && (size_t)q->index[row] == k};
}

static void print_target(const question *q) {
    if (!q->index) return;
    printf("target  ");
    for (size_t i = 0; i < q->target.size; i++) printf("%s%d", i ? " " : "", (int)q->index[i]);
    puts(q->sequence ? "   (the label)" : "   (an index each; marked with * below)");
}

enum { MOST_ROWS = 400 };

/* A line an element. A term of several elements stands beside the first of them. */
static void print_rows(const question *q, const answer *a, const answer *terms, const tw_real *term) {
    size_t nterms = 1;
    for (int i = 0; i < terms->ndim; i++) nterms *= (size_t)terms->dim[i];
    bool each = nterms == q->input.size && !q->index;
    int width = 9;
    char place_[80], x[32], t[32], l[32], g[32];
    printf("%-*s %16s %16s %16s %16s\n", width, "element", "input", "target", "term", "gradient");
    for (size_t i = 0; i < q->input.size && i < MOST_ROWS; i++) {
        place p = place_of(q, i);
        if (each) p = (place){i, true, false};
        bool show = p.first && p.term < nterms;
        printf("%-*s %16s %16s %16s %16s\n", width, place_text(&q->input, i, place_),
               number_text((double)q->input.v[i], x),
               q->index ? p.named ? "*" : "" : number_text((double)q->target.v[i], t),
               show ? number_text((double)term[p.term], l) : "", number_text((double)a->grad[i], g));
    }
    if (q->input.size > MOST_ROWS)
        printf("... and %zu elements more; --json prints them all\n", q->input.size - MOST_ROWS);
}

static void print_table(const question *q, const answer *a, const answer *terms, const tw_real *term) {
    static const char *const of[] = {"the mean of the terms", "the sum of the terms", "every term by itself",
                                     "the sum of the terms by the number of samples"};
    char text[80];
    printf("%s: %s\n", q->spec, q->cost.layer->summary);
    printf("input   %s\n", shape_text(q->input.ndim, q->input.dim, text));
    print_target(q);
    print_rows(q, a, terms, term);
    printf("loss    ");
    numbers_print(stdout, a->ndim, a->dim, a->loss);
    printf("   %s%s\n", of[q->reduction],
           q->reduction == TW_REDUCTION_NONE ? "; the gradient is that of their sum" : "");
    double sum = 0, size = 0;
    for (size_t i = 0; i < q->input.size; i++)
        sum += (double)a->grad[i], size += (double)a->grad[i] * (double)a->grad[i];
    char s[32], n[32];
    printf("gradient: sum %s, norm %s\n", number_text(sum, s), number_text(sqrt(size), n));
}

static tw_err answer_question(tw_ctx *ctx, question *q, bool json) {
    answer a, terms;
    tw_err err = TW_OK;
    tw_real *term = NULL;
    if (!json) {
        err = evaluate(ctx, q, TW_REDUCTION_NONE, &terms);
        size_t n = 1;
        for (int i = 0; !err && i < terms.ndim; i++) n *= (size_t)terms.dim[i];
        if (!err && !(term = malloc(n * sizeof *term))) err = tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
        if (!err) memcpy(term, terms.loss, n * sizeof *term);
    }
    if (!err) err = evaluate(ctx, q, q->reduction, &a);
    if (!err && json) print_json(q, &a);
    else if (!err) print_table(q, &a, &terms, term);
    free(term);
    return err;
}

/* ---- the command -------------------------------------------------------------------------------------- */

static const char *const reductions[] = {"mean", "sum", "none", "batchmean"};

/* --reduction, else what SPEC says, else mean. */
static void choose_reduction(const cli_command *command, question *q, const char *given) {
    memcpy(&q->reduction, q->cost.options, sizeof q->reduction); /* the first member of every loss's options */
    if (!given) return;
    for (int i = 0; i < 4; i++)
        if (!strcmp(given, reductions[i])) {
            q->reduction = (tw_reduction)i;
            return;
        }
    const char *near = tw_nearest(given, 4, reductions);
    cli_usage_error(command, "--reduction is none, mean, sum or batchmean, not \"%s\"%s%s%s", given,
                    near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

int command_eval(int argc, char **argv) {
    const char *input = NULL, *target = NULL, *reduction = NULL;
    bool json = false;
    cli_option table[] = {
        {"input", 'i', CLI_TEXT, &input, "JSON", "the prediction: numbers in nested lists", 0, 0, NULL},
        {"target", 't', CLI_TEXT, &target, "JSON", "the truth: of the same shape, or indices (from 0)", 0, 0, NULL},
        {"reduction", 'r', CLI_TEXT, &reduction, "NAME",
         "none, mean, sum or batchmean (default: mean). With none the\ngradient is that of the sum", 0, 0, NULL},
        {"json", 'j', CLI_FLAG, &json, NULL, "print {\"loss\": .., \"grad\": ..}, not a table", 0, 0, NULL},
    };
    cli_command command = {
        "losslab",
        "eval",
        "SPEC --input JSON --target JSON [OPTION]..",
        "The value and the gradient of a loss for numbers of yours. SPEC is a loss with its options,\n"
        "\"huber:delta=0.5\" or \"focal:gamma=2,alpha=[.2,.8]\" (`losslab list` names them). JSON is the text\n"
        "itself, @FILE, or - for stdin; NaN, Infinity and -Infinity are numbers. For example\n"
        "  losslab eval cross_entropy --input '[[2,1,0],[0,0,3]]' --target '[0,1]'\n"
        "What is compared: mse mae huber smooth_l1, bce (probabilities), bce_logits: input and target of one\n"
        "shape. cross_entropy: logits [N,K], target indices [N] or probabilities [N,K]. nll: log-probabilities\n"
        "[N,K], indices [N]. kl_div: input log Q, target P. focal, balanced_ce: logits; a target of the same\n"
        "shape is binary, indices [N] for [N,K] multi-class. ctc: logits [T,K], the label [L].",
        sizeof table / sizeof *table,
        table};
    int n = cli_parse(&command, argc, argv);
    if (n < 1) cli_usage_error(&command, "which loss? `losslab list` names them");
    if (n > 1) cli_usage_error(&command, "unexpected argument \"%s\"", argv[2]);
    if (!input) cli_usage_error(&command, "--input JSON is needed");
    if (!target) cli_usage_error(&command, "--target JSON is needed");
    if (!strcmp(input, "-") && !strcmp(target, "-"))
        cli_usage_error(&command, "--input and --target cannot both be read from stdin");
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    if (!ctx) cli_die(PROGRAM, "out of memory");
    question q = {.spec = argv[1]};
    if (tw_cost_find(ctx, q.spec, &q.cost)) cli_usage_error(&command, "%s", tw_errmsg(ctx));
    choose_reduction(&command, &q, reduction);

    tw_err err = numbers_read(ctx, "--input", input, &q.input);
    if (!err) err = numbers_read(ctx, "--target", target, &q.target);
    if (!err) err = arrange(ctx, &q);
    if (!err) err = answer_question(ctx, &q, json);
    if (err) fprintf(stderr, PROGRAM ": %s\n", tw_errmsg(ctx));
    numbers_free(&q.input);
    numbers_free(&q.target);
    free(q.index);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}
