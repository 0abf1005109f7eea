/* main.c - `mnist`: trains and applies classifiers of small pictures. Each command has its own --help. */
#include "mnist.h"

#include <string.h>
#include <thalweg/extend.h>

#include "../common/cli.h"

static const struct {
    const char *name, *about;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"train", "train a network and test it", command_train},
    {"eval", "test a trained network", command_eval},
    {"predict", "classify pictures", command_predict},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

void give_up(const char *program, const tw_ctx *ctx) { cli_die(program, "%s", tw_errmsg(ctx)); }

void report(const char *program, const tw_ctx *ctx) {
    fprintf(stderr, "%s: %s\n", program, tw_errmsg(ctx));
    bool names_data = !strncmp(tw_errmsg(ctx), DEFAULT_DATA, strlen(DEFAULT_DATA)); /* a message begins with the path */
    if (tw_error(ctx) == TW_ERR_IO && names_data)
        fputs("Debian's package dataset-fashion-mnist puts the data there; --data DIR names another folder.\n", stderr);
}

static void help(FILE *out) {
    fprintf(out,
            "Usage: mnist COMMAND [OPTION]..\nTrains and applies classifiers of 28 x 28 pictures "
            "(MNIST, Fashion-MNIST).\n");
    for (int i = 0; i < COMMANDS; i++) fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].about);
    fprintf(out, "`mnist COMMAND --help` lists the options of a command.\n");
}

int main(int argc, char **argv) {
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        help(stdout);
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "--version")) {
        printf("mnist (Thalweg) %s\n", tw_version());
        return 0;
    }
    for (int i = 0; argc > 1 && i < COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name)) return commands[i].run(argc - 1, argv + 1);
    if (argc > 1) {
        const char *names[COMMANDS];
        for (int i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
        const char *near = tw_nearest(argv[1], COMMANDS, names);
        fprintf(stderr, "mnist: unknown command \"%s\"", argv[1]);
        if (near) fprintf(stderr, "; did you mean %s?", near);
        fputc('\n', stderr);
    }
    help(stderr);
    return 2;
}
