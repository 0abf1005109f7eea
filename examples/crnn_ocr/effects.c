/* effects.c - what cameras, sensors and files do to a picture. */
#include "planes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

bool planes_size(planes *c, int width, int height) {
    size_t need = (size_t)(width + 2) * (size_t)height;
    if (need > c->room) {
        for (int i = 0; i < PLANES; i++) {
            float *p = realloc(c->plane[i], 2 * need * sizeof *p);
            if (!p) return false;
            c->plane[i] = p;
        }
        c->room = 2 * need;
    }
    c->width = width, c->height = height;
    return true;
}

void planes_free(planes *c) {
    for (int i = 0; i < PLANES; i++) free(c->plane[i]);
    *c = (planes){0};
}

/* ---- blur ------------------------------------------------------------------------------------------------------ */

/* One pass of the weights (a, 1 - 2a, a) along rows, then along columns: variance 2a each way. The edge repeats. */
static void blur_once(float *p, float *row_above, int width, int height, float a) {
    for (int y = 0; y < height; y++) {
        float *row = p + (long)y * width, left = row[0];
        for (int x = 0; x < width; x++) {
            float here = row[x], right = x + 1 < width ? row[x + 1] : here;
            row[x] = here + a * (left + right - 2 * here);
            left = here;
        }
    }
    memcpy(row_above, p, (size_t)width * sizeof *p);
    for (int y = 0; y < height; y++) {
        float *row = p + (long)y * width;
        const float *below = y + 1 < height ? row + width : row;
        for (int x = 0; x < width; x++) {
            float here = row[x];
            row[x] = here + a * (row_above[x] + below[x] - 2 * here);
            row_above[x] = here;
        }
    }
}

void effect_blur(planes *c, int at, float sigma) {
    float variance = sigma * sigma;
    int passes = (int)ceilf(variance / 0.5f);
    float *spare = c->plane[at + 1 < PLANES ? at + 1 : 0];
    for (int i = 0; i < passes; i++)
        blur_once(c->plane[at], spare, c->width, c->height, variance / (float)(2 * passes));
}

/* plane[1] gathers copies of plane[0] moved along the line, each split over four pixels. */
void effect_motion(planes *c, float length, float angle) {
    int w = c->width, h = c->height, steps = (int)ceilf(length) + 1, reach = (int)ceilf(0.5f * length) + 1, n = 0;
    enum { REACH = 8, SIDE = 2 * REACH + 1 };
    float tap[SIDE * SIDE] = {0}, dx = cosf(angle), dy = sinf(angle);
    if (reach > REACH) reach = REACH;
    for (int i = 0; i < steps; i++) {
        float t = steps > 1 ? ((float)i / (float)(steps - 1) - 0.5f) * length : 0;
        float x = t * dx, y = t * dy;
        int x0 = (int)floorf(x), y0 = (int)floorf(y);
        float fx = x - (float)x0, fy = y - (float)y0;
        if (abs(x0) >= REACH || abs(y0) >= REACH) continue;
        float *t0 = &tap[(y0 + REACH) * SIDE + x0 + REACH];
        t0[0] += (1 - fx) * (1 - fy), t0[1] += fx * (1 - fy);
        t0[SIDE] += (1 - fx) * fy, t0[SIDE + 1] += fx * fy;
        n++;
    }
    if (!n) return;
    const float *from = c->plane[0];
    float *to = c->plane[1], scale = 1 / (float)n;
    memset(to, 0, planes_pixels(c) * sizeof *to);
    for (int ky = -REACH; ky <= REACH; ky++)
        for (int kx = -REACH; kx <= REACH; kx++) {
            float k = tap[(ky + REACH) * SIDE + kx + REACH] * scale;
            if (k < 1e-4f) continue;
            int first = kx < 0 ? -kx : 0, last = kx > 0 ? w - kx : w; /* where x + kx is inside */
            if (first > w) first = w;
            if (last < first) last = first;
            for (int y = 0; y < h; y++) {
                int v = y + ky < 0 ? 0 : y + ky >= h ? h - 1 : y + ky;
                const float *row = from + (long)v * w;
                float *sum = to + (long)y * w;
                for (int x = 0; x < first; x++) sum[x] += k * row[0];
                for (int x = first; x < last; x++) sum[x] += k * row[x + kx];
                for (int x = last; x < w; x++) sum[x] += k * row[w - 1];
            }
        }
    planes_swap(c, 0, 1);
}

