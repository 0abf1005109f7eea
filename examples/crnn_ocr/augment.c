/* augment.c - see augment.h. The strengths were chosen by training on small sets of captchas and of rendered words. */
#include "augment.h"

#include "dice.h"

#include <math.h>
#include <string.h>

const char *const augment_name[AUGMENT_KINDS] = {"none", "light", "strong"};

/* Bounds of what is drawn; lengths are parts of the height. */
typedef struct strength {
    float stretch;  /* logarithm of the factor of the width */
    float scale;    /* of the height */
    float shift;    /* up or down */
    float rotation; /* radians; long pictures are turned less */
    float shear, perspective, elastic;
    float morph, blur, gamma, shade, noise; /* how far */
    float often;                            /* chance of each change of the pixels */
    float patch, line;                      /* chances */
} strength;

static const strength strengths[AUGMENT_KINDS] = {
    [AUGMENT_LIGHT] = {.stretch = 0.10f,
                       .scale = 0.06f,
                       .shift = 0.03f,
                       .rotation = 0.025f,
                       .shear = 0.12f,
                       .perspective = 0.05f,
                       .elastic = 0.025f,
                       .morph = 0.5f,
                       .blur = 0.7f,
                       .gamma = 0.3f,
                       .shade = 0.10f,
                       .noise = 0.05f,
                       .often = 0.2f,
                       .patch = 0.1f,
                       .line = 0.05f},
    [AUGMENT_STRONG] = {.stretch = 0.18f,
                        .scale = 0.12f,
                        .shift = 0.06f,
                        .rotation = 0.06f,
                        .shear = 0.3f,
                        .perspective = 0.12f,
                        .elastic = 0.05f,
                        .morph = 0.8f,
                        .blur = 1.1f,
                        .gamma = 0.6f,
                        .shade = 0.2f,
                        .noise = 0.10f,
                        .often = 0.3f,
                        .patch = 0.25f,
                        .line = 0.2f},
};

int augment_widest(int width, augment_strength s) {
    return s == AUGMENT_NONE ? width : (int)ceilf((float)width * expf(strengths[s].stretch)) + 1;
}

/* ---- where each pixel comes from ----------------------------------------------------------------------------- */

/* Random displacements at the nodes of a grid of half the height, smooth between them. */
enum { GRID_ROWS = 4, GRID_COLUMNS = 66 };
typedef struct grid {
    float cell, dx[GRID_ROWS][GRID_COLUMNS], dy[GRID_ROWS][GRID_COLUMNS];
} grid;

static void grid_draw(grid *g, dice *d, int height, int width, float size) {
    float cell = (float)height * 0.5f, least = (float)width / (GRID_COLUMNS - 3);
    g->cell = cell > least ? cell : least;
    for (int r = 0; r < GRID_ROWS; r++)
        for (int c = 0; c < GRID_COLUMNS; c++) {
            g->dx[r][c] = dice_between(d, -size, size);
            g->dy[r][c] = dice_between(d, -size, size);
        }
}

static float smooth(float t) { return t * t * (3 - 2 * t); }
static float blend(const float *upper, const float *lower, float u, float v) {
    float a = upper[0] + u * (upper[1] - upper[0]), b = lower[0] + u * (lower[1] - lower[0]);
    return a + v * (b - a);
}

/* Bilinear, with the background outside. */
static tw_real sample_at(const tw_real *x, int height, int width, float u, float v) {
    if (u <= -1 || v <= -1 || u >= (float)width || v >= (float)height) return 0;
    int i = (int)floorf(u), k = (int)floorf(v);
    tw_real fu = (tw_real)(u - (float)i), fv = (tw_real)(v - (float)k), sum = 0;
    for (int b = 0; b < 2; b++) {
        if (k + b < 0 || k + b >= height) continue;
        const tw_real *row = x + (size_t)(k + b) * (size_t)width;
        tw_real left = i >= 0 ? row[i] : 0, right = i + 1 < width ? row[i + 1] : 0;
        sum += (b ? fv : 1 - fv) * (left + fu * (right - left));
    }
    return sum;
}

static float at_most(float value, float limit) { return value < limit ? value : limit; }

