/* main.c - `losslab`: the loss laboratory. What each loss is, computes and does. Each command has its own --help. */
#include "losslab.h"

#include "../common/cli.h"

int main(int argc, char **argv) {
    static const cli_entry command[] = {
        {"list", "all losses with their options", command_list},
        {"show", "a loss explained, with its numbers computed and its gradient checked", command_show},
        {"plot", "curves of a loss and its gradient, as a picture", command_plot},
        {"report", "all of it as a web site", command_report},
        {"eval", "value and gradient of a loss for numbers of yours", command_eval},
        {"check", "verify gradients, reductions, extremes and every worked number", command_check},
        {"ctc", "every path, alpha and beta of a text, as a picture", command_ctc},
        {"backprop", "one step of a small network, with the chain rule on each edge", command_backprop},
        {"experiment", "short trainings that show what losses do", command_experiment},
    };
    return cli_main("losslab", "The loss laboratory: formula, numbers, curves and a proof for every loss.",
                    sizeof command / sizeof *command, command, argc, argv);
}
