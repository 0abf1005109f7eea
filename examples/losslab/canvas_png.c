/* canvas_png.c - a canvas as pixels: shapes become edges, edges exact coverage, coverage a mix of colours. */
#include "canvas_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/data.h>

#include "../common/raster.h"
#include "typeface.h"

#define PI 3.14159265358979323846

typedef struct edge {
    float x0, y0, x1, y1;
} edge;

/* One picture in the making. The edges are those of the shape at hand, in pixels. */
typedef struct painter {
    tw_image image;
    edge *edges;
    int n, room;
    typeface *face[2]; /* regular, bold */
    bool failed;
} painter;

static void add_edge(void *user, double x0, double y0, double x1, double y1) {
    painter *p = user;
    if (p->n == p->room) {
        int room = p->room ? 2 * p->room : 256;
        edge *more = realloc(p->edges, (size_t)room * sizeof *more);
        if (!more) p->failed = true;
        if (p->failed) return;
        p->edges = more, p->room = room;
    }
    p->edges[p->n++] = (edge){(float)(x0 * SCALE), (float)(y0 * SCALE), (float)(x1 * SCALE), (float)(y1 * SCALE)};
}

static void add_polygon(painter *p, int n, const double *xy) {
    for (int i = 0; i < n; i++) {
        const double *a = xy + 2 * i, *b = xy + 2 * ((i + 1) % n);
        add_edge(p, a[0], a[1], b[0], b[1]);
    }
}

/* ---- filling ---------------------------------------------------------------------------------------------- */

static void mix(uint8_t *pixel, uint32_t rgb, float coverage) {
    for (int k = 0; k < 3; k++) {
        float ink = (float)(rgb >> (16 - 8 * k) & 255);
        pixel[k] = (uint8_t)((float)pixel[k] + coverage * (ink - (float)pixel[k]) + 0.5f);
    }
}

/* Fills what the edges enclose, and forgets them. Only the box around them is looked at. */
static void fill(painter *p, canvas_colour colour) {
    float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int i = 0; i < p->n; i++) {
        const edge *e = &p->edges[i];
        low[0] = fminf(low[0], fminf(e->x0, e->x1)), high[0] = fmaxf(high[0], fmaxf(e->x0, e->x1));
        low[1] = fminf(low[1], fminf(e->y0, e->y1)), high[1] = fmaxf(high[1], fmaxf(e->y0, e->y1));
    }
    int x = (int)fmaxf(0, floorf(low[0])), right = (int)fminf((float)p->image.width, ceilf(high[0]));
    int y = (int)fmaxf(0, floorf(low[1])), bottom = (int)fminf((float)p->image.height, ceilf(high[1]));
    int n = p->n, width = right - x, height = bottom - y;
    p->n = 0;
    if (!n || width <= 0 || height <= 0) return;
    raster r = {width, height, calloc((size_t)(width + 2) * (size_t)height, sizeof(float))};
    float *coverage = malloc((size_t)width * (size_t)height * sizeof *coverage);
    if (r.cell && coverage) {
        for (int i = 0; i < n; i++) {
            const edge *e = &p->edges[i];
            raster_edge(&r, e->x0 - (float)x, e->y0 - (float)y, e->x1 - (float)x, e->y1 - (float)y);
        }
        raster_finish(&r, coverage);
        uint32_t rgb = canvas_rgb(colour, false);
        for (int i = 0; i < height; i++)
            for (int j = 0; j < width; j++) {
                uint8_t *row = p->image.data + 3 * ((size_t)(y + i) * (size_t)p->image.width + (size_t)x);
                if (coverage[i * width + j] > 0) mix(row + 3 * j, rgb, coverage[i * width + j]);
            }
    } else {
        p->failed = true;
    }
    free(r.cell);
    free(coverage);
}

/* ---- strokes: one outline along both sides of a path -------------------------------------------------------- */

