/* worked.c - see worked.h. */
#include "worked.h"

#include <math.h>
#include <string.h>

#include "gradient.h"
#include "options.h"

tw_err worked_run(worked *w, tw_reduction reduction) {
    tw_real ones[WORKED_MAX], pred[WORKED_MAX], tensor[WORKED_MAX];
    for (int i = 0; i < WORKED_MAX; i++) ones[i] = 1, pred[i] = (tw_real)w->pred[i], tensor[i] = (tw_real)w->tensor[i];
    tw_step_begin(w->ctx);
    cost_set_reduction(&w->cost, reduction);
    tw_target target = w->target;
    tw_tensor *x = tw_input_grad(w->ctx, pred, w->ndim, w->dim);
    if (w->has_tensor) target.tensor = tw_input(w->ctx, tensor, w->ndim, w->dim);
    tw_tensor *loss = tw_cost_apply(w->ctx, &w->cost, x, &target);
    if (!loss || tw_backward_from(w->ctx, loss, ones)) return tw_error(w->ctx);
    w->terms = (int)loss->size;
    for (int i = 0; i < w->terms && i < WORKED_MAX; i++) w->loss[i] = (double)loss->data[i];
    for (int i = 0; i < w->n; i++) w->grad[i] = x->grad ? (double)x->grad[i] : 0;
    return TW_OK;
}

tw_err worked_softmax(tw_ctx *ctx, int rows, int K, const double *z, double *p, bool logarithm) {
    tw_step_begin(ctx);
    tw_tensor *x = tw_full(ctx, 0, 2, (int[]){rows, K});
    for (int i = 0; x && i < rows * K; i++) x->data[i] = (tw_real)z[i];
    const tw_tensor *y = logarithm ? tw_log_softmax(ctx, x, 1) : tw_softmax(ctx, x, 1);
    for (int i = 0; y && i < rows * K; i++) p[i] = (double)y->data[i];
    return tw_error(ctx);
}

/* ---- tables ------------------------------------------------------------------------------------------------- */

static void put_number(FILE *out, double v) {
    if (isinf(v)) fputs(v < 0 ? "−∞" : "∞", out);
    else fprintf(out, "%s%.5g", v < 0 ? "−" : "", fabs(v));
}

void worked_labels(worked *w, int K) {
    static const char *const ordinal[] = {"1st", "2nd", "3rd"};
    w->corner = K ? "sample, class" : "";
    for (int i = 0; i < w->n; i++)
        if (K) snprintf(w->label[i], sizeof w->label[i], "%d, %d", i / K, i % K);
        else if (i < 3) snprintf(w->label[i], sizeof w->label[i], "%s", ordinal[i]);
        else snprintf(w->label[i], sizeof w->label[i], "%dth", i + 1);
}

void worked_row(worked *w, const char *name, const double *v) {
    if (w->rows == WORKED_ROWS) return;
    memcpy(w->value[w->rows], v, (size_t)w->n * sizeof *v);
    w->name[w->rows++] = name;
}

static void put_cell(FILE *out, double v) {
    fputc(' ', out);
    if (!isnan(v)) put_number(out, v);
    fputs(" |", out);
}

static void put_table(const worked *w) {
    enum { WIDE = 4 };
    bool turned = w->n > WIDE;
    int columns = turned ? w->rows : w->n, rows = turned ? w->n : w->rows;
    fprintf(w->out, "\n| %s |", turned && w->corner ? w->corner : "");
    for (int i = 0; i < columns; i++) fprintf(w->out, " %s |", turned ? w->name[i] : w->label[i]);
    fputs("\n|---|", w->out);
    for (int i = 0; i < columns; i++) fputs("---|", w->out);
    for (int row = 0; row < rows; row++) {
        fprintf(w->out, "\n| %s |", turned ? w->label[row] : w->name[row]);
        for (int i = 0; i < columns; i++) put_cell(w->out, turned ? w->value[i][row] : w->value[row][i]);
    }
    fputc('\n', w->out);
}

