/* test_backprop_book.c - the 2-3-2 network of docs/backprop.md, which quotes it: every value and gradient of its
 * tables, the step, and the mistakes. What must be measured in double is in grad_backprop_book.c. */
#include "util.h"

#define near4(got, ...) /* to the four decimals that the tables print */ \
    assert_near(got, ((const tw_real[]){__VA_ARGS__}), sizeof((const tw_real[]){__VA_ARGS__}) / sizeof(tw_real), 5.1e-5)

static tw_ctx *ctx;
static void setup(void) { ctx = tw_ctx_new(1); }
static void teardown(void) { tw_ctx_free(ctx); }
TestSuite(backprop, .init = setup, .fini = teardown);

/* ---- a program of three lines --------------------------------------------------------------------------- */

/* quote: program */
static double program(double x, double y, double *dx, double *dy) {
    double u = x * y;
    double v = u + x;
    double L = v * v;

    double dL = 1;          /* dL/dL */
    double dv = dL * 2 * v; /* L = v * v */
    double du = dv * 1;     /* v = u + x */
    *dx = dv * 1;           /*          .. and x is used here for the first time */
    *dx += du * y;          /* u = x * y  .. and here for the second: add */
    *dy = du * x;
    return L;
}
/* end quote */

Test(backprop, a_program_of_three_lines) {
    double dx, dy, unused[2];
    cr_assert_eq(program(2, 3, &dx, &dy), 64);
    cr_assert(dx == 64 && dy == 32);
    cr_assert_float_eq(program(2.01, 3, unused, unused + 1), 64.6416, 1e-9); /* 64 * 0.01 more, and a little */
}

/* ---- the network ------------------------------------------------------------------------------------------ */

/* quote: network */
/* 2 inputs, 3 hidden units, 2 classes. Rows are inputs of the layer, columns its units. */
static tw_real x[] = {1, -0.5};
static tw_real W1[] = {0.5, -0.3, 0.8, 0.2, 0.4, -0.6}, b1[] = {0.1, -0.2, 0};
static tw_real W2[] = {0.7, -0.5, -0.4, 0.6, 0.3, 0.9}, b2[] = {0.05, -0.1};

typedef struct step {
    tw_tensor *x, *W1, *b1, *W2, *b2;        /* leaves: their gradients stay */
    tw_tensor *a1, *z1, *h, *a2, *z2, *loss; /* computed: these stay when asked for */
} step;

static step forward(void) {
    step s;
    tw_step_begin(ctx);
    s.x = tw_input_grad(ctx, x, 2, (int[]){1, 2});
    s.W1 = tw_input_grad(ctx, W1, 2, (int[]){2, 3});
    s.b1 = tw_input_grad(ctx, b1, 1, (int[]){3});
    s.W2 = tw_input_grad(ctx, W2, 2, (int[]){3, 2});
    s.b2 = tw_input_grad(ctx, b2, 1, (int[]){2});

    s.a1 = tw_keep_grad(tw_matmul(ctx, s.x, false, s.W1, false));
    s.z1 = tw_keep_grad(tw_add(ctx, s.a1, s.b1));
    s.h = tw_keep_grad(tw_sigmoid(ctx, s.z1));
    s.a2 = tw_keep_grad(tw_matmul(ctx, s.h, false, s.W2, false));
    s.z2 = tw_keep_grad(tw_add(ctx, s.a2, s.b2));
    s.loss = tw_cross_entropy_loss(ctx, s.z2, (tw_labels){(int32_t[]){0}, 1}, NULL); /* the truth is class 0 */
    return s;
}
/* end quote */

static void check_forward(const step *s) {
    near4(s->a1->data, 0.4, -0.5, 1.1);
    near4(s->z1->data, 0.5, -0.7, 1.1);
    near4(s->h->data, 0.6225, 0.3318, 0.7503);
    near4(s->a2->data, 0.5281, 0.5631);
    near4(s->z2->data, 0.5781, 0.4631);
    tw_real e[] = {(tw_real)exp((double)s->z2->data[0]), (tw_real)exp((double)s->z2->data[1])};
    near4(e, 1.7826, 1.5890);
    near4(((tw_real[]){e[0] + e[1], e[0] / (e[0] + e[1]), e[1] / (e[0] + e[1])}), 3.3716, 0.5287, 0.4713);
    near4(s->loss->data, 0.6373);
    for (int j = 0; j < 3; j++) { /* the sums written out in the chapter */
        cr_assert_float_eq(s->a1->data[j], 1 * W1[j] - (tw_real)0.5 * W1[3 + j], 1e-6);
        near4(((tw_real[]){s->h->data[j] * (1 - s->h->data[j])}), (tw_real[]){0.2350, 0.2217, 0.1874}[j]);
    }
}

