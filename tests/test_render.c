/* test_render.c - rendered text: knobs, outlines, effects, and that no look whatever breaks the renderer. */
#include "../examples/crnn_ocr/outline.h"
#include "../examples/crnn_ocr/planes.h"
#include "../examples/crnn_ocr/presets.h"
#include "../examples/crnn_ocr/render.h"
#include "util_face.h"

#include <stb/stb_image.h>
#include <stb/stb_image_write.h>

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) { tw_ctx_free(ctx); }
TestSuite(render, .init = begin, .fini = end);

/* ---- looks ----------------------------------------------------------------------------------------------------- */

Test(render, knobs_are_in_the_order_of_the_list) {
    render_look look = render_plain();
    for (int i = 0; i < KNOBS; i++) {
        const look_knob *k = &look_knobs[i];
        cr_assert(k->least <= k->plain && k->plain <= k->most, "%s", k->name);
        cr_assert_eq(*look_value(&look, i), k->plain, "%s", k->name);
    }
    *look_value(&look, KNOB_jpeg) = 7;
    cr_assert_eq(look.jpeg, 7.0f);
    cr_assert_eq((char *)&look.jpeg - (char *)&look.stretch, (ptrdiff_t)((KNOBS - 1) * sizeof(float)));
}

Test(render, presets_stay_within_the_knobs_and_are_legible) {
    for (int p = 0; presets[p]; p++) {
        synth_recipe r;
        cr_assert_eq(preset_recipe(ctx, presets[p]->name, NULL, &r), TW_OK, "%s", tw_errmsg(ctx));
        for (int part = 0; part < r.n; part++)
            for (uint64_t i = 0; i < 2000; i++) {
                dice d = dice_of(i);
                render_look look = look_draw(&r.look[part], &d);
                for (int k = 0; k < KNOBS; k++) {
                    float v = *look_value(&look, k);
                    cr_assert(v >= look_knobs[k].least && v <= look_knobs[k].most, "%s of %s is %g", look_knobs[k].name,
                              presets[p]->name, (double)v);
                }
                /* What disturbs is a part of the contrast, so that enough of it being there is legibility. */
                cr_assert(look.contrast >= 0.15f && look.noise <= 0.2f && look.speckle <= 0.3f && look.salt <= 0.05f);
                cr_assert(look.rows == 0 || look.rows >= 8);
                cr_assert(look.hollow < 0.5f || (look.border > 0.02f && look.border_tone == 1.0f));
            }
    }
}

