/* list.c - `losslab list`. */
#include "losslab.h"

#include <stdio.h>

#include "../common/cli.h"
#include "options.h"

int command_list(int argc, char **argv) {
    const cli_command command = {
        "losslab",  "list",
        "[OPTION]", "Lists every loss: what it compares with, and its options with default and range.",
        0,          NULL};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const tw_cost_layer *layer = tw_cost_at(i);
        char text[160], range[160];
        option_targets(layer, text, sizeof text);
        printf("%s%s\n    %s\n    compares with %s\n", i ? "\n" : "", layer->name, layer->summary, text);
        for (const tw_option *o = layer->options; o && o->name; o++) {
            option_default(o, text, sizeof text);
            option_range(o, range, sizeof range);
            printf("    %s=%s  (%s)  %s\n", o->name, text, range, o->help);
        }
    }
    return 0;
}
