/* show.c - `losslab show`. */
#include "losslab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../common/cli.h"
#include "about.h"
#include "chapters.h"
#include "markdown.h"

/* How wide the lines are: the terminal's width, but not so wide that they are hard to read. */
static int text_width(void) {
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    if (!width && isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size)) width = size.ws_col;
    return width <= 0 ? 100 : width > 120 ? 120 : width;
}

static bool write_about(tw_ctx *ctx, const tw_cost *cost, FILE *out) {
    bool pass = false;
    const chapter *book = chapter_of(cost->layer->name);
    if (book) fputs(book->text, out);
    else fprintf(out, "# %s\n\n%s\n\nThe book has no chapter on it yet.\n", cost->layer->name, cost->layer->summary);
    about_options(cost, out);
    if (about_example(ctx, cost, out) || about_gradient(ctx, cost, out, &pass))
        cli_die("losslab show", "%s", tw_errmsg(ctx));
    return pass;
}

int command_show(int argc, char **argv) {
    const cli_command command = {"losslab",
                                 "show",
                                 "LOSS[:OPTION=VALUE,..]",
                                 "Explains a loss: its chapter of the book, its options, an example with every number "
                                 "on the way, and a check of\n"
                                 "its gradient by finite differences. `losslab list` names the losses.\n"
                                 "Example: losslab show focal:gamma=2,alpha=0.25",
                                 0,
                                 NULL};
    int operands = cli_parse(&command, argc, argv);
    if (operands != 1) cli_usage_error(&command, operands ? "one loss at a time" : "which loss?");
    tw_ctx *ctx = tw_ctx_new(1);
    tw_cost cost;
    if (!ctx) cli_die("losslab show", "out of memory");
    if (tw_cost_find(ctx, argv[1], &cost)) cli_usage_error(&command, "%s", tw_errmsg(ctx));
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool pass = out && write_about(ctx, &cost, out);
    if (!out || fclose(out)) cli_die("losslab show", "out of memory");
    md_print(stdout, text, text_width(), isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
    free(text);
    tw_ctx_free(ctx);
    return pass ? 0 : 1;
}
