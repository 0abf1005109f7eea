/* synth.c - see synth.h. */
#include "synth.h"

#include "render.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/utf8.h"

typedef struct synth {
    const synth_source *from;
    const char *const *texts; /* NULL: drawn from words */
    size_t ntexts;
    bool fixed;
    uint64_t seed; /* of fixed pictures */
    renderer *renderer;
    uint8_t *pixels;
    int height, max_width;
} synth;

enum { WIDEST = 24 }; /* times the height; longer texts are squeezed */

/* A family, and then a face of it, each with equal chance; bookish: of the families of several faces, if there are. */
static const font_face *pick_face(const font_set *fonts, bool bookish, dice *d) {
    enum { SEVERAL = 3, TRIES = 16 };
    int family = dice_below(d, fonts->nfamily);
    for (int i = 0; bookish && i < TRIES && fonts->family[family + 1] - fonts->family[family] < SEVERAL; i++)
        family = dice_below(d, fonts->nfamily);
    int first = fonts->family[family];
    return &fonts->face[first + dice_below(d, fonts->family[family + 1] - first)];
}

static bool can_draw(const font_face *face, const char *text) {
    uint32_t code;
    while ((code = utf8_next(&text)))
        if (!font_find(face, code)) return false;
    return true;
}

/* One choice of everything, and how wide its picture will be. */
typedef struct scene {
    char text[WORDS_BYTES];
    const font_face *face;
    render_look look;
    int width;
} scene;

/* A face that has all of the text; one that has only capitals gets it in capitals, when that is not another text of
 * the given ones. False: none of a few. */
static bool draw_face(const synth *s, dice *d, bool bookish, scene *to) {
    enum { TRIES = 32 };
    for (int i = 0; i < TRIES; i++) {
        char text[WORDS_BYTES];
        const font_face *face = pick_face(s->from->fonts, bookish, d);
        strcpy(text, to->text);
        if (face->capitals)
            for (char *c = text; *c; c++) *c = (char)toupper((unsigned char)*c);
        if (s->texts && strcmp(text, to->text)) continue;
        if (!can_draw(face, text) || !words_spell(s->from->words, text)) continue;
        strcpy(to->text, text);
        to->face = face;
        return true;
    }
    return false;
}

static bool draw_scene(const synth *s, dice *d, size_t i, scene *to) {
    enum { TRIES = 8 };
    const synth_recipe *r = &s->from->recipe;
    int part = recipe_draw(r, d);
    bool bookish = dice_chance(d, r->bookish[part]), found = false;
    for (int k = 0; k < TRIES && !found; k++) {
        if (s->texts) snprintf(to->text, sizeof to->text, "%s", s->texts[i % s->ntexts]);
        else words_draw(s->from->words, &r->text[part], d, to->text);
        found = draw_face(s, d, bookish, to);
    }
    if (!found) return false;
    to->look = look_draw(&r->look[part], d);
    to->width = render_width(to->face, to->text, &to->look, s->height);
    if (to->width > s->max_width) to->width = s->max_width;
    return true;
}

/* A sample keeps its width from epoch to epoch, so that batches can be made of pictures of like width; everything else
 * about it is new each time. */
static int synth_width(void *user, size_t i) {
    const synth *s = user;
    scene any = {.width = s->height};
    dice d = dice_of(tw_random_bits(s->fixed ? s->seed : 0, i));
    return draw_scene(s, &d, i, &any) ? any.width : s->height;
}

/* The first of some scenes that comes close to the wanted width, or the closest of them. */
static bool draw_scene_of_width(const synth *s, dice *d, size_t i, int wanted, scene *best) {
    enum { TRIES = 24 };
    scene other;
    bool found = draw_scene(s, d, i, best);
    for (int k = 1; k < TRIES && (!found || abs(best->width - wanted) * 12 > wanted); k++) {
        if (!draw_scene(s, d, i, &other)) continue;
        if (!found || abs(other.width - wanted) < abs(best->width - wanted)) *best = other;
        found = true;
    }
    return found;
}

static tw_err synth_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const synth *s = user;
    dice d = dice_of(s->fixed ? tw_random_bits(s->seed, i) : stream);
    scene c;
    bool found = s->fixed ? draw_scene(s, &d, i, &c) : draw_scene_of_width(s, &d, i, synth_width(user, i), &c);
    if (!found) {
        if (s->texts) snprintf(message, size, "no font found for \"%s\"", s->texts[i % s->ntexts]);
        else
            snprintf(message, size,
                     "no font found that can draw the texts: the fonts lack too many of their characters");
        return TW_ERR_RANGE;
    }
    sample->width = s->max_width;
    if (!render_text(s->renderer, c.face, c.text, &c.look, s->height, &sample->width, s->pixels)) {
        snprintf(message, size, "cannot draw \"%s\" in %s %s", c.text, c.face->family, c.face->style);
        return TW_ERR_NOMEM;
    }
    size_t n = (size_t)s->height * (size_t)sample->width;
    for (size_t k = 0; k < n; k++) sample->x[k] = (tw_real)s->pixels[k] * (tw_real)(1.0 / 255);
    sample->label_length = words_encode(s->from->words, c.text, sample->label);
    return TW_OK;
}

static void synth_free(void *user) {
    synth *s = user;
    renderer_free(s->renderer);
    free(s->pixels);
    free(s);
}

static tw_err open(tw_ctx *ctx, synth made, size_t count, tw_dataset *dataset) {
    synth *s = malloc(sizeof *s);
    if (!s) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    made.max_width = WIDEST * made.height;
    made.renderer = renderer_new();
    made.pixels = malloc((size_t)made.height * (size_t)made.max_width);
    *s = made;
    *dataset = (tw_dataset){.count = count,
                            .channels = 1,
                            .height = s->height,
                            .max_width = s->max_width,
                            .max_label = WORDS_MAX,
                            .sequences = true,
                            .user = s,
                            .width = synth_width,
                            .get = synth_get,
                            .free = synth_free};
    if (s->renderer && s->pixels) return TW_OK;
    tw_dataset_free(dataset);
    return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
}

tw_err synth_dataset(tw_ctx *ctx, const synth_source *source, size_t count, int height, tw_dataset *dataset) {
    return open(ctx, (synth){.from = source, .height = height}, count, dataset);
}

tw_err synth_fixed_dataset(tw_ctx *ctx, const synth_source *source, const char *const *texts, size_t count,
                           uint64_t seed, int height, tw_dataset *dataset) {
    size_t n = 0;
    while (texts && texts[n]) n++;
    synth made = {.from = source, .texts = texts, .ntexts = n, .fixed = true, .seed = seed, .height = height};
    return open(ctx, made, n ? n * count : count, dataset);
}
