/* thalweg/tensor.h - tensors, the six verbs of a training step, and the differentiable operations.
 *
 * A tensor is a row-major, contiguous block of tw_real with 0 to 5 dimensions; some may be 0 (an empty batch).
 * Every function that takes a tw_ctx and returns a tensor gives one that lives until the next step begins, by
 * tw_step_begin(ctx) or tw_step_accumulate(ctx); or x itself, where there is nothing to do (dropout in evaluation).
 * Dimension letters: N batch, C channels, H height, W width, T time, D features, K classes, L label length. */
#ifndef THALWEG_TENSOR_H
#define THALWEG_TENSOR_H

#include <stdio.h>
#include <thalweg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tw_node; /* what computed a tensor; see extend.h */

typedef struct tw_tensor {
    tw_real *data;
    tw_real *grad; /* NULL until backward (or tw_grad) asked for it */
    int ndim;
    int dim[TW_MAX_DIMS]; /* dim[0] is the slowest; entries past ndim are 1 */
    size_t size;          /* product of dim, 1 for ndim 0 */
    const char *name;     /* NULL or a name for messages */

    /* private */
    struct tw_node *node;    /* NULL for inputs and parameters */
    struct tw_tensor *alias; /* a tied parameter's original, else NULL */
    uint64_t step;           /* the step it belongs to; 0: lives outside steps (parameters, buffers) */
    uint64_t grad_step;      /* the step in which grad was last written */
    bool requires_grad;
    bool keep_grad;
    bool owned; /* data is step memory taken for this tensor */
    bool flat;  /* data and grad lie in a tw_params' flat blocks */
} tw_tensor;

/* Integers passed by value: class indices, label texts, lengths. A wrong n is an error, never a read past the end. What
 * an array of these, or of tw_reals, of dimensions, axes or tensors holds is read or copied during the call, which it
 * need not outlive. Used later are only tw_input's data and tw_set_name's name. */
typedef struct tw_labels {
    const int32_t *v;
    size_t n;
} tw_labels;
/* The same for numbers: class weights, an alpha for each class. {NULL, 0}: none. */
typedef struct tw_reals {
    const tw_real *v;
    size_t n;
} tw_reals;

/* ---- the verbs of a step (layers.h has tw_forward, optim.h has tw_optim_step) ---------------------- */

/* Starts a step: every tensor of the previous one is gone, its memory is used again. */
TW_API void tw_step_begin(tw_ctx *ctx);
/* The same, but the gradients of parameters stay, and this step's are added to them: several steps with a tw_backward
 * each, then one tw_optim_step for all. Parameters must be sealed (below) before the first of them, as those of an
 * optimiser are; otherwise backward, or sealing later, is a STATE error. */
TW_API void tw_step_accumulate(tw_ctx *ctx);

/* data, not copied: it must stay until the next step begins. No gradient; tw_input_grad records one. */
TW_API tw_tensor *tw_input(tw_ctx *ctx, const tw_real *data, int ndim, const int *dim);
/* The same, as a leaf whose ->grad is there after tw_backward. */
TW_API tw_tensor *tw_input_grad(tw_ctx *ctx, const tw_real *data, int ndim, const int *dim);
TW_API tw_tensor *tw_full(tw_ctx *ctx, tw_real value, int ndim, const int *dim);
/* Independent draws from N(mean, std^2) / U[low, high), from the context's random state. With low = high all are that
 * number. RANGE: std negative or not finite; low above high, one of them NaN, or high - low not finite. */
TW_API tw_tensor *tw_randn(tw_ctx *ctx, tw_real mean, tw_real std, int ndim, const int *dim);
TW_API tw_tensor *tw_rand(tw_ctx *ctx, tw_real low, tw_real high, int ndim, const int *dim);
/* A copy of x's value that backward does not pass. */
TW_API tw_tensor *tw_detach(tw_ctx *ctx, tw_tensor *x);

/* A step that fails, here or in tw_optim_step, leaves everything as it was before tw_step_begin: weights, the optimiser
 * with its count of steps, averages, running statistics. But random numbers that were drawn stay drawn: tw_rng_get
 * before and tw_rng_set after give the same ones again. Of several steps that add up, one that fails by its loss leaves
 * the gradients of the others, and tw_step_accumulate goes on with them; one that fails later loses them all.
 *
 * Gradients of loss (one element) for everything that leads to it. NONFINITE when loss is NaN or infinite,
 * naming the first op whose output is; SHAPE when it has more or fewer than one element; STATE when it is NULL, when
 * nothing that leads to it wants a gradient, and the second time in a step. A step that has failed: its first error. */
