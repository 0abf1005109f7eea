/* thalweg/extend.h - for authors of operations, layers and losses.
 *
 * An op is one function that computes its value and records a node, and one that computes gradients:
 *
 *     static void square_backward(tw_ctx *ctx, tw_node *n) {
 *         tw_tensor *x = n->in[0], *y = n->out[0];
 *         tw_real beta, *dx = tw_grad(ctx, x, &beta);               // NULL: x wants no gradient
 *         if (!dx) return;
 *         for (size_t i = 0; i < x->size; i++)
 *             dx[i] = tw_add_to(beta, dx[i], 2 * x->data[i] * y->grad[i]);
 *     }
 *     static const tw_op square_op = {"square", square_backward};
 *     tw_tensor *square(tw_ctx *ctx, tw_tensor *x) {
 *         tw_tensor *y = tw_new_like(ctx, x);                        // NULL in, NULL out
 *         if (!y) return NULL;
 *         for (size_t i = 0; i < x->size; i++) y->data[i] = x->data[i] * x->data[i];
 *         return tw_record(ctx, &square_op, NULL, 1, &x, y);
 *     }
 */
#ifndef THALWEG_EXTEND_H
#define THALWEG_EXTEND_H

#include <thalweg/layers.h>
#include <thalweg/losses.h>
#include <thalweg/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_node tw_node;

/* An operation's identity is the address of its static const record. */
typedef struct tw_op {
    const char *name;
    /* Adds the gradients of n->in from the gradients n->out[i]->grad, which are not to be changed. Called only when at
     * least one output has a gradient and one input wants one. An output nobody used has grad NULL. Kernel temporaries
     * come from tw_scratch. */
    void (*backward)(tw_ctx *ctx, tw_node *n);
} tw_op;

struct tw_node {
    const tw_op *op;
    void *attr; /* what this call was given (stride, axis ...), in the step's memory; may be NULL */
    tw_tensor **in, **out;
    int nin, nout;                  /* an optional input is a NULL entry */
    tw_node *prev;                  /* the node recorded before this one */
    size_t bytes;                   /* step memory taken for outputs and what backward needs */
    double ms_forward, ms_backward; /* measured while profiling */
};

/* Uninitialised memory of the step (64-byte aligned), gone at the next tw_step_begin. NULL + NOMEM on failure. */
TW_API void *tw_alloc(tw_ctx *ctx, size_t bytes);

/* Kernel temporaries: everything taken after the mark is given back by the release; 64-byte aligned. */
typedef struct tw_mark {
    void *chunk;
    size_t used;
} tw_mark;
TW_API tw_mark tw_scratch_mark(tw_ctx *ctx);
TW_API void *tw_scratch(tw_ctx *ctx, size_t bytes);
TW_API void tw_scratch_release(tw_ctx *ctx, tw_mark mark);

/* A new tensor with uninitialised values; negative dimensions or overflow are SHAPE errors. */
TW_API tw_tensor *tw_new(tw_ctx *ctx, int ndim, const int *dim);
TW_API tw_tensor *tw_new_like(tw_ctx *ctx, const tw_tensor *x);

/* Before forward changes a buffer (tw_buffer), as batch norm its running statistics: when the step fails, or
 * tw_optim_step refuses its gradient, the buffer gets back what it holds now. After an error do not change it. */
TW_API TW_MUST_CHECK tw_err tw_buffer_will_change(tw_ctx *ctx, tw_tensor *buffer);

/* True when the n inputs are not NULL and belong to this step: an op asks before it reads them, and returns NULL
 * otherwise. A stale tensor leaves a STATE error that says so. */
TW_API bool tw_inputs_ok(tw_ctx *ctx, const char *op, int n, tw_tensor *const *in);

/* Records that op computed y from in[0..nin). attr must be from tw_alloc (or static). Inputs are validated
 * (stale tensors, failed context). Without recording, or when no input requires a gradient, only marks y.
 * Returns y, or NULL when the context has failed. */