tw_err worked_answer(worked *w, int each) {
    static const struct {
        tw_reduction reduction;
        const char *name;
    } kinds[] = {{TW_REDUCTION_NONE, "none: the terms"},
                 {TW_REDUCTION_SUM, "sum"},
                 {TW_REDUCTION_MEAN, "mean"},
                 {TW_REDUCTION_BATCHMEAN, "batchmean: the sum by N"}};
    char table[1024];
    FILE *reductions = fmemopen(table, sizeof table, "w");
    if (!reductions) return tw_fail_err(w->ctx, TW_ERR_NOMEM, "out of memory");
    tw_err err = TW_OK;
    for (size_t k = 0; !err && k < sizeof kinds / sizeof *kinds; k++) {
        double term[WORKED_MAX];
        err = worked_run(w, kinds[k].reduction);
        if (err) break;
        for (int i = 0; i < w->n; i++) term[i] = i % each ? NAN : w->loss[i / each];
        if (k == 0) worked_row(w, "**term**", term);
        if (k == 1) worked_row(w, "gradient of the sum", w->grad);
        if (k == 2) worked_row(w, "**gradient of the mean**", w->grad);
        fprintf(reductions, "| %s |", kinds[k].name);
        for (int i = 0; i < w->terms; i++) {
            fputs(i ? ", " : " ", reductions);
            put_number(reductions, w->loss[i]);
        }
        fputs(" |\n", reductions);
    }
    if (fclose(reductions) || err) return err ? err : tw_fail_err(w->ctx, TW_ERR_NOMEM, "out of memory");
    put_table(w);
    fprintf(w->out, "\n| reduction | loss |\n|---|---|\n%s", table);
    return TW_OK;
}

/* ---- losses of a difference, divergences, losses that nobody wrote an example for -------------------------------- */

tw_err worked_difference(worked *w) {
    static const double y[] = {1, 2, 5}, t[] = {1, 4, 4};
    double e[3];
    w->ndim = 1, w->dim[0] = w->n = 3, w->has_tensor = true;
    memcpy(w->pred, y, sizeof y);
    memcpy(w->tensor, t, sizeof t);
    for (int i = 0; i < 3; i++) e[i] = y[i] - t[i];
    worked_labels(w, 0);
    worked_row(w, "prediction y", y);
    worked_row(w, "target t", t);
    worked_row(w, "error e = y − t", e);
    return worked_answer(w, 1);
}

tw_err worked_divergence(worked *w) {
    static const double P[] = {0.5, 0.3, 0.2, 1, 0, 0}, Q[] = {0.4, 0.4, 0.2, 0.7, 0.2, 0.1};
    double ratio[6];
    bool log_p = option_int(&w->cost, "p_form", TW_FORM_PROBS) == TW_FORM_LOG_PROBS;
    bool log_q = option_int(&w->cost, "q_form", TW_FORM_LOG_PROBS) == TW_FORM_LOG_PROBS;
    w->ndim = 2, w->dim[0] = 2, w->dim[1] = 3, w->n = 6, w->has_tensor = true;
    for (int i = 0; i < 6; i++) {
        w->pred[i] = log_q ? log(Q[i]) : Q[i];
        w->tensor[i] = log_p ? log(P[i]) : P[i];
        ratio[i] = P[i] > 0 ? log(P[i] / Q[i]) : NAN;
    }
    worked_labels(w, 3);
    worked_row(w, "truth P", P);
    if (log_p) worked_row(w, "log P (the target)", w->tensor);
    worked_row(w, "model Q", Q);
    if (log_q) worked_row(w, "log Q (the prediction)", w->pred);
    worked_row(w, "log(P / Q)", ratio);
    return worked_answer(w, 1);
}

tw_err worked_drawn(worked *w) {
    tw_ctx *drawing = tw_ctx_new(7); /* its step holds the problem */
    tw_cost_problem p;
    tw_err err = TW_ERR_NOMEM;
    if (!drawing) return tw_fail_err(w->ctx, err, "out of memory");
    for (uint64_t i = 0; i < 50; i++) { /* the first that is neither trivial nor large */
        tw_step_begin(drawing);
        err = w->cost.layer->sample(drawing, tw_random_stream(drawing), w->cost.options, &p);
        w->n = 1;
        for (int k = 0; !err && k < p.ndim; k++) w->n *= p.dim[k];
        bool choice = !err && (p.class_axis < 0 || p.dim[p.class_axis] > 1);
        if (err || (choice && w->n >= 2 && w->n <= 8)) break;
    }
    if (err || w->n < 2 || w->n > 8) {
        err = tw_fail_err(w->ctx, err ? err : TW_ERR_RANGE, "%s: no small problem was drawn", w->cost.layer->name);
    } else {
        w->ndim = p.ndim, w->target = p.labels, w->has_tensor = p.target;
        memcpy(w->dim, p.dim, sizeof w->dim);
        for (int i = 0; i < w->n; i++)
            w->pred[i] = (double)p.pred[i], w->tensor[i] = p.target ? (double)p.target[i] : 0;
        worked_labels(w, 0);
        worked_row(w, "prediction", w->pred);
        if (w->has_tensor) worked_row(w, "target", w->tensor);
        err = worked_run(w, TW_REDUCTION_NONE);
        if (!err) err = worked_answer(w, w->terms && w->n % w->terms == 0 ? w->n / w->terms : w->n);
    }
    tw_ctx_free(drawing);
    return err;
}
