/* main.c - `mnist`: trains and applies classifiers of small pictures. Each command has its own --help. */
#include "mnist.h"

#include <string.h>

#include "../common/cli.h"

void give_up(const char *program, const tw_ctx *ctx) { cli_die(program, "%s", tw_errmsg(ctx)); }

void report(const char *program, const tw_ctx *ctx) {
    fprintf(stderr, "%s: %s\n", program, tw_errmsg(ctx));
    bool names_data = !strncmp(tw_errmsg(ctx), DEFAULT_DATA, strlen(DEFAULT_DATA)); /* a message begins with the path */
    if (tw_error(ctx) == TW_ERR_IO && names_data)
        fputs("Debian's package dataset-fashion-mnist puts the data there; --data DIR names another folder.\n", stderr);
}

int main(int argc, char **argv) {
    static const cli_entry command[] = {
        {"train", "train a network and test it", command_train},
        {"eval", "test a trained network", command_eval},
        {"predict", "classify pictures", command_predict},
    };
    return cli_main("mnist", "Trains and applies classifiers of 28 x 28 pictures (MNIST, Fashion-MNIST).",
                    sizeof command / sizeof *command, command, argc, argv);
}