TW_API tw_tensor *tw_record(tw_ctx *ctx, const tw_op *op, void *attr, int nin, tw_tensor *const *in, tw_tensor *y);
/* The same with several outputs; returns out[0]. */
TW_API tw_tensor *tw_record_many(tw_ctx *ctx, const tw_op *op, void *attr, int nin, tw_tensor *const *in, int nout,
                                 tw_tensor *const *out);

/* Will this call be differentiated? True when recording and some input requires a gradient (NULL entries are
 * skipped): tells a forward function whether what backward needs must be kept. */
TW_API bool tw_will_record(const tw_ctx *ctx, int nin, tw_tensor *const *in);

/* The gradient of t, to be written: *beta is 0 for the first writer of this step (the memory is uninitialised
 * then and must be overwritten) and 1 after (add). NULL when t wants no gradient or memory ran out. */
TW_API tw_real *tw_grad(tw_ctx *ctx, tw_tensor *t, tw_real *beta);

/* beta is 0 or 1; old is not read when it is 0, for it may be uninitialised. */
static inline tw_real tw_add_to(tw_real beta, tw_real old, tw_real value) { return beta == 0 ? value : old + value; }

/* Puts the first error in the context. Returns NULL, so that maths can `return tw_fail(...)`. */
TW_API void *tw_fail(tw_ctx *ctx, tw_err err, const char *format, ...) TW_PRINTF(3, 4);
/* The same for functions that return a code: returns the code. */
TW_API tw_err tw_fail_err(tw_ctx *ctx, tw_err err, const char *format, ...) TW_PRINTF(3, 4);
/* `"fc1.weight" [512,784]` for messages; borrowed, good for the next 8 calls. */
TW_API const char *tw_describe(tw_ctx *ctx, const tw_tensor *t);

/* Random numbers that do not depend on threads: draw i of a stream is a pure function of (stream, i). */
TW_API uint64_t tw_random_stream(tw_ctx *ctx); /* a new stream from the context's random state */
TW_API uint64_t tw_random_bits(uint64_t stream, uint64_t i);
TW_API double tw_random_uniform(uint64_t stream, uint64_t i); /* [0, 1) */
TW_API double tw_random_normal(uint64_t stream, uint64_t i);  /* N(0, 1) */
/* A stream for a name: the same seed and name give the same stream, whatever was drawn before. */
TW_API uint64_t tw_random_named(tw_ctx *ctx, const char *name);

/* Runs fn(arg, block, thread) for block = 0..nblocks-1 on the context's threads; thread < tw_threads(ctx).
 * Cut the work by shape only, never by the number of threads, and the result is the same bits for any number.
 * fn must not call anything that takes a ctx. Denormals are flushed to zero inside. */
TW_API void tw_parallel_for(tw_ctx *ctx, int nblocks, void (*fn)(void *arg, int block, int thread), void *arg);

/* C = alpha op(A) op(B) + beta C, row-major, A [M,K] (or [K,M] transposed), B [K,N] (or [N,K]), C [M,N]; ld* are
 * row strides in elements. beta 0 does not read C. tw_gemm uses the context's threads; tw_gemm_serial is for
 * use inside tw_parallel_for. */
TW_API void tw_gemm(tw_ctx *ctx, bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                    const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc);
TW_API void tw_gemm_serial(bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                           const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc);

/* ---- layers -----------------------------------------------------------------------------------------
 * A layer of yours is a struct whose first member is a tw_layer, and a static const class. forward must not keep x or
 * its result for another layer or call: without recording, a sequential uses their memory again. What skips some layers
 * is one layer around them: tw_add(ctx, x, tw_forward(ctx, inner, x)). */
