/* runner.c - runs Criterion's tests without Criterion, for the tools that do not get on with it.
 *
 * Criterion gives each test a process that it makes by calling the program again and mapping memory at addresses of its
 * choice. ThreadSanitizer has other plans for these addresses, valgrind and gcov lose such processes, and what a tool
 * reports when a process ends (leaks) goes unheard. Here a test is a fork that ends by exit(), as any program does. The
 * test files are linked as they are: this file finds the records that Test() and TestSuite() leave in their sections,
 * and has the few functions that assertions call.
 *
 * usage: tests [--filter 'suite/name,..'] [--jobs N] [--times]
 * exit code 1: a test failed; 2: the usage is wrong; 3: no test fits the filter */
#include <criterion/criterion.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Tools make a test slow: its own limit (seconds) is raised so many times, and one without a limit gets one. */
enum { SLOWER = 30, NO_LIMIT = 1200 };
enum { NO_TEST = 3, SKIPPED = 77 }; /* exit codes */

/* ---- what a test's process calls ------------------------------------------------------------------------ */

struct criterion_options criterion_options; /* full_stats stays false: assertions report when they fail */
static const struct criterion_test *current;
static const struct criterion_test_extra_data *current_suite;
static bool failed;

int cr_asprintf(char **text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vasprintf(text, format, args);
    va_end(args);
    return n;
}
void cr_asprintf_free(char *text) { free(text); }

/* The kinds of assertions differ in what they were given; the first text is the expression in all of them. */
char *cr_translate_assert_msg(int kind, ...) {
    va_list args;
    va_start(args, kind);
    const char *expression = va_arg(args, const char *);
    va_end(args);
    return strdup(expression);
}
void cri_asserts_passed_incr(void) {}

void criterion_send_assert(struct criterion_assert_stats *stats) {
    fprintf(stderr, "%s:%u: %s/%s: %s\n", stats->file, stats->line, current->category, current->name, stats->message);
}
void criterion_continue_test(void) { failed = true; }
CR_NORETURN void criterion_abort_test(void) {
    fflush(NULL);
    _exit(1); /* what an aborted test leaves behind is no leak */
}
CR_NORETURN void criterion_skip_test(const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("skipped: %s/%s: ", current->category, current->name);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    fflush(NULL);
    _exit(SKIPPED);
}

void criterion_internal_test_setup(void) {
    if (current_suite && current_suite->init) current_suite->init();
    if (current->data->init) current->data->init();
}
void criterion_internal_test_main(void (*test)(void)) { test(); }
void criterion_internal_test_teardown(void) {
    if (current->data->fini) current->data->fini();
    if (current_suite && current_suite->fini) current_suite->fini();
}

/* ---- the tests of this program ------------------------------------------------------------------------- */

/* The first and the last of the pointers that the linker gathers; each file has some. */
extern struct criterion_test *const __start_cr_tst[], *const __stop_cr_tst[];
extern struct criterion_suite *const __start_cr_sts[], *const __stop_cr_sts[];
/* There is a section only if there is something in it. */
static struct criterion_suite none = {"", NULL};
__attribute__((used, section("cr_sts"))) static struct criterion_suite *none_ptr = &none;

static const struct criterion_test_extra_data *suite_of(const struct criterion_test *test) {
    for (struct criterion_suite *const *s = __start_cr_sts; s < __stop_cr_sts; s++)
        if (*s && !strcmp((*s)->name, test->category)) return (*s)->data;
    return NULL;
}

static int by_name(const void *a, const void *b) {
    const struct criterion_test *x = *(struct criterion_test *const *)a, *y = *(struct criterion_test *const *)b;
    int order = strcmp(x->category, y->category);
    return order ? order : strcmp(x->name, y->name);
}

/* Does one of the patterns, between commas, fit the test's name? */
static bool fits(const char *filter, const struct criterion_test *t) {
    char name[300], pattern[300];
    snprintf(name, sizeof name, "%s/%s", t->category, t->name);
    for (const char *from = filter;; from++) {
        size_t n = strcspn(from, ",");
        snprintf(pattern, sizeof pattern, "%.*s", (int)n, from);
        if (!fnmatch(pattern, name, 0)) return true;
        if (!*(from += n)) return false;
    }
}

