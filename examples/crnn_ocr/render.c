/* render.c - from a word to a picture: letters to polygons, polygons to coverage, coverage to ink on paper, and what a
 * camera makes of it. All is done at the size of the final picture, or smaller. */
#include "render.h"

#include "../common/raster.h"
#include "../common/utf8.h"
#include "planes.h"
#include "outline.h"
#include "texture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The planes: the picture, the letters' coverage, that of their border, and room for effects. */
enum { PICTURE, LETTERS, BORDER, SPARE };

struct renderer {
    outline text, border;
    planes planes;
};

renderer *renderer_new(void) { return calloc(1, sizeof(renderer)); }

void renderer_free(renderer *r) {
    if (!r) return;
    outline_free(&r->text);
    outline_free(&r->border);
    planes_free(&r->planes);
    free(r);
}

/* ---- the frame ------------------------------------------------------------------------------------------------- */

static box frame_of(const font_face *face, box ink, const render_look *look) {
    float above = fmaxf(face->top - ink.top, 0) * (1 - look->tight),
          below = fmaxf(ink.bottom - face->bottom, 0) * (1 - look->tight);
    if (look->rotation != 0 || look->arc != 0 || look->tilt_x != 0 || look->tilt_y != 0)
        above = below = 0.5f * fminf(above, below); /* the line is not level: the face's heights say little */
    ink.top += above + look->border, ink.bottom -= below + look->border;
    ink.left -= look->border, ink.right += look->border;
    float tall = fmaxf(ink.top - ink.bottom, 0.02f);
    box frame = {ink.left - look->left * tall, ink.right + look->right * tall, ink.bottom - look->bottom * tall,
                 ink.bottom + tall + look->top * tall};
    if (frame.right - frame.left < 0.1f * tall) frame.right = frame.left + 0.1f * tall;
    return frame;
}

/* How the frame becomes pixels. */
typedef struct view {
    float left, top, across, down; /* pixels per em */
} view;

static void cover(renderer *r, const outline *o, const view *v, int plane) {
    planes *c = &r->planes;
    raster fill = {c->width, c->height, c->plane[SPARE]};
    memset(fill.cell, 0, (size_t)c->height * (size_t)(c->width + 2) * sizeof *fill.cell);
    for (int k = 0; k < o->ncontour; k++) {
        int begin = k ? o->contour[k - 1].end : 0, end = o->contour[k].end;
        float x0 = (o->point[end - 1].x - v->left) * v->across, y0 = (v->top - o->point[end - 1].y) * v->down;
        for (int i = begin; i < end; i++) {
            float x1 = (o->point[i].x - v->left) * v->across, y1 = (v->top - o->point[i].y) * v->down;
            raster_edge(&fill, x0, y0, x1, y1);
            x0 = x1, y0 = y1;
        }
    }
    raster_finish(&fill, c->plane[plane]);
}

/* ---- ink ------------------------------------------------------------------------------------------------------- */

static void lay(float *restrict p, const float *restrict cover, size_t n, float gray) {
    for (size_t i = 0; i < n; i++) p[i] += cover[i] * (gray - p[i]);
}

/* The coverage moved by whole pixels, where it is more than what is there. */
static void move_over(const float *from, float *to, int w, int h, int dx, int dy) {
    int first = dx > 0 ? dx : 0, last = dx < 0 ? w + dx : w;
    for (int y = dy > 0 ? dy : 0; y < (dy < 0 ? h + dy : h); y++) {
        float *row = to + (long)y * w;
        const float *source = from + (long)(y - dy) * w;
        for (int x = first; x < last; x++) row[x] = row[x] > source[x - dx] ? row[x] : source[x - dx];
    }
}

/* The coverage of what casts it, moved, blurred and thinned. */
static void lay_shadow(planes *c, const render_look *look, const view *v, int caster) {
    int dx = (int)lroundf(look->shadow_x * v->across), dy = (int)lroundf(look->shadow_y * v->down);
    int steps = look->extrude > 0.5f ? (abs(dx) > abs(dy) ? abs(dx) : abs(dy)) : 1;
    float *to = c->plane[SPARE];
    size_t n = planes_pixels(c);
    memset(to, 0, n * sizeof *to);
    for (int i = 1; i <= steps && i <= 64; i++)
        move_over(c->plane[caster], to, c->width, c->height, dx * i / steps, dy * i / steps);
    if (look->shadow_soft > 0) effect_blur(c, SPARE, look->shadow_soft * (float)c->height / 32);
    for (size_t i = 0; i < n; i++) to[i] *= look->shadow;
    lay(c->plane[PICTURE], to, n, look->shadow_tone);
}

