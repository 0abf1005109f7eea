/* raster.c - area coverage by differences: an edge that drops by d inside a pixel adds d to everything right of it.
 *
 * Each edge adds its drop to the pixels it crosses, split by how much of the pixel lies right of it; a running sum
 * along the row then gives the winding number times the covered area. Contours run one way and holes the other, so
 * the sum is 1 inside, 0 in holes, and overlapping strokes exceed 1 and are cut. */
#include "raster.h"

#include <math.h>

/* One edge within one row: it goes from xa to xb (xa <= xb) while dropping by d. */
static void add_piece(float *row, float width, float xa, float xb, float d) {
    if (xa < 0) xa = 0;
    if (xb < 0) xb = 0;
    if (xa > width) xa = width;
    if (xb > width) xb = width;
    int cell = (int)xa, last = (int)xb;
    if (cell == last) {
        float right = 0.5f * (xa + xb) - (float)cell;
        row[cell] += d - d * right;
        row[cell + 1] += d * right;
        return;
    }
    float slope = d / (xb - xa);
    for (; cell <= last; cell++) {
        float from = xa > (float)cell ? xa : (float)cell, to = xb < (float)(cell + 1) ? xb : (float)(cell + 1);
        float share = slope * (to - from), right = 0.5f * (from + to) - (float)cell;
        row[cell] += share - share * right;
        row[cell + 1] += share * right;
    }
}

void raster_edge(raster *r, float x0, float y0, float x1, float y1) {
    float sign = 1, height = (float)r->height;
    if (y0 > y1) {
        float x = x0, y = y0;
        x0 = x1, y0 = y1, x1 = x, y1 = y;
        sign = -1;
    }
    if (y1 <= 0 || y0 >= height || y0 == y1) return;
    float slope = (x1 - x0) / (y1 - y0), x = x0, y = y0;
    if (y < 0) x -= slope * y, y = 0;
    if (y1 > height) y1 = height;
    for (int line = (int)y; y < y1; line++) {
        float below = (float)(line + 1) < y1 ? (float)(line + 1) : y1;
        float next = x0 + slope * (below - y0);
        float *row = r->cell + (long)line * (r->width + 2);
        add_piece(row, (float)r->width, x < next ? x : next, x < next ? next : x, sign * (below - y));
        x = next, y = below;
    }
}

void raster_finish(const raster *r, float *coverage) {
    for (int y = 0; y < r->height; y++) {
        const float *row = r->cell + (long)y * (r->width + 2);
        float sum = 0;
        for (int x = 0; x < r->width; x++) {
            sum += row[x];
            float area = fabsf(sum);
            coverage[(long)y * r->width + x] = area < 1 ? area : 1;
        }
    }
}
