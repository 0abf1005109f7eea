/* roofline.c - what bounds each op of a training step on this machine, and how near it is.
 *
 * For the forward and the backward pass of each node of the tape: the arithmetic its definition needs (products and
 * convolutions as the plain sums, two operations a multiply-add), the bytes it must at least move (every input read
 * once, every output written once, and their gradients), the time that the slower of the two takes at the machine's
 * peak, and the time measured. Data that would fit into a cache are taken to be there, so the bound is a lower one.
 * Winograd's convolution needs less than a quarter of the plain sum's multiplications: it may exceed 100 %. */
#include "../examples/common/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <unistd.h>

#include "../examples/common/progress.h"
#include "common/machine.h"
#include "common/measure.h"

enum { MAX_NODES = 256, TEXT = 512, DRAM_BYTES = 128 << 20 };

typedef struct machine {
    double fma, sgemm, bandwidth[3]; /* GFLOP/s, GB/s */
    double level[2];                 /* bytes: the caches of all threads, L2 and L3 */
} machine;
static const char *const level_name[] = {"L2", "L3", "memory"};

typedef struct cost {
    double flop, bytes, ms;
} cost;
typedef struct line {
    char what[96];
    cost pass[2]; /* forward, backward */
} line;

/* ---- what a node needs ------------------------------------------------------------------------------------------- */

static bool is_weight(const tw_tensor *t) { return t && t->step == 0 && t->ndim >= 2; }

/* How often a node multiplies with each number of its weight. Convolutions of the workloads have stride 1 and keep the
 * picture's size (odd kernels), or shrink it by one (2 x 2); their output may be pooled, so the input tells. */
static double uses(const tw_node *n, const tw_tensor *weight) {
    const tw_tensor *x = n->in[0];
    if (weight->ndim == 4) {
        int less = weight->dim[2] % 2 ? 0 : 1;
        return (double)x->dim[0] * (x->dim[2] - less) * (x->dim[3] - less);
    }
    return (double)x->size / x->dim[x->ndim - 1]; /* rows, or frames */
}

static void needs(const tw_node *n, cost pass[2]) {
    double values = 0, gradients = 0;
    const tw_tensor *x = n->in[0];
    for (int i = 0; i < n->nin; i++) {
        const tw_tensor *t = n->in[i];
        if (!t) continue;
        values += (double)t->size;
        if (t->requires_grad) gradients += (double)t->size;
        if (!is_weight(t)) continue;
        bool recurrent = !strcmp(n->op->name, "lstm") && strstr(t->name ? t->name : "", "weight_hh");
        double product = 2 * uses(n, t) * (double)t->size;
        pass[0].flop += product;
        pass[1].flop += product * (x->requires_grad || recurrent ? 2 : 1);
    }
    double out = 0;
    for (int i = 0; i < n->nout; i++) out += (double)n->out[i]->size;
    pass[0].bytes = sizeof(tw_real) * (values + out);
    pass[1].bytes = sizeof(tw_real) * (values + gradients + out);
    if (!strcmp(n->op->name, "reshape")) pass[0].bytes = 0; /* the same memory */
}

