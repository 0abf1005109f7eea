/* steps.c - samples per second of whole training steps: forward, loss, backward and, for networks, the optimiser.
 *
 * A line a workload: the median, least and most of several blocks, the arithmetic done in that time beside the sgemm
 * peak of the same run, and what a step costs beside time. Compare only figures of one run on an idle machine.
 *
 * With --server it does what it is told on standard input, a line each, and answers with a line, so that programs can
 * take turns (pytorch.py has the same protocol):
 *     prepare SPEC SECONDS   makes the workload and warms it up for so long    ready BATCH
 *     block SECONDS          steps for so long                                rate SAMPLES_PER_SECOND
 *     infer SECONDS          forward passes in evaluation mode for so long    rate SAMPLES_PER_SECOND
 *     facts                  what does not depend on time                     facts NODES ALLOCATIONS GFLOP MIB BATCH
 *     memory                 the most held since `prepare`, without inputs    memory MIB
 *     sgemm                  the speed of a large product                     sgemm GFLOP_PER_SECOND
 * What goes wrong is answered by "error SENTENCE". */
#include "../examples/common/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/inputs.h"
#include "common/measure.h"

enum { MAX_BLOCKS = 1000, LINE = 512 };

typedef enum form { FOR_PEOPLE, AS_TSV, AS_JSON } form;

typedef struct options {
    int threads, blocks;
    double seconds;
    bool tsv, json, server;
} options;

/* ---- the table ---------------------------------------------------------------------------------------------- */

typedef struct row {
    const char *name;
    int threads;
    spread rate;
    double peak, memory;
    measure_facts facts;
} row;

static void print_head(form how) {
    if (how == AS_TSV)
        puts("workload\tthreads\tbatch\tsamples_per_s\tleast\tmost\tgflop_per_s\tsgemm_percent\tnodes\tallocations\t"
             "us_per_node\tlibrary_mib\tpeak_mib");
    if (how == FOR_PEOPLE)
        printf("%-14s %10s %21s %8s %7s %5s %6s %8s %8s %8s\n", "", "samples/s", "least .. most", "GFLOP/s", "sgemm",
               "nodes", "allocs", "us/node", "library", "peak");
}

static void print_row(form how, const row *r) {
    const measure_facts *f = &r->facts;
    double steps = r->rate.median / f->batch, gflops = f->gflop * steps, share = r->peak ? 100 * gflops / r->peak : 0;
    double us = 1e6 / steps / f->nodes;
    if (how == AS_TSV)
        printf("%s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.2f\t%.1f\t%d\t%g\t%.2f\t%.2f\t%.2f\n", r->name, r->threads, f->batch,
               r->rate.median, r->rate.least, r->rate.most, gflops, share, f->nodes, f->allocations, us, f->mib,
               r->memory);
    else if (how == AS_JSON)
        printf("{\"workload\": \"%s\", \"threads\": %d, \"batch\": %d, \"samples_per_s\": %.1f, \"least\": %.1f, "
               "\"most\": %.1f, \"gflop_per_s\": %.2f, \"sgemm_percent\": %.1f, \"nodes\": %d, \"allocations\": %g, "
               "\"us_per_node\": %.2f, \"library_mib\": %.2f, \"peak_mib\": %.2f}\n",
               r->name, r->threads, f->batch, r->rate.median, r->rate.least, r->rate.most, gflops, share, f->nodes,
               f->allocations, us, f->mib, r->memory);
    else {
        char products[32] = "       -       -"; /* a loss alone has none */
        if (f->gflop > 0) snprintf(products, sizeof products, "%8.1f %6.0f%%", gflops, share);
        printf("%-14s %10.0f %9.0f .. %-9.0f %s %5d %6g %8.1f %4.0f MiB %4.0f MiB\n", r->name, r->rate.median,
               r->rate.least, r->rate.most, products, f->nodes, f->allocations, us, f->mib, r->memory);
    }
    fflush(stdout);
}

static double memory_without_inputs(void) { return measure_memory_mib() - (double)inputs_bytes() / (1 << 20); }

static void measure(const char *spec, const options *o, form how, double peak) {
    static double rate[MAX_BLOCKS];
    char error[LINE];
    row r = {.name = spec, .peak = peak};
    workload *w = workload_new(spec, &(workload_options){.threads = o->threads}, error, sizeof error);
    if (!w) cli_die("steps", "%s", error);
    measure_memory_reset();
    bool ok = measure_warm_up(w, o->seconds / 2);
    for (int i = 0; ok && i < o->blocks; i++) ok = (rate[i] = measure_block(w, workload_step, o->seconds)) > 0;
    if (!ok) cli_die("steps", "%s: %s", spec, workload_error(w));
    r.memory = memory_without_inputs();
    r.rate = spread_of(o->blocks, rate);
    r.threads = tw_threads(workload_ctx(w));
    workload_free(w);
    if (!measure_facts_of(spec, o->threads, &r.facts, error, sizeof error)) cli_die("steps", "%s: %s", spec, error);
    print_row(how, &r);
}

