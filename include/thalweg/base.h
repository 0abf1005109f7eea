/* thalweg/base.h - version, number type, errors, and the context every call works in. */
#ifndef THALWEG_BASE_H
#define THALWEG_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TW_VERSION_MAJOR 0
#define TW_VERSION_MINOR 1
#define TW_VERSION_PATCH 0
#define TW_VERSION "0.1.0"

/* Everything public is exported by name; the library is built with -fvisibility=hidden. */
#if defined(__GNUC__)
#define TW_API __attribute__((visibility("default")))
#define TW_MUST_CHECK __attribute__((warn_unused_result))
#define TW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TW_API
#define TW_MUST_CHECK
#define TW_PRINTF(fmt, args)
#endif

/* The number type of values and gradients. libthalweg_f64 is the same source with -DTW_DOUBLE;
 * a program compiled for one and linked with the other fails to link, because tw_ctx_new differs. */
#ifdef TW_DOUBLE
typedef double tw_real;
#define tw_ctx_new tw_ctx_new_f64
#define tw_ctx_new_with tw_ctx_new_with_f64
#else
typedef float tw_real;
#endif

#define TW_MAX_DIMS 5

/* ---- errors ---------------------------------------------------------------------------------------
 * Maths returns a tensor, or NULL after an error; NULL tensors, layers and parameters give NULL, so expressions nest
 * unchecked. What a constructor that failed has returned may be passed on, too: functions of a NULL tw_params,
 * tw_optim, tw_ema, tw_loader or tw_meta give NULL, 0 (a norm: NaN) or STATE. A name, a path or a list of dimensions or
 * axes that is NULL is an error with a sentence. Other pointers must not be NULL, unless their comment says that they
 * may: the context, what is only read (a table, a picture, a language model), and where a result goes.
 * I/O returns a tw_err. Either way the FIRST error stays in the context until tw_error_clear. */
typedef enum tw_err {
    TW_OK = 0,
    TW_ERR_NOMEM,     /* an allocation failed */
    TW_ERR_SHAPE,     /* shapes do not fit together */
    TW_ERR_RANGE,     /* a value (option, label, length) is outside what is allowed */
    TW_ERR_IO,        /* a file could not be opened, read or written */
    TW_ERR_FORMAT,    /* a file's content is not what it should be */
    TW_ERR_NONFINITE, /* a loss or gradient is NaN or infinite; the weights were left as they were */
    TW_ERR_STATE      /* called in the wrong order, e.g. backward twice in a step */
} tw_err;

typedef struct tw_ctx tw_ctx;

TW_API const char *tw_err_name(tw_err err);      /* "SHAPE", "IO", ... ; "OK" for 0 */
TW_API const char *tw_version(void);             /* the library's TW_VERSION */
TW_API tw_err tw_error(const tw_ctx *ctx);       /* code of the first error since the last clear, or TW_OK */
TW_API const char *tw_errmsg(const tw_ctx *ctx); /* its sentence, or ""; borrowed until tw_error_clear */
TW_API void tw_error_clear(tw_ctx *ctx);

/* Writes these bytes to a file, which is replaced whole or not at all, as everything is that the library writes. Until
 * then they are in path.tmp-0 (or -1 while another writes path, and so on). A file of that name is taken for what a
 * killed process left there, and is removed. So the folder must be writable, and who has the old file open still sees
 * the old one. Links are written through; mode and, where that is allowed, owner are kept. A device, a pipe or a
 * descriptor (/dev/stdout, /dev/fd/3, or a link to one) is written to as it is. */
TW_API TW_MUST_CHECK tw_err tw_file_replace(tw_ctx *ctx, const char *path, const void *data, size_t size);
/* Could path be written so, but for the room on its disk? To be asked before a long computation, not after it. */
TW_API TW_MUST_CHECK tw_err tw_file_check(tw_ctx *ctx, const char *path);
/* The name of the file that writing path writes to, without links: whole, from the root, when the file is there;
 * otherwise path, or where the link of that name leads. To be freed with free. NULL: errno says why not. */
