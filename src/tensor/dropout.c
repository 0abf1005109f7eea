/* dropout.c - each element 0 with probability p, else x / (1 - p).
 *
 * Whether an element stays is a pure function of the stream and its index, so threads change nothing. Two elements
 * share the 64 bits of a draw; 32 bits place p to within 2.4e-10. A dropped element is 0 whatever it was, infinite or
 * NaN. */
#include "tensor/ops.h"

enum { CHUNK = 256 };

typedef struct job {
    uint64_t stream, threshold; /* dropped when the draw of 32 bits is below it */
    const tw_real *from;
    tw_real scale, beta, *to;
    uint8_t *kept; /* NULL: not wanted */
} job;

/* Selected, not multiplied by 0 or 1: that would let NaN through. Chosen after the product, as loops over a
 * conditional load are not vectorised. */
static void apply(const job *j, const uint8_t *kept, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
        const tw_real passed = j->from[i] * j->scale;
        j->to[i] = tw_add_to(j->beta, j->to[i], kept[i - begin] ? passed : 0);
    }
}

static void drop(void *arg, size_t begin, size_t end) {
    const job *j = arg;
    uint8_t local[CHUNK] = {0};
    for (size_t at = begin; at < end; at += CHUNK) { /* at is even, as TW__GRAIN and CHUNK are */
        size_t n = end - at < CHUNK ? end - at : CHUNK;
        uint8_t *kept = j->kept ? j->kept + at : local;
        for (size_t i = 0; i < n; i += 2) {
            uint64_t bits = tw_random_bits(j->stream, (at + i) / 2);
            kept[i] = (bits & 0xffffffffu) >= j->threshold;
            if (i + 1 < n) kept[i + 1] = bits >> 32 >= j->threshold;
        }
        apply(j, kept, at, at + n);
    }
}

/* dx = dy / (1 - p) where x passed, else 0 */
static void pass_back(void *arg, size_t begin, size_t end) {
    const job *j = arg;
    apply(j, j->kept + begin, begin, end);
}

static void dropout_backward(tw_ctx *ctx, tw_node *n) {
    const tw__dropout_attr *attr = n->attr;
    tw_tensor *x = n->in[0], *y = n->out[0];
    job j = {.from = y->grad, .scale = 1 / (1 - attr->p), .kept = attr->kept};
    j.to = tw_grad(ctx, x, &j.beta);
    if (j.to) tw__for_ranges(ctx, x->size, 0, pass_back, &j);
}

static const tw_op dropout_op = {"dropout", dropout_backward};

tw_tensor *tw_dropout(tw_ctx *ctx, tw_tensor *x, tw_real p) {
    if (!tw_inputs_ok(ctx, "dropout", 1, &x)) return NULL;
    if (!(p >= 0 && p <= 1))
        return tw_fail(ctx, TW_ERR_RANGE, "dropout: p is %g, but a probability lies in [0, 1]", (double)p);
    if (!tw_training(ctx) || p == 0) return x;
    tw__dropout_attr *attr = tw_alloc(ctx, sizeof *attr);
    tw_tensor *y = tw_new_like(ctx, x);
    if (!attr || !y) return NULL;
    attr->p = p;
    attr->kept = NULL;
    if (tw_will_record(ctx, 1, &x) && !(attr->kept = tw_alloc(ctx, x->size))) return NULL;
    job j = {.stream = tw_random_stream(ctx),
             .threshold = (uint64_t)((double)p * 4294967296.0),
             .from = x->data,
             .scale = 1 / (1 - p),
             .to = y->data,
             .kept = attr->kept};
    tw__for_ranges(ctx, x->size, 0, drop, &j);
    return tw_record(ctx, &dropout_op, attr, 1, &x, y);
}