/* Ink that has flaked off: where a cloud is thick there is none. */
static void wear(planes *c, const render_look *look) {
    float *cloud = c->plane[SPARE], *cover = c->plane[LETTERS], level = 1.1f - 1.2f * look->worn;
    dice d = dice_of(look->stream ^ UINT64_C(0x776f726e));
    float size = dice_between(&d, 1.5f, 0.4f * (float)c->height);
    texture_cloud(cloud, c->width, c->height, size, 3, dice_bits(&d), c->plane[SPARE + 1]);
    for (size_t i = 0; i < planes_pixels(c); i++) {
        float lost = (cloud[i] - level) * 6;
        lost = lost < 0 ? 0 : lost > 0.9f ? 0.9f : lost;
        cover[i] *= 1 - lost;
    }
}

/* Fading towards the bottom begins at the top with the full ink, and the other way round. */
static void lay_letters(planes *c, const render_look *look, float paper, float ink) {
    int w = c->width, h = c->height;
    float fill = ink + look->hollow * (paper - ink), change = fabsf(look->fade) * (paper - fill);
    for (int y = 0; y < h; y++) {
        float t = ((float)y + 0.5f) / (float)h;
        lay(c->plane[PICTURE] + (long)y * w, c->plane[LETTERS] + (long)y * w, (size_t)w,
            fill + change * (look->fade > 0 ? t : 1 - t));
    }
}

/* Thin lines from side to side, as captchas and old notebooks have them. */
static void lay_strokes(planes *c, const render_look *look, float paper, float ink) {
    dice d = dice_of(look->stream ^ UINT64_C(0x7374726f6b6573));
    float W = (float)c->width, H = (float)c->height;
    for (int k = 0; k < (int)look->strokes; k++) {
        raster r = {c->width, c->height, c->plane[SPARE]};
        memset(r.cell, 0, (size_t)c->height * (size_t)(c->width + 2) * sizeof *r.cell);
        float x0 = dice_between(&d, -0.1f, 0.4f) * W, x1 = dice_between(&d, 0.6f, 1.1f) * W;
        float y0 = dice_between(&d, 0.05f, 0.95f) * H, y1 = dice_between(&d, 0.05f, 0.95f) * H;
        float thick = dice_between(&d, 0.015f, 0.05f) * H, gray = ink + dice_between(&d, 0, 0.4f) * (paper - ink);
        if (thick < 0.7f) thick = 0.7f;
        raster_edge(&r, x0, y0, x1, y1);
        raster_edge(&r, x1, y1, x1, y1 + thick);
        raster_edge(&r, x1, y1 + thick, x0, y0 + thick);
        raster_edge(&r, x0, y0 + thick, x0, y0);
        raster_finish(&r, c->plane[SPARE + 1]);
        lay(c->plane[PICTURE], c->plane[SPARE + 1], planes_pixels(c), gray);
    }
}

static void ink_on_paper(renderer *r, const render_look *look, const view *v) {
    planes *c = &r->planes;
    float dark = look->tone * (1 - look->contrast), light = dark + look->contrast;
    float paper = look->inverted > 0.5f ? dark : light, ink = look->inverted > 0.5f ? light : dark;
    texture_paper(c, look, paper, ink); /* uses all planes */
    cover(r, &r->text, v, LETTERS);
    if (look->border > 0) {
        outline_offset(&r->text, look->border, &r->border);
        cover(r, &r->border, v, BORDER);
    }
    if (look->shadow > 0) lay_shadow(c, look, v, look->border > 0 ? BORDER : LETTERS);
    if (look->border > 0)
        lay(c->plane[PICTURE], c->plane[BORDER], planes_pixels(c), paper + look->border_tone * (ink - paper));
    if (look->worn > 0) wear(c, look);
    lay_letters(c, look, paper, ink);
    if (look->strokes >= 1) lay_strokes(c, look, paper, ink);
}

/* ---- the camera ------------------------------------------------------------------------------------------------ */

