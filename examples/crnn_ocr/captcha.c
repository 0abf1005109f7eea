/* captcha.c - `crnn_ocr captcha`: a small, hard task to train on, the same on every machine that has the fonts.
 *
 * After the kind of captcha that a well-known Keras example reads: five of nineteen characters in two typefaces, 200 x
 * 50 pixels, rippled, with a curved line through the text, on shaded and noisy paper. */
#include "commands.h"
#include "dice.h"
#include "fonts.h"
#include "numbered.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../common/cli.h"
#include "../common/outfile.h"
#include "../common/plain.h"
#include "../common/progress.h"
#include "../common/raster.h"

#define PROGRAM "crnn_ocr captcha"
#define LABELS "labels.tsv"
#define CHARACTERS "2345678bcdefgmnpwxy"

enum { WIDTH = 200, HEIGHT = 50, LETTERS = 5, PIXELS = WIDTH * HEIGHT };

typedef struct spot {
    float x, y;
} spot;

/* Where a letter stands, and how the whole is rippled. */
typedef struct placing {
    float x, y, size, cosine, sine, stretch; /* its origin and em in pixels, its turn */
    float wave_x[3], wave_y[3];              /* amplitude, frequency and phase of both ripples */
} placing;

typedef struct canvas {
    raster raster;
    float cell[HEIGHT * (WIDTH + 2)], cover[PIXELS], gray[PIXELS];
} canvas;

/* ---- drawing ------------------------------------------------------------------------------------------------- */

static spot ripple(const placing *p, spot s) {
    return (spot){s.x + p->wave_x[0] * sinf(p->wave_x[1] * s.y + p->wave_x[2]),
                  s.y + p->wave_y[0] * sinf(p->wave_y[1] * s.x + p->wave_y[2])};
}

/* A point of a glyph, in em with y upwards, as a pixel. */
static spot put(const placing *p, float unit, float x, float y) {
    float along = unit * x * p->size * p->stretch, up = unit * y * p->size;
    return ripple(p, (spot){p->x + along * p->cosine + up * p->sine, p->y + along * p->sine - up * p->cosine});
}

/* A cubic from its four control points in font units; lines and quadratics are cubics, too. */
static spot draw_curve(canvas *c, const placing *p, float unit, const spot control[4]) {
    enum { PIECES = 12 };
    spot from = put(p, unit, control[0].x, control[0].y);
    for (int i = 1; i <= PIECES; i++) {
        float t = (float)i / PIECES, u = 1 - t, k0 = u * u * u, k1 = 3 * u * u * t, k2 = 3 * u * t * t, k3 = t * t * t;
        spot to = put(p, unit, k0 * control[0].x + k1 * control[1].x + k2 * control[2].x + k3 * control[3].x,
                      k0 * control[0].y + k1 * control[1].y + k2 * control[2].y + k3 * control[3].y);
        raster_edge(&c->raster, from.x, from.y, to.x, to.y);
        from = to;
    }
    return control[3];
}

static spot third(spot a, spot b) { return (spot){a.x + (b.x - a.x) / 3, a.y + (b.y - a.y) / 3}; }

static void draw_glyph(canvas *c, const font_face *face, const font_glyph *glyph, const placing *p) {
    spot start = {0}, at = {0};
    for (int i = 0; i <= glyph->count; i++) {
        bool end = i == glyph->count;
        const font_point *q = &face->point[glyph->first + (end ? 0 : i)];
        spot to = {q->x, q->y}, a = {q->ax, q->ay}, b = {q->bx, q->by};
        if (end || q->verb == FONT_MOVE) {
            if (i) draw_curve(c, p, face->unit, (spot[]){at, third(at, start), third(start, at), start});
            start = at = to;
        } else if (q->verb == FONT_LINE) {
            at = draw_curve(c, p, face->unit, (spot[]){at, third(at, to), third(to, at), to});
        } else if (q->verb == FONT_QUAD) {
            spot one = {at.x + 2 * (a.x - at.x) / 3, at.y + 2 * (a.y - at.y) / 3};
            spot two = {to.x + 2 * (a.x - to.x) / 3, to.y + 2 * (a.y - to.y) / 3};
            at = draw_curve(c, p, face->unit, (spot[]){at, one, two, to});
        } else {
            at = draw_curve(c, p, face->unit, (spot[]){at, a, b, to});
        }
    }
}