static void add_disc(painter *p, double x, double y, double r) {
    enum { CORNERS = 32 };
    double x0 = x + r, y0 = y;
    for (int i = 1; i <= CORNERS; i++) {
        double x1 = x + r * cos(2 * PI * i / CORNERS), y1 = y + r * sin(2 * PI * i / CORNERS);
        add_edge(p, x0, y0, x1, y1);
        x0 = x1, y0 = y1;
    }
}

typedef struct offset {
    double x, y;
} offset;

/* Half the stroke's width, across segment i of the path. */
static offset across(int n, const double *xy, int i, double width) {
    const double *a = xy + 2 * i, *b = xy + 2 * ((i + 1) % n);
    double dx = b[0] - a[0], dy = b[1] - a[1], length = hypot(dx, dy);
    if (length == 0) return (offset){0, 0};
    return (offset){dy / length * width / 2, -dx / length * width / 2};
}

/* Where the sides of two segments meet; false when the path bends by more than 60 degrees there. */
static bool meet(offset a, offset b, double width, offset *joint) {
    double x = a.x + b.x, y = a.y + b.y, square = x * x + y * y, factor = width * width / 2 / square;
    if (square < 0.75 * width * width) return false;
    *joint = (offset){x * factor, y * factor};
    return true;
}

/* At a sharp bend the sides are cut off and a disc rounds the corner; all windings agree, so that the parts unite. */
static void add_stroke(painter *p, int n, const double *xy, bool closed, double width) {
    int segments = closed ? n : n - 1;
    for (int i = 0; i < segments; i++) {
        const double *a = xy + 2 * i, *b = xy + 2 * ((i + 1) % n);
        offset own = across(n, xy, i, width), from = own, to = own;
        bool first = i == 0 && !closed, last = i == segments - 1 && !closed;
        if (!first) meet(across(n, xy, (i + segments - 1) % segments, width), own, width, &from);
        if (!last) {
            offset next = across(n, xy, (i + 1) % segments, width);
            if (!meet(own, next, width, &to)) {
                add_disc(p, b[0], b[1], width / 2);
                add_edge(p, b[0] + own.x, b[1] + own.y, b[0] + next.x, b[1] + next.y);
                add_edge(p, b[0] - next.x, b[1] - next.y, b[0] - own.x, b[1] - own.y);
            }
        }
        if (first) add_edge(p, a[0] - from.x, a[1] - from.y, a[0] + from.x, a[1] + from.y);
        add_edge(p, a[0] + from.x, a[1] + from.y, b[0] + to.x, b[1] + to.y);
        if (last) add_edge(p, b[0] + to.x, b[1] + to.y, b[0] - to.x, b[1] - to.y);
        add_edge(p, b[0] - to.x, b[1] - to.y, a[0] - from.x, a[1] - from.y);
    }
}

/* 4 widths of line and 3 of gap, counted along the whole path. */
static void add_dashes(painter *p, int n, const double *xy, double width) {
    double walked = 0, period = 7 * width, on = 4 * width;
    for (int i = 0; i + 1 < n; i++) {
        const double *a = xy + 2 * i;
        double length = hypot(a[2] - a[0], a[3] - a[1]);
        for (double k = floor(walked / period); length > 0 && k * period < walked + length; k++) {
            double from = (fmax(k * period, walked) - walked) / length;
            double to = (fmin(k * period + on, walked + length) - walked) / length, dash[4];
            for (int j = 0; j < 4; j++) dash[j] = a[j % 2] + (j < 2 ? from : to) * (a[2 + j % 2] - a[j % 2]);
            if (from < to) add_stroke(p, 2, dash, false, width);
        }
        walked += length;
    }
}

/* ---- items -------------------------------------------------------------------------------------------------- */

