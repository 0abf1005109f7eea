/* options.c - named options as text, "gamma=2,alpha=0.25", and suggestions for misspelt names.
 *
 * One table describes the members of an options struct; losses, optimisers and schedules parse their text with it. */
#include "tensor/internal.h"
#include "tensor/options.h"

#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_WORD = 63 };

/* ---- the nearest name ----------------------------------------------------------------------------------- */

/* Levenshtein's distance, one row at a time; a swap of two neighbours, the commonest slip, counts as one edit
 * (optimal string alignment, hence the row before the last one). Both words fit into LONGEST_WORD. */
static int distance(const char *a, const char *b) {
    int row[3][LONGEST_WORD + 1];
    int m = (int)strlen(a), n = (int)strlen(b);
    for (int j = 0; j <= n; j++) row[0][j] = j;
    for (int i = 1; i <= m; i++) {
        int *now = row[i % 3];
        const int *above = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= n; j++) {
            int best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[m % 3][n];
}

const char *tw_nearest(const char *word, int n, const char *const *names) {
    const char *nearest = NULL;
    size_t length = word ? strlen(word) : 0;
    if (!length || length > LONGEST_WORD) return NULL;
    /* One letter may be wrong, and one more for every four: a nearer name is likely meant, a farther one is likely
     * noise. */
    int least = 2 + (int)length / 4;
    for (int i = 0; i < n; i++) {
        if (!names[i] || strlen(names[i]) > LONGEST_WORD) continue;
        int d = distance(word, names[i]);
        if (d >= least || d >= (int)strlen(names[i])) continue; /* not a single letter need agree: no suggestion */
        least = d;
        nearest = names[i];
    }
    return nearest;
}

/* ---- defaults --------------------------------------------------------------------------------------------- */

static void set(const tw_option *o, void *options, double value) {
    void *member = (char *)options + o->offset;
    switch (o->type) {
    case TW_OPTION_REAL: *(double *)member = value; break;
    case TW_OPTION_BOOL: *(bool *)member = value != 0; break;
    case TW_OPTION_INT:
    case TW_OPTION_ENUM: *(int *)member = (int)value; break;
    case TW_OPTION_LIST: *(tw_reals *)member = (tw_reals){NULL, 0}; break;
    }
}

void tw_options_default(const tw_option *table, void *options) {
    for (const tw_option *o = table; o && o->name; o++) set(o, options, o->value);
}

/* ---- parsing ------------------------------------------------------------------------------------------------ */

const char *tw__hint(char *buffer, size_t size, const char *word, int n, const char *const *names) {
    const char *nearest = tw_nearest(word, n, names);
    if (nearest) {
        snprintf(buffer, size, "; did you mean \"%s\"?", nearest);
        return buffer;
    }
    size_t at = (size_t)snprintf(buffer, size, "; known: ");
    for (int i = 0; i < n && at < size; i++)
        at += (size_t)snprintf(buffer + at, size - at, i ? ", %s" : "%s", names[i]);
    return buffer;
}

int tw__find_named(tw_ctx *ctx, const char *what, const char *spec, int n, const char *const *names,
                   const char **options) {
    if (!spec) {
        tw_fail(ctx, TW_ERR_RANGE, "the name of the %s is NULL", what);
        return -1;
    }
    size_t length = strcspn(spec, ":");
    *options = spec[length] ? spec + length + 1 : "";
    for (int i = 0; i < n; i++)
        if (strlen(names[i]) == length && !memcmp(names[i], spec, length)) return i;
    char word[LONGEST_WORD + 1], hint[256];
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), spec);
    tw_fail(ctx, TW_ERR_RANGE, "there is no %s \"%s\"%s", what, word, tw__hint(hint, sizeof hint, word, n, names));
    return -1;
}

static const tw_option *find(const tw_option *table, const char *key) {
    for (const tw_option *o = table; o && o->name; o++)
        if (!strcmp(o->name, key)) return o;
    return NULL;
}

static tw_err unknown_option(tw_ctx *ctx, const char *what, const tw_option *table, const char *key) {
    const char *names[32];
    char text[256];
    int n = 0;
    for (const tw_option *o = table; o && o->name && n < 32; o++) names[n++] = o->name;
    if (!n) return tw_fail_err(ctx, TW_ERR_RANGE, "%s: has no options, but was given \"%s\"", what, key);
    return tw_fail_err(ctx, TW_ERR_RANGE, "%s: unknown option \"%s\"%s", what, key,
                       tw__hint(text, sizeof text, key, n, names));
}

/* strtod reads the decimal point of the process's locale; option text always has a '.'. */
static bool parse_number(const char *text, double *value) {
    char copy[2 * LONGEST_WORD], *end;
    size_t whole = strcspn(text, ".");
    bool fraction = text[whole] == '.';
    snprintf(copy, sizeof copy, "%.*s%s%s", (int)whole, text, fraction ? localeconv()->decimal_point : "",
             fraction ? text + whole + 1 : "");
    *value = strtod(copy, &end);
    return end != copy && !*end && !isnan(*value);
}