Test(render, knobs_are_set_by_a_text) {
    look_range range = {0};
    cr_assert_eq(look_set(ctx, "blur=0.5:0:2, rotation=-0.1,jpeg=40", &range), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(range.knob[KNOB_blur].chance, 0.5f);
    cr_assert_eq(range.knob[KNOB_blur].high, 2.0f);
    cr_assert_eq(range.knob[KNOB_rotation].chance, 1.0f);
    cr_assert_eq(range.knob[KNOB_rotation].low, -0.1f);
    static const struct {
        const char *spec, *part;
    } bad[] = {{"blurr=1", "did you mean blur?"},
               {"blur", "KNOB=VALUE or KNOB=CHANCE:LOW:HIGH"},
               {"blur=", "one number"},
               {"blur=1:2", "one number"},
               {"blur=0.1:0:1:2", "one number"},
               {"blur=2:0:1", "a chance is from 0 to 1"},
               {"blur=1:3:2", "blur goes from 0 to 6"},
               {"blur=99", "blur goes from 0 to 6"},
               {"blur=nan", "blur goes from 0 to 6"},
               {"=3", "there is no knob"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_neq(look_set(ctx, bad[i].spec, &range), TW_OK, "%s", bad[i].spec);
        cr_assert(strstr(tw_errmsg(ctx), bad[i].part), "%s: %s", bad[i].spec, tw_errmsg(ctx));
        tw_error_clear(ctx);
    }
    synth_recipe r;
    cr_assert_neq(preset_recipe(ctx, "sceen", NULL, &r), TW_OK);
    cr_assert(strstr(tw_errmsg(ctx), "did you mean scene"), "%s", tw_errmsg(ctx));
}

/* Changing one knob's range changes no other's draw, so that experiments compare like with like. */
Test(render, ranges_are_drawn_independently) {
    synth_recipe a, b;
    cr_assert_eq(preset_recipe(ctx, "scene", NULL, &a), TW_OK);
    cr_assert_eq(preset_recipe(ctx, "scene", "blur=0,border=1:0.01:0.02", &b), TW_OK);
    for (uint64_t i = 0; i < 100; i++) {
        dice d = dice_of(i), e = dice_of(i);
        render_look x = look_draw(&a.look[0], &d), y = look_draw(&b.look[0], &e);
        cr_assert_eq(x.stream, y.stream);
        for (int k = 0; k < KNOBS; k++)
            if (k != KNOB_blur && k != KNOB_border && k != KNOB_border_tone)
                cr_assert_eq(*look_value(&x, k), *look_value(&y, k), "%s", look_knobs[k].name);
    }
}

/* ---- outlines -------------------------------------------------------------------------------------------------- */

Test(render, moved_outlines_grow_outwards_and_into_holes) {
    font_face *f = block_face("A", false);
    outline a = {0}, b = {0};
    box ink;
    render_look look = render_plain();
    outline_text(&a, f, "A", &look, 40, &ink);
    cr_assert_eq(a.ncontour, 2);
    cr_assert_float_eq(ink.right - ink.left, 0.5f, 1e-4);
    outline_offset(&a, 0.05f, &b);
    cr_assert_eq(b.npoint, a.npoint);
    for (int i = 0; i < 4; i++) { /* the corners of the outer rectangle */
        cr_assert_float_eq(fabs(b.point[i].x - a.point[i].x), 0.05, 1e-4);
        cr_assert_float_eq(fabs(b.point[i].y - a.point[i].y), 0.05, 1e-4);
    }
    float grown = b.point[1].y - b.point[0].y;
    cr_assert_float_eq(fabsf(grown), 0.8f, 1e-4);
    int hole = a.contour[0].end; /* its lower left corner moves to the right and up when ink is taken away */
    cr_assert_float_eq(b.point[hole].x - a.point[hole].x, 0.05, 1e-4);
    look.weight = 0.05f;
    outline_text(&a, f, "A", &look, 40, &ink);
    cr_assert_float_eq(ink.right - ink.left, 0.6f, 1e-4);
    outline_free(&a);
    outline_free(&b);
    block_face_free(f);
}

/* ---- effects --------------------------------------------------------------------------------------------------- */

static planes impulse(int width, int height) {
    planes c = {0};
    cr_assert(planes_size(&c, width, height));
    memset(c.plane[0], 0, planes_pixels(&c) * sizeof(float));
    c.plane[0][height / 2 * width + width / 2] = 1;
    return c;
}

static void moments(const planes *c, double *sum, double *var_x, double *var_y) {
    *sum = *var_x = *var_y = 0;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            double p = (double)c->plane[0][y * c->width + x];
            *sum += p, *var_x += p * pow(x - c->width / 2, 2), *var_y += p * pow(y - c->height / 2, 2);
        }
}

Test(render, blur_has_the_variance_asked_for) {
    for (double sigma = 0.3; sigma < 4; sigma *= 1.7) {
        planes c = impulse(61, 61);
        double sum, x, y;
        effect_blur(&c, 0, (float)sigma);
        moments(&c, &sum, &x, &y);
        cr_assert_float_eq(sum, 1, 1e-3);
        cr_assert_float_eq(x, sigma * sigma, 0.01 * sigma * sigma + 1e-3);
        cr_assert_float_eq(y, sigma * sigma, 0.01 * sigma * sigma + 1e-3);
        planes_free(&c);
    }
}

Test(render, motion_goes_along_its_line) {
    planes c = impulse(61, 61);
    double sum, x, y;
    effect_motion(&c, 9, 0);
    moments(&c, &sum, &x, &y);
    cr_assert_float_eq(sum, 1, 1e-3);
    cr_assert(x > 5 && y < 0.01, "%g %g", x, y);
    planes_free(&c);
    c = impulse(61, 61);
    effect_motion(&c, 9, 1.5708f);
    moments(&c, &sum, &x, &y);
    cr_assert(y > 5 && x < 0.01, "%g %g", x, y);
    planes_free(&c);
}

Test(render, noise_has_the_deviation_asked_for) {
    planes c = impulse(300, 100);
    size_t n = planes_pixels(&c);
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) c.plane[0][i] = 0.5f;
    effect_noise(c.plane[0], n, 0.1f, 7);
    for (size_t i = 0; i < n; i++) sum += c.plane[0][i] - 0.5, square += pow(c.plane[0][i] - 0.5, 2);
    cr_assert_float_eq(sum / (double)n, 0, 2e-3);
    cr_assert_float_eq(sqrt(square / (double)n), 0.1, 2e-3);
    planes_free(&c);
}