typedef struct tw_layer_class {
    const char *type; /* "dense" */
    tw_tensor *(*forward)(tw_ctx *ctx, tw_layer *layer, tw_tensor *x);
    void (*free)(tw_layer *layer); /* frees what the layer owns beside itself; may be NULL */
} tw_layer_class;
struct tw_layer {
    const tw_layer_class *cls;
    tw_params *params;
    tw_layer *next; /* the layers of one tw_params */
    char *name;     /* NULL when it has none */
};
/* size bytes (>= sizeof(tw_layer)), zeroed, owned by params. NULL after an error or when params is NULL. */
TW_API tw_layer *tw_layer_new(tw_params *params, const tw_layer_class *cls, size_t size, const char *name);
/* tw_param / tw_buffer called "<layer's name>.<suffix>". */
TW_API tw_tensor *tw_layer_param(tw_layer *layer, const char *suffix, tw_init init, int ndim, const int *dim);
TW_API tw_tensor *tw_layer_buffer(tw_layer *layer, const char *suffix, tw_real value, int ndim, const int *dim);

/* ---- named options: "focal:gamma=2,alpha=0.25" -----------------------------------------------------
 * One table describes a struct of options; from it come parsing, defaults and help. */
typedef enum tw_option_type {
    TW_OPTION_REAL,
    TW_OPTION_INT,
    TW_OPTION_BOOL,
    TW_OPTION_ENUM,
    TW_OPTION_LIST /* a number, or several: "alpha=[.2,.8]" */
} tw_option_type;
typedef struct tw_option {
    const char *name;
    tw_option_type type;
    size_t offset;              /* offsetof in the options struct: double, int, bool, int for an enum, tw_reals */
    double value;               /* the default (LIST: none) */
    double min, max;            /* allowed range, inclusive; min DBL_MIN: above 0 (REAL, INT, each of a LIST) */
    const char *const *choices; /* ENUM: the names of 0, 1, ..., NULL at the end */
    const char *help;
} tw_option; /* a table ends with name NULL */
/* Fills options (of the size the table describes) with the defaults. */
TW_API void tw_options_default(const tw_option *table, void *options);
/* Parses "k=v,k=v" (NULL or "": nothing) over what options holds. what names it in messages: an unknown key or
 * a bad value is RANGE, with the nearest name suggested. A LIST's numbers live as long as ctx. */
TW_API TW_MUST_CHECK tw_err tw_options_parse(tw_ctx *ctx, const char *what, const tw_option *table, const char *text,
                                             void *options);
/* The name among n (NULL entries allowed) nearest to word by edit distance, or NULL when none is near. */
TW_API const char *tw_nearest(const char *word, int n, const char *const *names);

/* ---- what every loss shares: terms, sample weights, the reduction --------------------------------------
 * A loss is computed as terms, a value per element or per sample, with the samples on axis 0:
 *
 *     tw_tensor *mae(tw_ctx *ctx, tw_tensor *x, tw_tensor *t, const mae_options *o) {
 *         tw_tensor *in[] = {x, t};
 *         if (!tw_inputs_ok(ctx, "mae", 2, in)) return NULL;                    // then the shapes are compared ..
 *         tw_terms *terms = tw_terms_new(ctx, "mae", o->reduction, o->sample_weight, x->ndim, x->dim);
 *         if (!terms) return NULL;
 *         for (size_t i = 0; i < terms->n; i++) terms->value[i] = fabs(x->data[i] - t->data[i]);
 *         return tw_record(ctx, &mae_op, terms, 2, in, tw_terms_reduce(ctx, terms));
 *     }
 *
 * and in backward g = tw_terms_upstream(..) holds, for each term, what d(term)/dx is to be multiplied by, which
 * tw_term_grad(g[i], ..) does. */
typedef struct tw_terms {
    size_t n;       /* how many terms */
    tw_real *value; /* [n] forward writes them here, unweighted; gone after tw_terms_reduce */
    double count;   /* what mean divides by: n, unless the loss sets another before tw_terms_reduce. When it is 0 though
                     * there are terms, nothing counts: the mean and its gradient are 0 */

    /* private */
    tw_reduction reduction;
    size_t samples, each;    /* n = samples * each */
    const tw_tensor *weight; /* [samples], or NULL */
    tw_tensor *result;
    tw_mark mark;
} tw_terms;
/* Terms of shape dim. Opens a scratch mark, which tw_terms_reduce releases: temporaries of the loss are taken in
 * between or inside a mark of their own. what names the loss in messages. NULL after an error. */
