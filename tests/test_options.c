/* test_options.c - option tables: defaults, parsing "k=v,k=v", and the suggestion for a misspelt name. */
#include "util.h"

#include <locale.h>

typedef struct settings {
    double rate;
    int steps;
    bool fast;
    int mode;
} settings;

static const char *const modes[] = {"slow", "steady", NULL};
static const tw_option table[] = {
    {"rate", TW_OPTION_REAL, offsetof(settings, rate), 0.5, 0, INFINITY, NULL, "how fast"},
    {"steps", TW_OPTION_INT, offsetof(settings, steps), 3, 1, 100, NULL, "how many"},
    {"fast", TW_OPTION_BOOL, offsetof(settings, fast), 1, 0, 1, NULL, "hurry"},
    {"mode", TW_OPTION_ENUM, offsetof(settings, mode), 1, 0, 0, modes, "which"},
    {0},
};

Test(options, defaults_and_values) {
    tw_ctx *ctx = tw_ctx_new(1);
    settings s = {0};
    tw_options_default(table, &s);
    cr_assert(s.rate == 0.5 && s.steps == 3 && s.fast && s.mode == 1);
    cr_assert_eq(tw_options_parse(ctx, "x", table, NULL, &s), TW_OK);
    cr_assert_eq(tw_options_parse(ctx, "x", table, "", &s), TW_OK);
    cr_assert_eq(tw_options_parse(ctx, "x", table, "steps=7,rate=1e-3,mode=slow,fast=no", &s), TW_OK);
    cr_assert(s.rate == 1e-3 && s.steps == 7 && !s.fast && s.mode == 0);
    cr_assert_eq(tw_options_parse(ctx, "x", table, "fast=on,rate=inf,steps=1,steps=2", &s), TW_OK, "%s",
                 tw_errmsg(ctx));
    cr_assert(s.fast && isinf(s.rate) && s.steps == 2, "the last value of a repeated name counts");
    static const char *const yes[] = {"1", "true", "yes", "on"}, *const no[] = {"0", "false", "no", "off"};
    for (int i = 0; i < 4; i++) {
        char text[20];
        snprintf(text, sizeof text, "fast=%s", yes[i]);
        cr_assert(tw_options_parse(ctx, "x", table, text, &s) == TW_OK && s.fast);
        snprintf(text, sizeof text, "fast=%s", no[i]);
        cr_assert(tw_options_parse(ctx, "x", table, text, &s) == TW_OK && !s.fast);
    }
    tw_ctx_free(ctx);
}

Test(options, wrong_text) {
    tw_ctx *ctx = tw_ctx_new(1);
    settings s;
    static const char *const wrong[][2] = {
        {"rte=1", "x: unknown option \"rte\"; did you mean \"rate\"?"},
        {"quux=1", "x: unknown option \"quux\"; known: rate, steps, fast, mode"},
        {"rate", "x: options are written name=value"},
        {"rate=1,", "x: options are written name=value"},
        {"=1", "x: options are written name=value"},
        {"rate=", "x: rate wants a number, not \"\""},
        {"rate=1x", "x: rate wants a number, not \"1x\""},
        {"rate=nan", "x: rate wants a number, not \"nan\""},
        {"rate=-0.1", "x: rate is -0.1, less than 0"},
        {"steps=101", "x: steps is 101, more than 100"},
        {"steps=1e300", "x: steps wants an integer"},
        {"steps=2.5", "x: steps wants an integer, not \"2.5\""},
        {"mode=stedy", "x: mode has no choice \"stedy\"; did you mean \"steady\"?"},
        {"mode=", "x: mode has no choice \"\"; known: slow, steady"},
        {"fast=2", "x: fast is 0 or 1, not \"2\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tw_options_default(table, &s);
        cr_assert_eq(tw_options_parse(ctx, "x", table, wrong[i][0], &s), TW_ERR_RANGE, "%s", wrong[i][0]);
        assert_error(ctx, TW_ERR_RANGE, wrong[i][1]);
    }
    char endless[300];
    memset(endless, '1', sizeof endless);
    endless[299] = 0;
    cr_assert_eq(tw_options_parse(ctx, "x", table, endless, &s), TW_ERR_RANGE);
    tw_error_clear(ctx);
    memcpy(endless, "rate=", 5);
    cr_assert_eq(tw_options_parse(ctx, "x", table, endless, &s), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "the value of rate is too long");
    cr_assert_eq(tw_options_parse(ctx, "x", NULL, "a=1", &s), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "x: has no options");
    tw_ctx_free(ctx);
}

/* The text's decimal point is '.' also where the process writes numbers with a comma. */
Test(options, do_not_depend_on_the_locale) {
    static const char *const with_comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    bool found = false;
    for (int i = 0; i < 4 && !found; i++) found = setlocale(LC_NUMERIC, with_comma[i]) != NULL;
    if (!found) fprintf(stderr, "skipped: no locale with a decimal comma is installed\n");
    tw_ctx *ctx = tw_ctx_new(1);
    settings s;
    cr_assert_eq(tw_options_parse(ctx, "x", table, "rate=0.25", &s), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(s.rate, 0.25);
    tw_ctx_free(ctx);
}

Test(options, nearest) {
    static const char *const names[] = {"adam", NULL, "adamw", "sgd", "cross_entropy", "ctc"};
    static const char *const want[][2] = {
        {"adma", "adam"},
        {"adam", "adam"},
        {"Adam", "adam"},
        {"adamww", "adamw"},
        {"sdg", "sgd"},
        {"crossentropy", "cross_entropy"},
        {"crosentrpy", "cross_entropy"},
        {"xyz", NULL},
        {"", NULL},
        {"q", NULL},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const char *got = tw_nearest(want[i][0], 6, names);
        if (want[i][1]) cr_assert(got && !strcmp(got, want[i][1]), "%s gives %s", want[i][0], got ? got : "nothing");
        else cr_assert_null(got, "%s gives %s", want[i][0], got);
    }
    cr_assert_null(tw_nearest("adam", 0, NULL));
    cr_assert_null(tw_nearest(NULL, 6, names));
}
