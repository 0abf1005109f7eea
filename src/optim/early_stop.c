/* early_stop.c - when a training has not become better for long enough (Prechelt 1998). */
#include <math.h>
#include <thalweg/optim.h>

bool tw_early_stop_add(tw_early_stop *s, int64_t epoch, double value) {
    bool better = !isnan(value) &&
        (!s->measured || (s->higher ? value > s->best + s->min_delta : value < s->best - s->min_delta));
    if (!better) return false;
    s->measured = true;
    s->best = value;
    s->best_epoch = s->since = epoch;
    return true;
}

void tw_early_stop_wait(tw_early_stop *s, int64_t epoch) { s->since = epoch; }

bool tw_early_stop_now(const tw_early_stop *s, int64_t epoch) {
    return s->patience > 0 && epoch - s->since >= s->patience;
}
