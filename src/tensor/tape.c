/* tape.c - recording operations and running them backward.
 *
 * Nodes are linked in the order of the calls, which is a topological order already: backward is one loop from the
 * newest to the oldest. */
#include "tensor/internal.h"

#include <math.h>
#include <string.h>

void tw_step_accumulate(tw_ctx *ctx) {
    tw__arena_reset(ctx, &ctx->step);
    tw__arena_reset(ctx, &ctx->scratch);
    ctx->free_blocks = 0;
    ctx->tape = NULL;
    ctx->nodes = 0;
    ctx->backward_done = false;
    ctx->step_number++;
    ctx->step_before = 0;
    if (ctx->profiling) ctx->clock = tw__now_ms();
}

void tw_step_begin(tw_ctx *ctx) {
    tw_step_accumulate(ctx);
    ctx->grads_since = ctx->step_number;
    if (ctx->part_failed) tw__undo_since(ctx, 0); /* and the others have not been used */
    tw__undo_forget(ctx);
    tw__arena_reset(ctx, &ctx->undo);
}

/* ---- recording ---------------------------------------------------------------------------------------- */

bool tw_inputs_ok(tw_ctx *ctx, const char *op, int n, tw_tensor *const *in) {
    for (int i = 0; i < n; i++) {
        if (!in[i]) return false;
        if (in[i]->step && in[i]->step != ctx->step_number) {
            tw_fail(ctx, TW_ERR_STATE,
                    "%s: input %d belongs to an earlier step, or to another context; tensors live until the next "
                    "tw_step_begin, in one context",
                    op, i + 1);
            return false;
        }
    }
    return true;
}

static bool wants_grad(const tw_tensor *t) { return t && (t->alias ? t->alias : t)->requires_grad; }

bool tw_will_record(const tw_ctx *ctx, int nin, tw_tensor *const *in) {
    if (!ctx->recording) return false;
    for (int i = 0; i < nin; i++)
        if (wants_grad(in[i])) return true;
    return false;
}

tw_tensor *tw_record_many(tw_ctx *ctx, const tw_op *op, void *attr, int nin, tw_tensor *const *in, int nout,
                          tw_tensor *const *out) {
    if (ctx->error) return NULL;
    for (int i = 0; i < nout; i++)
        if (!out[i]) return NULL;
    for (int i = 0; i < nin; i++)
        if (in[i] && !tw_inputs_ok(ctx, op->name, 1, &in[i])) return NULL;
    if (!tw_will_record(ctx, nin, in)) return out[0];

    tw_node *node = tw_alloc(ctx, sizeof *node + (size_t)(nin + nout) * sizeof *node->in);
    if (!node) return NULL;
    *node = (tw_node){.op = op, .attr = attr, .nin = nin, .nout = nout, .prev = ctx->tape};
    node->in = (tw_tensor **)(node + 1);
    node->out = node->in + nin;
    memcpy(node->in, in, (size_t)nin * sizeof *in);
    memcpy(node->out, out, (size_t)nout * sizeof *out);
    for (int i = 0; i < nout; i++) {
        out[i]->node = node;
        out[i]->requires_grad = true;
    }
    size_t taken = ctx->step.used + ctx->step.below;
    node->bytes = taken - ctx->step_before;
    ctx->step_before = taken;
    if (ctx->profiling) {
        double now = tw__now_ms();
        node->ms_forward = now - ctx->clock;
        ctx->clock = now;
    }
    ctx->tape = node;
    ctx->nodes++;
    return out[0];
}

tw_tensor *tw_record(tw_ctx *ctx, const tw_op *op, void *attr, int nin, tw_tensor *const *in, tw_tensor *y) {
    return tw_record_many(ctx, op, attr, nin, in, 1, &y);
}

/* ---- gradients ---------------------------------------------------------------------------------------- */

