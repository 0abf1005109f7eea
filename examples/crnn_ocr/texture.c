/* texture.c - see texture.h. */
#include "texture.h"

#include "../common/raster.h"

#include <math.h>
#include <string.h>

/* ---- noise with octaves ---------------------------------------------------------------------------------------- */

static float corner_value(uint64_t stream, int x, int y) {
    uint64_t bits = tw_random_bits(stream, (uint64_t)(uint32_t)x << 32 | (uint32_t)y);
    return (float)(int32_t)(bits >> 32) * (1 / 2147483648.0f);
}

/* Random values at the corners of square cells, with a smooth passage between them (value noise); *spare has room for
 * two rows of corners and the mixed one. */
static void add_octave(float *to, int width, int height, float size, float strength, uint64_t stream, float *spare) {
    int cells = (int)((float)width / size) + 2, above = -1;
    float *row[2] = {spare, spare + cells}, *mixed = spare + 2 * cells, inverse = 1 / size;
    for (int y = 0; y < height; y++) {
        float v = (float)y * inverse;
        int y0 = (int)v;
        float fy = v - (float)y0;
        fy = fy * fy * (3 - 2 * fy);
        if (y0 != above) { /* a cell's lower row is the next one's upper: size is above 1, so none is skipped */
            if (above >= 0) memcpy(row[0], row[1], (size_t)cells * sizeof *spare);
            for (int i = 0; i < cells; i++) {
                if (above < 0) row[0][i] = corner_value(stream, i, y0);
                row[1][i] = corner_value(stream, i, y0 + 1);
            }
            above = y0;
        }
        for (int i = 0; i < cells; i++) mixed[i] = strength * (row[0][i] + fy * (row[1][i] - row[0][i]));
        float *line = to + (long)y * width;
        for (int x = 0; x < width; x++) {
            float u = (float)x * inverse;
            int x0 = (int)u;
            float f = u - (float)x0;
            f = f * f * (3 - 2 * f);
            line[x] += mixed[x0] + f * (mixed[x0 + 1] - mixed[x0]);
        }
    }
}

void texture_cloud(float *to, int width, int height, float size, int octaves, uint64_t stream, float *spare) {
    float strength = 1;
    memset(to, 0, (size_t)width * (size_t)height * sizeof *to);
    for (int i = 0; i < octaves && (i == 0 || size >= 1.5f); i++) {
        add_octave(to, width, height, size < 1.5f ? 1.5f : size, strength, stream + (uint64_t)i, spare);
        size *= 0.5f, strength *= 0.55f;
    }
}

/* ---- regular patterns ------------------------------------------------------------------------------------------ */

static inline float part_of(float x) { return x - floorf(x); }

static void add_stripes(planes *c, float strength, dice *d) {
    float angle = dice_chance(d, 0.6) ? (dice_chance(d, 0.5) ? 0 : 1.5708f) : dice_between(d, 0, 3.1416f);
    float period = dice_between(d, 2.5f, 0.8f * (float)c->height + 3), duty = dice_between(d, 0.15f, 0.85f);
    float kx = cosf(angle) / period, ky = sinf(angle) / period, phase = dice_between(d, 0, 1);
    float sharp = dice_between(d, 1, 1 + 0.5f * period); /* how steep an edge is */
    for (int y = 0; y < c->height; y++) {
        float *row = c->plane[0] + (long)y * c->width, at = phase + (float)y * ky;
        for (int x = 0; x < c->width; x++) {
            float t = part_of(at + (float)x * kx), edge = fminf(t, 1 - t) * 2;
            float v = (edge - duty) * sharp;
            row[x] += strength * (v < -0.5f ? -0.5f : v > 0.5f ? 0.5f : v);
        }
    }
}

static void add_bricks(planes *c, float strength, dice *d) {
    float high = dice_between(d, 0.2f, 0.7f) * (float)c->height, wide = high * dice_between(d, 1.2f, 3.5f);
    float x0 = dice_between(d, 0, wide), y0 = dice_between(d, 0, high), joint = dice_between(d, 0.8f, 0.12f * high + 1);
    uint64_t stream = dice_bits(d);
    for (int y = 0; y < c->height; y++) {
        float *row = c->plane[0] + (long)y * c->width, v = ((float)y + y0) / high;
        int course = (int)v;
        bool flat = (v - (float)course) * high < joint;
        float shift = x0 + (course % 2 ? 0.5f * wide : 0);
        for (int x = 0; x < c->width; x++) {
            float u = ((float)x + shift) / wide;
            int brick = (int)u;
            if (flat || (u - (float)brick) * wide < joint) row[x] += strength;
            else row[x] += 0.35f * strength * corner_value(stream, brick, course);
        }
    }
}

/* ---- shapes ---------------------------------------------------------------------------------------------------- */

static void add_quad(raster *r, const float x[4], const float y[4]) {
    for (int i = 0; i < 4; i++) raster_edge(r, x[i], y[i], x[(i + 1) % 4], y[(i + 1) % 4]);
}

static void add_bar(raster *r, float x0, float y0, float x1, float y1, float thick) {
    float dx = x1 - x0, dy = y1 - y0, length = sqrtf(dx * dx + dy * dy) + 1e-6f;
    float nx = -dy / length * thick * 0.5f, ny = dx / length * thick * 0.5f;
    add_quad(r, (float[]){x0 + nx, x1 + nx, x1 - nx, x0 - nx}, (float[]){y0 + ny, y1 + ny, y1 - ny, y0 - ny});
}

