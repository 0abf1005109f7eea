/* knobs.c - see knobs.h. */
#include "knobs.h"

#include "presets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WIDE = 1000 };

/* Some knobs do nothing alone. */
static const struct {
    const char *knob, *set;
} company[] = {
    {"shadow_x", "shadow=0.8,tone=0.6,contrast=0.6,shadow_tone=0"},
    {"shadow_y", "shadow=0.8,tone=0.6,contrast=0.6,shadow_tone=0"},
    {"shadow_soft", "shadow=0.8,tone=0.6,contrast=0.6"},
    {"shadow_tone", "shadow=0.8,tone=0.3,contrast=0.5"},
    {"shadow", "tone=0.6,contrast=0.6"},
    {"extrude", "shadow=0.6,shadow_x=0.1,shadow_y=0.1"},
    {"cloud_size", "cloud=0.6,contrast=0.6,tone=0.5"},
    {"cloud", "contrast=0.6,tone=0.5"},
    {"blobs", "contrast=0.6,tone=0.5"},
    {"stripes", "contrast=0.6,tone=0.5"},
    {"bricks", "contrast=0.6,tone=0.5"},
    {"clutter", "contrast=0.6,tone=0.5"},
    {"glare", "contrast=0.7,tone=0.4"},
    {"speckle", "tone=0.5,contrast=0.5"},
    {"tone", "contrast=0.4"},
    {"fade", "contrast=0.9"},
    {"border", "contrast=0.5,tone=0.5"},
    {"border_tone", "border=0.05,contrast=0.5,tone=0.5"},
    {"shade_x", "contrast=0.6,tone=0.5"},
    {"shade_y", "contrast=0.6,tone=0.5"},
    {"contrast", "tone=0.5"},
    {"tight", "contrast=0.8,tone=0"},
    {"left", "contrast=0.8,tone=0"},
    {"right", "contrast=0.8,tone=0"},
    {"top", "contrast=0.8,tone=0"},
    {"bottom", "contrast=0.8,tone=0"},
    {"neighbours", "contrast=0.8,tone=0"},
    {"jpeg", "rows=24"},
};

/* The ends of what presets draw the knob from; a knob of none has its own. */
static void ends(int knob, float *low, float *high) {
    *low = look_knobs[knob].most, *high = look_knobs[knob].least;
    for (int p = 0; presets[p]; p++) {
        const knob_range *r = &presets[p]->look.knob[knob];
        if (r->chance <= 0) continue;
        *low = r->low < *low ? r->low : *low;
        *high = r->high > *high ? r->high : *high;
    }
    if (*low == *high) *low = look_knobs[knob].plain; /* an on-off knob */
    if (*low > *high) *low = look_knobs[knob].least, *high = look_knobs[knob].most;
}

static tw_err show_knob(tw_ctx *ctx, int knob, renderer *pen, uint8_t *pixels, const font_face *face, const char *text,
                        int height, sheet *s) {
    look_range plain = {0};
    float low, high;
    for (size_t i = 0; i < sizeof company / sizeof *company; i++)
        if (!strcmp(company[i].knob, look_knobs[knob].name)) {
            tw_err err = look_set(ctx, company[i].set, &plain);
            if (err) return err;
        }
    ends(knob, &low, &high);
    for (int i = 0; i < KNOB_STEPS; i++) {
        dice d = dice_of(11);
        render_look look = look_draw(&plain, &d);
        float value = low + (high - low) * (float)i / (KNOB_STEPS - 1);
        *look_value(&look, knob) = value;
        if (look.hollow >= 0.5f) look.border = 0.03f, look.border_tone = 1;
        if (knob == KNOB_neighbours) look.top = look.bottom = 0.3f;
        int width = MOST_WIDE;
        char caption[64];
        if (!render_text(pen, face, text, &look, height, &width, pixels))
            return tw_fail_err(ctx, TW_ERR_RANGE, "cannot draw \"%s\" in %s %s", text, face->family, face->style);
        tw_image picture = {width, height, 1, pixels};
        snprintf(caption, sizeof caption, "%s %.3g", look_knobs[knob].name, (double)value);
        tw_err err = sheet_add(s, &picture, caption, caption);
        if (err) return err;
    }
    return TW_OK;
}

/* Each knob of the list in turn; *knob is its number. Returns how many, or -1. */
static int each(tw_ctx *ctx, const char *list, int knob[KNOBS]) {
    char *copy = strdup(list), *save = NULL;
    const char *names[KNOBS];
    int n = 0;
    if (!copy) return tw_fail(ctx, TW_ERR_NOMEM, "out of memory"), -1;
    for (int i = 0; i < KNOBS; i++) names[i] = look_knobs[i].name;
    if (!strcmp(list, "all"))
        for (; n < KNOBS; n++) knob[n] = n;
    for (char *one = n ? NULL : strtok_r(copy, ",", &save); one && n >= 0; one = strtok_r(NULL, ",", &save)) {
        int i = 0;
        while (i < KNOBS && strcmp(one, names[i])) i++;
        const char *near = i < KNOBS ? NULL : tw_nearest(one, KNOBS, names);
        if (i == KNOBS || n == KNOBS) {
            tw_fail(ctx, TW_ERR_RANGE, "there is no knob \"%s\"%s%s", one, near ? "; did you mean " : "",
                    near ? near : "");
            n = -1;
        } else {
            knob[n++] = i;
        }
    }
    free(copy);
    return n;
}

int knobs_count(tw_ctx *ctx, const char *list) {
    int knob[KNOBS];
    return each(ctx, list, knob);
}

tw_err knobs_show(tw_ctx *ctx, const char *list, const font_face *face, const char *text, int height, sheet *s) {
    int knob[KNOBS], n = each(ctx, list, knob);
    if (n < 0) return tw_error(ctx);
    renderer *pen = renderer_new();
    uint8_t *pixels = malloc((size_t)height * MOST_WIDE);
    tw_err err = pen && pixels ? TW_OK : tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (int i = 0; i < n && !err; i++) err = show_knob(ctx, knob[i], pen, pixels, face, text, height, s);
    free(pixels);
    renderer_free(pen);
    return err;
}
