/* outline.c - letters to polygons: layout, curves to straight pieces, bending, moving edges outwards. */
#include "outline.h"

#include <math.h>
#include <stdlib.h>

#include "../common/utf8.h"

enum { LETTERS = 128 }; /* of a text; the rest is not drawn */

void outline_free(outline *o) {
    free(o->point);
    free(o->contour);
    *o = (outline){0};
}

static bool more_points(outline *o, int n) {
    if (o->npoint + n <= o->point_room) return true;
    int room = 2 * (o->npoint + n);
    spot *p = o->failed ? NULL : realloc(o->point, (size_t)room * sizeof *p);
    if (!p) return !(o->failed = true);
    o->point = p, o->point_room = room;
    return true;
}

static bool end_contour(outline *o) {
    int begin = o->ncontour ? o->contour[o->ncontour - 1].end : 0;
    if (o->npoint - begin < 3) { /* no area */
        o->npoint = begin;
        return true;
    }
    if (o->ncontour == o->contour_room) {
        int room = o->contour_room ? 2 * o->contour_room : 64;
        contour *c = o->failed ? NULL : realloc(o->contour, (size_t)room * sizeof *c);
        if (!c) return !(o->failed = true);
        o->contour = c, o->contour_room = room;
    }
    o->contour[o->ncontour++] = (contour){o->npoint, 1};
    return true;
}

/* ---- one letter ------------------------------------------------------------------------------------------------ */

/* Where a letter's points go: stretched and slanted about its own middle, turned, and put at (x, y). */
typedef struct place {
    float unit, stretch, slant, middle, x, y, cosine, sine;
} place;

static spot put(const place *p, int x, int y) {
    float up = p->unit * (float)y, along = p->stretch * p->unit * (float)x - p->middle + p->slant * up;
    return (spot){p->x + along * p->cosine - up * p->sine, p->y + along * p->sine + up * p->cosine};
}

static void add(outline *o, spot s) {
    int begin = o->ncontour ? o->contour[o->ncontour - 1].end : 0;
    if (o->npoint > begin && o->point[o->npoint - 1].x == s.x && o->point[o->npoint - 1].y == s.y) return;
    o->point[o->npoint++] = s;
}

/* How many straight pieces keep a curve within 1/12 pixel. With the bend being the largest second difference of the
 * control points, n pieces of a quadratic are off by at most bend / (4 n^2), those of a cubic by three times that. */
enum { PIECES = 12 };
static int pieces(float bend, float pixels_per_em) {
    float n = ceilf(sqrtf(bend * pixels_per_em * 3));
    return n < 1 ? 1 : n > PIECES ? PIECES : (int)n;
}

static void add_quad(outline *o, spot a, spot c, spot b, float pixels_per_em) {
    int n = pieces(fabsf(a.x - 2 * c.x + b.x) + fabsf(a.y - 2 * c.y + b.y), pixels_per_em);
    for (int i = 1; i <= n; i++) {
        float t = (float)i / (float)n, u = 1 - t, k0 = u * u, k1 = 2 * u * t, k2 = t * t;
        add(o, (spot){k0 * a.x + k1 * c.x + k2 * b.x, k0 * a.y + k1 * c.y + k2 * b.y});
    }
}

static void add_cubic(outline *o, spot a, spot c, spot d, spot b, float pixels_per_em) {
    float first = fabsf(a.x - 2 * c.x + d.x) + fabsf(a.y - 2 * c.y + d.y),
          second = fabsf(c.x - 2 * d.x + b.x) + fabsf(c.y - 2 * d.y + b.y);
    int n = pieces(3 * (first > second ? first : second), pixels_per_em);
    for (int i = 1; i <= n; i++) {
        float t = (float)i / (float)n, u = 1 - t, k0 = u * u * u, k1 = 3 * u * u * t, k2 = 3 * u * t * t,
              k3 = t * t * t;
        add(o, (spot){k0 * a.x + k1 * c.x + k2 * d.x + k3 * b.x, k0 * a.y + k1 * c.y + k2 * d.y + k3 * b.y});
    }
}

/* Twice the area that the contours of a glyph enclose, positive when they run counter-clockwise: holes run the other
 * way and are smaller, so the sign is that of the outer ones. */
static float enclosed(const outline *o, int contour0) {
    float sum = 0;
    for (int k = contour0; k < o->ncontour; k++) {
        int begin = k ? o->contour[k - 1].end : 0, end = o->contour[k].end;
        spot a = o->point[end - 1];
        for (int i = begin; i < end; i++) {
            spot b = o->point[i];
            sum += a.x * b.y - b.x * a.y;
            a = b;
        }
    }
    return sum;
}

