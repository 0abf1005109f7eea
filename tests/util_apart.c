/* util_apart.c - see util_apart.h. */
#include "util_apart.h"

#include "util_malloc.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Bytes of address space this process has; 0: not known here. */
static size_t address_space(void) {
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%zu", &pages) != 1) pages = 0;
    if (file) fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static long grown(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_maxrss;
}

static void in_child(apart_read read, const char *path, long megabytes, int to) {
    apart a = {0};
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    size_t space = malloc_is_ours() ? address_space() : 0;
    alarm(20);
    if (space) {
        rlim_t most = space + ((rlim_t)megabytes << 20);
        setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
    }
    long before = grown();
    clock_t begun = clock();
    a.err = read(ctx, path);
    a.seconds = (double)(clock() - begun) / CLOCKS_PER_SEC;
    a.kilobytes = grown() - before;
    snprintf(a.message, sizeof a.message, "%s", tw_errmsg(ctx));
    _exit(write(to, &a, sizeof a) != (ssize_t)sizeof a);
}

apart read_apart(apart_read read_file, const char *path, long megabytes) {
    int ends[2], status;
    apart a = {0};
    cr_assert_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (!child) in_child(read_file, path, megabytes, ends[1]);
    close(ends[1]);
    ssize_t got = read(ends[0], &a, sizeof a);
    close(ends[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(!WIFSIGNALED(status), "%s: signal %d", path, WTERMSIG(status));
    cr_assert_eq(got, (ssize_t)sizeof a, "%s: no answer", path);
    return a;
}

void assert_refused(const char *what, apart_read read, const char *path, tw_err code, const char *part) {
    const long megabytes = 64;
    const apart a = read_apart(read, path, megabytes);
    size_t named = strlen(path) < 100 ? strlen(path) : 100;
    cr_assert_eq(a.err, code, "%s: %s, not %s: \"%s\"", what, tw_err_name(a.err), tw_err_name(code), a.message);
    cr_assert(strstr(a.message, part), "%s: \"%s\" does not say \"%s\"", what, a.message, part);
    cr_assert(!strncmp(a.message, path, named), "%s: \"%s\" does not begin with %s", what, a.message, path);
    for (const char *c = a.message; *c; c++) cr_assert((unsigned char)*c >= 0x20, "%s: \"%s\"", what, a.message);
    cr_assert_leq(a.seconds, malloc_is_ours() ? 1 : 20, "%s: %g seconds", what, a.seconds);
    if (malloc_is_ours()) cr_assert_leq(a.kilobytes, megabytes << 10, "%s: %ld kB", what, a.kilobytes);
}