static bool parse_bool(const char *text, double *value) {
    static const char *const word[] = {"0", "1", "false", "true", "no", "yes", "off", "on"};
    for (int i = 0; i < 8; i++)
        if (!strcmp(text, word[i])) {
            *value = i % 2;
            return true;
        }
    return false;
}

static tw_err parse_value(tw_ctx *ctx, const char *what, const tw_option *o, const char *text, double *value) {
    char choices[256];
    int n = 0;
    switch (o->type) {
    case TW_OPTION_ENUM:
        for (; o->choices[n]; n++)
            if (!strcmp(o->choices[n], text)) {
                *value = n;
                return TW_OK;
            }
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: %s has no choice \"%s\"%s", what, o->name, text,
                           tw__hint(choices, sizeof choices, text, n, o->choices));
    case TW_OPTION_BOOL:
        if (parse_bool(text, value)) return TW_OK;
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: %s is 0 or 1, not \"%s\"", what, o->name, text);
    case TW_OPTION_INT:
    case TW_OPTION_LIST:
    case TW_OPTION_REAL: break;
    }
    if (!parse_number(text, value))
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: %s wants a number, not \"%s\"", what, o->name, text);
    if (o->type == TW_OPTION_INT && (*value != floor(*value) || *value < INT_MIN || *value > INT_MAX))
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: %s wants an integer, not \"%s\"", what, o->name, text);
    if (*value < o->min && o->min == DBL_MIN)
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: %s is %s, and must be more than 0", what, o->name, text);
    if (*value < o->min)
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: %s is %s, less than %.10g", what, o->name, text, o->min);
    if (*value > o->max)
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: %s is %s, more than %.10g", what, o->name, text, o->max);
    return TW_OK;
}

/* Copies text up to one of the characters in stop; false when it is longer than any word we know. */
static bool take(const char **text, const char *stop, char word[LONGEST_WORD + 1]) {
    size_t n = strcspn(*text, stop);
    if (n > LONGEST_WORD) return false;
    memcpy(word, *text, n);
    word[n] = 0;
    *text += n;
    return true;
}

/* One number, or several in brackets: text is behind the '=', and is left behind the list. ctx keeps the numbers. */
static tw_err parse_list(tw_ctx *ctx, const char *what, const tw_option *o, const char **text, tw_reals *list) {
    char word[LONGEST_WORD + 1];
    bool several = **text == '[';
    size_t n = 1, end = strcspn(*text, several ? "]" : ",");
    if (several && (*text)[end] != ']')
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: the list of %s has no \"]\": \"%s\"", what, o->name, *text);
    for (size_t i = 0; i < end; i++) n += (*text)[i] == ',';
    tw_real *v = tw__keep(ctx, n * sizeof *v);
    if (!v) return tw_error(ctx);
    for (size_t i = 0; i < n; i++) {
        double number = 0;
        *text += several; /* the bracket or the comma */
        if (!take(text, several ? ",]" : ",", word))
            return tw_fail_err(ctx, TW_ERR_RANGE, "%s: a number of %s is too long: \"%s\"", what, o->name, *text);
        tw_err err = parse_value(ctx, what, o, word, &number);
        if (err) return err;
        v[i] = (tw_real)number;
    }
    *text += several;
    *list = (tw_reals){v, n};
    return **text && **text != ','
        ? tw_fail_err(ctx, TW_ERR_RANGE, "%s: after the list of %s comes a comma, not \"%s\"", what, o->name, *text)
        : TW_OK;
}

static tw_err parse_single(tw_ctx *ctx, const char *what, const tw_option *o, const char **text, void *options) {
    char word[LONGEST_WORD + 1];
    double number = 0;
    if (!take(text, ",", word))
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: the value of %s is too long: \"%s\"", what, o->name, *text);
    tw_err err = parse_value(ctx, what, o, word, &number);
    if (!err) set(o, options, number);
    return err;
}

tw_err tw_options_parse(tw_ctx *ctx, const char *what, const tw_option *table, const char *text, void *options) {
    char key[LONGEST_WORD + 1];
    if (!text || !*text) return TW_OK;
    for (;; text++) {
        const char *start = text;
        if (!take(&text, "=,", key) || !*key || *text != '=')
            return tw_fail_err(ctx, TW_ERR_RANGE, "%s: options are written name=value,name=value, not \"%s\"", what,
                               start);
        const tw_option *o = find(table, key);
        if (!o) return unknown_option(ctx, what, table, key);
        text++;
        tw_err err = o->type == TW_OPTION_LIST
            ? parse_list(ctx, what, o, &text, (tw_reals *)(void *)((char *)options + o->offset))
            : parse_single(ctx, what, o, &text, options);
        if (err || !*text) return err;
    }
}