static void draw_rect(painter *p, const canvas_item *item) {
    double x0 = item->xy[0], y0 = item->xy[1], x1 = x0 + item->xy[2], y1 = y0 + item->xy[3];
    if (item->fill >= HEAT) { /* cells of a heat map share their sides: whole pixels leave no seam */
        double *side[] = {&x0, &y0, &x1, &y1};
        for (int i = 0; i < 4; i++) *side[i] = floor(*side[i] * SCALE + 0.5 + 1e-6) / SCALE;
    }
    const double corner[] = {x0, y0, x1, y0, x1, y1, x0, y1};
    if (item->fill != NONE) add_polygon(p, 4, corner), fill(p, item->fill);
    if (item->stroke != NONE) add_stroke(p, 4, corner, true, item->width), fill(p, item->stroke);
}

static void draw_circle(painter *p, const canvas_item *item) {
    enum { CORNERS = 48 };
    double x = item->xy[0], y = item->xy[1], r = item->xy[2], corner[2 * CORNERS];
    if (item->fill != NONE) add_disc(p, x, y, r), fill(p, item->fill);
    if (item->stroke == NONE) return;
    for (int i = 0; i < CORNERS; i++)
        corner[2 * i] = x + r * cos(2 * PI * i / CORNERS), corner[2 * i + 1] = y + r * sin(2 * PI * i / CORNERS);
    add_stroke(p, CORNERS, corner, true, item->width);
    fill(p, item->stroke);
}

typedef struct text_place {
    painter *p;
    double x, y;
    bool up;
} text_place;

static void add_letter_edge(void *user, double x0, double y0, double x1, double y1) {
    const text_place *t = user;
    if (t->up) add_edge(t->p, t->x + y0, t->y - x0, t->x + y1, t->y - x1);
    else add_edge(t->p, t->x + x0, t->y + y0, t->x + x1, t->y + y1);
}

static void draw_text(painter *p, const canvas_item *item) {
    const typeface *face = p->face[item->bold];
    double back = item->anchor == -1 ? 0 : typeface_width(face, item->width, item->text) / (item->anchor ? 1 : 2);
    text_place t = {p, item->xy[0] - (item->up ? 0 : back), item->xy[1] + (item->up ? back : 0), item->up};
    typeface_draw(face, item->width, item->text, add_letter_edge, &t);
    fill(p, item->fill);
}

static void draw(painter *p, const canvas_item *item) {
    switch (item->kind) {
    case CANVAS_PATH:
        if (item->dash) add_dashes(p, item->n, item->xy, item->width);
        else add_stroke(p, item->n, item->xy, false, item->width);
        fill(p, item->stroke);
        break;
    case CANVAS_POLYGON:
        add_polygon(p, item->n, item->xy);
        fill(p, item->fill);
        if (item->fill >= HEAT) add_stroke(p, item->n, item->xy, true, 0.7), fill(p, item->fill);
        break;
    case CANVAS_RECT: draw_rect(p, item); break;
    case CANVAS_CIRCLE: draw_circle(p, item); break;
    case CANVAS_TEXT:
        if (item->text && item->fill != NONE) draw_text(p, item);
        break;
    }
}

bool canvas_save_png(const canvas *c, const char *path, char *error, size_t size) {
    painter p = {0};
    tw_ctx *ctx = tw_ctx_new(0);
    bool ok = false;
    for (int bold = 0; bold < 2; bold++)
        if (!p.face[bold] && !(p.face[bold] = typeface_open(bold, error, size))) goto out;
    snprintf(error, size, "%s: out of memory", path);
    if (!ctx) goto out;
    if (!tw_image_new(ctx, (int)ceil(c->width * SCALE), (int)ceil(c->height * SCALE), 3, 255, &p.image)) {
        for (int i = 0; i < c->n; i++) draw(&p, &c->item[i]);
        ok = !p.failed && !tw_image_save_png(ctx, path, &p.image);
    }
    if (tw_error(ctx)) snprintf(error, size, "%s", tw_errmsg(ctx));
out:
    typeface_close(p.face[0]);
    typeface_close(p.face[1]);
    free(p.edges);
    tw_image_free(&p.image);
    tw_ctx_free(ctx);
    return ok;
}
