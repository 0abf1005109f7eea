/* check.c - `losslab check`: everything that is claimed of each loss, verified here and now. */
#include "check.h"
#include "losslab.h"
#include "numbers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../common/cli.h"
#include "../common/progress.h"
#include "../../tests/museum.h"

#define PROGRAM "losslab check"

typedef struct tally {
    int checks, failed;
} tally;

/* ---- every loss, every variant -------------------------------------------------------------------------- */

static int name_width(const tw_cost_layer *only) {
    size_t width = 0;
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const tw_cost_layer *layer = tw_cost_at(i);
        for (const char *const *v = layer->variants; v && *v && (!only || layer == only); v++) {
            size_t n = strlen(layer->name) + 1 + strlen(*v);
            if (n > width) width = n;
        }
    }
    return width < 14 ? 14 : (int)width;
}

static void check_variant(tw_ctx *ctx, const tw_cost_layer *layer, const char *variant, int width, tally *t) {
    tw_cost cost;
    finding found[8] = {0};
    char name[160];
    snprintf(name, sizeof name, "%s%s%s", layer->name, *variant ? ":" : "", variant);
    if (tw_cost_of(ctx, layer, variant, &cost)) {
        printf("%-*s FAIL\n    %s\n", width, name, tw_errmsg(ctx));
        tw_error_clear(ctx);
        t->checks++, t->failed++;
        return;
    }
    printf("%-*s", width, name);
    for (int i = 0; i < cost_check_count; i++) {
        found[i].variant = variant;
        cost_checks[i].run(ctx, &cost, &found[i]);
        if (tw_error(ctx)) {
            found[i].failed = true;
            snprintf(found[i].why, sizeof found[i].why, "%.200s", tw_errmsg(ctx));
            tw_error_clear(ctx);
        }
        t->checks += found[i].failed || found[i].problems > 0;
        t->failed += found[i].failed;
        if (found[i].failed) printf("  %10s", "FAIL");
        else if (!found[i].problems) printf("  %10s", "-");
        else if (found[i].worst > 0) printf("  %10.1e", found[i].worst);
        else printf("  %10s", "ok");
    }
    putchar('\n');
    for (int i = 0; i < cost_check_count; i++)
        if (found[i].failed) printf("    FAIL %s: %s\n", cost_checks[i].name, found[i].why);
    fflush(stdout);
}

static void check_costs(tw_ctx *ctx, const tw_cost_layer *only, tally *t) {
    int width = name_width(only);
    puts("Every loss, every variant of its options, 24 random problems each. A number is the largest error, | a - b | "
         "by\n"
         "the larger of the two (at least 0.001); - does not apply.");
    for (int i = 0; i < cost_check_count; i++) printf("  %-11s %s\n", cost_checks[i].name, cost_checks[i].about);
    printf("\n%-*s", width, "loss");
    for (int i = 0; i < cost_check_count; i++) printf("  %10s", cost_checks[i].name);
    putchar('\n');
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const tw_cost_layer *layer = tw_cost_at(i);
        if (only && layer != only) continue;
        check_variant(ctx, layer, "", width, t);
        for (const char *const *v = layer->variants; v && *v; v++) check_variant(ctx, layer, *v, width, t);
    }
}

static void check_paths(tw_ctx *ctx, tally *t) {
    finding f = {0};
    check_ctc_paths(ctx, &f);
    printf("\nCTC against every single path, all labels with K <= 4, T <= 6, the blank first, in the middle and last:\n"
           "%d labels, largest error %.1e: %s\n",
           f.problems, f.worst, f.failed ? "FAIL" : "ok");
    if (f.failed) printf("    FAIL %s\n", f.why);
    t->checks++;
    t->failed += f.failed;
}

/* ---- the museum ------------------------------------------------------------------------------------------------ */

/* Is the piece about this loss? Its right subject is one of the library's, by its spec. */
static bool is_about(const museum_piece *m, const char *loss) {
    size_t n = strlen(loss);
    return m->right.spec && !strncmp(m->right.spec, loss, n) && (!m->right.spec[n] || m->right.spec[n] == ':');
}

static void check_museum(tw_ctx *ctx, const char *loss, tally *t) {
    int shown = 0;
    for (size_t i = 0; i < museum_size; i++) {
        const museum_piece *m = &museum[i];
        museum_result wrong, right;
        if (loss && !is_about(m, loss)) continue;
        if (!shown++)
            puts("\nThe museum: famous wrong losses, and a check that each of them fails and the library's passes.");
        museum_check_one(ctx, m, &wrong, &right);
        bool good = !wrong.passes && right.passes && !tw_error(ctx);
        printf("%-4s %s (%s)\n       demanded: %s\n       wrong:    %s\n       harm:     %s\n", good ? "ok" : "FAIL",
               m->name, m->seen, m->demands, wrong.passes ? "passes, and should not" : wrong.found, m->harm);
        if (!right.passes) printf("       ours:     FAIL %s\n", right.found);
        tw_error_clear(ctx);
        t->checks++;
        t->failed += !good;
    }
}

/* ---- the tutorials' numbers --------------------------------------------------------------------------------- */

static void check_facts(tw_ctx *ctx, const char *loss, tally *t) {
    int shown = 0;
    char number[32];
    for (int i = 0; i < fact_count; i++) {
        const fact *f = &facts[i];
        if (loss && strcmp(loss, f->loss)) continue;
        if (!shown++)
            printf("\nThe worked numbers of the tutorials: what is printed there, and what it is.\n%-14s %-58s %11s "
                   "%16s  %s\n",
                   "loss", "claim", "printed", "computed", "verdict");
        double x;
        const char *says = fact_verdict(ctx, f, &x);
        printf("%-14s %-58s %11s %16s  %s\n", f->loss, f->claim, f->printed ? f->printed : "", number_text(x, number),
               says);
        if (tw_error(ctx)) printf("    FAIL %s\n", tw_errmsg(ctx));
        else if (says == FACT_FAILS) printf("    FAIL it should be %s\n", f->exact ? f->exact : f->printed);
        tw_error_clear(ctx);
        t->checks++;
        t->failed += says == FACT_FAILS;
    }
}

int command_check(int argc, char **argv) {
    cli_command command = {
        "losslab",
        "check",
        "[LOSS]",
        "Verifies every loss (or one), with all variants of its options: the gradient by finite differences,\n"
        "the reductions, extreme logits, the promised properties, CTC against the sum over all paths, a museum\n"
        "of famous wrong losses, and the worked numbers that tutorials print, misprints included. Exit code 1 if\n"
        "anything fails.",
        0,
        NULL};
    int n = cli_parse(&command, argc, argv);
    if (n > 1) cli_usage_error(&command, "unexpected argument \"%s\"", argv[2]);
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 1});
    if (!ctx) cli_die(PROGRAM, "out of memory");
    tw_cost cost = {0};
    if (n && tw_cost_find(ctx, argv[1], &cost)) cli_usage_error(&command, "%s", tw_errmsg(ctx));
    if (n && strchr(argv[1], ':')) cli_usage_error(&command, "a loss without options: all variants are checked");
    const char *loss = cost.layer ? cost.layer->name : NULL;
    double began = progress_clock();
    tally t = {0};
    check_costs(ctx, cost.layer, &t);
    if (!loss || !strcmp(loss, "ctc")) check_paths(ctx, &t);
    check_museum(ctx, loss, &t);
    check_facts(ctx, loss, &t);
    printf("\n%d checks, %d failed, %.1f s\n", t.checks, t.failed, progress_clock() - began);
    tw_ctx_free(ctx);
    return t.failed ? 1 : 0;
}
