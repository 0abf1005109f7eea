/* render.c - from a word to a picture: letters to edges, edges to coverage, coverage to ink on paper. */
#include "render.h"

#include "../common/raster.h"
#include "utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct edge {
    float x0, y0, x1, y1;
} edge;

struct renderer {
    edge *edges; /* of the whole word, in em, y upwards */
    int nedges, edge_room;
    float *plane[2]; /* pictures in the making */
    size_t plane_room;
    bool failed; /* out of memory */
};

renderer *renderer_new(void) { return calloc(1, sizeof(renderer)); }

void renderer_free(renderer *r) {
    if (!r) return;
    free(r->edges);
    free(r->plane[0]);
    free(r->plane[1]);
    free(r);
}

/* Memory only grows, so drawing soon allocates nothing. */
static bool make_room(renderer *r, size_t pixels) {
    if (pixels <= r->plane_room) return true;
    for (int i = 0; i < 2; i++) {
        float *p = realloc(r->plane[i], 2 * pixels * sizeof *p);
        if (!p) return false;
        r->plane[i] = p;
    }
    r->plane_room = 2 * pixels;
    return true;
}

/* ---- letters to edges ---------------------------------------------------------------------------------- */

/* Where a letter's points go: origin at (x, y), then the word's slant, stretch and rotation. */
typedef struct place {
    float unit, x, y, stretch, slant, cosine, sine;
} place;
typedef struct spot {
    float x, y;
} spot;

static spot put(const place *p, int x, int y) {
    float up = p->y + p->unit * (float)y, along = p->x + p->stretch * p->unit * (float)x + p->slant * up;
    return (spot){along * p->cosine - up * p->sine, along * p->sine + up * p->cosine};
}

static void add_edge(renderer *r, spot a, spot b) {
    if (r->nedges == r->edge_room) {
        int room = r->edge_room ? 2 * r->edge_room : 1024;
        edge *e = realloc(r->edges, (size_t)room * sizeof *e);
        if (!e) r->failed = true;
        if (r->failed) return;
        r->edges = e, r->edge_room = room;
    }
    r->edges[r->nedges++] = (edge){a.x, a.y, b.x, b.y};
}

/* How many straight pieces keep a curve within 1/20 pixel. With the bend being the largest second difference of the
 * control points, n pieces of a quadratic are off by at most bend / (4 n^2), those of a cubic by three times that. */
static int pieces(float bend, float pixels_per_em) {
    float n = ceilf(sqrtf(bend * pixels_per_em * 5));
    return n < 1 ? 1 : n > 16 ? 16 : (int)n;
}

static void add_quad(renderer *r, spot a, spot c, spot b, float pixels_per_em) {
    int n = pieces(hypotf(a.x - 2 * c.x + b.x, a.y - 2 * c.y + b.y), pixels_per_em);
    spot from = a;
    for (int i = 1; i <= n; i++) {
        float t = (float)i / (float)n, u = 1 - t, k0 = u * u, k1 = 2 * u * t, k2 = t * t;
        spot to = {k0 * a.x + k1 * c.x + k2 * b.x, k0 * a.y + k1 * c.y + k2 * b.y};
        add_edge(r, from, to);
        from = to;
    }
}

static void add_cubic(renderer *r, spot a, spot c, spot d, spot b, float pixels_per_em) {
    float first = hypotf(a.x - 2 * c.x + d.x, a.y - 2 * c.y + d.y),
          second = hypotf(c.x - 2 * d.x + b.x, c.y - 2 * d.y + b.y);
    int n = pieces(3 * (first > second ? first : second), pixels_per_em);
    spot from = a;
    for (int i = 1; i <= n; i++) {
        float t = (float)i / (float)n, u = 1 - t, k0 = u * u * u, k1 = 3 * u * u * t, k2 = 3 * u * t * t,
              k3 = t * t * t;
        spot to = {k0 * a.x + k1 * c.x + k2 * d.x + k3 * b.x, k0 * a.y + k1 * c.y + k2 * d.y + k3 * b.y};
        add_edge(r, from, to);
        from = to;
    }
}

