/* typeface.c - fontconfig finds the file, stb_truetype reads the outlines, curves are cut into straight pieces. */
#include "typeface.h"

#include <fontconfig/fontconfig.h>
#include <stb/stb_truetype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../common/utf8.h"

struct typeface {
    unsigned char *data;
    stbtt_fontinfo info;
    double unit; /* em per font unit */
};

/* Greek and the signs of formulas must be in the font, beside letters. */
static const FcChar32 needed[] = {'a', 0x3b1, 0x3b3, 0x3b4, 0x3c3, 0x3a3, 0x2202, 0x2212, 0xb7, 0xb2};

static FcPattern *find_font(FcConfig *config, bool bold) {
    FcPattern *wanted = FcPatternBuild(NULL, FC_FAMILY, FcTypeString, "DejaVu Sans", FC_FAMILY, FcTypeString,
                                       "sans-serif", FC_WEIGHT, FcTypeInteger,
                                       bold ? FC_WEIGHT_BOLD : FC_WEIGHT_REGULAR, FC_SCALABLE, FcTypeBool, FcTrue,
                                       FC_OUTLINE, FcTypeBool, FcTrue, (char *)NULL);
    FcCharSet *set = FcCharSetCreate();
    FcPattern *found = NULL;
    if (wanted && set) {
        FcResult result;
        for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) FcCharSetAddChar(set, needed[i]);
        FcPatternAddCharSet(wanted, FC_CHARSET, set);
        FcConfigSubstitute(config, wanted, FcMatchPattern);
        FcDefaultSubstitute(wanted);
        found = FcFontMatch(config, wanted, &result);
    }
    if (set) FcCharSetDestroy(set);
    if (wanted) FcPatternDestroy(wanted);
    return found;
}

static unsigned char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    unsigned char *data = NULL;
    if (file && !fseek(file, 0, SEEK_END)) {
        long size = ftell(file);
        rewind(file);
        data = size > 12 ? malloc((size_t)size) : NULL;
        if (data && fread(data, 1, (size_t)size, file) != (size_t)size) {
            free(data);
            data = NULL;
        }
    }
    if (file) fclose(file);
    return data;
}

typeface *typeface_open(bool bold, char *error, size_t size) {
    FcConfig *config = FcInitLoadConfigAndFonts();
    FcPattern *found = config ? find_font(config, bold) : NULL;
    FcChar8 *path = NULL;
    int index = 0;
    typeface *f = calloc(1, sizeof *f);
    if (found && FcPatternGetString(found, FC_FILE, 0, &path) != FcResultMatch) path = NULL;
    if (found && FcPatternGetInteger(found, FC_INDEX, 0, &index) != FcResultMatch) index = 0;
    if (f && path) f->data = read_file((const char *)path);
    int offset = f && f->data ? stbtt_GetFontOffsetForIndex(f->data, index & 0xffff) : -1;
    if (offset >= 0 && stbtt_InitFont(&f->info, f->data, offset)) {
        f->unit = stbtt_ScaleForMappingEmToPixels(&f->info, 1);
    } else {
        snprintf(error, size,
                 "a picture of pixels needs a font, and %s; install one (Debian: fonts-dejavu-core), or "
                 "write .svg",
                 path ? "the system's cannot be read" : "fontconfig finds none");
        typeface_close(f);
        f = NULL;
    }
    if (found) FcPatternDestroy(found);
    if (config) FcConfigDestroy(config);
    return f;
}

void typeface_close(typeface *f) {
    if (!f) return;
    free(f->data);
    free(f);
}

/* Visits the glyphs of a line with their places; returns its width. */
static double layout(const typeface *f, double size, const char *text,
                     void (*visit)(const typeface *f, int glyph, double x, double scale, void *user), void *user) {
    double x = 0, scale = size * f->unit;
    int before = 0;
    while (*text) {
        int glyph = stbtt_FindGlyphIndex(&f->info, (int)utf8_next(&text)), advance, bearing;
        if (before) x += scale * stbtt_GetGlyphKernAdvance(&f->info, before, glyph);
        stbtt_GetGlyphHMetrics(&f->info, glyph, &advance, &bearing);
        if (visit) visit(f, glyph, x, scale, user);
        x += scale * advance;
        before = glyph;
    }
    return x;
}

double typeface_width(const typeface *f, double size, const char *text) { return layout(f, size, text, NULL, NULL); }

typedef struct pen {
    typeface_edge edge;
    void *user;
    double x, y; /* where the last piece ended */
} pen;

static void line_to(pen *p, double x, double y) {
    p->edge(p->user, p->x, p->y, x, y);
    p->x = x, p->y = y;
}

/* Bezier curves by their formula; letters are small, so few pieces do. */
static void draw_glyph(const typeface *f, int glyph, double x, double scale, void *user) {
    enum { PIECES = 8 };
    pen *p = user;
    stbtt_vertex *v = NULL;
    int n = stbtt_GetGlyphShape(&f->info, glyph, &v);
    for (int i = 0; i < n; i++) {
        double x1 = x + scale * v[i].x, y1 = -scale * v[i].y, x0 = p->x, y0 = p->y;
        double ax = x + scale * v[i].cx, ay = -scale * v[i].cy, bx = x + scale * v[i].cx1, by = -scale * v[i].cy1;
        if (v[i].type == STBTT_vmove) p->x = x1, p->y = y1;
        if (v[i].type == STBTT_vline) line_to(p, x1, y1);
        for (int k = 1; k <= PIECES && (v[i].type == STBTT_vcurve || v[i].type == STBTT_vcubic); k++) {
            double t = (double)k / PIECES, s = 1 - t;
            if (v[i].type == STBTT_vcurve)
                line_to(p, s * s * x0 + 2 * s * t * ax + t * t * x1, s * s * y0 + 2 * s * t * ay + t * t * y1);
            else
                line_to(p, s * s * s * x0 + 3 * s * s * t * ax + 3 * s * t * t * bx + t * t * t * x1,
                        s * s * s * y0 + 3 * s * s * t * ay + 3 * s * t * t * by + t * t * t * y1);
        }
    }
    stbtt_FreeShape(&f->info, v);
}

void typeface_draw(const typeface *f, double size, const char *text, typeface_edge edge, void *user) {
    pen p = {.edge = edge, .user = user};
    layout(f, size, text, draw_glyph, &p);
}