/* Memory of the step. A parameter's gradient would be lost there when steps accumulate. */
static tw_real *new_grad(tw_ctx *ctx, const tw_tensor *t) {
    bool parameter = !t->step;
    if (parameter && ctx->grads_since != ctx->step_number)
        return tw_fail(ctx, TW_ERR_STATE,
                       "the gradient of %s cannot add up over steps before its parameters are sealed; an optimiser, or "
                       "tw_params_seal, does that",
                       tw_describe(ctx, t));
    return tw__block_take(ctx, t->size * sizeof *t->grad);
}

tw_real *tw_grad(tw_ctx *ctx, tw_tensor *t, tw_real *beta) {
    tw_tensor *of = t->alias ? t->alias : t; /* a tied parameter's gradient is its original's */
    *beta = 0;
    if (!of->requires_grad) return NULL;
    if (of->grad_step >= (of->flat ? ctx->grads_since : ctx->step_number)) { /* a parameter's may be of earlier steps */
        *beta = 1;
    } else {
        if (!of->flat) of->grad = new_grad(ctx, of);
        if (!of->grad) return NULL;
        of->grad_step = ctx->step_number;
    }
    if (t != of) {
        t->grad = of->grad;
        t->grad_step = of->grad_step;
    }
    return of->grad;
}

static bool has_grad(const tw_ctx *ctx, const tw_tensor *t) { return t->grad && t->grad_step == ctx->step_number; }

static bool all_finite(const tw_tensor *t) {
    for (size_t i = 0; i < t->size; i++)
        if (!isfinite(t->data[i])) return false;
    return true;
}

/* Says which op, or which input of it, was the first to be NaN or infinite. */
static tw_err report_nonfinite(tw_ctx *ctx, const tw_tensor *loss) {
    const tw_node *first = NULL;
    for (const tw_node *n = ctx->tape; n; n = n->prev)
        for (int i = 0; i < n->nout; i++)
            if (!all_finite(n->out[i])) first = n;                             /* goes on: the oldest is the one */
    double value = isnan(loss->data[0]) ? (double)NAN : (double)loss->data[0]; /* of a NaN the sign means nothing */
    if (!first) return tw_fail_err(ctx, TW_ERR_NONFINITE, "the loss is %g", value);
    const char *layer = first->out[0]->name, *quote = layer ? "\"" : ""; /* a network has several of an op */
    for (int i = 0; i < first->nin; i++)
        if (first->in[i] && !all_finite(first->in[i]))
            return tw_fail_err(ctx, TW_ERR_NONFINITE, "the loss is %g: %s%s%s%.100s%s got a non-finite input %s", value,
                               first->op->name, layer ? " " : "", quote, layer ? layer : "", quote,
                               tw_describe(ctx, first->in[i]));
    return tw_fail_err(ctx, TW_ERR_NONFINITE, "the loss is %g: the first non-finite value came out of %s %s", value,
                       first->op->name, tw_describe(ctx, first->out[0]));
}

/* No later node has a gradient: backward reads y's first, and nobody adds to it. */
static bool is_first(const tw_ctx *ctx, const tw_tensor *y) {
    const tw_node *n = ctx->tape;
    for (; n && n != y->node; n = n->prev)
        for (int i = 0; i < n->nout; i++)
            if (has_grad(ctx, n->out[i])) return false;
    return n;
}

/* dy itself serves as y's gradient until y's node has read it. It is copied when it must stay (keep_grad) or may be
 * added to (y may be a parameter). */
static bool begin_with(tw_ctx *ctx, tw_tensor *y, const tw_real *dy) {
    if (dy && !y->keep_grad && !has_grad(ctx, y) && is_first(ctx, y)) {
        y->grad = (tw_real *)dy; /* no backward changes its output's gradient */
        y->grad_step = ctx->step_number;
        return true;
    }
    tw_real beta, *g = tw_grad(ctx, y, &beta);
    for (size_t i = 0; g && i < y->size; i++) g[i] = tw_add_to(beta, g[i], dy[i]);
    return g;
}