static void add_glyph(outline *o, const font_point *point, int count, const place *p, float pixels_per_em) {
    spot at = {0};
    int contour0 = o->ncontour;
    for (int i = 0; i < count; i++) {
        const font_point *q = &point[i];
        if (!more_points(o, PIECES)) return;
        spot to = put(p, q->x, q->y);
        switch (q->verb) {
        case FONT_MOVE:
            if (!end_contour(o)) return;
            add(o, to);
            break;
        case FONT_LINE: add(o, to); break;
        case FONT_QUAD: add_quad(o, at, put(p, q->ax, q->ay), to, pixels_per_em); break;
        default: add_cubic(o, at, put(p, q->ax, q->ay), put(p, q->bx, q->by), to, pixels_per_em); break;
        }
        at = to;
    }
    if (!end_contour(o)) return;
    float side = enclosed(o, contour0) < 0 ? -1 : 1;
    for (int k = contour0; k < o->ncontour; k++) o->contour[k].side = side;
}

/* ---- a line ---------------------------------------------------------------------------------------------------- */

typedef struct line {
    int n;
    float length;
    const font_glyph *glyph[LETTERS];
    float middle[LETTERS]; /* of each letter's advance, along the line */
} line;

float outline_weight(const render_look *look, const font_face *face) {
    if (face->ink <= 0) return look->weight;
    float room = look->weight > 0 ? (0.55f - face->ink) / 0.25f : face->ink / 0.3f;
    return look->weight * fminf(fmaxf(room, 0), 1);
}

static void lay_out(const font_face *face, const char *text, const render_look *look, line *l) {
    const font_glyph *last = NULL;
    uint32_t code;
    float x = 0, more = look->spacing + 1.2f * outline_weight(look, face); /* what is bolder is also set wider */
    l->n = 0;
    while (l->n < LETTERS && (code = utf8_next(&text))) {
        const font_glyph *g = font_find(face, code);
        if (!g) continue;
        if (last) x += more + look->stretch * font_kern(face, last, g);
        float advance = look->stretch * g->advance;
        l->glyph[l->n] = g;
        l->middle[l->n++] = x + 0.5f * advance;
        x += advance;
        last = g;
    }
    l->length = x;
}

float outline_arc(const render_look *look, float length) {
    float most = length > 1 ? 10 / length : 10;
    return fminf(fmaxf(look->arc, -most), most);
}
float outline_rotation(const render_look *look, float length) {
    float most = length > 1.3f ? 1.3f / length : 1;
    return fminf(fmaxf(look->rotation, -most), most);
}

float outline_tilt_y(const render_look *look, float length) {
    float most = length > 1 ? 1 / length : 1; /* the ends of a longer line would lean too far */
    return fminf(fmaxf(look->tilt_y, -most), most);
}

