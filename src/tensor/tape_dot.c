/* tape_dot.c - the tape as text for Graphviz: a box for each op, an ellipse for each tensor that no op computed
 * or that none has taken. */
#include "tensor/internal.h"

#include <string.h>

/* Numbers for pointers, in the order in which they are asked for: a hash table that never fills. */
typedef struct numbering {
    const void **seen;
    int *number;
    size_t size; /* a power of 2 */
    int count;
} numbering;

static bool numbering_make(tw_ctx *ctx, numbering *n, size_t pointers) {
    *n = (numbering){.size = 16};
    while (n->size < 2 * pointers) n->size *= 2;
    n->seen = tw_scratch(ctx, n->size * sizeof *n->seen);
    n->number = tw_scratch(ctx, n->size * sizeof *n->number);
    if (!n->seen || !n->number) return false;
    memset(n->seen, 0, n->size * sizeof *n->seen);
    return true;
}

static int number_of(numbering *n, const void *p, bool *is_new) {
    size_t at = (size_t)((uintptr_t)p / 16 * 0x9e3779b97f4a7c15u) & (n->size - 1);
    while (n->seen[at] && n->seen[at] != p) at = (at + 1) & (n->size - 1);
    *is_new = !n->seen[at];
    if (*is_new) n->seen[at] = p, n->number[at] = n->count++;
    return n->number[at];
}

/* tw_describe's words inside a quoted string: they quote names, and a name may hold anything. */
static void print_label(tw_ctx *ctx, FILE *out, const tw_tensor *t) {
    fputs("label=\"", out);
    for (const char *p = tw_describe(ctx, t); *p; p++) {
        if (*p == '"' || *p == '\\') fputc('\\', out);
        fputc((unsigned char)*p < 32 ? ' ' : *p, out);
    }
    fputs("\"];\n", out);
}

static void print_input(tw_ctx *ctx, FILE *out, const tw_tensor *t, int op, numbering *ops, numbering *leaves) {
    bool is_new;
    if (t->node) {
        fprintf(out, "  op%d -> op%d [", number_of(ops, t->node, &is_new), op);
        print_label(ctx, out, t);
        return;
    }
    int leaf = number_of(leaves, t, &is_new);
    if (is_new) { /* what gets a gradient is bold */
        fprintf(out, "  leaf%d [shape=ellipse, style=%s, ", leaf, t->requires_grad ? "bold" : "solid");
        print_label(ctx, out, t);
    }
    fprintf(out, "  leaf%d -> op%d;\n", leaf, op);
}

static void print_node(tw_ctx *ctx, FILE *out, const tw_node *n, numbering *ops, numbering *leaves, numbering *taken) {
    bool is_new;
    int op = number_of(ops, n, &is_new);
    fprintf(out, "  op%d [shape=box, label=\"%s\"];\n", op, n->op->name);
    for (int i = 0; i < n->nin; i++) {
        if (!n->in[i]) continue;
        number_of(taken, n->in[i], &is_new);
        print_input(ctx, out, n->in[i], op, ops, leaves);
    }
}

/* The outputs that no op took: the loss. */
static void print_results(tw_ctx *ctx, FILE *out, const tw_node *n, int op, numbering *leaves, numbering *taken) {
    for (int i = 0; i < n->nout; i++) {
        bool is_new;
        number_of(taken, n->out[i], &is_new);
        if (!is_new) continue;
        int leaf = number_of(leaves, n->out[i], &is_new);
        fprintf(out, "  op%d -> leaf%d;\n  leaf%d [shape=ellipse, ", op, leaf, leaf);
        print_label(ctx, out, n->out[i]);
    }
}

void tw_tape_dot(tw_ctx *ctx, FILE *out) {
    tw_mark mark = tw_scratch_mark(ctx);
    tw_node **order = tw_scratch(ctx, (size_t)(ctx->nodes + 1) * sizeof(tw_node *));
    numbering ops, leaves, taken;
    size_t tensors = 0;
    int i = ctx->nodes;
    for (tw_node *n = ctx->tape; order && n; n = n->prev) order[--i] = n, tensors += (size_t)(n->nin + n->nout);
    if (order && numbering_make(ctx, &ops, (size_t)ctx->nodes) && numbering_make(ctx, &leaves, tensors) &&
        numbering_make(ctx, &taken, tensors)) {
        fputs("digraph tape {\n  rankdir=LR;\n", out);
        for (i = 0; i < ctx->nodes; i++) print_node(ctx, out, order[i], &ops, &leaves, &taken);
        for (i = 0; i < ctx->nodes; i++) print_results(ctx, out, order[i], i, &leaves, &taken);
        fputs("}\n", out);
    }
    tw_scratch_release(ctx, mark);
}