static void draw_text(canvas *c, const font_face *face, const char *text, dice *d) {
    memset(c->cell, 0, sizeof c->cell);
    placing p = {.wave_x = {dice_between(d, 1, 2.5f), dice_between(d, 0.10f, 0.18f), dice_between(d, 0, 6.3f)},
                 .wave_y = {dice_between(d, 1, 3), dice_between(d, 0.04f, 0.08f), dice_between(d, 0, 6.3f)}};
    float x = dice_between(d, 14, 30);
    for (const char *at = text; *at; at++) {
        const font_glyph *glyph = font_find(face, (uint32_t)(unsigned char)*at);
        float turn = dice_between(d, -0.22f, 0.22f);
        if (!glyph) continue;
        p.size = dice_between(d, 33, 41), p.stretch = dice_between(d, 0.9f, 1.15f);
        p.cosine = cosf(turn), p.sine = sinf(turn);
        p.x = x, p.y = dice_between(d, 32, 40);
        draw_glyph(c, face, glyph, &p);
        x += p.size * p.stretch * glyph->advance + dice_between(d, -3, 5);
    }
    raster_finish(&c->raster, c->cover);
}

/* The larger of what is there and a line of this thickness along a cubic from edge to edge. */
static void draw_line(canvas *c, dice *d) {
    float y[4], half = dice_between(d, 0.7f, 1.4f), left = dice_between(d, 0, 20), right = dice_between(d, 180, 200);
    for (int i = 0; i < 4; i++) y[i] = dice_between(d, 8, 42);
    for (int x = (int)left; x < (int)right; x++) {
        float t = ((float)x - left) / (right - left), u = 1 - t;
        float middle = u * u * u * y[0] + 3 * u * u * t * y[1] + 3 * u * t * t * y[2] + t * t * t * y[3];
        float slope = 3 * (u * u * (y[1] - y[0]) + 2 * u * t * (y[2] - y[1]) + t * t * (y[3] - y[2])) / (right - left);
        float upright = half * sqrtf(1 + slope * slope); /* as thick across, however steep */
        for (int k = 0; k < HEIGHT; k++) {
            float cover = upright + 0.5f - fabsf((float)k + 0.5f - middle), *at = &c->cover[k * WIDTH + x];
            if (cover > 1) cover = 1;
            if (cover > *at) *at = cover;
        }
    }
}

/* Three taps each way. */
static void soften(canvas *c, float side) {
    float centre = 1 - 2 * side;
    for (int pass = 0; pass < 2; pass++) {
        int step = pass ? WIDTH : 1;
        memcpy(c->cover, c->gray, sizeof c->cover);
        for (int y = pass; y < HEIGHT - pass; y++)
            for (int x = 1 - pass; x < WIDTH - 1 + pass; x++) {
                const float *at = &c->cover[y * WIDTH + x];
                c->gray[y * WIDTH + x] = centre * at[0] + side * (at[-step] + at[step]);
            }
    }
}

