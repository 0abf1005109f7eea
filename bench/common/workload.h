/* workload.h - the training steps that are timed: networks of the literature, and single layers forward and backward.
 *
 * A workload is named by a spec: "w1", or with other sizes "w1:N=256", "w3s:N=8,W=512". The letters are N batch, W
 * width of a picture, T frames, D features, H hidden units, K classes, L length of a text. pytorch.py computes the very
 * same under the same names. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stddef.h>
#include <thalweg/thalweg.h>

typedef struct workload workload;

/* The table: names and what they are; NULL at the end. */
const char *workload_name(int i);
const char *workload_about(int i);
/* Is there such a workload, of such sizes? False: a sentence is in error[size]. */
bool workload_known(const char *spec, char *error, size_t size);

typedef struct workload_options {
    int threads;            /* as in tw_ctx_options */
    tw_allocator allocator; /* alloc NULL: malloc */
} workload_options;
/* NULL: a sentence is in error[size]. */
workload *workload_new(const char *spec, const workload_options *options, char *error, size_t size);
void workload_free(workload *w);

/* One whole step: forward, loss, backward and, for networks, the optimiser. False: see workload_error. */
bool workload_step(workload *w);
/* The forward pass alone, in evaluation mode and unrecorded: what reading a picture costs. */
bool workload_infer(workload *w);
const char *workload_error(const workload *w);

tw_ctx *workload_ctx(const workload *w);
int workload_batch(const workload *w);    /* samples a step */
double workload_gflop(const workload *w); /* products and convolutions of a step as defined, without shortcuts; or 0 */
double workload_trained(const workload *w); /* numbers that the optimiser updates; 0: there is none */
/* The newest node of a step's tape: after a step, until the next one begins. */
struct tw_node *workload_tape(const workload *w);
int workload_nodes(const workload *w);   /* of the last step */
double workload_loss(const workload *w); /* of the last step; NaN for a workload that has none */

#endif