static void describe(tw_ctx *ctx, const tw_node *n, char *to, size_t size) {
    const char *from = n->nin && n->in[0] ? tw_describe(ctx, n->in[0]) : "";
    const char *bracket = strchr(from, '[');
    snprintf(to, size, "%s %s", n->op->name, bracket ? bracket : "");
    for (int i = 1; i < n->nin; i++)
        if (is_weight(n->in[i])) {
            const char *w = strchr(tw_describe(ctx, n->in[i]), '[');
            size_t at = strlen(to);
            snprintf(to + at, size - at, " x %s", w ? w : "");
            break;
        }
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

/* The size of a cache in bytes; where the system does not tell, a common one. */
static double cache(int name, double otherwise) {
    long size = sysconf(name);
    return size > 0 ? (double)size : otherwise;
}

/* Bandwidths are measured over a part of each cache, for it is shared, and with other programs. */
static machine measure_machine(tw_ctx *ctx) {
    machine m = {.fma = machine_fma_gflops(ctx), .sgemm = measure_sgemm(tw_threads(ctx), 1)};
    m.level[0] = cache(_SC_LEVEL2_CACHE_SIZE, 1 << 19) * tw_threads(ctx);
    m.level[1] = cache(_SC_LEVEL3_CACHE_SIZE, 1 << 23);
    const double room[] = {m.level[0] / 4, m.level[1] / 4, DRAM_BYTES};
    for (int i = 0; i < 3; i++) m.bandwidth[i] = machine_bandwidth(ctx, (size_t)(room[i] / tw_threads(ctx)));
    printf("%d thread%s, %s: multiply-adds %.0f, sgemm %.0f GFLOP/s; L2 %.0f, L3 %.0f, memory %.1f GB/s\n",
           tw_threads(ctx), tw_threads(ctx) > 1 ? "s" : "", machine_isa(), m.fma, m.sgemm, m.bandwidth[0],
           m.bandwidth[1], m.bandwidth[2]);
    return m;
}

/* The least time of each node over so many steps; returns how many nodes, and the least time of a whole step. */
static int profile(workload *w, int steps, line *lines, double *ms_step) {
    int n = 0;
    tw_ctx *ctx = workload_ctx(w);
    tw_set_profiling(ctx, true);
    *ms_step = INFINITY;
    for (int s = 0; s < steps; s++) {
        double began = progress_clock();
        if (!workload_step(w)) cli_die("roofline", "%s", workload_error(w));
        *ms_step = fmin(*ms_step, 1e3 * (progress_clock() - began));
        n = workload_nodes(w);
        if (n > MAX_NODES) cli_die("roofline", "%d nodes are more than %d", n, MAX_NODES);
        int i = n - 1;
        for (const tw_node *node = workload_tape(w); node; node = node->prev, i--) {
            line *l = &lines[i];
            if (!s) {
                *l = (line){.pass = {{.ms = INFINITY}, {.ms = INFINITY}}};
                describe(ctx, node, l->what, sizeof l->what);
                needs(node, l->pass);
            }
            l->pass[0].ms = fmin(l->pass[0].ms, node->ms_forward);
            l->pass[1].ms = fmin(l->pass[1].ms, node->ms_backward);
        }
    }
    return n;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static void print_cost(const char *what, const char *pass, const cost *c, const machine *m) {
    int level = c->bytes <= m->level[0] ? 0 : c->bytes <= m->level[1] ? 1 : 2;
    double flop_ms = 1e-6 * c->flop / m->fma, byte_ms = 1e-6 * c->bytes / m->bandwidth[level];
    double least = fmax(flop_ms, byte_ms);
    printf("%-46s %-8s %9.2f %9.3f  %-11s %8.4f %9.4f %5.0f%%\n", what, pass, 1e-6 * c->flop, 1e-6 * c->bytes,
           flop_ms > byte_ms ? "arithmetic" : level_name[level], least, c->ms, c->ms > 0 ? 100 * least / c->ms : 0);
}

static void report(const char *spec, int threads, int steps, const machine *m) {
    static line lines[MAX_NODES];
    char error[TEXT];
    double ms_step, ms_nodes = 0;
    workload *w = workload_new(spec, &(workload_options){.threads = threads}, error, sizeof error);
    if (!w) cli_die("roofline", "%s", error);
    if (!measure_warm_up(w, 0.2)) cli_die("roofline", "%s", workload_error(w));
    int n = profile(w, steps, lines, &ms_step);
    printf("\n%s\n%-46s %-8s %9s %9s  %-11s %8s %9s\n", spec, "", "", "MFLOP", "MB", "bound by", "ms least", "ms");
    for (int i = 0; i < n; i++) {
        print_cost(lines[i].what, "forward", &lines[i].pass[0], m);
        print_cost("", "backward", &lines[i].pass[1], m);
        ms_nodes += lines[i].pass[0].ms + lines[i].pass[1].ms;
    }
    /* Adam reads the gradient, reads and writes the value and two averages. */
    cost rest = {.bytes = 28.0 * workload_trained(w), .ms = ms_step - ms_nodes};
    print_cost(rest.bytes > 0 ? "optimiser and all that is not an op" : "all that is not an op", "", &rest, m);
    double gflops = 1e3 * workload_gflop(w) / ms_step;
    printf("the step: %.3f ms, %.1f GFLOP/s, %.0f %% of sgemm\n", ms_step, gflops, 100 * gflops / m->sgemm);
    workload_free(w);
}

int main(int argc, char **argv) {
    int threads = 1, steps = 30;
    const cli_option option[] = {
        {"threads", 't', CLI_INT, &threads, "N", "threads; 0: TW_THREADS or all cores", 0, 256, NULL},
        {"steps", 's', CLI_INT, &steps, "N", "steps, of which each op's fastest counts", 1, 100000, NULL},
    };
    const cli_command command = {"roofline",
                                 NULL,
                                 "[OPTION].. [WORKLOAD]..",
                                 "Prints what bounds each op of a training step, and how near it is (default: w1 w2 "
                                 "w3s w7).",
                                 sizeof option / sizeof *option,
                                 option};
    static const char *const usual[] = {"w1", "w2", "w3s", "w7"};
    char error[256];
    int n = cli_parse(&command, argc, argv);
    for (int i = 1; i <= n; i++)
        if (!workload_known(argv[i], error, sizeof error)) cli_usage_error(&command, "%s", error);
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads});
    machine m = {0};
    if (ctx) m = measure_machine(ctx);
    else cli_die("roofline", "out of memory");
    tw_ctx_free(ctx);
    for (int i = 1; i <= n; i++) report(argv[i], threads, steps, &m);
    for (int i = 0; !n && i < 4; i++) report(usual[i], threads, steps, &m);
    return 0;
}
