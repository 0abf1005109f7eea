/* presets.c - what training draws from, chosen by looking at scans, screens and photographs of signs.
 *
 * Each change happens only sometimes, so that plain pictures stay common and no single one is piled on all others. */
#include "presets.h"

#include <stdio.h>
#include <string.h>

#define K(name) [KNOB_##name]

static const preset clean = {
    .name = "clean",
    .about = "lines and words of scanned pages and screens",
    .look = {{
        K(stretch) = {0.5f, 0.88f, 1.12f},
        K(slant) = {0.15f, -0.05f, 0.22f},
        K(weight) = {0.5f, -0.01f, 0.018f},
        K(spacing) = {0.3f, -0.015f, 0.06f},
        K(wobble) = {0.15f, 0, 0.012f},
        K(rotation) = {0.5f, -0.012f, 0.012f},
        K(wave) = {0.1f, 0, 0.03f},
        K(tight) = {0.5f, 0, 1},
        K(left) = {1, -0.02f, 0.35f},
        K(right) = {1, -0.02f, 0.35f},
        K(top) = {1, -0.03f, 0.22f},
        K(bottom) = {1, -0.03f, 0.22f},
        K(neighbours) = {0.3f, 1, 1},
        K(contrast) = {1, 0.5f, 1},
        K(tone) = {1, 0.6f, 1},
        K(inverted) = {0.06f, 1, 1},
        K(shade_x) = {0.2f, -0.25f, 0.25f},
        K(shade_y) = {0.2f, -0.15f, 0.15f},
        K(cloud) = {0.25f, 0.02f, 0.2f},
        K(cloud_size) = {1, 0.1f, 1.5f},
        K(worn) = {0.15f, 0.02f, 0.35f},
        K(rows) = {0.35f, 16, 30},
        K(blur) = {0.6f, 0.2f, 0.9f},
        K(noise) = {0.4f, 0.005f, 0.06f},
        K(salt) = {0.06f, 0, 0.008f},
        K(jpeg) = {0.2f, 30, 90},
    }},
    .text = {.word = 0.3f,
             .invented = 0.06f,
             .number = 0.08f,
             .date = 0.03f,
             .phone = 0.01f,
             .code = 0.02f,
             .address = 0.02f,
             .brief = 0.02f,
             .salad = 0.03f,
             .line = 0.43f,
             .upper = 0.1f,
             .title = 0.2f,
             .odd = 0.01f,
             .marked = 0.15f,
             .longest = 44},
    .bookish = 0.7f,
};

static const preset page = {
    .name = "page",
    .about = "lines cut out of scanned pages, with the paper beside them",
    .look = {{
        K(stretch) = {0.3f, 0.88f, 1.12f},
        K(slant) = {0.1f, -0.03f, 0.22f},
        K(weight) = {0.5f, -0.01f, 0.018f},
        K(spacing) = {0.3f, -0.015f, 0.04f},
        K(rotation) = {0.5f, -0.006f, 0.006f},
        K(tight) = {0.3f, 0, 1},
        K(left) = {1, 0, 2},
        K(right) = {1, 0, 2},
        K(top) = {1, -0.03f, 0.3f},
        K(bottom) = {1, -0.03f, 0.3f},
        K(neighbours) = {0.5f, 1, 1},
        K(contrast) = {1, 0.5f, 1},
        K(tone) = {1, 0.6f, 1},
        K(inverted) = {0.03f, 1, 1},
        K(shade_x) = {0.2f, -0.25f, 0.25f},
        K(shade_y) = {0.2f, -0.15f, 0.15f},
        K(cloud) = {0.25f, 0.02f, 0.2f},
        K(cloud_size) = {1, 0.1f, 1.5f},
        K(worn) = {0.15f, 0.02f, 0.35f},
        K(rows) = {0.3f, 18, 30},
        K(blur) = {0.6f, 0.2f, 0.9f},
        K(noise) = {0.4f, 0.005f, 0.06f},
        K(salt) = {0.06f, 0, 0.008f},
        K(jpeg) = {0.3f, 30, 90},
    }},
    .text = {.word = 0.08f,
             .number = 0.02f,
             .date = 0.02f,
             .address = 0.02f,
             .brief = 0.02f,
             .salad = 0.02f,
             .line = 0.82f,
             .upper = 0.06f,
             .title = 0.12f,
             .marked = 0.2f,
             .longest = 48},
    .bookish = 0.8f,
};

