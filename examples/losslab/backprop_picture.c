/* backprop_picture.c - the tape of one step as a picture, from top to bottom. It is drawn from the tape itself: its
 * ops, their inputs and outputs, and the gradients that backward left there. */
#include "backprop.h"
#include "canvas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    CELL_W = 60,
    CELL_H = 17,
    PAD = 8,
    CARD_W = 2 * (3 * CELL_W + PAD) + 16,
    LEFT_X = 30,
    CHAIN_X = LEFT_X + CARD_W + 50,
    TEXT_X = CHAIN_X + CARD_W + 24,
    WIDTH = TEXT_X + 430,
    TOP = 96,
    BETWEEN = 76, /* from a card to the next, with the op in the middle */
};

static const canvas_colour VALUE = INK, GRADIENT = SERIES2;

static int rows_of(const tw_tensor *t) { return t->ndim == 2 ? t->dim[0] : 1; }
static double card_height(const tw_tensor *t) { return 31 + CELL_H * rows_of(t); }

static void draw_numbers(canvas *c, double x, double y, const tw_tensor *t, const tw_real *v, canvas_colour colour) {
    int columns = (int)t->size / rows_of(t);
    for (size_t i = 0; v && i < t->size; i++)
        canvas_text(c, x + CELL_W * (double)((int)i % columns + 1) - 4, y + CELL_H * (double)((int)i / columns), 12, 1,
                    colour, false, "%.4f", (double)v[i]);
}

static void draw_card(canvas *c, double x, double y, const tw_tensor *t, bool parameter) {
    char shape[40] = "";
    for (int i = 0, n = 0; i < t->ndim; i++)
        n += snprintf(shape + n, sizeof shape - (size_t)n, "%s%d", i ? " \xc3\x97 " : "", t->dim[i]);
    canvas_rect(c, x, y, CARD_W, card_height(t), PAPER, parameter ? SERIES1 : MUTED);
    canvas_text(c, x + PAD, y + 16, 13, -1, INK, true, "%s", t->name);
    canvas_text(c, x + CARD_W / 2 - PAD, y + 16, 11, 1, MUTED, false, "%s", *shape ? shape : "a number");
    canvas_text(c, x + CARD_W - PAD, y + 16, 11, 1, GRADIENT, false, "\xe2\x88\x82L/\xe2\x88\x82%s", t->name);
    draw_numbers(c, x + PAD, y + 36, t, t->data, VALUE);
    draw_numbers(c, x + CARD_W / 2 + PAD, y + 36, t, t->grad, GRADIENT);
}

/* ---- the chain rule at one edge -------------------------------------------------------------------------- */

#define D "\xe2\x88\x82L/\xe2\x88\x82" /* partial derivative of L by .. */
#define DOT " \xc2\xb7 "

typedef struct rule {
    char formula[160], numbers[200]; /* in general; and for the first entry */
} rule;

static double at(const tw_real *v, int i) { return (double)v[i]; }

/* The second factor of a product: a negative one in brackets. */
static const char *factor(double v, char text[24]) {
    snprintf(text, 24, v < 0 ? "(%.4f)" : "%.4f", v);
    return text;
}

/* Y = A B: gradients G B^T and A^T G. */
static void matmul_rule(const tw_node *n, int input, rule *r) {
    const tw_tensor *a = n->in[0], *b = n->in[1], *y = n->out[0];
    char text[24];
    if (input == 1) {
        snprintf(r->formula, sizeof r->formula, D "%s = %s\xe1\xb5\x80" DOT D "%s", b->name, a->name, y->name);
        snprintf(r->numbers, sizeof r->numbers, "first: %.4f = %.4f" DOT "%s", at(b->grad, 0), at(a->data, 0),
                 factor(at(y->grad, 0), text));
        return;
    }
    snprintf(r->formula, sizeof r->formula, D "%s = " D "%s" DOT "%s\xe1\xb5\x80", a->name, y->name, b->name);
    int used = snprintf(r->numbers, sizeof r->numbers, "first: %.4f =", at(a->grad, 0));
    for (int j = 0; j < b->dim[1]; j++)
        used += snprintf(r->numbers + used, sizeof r->numbers - (size_t)used, "%s %.4f" DOT "%s", j ? " +" : "",
                         at(y->grad, j), factor(at(b->data, j), text));
}

static void add_rule(const tw_node *n, int input, rule *r) {
    const tw_tensor *x = n->in[input], *y = n->out[0];
    snprintf(r->formula, sizeof r->formula, D "%s = " D "%s", x->name, y->name);
    snprintf(r->numbers, sizeof r->numbers, "first: %.4f = %.4f", at(x->grad, 0), at(y->grad, 0));
}

static void sigmoid_rule(const tw_node *n, int input, rule *r) {
    const tw_tensor *x = n->in[input], *y = n->out[0];
    double s = at(y->data, 0);
    snprintf(r->formula, sizeof r->formula, D "%s = " D "%s" DOT "%s (1 \xe2\x88\x92 %s)", x->name, y->name, y->name,
             y->name);
    snprintf(r->numbers, sizeof r->numbers, "first: %.4f = %.4f" DOT "%.4f" DOT "(1 \xe2\x88\x92 %.4f)", at(x->grad, 0),
             at(y->grad, 0), s, s);
}

