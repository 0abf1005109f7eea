/* results.c - a table and a file of tab-separated values. */
#include "results.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

double result_ratio(const result *r, contestant to) {
    return r->rate[to].median > 0 ? r->rate[OURS].median / r->rate[to].median : 0;
}
static double steps_per_second(const result *r) { return r->rate[OURS].median / r->facts.batch; }
double result_gflops(const result *r) { return r->facts.gflop * steps_per_second(r); }
double result_sgemm_share(const result *r) { return r->sgemm > 0 ? result_gflops(r) / r->sgemm : 0; }
double result_us_per_node(const result *r) { return 1e6 / steps_per_second(r) / r->facts.nodes; }

/* A number, or "n/a" for what is not known. */
typedef struct word {
    char text[32];
} word;
static word fixed(double value, int digits) {
    word w = {"n/a"};
    if (value > 0) snprintf(w.text, sizeof w.text, "%.*f", digits, value);
    return w;
}

void results_print_head(void) {
    printf("%-8s %3s %21s %21s %15s %8s %6s %5s %6s %7s %15s\n", "", "", "Thalweg", "PyTorch, samples/s", "ratio to",
           "", "of", "", "allocs", "us per", "peak MiB");
    printf("%-8s %3s %10s %10s %10s %10s %7s %7s %8s %6s %5s %6s %7s %7s %7s\n", "", "thr", "samples/s", "spread",
           "stock", "tuned", "stock", "tuned", "GFLOP/s", "sgemm", "nodes", "/step", "node", "ours", "stock");
}

void result_print(const result *r) {
    const spread *s = &r->rate[OURS];
    printf("%-8s %3d %10.0f %9.1f%% %10s %10s %7s %7s %8s %5s%% %5d %6g %7.1f %7s %7s\n", r->spec, r->threads,
           s->median, 100 * (s->most - s->least) / s->median, fixed(r->rate[STOCK].median, 0).text,
           fixed(r->rate[TUNED].median, 0).text, fixed(result_ratio(r, STOCK), 2).text,
           fixed(result_ratio(r, TUNED), 2).text, fixed(result_gflops(r), 1).text,
           fixed(100 * result_sgemm_share(r), 0).text, r->facts.nodes, r->facts.allocations, result_us_per_node(r),
           fixed(r->memory[OURS], 0).text, fixed(r->memory[STOCK], 0).text);
    fflush(stdout);
}

static void write_row(FILE *out, const result *r) {
    fprintf(out, "%s\t%d\t%d", r->spec, r->threads, r->facts.batch);
    for (int i = 0; i < CONTESTANTS; i++)
        fprintf(out, "\t%s\t%s\t%s", fixed(r->rate[i].median, 1).text, fixed(r->rate[i].least, 1).text,
                fixed(r->rate[i].most, 1).text);
    fprintf(out, "\t%s\t%s\t%s\t%s\t%s\t%d\t%g\t%.3f\t%.2f\t%s\t%s\n", fixed(result_ratio(r, TUNED), 3).text,
            fixed(result_ratio(r, STOCK), 3).text, fixed(result_gflops(r), 2).text, fixed(r->sgemm, 1).text,
            fixed(100 * result_sgemm_share(r), 1).text, r->facts.nodes, r->facts.allocations, result_us_per_node(r),
            r->facts.mib, fixed(r->memory[OURS], 1).text, fixed(r->memory[STOCK], 1).text);
}

bool results_save_tsv(int n, const result *r, const char *path, char *error, size_t size) {
    FILE *out = fopen(path, "w");
    if (out) {
        fputs("workload\tthreads\tbatch\tsamples_per_s\tleast\tmost\ttuned\ttuned_least\ttuned_most\tstock\t"
              "stock_least\tstock_most\tratio_tuned\tratio_stock\tgflop_per_s\tsgemm_gflop_per_s\tsgemm_percent\t"
              "nodes\tallocations_per_step\tus_per_node\tlibrary_mib\tpeak_mib\tstock_peak_mib\n",
              out);
        for (int i = 0; i < n; i++) write_row(out, &r[i]);
    }
    bool ok = out && !ferror(out);
    if (out && fclose(out)) ok = false;
    if (!ok) snprintf(error, size, "%s: cannot be written: %s", path, strerror(errno));
    return ok;
}