static void add_glyph(renderer *r, const font_point *point, int count, const place *p, float pixels_per_em) {
    spot start = {0}, at = {0};
    for (int i = 0; i < count; i++) {
        const font_point *q = &point[i];
        spot to = put(p, q->x, q->y);
        switch (q->verb) {
        case FONT_MOVE:
            if (i) add_edge(r, at, start);
            start = to;
            break;
        case FONT_LINE: add_edge(r, at, to); break;
        case FONT_QUAD: add_quad(r, at, put(p, q->ax, q->ay), to, pixels_per_em); break;
        default: add_cubic(r, at, put(p, q->ax, q->ay), put(p, q->bx, q->by), to, pixels_per_em); break;
        }
        at = to;
    }
    if (count) add_edge(r, at, start);
}

static void add_word(renderer *r, const font_face *face, const char *text, const render_look *look,
                     float pixels_per_em) {
    const font_glyph *last = NULL;
    uint32_t code;
    dice d = dice_of(look->stream);
    place p = {face->unit, 0, 0, look->stretch, look->slant, cosf(look->rotation), sinf(look->rotation)};
    r->nedges = 0;
    while ((code = utf8_next(&text))) {
        const font_glyph *g = font_find(face, code);
        if (!g) continue;
        if (last) p.x += look->stretch * font_kern(face, last, g);
        p.y = look->wobble > 0 ? dice_between(&d, -look->wobble, look->wobble) : 0;
        add_glyph(r, face->point + g->first, g->count, &p, pixels_per_em);
        p.x += look->stretch * g->advance + look->spacing;
        last = g;
    }
}

/* ---- edges to coverage --------------------------------------------------------------------------------- */

typedef struct box {
    float left, right, bottom, top;
} box;

static box ink_box(const renderer *r) {
    box b = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (int i = 0; i < r->nedges; i++) {
        const edge *e = &r->edges[i]; /* contours are closed: every corner begins an edge */
        b.left = fminf(b.left, e->x0), b.right = fmaxf(b.right, e->x0);
        b.bottom = fminf(b.bottom, e->y0), b.top = fmaxf(b.top, e->y0);
    }
    return b;
}

/* Coverage of the picture in r->plane[0]; returns its width, 0 when there is no room in memory. */
static int cover(renderer *r, box frame, int height, int max_width) {
    float scale = (float)height / (frame.top - frame.bottom), wide = ceilf((frame.right - frame.left) * scale),
          across = scale;
    if (wide > (float)max_width) {
        across = (float)max_width / (frame.right - frame.left);
        wide = (float)max_width;
    }
    int width = wide < 1 ? 1 : (int)wide;
    size_t cells = (size_t)height * ((size_t)width + 2);
    if (!make_room(r, cells)) return 0;
    raster fill = {width, height, r->plane[1]};
    memset(fill.cell, 0, cells * sizeof *fill.cell);
    for (int i = 0; i < r->nedges; i++) {
        const edge *e = &r->edges[i];
        raster_edge(&fill, (e->x0 - frame.left) * across, (frame.top - e->y0) * scale, (e->x1 - frame.left) * across,
                    (frame.top - e->y1) * scale);
    }
    raster_finish(&fill, r->plane[0]);
    return width;
}

/* ---- coverage to picture ------------------------------------------------------------------------------- */

/* Bilinear enlargement of plane[0], from w x h to width x height, by way of plane[1]. */
static bool enlarge(renderer *r, int w, int h, int width, int height) {
    if (!make_room(r, (size_t)width * (size_t)height)) return false;
    float *to = r->plane[1];
    const float *from = r->plane[0];
    float step_x = (float)w / (float)width, step_y = (float)h / (float)height;
    for (int y = 0; y < height; y++) {
        float v = fminf(fmaxf(((float)y + 0.5f) * step_y - 0.5f, 0), (float)(h - 1));
        int y0 = (int)v, y1 = y0 + 1 < h ? y0 + 1 : y0;
        float fy = v - (float)y0;
        const float *above = from + (long)y0 * w, *below = from + (long)y1 * w;
        for (int x = 0; x < width; x++) {
            float u = fminf(fmaxf(((float)x + 0.5f) * step_x - 0.5f, 0), (float)(w - 1));
            int x0 = (int)u, x1 = x0 + 1 < w ? x0 + 1 : x0;
            float fx = u - (float)x0, a = above[x0] + fx * (above[x1] - above[x0]),
                  b = below[x0] + fx * (below[x1] - below[x0]);
            to[(long)y * width + x] = a + fy * (b - a);
        }
    }
    r->plane[0] = to, r->plane[1] = (float *)from;
    return true;
}

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