/* ---- noise ----------------------------------------------------------------------------------------------------- */

/* The sum of four bytes is close to normal, with variance 4 * 65535 / 12; one draw serves two pixels. */
static inline void two_normal(uint64_t stream, size_t i, float *a, float *b) {
    uint64_t bits = tw_random_bits(stream, i);
    bits = (bits & UINT64_C(0x00ff00ff00ff00ff)) + ((bits >> 8) & UINT64_C(0x00ff00ff00ff00ff));
    bits = (bits & UINT64_C(0x0000ffff0000ffff)) + ((bits >> 16) & UINT64_C(0x0000ffff0000ffff));
    *a = ((float)(bits & 0xffff) - 510) * (1 / 147.8f);
    *b = ((float)(bits >> 32) - 510) * (1 / 147.8f);
}

void effect_noise(float *p, size_t n, float sigma, uint64_t stream) {
    float a, b;
    for (size_t i = 0; i < n; i += 2) {
        two_normal(stream, i, &a, &b);
        p[i] += sigma * a;
        if (i + 1 < n) p[i + 1] += sigma * b;
    }
}

void effect_speckle(float *p, size_t n, float sigma, uint64_t stream) {
    float a, b;
    for (size_t i = 0; i < n; i += 2) {
        two_normal(stream, i, &a, &b);
        p[i] += sigma * a * p[i];
        if (i + 1 < n) p[i + 1] += sigma * b * p[i + 1];
    }
}

void effect_salt(float *p, size_t n, float part, float dark, float light, uint64_t stream) {
    float more = 0.3f * (light - dark);
    size_t grains = (size_t)(part * (float)n);
    for (size_t i = 0; i < grains; i++) {
        uint64_t bits = tw_random_bits(stream, i);
        p[(bits >> 8) % n] = bits & 1 ? light + more : dark - more;
    }
}

/* ---- JPEG ------------------------------------------------------------------------------------------------------
 * What is lost is lost when the cosine transforms of 8 x 8 blocks are rounded to multiples of the table (ITU-T T.81,
 * K.1, scaled by quality as in the Independent JPEG Group's library); the coding after that loses nothing. */

static const unsigned char luminance[64] = {16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
                                            14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
                                            18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
                                            49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};

static const float cosines[8][8] = {
    {0.35355339f, 0.35355339f, 0.35355339f, 0.35355339f, 0.35355339f, 0.35355339f, 0.35355339f, 0.35355339f},
    {0.49039264f, 0.41573481f, 0.27778512f, 0.09754516f, -0.09754516f, -0.27778512f, -0.41573481f, -0.49039264f},
    {0.46193977f, 0.19134172f, -0.19134172f, -0.46193977f, -0.46193977f, -0.19134172f, 0.19134172f, 0.46193977f},
    {0.41573481f, -0.09754516f, -0.49039264f, -0.27778512f, 0.27778512f, 0.49039264f, 0.09754516f, -0.41573481f},
    {0.35355339f, -0.35355339f, -0.35355339f, 0.35355339f, 0.35355339f, -0.35355339f, -0.35355339f, 0.35355339f},
    {0.27778512f, -0.49039264f, 0.09754516f, 0.41573481f, -0.41573481f, -0.09754516f, 0.49039264f, -0.27778512f},
    {0.19134172f, -0.46193977f, 0.46193977f, -0.19134172f, -0.19134172f, 0.46193977f, -0.46193977f, 0.19134172f},
    {0.09754516f, -0.27778512f, 0.41573481f, -0.49039264f, 0.49039264f, -0.41573481f, 0.27778512f, -0.09754516f}};