static void warp(tw_real *x, tw_real *from, int height, int *width, const strength *s, dice *d) {
    int w = *width, wide = (int)((float)w * expf(dice_between(d, -s->stretch, s->stretch)) + 0.5f);
    if (wide < 4) wide = w;
    float h = (float)height, turn = at_most(s->rotation, 0.3f * h / (float)w);
    float across = (float)w / (float)wide, down = expf(dice_between(d, -s->scale, s->scale));
    float rotation = dice_between(d, -turn, turn), shear = dice_between(d, -s->shear, s->shear),
          perspective = dice_between(d, -s->perspective, s->perspective),
          shift = dice_between(d, -s->shift, s->shift) * h;
    grid g;
    grid_draw(&g, d, height, wide, dice_chance(d, 0.7) ? s->elastic * h : 0);
    memcpy(from, x, (size_t)height * (size_t)w * sizeof *x);
    float middle = 0.5f * (h - 1), centre = 0.5f * (float)(wide - 1);
    for (int y = 0; y < height; y++)
        for (int i = 0; i < wide; i++) {
            float cx = (float)i / g.cell, cy = (float)y / g.cell;
            int c = (int)cx, r = (int)cy;
            float fx = smooth(cx - (float)c), fy = smooth(cy - (float)r);
            float dx = (float)i - centre, dy = (float)y - middle;
            float v = (dy + rotation * dx) * down * (1 + perspective * dx / (centre + 1)) + middle + shift;
            float u = (dx - (shear + rotation) * dy) * across + 0.5f * (float)(w - 1);
            u += blend(&g.dx[r][c], &g.dx[r + 1][c], fx, fy);
            v += blend(&g.dy[r][c], &g.dy[r + 1][c], fx, fy);
            x[(size_t)y * (size_t)wide + (size_t)i] = sample_at(from, height, w, u, v);
        }
    *width = wide;
}

/* ---- pixels and their neighbours ------------------------------------------------------------------------------ */

/* Thicker strokes: the largest of five neighbours; thinner: the smallest; by `part` of the way. */
static void morph(tw_real *x, tw_real *from, int height, int width, bool thicker, tw_real part) {
    size_t w = (size_t)width;
    memcpy(from, x, (size_t)height * w * sizeof *x);
    for (int y = 0; y < height; y++)
        for (int i = 0; i < width; i++) {
            const tw_real *at = from + (size_t)y * w + (size_t)i;
            tw_real best = *at,
                    other[4] = {i ? at[-1] : *at, i + 1 < width ? at[1] : *at, y ? *(at - w) : *at,
                                y + 1 < height ? at[w] : *at};
            for (int k = 0; k < 4; k++)
                if (thicker ? other[k] > best : other[k] < best) best = other[k];
            x[(size_t)y * w + (size_t)i] = *at + part * (best - *at);
        }
}

/* Gaussian, of five taps each way. */
static void blur(tw_real *x, tw_real *from, int height, int width, float deviation) {
    tw_real tap[3];
    for (int k = 0; k < 3; k++) tap[k] = (tw_real)expf(-0.5f * (float)(k * k) / (deviation * deviation));
    tw_real sum = tap[0] + 2 * tap[1] + 2 * tap[2];
    for (int k = 0; k < 3; k++) tap[k] /= sum;
    size_t w = (size_t)width;
    for (int pass = 0; pass < 2; pass++) {
        memcpy(from, x, (size_t)height * w * sizeof *x);
        size_t step = pass ? w : 1;
        int last = pass ? height - 1 : width - 1;
        for (int y = 0; y < height; y++)
            for (int i = 0; i < width; i++) {
                const tw_real *at = from + (size_t)y * w + (size_t)i;
                int here = pass ? y : i;
                tw_real value = tap[0] * *at;
                for (int k = 1; k < 3; k++)
                    value += tap[k] *
                        ((here - k >= 0 ? *(at - (size_t)k * step) : 0) +
                         (here + k <= last ? at[(size_t)k * step] : 0));
                x[(size_t)y * w + (size_t)i] = value;
            }
    }
}

/* x^gamma keeps 0 and 1; the ramp is that of uneven light. */
static void tone(tw_real *x, int height, int width, float gamma, float ramp_x, float ramp_y) {
    for (int y = 0; y < height; y++) {
        tw_real *row = x + (size_t)y * (size_t)width, down = (tw_real)(ramp_y * ((float)y / (float)height - 0.5f));
        tw_real across = (tw_real)(ramp_x / (float)width), start = down - (tw_real)(0.5f * ramp_x);
        for (int i = 0; i < width; i++) {
            if (row[i] > 0 && gamma != 1) row[i] = (tw_real)powf((float)row[i], gamma);
            row[i] += start + across * (tw_real)i;
        }
    }
}