/* The chosen tests, sorted; the caller frees the list. */
static const struct criterion_test **choose(const char *filter, size_t *n) {
    size_t all = (size_t)(__stop_cr_tst - __start_cr_tst);
    const struct criterion_test **chosen = calloc(all + 1, sizeof *chosen);
    if (!chosen) abort();
    *n = 0;
    for (size_t i = 0; i < all; i++) {
        const struct criterion_test *t = __start_cr_tst[i];
        if (t && !t->data->disabled && fits(filter, t)) chosen[(*n)++] = t;
    }
    qsort((void *)chosen, *n, sizeof *chosen, by_name);
    return chosen;
}

/* ---- running them -------------------------------------------------------------------------------------- */

typedef struct job {
    const struct criterion_test *test;
    pid_t pid; /* 0: free */
} job;
/* Not main's alone: a test's process has them too, and nothing else to show that they are not lost. */
static job *jobs;
static const struct criterion_test **list;

typedef struct tally {
    int passed, failed, skipped;
    bool times;
} tally;

static _Noreturn void run(const struct criterion_test *test) {
    current = test;
    current_suite = suite_of(test);
    double limit = test->data->timeout;
    if (limit <= 0 && current_suite) limit = current_suite->timeout;
    alarm(limit > 0 ? (unsigned)(limit * SLOWER) : NO_LIMIT);
    test->test();
    fflush(NULL);
    exit(failed); /* here a tool looks for leaks; its verdict is the exit code */
}

static void judge(tally *sum, const struct criterion_test *test, int status, const struct rusage *used) {
    bool right = test->data->signal ? WIFSIGNALED(status) && WTERMSIG(status) == test->data->signal
                                    : WIFEXITED(status) && WEXITSTATUS(status) == test->data->exit_code;
    if (sum->times)
        printf("%8.2f s  %s/%s\n",
               (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
                   1e-6 * (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec),
               test->category, test->name);
    if (right) sum->passed++;
    else if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) sum->skipped++;
    else {
        sum->failed++;
        printf("FAILED: %s/%s: ", test->category, test->name);
        if (WIFEXITED(status)) printf("exit code %d\n", WEXITSTATUS(status));
        else printf("%s\n", WTERMSIG(status) == SIGALRM ? "it does not end" : strsignal(WTERMSIG(status)));
    }
    fflush(stdout);
}

/* Waits for one of the running tests to end. */
static void reap(long n, tally *sum) {
    int status;
    struct rusage used;
    pid_t pid;
    while ((pid = wait4(-1, &status, 0, &used)) < 0 && errno == EINTR) continue;
    for (long i = 0; i < n; i++)
        if (jobs[i].pid == pid) {
            judge(sum, jobs[i].test, status, &used);
            jobs[i].pid = 0;
        }
}

static void start(job *slot, const struct criterion_test *test) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(1);
    }
    if (!pid) run(test);
    *slot = (job){test, pid};
}

static job *free_slot(long n) {
    for (long i = 0; i < n; i++)
        if (!jobs[i].pid) return &jobs[i];
    return NULL;
}

static _Noreturn void usage(void) {
    fputs("usage: tests [--filter 'suite/name,..'] [--jobs N] [--times]\n", stderr);
    exit(2);
}

int main(int argc, char **argv) {
    const char *filter = "*";
    long njobs = 1;
    tally sum = {.times = false};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--times")) sum.times = true;
        else if (i + 1 == argc) usage();
        else if (!strcmp(argv[i], "--filter")) filter = argv[++i];
        else if (!strcmp(argv[i], "--jobs")) njobs = strtol(argv[++i], NULL, 10);
        else usage();
    }
    if (njobs < 1 || njobs > 1000) usage();
    size_t n;
    list = choose(filter, &n);
    jobs = calloc((size_t)njobs, sizeof *jobs);
    if (!jobs) abort();
    for (size_t i = 0; i < n; i++) {
        job *slot;
        while (!(slot = free_slot(njobs))) reap(njobs, &sum);
        start(slot, list[i]);
    }
    for (long i = 0; i < njobs; i++)
        while (jobs[i].pid) reap(njobs, &sum);
    free(jobs);
    free((void *)list);
    printf("tested: %zu, passed: %d, failed: %d, skipped: %d\n", n, sum.passed, sum.failed, sum.skipped);
    return sum.failed ? 1 : n ? 0 : NO_TEST;
}
