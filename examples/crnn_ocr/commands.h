/* commands.h - the commands of crnn_ocr; each parses its own arguments and returns the program's exit code. */
#ifndef CRNN_OCR_COMMANDS_H
#define CRNN_OCR_COMMANDS_H

#include <thalweg/thalweg.h>

int command_check(int argc, char **argv);
int command_train(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_read(int argc, char **argv);
int command_synth(int argc, char **argv);
int command_lm(int argc, char **argv);
int command_export(int argc, char **argv);
int command_captcha(int argc, char **argv);
int command_demo(int argc, char **argv);

/* A context, or the end of the program. threads 0: the default. */
tw_ctx *open_context(const char *program, uint64_t seed, int threads);
/* "crnn_ocr read: <the context's message>" on stderr; returns 1, the exit code. */
int report(const char *program, const tw_ctx *ctx);

/* What may be drawn by default: letters and digits; with a pattern, which may have more: all of ASCII. */
#define PRINTABLE_ASCII \
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

#endif
