/* compare.c - the workloads beside PyTorch, in one run: the programs take turns, block by block.
 *
 * For each workload and number of threads Thalweg, PyTorch as installed and PyTorch tuned (see pytorch.py) run a block
 * each, several times over; medians are compared. Without python3-torch Thalweg runs alone. --quick prints the ratio to
 * PyTorch tuned, a line a workload, and nothing else but PyTorch's version. */
#include "../examples/common/cli.h"

#include <stdlib.h>
#include <string.h>

#include "../examples/common/progress.h"
#include "common/others.h"
#include "common/peer.h"
#include "common/results.h"

enum { MAX_BLOCKS = 100, MAX_RESULTS = 200, ALL = 64, TEXT = 1024 };

typedef struct options {
    int threads, blocks;
    double seconds;
    const char *tsv, *png;
    bool quick, infer;
} options;

static const char *const advice = "apt-get install python3-torch libopenblas0-openmp gives the comparison with PyTorch";
static const char *program; /* argv[0] */

/* Ours must run; without PyTorch it has no rates. */
static void start(peer p[CONTESTANTS], int contestants, int threads) {
    if (!peer_start_ours(&p[OURS], program, threads)) cli_die("compare", "steps: %s", p[OURS].error);
    for (int i = TUNED; i < contestants; i++) peer_start_pytorch(&p[i], i == TUNED ? "tuned" : "stock", threads);
}
static void stop(peer p[CONTESTANTS], int contestants) {
    for (int i = 0; i < contestants; i++) peer_stop(&p[i]);
}

/* PyTorch falls to a fifth of its speed beside one busy process (see busy.c), so a block in which other processes took
 * more than a fifth of a processor is repeated, a few times; what is still disturbed then is counted. */
static double quiet_block(peer *p, const options *o, int *disturbed) {
    enum { TIMES = 4 };
    double rate = 0;
    for (int i = 0; i < TIMES; i++) {
        double before = others_seconds(p->pid), began = progress_clock();
        rate = peer_block(p, o->infer ? "infer" : "block", o->seconds);
        if (rate <= 0 || others_seconds(p->pid) - before < 0.2 * (progress_clock() - began) + 0.03) return rate;
    }
    ++*disturbed;
    return rate;
}

/* Fills r->rate. A PyTorch that fails in a workload has no rate there. */
static void take_turns(peer p[CONTESTANTS], int contestants, const options *o, result *r) {
    double rate[CONTESTANTS][MAX_BLOCKS];
    bool runs[CONTESTANTS], ran[CONTESTANTS];
    int disturbed = 0;
    for (int i = 0; i < contestants; i++) {
        ran[i] = p[i].pid;
        runs[i] = peer_prepare(&p[i], r->spec, o->seconds / 2);
    }
    for (int k = 0; k < o->blocks; k++)
        for (int i = 0; i < contestants; i++)
            if (runs[i]) runs[i] = (rate[i][k] = quiet_block(&p[i], o, &disturbed)) > 0;
    if (disturbed) fprintf(stderr, "compare: %s: other processes were busy in %d blocks\n", r->spec, disturbed);
    for (int i = 0; i < contestants; i++) {
        if (runs[i]) r->rate[i] = spread_of(o->blocks, rate[i]);
        else if (i == OURS) cli_die("compare", "%s: %s", r->spec, p[i].error);
        else if (ran[i]) fprintf(stderr, "compare: PyTorch, %s: %s\n", r->spec, p[i].error);
    }
}

/* One process of each program for all workloads, which saves their starts. */
static void quick(int n, char **spec, const options *o) {
    peer p[CONTESTANTS] = {{0}};
    int threads = o->threads ? o->threads : 2;
    start(p, STOCK, threads);
    if (p[TUNED].pid) printf("%s; %d threads\n", p[TUNED].hello, threads);
    else printf("no pytorch (%s): %s\n", p[TUNED].error, advice);
    fflush(stdout);
    for (int i = 0; i < n; i++) {
        result r = {.spec = spec[i]};
        if (p[TUNED].pid) take_turns(p, STOCK, o, &r);
        if (result_ratio(&r, TUNED) > 0) printf("%s ratio %.2f\n", r.spec, result_ratio(&r, TUNED));
        else printf("%s ratio n/a\n", r.spec);
        fflush(stdout);
    }
    stop(p, STOCK);
}

/* Fresh processes, so that none works in memory that another workload has used. The memory of PyTorch tuned says
 * nothing, for its malloc gives nothing back. */