static void photograph(planes *c, const render_look *look) {
    dice d = dice_of(look->stream ^ UINT64_C(0x63616d657261));
    size_t n = planes_pixels(c);
    float dark = look->tone * (1 - look->contrast), unit = (float)c->height / 32,
          loud = look->contrast * fminf(sqrtf(unit), 1); /* enlarged noise is worse */
    if (look->glare > 0) texture_glare(c, look->glare, dice_bits(&d));
    if (look->blur > 0) effect_blur(c, PICTURE, look->blur * unit);
    if (look->motion > 0) effect_motion(c, look->motion * unit, dice_between(&d, 0, 3.1416f));
    if (look->noise > 0) effect_noise(c->plane[PICTURE], n, look->noise * loud, dice_bits(&d));
    if (look->speckle > 0) effect_speckle(c->plane[PICTURE], n, look->speckle * loud, dice_bits(&d));
    if (look->salt > 0) effect_salt(c->plane[PICTURE], n, look->salt, dark, dark + look->contrast, dice_bits(&d));
    if (look->jpeg < 100) effect_jpeg(c, (int)look->jpeg);
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

enum { LEAST_ROWS = 6 };

bool render_text(renderer *r, const font_face *face, const char *text, const render_look *look, int height, int *width,
                 uint8_t *pixels) {
    planes *c = &r->planes;
    box ink;
    int rows = look->rows > 0 ? (int)lroundf(look->rows) : height, most = *width;
    if (rows < LEAST_ROWS) rows = LEAST_ROWS;
    if (rows > height) rows = height;
    outline_text(&r->text, face, text, look, 1.3f * (float)rows, &ink);
    if (r->text.failed || r->text.npoint == 0 || !(ink.right >= ink.left)) return false;
    box frame = frame_of(face, ink, look);
    float scale = (float)rows / (frame.top - frame.bottom), across = scale,
          wide = ceilf((frame.right - frame.left) * scale), widest = floorf((float)most * (float)rows / (float)height);
    if (widest < 1) widest = 1;
    if (wide > widest) across = widest / (frame.right - frame.left), wide = widest;
    int w = wide < 1 ? 1 : (int)wide;
    if (!planes_size(c, w, rows)) return false;
    ink_on_paper(r, look, &(view){frame.left, frame.top, across, scale});
    if (r->border.failed) return false;
    photograph(c, look);
    if (rows < height) {
        int final = (int)lroundf((float)w * (float)height / (float)rows);
        if (!effect_enlarge(c, final > most ? most : final, height)) return false;
    }
    *width = c->width;
    const float *p = c->plane[PICTURE];
    for (size_t i = 0; i < planes_pixels(c); i++) {
        float gray = 255 * p[i] + 0.5f;
        gray = gray > 0 ? gray : 0; /* in this order what is not a number becomes 0 */
        pixels[i] = (uint8_t)(gray < 255 ? gray : 255);
    }
    return true;
}

/* The box of the line's four corners after arc, tilt and rotation, about as render_text does them. */
int render_width(const font_face *face, const char *text, const render_look *look, int height) {
    float weight = outline_weight(look, face), more = look->spacing + 1.2f * weight;
    float wide = 0, top = -INFINITY, bottom = INFINITY;
    uint32_t code;
    while ((code = utf8_next(&text))) {
        const font_glyph *g = font_find(face, code);
        if (!g) continue;
        wide += look->stretch * g->advance + more;
        top = fmaxf(top, g->top), bottom = fminf(bottom, g->bottom);
    }
    wide -= more;
    float tall = fmaxf(top - bottom, 0.02f) + 2 * (weight + look->border + look->wave);
    float loose = fmaxf(face->top - face->bottom - tall, 0) * (1 - look->tight);
    if (look->rotation != 0 || look->arc != 0 || look->tilt_x != 0 || look->tilt_y != 0) loose *= 0.3f;
    tall += loose;
    wide += fabsf(look->slant) * tall + 2 * look->border;
    float arc = fabsf(outline_arc(look, wide)), rotation = fabsf(outline_rotation(look, wide));
    if (arc > 1e-3f) {
        float half = fminf(arc * 0.5f, 3.1416f), radius = wide / arc;
        float flat = 2 * (radius + tall) * (half < 1.5708f ? sinf(half) : 1);
        tall = radius * (1 - cosf(half)) + tall * (1 + cosf(fminf(half, 1.5708f))) * 0.5f + tall * 0.3f;
        wide = flat;
    }
    if (look->tilt_x != 0) tall *= 1 / (1 - fabsf(look->tilt_x)), wide /= 1 - look->tilt_x * look->tilt_x;
    float tilt_y = fabsf(outline_tilt_y(look, wide));
    if (tilt_y > 0) wide *= 1 / (1 - tilt_y), tall /= 1 - tilt_y * tilt_y;
    if (rotation != 0) {
        float c = cosf(rotation), s = sinf(rotation), flat = wide * c + tall * s;
        tall = wide * s + tall * c;
        wide = flat;
    }
    wide += (look->left + look->right) * tall;
    float width = (float)height * wide / (tall * (1 + look->top + look->bottom));
    return width < 1 ? 1 : width > 1e6f ? 1000000 : (int)width;
}