/* The sum of four uniform numbers is normal enough. */
static void add_noise(tw_real *x, size_t n, float deviation, uint64_t stream) {
    tw_real unit = (tw_real)(deviation / (65536 * 0.57735));
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = tw_random_bits(stream, i);
        int sum = (int)(bits & 0xffff) + (int)(bits >> 16 & 0xffff) + (int)(bits >> 32 & 0xffff) + (int)(bits >> 48);
        x[i] += unit * (tw_real)(sum - 2 * 65535);
    }
}

static void erase(tw_real *x, int height, int width, dice *d) {
    int h = 1 + (int)(dice_between(d, 0.05f, 0.22f) * (float)height);
    int w = 1 + (int)(dice_between(d, 0.05f, 0.22f) * (float)height);
    if (w > width) w = width;
    int x0 = dice_below(d, width - w + 1), y0 = dice_below(d, height - h + 1);
    tw_real level = dice_chance(d, 0.6) ? 0 : (tw_real)dice_between(d, 0.2f, 1);
    for (int y = y0; y < y0 + h; y++)
        for (int i = x0; i < x0 + w; i++) x[(size_t)y * (size_t)width + (size_t)i] = level;
}

/* A thin line from somewhere to somewhere, as rules, folds and captchas have it. */
static void strike(tw_real *x, int height, int width, dice *d) {
    float y0 = dice_between(d, 0, (float)height), y1 = dice_between(d, 0, (float)height),
          bend = dice_between(d, -0.4f, 0.4f) * (float)height,
          half = dice_between(d, 0.3f, 0.03f * (float)height + 0.4f);
    tw_real ink = (tw_real)dice_between(d, 0.4f, 1);
    for (int i = 0; i < width; i++) {
        float t = (float)i / (float)width, middle = y0 + t * (y1 - y0) + 4 * t * (1 - t) * bend;
        for (int y = (int)(middle - half) - 1; y <= (int)(middle + half) + 1; y++) {
            float cover = half + 0.5f - fabsf((float)y - middle);
            if (y < 0 || y >= height || cover <= 0) continue;
            tw_real *at = x + (size_t)y * (size_t)width + (size_t)i, value = ink * (tw_real)at_most(cover, 1);
            if (value > *at) *at = value;
        }
    }
}

/* Some pictures stay nearly as they are: without easy ones it takes long until CTC finds the first letters, and the
 * pictures to be read are not augmented either. */
static strength weaker(const strength *s, float by) {
    strength w = *s;
    w.stretch *= by, w.scale *= by, w.shift *= by, w.rotation *= by, w.shear *= by, w.perspective *= by;
    w.elastic *= by, w.gamma *= by, w.shade *= by, w.often *= by, w.patch *= by, w.line *= by;
    return w;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

void augment_picture(tw_real *x, tw_real *spare, int height, int *width, augment_strength kind, uint64_t stream) {
    if (kind == AUGMENT_NONE || *width < 4 || height < 4) return;
    dice d = dice_of(tw_random_bits(stream, 0x61756775));
    float by = dice_between(&d, -0.2f, 1);
    if (by <= 0) return;
    strength weak = weaker(&strengths[kind], by), *s = &weak;
    if (dice_chance(&d, 0.85)) warp(x, spare, height, width, s, &d);
    int w = *width;
    if (dice_chance(&d, s->often)) {
        bool thicker = dice_chance(&d, 0.5);
        morph(x, spare, height, w, thicker, (tw_real)dice_between(&d, 0.2f, thicker ? s->morph : 0.7f * s->morph));
    }
    if (dice_chance(&d, s->line)) strike(x, height, w, &d);
    if (dice_chance(&d, s->often)) blur(x, spare, height, w, dice_between(&d, 0.3f, s->blur));
    if (dice_chance(&d, s->often)) {
        float gamma = expf(dice_between(&d, -s->gamma, s->gamma));
        float across = dice_between(&d, -s->shade, s->shade), down = dice_between(&d, -s->shade, s->shade);
        tone(x, height, w, gamma, across, down);
    }
    if (dice_chance(&d, s->patch)) erase(x, height, w, &d);
    if (dice_chance(&d, s->often))
        add_noise(x, (size_t)height * (size_t)w, dice_between(&d, 0.01f, s->noise), dice_bits(&d));
}