typedef struct bytes {
    unsigned char *v;
    int n, room;
} bytes;
static void collect(void *user, void *data, int size) {
    bytes *b = user;
    if (b->n + size > b->room) {
        b->room = 2 * (b->n + size);
        b->v = realloc(b->v, (size_t)b->room);
        cr_assert(b->v);
    }
    memcpy(b->v + b->n, data, (size_t)size);
    b->n += size;
}

/* The same picture coded and decoded by stb at the same quality; a few levels differ by rounding. */
Test(render, jpeg_loses_what_jpeg_loses) {
    enum { W = 77, H = 43 };
    for (int quality = 10; quality <= 95; quality += 17) {
        unsigned char gray[W * H];
        planes c = impulse(W, H);
        for (int i = 0; i < W * H; i++) {
            double v = 128 + 60 * sin(i % W * 0.4) + 50 * cos(i / W * 0.7) + ((i % W / 9 + i / W / 11) % 2) * 30;
            gray[i] = (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v);
            c.plane[0][i] = (float)gray[i] / 255;
        }
        bytes file = {0};
        int w, h, n;
        cr_assert(stbi_write_jpg_to_func(collect, &file, W, H, 1, gray, quality));
        unsigned char *back = stbi_load_from_memory(file.v, file.n, &w, &h, &n, 1);
        cr_assert(back && w == W && h == H);
        effect_jpeg(&c, quality);
        double off = 0, lost = 0;
        for (int i = 0; i < W * H; i++) {
            off += fabs((double)c.plane[0][i] * 255 - back[i]);
            lost += abs(gray[i] - back[i]);
        }
        cr_assert(off / (W * H) < 0.6 && off < 0.5 * lost, "quality %d: %g from stb's, which lost %g", quality,
                  off / (W * H), lost / (W * H));
        free(back);
        free(file.v);
        planes_free(&c);
    }
}

