/* params.h - what optimisers, model files and layers know of a tw_params beyond its public functions.
 *
 * Parameters live in one flat space of numbers: trainable ones first, then frozen ones, each padded to a multiple of
 * 16 numbers so that every parameter starts on a cache line. Before sealing that space is only an order; after it,
 * values and gradients really lie there one after another, and so does every optimiser's state. */
#ifndef TW_PARAMS_H
#define TW_PARAMS_H

#include "tensor/internal.h"

/* Zeroed numbers outside steps, aligned to 64 bytes whatever the allocator gives. */
typedef struct tw__reals {
    tw_real *v;
    void *memory;
    size_t bytes;
} tw__reals;
tw_err tw__reals_new(tw_ctx *ctx, size_t n, tw__reals *reals);
void tw__reals_free(tw_ctx *ctx, tw__reals *reals);

typedef enum tw__entry_kind { TW__PARAM, TW__TIED, TW__BUFFER } tw__entry_kind;

typedef struct tw__entry {
    tw_tensor tensor;
    tw__entry_kind kind;
    bool frozen;
    size_t offset;                      /* PARAM: its place in the flat space */
    const struct tw__entry *average_of; /* BUFFER of a tw_ema */
    tw__reals own;                      /* its memory before sealing */
    size_t bytes;                       /* of this struct with its name */
    char name[];
} tw__entry;

typedef struct tw__owned {
    void *object;
    void (*free_fn)(void *);
} tw__owned;

struct tw_params {
    tw_ctx *ctx;
    tw__entry **entry; /* in the order made */
    size_t count, room;
    tw__owned *owned;
    size_t nowned, owned_room;

    tw__entry **param; /* the parameters proper, in the order of the flat space; NULL: not laid out yet */
    size_t nparams;    /* how many */
    size_t flat_size;  /* numbers in the flat space, padding included */
    bool flat;         /* values and gradients lie there: tw_params_seal was called */
    tw__reals values;  /* parameters, then buffers */
    tw__reals grads;   /* parameters */
    bool averaged;     /* the averages of a tw_ema are in the weights' place */
};

/* params frees object with free_fn when it is freed itself, the newest first. On failure the caller keeps it. */
tw_err tw__params_own(tw_params *params, void *object, void (*free_fn)(void *));

/* The entry that holds i's value: itself, or what it is tied to. */
tw__entry *tw__params_root(const tw_params *params, size_t i);
/* Frees all that was made after the first `count`, before sealing. */
void tw__params_take_back(tw_params *params, size_t count);

/* Gives the parameters their places in the flat space (param, nparams, flat_size). No data moves. */
tw_err tw__params_layout(tw_params *params);

/* Did this parameter get a gradient in the current step, or in one that it accumulates? */
static inline bool tw__has_grad(const tw_ctx *ctx, const tw__entry *e) {
    return e->tensor.requires_grad && e->tensor.grad &&
        e->tensor.grad_step >= (e->tensor.flat ? ctx->grads_since : ctx->step_number);
}

/* The flat space is worked through in blocks of fixed size, which threads share out. The part of one parameter in
 * one block is a span; for (tw__span s = tw__span_first(p, block); s.n; s = tw__span_next(p, s)) visits them. */
enum { TW__PARAM_BLOCK = 16384 };
typedef struct tw__span {
    size_t param;    /* index into params->param */
    size_t start, n; /* elements start .. start + n - 1 of it */
    size_t end;      /* of the block in the flat space */
} tw__span;
int tw__params_blocks(const tw_params *params);
tw__span tw__span_first(const tw_params *params, int block);
tw__span tw__span_next(const tw_params *params, tw__span span);

/* Does name match pattern, in which * stands for any characters, also none? */
bool tw__name_matches(const char *pattern, const char *name);

/* init.c: fills t (its name decides the draws). RANGE or SHAPE when init makes no sense for it. */
tw_err tw__init_fill(tw_ctx *ctx, tw_init init, tw_tensor *t);

#endif
