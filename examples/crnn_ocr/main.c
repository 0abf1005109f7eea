/* main.c - `crnn_ocr`: trains and uses recognisers of words and text lines. Each command has its own --help. */
#include "commands.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <unistd.h>

#include "../common/cli.h"

static const struct {
    const char *name, *about;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"train", "train a recogniser on labelled pictures or on rendered text", command_train},
    {"eval", "measure a recogniser on labelled pictures", command_eval},
    {"read", "read pictures", command_read},
    {"render", "write rendered text as pictures with their labels", command_render},
    {"demo", "train a small recogniser and read words it never saw", command_demo},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

tw_ctx *open_context(const char *program, uint64_t seed, int threads) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = seed, .threads = threads});
    if (!ctx) cli_die(program, "out of memory");
    return ctx;
}

int report(const char *program, const tw_ctx *ctx) {
    fprintf(stderr, "%s: %s\n", program, tw_errmsg(ctx));
    return 1;
}

tw_err check_out(tw_ctx *ctx, const char *path) {
    char *copy = strdup(path);
    if (!copy) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    bool ok = access(dirname(copy), W_OK) == 0;
    free(copy);
    return ok ? TW_OK : tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
}

static void help(FILE *out) {
    fprintf(out,
            "Usage: crnn_ocr COMMAND [OPTION]..\n"
            "Reads words and lines of text in pictures with a convolutional recurrent network and CTC.\n");
    for (int i = 0; i < COMMANDS; i++) fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].about);
    fprintf(out, "`crnn_ocr COMMAND --help` lists the options of a command.\n");
}

int main(int argc, char **argv) {
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        help(stdout);
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "--version")) {
        printf("crnn_ocr (Thalweg) %s\n", tw_version());
        return 0;
    }
    for (int i = 0; argc > 1 && i < COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name)) return commands[i].run(argc - 1, argv + 1);
    if (argc > 1) {
        const char *names[COMMANDS];
        for (int i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
        const char *near = tw_nearest(argv[1], COMMANDS, names);
        fprintf(stderr, "crnn_ocr: unknown command \"%s\"", argv[1]);
        if (near) fprintf(stderr, "; did you mean %s?", near);
        fputc('\n', stderr);
    }
    help(stderr);
    return 2;
}
