/* synth.c - see synth.h. */
#include "synth.h"

#include "render.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct synth {
    const font_set *fonts;
    const word_source *words;
    const char *const *texts; /* NULL: drawn from words */
    size_t ntexts;
    uint64_t seed; /* of pictures of the texts */
    renderer *renderer;
    uint8_t *pixels;
    int height, max_width;
} synth;

enum { WIDEST = 12 }; /* times the height; longer texts are squeezed */

/* A family, and then a face of it, each with equal chance. */
static const font_face *pick_face(const font_set *fonts, dice *d) {
    int family = dice_below(d, fonts->nfamily), first = fonts->family[family];
    return &fonts->face[first + dice_below(d, fonts->family[family + 1] - first)];
}

/* One choice of everything, and how wide its picture will be. */
typedef struct scene {
    char text[WORDS_BYTES];
    const font_face *face;
    render_look look;
    int width;
} scene;

static void draw_look(const synth *s, dice *d, scene *to) {
    to->face = pick_face(s->fonts, d);
    to->look = render_varied(d);
    to->width = render_width(to->face, to->text, &to->look, s->height);
    if (to->width > s->max_width) to->width = s->max_width;
}

static void draw_scene(const synth *s, dice *d, scene *to) {
    words_draw(s->words, d, to->text);
    draw_look(s, d, to);
}

static void fixed_scene(const synth *s, size_t i, scene *to) {
    dice d = dice_of(tw_random_bits(s->seed, i));
    snprintf(to->text, sizeof to->text, "%s", s->texts[i % s->ntexts]);
    draw_look(s, &d, to);
}

/* A sample keeps its width from epoch to epoch, so that batches can be made of pictures of like width; everything else
 * about it is new each time. */
static int synth_width(void *user, size_t i) {
    const synth *s = user;
    scene any = {0};
    dice d = dice_of(tw_random_bits(0, i));
    if (s->texts) fixed_scene(s, i, &any);
    else draw_scene(s, &d, &any);
    return any.width;
}

/* The first of some scenes that comes close to the wanted width, or the closest of them. */
static void draw_scene_of_width(const synth *s, dice *d, int wanted, scene *best) {
    enum { TRIES = 24 };
    scene other = {0};
    draw_scene(s, d, best);
    for (int i = 1; i < TRIES && abs(best->width - wanted) * 12 > wanted; i++) {
        draw_scene(s, d, &other);
        if (abs(other.width - wanted) < abs(best->width - wanted)) *best = other;
    }
}

static tw_err synth_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const synth *s = user;
    dice d = dice_of(stream);
    scene c;
    if (s->texts) fixed_scene(s, i, &c);
    else draw_scene_of_width(s, &d, synth_width(user, i), &c);
    sample->width = s->max_width;
    if (!render_text(s->renderer, c.face, c.text, &c.look, s->height, &sample->width, s->pixels)) {
        snprintf(message, size, "cannot draw \"%s\" in %s %s", c.text, c.face->family, c.face->style);
        return TW_ERR_NOMEM;
    }
    size_t n = (size_t)s->height * (size_t)sample->width;
    for (size_t k = 0; k < n; k++) sample->x[k] = (tw_real)s->pixels[k] * (tw_real)(1.0 / 255);
    sample->label_length = words_encode(s->words, c.text, sample->label);
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

tw_err synth_dataset(tw_ctx *ctx, const font_set *fonts, const word_source *words, size_t count, int height,
                     tw_dataset *dataset) {
    return open(ctx, (synth){.fonts = fonts, .words = words, .height = height}, count, dataset);
}

tw_err synth_fixed_dataset(tw_ctx *ctx, const font_set *fonts, const word_source *words, const char *const *texts,
                           int rounds, uint64_t seed, int height, tw_dataset *dataset) {
    size_t n = 0;
    while (texts[n]) n++;
    synth made = {.fonts = fonts, .words = words, .texts = texts, .ntexts = n, .seed = seed, .height = height};
    return open(ctx, made, n * (size_t)rounds, dataset);
}
