/* augment.c - small random changes that leave the class as it is: an affine map and an erased patch.
 *
 * All draws come from one stream, so a picture's change depends on the seed, the epoch and its index only. */
#include "mnist.h"

#include <math.h>
#include <string.h>
#include <thalweg/extend.h>

static float draw(uint64_t stream, uint64_t *i, float low, float high) {
    return low + (high - low) * (float)tw_random_uniform(stream, (*i)++);
}

/* Bilinear, with 0 (the background) outside. */
static float sample_at(const float *p, float x, float y) {
    int x0 = (int)floorf(x), y0 = (int)floorf(y);
    float fx = x - (float)x0, fy = y - (float)y0, v = 0;
    for (int dy = 0; dy < 2; dy++)
        for (int dx = 0; dx < 2; dx++) {
            int xi = x0 + dx, yi = y0 + dy;
            if (xi < 0 || yi < 0 || xi >= SIDE || yi >= SIDE) continue;
            v += p[yi * SIDE + xi] * (dx ? fx : 1 - fx) * (dy ? fy : 1 - fy);
        }
    return v;
}

void augment(float *pixel, bool mirror, uint64_t stream) {
    uint64_t i = 0;
    float angle = draw(stream, &i, -0.1f, 0.1f), shear = draw(stream, &i, -0.1f, 0.1f);
    float sx = draw(stream, &i, 0.93f, 1.07f), sy = draw(stream, &i, 0.93f, 1.07f);
    float tx = draw(stream, &i, -1.5f, 1.5f), ty = draw(stream, &i, -1.5f, 1.5f);
    if (mirror && draw(stream, &i, 0, 1) < 0.5f) sx = -sx;

    /* Where each new pixel comes from: rotation, shear and scale about the centre, then the shift. */
    float from[SIDE * SIDE], c = cosf(angle), s = sinf(angle), middle = (SIDE - 1) / 2.f;
    memcpy(from, pixel, sizeof from);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float u = (float)x - middle, v = (float)y - middle;
            float xs = (c * u - s * v + shear * v) * sx, ys = (s * u + c * v) * sy;
            pixel[y * SIDE + x] = sample_at(from, xs + middle + tx, ys + middle + ty);
        }

    /* Random erasing (Zhong et al. 2020), in some of the pictures: no single stroke may be needed. */
    if (draw(stream, &i, 0, 1) < 0.3f) {
        int w = (int)draw(stream, &i, 3, 9), h = (int)draw(stream, &i, 3, 9);
        int x0 = (int)draw(stream, &i, 0, (float)(SIDE - w + 1)), y0 = (int)draw(stream, &i, 0, (float)(SIDE - h + 1));
        float level = draw(stream, &i, 0, 1) < 0.5f ? 0 : draw(stream, &i, 0, 1);
        for (int y = y0; y < y0 + h; y++)
            for (int x = x0; x < x0 + w; x++) pixel[y * SIDE + x] = level;
    }
}
