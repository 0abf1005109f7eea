/* experiment.c - `losslab experiment`: short trainings that show what a loss does. Each ends with a picture and a
 * conclusion made of its numbers. */
#include "experiment.h"
#include "losslab.h"

#include <stdio.h>
#include <string.h>

#include "../common/cli.h"
#include "../common/plain.h"
#include "../common/progress.h"

#define PROGRAM "losslab experiment"

static const experiment experiments[] = {
    {"saturation", "a sigmoid that is sure of the wrong: does MSE or cross entropy bring it back?",
     experiment_saturation},
    {"outliers", "a line through points of which some are far off: MSE, MAE, Huber", experiment_outliers},
    {"imbalance", "one picture in a hundred is of the class: CE, balanced CE, focal", experiment_imbalance},
    {"noisy-labels", "two labels in five are wrong: does label smoothing help?", experiment_noisy_labels},
    {"mse-vs-ce", "MSE and cross entropy as losses of a classifier", experiment_mse_vs_ce},
    {"ctc-plateau", "CTC first learns to say blank everywhere: how that looks, and how it ends",
     experiment_ctc_plateau},
};
enum { COUNT = sizeof experiments / sizeof *experiments };

static const experiment *find(const cli_command *command, const char *name) {
    const char *names[COUNT];
    for (int i = 0; i < COUNT; i++) {
        names[i] = experiments[i].name;
        if (!strcmp(name, names[i])) return &experiments[i];
    }
    const char *near = tw_nearest(name, COUNT, names);
    if (near) cli_usage_error(command, "there is no experiment \"%s\"; did you mean %s?", name, near);
    cli_usage_error(command, "there is no experiment \"%s\"; `losslab experiment list` names them", name);
}

static int list(void) {
    for (int i = 0; i < COUNT; i++) printf("%-14s %s\n", experiments[i].name, experiments[i].question);
    return 0;
}

static int run(const experiment *e, trial *t, const char *out) {
    char error[512];
    double began = progress_clock();
    printf("%s: %s\n", e->name, e->question);
    canvas_describe(t->picture, "%s: %s", e->name, e->question);
    if (e->run(t)) {
        fprintf(stderr, PROGRAM ": %s\n", tw_errmsg(t->ctx));
        return 1;
    }
    printf("conclusion: %s\n", t->conclusion);
    if (!canvas_save(t->picture, out, error, sizeof error)) {
        fprintf(stderr, PROGRAM ": %s\n", error);
        return 1;
    }
    printf("picture: ");
    plain_put(stdout, out);
    printf("   (%.1f s)\n", progress_clock() - began);
    return 0;
}

int command_experiment(int argc, char **argv) {
    trial t = {.data = "/usr/share/datasets/fashion-mnist"};
    const char *out = NULL;
    uint64_t seed = 1;
    cli_option table[] = {
        {"out", 'o', CLI_TEXT, &out, "FILE", "the picture, .svg or .png (default: NAME.svg)", 0, 0, NULL},
        {"seed", 's', CLI_SEED, &seed, "N", "of weights, data and batches", 0, 0, NULL},
        {"data", 'd', CLI_TEXT, &t.data, "DIR", "Fashion-MNIST, for those that learn pictures", 0, 0, NULL},
    };
    cli_command command = {
        "losslab",
        "experiment",
        "NAME | list",
        "Trains small networks with different losses, for seconds up to a minute, and shows what comes of it:\n"
        "numbers, a picture, and a conclusion made of the numbers. `losslab experiment list` names them.",
        sizeof table / sizeof *table,
        table};
    int n = cli_parse(&command, argc, argv);
    if (n < 1) cli_usage_error(&command, "which one? `losslab experiment list` names them");
    if (n > 1) cli_usage_error(&command, "unexpected argument \"%s\"", argv[2]);
    if (!strcmp(argv[1], "list")) return list();
    const experiment *e = find(&command, argv[1]);
    char name[64];
    snprintf(name, sizeof name, "%s.svg", e->name);
    if (!out) out = name;
    if (canvas_cannot_save(out)) cli_usage_error(&command, "--out %s: %s", out, canvas_cannot_save(out));
    t.ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = seed, .threads = 1});
    t.picture = canvas_new(WIDE, HIGH);
    if (!t.ctx || !t.picture) cli_die(PROGRAM, "out of memory");
    if (cli_check_out(t.ctx, out)) cli_die(PROGRAM, "%s", tw_errmsg(t.ctx));
    int code = run(e, &t, out);
    canvas_free(t.picture);
    tw_ctx_free(t.ctx);
    return code;
}
