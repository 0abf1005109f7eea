/* presets.h - named mixtures of looks and texts. */
#ifndef CRNN_OCR_PRESETS_H
#define CRNN_OCR_PRESETS_H

#include "look.h"
#include "words.h"

/* Either ranges and a mix of its own, or other presets by weight. */
typedef struct preset {
    const char *name, *about;
    look_range look;
    word_mix text;
    float bookish; /* part of the texts set in families of several faces, which are those made for reading */
    struct preset_part {
        const char *name;
        float weight;
    } part[6];
} preset;

extern const preset *const presets[]; /* NULL at the end */
/* NULL after an error that lists the names. */
const preset *preset_find(tw_ctx *ctx, const char *name);

/* A preset taken apart, with changes of the user's: what pictures are drawn from. */
enum { RECIPES = 6 };
typedef struct synth_recipe {
    int n;
    float weight[RECIPES];
    look_range look[RECIPES];
    word_mix text[RECIPES];
    float bookish[RECIPES];
} synth_recipe;
/* set: changes of knobs as look_set takes them, or NULL. */
tw_err preset_recipe(tw_ctx *ctx, const char *name, const char *set, synth_recipe *recipe);
int recipe_draw(const synth_recipe *r, dice *d); /* one of its n parts */

#endif