TW_API char *tw_file_target(const char *path);

/* ---- context --------------------------------------------------------------------------------------
 * Holds the step's memory, the tape, the random state and a small thread pool. One per thread of yours;
 * two contexts share nothing, and must not be mixed: tensors, parameters and layers are used in the context that they
 * were made in. A layer of another one is a STATE error, and so is a tensor whose step has another number; a parameter,
 * which belongs to no step, is not noticed. To give one context the weights of another, save and load them, or copy
 * their numbers. Built with OpenBLAS, making one sets OpenBLAS to a single thread for the whole process,
 * and it must stay so: the threads here are the context's own. A child after fork() may go on with its copy of
 * a context, which then works in one thread. A context outlives what was made with it. */
typedef struct tw_allocator {
    void *(*alloc)(void *user, size_t size); /* aligned as malloc's is (max_align_t); NULL: out of memory */
    void (*free)(void *user, void *ptr, size_t size);
    void *user;
} tw_allocator;

typedef struct tw_ctx_options {
    uint64_t seed;          /* of every random draw: weights, dropout */
    int threads;            /* 0: TW_THREADS from the environment, when that is 1..256, else the cores it may use */
    tw_allocator allocator; /* alloc NULL: malloc and free */
} tw_ctx_options;

TW_API TW_MUST_CHECK tw_ctx *tw_ctx_new(uint64_t seed);                      /* NULL: out of memory */
TW_API TW_MUST_CHECK tw_ctx *tw_ctx_new_with(const tw_ctx_options *options); /* NULL: out of memory */
TW_API void tw_ctx_free(tw_ctx *ctx);                                        /* NULL is allowed */

/* The results do not depend on it, only the time does. Less than 1 becomes 1, and more than 256 becomes 256. */
TW_API void tw_set_threads(tw_ctx *ctx, int threads);
TW_API int tw_threads(const tw_ctx *ctx);
TW_API void tw_set_training(tw_ctx *ctx, bool on); /* train (default) or eval: dropout, batch norm */
TW_API bool tw_training(const tw_ctx *ctx);
TW_API void tw_set_recording(tw_ctx *ctx, bool on); /* record the tape (default) or only compute values */
TW_API bool tw_recording(const tw_ctx *ctx);

/* What the library has chosen, such as the algorithm of a convolution, as lines without a newline, each of them once.
 * fn is called by the thread that called the library, must not call it, and borrows line. NULL takes it away again:
 * then nothing is printed, unless TW_LOG=1 was in the environment when the context was made, which sends lines to
 * standard error. */
typedef void (*tw_log_fn)(void *user, const char *line);
TW_API void tw_set_log(tw_ctx *ctx, tw_log_fn fn, void *user);

/* Where the memory is, in bytes. Room is what an arena holds; it grows to the peak and then stays. Data files and
 * loaders use malloc and are not counted. */
typedef struct tw_stats {
    uint64_t steps;                         /* begun so far */
    size_t nodes;                           /* on the tape of this step */
    size_t step_used, step_peak, step_room; /* values, nodes and gradients of a step: now, at most, held */
    size_t scratch_peak, scratch_room;      /* the kernels' temporaries */
    uint64_t allocations, frees;      /* calls of the allocator: the same number in two steps means none between */
    size_t allocated, allocated_peak; /* from it, beside the context itself: arenas, parameters, optimisers */
} tw_stats;
TW_API tw_stats tw_ctx_stats(const tw_ctx *ctx);

/* The whole random state: saving and restoring it continues the same sequence bit for bit. */
typedef struct tw_rng_state {
    uint64_t seed, counter;
} tw_rng_state;
TW_API tw_rng_state tw_rng_get(const tw_ctx *ctx);
TW_API void tw_rng_set(tw_ctx *ctx, tw_rng_state state);

#ifdef __cplusplus
}
#endif
#endif