TW_API tw_err tw_backward(tw_ctx *ctx, tw_tensor *loss);
/* The same for any tensor y, with dy as its gradient: y->size values, which are read during the call only, and must not
 * be those of a gradient that the call adds to. Neither y nor dy is checked for NaN or infinity: tw_optim_step finds
 * those in the gradients. */
TW_API tw_err tw_backward_from(tw_ctx *ctx, tw_tensor *y, const tw_real *dy);

/* Keeps x's gradient readable after tw_backward (otherwise an activation's memory is used again). Returns x. */
TW_API tw_tensor *tw_keep_grad(tw_tensor *x);
TW_API tw_tensor *tw_set_name(tw_tensor *x, const char *name); /* name is borrowed; returns x */
TW_API tw_real tw_item(const tw_tensor *x);                    /* the value of a one-element tensor; NaN for NULL */
/* Copies x's n = x->size values to where they outlive the step; another n is SHAPE, a tensor of an earlier step STATE.
 * After an error, also when x is NULL because of one, nothing is written. */
TW_API TW_MUST_CHECK tw_err tw_tensor_copy_out(tw_ctx *ctx, const tw_tensor *x, tw_real *to, size_t n);

/* One line a node: op, input and output shapes, milliseconds forward and backward, bytes. */
TW_API void tw_tape_print(tw_ctx *ctx, FILE *out);
/* The same as a graph, text for Graphviz's `dot -Tsvg`: a box an op, an ellipse a tensor that no op computed (bold: it
 * wants a gradient) or that no op has taken, such as the loss. */
TW_API void tw_tape_dot(tw_ctx *ctx, FILE *out);
/* Measure the times that tw_tape_print shows (off by default). */
TW_API void tw_set_profiling(tw_ctx *ctx, bool on);

/* ---- elementwise, with NumPy broadcasting (dimensions align from the right; 1 stretches) ----------- */
TW_API tw_tensor *tw_add(tw_ctx *ctx, tw_tensor *a, tw_tensor *b); /* a + b */
TW_API tw_tensor *tw_sub(tw_ctx *ctx, tw_tensor *a, tw_tensor *b); /* a - b */
TW_API tw_tensor *tw_mul(tw_ctx *ctx, tw_tensor *a, tw_tensor *b); /* a * b */
TW_API tw_tensor *tw_div(tw_ctx *ctx, tw_tensor *a, tw_tensor *b); /* a / b */

TW_API tw_tensor *tw_scale(tw_ctx *ctx, tw_tensor *x, tw_real factor);     /* factor * x */
TW_API tw_tensor *tw_exp(tw_ctx *ctx, tw_tensor *x);                       /* e^x */
TW_API tw_tensor *tw_log(tw_ctx *ctx, tw_tensor *x);                       /* ln x */
TW_API tw_tensor *tw_sqrt(tw_ctx *ctx, tw_tensor *x);                      /* x^(1/2) */
TW_API tw_tensor *tw_relu(tw_ctx *ctx, tw_tensor *x);                      /* max(x, 0); derivative 0 at 0 */
TW_API tw_tensor *tw_leaky_relu(tw_ctx *ctx, tw_tensor *x, tw_real slope); /* x > 0 ? x : slope * x */
TW_API tw_tensor *tw_sigmoid(tw_ctx *ctx, tw_tensor *x);                   /* 1 / (1 + e^-x) */
TW_API tw_tensor *tw_tanh(tw_ctx *ctx, tw_tensor *x);
/* x P, P the probability that a draw from N(0,1) is at most x: (1 + erf(x / sqrt 2)) / 2  (Hendrycks, Gimpel 2016);
 * and their approximation x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, PyTorch's approximate="tanh". */
TW_API tw_tensor *tw_gelu(tw_ctx *ctx, tw_tensor *x);
TW_API tw_tensor *tw_gelu_tanh(tw_ctx *ctx, tw_tensor *x);

/* ---- matrices ------------------------------------------------------------------------------------
 * op(a) op(b) over the last two dimensions, op transposing when its flag is set: [..,M,K] x [..,K,N] -> [..,M,N].
 * Leading (batch) dimensions broadcast as in NumPy. Needs ndim >= 2. */
TW_API tw_tensor *tw_matmul(tw_ctx *ctx, tw_tensor *a, bool transpose_a, tw_tensor *b, bool transpose_b);

/* ---- reductions; naxes 0 means all axes; negative axes count from the end --------------------------
 * keep_dims leaves the reduced axes as 1. The mean over no elements is NaN, as in NumPy. A tensor without dimensions
 * has an axis 0 here, and in the softmaxes, as in PyTorch. */