/* C b C^T when forward, else C^T b C. */
static void transform(float b[64], bool forward) {
    float half[64];
    for (int i = 0; i < 8; i++) {
        float sum[8] = {0};
        for (int k = 0; k < 8; k++) {
            float m = forward ? cosines[i][k] : cosines[k][i];
            for (int j = 0; j < 8; j++) sum[j] += m * b[8 * k + j];
        }
        memcpy(half + 8 * i, sum, sizeof sum);
    }
    for (int i = 0; i < 8; i++) {
        float sum[8] = {0};
        for (int k = 0; k < 8; k++) {
            float m = half[8 * i + k];
            if (m == 0) continue;
            for (int j = 0; j < 8; j++) sum[j] += m * (forward ? cosines[j][k] : cosines[k][j]);
        }
        memcpy(b + 8 * i, sum, sizeof sum);
    }
}

void effect_jpeg(planes *c, int quality) {
    int w = c->width, h = c->height;
    int scale = quality < 50 ? 5000 / (quality < 1 ? 1 : quality) : 200 - 2 * (quality > 100 ? 100 : quality);
    float step[64], inverse[64], b[64];
    for (int i = 0; i < 64; i++) {
        int q = (luminance[i] * scale + 50) / 100;
        step[i] = (float)(q < 1 ? 1 : q > 255 ? 255 : q);
        inverse[i] = 1 / step[i];
    }
    for (int y0 = 0; y0 < h; y0 += 8)
        for (int x0 = 0; x0 < w; x0 += 8) {
            for (int i = 0; i < 64; i++) {
                int y = y0 + i / 8 < h ? y0 + i / 8 : h - 1, x = x0 + i % 8 < w ? x0 + i % 8 : w - 1;
                float v = c->plane[0][(long)y * w + x];
                b[i] = 255 * (v < 0 ? 0 : v > 1 ? 1 : v) - 128;
            }
            transform(b, true);
            for (int i = 0; i < 64; i++) {
                float v = b[i] * inverse[i]; /* rounded to nearest by a float's own precision */
                v = (v + 12582912.0f) - 12582912.0f;
                b[i] = v * step[i];
            }
            transform(b, false);
            for (int i = 0; i < 64; i++)
                if (y0 + i / 8 < h && x0 + i % 8 < w)
                    c->plane[0][(long)(y0 + i / 8) * w + x0 + i % 8] = (b[i] + 128) * (1 / 255.0f);
        }
}

/* ---- size ------------------------------------------------------------------------------------------------------ */

bool effect_enlarge(planes *c, int width, int height) {
    int w = c->width, h = c->height;
    if ((size_t)(width + 2) * (size_t)height > c->room) { /* growing loses nothing but the size */
        if (!planes_size(c, width, height)) return false;
    }
    c->width = width, c->height = height;
    float *to = c->plane[1];
    const float *from = c->plane[0];
    float step_x = (float)w / (float)width, step_y = (float)h / (float)height;
    float *fraction = c->plane[2];
    int *index = (int *)(void *)c->plane[3]; /* a float's room holds an int */
    _Static_assert(sizeof(int) == sizeof(float), "an int in the place of a float");
    for (int x = 0; x < width; x++) {
        float u = fminf(fmaxf(((float)x + 0.5f) * step_x - 0.5f, 0), (float)(w - 1));
        int x0 = (int)u < w - 2 ? (int)u : w - 2;
        if (x0 < 0) x0 = 0;
        index[x] = x0, fraction[x] = w > 1 ? u - (float)x0 : 0;
    }
    for (int y = 0; y < height; y++) {
        float v = fminf(fmaxf(((float)y + 0.5f) * step_y - 0.5f, 0), (float)(h - 1));
        int y0 = (int)v, y1 = y0 + 1 < h ? y0 + 1 : y0;
        float fy = v - (float)y0;
        const float *above = from + (long)y0 * w, *below = from + (long)y1 * w;
        float *row = to + (long)y * width, *mixed = c->plane[4];
        for (int x = 0; x < w; x++) mixed[x] = above[x] + fy * (below[x] - above[x]);
        if (w == 1) mixed[1] = mixed[0];
        for (int x = 0; x < width; x++) {
            int x0 = index[x];
            row[x] = mixed[x0] + fraction[x] * (mixed[x0 + 1] - mixed[x0]);
        }
    }
    planes_swap(c, 0, 1);
    return true;
}
