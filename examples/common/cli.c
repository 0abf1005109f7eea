/* cli.c - parsing of options from a table, and the help made from the same table. */
#include "cli.h"

#include "plain.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <thalweg/optim.h>

#define MAX_OPTIONS 64

static void print_name(FILE *out, const cli_command *c) {
    fprintf(out, "%s%s%s", c->program, c->name ? " " : "", c->name ? c->name : "");
}

void cli_usage_error(const cli_command *c, const char *format, ...) {
    char sentence[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    print_name(stderr, c);
    fprintf(stderr, ": %s\nTry `", plain_clean(sentence)); /* what was typed must not steer the terminal */
    print_name(stderr, c);
    fputs(" --help`.\n", stderr);
    exit(2);
}

void cli_die(const char *program, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

/* The default is what the variable holds before parsing, so help cannot drift from the truth. */
static void print_default(const cli_option *o) {
    const char *text;
    switch (o->type) {
    case CLI_FLAG: break;
    case CLI_TEXT:
        memcpy(&text, o->to, sizeof text);
        if (text && *text) printf(" [%s]", text);
        break;
    case CLI_INT: /* a value outside the range stands for something that the sentence explains */
        if (*(const int *)o->to >= o->min && *(const int *)o->to <= o->max) printf(" [%d]", *(const int *)o->to);
        break;
    case CLI_REAL:
        if (*(const double *)o->to >= o->min && *(const double *)o->to <= o->max)
            printf(" [%g]", *(const double *)o->to);
        break;
    case CLI_SEED: printf(" [%llu]", (unsigned long long)*(const uint64_t *)o->to); break;
    }
}

static void print_help(const cli_command *c) {
    fputs("Usage: ", stdout);
    print_name(stdout, c);
    printf(" %s\n%s\n", c->usage, c->about);
    for (int i = 0; i < c->noptions; i++) {
        const cli_option *o = &c->option[i];
        char left[64];
        snprintf(left, sizeof left, "%s%c%s --%s%s%s", o->letter ? "-" : " ", o->letter ? o->letter : ' ',
                 o->letter ? "," : " ", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-27s ", left);
        for (const char *p = o->help; *p; p++) {
            putchar(*p);
            if (*p == '\n') printf("  %-27s ", "");
        }
        print_default(o);
        putchar('\n');
    }
    printf("  -h, --help                  print this and exit\n");
}

_Noreturn static void unknown_option(const cli_command *c, const char *name) {
    const char *names[MAX_OPTIONS + 1];
    char word[64];
    int n = 0;
    for (; n < c->noptions && n < MAX_OPTIONS; n++) names[n] = c->option[n].name;
    names[n++] = "help";
    snprintf(word, sizeof word, "%.*s", (int)strcspn(name, "="), name);
    const char *near = tw_nearest(word, n, names);
    if (near) cli_usage_error(c, "unknown option --%s; did you mean --%s?", word, near);
    cli_usage_error(c, "unknown option --%s", word);
}

static void store(const cli_command *c, const cli_option *o, const char *text) {
    char *end = NULL;
    errno = 0;
    if (o->type == CLI_FLAG) {
        *(bool *)o->to = true;
    } else if (o->type == CLI_TEXT) {
        memcpy(o->to, &text, sizeof text);
    } else if (o->type == CLI_SEED) {
        unsigned long long v = strtoull(text, &end, 10);
        if (!*text || *end || errno || strchr(text, '-'))
            cli_usage_error(c, "--%s wants a whole number from 0 to 2^64-1, not \"%s\"", o->name, text);
        *(uint64_t *)o->to = v;
    } else if (o->type == CLI_INT) {
        long v = strtol(text, &end, 10);
        if (!*text || *end || errno || (double)v < o->min || (double)v > o->max)
            cli_usage_error(c, "--%s wants a whole number from %.0f to %.0f, not \"%s\"", o->name, o->min, o->max,
                            text);
        *(int *)o->to = (int)v;
    } else {
        double v = strtod(text, &end);
        if (!*text || *end || !isfinite(v) || v < o->min || v > o->max)
            cli_usage_error(c, "--%s wants a number from %g to %g, not \"%s\"", o->name, o->min, o->max, text);
        *(double *)o->to = v;
    }
    if (o->given) *o->given = true;
}

/* What getopt_long answers for an option is its place in the table plus this, out of the way of the letters. */
enum { FIRST = 1000 };

/* The first word that getopt_long refused, and why. */
typedef struct refusal {
    int answer, option; /* what it answered, and optopt */
    const char *word;
} refusal;

_Noreturn static void refuse(const cli_command *c, const refusal *r) {
    if (r->option >= FIRST) {
        const cli_option *o = &c->option[r->option - FIRST];
        if (r->answer == ':') cli_usage_error(c, "--%s wants a value (%s)", o->name, o->value);
        cli_usage_error(c, "--%s takes no value", o->name);
    }
    if (r->answer == ':') cli_usage_error(c, "-%c wants a value", r->option);
    if (r->option) cli_usage_error(c, "unknown option -%c", r->option);
    unknown_option(c, r->word + 2);
}

int cli_parse(const cli_command *c, int argc, char **argv) {
    struct option names[MAX_OPTIONS + 2] = {{0}};
    char letters[2 * MAX_OPTIONS + 4] = ":h"; /* ':' first: a missing value is told from an unknown option */
    assert(c->noptions <= MAX_OPTIONS);
    for (int i = 0, at = 2; i < c->noptions; i++) {
        const cli_option *o = &c->option[i];
        names[i] = (struct option){o->name, o->type == CLI_FLAG ? no_argument : required_argument, NULL, FIRST + i};
        if (o->letter) letters[at++] = o->letter;
        if (o->letter && o->type != CLI_FLAG) letters[at++] = ':';
    }
    names[c->noptions] = (struct option){"help", no_argument, NULL, 'h'};

    /* Twice: help shows the defaults, so it is looked for before any value is stored; and no mistake in front of
     * it keeps it from being shown. The first time has moved the operands behind the options, where the second would
     * take one for the value that the last option lacks: mistakes are those of the first. */
    refusal first = {0};
    opterr = 0;
    optind = 0;
    for (int k; (k = getopt_long(argc, argv, letters, names, NULL)) != -1;) {
        if (k == 'h') {
            print_help(c);
            exit(0);
        }
        if ((k == '?' || k == ':') && !first.answer) first = (refusal){k, optopt, argv[optind - 1]};
    }
    if (first.answer) refuse(c, &first);
    optind = 0;
    for (int k; (k = getopt_long(argc, argv, letters, names, NULL)) != -1;) {
        int i = k - FIRST;
        for (int j = 0; i < 0 && j < c->noptions; j++)
            if (c->option[j].letter == k) i = j;
        store(c, &c->option[i], optarg);
    }
    int operands = argc - optind; /* getopt_long has moved them to the end */
    for (int i = 0; i < operands; i++) argv[1 + i] = argv[optind + i];
    return operands;
}

/* ---- programs with commands -------------------------------------------------------------------------------- */

static void list_commands(FILE *out, const char *program, const char *about, int n, const cli_entry *command) {
    fprintf(out, "Usage: %s COMMAND [OPTION]..\n%s\n", program, about);
    for (int i = 0; i < n; i++) fprintf(out, "  %-10s %s\n", command[i].name, command[i].about);
    fprintf(out, "`%s COMMAND --help` lists the options of a command.\n", program);
}

static int run_command(const char *program, const char *about, int n, const cli_entry *command, int argc, char **argv) {
    const char *wanted = argc > 1 ? argv[1] : NULL, *names[MAX_OPTIONS];
    if (wanted && (!strcmp(wanted, "--help") || !strcmp(wanted, "-h"))) {
        list_commands(stdout, program, about, n, command);
        return 0;
    }
    if (wanted && !strcmp(wanted, "--version")) {
        printf("%s (Thalweg) %s\n", program, tw_version());
        return 0;
    }
    assert(n <= MAX_OPTIONS);
    for (int i = 0; i < n; i++) {
        names[i] = command[i].name;
        if (wanted && !strcmp(wanted, names[i])) return command[i].run(argc - 1, argv + 1);
    }
    if (wanted) {
        const char *near = tw_nearest(wanted, n, names);
        fprintf(stderr, "%s: unknown command \"%s\"", program, wanted);
        if (near) fprintf(stderr, "; did you mean %s?", near);
        fputc('\n', stderr);
    }
    list_commands(stderr, program, about, n, command);
    return 2;
}

int cli_main(const char *program, const char *about, int n, const cli_entry *command, int argc, char **argv) {
    signal(SIGXFSZ, SIG_IGN); /* a file beyond `ulimit -f` is to be a sentence, as a full disk is */
    int code = run_command(program, about, n, command, argc, argv);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "%s: the results cannot be written: %s\n", program, strerror(errno));
        return 1;
    }
    return code;
}

/* ---- checks ---------------------------------------------------------------------------------------------- */

void cli_check_specs(const cli_command *c, tw_ctx *ctx, const char *optim, const char *schedule) {
    tw_schedule parsed;
    tw_params *none = tw_params_new(ctx);
    tw_optim *made = none ? tw_optim_new(none, optim) : NULL;
    bool ok = made && !tw_schedule_parse(ctx, schedule, &parsed);
    tw_optim_free(made);
    tw_params_free(none);
    if (!ok) cli_usage_error(c, "%s", tw_errmsg(ctx));
}

void cli_explain_divergence(tw_ctx *ctx, int epoch) {
    if (tw_error(ctx) != TW_ERR_NONFINITE) return;
    char what[1024];
    snprintf(what, sizeof what, "%s", tw_errmsg(ctx));
    tw_error_clear(ctx);
    tw_fail(ctx, TW_ERR_NONFINITE, "epoch %d: %s; a smaller learning rate may help", epoch, what);
}
