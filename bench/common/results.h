/* results.h - what was measured of a workload, beside PyTorch: as a table, as a file, as bars. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <stddef.h>

#include "measure.h"

typedef enum contestant { OURS, TUNED, STOCK, CONTESTANTS } contestant; /* PyTorch tuned, PyTorch as installed */

typedef struct result {
    const char *spec;
    int threads;
    spread rate[CONTESTANTS];   /* samples a second; a median of 0: not measured */
    double memory[CONTESTANTS]; /* MiB at most; 0: not measured */
    measure_facts facts;
    double sgemm; /* GFLOP/s of a large product with so many threads, in this run */
} result;

double result_ratio(const result *r, contestant to); /* ours by theirs; 0: not known */
double result_gflops(const result *r);
double result_sgemm_share(const result *r);
double result_us_per_node(const result *r);

void results_print_head(void);
void result_print(const result *r);
/* False: a sentence is in error[size]. */
bool results_save_tsv(int n, const result *r, const char *path, char *error, size_t size);
/* Bars of the ratios; without PyTorch, of the share of the sgemm peak. */
bool results_save_png(int n, const result *r, const char *against, const char *path, char *error, size_t size);

#endif