static void draw(canvas *c, const font_face *face, const char *text, dice *d, uint8_t *pixel) {
    draw_text(c, face, text, d);
    draw_line(c, d);
    float ink = dice_between(d, 0.05f, 0.35f), paper = dice_between(d, 0.75f, 0.95f),
          across = dice_between(d, -0.15f, 0.15f), down = dice_between(d, -0.1f, 0.1f),
          noise = dice_between(d, 0.02f, 0.09f);
    for (int i = 0; i < PIXELS; i++) {
        float ground = paper + across * ((float)(i % WIDTH) / WIDTH - 0.5f) +
            down * ((float)(i / WIDTH) / HEIGHT - 0.5f);
        c->gray[i] = ground + c->cover[i] * (ink - ground);
    }
    soften(c, dice_between(d, 0.05f, 0.25f));
    uint64_t grain = dice_bits(d);
    for (int i = 0; i < PIXELS; i++) {
        float v = 255 * (c->gray[i] + noise * (float)tw_random_normal(grain, (uint64_t)i)) + 0.5f;
        pixel[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

/* ---- files ---------------------------------------------------------------------------------------------------- */

static tw_err write_set(tw_ctx *ctx, const font_set *fonts, const char *folder, int count, uint64_t seed) {
    uint8_t pixel[PIXELS];
    tw_image picture = {WIDTH, HEIGHT, 1, pixel};
    canvas *c = calloc(1, sizeof *c);
    if (!c) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    c->raster = (raster){WIDTH, HEIGHT, c->cell};
    numbered to = {.ctx = ctx, .folder = folder, .prefix = "", .table = {LABELS}};
    outfile labels = {0};
    tw_err err = numbered_begin(&to);
    if (!err) err = numbered_refuse_more(&to, (size_t)count);
    if (!err) err = outfile_open(ctx, &labels, folder);
    progress bar;
    progress_begin(&bar, "captchas", 0, count);
    for (int i = 0; !err && i < count; i++) {
        dice d = dice_of(tw_random_bits(seed, (uint64_t)i));
        char text[LETTERS + 1] = {0}, name[64];
        for (int k = 0; k < LETTERS; k++) text[k] = CHARACTERS[dice_below(&d, (int)sizeof CHARACTERS - 1)];
        draw(c, &fonts->face[dice_below(&d, fonts->n)], text, &d, pixel);
        numbered_name(&to, (size_t)i, name, sizeof name);
        err = numbered_write(&to, (size_t)i, &picture);
        fprintf(labels.to, "%s\t%s\n", name, text);
        progress_show(&bar, i + 1L, "%d of %d", i + 1, count);
    }
    progress_clear(&bar);
    char *path = err ? NULL : numbered_in(&to, LABELS);
    if (!err) err = path ? outfile_close(ctx, &labels, path) : tw_error(ctx);
    numbered_end(&to, err);
    outfile_drop(&labels);
    free(path);
    free(c);
    return err;
}

int command_captcha(int argc, char **argv) {
    static const char *const families[] = {"Liberation Sans", "Liberation Mono", NULL};
    const char *out = NULL;
    int count = 936;
    uint64_t seed = 1;
    cli_option table[] = {
        {"out", 'o', CLI_TEXT, &out, "DIR", "folder for the pictures and their labels.tsv", 0, 0, NULL},
        {"count", 'n', CLI_INT, &count, "N", "how many", 1, 99999, NULL},
        {"seed", 's', CLI_SEED, &seed, "N", "another set for each", 0, 0, NULL},
    };
    cli_command command = {
        "crnn_ocr",
        "captcha",
        "--out DIR [OPTION]..",
        "Writes captchas, a small task to train on: five of the characters " CHARACTERS "\n"
        "in Liberation Sans and Liberation Mono (Debian: fonts-liberation), rippled, with a line through\n"
        "them. In DIR an older set is replaced, whose labels.tsv goes first; a larger one is refused, for\n"
        "pictures of it would stay.",
        sizeof table / sizeof *table,
        table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    if (!out) cli_usage_error(&command, "--out DIR is needed");
    tw_ctx *ctx = open_context(PROGRAM, seed, 1);
    font_set *fonts = fonts_load(ctx, &(font_query){.families = families, .characters = CHARACTERS});
    tw_err err = fonts ? write_set(ctx, fonts, out, count, seed) : tw_error(ctx);
    if (err) {
        report(PROGRAM, ctx);
    } else {
        printf("%d captchas and their texts: ", count);
        plain_put(stdout, out);
        printf("/" LABELS "\n");
    }
    fonts_free(fonts);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}
