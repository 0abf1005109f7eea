/* measure.h - time, memory and the speed of this machine. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <thalweg/thalweg.h>

#include "workload.h"

typedef struct spread {
    double median, least, most;
} spread;
spread spread_of(int n, double *value); /* sorts value */

/* Steps until things are warm: at least two, and about so many seconds. False: see workload_error. */
bool measure_warm_up(workload *w, double seconds);
/* Samples a second over steps that take at least so many seconds; 0 after an error. step: workload_step, _infer. */
double measure_block(workload *w, bool (*step)(workload *w), double seconds);

/* What does not depend on time, from a second instance of the workload with an allocator that counts. */
typedef struct measure_facts {
    int nodes, batch;
    double gflop;       /* a step */
    double mib;         /* memory the library holds */
    double allocations; /* a step, once warm */
} measure_facts;
bool measure_facts_of(const char *spec, int threads, measure_facts *facts, char *error, size_t size);

/* GFLOP/s of products of up to 2048 rows, the best of several; 0: no memory. After so many seconds no larger ones. */
double measure_sgemm(int threads, double seconds);

/* The most memory that the process held since the reset; where the system cannot reset, since its start. */
void measure_memory_reset(void);
double measure_memory_mib(void);

#endif
