/* plot.c - `losslab plot`. */
#include "losslab.h"

#include <stdio.h>

#include "../common/cli.h"
#include "../common/plain.h"
#include "figure.h"

int command_plot(int argc, char **argv) {
    const char *out = NULL;
    const cli_option option[] = {
        {"out", 'o', CLI_TEXT, &out, "FILE", "the picture, .svg or .png [LOSS.svg]", 0, 0, NULL},
    };
    const cli_command command = {"losslab",
                                 "plot",
                                 "[OPTION] LOSS[:OPTION=VALUE,..]",
                                 "Draws a loss and its gradient beside its family, every point computed by the "
                                 "library. With options, their curve\n"
                                 "is drawn too. Example: losslab plot huber:delta=3 --out huber.png",
                                 sizeof option / sizeof *option,
                                 option};
    int operands = cli_parse(&command, argc, argv);
    if (operands != 1) cli_usage_error(&command, operands ? "one loss at a time" : "which loss?");
    tw_ctx *ctx = tw_ctx_new(1);
    tw_cost cost;
    if (!ctx) cli_die("losslab plot", "out of memory");
    if (tw_cost_find(ctx, argv[1], &cost)) cli_usage_error(&command, "%s", tw_errmsg(ctx));
    char name[128], error[512];
    snprintf(name, sizeof name, "%s.svg", cost.layer->name);
    if (!out) out = name;
    const char *why = canvas_cannot_save(out);
    if (why) cli_usage_error(&command, "%s: %s", out, why);
    if (cli_check_out(ctx, out)) cli_die("losslab plot", "%s", tw_errmsg(ctx));

    figure f;
    figure_find(ctx, &cost, argv[1], &f);
    canvas *c = figure_picture(&f);
    if (!c) cli_die("losslab plot", "%s", tw_errmsg(ctx));
    if (!canvas_save(c, out, error, sizeof error)) cli_die("losslab plot", "%s", error);
    plain_line(stdout, "", out);
    canvas_free(c);
    tw_ctx_free(ctx);
    return 0;
}