/* ---- the server ---------------------------------------------------------------------------------------------- */

static void answer(workload **w, char *spec, int threads, const char *line) {
    char error[LINE] = "", name[LINE];
    double seconds = 0, value;
    measure_facts f;
    if (sscanf(line, "prepare %511s %lf", name, &seconds) == 2) {
        workload_free(*w);
        *w = workload_new(name, &(workload_options){.threads = threads}, error, sizeof error);
        measure_memory_reset();
        if (*w && !measure_warm_up(*w, seconds)) {
            snprintf(error, sizeof error, "%s", workload_error(*w));
            workload_free(*w);
            *w = NULL;
        }
        if (*w) {
            strcpy(spec, name);
            printf("ready %d\n", workload_batch(*w));
        }
    } else if (!strcmp(line, "sgemm")) printf("sgemm %.2f\n", measure_sgemm(threads, 1));
    else if (!*w) snprintf(error, sizeof error, "prepare a workload first");
    else if (sscanf(line, "block %lf", &seconds) == 1 || sscanf(line, "infer %lf", &seconds) == 1) {
        if ((value = measure_block(*w, *line == 'b' ? workload_step : workload_infer, seconds)) > 0)
            printf("rate %.3f\n", value);
        else snprintf(error, sizeof error, "%s", workload_error(*w));
    } else if (!strcmp(line, "facts")) {
        if (measure_facts_of(spec, threads, &f, error, sizeof error))
            printf("facts %d %g %.9f %.3f %d\n", f.nodes, f.allocations, f.gflop, f.mib, f.batch);
    } else if (!strcmp(line, "memory")) printf("memory %.2f\n", memory_without_inputs());
    else snprintf(error, sizeof error, "this is not a command: %.99s", line);
    if (*error) printf("error %s\n", error);
    fflush(stdout);
}

static void serve(int threads) {
    char line[LINE], spec[LINE] = "";
    workload *w = NULL;
    printf("hello thalweg %s\n", tw_version());
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        answer(&w, spec, threads, line);
    }
    workload_free(w);
}

/* ---- main ------------------------------------------------------------------------------------------------------ */

int main(int argc, char **argv) {
    options o = {.blocks = 5, .seconds = 1};
    const cli_option option[] = {
        {"threads", 't', CLI_INT, &o.threads, "N", "threads; 0: TW_THREADS or all cores", 0, 256, NULL},
        {"seconds", 's', CLI_REAL, &o.seconds, "S", "length of a block", 0.001, 1000, NULL},
        {"blocks", 'b', CLI_INT, &o.blocks, "N", "blocks, of which the median counts", 1, MAX_BLOCKS, NULL},
        {"tsv", 0, CLI_FLAG, &o.tsv, NULL, "print tab-separated values", 0, 0, NULL},
        {"json", 0, CLI_FLAG, &o.json, NULL, "print a JSON object a line", 0, 0, NULL},
        {"server", 0, CLI_FLAG, &o.server, NULL, "do what standard input says", 0, 0, NULL},
    };
    const cli_command command = {"steps",
                                 NULL,
                                 "[OPTION].. [WORKLOAD]..",
                                 "Times training steps. WORKLOAD: a name, or one with other sizes, \"w1:N=256\"; w1 "
                                 "w1b256 w2 w2b w3 w3s w4a\nw4b w5a w5b w5c w7 gfc gcnn (default: all).",
                                 sizeof option / sizeof *option,
                                 option};
    char error[LINE];
    int n = cli_parse(&command, argc, argv);
    if (o.tsv && o.json) cli_usage_error(&command, "--tsv and --json contradict each other");
    if (o.server) {
        serve(o.threads);
        return 0;
    }
    form how = o.tsv ? AS_TSV : o.json ? AS_JSON : FOR_PEOPLE;
    for (int i = 1; i <= n; i++)
        if (!workload_known(argv[i], error, sizeof error)) cli_usage_error(&command, "%s", error);
    double peak = measure_sgemm(o.threads, o.seconds);
    print_head(how);
    for (int i = 1; i <= n; i++) measure(argv[i], &o, how, peak);
    for (int i = 0; !n && workload_name(i); i++) measure(workload_name(i), &o, how, peak);
    if (how == FOR_PEOPLE) printf("sgemm peak %.1f GFLOP/s; classes are learned from %s\n", peak, inputs_source());
    return 0;
}
