/* peer.c - two pipes and a child process. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef BENCH_FOLDER
#define BENCH_FOLDER "bench" /* where pytorch.py is, seen from where the program is started */
#endif

static void run(char *const argv[], int in, int out) {
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    signal(SIGPIPE, SIG_DFL);
    execvp(argv[0], argv);
    dprintf(STDOUT_FILENO, "error %s cannot be run: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static bool read_line(peer *p, char *line, size_t size) {
    if (!fgets(line, (int)size, p->from)) {
        peer_stop(p);
        snprintf(p->error, sizeof p->error, "it ended unexpectedly");
        return false;
    }
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, "error ", 6)) return true;
    snprintf(p->error, sizeof p->error, "%s", line + 6);
    return false;
}

bool peer_start(peer *p, char *const argv[]) {
    int to[2], from[2];
    char line[PEER_LINE];
    *p = (peer){0};
    signal(SIGPIPE, SIG_IGN); /* a peer that ended is found out when it does not answer */
    /* Closed by exec: a peer that starts later must not hold the ends of this one's, or it would never see them end. */
    if (pipe2(to, O_CLOEXEC)) return snprintf(p->error, sizeof p->error, "%s", strerror(errno)), false;
    if (pipe2(from, O_CLOEXEC)) {
        snprintf(p->error, sizeof p->error, "%s", strerror(errno));
        close(to[0]), close(to[1]);
        return false;
    }
    fflush(NULL);
    p->pid = fork();
    if (!p->pid) {
        close(to[1]), close(from[0]);
        run(argv, to[0], from[1]);
    }
    close(to[0]), close(from[1]);
    p->to = fdopen(to[1], "w"), p->from = fdopen(from[0], "r");
    bool ok = p->pid > 0 && p->to && p->from;
    if (!ok) snprintf(p->error, sizeof p->error, "%s", strerror(errno));
    ok = ok && read_line(p, line, sizeof line);
    if (ok && strncmp(line, "hello ", 6)) {
        snprintf(p->error, sizeof p->error, "it does not say hello but \"%.200s\"", line);
        ok = false;
    }
    if (ok) snprintf(p->hello, sizeof p->hello, "%s", line + 6);
    else peer_stop(p);
    return ok;
}

void peer_stop(peer *p) {
    if (p->to) fclose(p->to); /* its input ends, and so does it */
    if (p->from) fclose(p->from);
    if (p->pid > 0) waitpid(p->pid, NULL, 0);
    p->pid = 0, p->to = p->from = NULL;
}

/* ---- the protocol ------------------------------------------------------------------------------------------- */

bool peer_ask(peer *p, const char *question, char *answer, size_t size) {
    if (!p->pid) return false;
    fprintf(p->to, "%s\n", question);
    fflush(p->to);
    return read_line(p, answer, size);
}

bool peer_next(peer *p, char *answer, size_t size) { return p->pid && read_line(p, answer, size); }

bool peer_prepare(peer *p, const char *spec, double seconds) {
    char question[PEER_LINE], answer[PEER_LINE];
    snprintf(question, sizeof question, "prepare %.400s %g", spec, seconds);
    return peer_ask(p, question, answer, sizeof answer);
}

double peer_number(peer *p, const char *command) {
    char answer[PEER_LINE];
    double value = 0;
    if (!peer_ask(p, command, answer, sizeof answer)) return 0;
    return sscanf(answer, "%*s %lf", &value) == 1 ? value : 0;
}

/* Threads of the program whose turn it was may still wait actively for work; they are given time to fall asleep. */
double peer_block(peer *p, const char *what, double seconds) {
    char question[64];
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    snprintf(question, sizeof question, "%.20s %g", what, seconds);
    return peer_number(p, question);
}

/* ---- the two programs ------------------------------------------------------------------------------------------ */

bool peer_start_ours(peer *p, const char *program, int threads) {
    char path[4096], count[16];
    const char *slash = strrchr(program, '/');
    snprintf(path, sizeof path, "%.*ssteps", slash ? (int)(slash - program + 1) : 0, program);
    snprintf(count, sizeof count, "%d", threads);
    return peer_start(p, (char *[]){path, "--server", "--threads", count, NULL});
}

bool peer_start_pytorch(peer *p, const char *mode, int threads) {
    const char *python = getenv("TORCH_PYTHON"), *script = getenv("BENCH_PYTORCH");
    char count[16], interpreter[4096], name[16];
    if (!python || !*python) python = "/usr/bin/python3"; /* Debian's, which sees Debian's packages */
    if (!strcmp(python, "none")) {
        *p = (peer){.error = "TORCH_PYTHON is none"};
        return false;
    }
    snprintf(count, sizeof count, "%d", threads);
    snprintf(interpreter, sizeof interpreter, "%s", python);
    snprintf(name, sizeof name, "%s", mode);
    char file[4096];
    snprintf(file, sizeof file, "%s", script ? script : BENCH_FOLDER "/pytorch.py");
    return peer_start(p, (char *[]){interpreter, file, "--mode", name, "--threads", count, NULL});
}