static const preset light = {
    .name = "light",
    .about = "words, a little varied",
    .look = {{
        K(stretch) = {0.6f, 0.82f, 1.2f},
        K(slant) = {0.3f, -0.12f, 0.22f},
        K(spacing) = {0.4f, -0.02f, 0.12f},
        K(wobble) = {0.15f, 0, 0.03f},
        K(rotation) = {0.4f, -0.035f, 0.035f},
        K(tight) = {0.65f, 0.4f, 1},
        K(left) = {1, 0, 0.25f},
        K(right) = {1, 0, 0.25f},
        K(top) = {1, -0.02f, 0.15f},
        K(bottom) = {1, -0.02f, 0.15f},
        K(contrast) = {1, 0.4f, 1},
        K(tone) = {1, 0.3f, 1},
        K(inverted) = {0.25f, 1, 1},
        K(shade_x) = {0.3f, -0.3f, 0.3f},
        K(shade_y) = {0.3f, -0.2f, 0.2f},
        K(rows) = {0.3f, 16, 32},
        K(blur) = {0.5f, 0.2f, 1.0f},
        K(noise) = {0.5f, 0.01f, 0.09f},
    }},
    .text = {.invented = 0.73f, .number = 0.2f, .salad = 0.07f, .upper = 0.15f, .title = 0.3f, .longest = 24},
};

/* The distortion that results are published with: changing it makes them incomparable. */
static const preset medium = {
    .name = "medium",
    .about = "words as on covers, packages and good photographs",
    .look = {{
        K(stretch) = {0.6f, 0.75f, 1.3f},
        K(slant) = {0.25f, -0.12f, 0.25f},
        K(weight) = {0.4f, -0.01f, 0.03f},
        K(spacing) = {0.35f, -0.02f, 0.15f},
        K(wobble) = {0.1f, 0, 0.03f},
        K(arc) = {0.06f, -0.6f, 0.8f},
        K(rotation) = {0.45f, -0.07f, 0.07f},
        K(tilt_x) = {0.2f, -0.15f, 0.15f},
        K(tilt_y) = {0.15f, -0.12f, 0.12f},
        K(tight) = {0.75f, 0.5f, 1},
        K(left) = {1, -0.02f, 0.25f},
        K(right) = {1, -0.02f, 0.25f},
        K(top) = {1, -0.03f, 0.2f},
        K(bottom) = {1, -0.03f, 0.2f},
        K(neighbours) = {0.08f, 1, 1},
        K(contrast) = {1, 0.25f, 1},
        K(tone) = {1, 0, 1},
        K(inverted) = {0.35f, 1, 1},
        K(fade) = {0.1f, -0.3f, 0.3f},
        K(border) = {0.07f, 0.012f, 0.05f},
        K(border_tone) = {1, -0.8f, 0.5f},
        K(shadow) = {0.1f, 0.3f, 0.8f},
        K(shadow_x) = {1, -0.06f, 0.07f},
        K(shadow_y) = {1, -0.05f, 0.07f},
        K(shadow_soft) = {0.6f, 0, 1.5f},
        K(shadow_tone) = {0.4f, 0, 0.7f},
        K(extrude) = {0.1f, 1, 1},
        K(shade_x) = {0.35f, -0.4f, 0.4f},
        K(shade_y) = {0.3f, -0.3f, 0.3f},
        K(cloud) = {0.3f, 0.05f, 0.35f},
        K(cloud_size) = {1, 0.15f, 1.5f},
        K(blobs) = {0.06f, 0.05f, 0.25f},
        K(stripes) = {0.05f, 0.05f, 0.2f},
        K(clutter) = {0.12f, 1, 4},
        K(worn) = {0.06f, 0.02f, 0.3f},
        K(glare) = {0.08f, 0.1f, 0.4f},
        K(rows) = {0.35f, 13, 30},
        K(blur) = {0.5f, 0.2f, 1.1f},
        K(motion) = {0.08f, 1, 3},
        K(noise) = {0.45f, 0.01f, 0.1f},
        K(speckle) = {0.08f, 0.02f, 0.15f},
        K(jpeg) = {0.4f, 20, 90},
    }},
    .text = {.word = 0.62f,
             .invented = 0.12f,
             .number = 0.09f,
             .date = 0.02f,
             .phone = 0.01f,
             .code = 0.03f,
             .address = 0.01f,
             .brief = 0.02f,
             .salad = 0.03f,
             .line = 0.05f,
             .upper = 0.35f,
             .title = 0.3f,
             .odd = 0.03f,
             .marked = 0.05f,
             .longest = 24},
    .bookish = 0.4f,
};