/* Letters stand on an arc and keep their shape, as on a sign; a wave moves them up and down without turning them. */
static void add_line(outline *o, const font_face *face, const line *l, const render_look *look, dice *d, float x0,
                     float y0, float pixels_per_em) {
    float arc = outline_arc(look, l->length), radius = fabsf(arc) > 1e-3f && l->n > 1 ? l->length / arc : 0;
    float waves = dice_between(d, 3, 9), phase = dice_between(d, 0, 6.2832f);
    for (int i = 0; i < l->n; i++) {
        const font_glyph *g = l->glyph[i];
        float along = l->middle[i] - 0.5f * l->length, turn = 0;
        place p = {.unit = face->unit, .stretch = look->stretch, .slant = look->slant};
        p.middle = 0.5f * look->stretch * g->advance;
        p.x = x0 + along, p.y = y0;
        if (radius != 0) {
            float angle = along / radius;
            p.x = x0 + radius * sinf(angle), p.y = y0 + radius * (cosf(angle) - 1);
            turn = -angle;
        }
        if (look->wave > 0) p.y += look->wave * sinf(phase + waves * (l->length > 0 ? along / l->length : 0));
        if (look->wobble > 0) p.y += dice_between(d, -look->wobble, look->wobble);
        if (look->turn > 0) turn += dice_between(d, -look->turn, look->turn);
        p.cosine = turn != 0 ? cosf(turn) : 1, p.sine = turn != 0 ? sinf(turn) : 0;
        add_glyph(o, face->point + g->first, g->count, &p, pixels_per_em);
    }
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static box box_of(const outline *o, int npoint) {
    box b = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (int i = 0; i < npoint; i++) {
        spot s = o->point[i];
        b.left = s.x < b.left ? s.x : b.left, b.right = s.x > b.right ? s.x : b.right;
        b.bottom = s.y < b.bottom ? s.y : b.bottom, b.top = s.y > b.top ? s.y : b.top;
    }
    return b;
}

/* A plane seen by a camera: (x, y) / w with w linear in x and y, which is 1 in the middle of the text's box. */
static void tilt(outline *o, box b, float tilt_x, float tilt_y) {
    float cx = 0.5f * (b.left + b.right), cy = 0.5f * (b.bottom + b.top);
    float kx = 2 * tilt_x / (b.right - b.left + 1e-6f), ky = 2 * tilt_y / (b.top - b.bottom + 1e-6f);
    for (int i = 0; i < o->npoint; i++) {
        float x = o->point[i].x - cx, y = o->point[i].y - cy, w = 1 + kx * x + ky * y;
        if (w < 0.2f) w = 0.2f; /* neighbours may lie behind the camera */
        o->point[i] = (spot){x / w, y / w};
    }
}

static void rotate(outline *o, float angle) {
    float c = cosf(angle), s = sinf(angle);
    for (int i = 0; i < o->npoint; i++) {
        spot p = o->point[i];
        o->point[i] = (spot){c * p.x - s * p.y, s * p.x + c * p.y};
    }
}

/* Other letters of the face in a line above and one below, as crops from a page show parts of them. */
static void add_neighbours(outline *o, const font_face *face, const render_look *look, float length,
                           float pixels_per_em) {
    dice d = dice_of(look->stream ^ UINT64_C(0x6e6578746c696e65));
    float leading = (face->top - face->bottom) * dice_between(&d, 1.0f, 1.25f);
    for (int side = -1; side <= 1; side += 2) {
        line l = {0};
        float x = 0, from = dice_between(&d, -0.3f, 0.3f) * length;
        for (int i = 0; i < 24 && x < length; i++) {
            const font_glyph *g = &face->glyph[dice_below(&d, face->nglyph)];
            float advance = look->stretch * g->advance;
            if (dice_chance(&d, 0.15)) x += 0.3f;
            l.glyph[l.n] = g, l.middle[l.n++] = x + 0.5f * advance;
            x += advance + look->spacing;
        }
        l.length = x;
        add_line(o, face, &l, look, &d, from, (float)side * leading, pixels_per_em);
    }
}

void outline_text(outline *o, const font_face *face, const char *text, const render_look *look, float pixels_per_em,
                  box *ink) {
    line l;
    dice d = dice_of(look->stream);
    o->npoint = o->ncontour = 0;
    o->failed = false;
    lay_out(face, text, look, &l);
    add_line(o, face, &l, look, &d, 0, 0, pixels_per_em);
    int own = o->npoint;
    if (look->neighbours > 0 && fabsf(look->arc) < 0.3f) add_neighbours(o, face, look, l.length, pixels_per_em);
    float weight = outline_weight(look, face);
    if (weight != 0) outline_offset(o, weight, o);
    if (look->tilt_x != 0 || look->tilt_y != 0) tilt(o, box_of(o, own), look->tilt_x, outline_tilt_y(look, l.length));
    if (look->rotation != 0) rotate(o, outline_rotation(look, l.length));
    *ink = box_of(o, own);
}

/* A corner moves along the sum of its edges' normals; a sharp one not further than twice d. */
static spot corner(spot before, spot at, spot after, float d) {
    float ax = at.x - before.x, ay = at.y - before.y, bx = after.x - at.x, by = after.y - at.y;
    float a = ax * ax + ay * ay, b = bx * bx + by * by;
    if (a > 0) a = 1 / sqrtf(a);
    if (b > 0) b = 1 / sqrtf(b);
    float nx = ay * a + by * b, ny = -ax * a - bx * b, square = nx * nx + ny * ny; /* (1 + cos) * 2 */
    float k = square > 1 ? 2 / square : 2;
    return (spot){at.x + d * k * nx, at.y + d * k * ny};
}

void outline_offset(const outline *from, float d, outline *to) {
    if (to != from) {
        to->npoint = to->ncontour = 0;
        to->failed = from->failed;
        if (!more_points(to, from->npoint)) return;
        if (to->contour_room < from->ncontour) {
            contour *c = realloc(to->contour, (size_t)from->contour_room * sizeof *c);
            if (!c) {
                to->failed = true;
                return;
            }
            to->contour = c, to->contour_room = from->contour_room;
        }
    }
    for (int k = 0; k < from->ncontour; k++) {
        int begin = k ? from->contour[k - 1].end : 0, end = from->contour[k].end;
        float out = d * from->contour[k].side;
        spot first = from->point[begin], before = from->point[end - 1];
        for (int i = begin; i < end; i++) {
            spot at = from->point[i], after = i + 1 < end ? from->point[i + 1] : first;
            to->point[i] = corner(before, at, after, out);
            before = at;
        }
        to->contour[k] = from->contour[k];
    }
    to->npoint = from->npoint, to->ncontour = from->ncontour;
}