static void run_backward(tw_ctx *ctx, const tw_real *borrowed) {
    for (tw_node *n = ctx->tape; n && !ctx->error; n = n->prev) {
        bool reached = false;
        for (int i = 0; i < n->nout; i++) {
            if (has_grad(ctx, n->out[i])) reached = true;
            else n->out[i]->grad = NULL;
        }
        if (!reached) continue;
        double start = ctx->profiling ? tw__now_ms() : 0;
        n->op->backward(ctx, n);
        if (ctx->profiling) n->ms_backward = tw__now_ms() - start;
        for (int i = 0; i < n->nout; i++) {
            tw_tensor *y = n->out[i];
            if (!y->grad || y->keep_grad) continue;
            if (y->grad != borrowed) tw__block_give(ctx, y->grad, y->size * sizeof *y->grad);
            y->grad = NULL;
        }
    }
}

tw_err tw_backward_from(tw_ctx *ctx, tw_tensor *y, const tw_real *dy) {
    if (ctx->error) return ctx->error;
    if (!y) return tw_fail_err(ctx, TW_ERR_STATE, "backward: the tensor is NULL");
    if (!tw_inputs_ok(ctx, "backward", 1, &y)) return ctx->error;
    if (!dy && y->size) return tw_fail_err(ctx, TW_ERR_STATE, "backward: the gradient to start from is NULL");
    if (ctx->backward_done)
        return tw_fail_err(ctx, TW_ERR_STATE, "backward ran already in this step; begin a new one with tw_step_begin");
    if (!y->requires_grad)
        return tw_fail_err(ctx, TW_ERR_STATE,
                           "backward: nothing that leads to %s wants a gradient, or recording is off",
                           tw_describe(ctx, y));
    ctx->backward_done = true;
    if (!begin_with(ctx, y, dy)) return ctx->error;
    run_backward(ctx, dy);
    if (ctx->error) { /* half of the gradients have been added: those of earlier parts are lost, too */
        tw__undo_since(ctx, ctx->grads_since);
        ctx->grads_since = ctx->step_number + 1;
    }
    return ctx->error;
}

tw_err tw_backward(tw_ctx *ctx, tw_tensor *loss) {
    if (ctx->error) return ctx->error;
    if (loss && !tw_inputs_ok(ctx, "backward", 1, &loss)) return ctx->error;
    if (loss && loss->size != 1)
        return tw_fail_err(ctx, TW_ERR_SHAPE, "backward: a loss has one element, this has the shape %s",
                           tw_describe(ctx, loss));
    if (loss && !isfinite(loss->data[0])) return report_nonfinite(ctx, loss);
    return tw_backward_from(ctx, loss, &(tw_real){1});
}

/* ---- showing it --------------------------------------------------------------------------------------- */

static void print_shapes(tw_ctx *ctx, FILE *out, int n, tw_tensor *const *t) {
    for (int i = 0; i < n; i++)
        if (t[i]) fprintf(out, "%s%s", i ? " " : "", tw_describe(ctx, t[i]));
}

void tw_tape_print(tw_ctx *ctx, FILE *out) {
    tw_mark mark = tw_scratch_mark(ctx);
    tw_node **order = tw_scratch(ctx, (size_t)(ctx->nodes + 1) * sizeof(tw_node *));
    if (!order) return;
    int i = ctx->nodes;
    for (tw_node *n = ctx->tape; n; n = n->prev) order[--i] = n;
    double forward = 0, backward = 0;
    size_t bytes = 0;
    fprintf(out, "%4s  %-20s %10s %10s %10s  %s\n", "", "op", "fwd ms", "bwd ms", "bytes", "inputs -> outputs");
    for (i = 0; i < ctx->nodes; i++) {
        const tw_node *n = order[i];
        fprintf(out, "%4d  %-20s %10.3f %10.3f %10zu  ", i, n->op->name, n->ms_forward, n->ms_backward, n->bytes);
        print_shapes(ctx, out, n->nin, n->in);
        fprintf(out, " -> ");
        print_shapes(ctx, out, n->nout, n->out);
        fputc('\n', out);
        forward += n->ms_forward;
        backward += n->ms_backward;
        bytes += n->bytes;
    }
    fprintf(out, "%4s  %-20s %10.3f %10.3f %10zu\n", "", "total", forward, backward, bytes);
    tw_scratch_release(ctx, mark);
}