static void cross_entropy_rule(const tw_node *n, int input, rule *r) {
    const tw_tensor *z = n->in[input];
    double sum = 0;
    for (int k = 0; k < (int)z->size; k++) sum += exp(at(z->data, k));
    snprintf(r->formula, sizeof r->formula, D "%s = softmax(%s) \xe2\x88\x92 onehot(class 0)", z->name, z->name);
    snprintf(r->numbers, sizeof r->numbers, "first: %.4f = %.4f \xe2\x88\x92 1", at(z->grad, 0),
             exp(at(z->data, 0)) / sum);
}

static const struct {
    const char *op, *forward; /* what stands between y and (x), for one input */
    void (*rule)(const tw_node *n, int input, rule *r);
} known[] = {
    {"matmul", "", matmul_rule},
    {"add", "", add_rule},
    {"sigmoid", " = \xcf\x83", sigmoid_rule},
    {"cross_entropy_loss", " = \xe2\x88\x92ln softmax", cross_entropy_rule},
};

static void describe(const tw_node *n, char forward[160], rule r[2]) {
    memset(r, 0, 2 * sizeof *r);
    snprintf(forward, 160, "%s", n->op->name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].op, n->op->name)) continue;
        for (int k = 0; k < n->nin; k++) known[i].rule(n, k, &r[k]);
        const char *y = n->out[0]->name, *a = n->in[0]->name;
        if (n->nin == 2)
            snprintf(forward, 160, "%s = %s %s %s", y, a, *n->op->name == 'a' ? "+" : "\xc2\xb7", n->in[1]->name);
        else snprintf(forward, 160, "%s%s(%s)%s", y, known[i].forward, a, *n->op->name == 'c' ? " of class 0" : "");
    }
}

/* ---- the tape ----------------------------------------------------------------------------------------------- */

/* The op between the card above, which ends at y, and the one below. */
static void draw_op(canvas *c, const tw_node *n, double y) {
    double x = CHAIN_X + CARD_W / 2, middle = y + BETWEEN / 2;
    char forward[160];
    rule r[2];
    describe(n, forward, r);
    canvas_arrow(c, x - 14, y, x - 14, y + BETWEEN, VALUE, 1.5);
    canvas_arrow(c, x + 14, y + BETWEEN, x + 14, y, GRADIENT, 1.5);
    double wide = 24 + canvas_text_width(12, true, n->op->name);
    canvas_rect(c, x - wide / 2, middle - 13, wide, 26, PAPER, INK);
    canvas_text(c, x, middle + 4, 12, 0, INK, true, "%s", n->op->name);
    canvas_text(c, TEXT_X, middle - 16, 13, -1, VALUE, true, "%s", forward);
    canvas_text(c, TEXT_X, middle + 4, 13, -1, GRADIENT, true, "%s", r[0].formula);
    canvas_text(c, TEXT_X, middle + 20, 11, -1, MUTED, false, "%s", r[0].numbers);
    if (n->nin < 2) return;
    double top = middle - card_height(n->in[1]) / 2, wide_left = x - wide / 2;
    draw_card(c, LEFT_X, top, n->in[1], true);
    canvas_arrow(c, LEFT_X + CARD_W, middle - 5, wide_left, middle - 5, VALUE, 1.5);
    canvas_arrow(c, wide_left, middle + 5, LEFT_X + CARD_W, middle + 5, GRADIENT, 1.5);
    double below = top + card_height(n->in[1]);
    canvas_text(c, LEFT_X, below + 15, 13, -1, GRADIENT, true, "%s", r[1].formula);
    canvas_text(c, LEFT_X + CARD_W, below + 15, 11, 1, MUTED, false, "%s", r[1].numbers);
}

canvas *backprop_picture(const backprop_step *s) {
    double height = TOP + card_height(s->node[0]->in[0]) + 24;
    for (int i = 0; i < BACKPROP_OPS; i++) height += BETWEEN + card_height(s->node[i]->out[0]);
    canvas *c = canvas_new(WIDTH, height);
    canvas_describe(c, "The tape of one training step of a 2-3-2 network with all values and gradients");
    canvas_text(c, LEFT_X, 34, 20, -1, INK, true, "One step of a 2-3-2 network: the tape");
    canvas_text(c, LEFT_X, 58, 13, -1, VALUE, false, "Downwards: each op computes its value.");
    canvas_text(c, LEFT_X, 78, 13, -1, GRADIENT, false,
                "Upwards: each op passes on the gradient it was given, times its own derivative (the chain rule).");
    double y = TOP;
    draw_card(c, CHAIN_X, y, s->node[0]->in[0], false);
    y += card_height(s->node[0]->in[0]);
    for (int i = 0; i < BACKPROP_OPS; i++) {
        draw_op(c, s->node[i], y);
        y += BETWEEN;
        draw_card(c, CHAIN_X, y, s->node[i]->out[0], false);
        y += card_height(s->node[i]->out[0]);
    }
    return c;
}