static void blur(renderer *r, int width, int height, float sigma) {
    float variance = sigma * sigma;
    int passes = (int)ceilf(variance / 0.5f);
    for (int i = 0; i < passes; i++) blur_once(r->plane[0], r->plane[1], width, height, variance / (float)(2 * passes));
}

/* Gray noise: the sum of four bytes is close to normal, with variance 4 * 65535 / 12; one draw serves two pixels. */
static void add_noise(float *p, size_t n, float sigma, uint64_t stream) {
    float scale = sigma / 147.8f;
    for (size_t i = 0; i < n; i += 2) {
        uint64_t bits = tw_random_bits(stream, i);
        bits = (bits & UINT64_C(0x00ff00ff00ff00ff)) + ((bits >> 8) & UINT64_C(0x00ff00ff00ff00ff));
        bits = (bits & UINT64_C(0x0000ffff0000ffff)) + ((bits >> 16) & UINT64_C(0x0000ffff0000ffff));
        p[i] += scale * ((float)(bits & 0xffff) - 510);
        if (i + 1 < n) p[i + 1] += scale * ((float)(bits >> 32) - 510);
    }
}

static void lay_ink(float *p, int width, int height, const render_look *look) {
    for (int y = 0; y < height; y++) {
        float shade = look->shade_y * (((float)y + 0.5f) / (float)height - 0.5f) - 0.5f * look->shade_x;
        for (int x = 0; x < width; x++) {
            float paper = look->paper + shade + look->shade_x * ((float)x + 0.5f) / (float)width;
            p[(long)y * width + x] = paper + p[(long)y * width + x] * (look->ink - paper);
        }
    }
}

bool render_text(renderer *r, const font_face *face, const char *text, const render_look *look, int height, int *width,
                 uint8_t *pixels) {
    r->failed = false;
    add_word(r, face, text, look, 1.5f * (float)height);
    if (r->failed || !r->nedges) return false;
    box ink = ink_box(r);
    float above = fmaxf(face->top - ink.top, 0) * (1 - look->tight),
          below = fmaxf(ink.bottom - face->bottom, 0) * (1 - look->tight);
    ink.top += above, ink.bottom -= below;
    float tall = fmaxf(ink.top - ink.bottom, 0.02f);
    box frame = {ink.left - look->left * tall, ink.right + look->right * tall, ink.bottom - look->bottom * tall,
                 ink.bottom + tall + look->top * tall};
    if (frame.right - frame.left < 0.1f * tall) frame.right = frame.left + 0.1f * tall;

    int small = (int)lroundf((float)height * look->detail);
    if (small < 4) small = 4;
    if (small > height) small = height;
    int w = cover(r, frame, small,
                  small == height                   ? *width
                      : *width * small / height > 0 ? *width * small / height
                                                    : 1);
    if (!w) return false;
    if (small < height) {
        int wide = (int)lroundf((float)w * (float)height / (float)small);
        if (wide > *width) wide = *width;
        if (!enlarge(r, w, small, wide, height)) return false;
        w = wide;
    }
    if (look->blur > 0) blur(r, w, height, look->blur);
    float *p = r->plane[0];
    size_t n = (size_t)w * (size_t)height;
    lay_ink(p, w, height, look);
    if (look->noise > 0)
        add_noise(p, n, look->noise, look->stream ^ UINT64_C(0x6e6f697365)); /* "noise": another stream than wobble's */
    for (size_t i = 0; i < n; i++) {
        float gray = 255 * p[i] + 0.5f;
        pixels[i] = (uint8_t)(gray < 0 ? 0 : gray > 255 ? 255 : gray);
    }
    *width = w;
    return true;
}

int render_width(const font_face *face, const char *text, const render_look *look, int height) {
    float wide = 0, top = -INFINITY, bottom = INFINITY;
    uint32_t code;
    while ((code = utf8_next(&text))) {
        const font_glyph *g = font_find(face, code);
        if (!g) continue;
        wide += look->stretch * g->advance + look->spacing;
        top = fmaxf(top, g->top), bottom = fminf(bottom, g->bottom);
    }
    top += fmaxf(face->top - top, 0) * (1 - look->tight), bottom += fminf(face->bottom - bottom, 0) * (1 - look->tight);
    float tall = fmaxf(top - bottom, 0.02f);
    wide += fabsf(look->slant) * tall + (look->left + look->right) * tall;
    float width = (float)height * wide / (tall * (1 + look->top + look->bottom));
    return width < 1 ? 1 : width > 1e6f ? 1000000 : (int)width;
}
