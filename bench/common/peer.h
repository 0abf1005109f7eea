/* peer.h - a program that trains when it is told to: ours or PyTorch's, over the protocol of `steps --server`. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

enum { PEER_LINE = 512 };

typedef struct peer {
    pid_t pid; /* 0: it does not run */
    FILE *to, *from;
    char hello[PEER_LINE]; /* what it is: "pytorch 1.13.0a0 channels_last, .." */
    char error[PEER_LINE]; /* why the last call failed */
} peer;

/* Starts argv[0] (found in PATH) and waits for its hello. False: see error; the peer does not run then. */
bool peer_start(peer *p, char *const argv[]);
void peer_stop(peer *p);

/* These return false, or 0, after an error; a peer that ended is stopped. */
bool peer_prepare(peer *p, const char *spec, double seconds);
double peer_block(peer *p, const char *what, double seconds); /* samples a second; what: "block", "infer" */
bool peer_next(peer *p, char *answer, size_t size);           /* a further line of a long answer */
double peer_number(peer *p, const char *command);             /* "memory", "sgemm" */
bool peer_ask(peer *p, const char *question, char *answer, size_t size);

/* The two programs of bench/, beside the program that runs: program is its argv[0]. False: see error. TORCH_PYTHON in
 * the environment names the interpreter, "none" means that there is no PyTorch. */
bool peer_start_ours(peer *p, const char *program, int threads);
bool peer_start_pytorch(peer *p, const char *mode, int threads);

#endif