TW_API tw_tensor *tw_sum(tw_ctx *ctx, tw_tensor *x, int naxes, const int *axes, bool keep_dims);
TW_API tw_tensor *tw_mean(tw_ctx *ctx, tw_tensor *x, int naxes, const int *axes, bool keep_dims);
/* The largest over axes; NaN where there is one. Elements that tie for it share its gradient evenly, as with
 * torch.amax. An axis of length 0 has no largest: a SHAPE error. */
TW_API tw_tensor *tw_amax(tw_ctx *ctx, tw_tensor *x, int naxes, const int *axes, bool keep_dims);
/* The largest along one axis, and in *index (NULL: not wanted) its place there for each element of the result,
 * row-major; borrowed until the next tw_step_begin. Of a tie the first is taken, and gets the gradient; of a row with
 * NaN the first NaN. This is torch.max(x, dim). */
TW_API tw_tensor *tw_max(tw_ctx *ctx, tw_tensor *x, int axis, bool keep_dims, tw_labels *index);

/* Along one axis. A row that is -inf everywhere, or holds +inf or NaN, becomes NaN, as in PyTorch. */
TW_API tw_tensor *tw_softmax(tw_ctx *ctx, tw_tensor *x, int axis);     /* e^(x-m) / sum e^(x-m), m the maximum */
TW_API tw_tensor *tw_log_softmax(tw_ctx *ctx, tw_tensor *x, int axis); /* x - m - ln sum e^(x-m) */

/* ---- shape ---------------------------------------------------------------------------------------- */
/* The same elements in another shape, sharing memory (a parameter not sealed yet is copied); one entry may be -1 and
 * is inferred. */
TW_API tw_tensor *tw_reshape(tw_ctx *ctx, tw_tensor *x, int ndim, const int *dim);
/* y's axis i is x's axis order[i]; order is a permutation of 0..ndim-1. */
TW_API tw_tensor *tw_permute(tw_ctx *ctx, tw_tensor *x, const int *order);
/* n >= 1 tensors, equal in all but axis, one after another along axis. */
TW_API tw_tensor *tw_concat(tw_ctx *ctx, int n, tw_tensor *const *x, int axis);
/* Elements start .. stop-1 along axis; negative start and stop count from the end. */
TW_API tw_tensor *tw_slice(tw_ctx *ctx, tw_tensor *x, int axis, int start, int stop);

/* before[i] more elements in front of axis i and after[i] behind it, for each of x's axes; negative ones are cut off.
 * CONSTANT fills with value, REFLECT mirrors without repeating the edge (2 1 | 0 1 2 | 1 0: fewer than the axis has),
 * REPLICATE repeats it. What stands several times in the result gets the sum of its gradients. */
typedef enum tw_pad_mode { TW_PAD_CONSTANT = 0, TW_PAD_REFLECT, TW_PAD_REPLICATE } tw_pad_mode;
TW_API tw_tensor *tw_pad(tw_ctx *ctx, tw_tensor *x, const int *before, const int *after, tw_pad_mode mode,
                         tw_real value);

/* In training: each element 0 with probability p, else x / (1 - p). In eval: x itself. 0 <= p <= 1. */
TW_API tw_tensor *tw_dropout(tw_ctx *ctx, tw_tensor *x, tw_real p);

/* ---- parameters -----------------------------------------------------------------------------------
 * A tw_params owns a model: its parameters, its buffers (running statistics) and the layers made with it.
 * Making an optimiser or loading a file seals it: no parameters can be added any more, and values, and gradients,
 * become one contiguous block each. */
typedef struct tw_params tw_params;

TW_API TW_MUST_CHECK tw_params *tw_params_new(tw_ctx *ctx); /* ctx must outlive it */
TW_API void tw_params_free(tw_params *params);              /* with its layers and parameters; NULL is allowed */
TW_API tw_ctx *tw_params_ctx(const tw_params *params);

typedef enum tw_init_kind {
    TW_INIT_DEFAULT = 0,     /* PyTorch's for the layer that asks; for tw_param: zeros */
    TW_INIT_CONSTANT,        /* value */
    TW_INIT_UNIFORM,         /* U[-value, value] */
    TW_INIT_NORMAL,          /* N(0, value^2) */
    TW_INIT_KAIMING_UNIFORM, /* U[-b, b], b = gain sqrt(3 / fan_in)          (He et al. 2015) */
    TW_INIT_KAIMING_NORMAL,  /* N(0, gain^2 / fan_in) */
    TW_INIT_XAVIER_UNIFORM,  /* U[-b, b], b = gain sqrt(6 / (fan_in + fan_out))   (Glorot, Bengio 2010) */
    TW_INIT_XAVIER_NORMAL,   /* N(0, 2 gain^2 / (fan_in + fan_out)) */
    TW_INIT_ORTHOGONAL       /* gain Q, Q with orthonormal rows or columns of [dim0, rest]   (Saxe et al. 2014) */
} tw_init_kind;
typedef struct tw_init {
    tw_init_kind kind;
    double value; /* CONSTANT, UNIFORM, NORMAL; for the others the gain, where 0 means sqrt(2) (Kaiming) or 1 */
} tw_init;

