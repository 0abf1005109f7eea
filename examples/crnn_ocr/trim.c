/* trim.c - see trim.h.
 *
 * Looked at is a copy reduced to some hundred pixels, which takes noise away. The background is the median of the
 * picture's edge; what differs from it by a quarter of the strongest difference (by more, in noise) is writing, and
 * its bounding box is wanted. When all four sides of that box are "writing", it is no writing but a picture within a
 * border, and the search begins anew inside. */
#include "trim.h"

#include <stdlib.h>
#include <string.h>

enum { REDUCED = 400, LEAST_CONTRAST = 24, LEAST_INSIDE = 36, SAME = 6, BORDERS = 4 };
#define MARGIN 0.15 /* that stays above and below, in heights of the writing */
#define SIDE 0.4    /* that stays left and right, in heights of the result */

/* ---- the reduced copy ------------------------------------------------------------------------------------ */

/* Means of squares of `by` pixels; those at the right and bottom may be smaller. */
static uint8_t *reduce(const tw_image *gray, int by, int *width, int *height) {
    int w = (gray->width + by - 1) / by, h = (gray->height + by - 1) / by;
    uint8_t *to = malloc((size_t)w * (size_t)h);
    uint32_t *sum = calloc((size_t)w, sizeof *sum);
    for (int y = 0; to && sum && y < h; y++) {
        int rows = gray->height - y * by < by ? gray->height - y * by : by;
        memset(sum, 0, (size_t)w * sizeof *sum);
        for (int r = 0; r < rows; r++) {
            const uint8_t *from = gray->data + (size_t)(y * by + r) * (size_t)gray->width;
            for (int x = 0; x < gray->width; x++) sum[x / by] += from[x];
        }
        for (int x = 0; x < w; x++) {
            int columns = gray->width - x * by < by ? gray->width - x * by : by;
            to[(size_t)y * (size_t)w + (size_t)x] = (uint8_t)(sum[x] / (uint32_t)(rows * columns));
        }
    }
    if (!sum) {
        free(to);
        to = NULL;
    }
    free(sum);
    *width = w, *height = h;
    return to;
}

/* ---- what stands out ------------------------------------------------------------------------------------- */

typedef struct view {
    const uint8_t *pixel;
    int stride;
    tw_box box;   /* of the reduced copy: what is looked at */
    int back;     /* the background's gray */
    int contrast; /* of what differs most from it; a few pixels do not count */
    int least;    /* what differs by this much is writing */
    bool clear;   /* writing stands out from the background */
} view;

static int gray_at(const view *v, int x, int y) {
    return v->pixel[(size_t)(v->box.y + y) * (size_t)v->stride + (size_t)(v->box.x + x)];
}

static bool differs(const view *v, int x, int y) { return abs(gray_at(v, x, y) - v->back) >= v->least; }

/* The largest value that at least `wanted` of the counted ones reach. */
static int reached_by(const int count[256], long wanted) {
    long above = 0;
    int i = 255;
    while (i > 0 && (above += count[i]) < wanted) i--;
    return i;
}

static void look(view *v) {
    int edge[256] = {0}, off[256] = {0}, all[256] = {0}, w = v->box.width, h = v->box.height;
    long rim = 0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x += y && y < h - 1 && x == 0 && w > 1 ? w - 1 : 1) edge[gray_at(v, x, y)]++, rim++;
    v->back = reached_by(edge, (rim + 1) / 2);
    for (int i = 0; i < 256; i++) off[abs(i - v->back)] += edge[i];
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) all[abs(gray_at(v, x, y) - v->back)]++;
    v->contrast = reached_by(all, 4 + (long)w * h / 2000);
    /* One shade along half of the edge is a margin, whatever else lies at the edge; otherwise nine tenths of it must
     * differ much less than the writing does. */
    int noise = reached_by(off, rim / 2) <= 1 ? 0 : 2 * reached_by(off, rim / 10) + 8;
    v->least = v->contrast / 4 > noise ? v->contrast / 4 : noise;
    v->clear = v->contrast >= LEAST_CONTRAST && v->least <= v->contrast / 3;
}