static const preset scene = {
    .name = "scene",
    .about = "words on signs, shops and shirts, photographed by chance",
    .look = {{
        K(stretch) = {0.6f, 0.65f, 1.5f},
        K(slant) = {0.3f, -0.3f, 0.4f},
        K(weight) = {0.45f, -0.01f, 0.045f},
        K(spacing) = {0.35f, -0.03f, 0.3f},
        K(wobble) = {0.08f, 0, 0.07f},
        K(turn) = {0.06f, 0, 0.15f},
        K(arc) = {0.14f, -2.0f, 2.8f},
        K(wave) = {0.05f, 0, 0.12f},
        K(rotation) = {0.55f, -0.35f, 0.35f},
        K(tilt_x) = {0.4f, -0.36f, 0.36f},
        K(tilt_y) = {0.3f, -0.32f, 0.32f},
        K(tight) = {0.9f, 0.6f, 1},
        K(left) = {1, -0.08f, 0.36f},
        K(right) = {1, -0.08f, 0.36f},
        K(top) = {1, -0.1f, 0.32f},
        K(bottom) = {1, -0.1f, 0.32f},
        K(neighbours) = {0.12f, 1, 1},
        K(contrast) = {1, 0.16f, 0.95f},
        K(tone) = {1, 0, 1},
        K(inverted) = {0.48f, 1, 1},
        K(fade) = {0.15f, -0.45f, 0.45f},
        K(border) = {0.14f, 0.012f, 0.07f},
        K(border_tone) = {1, -1, 0.6f},
        K(hollow) = {0.02f, 0.8f, 1},
        K(shadow) = {0.2f, 0.3f, 1},
        K(shadow_x) = {1, -0.09f, 0.1f},
        K(shadow_y) = {1, -0.07f, 0.1f},
        K(shadow_soft) = {0.6f, 0, 2},
        K(shadow_tone) = {0.4f, 0, 0.9f},
        K(extrude) = {0.2f, 1, 1},
        K(shade_x) = {0.4f, -0.6f, 0.6f},
        K(shade_y) = {0.4f, -0.5f, 0.5f},
        K(cloud) = {0.4f, 0.05f, 0.6f},
        K(cloud_size) = {1, 0.15f, 2},
        K(blobs) = {0.13f, 0.05f, 0.5f},
        K(stripes) = {0.1f, 0.05f, 0.35f},
        K(bricks) = {0.05f, 0.05f, 0.4f},
        K(clutter) = {0.3f, 1, 7},
        K(strokes) = {0.03f, 1, 3},
        K(worn) = {0.1f, 0.02f, 0.5f},
        K(glare) = {0.15f, 0.1f, 0.6f},
        K(rows) = {0.45f, 9, 30},
        K(blur) = {0.5f, 0.2f, 1.5f},
        K(motion) = {0.15f, 1, 4},
        K(noise) = {0.45f, 0.01f, 0.15f},
        K(speckle) = {0.12f, 0.02f, 0.25f},
        K(salt) = {0.03f, 0, 0.03f},
        K(jpeg) = {0.5f, 12, 85},
    }},
    .text = {.word = 0.62f,
             .invented = 0.12f,
             .number = 0.1f,
             .date = 0.015f,
             .phone = 0.01f,
             .code = 0.03f,
             .address = 0.015f,
             .brief = 0.03f,
             .salad = 0.03f,
             .line = 0.03f,
             .upper = 0.46f,
             .title = 0.28f,
             .odd = 0.04f,
             .marked = 0.04f,
             .longest = 24},
    .bookish = 0.4f,
};

static const preset print = {
    .name = "print",
    .about = "all of the above: what the model print-en is trained on",
    .part = {{"scene", 0.5f}, {"medium", 0.22f}, {"light", 0.06f}, {"clean", 0.16f}, {"page", 0.06f}},
};

const preset *const presets[] = {&clean, &page, &light, &medium, &scene, &print, NULL};

const preset *preset_find(tw_ctx *ctx, const char *name) {
    const char *names[8];
    int n = 0;
    for (; presets[n]; n++) names[n] = presets[n]->name;
    for (int i = 0; i < n; i++)
        if (!strcmp(name, names[i])) return presets[i];
    const char *near = tw_nearest(name, n, names);
    if (near) return tw_fail(ctx, TW_ERR_RANGE, "there is no preset \"%s\"; did you mean %s?", name, near);
    return tw_fail(ctx, TW_ERR_RANGE, "there is no preset \"%s\": clean, page, light, medium, scene or print", name);
}

static tw_err add_part(tw_ctx *ctx, const preset *p, float weight, const char *set, synth_recipe *r) {
    r->weight[r->n] = weight, r->look[r->n] = p->look, r->text[r->n] = p->text, r->bookish[r->n] = p->bookish;
    tw_err err = set ? look_set(ctx, set, &r->look[r->n]) : TW_OK;
    r->n++;
    return err;
}

tw_err preset_recipe(tw_ctx *ctx, const char *name, const char *set, synth_recipe *recipe) {
    const preset *p = preset_find(ctx, name);
    *recipe = (synth_recipe){0};
    if (!p) return tw_error(ctx);
    if (!p->part[0].name) return add_part(ctx, p, 1, set, recipe);
    tw_err err = TW_OK;
    for (int i = 0; p->part[i].name && !err; i++) {
        const preset *part = preset_find(ctx, p->part[i].name);
        err = part ? add_part(ctx, part, p->part[i].weight, set, recipe) : tw_error(ctx);
    }
    return err;
}

int recipe_draw(const synth_recipe *r, dice *d) {
    float all = 0;
    for (int i = 0; i < r->n; i++) all += r->weight[i];
    float at = dice_between(d, 0, all);
    int part = 0;
    while (part < r->n - 1 && at >= r->weight[part]) at -= r->weight[part++];
    return part;
}