TW_API tw_terms *tw_terms_new(tw_ctx *ctx, const char *what, tw_reduction reduction, tw_tensor *sample_weight, int ndim,
                              const int *dim);
/* The weight of term i's sample: 1 when there are no weights. */
static inline tw_real tw_term_weight(const tw_terms *t, size_t i) {
    return t->weight ? t->weight->data[i / t->each] : 1;
}
/* The loss's result: the weighted terms [dim], or their sum or mean, added in double and in order. */
TW_API tw_tensor *tw_terms_reduce(tw_ctx *ctx, tw_terms *terms);
/* [n] the gradient of each term, from the result's gradient: upstream * weight / count. From tw_scratch: the
 * caller's mark and release surround it. NULL when memory ran out. */
TW_API const tw_real *tw_terms_upstream(tw_ctx *ctx, const tw_terms *terms, const tw_tensor *result);
/* g d, what a term with upstream g and derivative d passes on; 0 where g is 0, also when d is not finite: a weight of 0
 * leaves a sample out even when its target is NaN. */
static inline tw_real tw_term_grad(tw_real g, tw_real d) { return g == 0 ? 0 : g * d; }

/* ---- losses: one file, one record, one line in losses.def -------------------------------------------------
 * The traits a loss declares are tested for every registered record. */
typedef enum tw_cost_trait {
    TW_COST_NON_NEGATIVE = 1,    /* loss >= 0 */
    TW_COST_ZERO_AT_TARGET = 2,  /* loss 0 (and gradient 0) where the prediction equals a TENSOR target */
    TW_COST_SHIFT_INVARIANT = 4, /* adding a constant to all logits of a position changes nothing */
    TW_COST_TARGET_GRAD = 8,     /* gives a gradient to a TENSOR target that wants one */
    TW_COST_MAY_BE_INFINITE = 16 /* some legal problems have loss +inf (with gradient 0); sample draws such ones too */
} tw_cost_trait;                 /* ZERO_AT_TARGET and SHIFT_INVARIANT: with the default options; the others with all */

/* A small random legal problem, drawn by `sample`; everything lives in the step (tw_alloc). Shapes are small and
 * varied: samples of every size the loss must survive. */
typedef struct tw_cost_problem {
    int ndim;
    int dim[TW_MAX_DIMS];
    int batch_axis;   /* which axis of the prediction counts the samples */
    int class_axis;   /* which axis the softmax runs over; -1: none */
    tw_form form;     /* what pred is: tests move it no further than that allows. LOGITS: any number */
    tw_real *pred;    /* away from kinks and ties */
    tw_real *target;  /* TENSOR: of the same shape; NULL: the labels are the target */
    tw_target labels; /* CLASSES, SEQUENCES: filled */
} tw_cost_problem;

struct tw_cost_layer {
    const char *name;         /* "focal" */
    const char *summary;      /* one line */
    unsigned targets;         /* of tw_target_kind: those it accepts */
    const tw_option *options; /* table of the options struct; NULL: none */
    size_t options_size;      /* at most sizeof ((tw_cost *)0)->options */
    unsigned traits;          /* of tw_cost_trait */
    tw_tensor *(*apply)(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options);
    tw_form (*form)(const void *options); /* what it takes as prediction; NULL: logits, any numbers */
    /* Draws a problem that is legal with these options, of that form. */
    tw_err (*sample)(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *problem);
    const char *const *variants; /* options that are worth the same tests, "gamma=0.5", ..; NULL at the end; or NULL */
};
/* A tw_cost of any record, registered or not, with its default options and then `spec` ("k=v,..", may be NULL). */
TW_API TW_MUST_CHECK tw_err tw_cost_of(tw_ctx *ctx, const tw_cost_layer *layer, const char *spec, tw_cost *cost);

#ifdef __cplusplus
}
#endif
#endif
