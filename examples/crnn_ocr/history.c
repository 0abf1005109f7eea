/* history.c - see history.h. */
#include "history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool history_add(history *h, const history_row *r) {
    char exact[32] = "", cer[32] = "";
    if (!isnan(r->valid_exact)) snprintf(exact, sizeof exact, "%.6f", r->valid_exact);
    if (!isnan(r->valid_cer)) snprintf(cer, sizeof cer, "%.6f", r->valid_cer);
    return csvlog_add(h, "%d,%ld,%.6f,%.6f,%ld,%s,%s,%.4e,%.4f,%.4f,%.1f,%.1f", r->epoch, r->step, r->loss, r->cer,
                      r->infeasible, exact, cer, r->lr, r->norm, r->norm_most, r->rate, r->seconds);
}

/* The number before the next comma or the row's end; NAN when the field is empty. */
static double field(const char **at) {
    char *end;
    double value = NAN;
    if (**at != ',' && **at != '\n' && **at) {
        value = strtod(*at, &end);
        *at = end;
    }
    if (**at == ',') ++*at;
    return value;
}

bool history_next(const char **at, history_row *row) {
    if (!*at || !**at) return false;
    double epoch = field(at), step = field(at);
    *row = (history_row){0};
    row->loss = field(at), row->cer = field(at);
    double infeasible = field(at);
    row->valid_exact = field(at), row->valid_cer = field(at);
    row->lr = field(at), row->norm = field(at), row->norm_most = field(at);
    row->rate = field(at), row->seconds = field(at);
    const char *end = strchr(*at, '\n');
    *at = end ? end + 1 : *at + strlen(*at);
    if (!(epoch >= 0 && epoch < 1e9 && step >= 0 && step < 1e18 && infeasible >= 0 && infeasible < 1e18)) return false;
    row->epoch = (int)epoch, row->step = (long)step, row->infeasible = (long)infeasible;
    return true;
}
