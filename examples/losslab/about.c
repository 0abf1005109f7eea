/* about.c - see about.h. */
#include "about.h"

#include "example.h"
#include "gradient.h"
#include "options.h"

void about_options(const tw_cost *cost, FILE *out) {
    char value[160], otherwise[160], range[160];
    fputs("\n## All options\n\n| option | value | default | meaning |\n|---|---|---|---|\n", out);
    for (const tw_option *o = cost->layer->options; o && o->name; o++) {
        option_value(cost, o, value, sizeof value);
        option_default(o, otherwise, sizeof otherwise);
        option_range(o, range, sizeof range);
        fprintf(out, "| `%s` | %s | %s | %s%s%s%s |\n", o->name, value, otherwise, o->help,
                o->type == TW_OPTION_ENUM ? "" : " (", o->type == TW_OPTION_ENUM ? "" : range,
                o->type == TW_OPTION_ENUM ? "" : ")");
    }
    if (!cost->layer->options) fputs("| none | | | |\n", out);
}

tw_err about_example(tw_ctx *ctx, const tw_cost *cost, FILE *out) {
    fputs("\n## Worked through\n\nComputed with these options.\n", out);
    return example_write(ctx, cost, out);
}

tw_err about_gradient(tw_ctx *ctx, const tw_cost *cost, FILE *out, bool *pass) {
    enum { PROBLEMS = 20 };
    gradient_check check;
    tw_err err = gradient_compare(ctx, cost, PROBLEMS, &check);
    *pass = !err && check.pass;
    if (err) return err;
    fprintf(
        out,
        "\n## Gradient check\n\n**%s**: on %d random problems, with each reduction, plain and with sample weights, "
        "%d numbers from backward are those of central differences in double. Largest error %.2g (the bound is %g), "
        "relative to the tensor's largest gradient.\n\nWhere: %s.\n",
        check.pass ? "PASS" : "FAIL", check.problems, check.comparisons, check.error, GRADIENT_BOUND,
        check.error > 0 ? check.where : "nowhere, they are equal");
    return TW_OK;
}
