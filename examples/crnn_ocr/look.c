/* look.c - drawing a look from ranges, and changing ranges by a text. */
#include "look.h"

#include <stdlib.h>
#include <string.h>

const look_knob look_knobs[KNOBS] = {
#define LOOK_ENTRY(name, plain, least, most, about) {#name, about, plain, least, most},
    LOOK_KNOBS(LOOK_ENTRY)
#undef LOOK_ENTRY
};

float *look_value(render_look *look, int knob) { return &look->stretch + knob; } /* fields in the order of the list */

render_look render_plain(void) {
    render_look look = {0};
    for (int i = 0; i < KNOBS; i++) *look_value(&look, i) = look_knobs[i].plain;
    return look;
}

/* Three draws a knob whether it is turned or not, so that changing one range changes that knob alone. */
render_look look_draw(const look_range *range, dice *d) {
    render_look look;
    for (int i = 0; i < KNOBS; i++) {
        const knob_range *r = &range->knob[i];
        bool turned = dice_chance(d, r->chance);
        float one = dice_between(d, r->low, r->high), other = dice_between(d, r->low, r->high);
        float value = r->low < 0 && r->high > 0 ? 0.5f * (one + other) : one;
        *look_value(&look, i) = turned ? value : look_knobs[i].plain;
    }
    if (look.hollow >= 0.5f) { /* nothing but the border is left to be seen */
        look.border = look.border > 0.03f ? look.border : 0.03f;
        look.border_tone = 1;
    }
    look.stream = dice_bits(d);
    return look;
}

/* ---- "blur=0.5:0:2,rotation=0" ------------------------------------------------------------------------------- */

static int find_knob(tw_ctx *ctx, const char *name) {
    const char *names[KNOBS];
    for (int i = 0; i < KNOBS; i++) names[i] = look_knobs[i].name;
    for (int i = 0; i < KNOBS; i++)
        if (!strcmp(names[i], name)) return i;
    const char *near = tw_nearest(name, KNOBS, names);
    tw_fail(ctx, TW_ERR_RANGE, "there is no knob \"%s\"%s%s%s", name, near ? "; did you mean " : "", near ? near : "",
            near ? "?" : "");
    return -1;
}

static tw_err set_one(tw_ctx *ctx, char *item, look_range *range) {
    char *equals = strchr(item, '=');
    if (!equals) return tw_fail_err(ctx, TW_ERR_FORMAT, "\"%s\" should be KNOB=VALUE or KNOB=CHANCE:LOW:HIGH", item);
    *equals = 0;
    int knob = find_knob(ctx, item);
    if (knob < 0) return tw_error(ctx);
    float v[3];
    int n = 0;
    const char *at = equals + 1;
    for (bool more = true; more && n < 3;) {
        char *end;
        v[n] = strtof(at, &end);
        if (end == at) break;
        n++;
        more = *end == ':';
        at = more ? end + 1 : end;
    }
    if (*at || (n != 1 && n != 3))
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s=%s: should be one number, or CHANCE:LOW:HIGH", item, equals + 1);
    const look_knob *k = &look_knobs[knob];
    knob_range r = n == 1 ? (knob_range){1, v[0], v[0]} : (knob_range){v[0], v[1], v[2]};
    if (!(r.chance >= 0 && r.chance <= 1))
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s=%s: a chance is from 0 to 1", item, equals + 1);
    if (!(r.low >= k->least && r.high <= k->most && r.low <= r.high))
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s=%s: %s goes from %g to %g", item, equals + 1, item, (double)k->least,
                           (double)k->most);
    range->knob[knob] = r;
    return TW_OK;
}

tw_err look_set(tw_ctx *ctx, const char *spec, look_range *range) {
    char *copy = strdup(spec);
    tw_err err = copy ? TW_OK : tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (char *save = NULL, *item = copy ? strtok_r(copy, ", ", &save) : NULL; item && !err;
         item = strtok_r(NULL, ", ", &save))
        err = set_one(ctx, item, range);
    free(copy);
    return err;
}