Test(render, enlarging_keeps_grays_and_slopes) {
    planes c = {0};
    cr_assert(planes_size(&c, 10, 8));
    for (int i = 0; i < 80; i++) c.plane[0][i] = (float)(i % 10);
    cr_assert(effect_enlarge(&c, 40, 32));
    cr_assert_eq(c.width, 40);
    for (int y = 0; y < 32; y++)
        for (int x = 2; x < 38; x++) cr_assert_float_eq(c.plane[0][y * 40 + x], (x + 0.5) / 4 - 0.5, 1e-4);
    for (int w = 1; w < 4; w++) {
        cr_assert(planes_size(&c, w, 8));
        for (int i = 0; i < 8 * w; i++) c.plane[0][i] = 0.25f;
        cr_assert(effect_enlarge(&c, 9, 16));
        for (int i = 0; i < 9 * 16; i++) cr_assert_float_eq(c.plane[0][i], 0.25, 1e-6);
    }
    planes_free(&c);
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static float any_value(dice *d, int knob) {
    const look_knob *k = &look_knobs[knob];
    switch (dice_below(d, 4)) {
    case 0: return k->plain;
    case 1: return k->least;
    case 2: return k->most;
    default: return dice_between(d, k->least, k->most);
    }
}

Test(render, any_look_gives_a_picture) {
    static const char *const texts[] = {"A", "AB", "ABBA BABA", "  B",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    font_face *f = block_face(" AB", false);
    renderer *r = renderer_new();
    cr_assert(r);
    for (uint64_t i = 0; i < 3000; i++) {
        dice d = dice_of(i);
        render_look look = render_plain();
        bool few = dice_chance(&d, 0.5);
        for (int k = 0; k < KNOBS; k++)
            if (!few || dice_chance(&d, 0.1)) *look_value(&look, k) = any_value(&d, k);
        look.stream = dice_bits(&d);
        int height = 8 + dice_below(&d, 60), most = 1 + dice_below(&d, 500), width = most;
        uint8_t *pixels = malloc((size_t)height * (size_t)most);
        cr_assert(pixels);
        const char *text = texts[dice_below(&d, 5)];
        cr_assert(render_text(r, f, text, &look, height, &width, pixels), "look %d", (int)i);
        cr_assert(width >= 1 && width <= most);
        cr_assert(render_width(f, text, &look, height) >= 1);
        free(pixels);
    }
    int width = 100;
    uint8_t pixels[3200];
    render_look look = render_plain();
    cr_assert_not(render_text(r, f, " ", &look, 32, &width, pixels), "a space has no ink");
    cr_assert_not(render_text(r, f, "xyz", &look, 32, &width, pixels), "nothing of it is in the face");
    renderer_free(r);
    block_face_free(f);
}

/* The width told beforehand puts pictures of like width together; it may be off, but not by much. */
Test(render, widths_are_foretold) {
    font_face *f = block_face("AB", false);
    renderer *r = renderer_new();
    synth_recipe recipe;
    uint8_t *pixels = malloc(32 * 2000);
    double off = 0;
    enum { N = 500 };
    cr_assert(r && pixels);
    cr_assert_eq(preset_recipe(ctx, "scene", NULL, &recipe), TW_OK);
    for (uint64_t i = 0; i < N; i++) {
        dice d = dice_of(i);
        render_look look = look_draw(&recipe.look[0], &d);
        int width = 2000;
        cr_assert(render_text(r, f, "ABBABA", &look, 32, &width, pixels));
        off += fabs(log((double)render_width(f, "ABBABA", &look, 32) / width));
    }
    cr_assert(off / N < 0.1, "%g", off / N);
    free(pixels);
    renderer_free(r);
    block_face_free(f);
}

/* Ink and paper are as far apart as the contrast says, on either side. */
Test(render, contrast_and_polarity) {
    font_face *f = block_face("A", false);
    renderer *r = renderer_new();
    for (int inverted = 0; inverted < 2; inverted++) {
        render_look look = render_plain();
        look.contrast = 0.5f, look.tone = 0.5f, look.inverted = (float)inverted;
        uint8_t pixels[32 * 200];
        int width = 200, low = 255, high = 0;
        cr_assert(render_text(r, f, "A", &look, 32, &width, pixels));
        for (int i = 0; i < 32 * width; i++) {
            low = pixels[i] < low ? pixels[i] : low;
            high = pixels[i] > high ? pixels[i] : high;
        }
        cr_assert(abs(low - 64) <= 1 && abs(high - 191) <= 1, "%d %d", low, high);
        cr_assert_eq(pixels[0], inverted ? low : high, "paper in the corner");
    }
    renderer_free(r);
    block_face_free(f);
}