static void measure(const options *o, result *r) {
    peer p[CONTESTANTS] = {{0}};
    measure_facts *f = &r->facts;
    char answer[PEER_LINE];
    start(p, CONTESTANTS, r->threads);
    take_turns(p, CONTESTANTS, o, r);
    r->memory[OURS] = peer_number(&p[OURS], "memory");
    r->memory[STOCK] = peer_number(&p[STOCK], "memory");
    if (!peer_ask(&p[OURS], "facts", answer, sizeof answer) ||
        sscanf(answer, "facts %d %lf %lf %lf %d", &f->nodes, &f->allocations, &f->gflop, &f->mib, &f->batch) != 5)
        cli_die("compare", "%s: %s", r->spec, p[OURS].error);
    if (o->infer) f->gflop = 0, f->allocations = 0; /* those are of a training step */
    stop(p, CONTESTANTS);
}

/* What is compared, in a line; and the speed of a large product on both sides. */
static double introduce(int threads, char *against, size_t size) {
    peer p[CONTESTANTS] = {{0}};
    start(p, CONTESTANTS, threads);
    double ours = peer_number(&p[OURS], "sgemm"), theirs = peer_number(&p[TUNED], "sgemm");
    if (p[TUNED].pid) {
        snprintf(against, size, "%s", p[TUNED].hello);
        printf("%s\n", against);
    }
    printf("%d thread%s: large matrix products run at %.0f GFLOP/s", threads, threads > 1 ? "s" : "", ours);
    if (theirs > 0) printf(" (PyTorch tuned: %.0f)", theirs);
    printf("\n");
    stop(p, CONTESTANTS);
    return ours;
}

static void compare(int n, char **spec, const options *o) {
    static result r[MAX_RESULTS];
    char error[TEXT], against[TEXT] = "PyTorch is not installed";
    int results = 0, first = o->threads ? o->threads : 1, last = o->threads ? o->threads : 2;
    for (int threads = first; threads <= last; threads++) {
        double sgemm = introduce(threads, against, sizeof against);
        results_print_head();
        for (int i = 0; i < n && results < MAX_RESULTS; i++) {
            result *next = &r[results++];
            *next = (result){.spec = spec[i], .threads = threads, .sgemm = sgemm};
            measure(o, next);
            result_print(next);
        }
    }
    if (!strncmp(against, "PyTorch is", 10)) printf("%s\n", advice);
    if (o->tsv && !results_save_tsv(results, r, o->tsv, error, sizeof error)) cli_die("compare", "%s", error);
    if (o->png && !results_save_png(results, r, against, o->png, error, sizeof error)) cli_die("compare", "%s", error);
    if (o->tsv || o->png) printf("written: %s %s\n", o->tsv ? o->tsv : "", o->png ? o->png : "");
}

int main(int argc, char **argv) {
    options o = {.blocks = 5, .seconds = 0.5};
    const cli_option option[] = {
        {"threads", 't', CLI_INT, &o.threads, "N", "threads of both; 0: 1 and then 2, with --quick only 2", 0, 256,
         NULL},
        {"seconds", 's', CLI_REAL, &o.seconds, "S", "length of a block", 0.001, 1000, NULL},
        {"blocks", 'b', CLI_INT, &o.blocks, "N", "blocks of each program", 1, MAX_BLOCKS, NULL},
        {"tsv", 0, CLI_TEXT, &o.tsv, "FILE", "write what was measured", 0, 0, NULL},
        {"png", 0, CLI_TEXT, &o.png, "FILE", "draw the ratios", 0, 0, NULL},
        {"quick", 'q', CLI_FLAG, &o.quick, NULL, "print \"WORKLOAD ratio R\", nothing else, and write no file", 0, 0,
         NULL},
        {"infer", 'i', CLI_FLAG, &o.infer, NULL, "time forward passes in evaluation mode", 0, 0, NULL},
    };
    const cli_command command = {"compare",
                                 NULL,
                                 "[OPTION].. [WORKLOAD]..",
                                 "Times training steps beside PyTorch's. WORKLOAD: as in steps (default: all).\n"
                                 "TORCH_PYTHON in the environment names the Python that has PyTorch, or is none.",
                                 sizeof option / sizeof *option,
                                 option};
    char *all[ALL], error[TEXT];
    int n = cli_parse(&command, argc, argv), count = 0;
    for (int i = 1; i <= n; i++)
        if (!workload_known(argv[i], error, sizeof error)) cli_usage_error(&command, "%s", error);
    if (o.quick && (o.tsv || o.png))
        cli_usage_error(&command, "--quick prints ratios and writes nothing; --tsv and --png go without it");
    if (n > ALL) cli_usage_error(&command, "too many workloads");
    for (int i = 0; i < n; i++) all[count++] = argv[1 + i];
    for (int i = 0; !n && workload_name(i); i++) all[count++] = (char *)workload_name(i);
    program = argv[0];
    (o.quick ? quick : compare)(count, all, &o);
    return 0;
}
