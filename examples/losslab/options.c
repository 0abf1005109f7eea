/* options.c - see options.h. */
#include "options.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

static void put_number(double v, char *text, size_t size) {
    if (isinf(v)) snprintf(text, size, v < 0 ? "-infinity" : "infinity");
    else snprintf(text, size, "%.9g", v);
}

void option_default(const tw_option *o, char *text, size_t size) {
    switch (o->type) {
    case TW_OPTION_ENUM: snprintf(text, size, "%s", o->choices[(int)o->value]); break;
    case TW_OPTION_LIST: snprintf(text, size, "none"); break;
    case TW_OPTION_REAL:
    case TW_OPTION_INT:
    case TW_OPTION_BOOL: put_number(o->value, text, size); break;
    }
}

void option_range(const tw_option *o, char *text, size_t size) {
    char low[32], high[32];
    *text = 0;
    if (o->type == TW_OPTION_ENUM) {
        for (int i = 0; o->choices[i]; i++)
            snprintf(text + strlen(text), size - strlen(text), "%s%s", i ? ", " : "", o->choices[i]);
    } else if (o->type == TW_OPTION_BOOL) {
        snprintf(text, size, "0 or 1");
    } else if (o->type == TW_OPTION_INT && o->min <= INT_MIN && o->max >= INT_MAX) {
        snprintf(text, size, "any integer");
    } else {
        const char *what = o->type == TW_OPTION_LIST ? "numbers, " : "";
        put_number(o->min, low, sizeof low);
        put_number(o->max, high, sizeof high);
        if (o->max >= INT_MAX)
            snprintf(text, size, "%s%s %s", what, o->min == DBL_MIN ? "more than" : "at least",
                     o->min == DBL_MIN ? "0" : low);
        else snprintf(text, size, "%s%s to %s", what, low, high);
    }
}

void option_value(const tw_cost *cost, const tw_option *o, char *text, size_t size) {
    const char *member = (const char *)cost->options + o->offset;
    *text = 0;
    switch (o->type) {
    case TW_OPTION_REAL: put_number(*(const double *)member, text, size); break;
    case TW_OPTION_INT: snprintf(text, size, "%d", *(const int *)member); break;
    case TW_OPTION_BOOL: snprintf(text, size, "%d", *(const bool *)member); break;
    case TW_OPTION_ENUM: snprintf(text, size, "%s", o->choices[*(const int *)member]); break;
    case TW_OPTION_LIST: {
        const tw_reals *list = (const tw_reals *)member;
        for (size_t i = 0; i < list->n && strlen(text) + 24 < size; i++)
            snprintf(text + strlen(text), size - strlen(text), "%s%.9g", i ? ", " : "", (double)list->v[i]);
        if (!list->n) snprintf(text, size, "none");
        break;
    }
    }
}

void option_targets(const tw_cost_layer *layer, char *text, size_t size) {
    static const struct {
        tw_target_kind kind;
        const char *name;
    } kind[] = {{TW_TARGET_TENSOR, "a tensor"}, {TW_TARGET_CLASSES, "classes"}, {TW_TARGET_SEQUENCES, "sequences"}};
    *text = 0;
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
        if (layer->targets & kind[i].kind)
            snprintf(text + strlen(text), size - strlen(text), "%s%s", *text ? " or " : "", kind[i].name);
}

static const void *member(const tw_cost *cost, const char *name, const tw_option **option) {
    for (const tw_option *o = cost->layer->options; o && o->name; o++)
        if (!strcmp(o->name, name)) {
            *option = o;
            return (const char *)cost->options + o->offset;
        }
    return NULL;
}

double option_real(const tw_cost *cost, const char *name, double otherwise) {
    const tw_option *o;
    const void *at = member(cost, name, &o);
    return at && o->type == TW_OPTION_REAL ? *(const double *)at : otherwise;
}

int option_int(const tw_cost *cost, const char *name, int otherwise) {
    const tw_option *o;
    const void *at = member(cost, name, &o);
    if (at && o->type == TW_OPTION_BOOL) return *(const bool *)at;
    return at && (o->type == TW_OPTION_INT || o->type == TW_OPTION_ENUM) ? *(const int *)at : otherwise;
}

tw_reals option_list(const tw_cost *cost, const char *name) {
    const tw_option *o;
    const void *at = member(cost, name, &o);
    return at && o->type == TW_OPTION_LIST ? *(const tw_reals *)at : (tw_reals){NULL, 0};
}

size_t option_longest_list(const tw_cost *cost) {
    size_t n = 0;
    for (const tw_option *o = cost->layer->options; o && o->name; o++)
        if (o->type == TW_OPTION_LIST && option_list(cost, o->name).n > n) n = option_list(cost, o->name).n;
    return n;
}