static void check_backward(const step *s) {
    near4(s->z2->grad, -0.4713, 0.4713);
    near4(s->a2->grad, -0.4713, 0.4713);
    near4(s->b2->grad, -0.4713, 0.4713);
    near4(s->W2->grad, -0.2934, 0.2934, -0.1564, 0.1564, -0.3536, 0.3536);
    near4(s->h->grad, -0.5655, 0.4713, 0.2828);
    near4(s->z1->grad, -0.1329, 0.1045, 0.0530);
    near4(s->a1->grad, -0.1329, 0.1045, 0.0530);
    near4(s->b1->grad, -0.1329, 0.1045, 0.0530);
    near4(s->W1->grad, -0.1329, 0.1045, 0.0530, 0.0665, -0.0522, -0.0265);
    near4(s->x->grad, -0.0554, -0.0166);
    static const double from_0[] = {-0.3299, 0.1885, -0.1414}, from_1[] = {-0.2356, 0.2828, 0.4242};
    for (int j = 0; j < 3; j++) { /* what each class sends back to each hidden unit */
        cr_assert_float_eq(s->z2->grad[0] * W2[2 * j], from_0[j], 5.1e-5);
        cr_assert_float_eq(s->z2->grad[1] * W2[2 * j + 1], from_1[j], 5.1e-5);
    }
}

/* quote: descend */
static void descend(tw_real *value, const tw_tensor *leaf, tw_real lr) {
    for (size_t i = 0; i < leaf->size; i++) value[i] -= lr * leaf->grad[i];
}
/* end quote */

static double squares(const tw_tensor *t) {
    double sum = 0;
    for (size_t i = 0; i < t->size; i++) sum += (double)t->grad[i] * (double)t->grad[i];
    return sum;
}

Test(backprop, the_example_of_the_book) {
    /* quote: step */
    step s = forward();
    tw_backward(ctx, s.loss);
    /* end quote */
    assert_ok(ctx);
    check_forward(&s);
    check_backward(&s);
    double norm2 = squares(s.W1) + squares(s.b1) + squares(s.W2) + squares(s.b2);
    cr_assert_float_eq(norm2, 0.9859, 5.1e-5);
    cr_assert_float_eq(norm2 * 0.5, 0.4930, 5.1e-5); /* what a straight line would lose */

    /* quote: update */
    descend(W1, s.W1, 0.5);
    descend(b1, s.b1, 0.5);
    descend(W2, s.W2, 0.5);
    descend(b2, s.b2, 0.5);
    s = forward(); /* its loss is smaller */
    /* end quote */
    assert_ok(ctx);
    near4(W1, 0.5665, -0.3522, 0.7735, 0.1668, 0.4261, -0.5868);
    near4(b1, 0.1665, -0.2522, -0.0265);
    near4(W2, 0.8467, -0.6467, -0.3218, 0.5218, 0.4768, 0.7232);
    near4(b2, 0.2856, -0.3356);
    near4(s.z1->data, 0.6495, -0.8176, 1.0404);
    near4(s.h->data, 0.6569, 0.3063, 0.7389);
    near4(s.z2->data, 1.0956, -0.0662);
    near4(s.loss->data, 0.2723);
    cr_assert_float_eq(exp(-(double)tw_item(s.loss)), 0.7617, 5.1e-5); /* p of the truth */
}

/* ---- mistakes ---------------------------------------------------------------------------------------------- */

/* Whatever is multiplied in front of the loss must come through every edge. */
Test(backprop, an_upstream_gradient_reaches_every_leaf) {
    step s = forward();
    tw_backward(ctx, tw_scale(ctx, s.loss, 3));
    near4(s.x->grad, 3 * -0.055413, 3 * -0.016575);
    near4(s.W2->grad, 3 * -0.293356, 3 * 0.293356, 3 * -0.156378, 3 * 0.156378, 3 * -0.353587, 3 * 0.353587);
}

/* Backward reads the values that forward left. Changed in between, they give the gradient of something else. */
Test(backprop, a_value_changed_in_place) {
    step s = forward();
    s.h->data[0] = 0;
    tw_backward(ctx, s.loss);
    cr_assert_eq(s.z1->grad[0], 0); /* h (1 - h), of the wrong h */
    cr_assert_eq(s.W2->grad[0], 0);
    near4(s.z1->grad + 1, 0.1045, 0.0530); /* the others do not notice, nor does the loss */
    near4(s.loss->data, 0.6373);
}

/* (t + t)^2: two edges to t, and two to the sum. */
Test(backprop, used_twice_receives_twice) {
    tw_real v[] = {3};
    tw_step_begin(ctx);
    tw_tensor *t = tw_input_grad(ctx, v, 0, NULL), *u = tw_add(ctx, t, t);
    tw_backward(ctx, tw_mul(ctx, u, u));
    cr_assert_eq(t->grad[0], 24); /* d(4 t^2)/dt = 8 t */
}

/* In float the loss is known in steps of 6e-8, so the quotient is in steps of 0.03 for h = 1e-6: gradients are checked
 * in double. */
Test(backprop, differences_in_float) {
    static const double h[] = {1e-2, 1e-6};
    double g, off[2];
    step s = forward();
    tw_backward(ctx, s.loss);
    g = (double)s.W1->grad[0];
    for (int i = 0; i < 2; i++) {
        tw_real up = (tw_real)(0.5 + h[i]), down = (tw_real)(0.5 - h[i]);
        W1[0] = up;
        double above = (double)tw_item(forward().loss);
        W1[0] = down;
        double below = (double)tw_item(forward().loss);
        off[i] = fabs((above - below) / ((double)up - (double)down) - g);
    }
    cr_assert_lt(off[0], 3e-5);
    if (sizeof(tw_real) == sizeof(float)) cr_assert_gt(off[1], 0.01);
}
