/* cli.h - the command line of the example programs: options, help, and how a program gives up.
 *
 * Exit codes: 0 all went well, 1 it went wrong while running, 2 the command line was wrong. */
#ifndef EXAMPLES_CLI_H
#define EXAMPLES_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <thalweg/base.h>

typedef enum cli_type { CLI_FLAG, CLI_TEXT, CLI_INT, CLI_REAL, CLI_SEED } cli_type;

/* One option. `to` points at a bool, const char *, int, double or uint64_t, which holds the default beforehand. */
typedef struct cli_option {
    const char *name; /* without the dashes: "epochs" */
    char letter;      /* 'e' for -e; 0: only the long form */
    cli_type type;
    void *to;
    const char *value; /* how help calls the value: "N"; NULL for a flag */
    const char *help;  /* one sentence; further lines after '\n' */
    double min, max;   /* INT, REAL: allowed range, inclusive */
    bool *given;       /* set when the option was on the command line; may be NULL */
} cli_option;

typedef struct cli_command {
    const char *program, *name; /* "crnn_ocr", "train"; name NULL: the program has no commands */
    const char *usage;          /* what follows the name: "[OPTION].. IMAGE.." */
    const char *about;          /* a paragraph of help */
    int noptions;
    const cli_option *option;
} cli_command;

/* Reads argv[1..argc-1] and returns how many operands there were; they are moved to argv[1], argv[2] ...
 * --help prints the help and exits with 0; a mistake is explained on stderr and exits with 2. */
int cli_parse(const cli_command *command, int argc, char **argv);

/* A program made of commands: runs the one that argv[1] names and returns the exit code. --help lists them, --version
 * tells the library's; an unknown one is explained on stderr. Results that could not be written to stdout are 1. */
typedef struct cli_entry {
    const char *name, *about;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} cli_entry;
int cli_main(const char *program, const char *about, int ncommands, const cli_entry *command, int argc, char **argv);

/* "crnn_ocr train: <sentence>", a pointer to --help, exit code 2. */
_Noreturn void cli_usage_error(const cli_command *command, const char *format, ...) TW_PRINTF(2, 3);

/* "<program>: <sentence>" on stderr, exit code 1. */
_Noreturn void cli_die(const char *program, const char *format, ...) TW_PRINTF(2, 3);

/* What would otherwise be found out too late. A misspelt optimiser or schedule is a mistake of the command line: */
void cli_check_specs(const cli_command *command, tw_ctx *ctx, const char *optim, const char *schedule);

/* ---- cli_files.c: the files that a command line names ------------------------------------------------------ */
/* Can path be written, at the end of a training? */
tw_err cli_check_out(tw_ctx *ctx, const char *path);
bool cli_same_file(const char *a, const char *b); /* by whatever names; also one that does not exist yet */

/* No file that is written may be another that is read or written: a mistake of the command line. */
typedef enum cli_use { CLI_READ, CLI_WRITTEN } cli_use;
typedef struct cli_file {
    const char *option, *path; /* path NULL: not on the command line */
    cli_use use;
} cli_file;
void cli_check_files(const cli_command *command, size_t n, const cli_file *file);
/* The same for files that the command line leads to, without naming them. First all that will be written, for an
 * option, whose name is not copied; then, before anything is written: may path, or standard input for "-", be read?
 * RANGE: it is one of those that are written. */
void cli_will_write(const char *option, const char *path);
tw_err cli_check_read(tw_ctx *ctx, const char *path);

/* ---- cli_lock.c ----------------------------------------------------------------------------------------------- */
/* Can path be written, and by nobody else? Until the program ends no other training may write it: one would hand out
 * the other's network. The lock is the file path.lock, beside what a link leads to; it is removed at the end, and a
 * killed training leaves it behind, unlocked. Devices have none. option is what named path; streams: a device will do,
 * too. */
tw_err cli_claim(tw_ctx *ctx, const char *option, const char *path, bool streams);

/* The training failed in this epoch. When numbers were not finite, the sentence says when, and what may help. */
void cli_explain_divergence(tw_ctx *ctx, int epoch);

#endif