/* Bars, slabs and disks in grays about the paper's, in the order drawn. */
static void add_clutter(planes *c, int count, float contrast, dice *d) {
    int w = c->width, h = c->height;
    float W = (float)w, H = (float)h;
    for (int k = 0; k < count; k++) {
        raster r = {w, h, c->plane[1]};
        memset(r.cell, 0, (size_t)h * (size_t)(w + 2) * sizeof *r.cell);
        float gray = contrast * dice_between(d, -0.6f, 0.6f);
        float x = dice_between(d, -0.1f, 1.1f) * W, y = dice_between(d, -0.2f, 1.2f) * H,
              size = dice_between(d, 0.2f, 1.6f) * H;
        switch (dice_below(d, 4)) {
        case 0: { /* an edge: everything on one side */
            float angle = dice_between(d, -0.4f, 0.4f) + (dice_chance(d, 0.5) ? 1.5708f : 0), far = W + H;
            float dx = cosf(angle) * far, dy = sinf(angle) * far;
            add_bar(&r, x - dx, y - dy, x + dx, y + dy, dice_between(d, 0.3f, 1.5f) * H);
            break;
        }
        case 1: { /* a line */
            float angle = dice_between(d, 0, 3.1416f), dx = cosf(angle) * 3 * size, dy = sinf(angle) * 3 * size;
            add_bar(&r, x - dx, y - dy, x + dx, y + dy, dice_between(d, 0.5f, 0.1f * H + 1));
            break;
        }
        case 2: { /* any four corners */
            float px[4], py[4];
            for (int i = 0; i < 4; i++) {
                float angle = 1.5708f * ((float)i + dice_between(d, -0.4f, 0.4f));
                px[i] = x + cosf(angle) * size, py[i] = y + sinf(angle) * size * 0.7f;
            }
            add_quad(&r, px, py);
            break;
        }
        default: { /* a disk */
            float from_x = x + size * 0.5f, from_y = y;
            for (int i = 1; i <= 16; i++) {
                float angle = 6.28319f * (float)i / 16;
                float to_x = i == 16 ? x + size * 0.5f : x + cosf(angle) * size * 0.5f,
                      to_y = i == 16 ? y : y + sinf(angle) * size * 0.5f;
                raster_edge(&r, from_x, from_y, to_x, to_y);
                from_x = to_x, from_y = to_y;
            }
        }
        }
        raster_finish(&r, c->plane[2]);
        const float *cover = c->plane[2];
        float *p = c->plane[0];
        for (size_t i = 0; i < planes_pixels(c); i++) p[i] += gray * cover[i];
    }
}

void texture_paper(planes *c, const render_look *look, float paper, float ink) {
    int w = c->width, h = c->height;
    size_t n = planes_pixels(c);
    float contrast = fabsf(ink - paper), *p = c->plane[0];
    float shade_x = contrast * look->shade_x / (float)w, shade_y = contrast * look->shade_y / (float)h;
    dice d = dice_of(look->stream ^ UINT64_C(0x7061706572));
    for (int y = 0; y < h; y++) {
        float from = paper + shade_y * ((float)y + 0.5f - 0.5f * (float)h) + shade_x * (0.5f - 0.5f * (float)w);
        for (int x = 0; x < w; x++) p[(long)y * w + x] = from + shade_x * (float)x;
    }
    /* Together they leave some of the contrast to the text. */
    float all = look->cloud + look->blobs + look->stripes + look->bricks + (look->clutter >= 1 ? 0.4f : 0);
    if (all > 0.7f) contrast *= 0.7f / all;
    float size = fmaxf(look->cloud_size * (float)h, 2);
    if (look->cloud > 0) {
        float *cloud = c->plane[1], strength = contrast * look->cloud * 0.7f;
        texture_cloud(cloud, w, h, size, 4, dice_bits(&d), c->plane[2]);
        for (size_t i = 0; i < n; i++) p[i] += strength * cloud[i];
    }
    if (look->blobs > 0) {
        float *cloud = c->plane[1], strength = contrast * look->blobs, level = dice_between(&d, -0.5f, 0.5f);
        texture_cloud(cloud, w, h, size, 3, dice_bits(&d), c->plane[2]);
        float steep = dice_between(&d, 3, 20);
        for (size_t i = 0; i < n; i++) {
            float v = (cloud[i] - level) * steep;
            p[i] += strength * (v < -0.5f ? -0.5f : v > 0.5f ? 0.5f : v);
        }
    }
    if (look->stripes > 0) add_stripes(c, contrast * look->stripes, &d);
    if (look->bricks > 0) add_bricks(c, contrast * look->bricks * (dice_chance(&d, 0.5) ? 1 : -1), &d);
    if (look->clutter >= 1) add_clutter(c, (int)look->clutter, contrast, &d);
}

void texture_glare(planes *c, float strength, uint64_t stream) {
    dice d = dice_of(stream);
    float H = (float)c->height, x = dice_between(&d, 0, (float)c->width), y = dice_between(&d, 0, H);
    float rx = dice_between(&d, 0.4f, 2.5f) * H, ry = dice_between(&d, 0.3f, 1.2f) * H;
    for (int v = 0; v < c->height; v++) {
        float *row = c->plane[0] + (long)v * c->width, dy = ((float)v - y) / ry;
        for (int u = 0; u < c->width; u++) {
            float dx = ((float)u - x) / rx, far = 1 + dx * dx + dy * dy;
            float k = strength / (far * far);
            row[u] += k * (1 - row[u]);
        }
    }
}
