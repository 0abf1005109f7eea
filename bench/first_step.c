/* first_step.c - from the start of a process to its first finished training step, and the memory that takes.
 *
 * usage: first_step [RUNS]      the MLP 784-512-256-10, Adam, batch 64: median of RUNS (21) processes
 *
 * The program runs itself as a child, so that loading and linking are part of the time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thalweg/thalweg.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, IN = 784, MAX_RUNS = 1000 };

static int one_step(void) {
    static float x[BATCH * IN];
    int32_t label[BATCH];
    for (int i = 0; i < BATCH * IN; i++) x[i] = (float)(i % 255) / 255;
    for (int i = 0; i < BATCH; i++) label[i] = i % 10;

    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *net = tw_sequential_new(params);
    tw_sequential_add(net, tw_dense_new(params, "fc1", IN, 512, &(tw_dense_options){.act = TW_ACT_RELU}));
    tw_sequential_add(net, tw_dense_new(params, "fc2", 512, 256, &(tw_dense_options){.act = TW_ACT_RELU}));
    tw_sequential_add(net, tw_dense_new(params, "fc3", 256, 10, NULL));
    tw_optim *adam = tw_adam_new(params, NULL);
    tw_step_begin(ctx);
    tw_tensor *z = tw_forward(ctx, net, tw_input(ctx, x, 2, (int[]){BATCH, IN}));
    tw_backward(ctx, tw_cross_entropy_loss(ctx, z, (tw_labels){label, BATCH}, NULL));
    tw_err err = adam ? tw_optim_step(adam) : tw_error(ctx);
    if (err) fprintf(stderr, "first_step: %s\n", tw_errmsg(ctx));
    tw_optim_free(adam);
    tw_params_free(params);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "--child")) return one_step();
    bool help = argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
    char *end = "";
    long runs = argc == 2 && !help ? strtol(argv[1], &end, 10) : 21;
    if (help || argc > 2 || *end || runs < 1 || runs > MAX_RUNS) {
        fprintf(
            help ? stdout : stderr,
            "Usage: first_step [RUNS]\nTimes a process from its start to its first training step, and the memory it "
            "takes.\nRUNS: processes, of which the median counts, 1 to %d [21]\n",
            MAX_RUNS);
        return help ? 0 : 2;
    }
    static double ms[MAX_RUNS];
    static char self[4096]; /* its name, for under valgrind /proc/self/exe itself is valgrind */
    long peak = 0;
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) {
        perror("first_step: /proc/self/exe");
        return 1;
    }
    for (int i = -1; i < runs; i++) { /* the first warms the file cache and does not count */
        double start = now_ms();
        pid_t child = fork();
        if (child < 0) {
            perror("first_step: fork");
            return 1;
        }
        if (!child) {
            execl(self, argv[0], "--child", (char *)NULL);
            _exit(127);
        }
        int status;
        struct rusage use;
        if (wait4(child, &status, 0, &use) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
            fprintf(stderr, "first_step: the child failed\n");
            return 1;
        }
        if (i >= 0) ms[i] = now_ms() - start;
        if (use.ru_maxrss > peak) peak = use.ru_maxrss;
    }
    qsort(ms, (size_t)runs, sizeof *ms, ascending);
    printf(
        "process start to the end of the first step of the MLP: median %.1f ms, least %.1f ms, of %d; peak memory %.1f "
        "MiB\n",
        ms[runs / 2], ms[0], (int)runs, (double)peak / 1024);
    return 0;
}