/* The box around everything that differs; single pixels do not count. All of v where nothing is clear. */
static tw_box surround(const view *v) {
    int w = v->box.width, h = v->box.height, left = w, right = -1, top = h, bottom = -1;
    for (int y = 0; v->clear && y < h; y++)
        for (int x = 0; x < w; x++) {
            if (!differs(v, x, y)) continue;
            bool alone = !((x > 0 && differs(v, x - 1, y)) || (x < w - 1 && differs(v, x + 1, y)) ||
                           (y > 0 && differs(v, x, y - 1)) || (y < h - 1 && differs(v, x, y + 1)));
            if (alone) continue;
            if (x < left) left = x;
            if (x > right) right = x;
            if (y < top) top = y;
            if (y > bottom) bottom = y;
        }
    return right < 0 ? (tw_box){0, 0, w, h} : (tw_box){left, top, right - left + 1, bottom - top + 1};
}

/* Do nine tenths of n pixels in a row, from (x, y) on, differ from the background? */
static bool line_differs(const view *v, int x, int y, int dx, int dy, int n) {
    int differ = 0;
    for (int i = 0; i < n; i++) differ += differs(v, x + i * dx, y + i * dy);
    return differ * 10 >= n * 9;
}

/* Does each side of the box differ from the background, as it does where a picture lies on it? */
static bool edge_differs(const view *v, const tw_box *b) {
    return line_differs(v, b->x, b->y, 1, 0, b->width) && line_differs(v, b->x, b->y + b->height - 1, 1, 0, b->width) &&
        line_differs(v, b->x, b->y, 0, 1, b->height) && line_differs(v, b->x + b->width - 1, b->y, 0, 1, b->height);
}

/* ---- the search ------------------------------------------------------------------------------------------ */

static tw_box inside(tw_box outer, tw_box part, int less) {
    return (tw_box){outer.x + part.x + less, outer.y + part.y + less, part.width - 2 * less, part.height - 2 * less};
}

/* The picture that lies on v's background: its box, without the outermost pixels where these are a mixture. */
static view enter(const view *v, tw_box box) {
    view whole = *v, less = *v;
    whole.box = inside(v->box, box, 0);
    less.box = inside(v->box, box, 1);
    look(&whole);
    if (less.box.width < 1 || less.box.height < 1) return whole;
    look(&less);
    return abs(whole.back - less.back) <= SAME ? whole : less;
}

/* Goes into borders, at most BORDERS, as long as there is something to see inside. */
static view innermost(const uint8_t *pixel, int width, int height, tw_box *writing) {
    view v = {.pixel = pixel, .stride = width, .box = {0, 0, width, height}};
    look(&v);
    *writing = surround(&v);
    for (int i = 0; i < BORDERS && v.clear && edge_differs(&v, writing); i++) {
        view inner = enter(&v, *writing);
        if (inner.contrast < LEAST_INSIDE || inner.contrast < v.contrast / 4) break; /* a bar: an I, a 1, a dash */
        v = inner;
        *writing = surround(&v);
    }
    return v;
}

static int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

tw_box trim_find(const tw_image *gray) {
    tw_box all = {0, 0, gray->width, gray->height}, writing;
    int smaller = gray->width < gray->height ? gray->width : gray->height, by = 1 + smaller / REDUCED, w, h;
    uint8_t *pixel = reduce(gray, by, &w, &h);
    if (!pixel) return all;
    view v = innermost(pixel, w, h, &writing);
    free(pixel);
    int left = v.box.x, top = v.box.y, right = left + v.box.width, bottom = top + v.box.height;
    if (writing.height < TRIM_FILL * v.box.height) {
        int margin = (int)(MARGIN * writing.height + 1);
        int above = v.box.y + writing.y - margin, below = v.box.y + writing.y + writing.height + margin;
        top = clamp(above, top, bottom), bottom = clamp(below, top, bottom);
    }
    int side = (int)(SIDE * (bottom - top) + 1);
    int before = v.box.x + writing.x - side, after = v.box.x + writing.x + writing.width + side;
    left = clamp(before, left, right), right = clamp(after, left, right);
    left *= by, top *= by;
    right = right * by < gray->width ? right * by : gray->width;
    bottom = bottom * by < gray->height ? bottom * by : gray->height;
    return (tw_box){left, top, right - left, bottom - top};
}

tw_err trim_cut(tw_ctx *ctx, const tw_image *gray, tw_box box, tw_image *part) {
    tw_err err = tw_image_new(ctx, box.width, box.height, 1, 0, part);
    for (int y = 0; !err && y < box.height; y++)
        memcpy(part->data + (size_t)y * (size_t)box.width,
               gray->data + (size_t)(box.y + y) * (size_t)gray->width + box.x, (size_t)box.width);
    return err;
}
