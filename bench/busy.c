/* busy.c - what is left of a training step's speed while another process keeps a core busy.
 *
 * Thalweg and PyTorch tuned take turns, each alone and then beside a process that only counts. With as many threads as
 * cores the fair share beside one such process is (threads - 1/2) / threads: 75 % for two. */
#include "../examples/common/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/peer.h"
#include "common/results.h"

enum { MAX_BLOCKS = 100, MAX_RIVALS = 64 };

static void spin(void) {
    volatile unsigned long i = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive the program, however that ends */
    if (getppid() == 1) _exit(0);
    for (;;) i++;
}

static void start_rivals(int n, pid_t *rival) {
    for (int i = 0; i < n; i++) {
        rival[i] = fork();
        if (rival[i] < 0) cli_die("busy", "fork: %s", strerror(errno));
        if (!rival[i]) spin();
    }
}
static void stop_rivals(int n, const pid_t *rival) {
    for (int i = 0; i < n; i++) {
        kill(rival[i], SIGKILL);
        waitpid(rival[i], NULL, 0);
    }
}

typedef struct options {
    int threads, blocks, rivals;
    double seconds;
} options;

static void measure(peer p[], int n, const char *spec, const options *o) {
    double rate[2][2][MAX_BLOCKS]; /* [program][beside rivals] */
    pid_t rival[MAX_RIVALS];
    bool runs[2] = {false, false};
    for (int i = 0; i < n; i++) {
        runs[i] = peer_prepare(&p[i], spec, o->seconds / 2);
        if (!i && !runs[i]) cli_die("busy", "%s: %s", spec, p[i].error);
    }
    for (int k = 0; k < o->blocks; k++)
        for (int i = 0; i < n; i++) {
            if (!runs[i]) continue;
            rate[i][0][k] = peer_block(&p[i], "block", o->seconds);
            start_rivals(o->rivals, rival);
            rate[i][1][k] = peer_block(&p[i], "block", o->seconds);
            stop_rivals(o->rivals, rival);
        }
    for (int i = 0; i < n; i++) {
        const char *who = i ? "pytorch" : "thalweg";
        if (!runs[i]) {
            printf("%-6s %-8s n/a\n", spec, who);
            continue;
        }
        double alone = spread_of(o->blocks, rate[i][0]).median, beside = spread_of(o->blocks, rate[i][1]).median;
        printf("%-6s %-8s alone %10.0f  busy %10.0f samples/s  keeps %3.0f%%\n", spec, who, alone, beside,
               alone > 0 ? 100 * beside / alone : 0);
    }
    fflush(stdout);
}

int main(int argc, char **argv) {
    options o = {.threads = 2, .blocks = 5, .rivals = 1, .seconds = 1};
    const cli_option option[] = {
        {"threads", 't', CLI_INT, &o.threads, "N", "threads of both programs", 1, 256, NULL},
        {"seconds", 's', CLI_REAL, &o.seconds, "S", "length of a block", 0.001, 1000, NULL},
        {"blocks", 'b', CLI_INT, &o.blocks, "N", "blocks of each program, alone and beside", 1, MAX_BLOCKS, NULL},
        {"rivals", 'r', CLI_INT, &o.rivals, "N", "processes that compete", 1, MAX_RIVALS, NULL},
    };
    const cli_command command = {"busy",
                                 NULL,
                                 "[OPTION].. [WORKLOAD]..",
                                 "Times training steps beside a competing process (default: w1 w3s).",
                                 sizeof option / sizeof *option,
                                 option};
    char error[256];
    int n = cli_parse(&command, argc, argv);
    for (int i = 1; i <= n; i++)
        if (!workload_known(argv[i], error, sizeof error)) cli_usage_error(&command, "%s", error);
    peer p[2] = {{0}};
    if (!peer_start_ours(&p[0], argv[0], o.threads)) cli_die("busy", "steps: %s", p[0].error);
    if (peer_start_pytorch(&p[1], "tuned", o.threads)) printf("%s\n", p[1].hello);
    else printf("no pytorch (%s)\n", p[1].error);
    for (int i = 1; i <= n; i++) measure(p, 2, argv[i], &o);
    if (!n) measure(p, 2, "w1", &o);
    if (!n) measure(p, 2, "w3s", &o);
    for (int i = 0; i < 2; i++) peer_stop(&p[i]);
    return 0;
}
