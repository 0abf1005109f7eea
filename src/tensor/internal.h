/* internal.h - what the files of src/tensor share: the context, its arenas and its thread pool. */
#ifndef TW_INTERNAL_H
#define TW_INTERNAL_H

#include <thalweg/extend.h>

/* ---- arena.c: memory that is taken piece by piece and given back all at once --------------------------
 * Grows in chunks; a reset merges them to one block of the high-water size, so that a steady workload
 * stops calling the allocator. */
typedef struct tw__chunk tw__chunk;
typedef struct tw__arena {
    tw__chunk *head; /* the newest chunk, from which memory is taken */
    size_t used;     /* bytes taken from head */
    size_t below;    /* bytes taken from the older chunks */
    size_t peak;     /* largest used + below so far */
} tw__arena;

/* Bytes taken now, and those the arena holds. */
size_t tw__arena_taken(const tw__arena *arena);
size_t tw__arena_room_of(const tw__arena *arena);
void *tw__arena_alloc(tw_ctx *ctx, tw__arena *arena, size_t bytes);
void tw__arena_reset(tw_ctx *ctx, tw__arena *arena);
void tw__arena_free(tw_ctx *ctx, tw__arena *arena);
tw_mark tw__arena_mark(const tw__arena *arena);
void tw__arena_release(tw_ctx *ctx, tw__arena *arena, tw_mark mark);
/* From the next step on, the arena holds at least so many bytes more than are taken now. For a call that may need more
 * scratch when the picture is narrower: reserving it now keeps later, narrower steps from calling the allocator. */
void tw__arena_room(tw__arena *arena, size_t bytes);
void tw__scratch_room(tw_ctx *ctx, size_t bytes); /* the same of ctx->scratch */
/* Tell the address sanitizer that a piece of the arena is not in use for now, and that it is again. */
void tw__arena_shut(void *ptr, size_t bytes);
void tw__arena_open(void *ptr, size_t bytes);

/* ---- block.c: parts of the step's memory that are finished before the step is ------------------------- */
enum { TW__FREE_BLOCKS = 128 };
typedef struct tw__block {
    void *ptr;
    size_t bytes;
} tw__block;

typedef struct tw__pool tw__pool;
typedef struct tw__undo tw__undo;

enum { TW__LOG_SEEN = 256 };
typedef struct tw__log_state {
    tw_log_fn fn; /* where lines go; NULL: to standard error, if they are wanted there */
    void *user;
    bool to_stderr;
    int n; /* lines so far */
    uint64_t seen[TW__LOG_SEEN];
} tw__log_state;

struct tw_ctx {
    tw_allocator allocator;

    tw__arena step;    /* tensors, nodes, gradients: gone at tw_step_begin */
    tw__arena scratch; /* kernel temporaries, with mark and release */
    tw__arena kept;    /* what lives as long as the context: lists in options */
    tw__arena undo;    /* old values of buffers: gone at tw_step_begin, but not when steps accumulate */
    tw__undo *undone;  /* the newest of them */
    bool part_failed;  /* one of the steps that accumulate */
    tw__block free_block[TW__FREE_BLOCKS];
    int free_blocks;

    uint64_t step_number; /* starts at 1; 0 marks tensors that outlive steps */
    uint64_t grads_since; /* the step from which on the gradients of parameters count: an earlier one accumulates */
    tw_node *tape;        /* the newest node */
    int nodes;
    bool backward_done;
    bool training, recording, profiling;
    bool plain_conv;    /* convolution by columns only */
    double clock;       /* of the last record, in ms, while profiling */
    size_t step_before; /* step.used + step.below at the last record */

    tw_rng_state rng;

    int threads;
    tw__pool *pool; /* NULL until the first parallel loop */

    tw_err error;
    char message[1024];
    char describe[8][160]; /* tw_describe's answers, in turn */
    unsigned described;
    bool log; /* lines of tw__log are wanted */
    tw__log_state log_state;

    /* for tw_ctx_stats */
    uint64_t allocations, frees;
    size_t allocated, allocated_peak;
};

/* Memory from the context's allocator; NULL leaves NOMEM in ctx. size must be given back to tw__free. */
void *tw__malloc(tw_ctx *ctx, size_t size);
/* The same without an error when there is none. */
void *tw__try_malloc(tw_ctx *ctx, size_t size);
void *tw__calloc(tw_ctx *ctx, size_t size);
void tw__free(tw_ctx *ctx, void *ptr, size_t size);
/* Memory that is freed with the context; for a few small things, since it cannot be given back. */
void *tw__keep(tw_ctx *ctx, size_t size);
/* A copy of a string, or NULL with NOMEM; given back with tw__free(ctx, s, strlen(s) + 1). */
char *tw__strdup(tw_ctx *ctx, const char *s);

/* ---- undo.c: see there, and tw_buffer_will_change in extend.h ------------------------------------------ */
void tw__undo_since(tw_ctx *ctx, uint64_t step);      /* buffers are what they were before this step changed them */
void tw__undo_forget(tw_ctx *ctx);                    /* the changes so far are final */
void tw__undo_forget_params(const tw_params *params); /* they are freed, or get other values */

/* The code for a call of the system that left this errno: NOMEM or IO. */
tw_err tw__os_err(int why);

void tw__log_init(tw_ctx *ctx);
void tw__pool_free(tw_ctx *ctx);
int tw__default_threads(void);

/* The smallest finished block that is large enough, else new memory of the step; NULL leaves NOMEM in ctx. */
void *tw__block_take(tw_ctx *ctx, size_t bytes);
void tw__block_give(tw_ctx *ctx, void *ptr, size_t bytes);
/* Gives back the data of a tensor that nobody will look at again; nothing for one whose data is not its own. */
void tw__tensor_recycle(tw_ctx *ctx, tw_tensor *t);

/* Number of elements of a shape; false when negative, more than TW_MAX_DIMS dimensions, too large, or NULL. */
bool tw__shape_size(int ndim, const int *dim, size_t *size);
/* Fills the fields of a tensor whose memory is the caller's. */
void tw__tensor_init(tw_tensor *t, tw_real *data, int ndim, const int *dim);

double tw__now_ms(void);

#endif