/* A parameter (a leaf with a gradient) or a buffer (no gradient, saved with the model), named as in PyTorch's
 * state_dict. dim is [out, in, ...]: fan_in is the product of all but dim[0]. The draws depend on the context's
 * seed and the name only, so two models of one context with the same names begin alike. A name is copied; it is UTF-8,
 * not empty, not "__metadata__", does not begin with "thalweg.", which model files reserve, and for a layer's parameter
 * it has at most 255 bytes, of which the layer's own name has at most 127. NULL + RANGE when it is no such name or
 * taken, STATE when params is sealed. */
TW_API tw_tensor *tw_param(tw_params *params, const char *name, tw_init init, int ndim, const int *dim);
TW_API tw_tensor *tw_buffer(tw_params *params, const char *name, tw_real value, int ndim, const int *dim);
/* From now on `name` is the parameter `original`, value and gradient. Before sealing. */
TW_API TW_MUST_CHECK tw_err tw_params_tie(tw_params *params, const char *name, const char *original);
/* Frozen: no gradient, never updated. pattern: a name with * wildcards. RANGE when nothing matches. */
TW_API TW_MUST_CHECK tw_err tw_params_set_frozen(tw_params *params, const char *pattern, bool frozen);

TW_API size_t tw_params_count(const tw_params *params); /* tensors: parameters, tied ones, buffers, in the order made */
TW_API tw_tensor *tw_params_at(const tw_params *params, size_t i);           /* borrowed, lives as long as params */
TW_API tw_tensor *tw_params_find(const tw_params *params, const char *name); /* NULL: no such name */
TW_API bool tw_params_is_buffer(const tw_params *params, size_t i);
TW_API size_t tw_params_size(const tw_params *params);         /* numbers to train: tied counted once, buffers not */
TW_API TW_MUST_CHECK tw_err tw_params_seal(tw_params *params); /* again: nothing */
/* sqrt(sum of squares) of all gradients of this step; scales them to max_norm when larger (PyTorch's
 * clip_grad_norm_: by max_norm / (norm + 1e-6)). max_norm 0: only measures. Negative or NaN: RANGE; the result is NaN
 * after an error. */
TW_API double tw_clip_grad_norm(tw_params *params, double max_norm);
/* Moves every number of this step's gradients into [-bound, bound] (PyTorch's clip_grad_value_) and returns how many
 * had to be moved. Infinities and NaNs stay, for tw_optim_step to report. bound negative or not finite: RANGE. */
TW_API size_t tw_clip_grad_value(tw_params *params, double bound);

/* ---- checking gradients ---------------------------------------------------------------------------
 * f computes a tensor from n leaves, recording as usual; it is called many times and must be a pure function of
 * the leaves' values. The gradient of sum(f * r) for fixed random r is compared with central differences:
 *     error = max|a - n| / max(max|a|, max|n|, 1e-3)   per leaf, a analytic, n numeric.
 * Meaningful in the double build (1e-6 is met there); float needs a bound near 1e-2. */
typedef tw_tensor *(*tw_gradcheck_fn)(tw_ctx *ctx, tw_tensor *const *leaf, void *user);
typedef struct tw_gradcheck_result {
    double error; /* the largest over all leaves */
    int leaf;     /* where: which leaf ... */
    size_t index; /* ... which element of it */
    double analytic, numeric;
} tw_gradcheck_result;
/* Leaves are given by shape and value; value[i] holds the product of dim[i] numbers. step 0: the default
 * (1e-5 in double, 1e-2 in float, each scaled by max(1,|x|)). Begins steps of its own on ctx. */
typedef struct tw_gradcheck_leaf {
    const tw_real *value;
    int ndim;
    int dim[TW_MAX_DIMS];
    bool skip; /* an input that gets no gradient */
} tw_gradcheck_leaf;
TW_API TW_MUST_CHECK tw_err tw_gradcheck(tw_ctx *ctx, tw_gradcheck_fn f, void *user, int n,
                                         const tw_gradcheck_leaf *leaf, double step, tw_gradcheck_result *result);

#ifdef __cplusplus
}
#endif
#endif
