/* main.c - `crnn_ocr`: trains and uses recognisers of words and text lines. Each command has its own --help. */
#include "commands.h"

#include <stdio.h>

#include "../common/cli.h"

tw_ctx *open_context(const char *program, uint64_t seed, int threads) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = seed, .threads = threads});
    if (!ctx) cli_die(program, "out of memory");
    return ctx;
}

int report(const char *program, const tw_ctx *ctx) {
    fprintf(stderr, "%s: %s\n", program, tw_errmsg(ctx));
    return 1;
}

int main(int argc, char **argv) {
    static const cli_entry command[] = {
        {"check", "look labelled pictures through before training on them", command_check},
        {"train", "train a recogniser on labelled pictures or on rendered text", command_train},
        {"eval", "measure a recogniser on labelled pictures", command_eval},
        {"read", "read pictures", command_read},
        {"synth", "write rendered text as pictures with their labels", command_synth},
        {"lm", "learn from a text which characters follow which", command_lm},
        {"export", "write a model to hand on, also in half precision", command_export},
        {"render", "the former name of synth", command_synth},
        {"captcha", "write captchas, a small task to train on", command_captcha},
        {"demo", "train a small recogniser and read words it never saw", command_demo},
    };
    return cli_main("crnn_ocr",
                    "Reads words and lines of text in pictures with a convolutional recurrent network and CTC.",
                    sizeof command / sizeof *command, command, argc, argv);
}
