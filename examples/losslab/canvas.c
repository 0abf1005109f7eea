/* canvas.c - a canvas is a list of what was drawn; colours. */
#include "canvas_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- colours -------------------------------------------------------------------------------------------- */

/* The series differ in brightness as well as in hue, so that they can be told apart by the colour-blind and in print,
 * and each has at least 4.5 : 1 to its paper. */
static const struct {
    const char *name;
    uint32_t light, dark;
} palette[] = {
    [PAPER] = {"paper", 0xffffff, 0x14181f}, [INK] = {"ink", 0x1b2330, 0xe8ecf1},
    [MUTED] = {"muted", 0x586474, 0x9aa6b5}, [GRID] = {"grid", 0xdde3ea, 0x303944},
    [SERIES1] = {"s1", 0x1464c8, 0x6cb0ff},  [SERIES2] = {"s2", 0xc8500a, 0xff9d5c},
    [SERIES3] = {"s3", 0x14804f, 0x4fd09a},  [SERIES4] = {"s4", 0x7d3ac1, 0xc99bff},
    [SERIES5] = {"s5", 0xbd2a68, 0xff86b4},  [SERIES6] = {"s6", 0x846300, 0xe2bf45},
    [GOOD] = {"good", 0x157a38, 0x5ad07f},   [BAD] = {"bad", 0xc22727, 0xff7f7f},
    [BLACK] = {"black", 0x0b0f16, 0x0b0f16}, [WHITE] = {"white", 0xffffff, 0xffffff},
};

/* From dark blue over teal and green to yellow, in equal steps of brightness. */
static const uint32_t heat_scale[] = {0x2a1a5e, 0x31408f, 0x2b6a9b, 0x238c96, 0x35ab82, 0x74c65c, 0xbcd83c, 0xfbe74a};
enum { STEPS = sizeof heat_scale / sizeof *heat_scale - 1 };

canvas_colour canvas_heat(double value) {
    if (isnan(value)) return MUTED;
    if (value < 0) value = 0;
    if (value > 1) value = 1;
    return (canvas_colour)(HEAT + (int)(value * (HEAT_LAST - HEAT) + 0.5));
}

canvas_colour canvas_on_heat(double value) { return value > 0.45 ? BLACK : WHITE; }

uint32_t canvas_rgb(canvas_colour colour, bool dark) {
    if (colour < HEAT) return dark ? palette[colour].dark : palette[colour].light;
    double at = (double)(colour - HEAT) / (HEAT_LAST - HEAT) * STEPS;
    int i = at < STEPS ? (int)at : STEPS - 1;
    uint32_t rgb = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        double from = heat_scale[i] >> shift & 255, to = heat_scale[i + 1] >> shift & 255;
        rgb |= (uint32_t)(from + (at - i) * (to - from) + 0.5) << shift;
    }
    return rgb;
}

const char *canvas_colour_name(canvas_colour colour) { return palette[colour].name; }

/* ---- drawing ---------------------------------------------------------------------------------------------- */

canvas *canvas_new(double width, double height) {
    canvas *c = calloc(1, sizeof *c);
    if (c) c->width = width, c->height = height;
    return c;
}

void canvas_free(canvas *c) {
    if (!c) return;
    for (int i = 0; i < c->n; i++) {
        free(c->item[i].xy);
        free(c->item[i].text);
    }
    free(c->item);
    free(c->description);
    free(c);
}

double canvas_width(const canvas *c) { return c ? c->width : 0; }
double canvas_height(const canvas *c) { return c ? c->height : 0; }

static char *format_text(const char *format, va_list args) TW_PRINTF(1, 0);
static char *format_text(const char *format, va_list args) {
    char *text = NULL;
    return vasprintf(&text, format, args) < 0 ? NULL : text;
}

void canvas_describe(canvas *c, const char *format, ...) {
    if (!c) return;
    va_list args;
    va_start(args, format);
    free(c->description);
    c->description = format_text(format, args);
    va_end(args);
    if (!c->description) c->failed = true;
}

/* A copy of item with a copy of n numbers. */
static canvas_item *add(canvas *c, canvas_item item, int n, const double *xy) {
    if (!c || c->failed) return NULL;
    if (c->n == c->room) {
        int room = c->room ? 2 * c->room : 64;
        canvas_item *more = realloc(c->item, (size_t)room * sizeof *more);
        if (more) c->item = more, c->room = room;
    }
    item.xy = malloc((size_t)(n > 0 ? n : 1) * sizeof *item.xy);
    if (c->n == c->room || !item.xy) {
        free(item.xy);
        c->failed = true;
        return NULL;
    }
    if (n > 0) memcpy(item.xy, xy, (size_t)n * sizeof *xy);
    c->item[c->n] = item;
    return &c->item[c->n++];
}

void canvas_line(canvas *c, double x0, double y0, double x1, double y1, canvas_colour colour, double width, bool dash) {
    add(c, (canvas_item){.kind = CANVAS_PATH, .fill = NONE, .stroke = colour, .width = width, .dash = dash, .n = 2}, 4,
        (double[]){x0, y0, x1, y1});
}

void canvas_polyline(canvas *c, int n, const double *xy, canvas_colour colour, double width) {
    if (n < 2) return;
    add(c, (canvas_item){.kind = CANVAS_PATH, .fill = NONE, .stroke = colour, .width = width, .n = n}, 2 * n, xy);
}

void canvas_dashes(canvas *c, int n, const double *xy, canvas_colour colour, double width) {
    if (n < 2) return;
    add(c, (canvas_item){.kind = CANVAS_PATH, .fill = NONE, .stroke = colour, .width = width, .dash = true, .n = n},
        2 * n, xy);
}

void canvas_polygon(canvas *c, int n, const double *xy, canvas_colour fill) {
    if (n < 3) return;
    add(c, (canvas_item){.kind = CANVAS_POLYGON, .fill = fill, .stroke = NONE, .n = n}, 2 * n, xy);
}

void canvas_rect(canvas *c, double x, double y, double w, double h, canvas_colour fill, canvas_colour stroke) {
    add(c, (canvas_item){.kind = CANVAS_RECT, .fill = fill, .stroke = stroke, .width = 1}, 4, (double[]){x, y, w, h});
}

void canvas_circle(canvas *c, double x, double y, double r, canvas_colour fill, canvas_colour stroke) {
    add(c, (canvas_item){.kind = CANVAS_CIRCLE, .fill = fill, .stroke = stroke, .width = 1.5}, 3, (double[]){x, y, r});
}

void canvas_arrow(canvas *c, double x0, double y0, double x1, double y1, canvas_colour colour, double width) {
    double dx = x1 - x0, dy = y1 - y0, length = hypot(dx, dy), head = 5 + 2 * width;
    if (length == 0) return;
    dx /= length, dy /= length;
    double bx = x1 - head * dx, by = y1 - head * dy, half = 0.42 * head;
    canvas_line(c, x0, y0, bx, by, colour, width, false);
    canvas_polygon(c, 3, (double[]){x1, y1, bx - half * dy, by + half * dx, bx + half * dy, by - half * dx}, colour);
}

static void add_text(canvas *c, const double *at, double size, int anchor, canvas_colour colour, bool bold, bool up,
                     char *text) {
    canvas_item *item = add(c,
                            (canvas_item){.kind = CANVAS_TEXT,
                                          .fill = colour,
                                          .stroke = NONE,
                                          .width = size,
                                          .bold = bold,
                                          .up = up,
                                          .anchor = anchor},
                            2, at);
    if (item) item->text = text;
    else free(text);
    if (c && !text) c->failed = true;
}

void canvas_text(canvas *c, double x, double y, double size, int anchor, canvas_colour colour, bool bold,
                 const char *format, ...) {
    va_list args;
    va_start(args, format);
    add_text(c, (double[]){x, y}, size, anchor, colour, bold, false, format_text(format, args));
    va_end(args);
}

void canvas_text_up(canvas *c, double x, double y, double size, int anchor, canvas_colour colour, bool bold,
                    const char *format, ...) {
    va_list args;
    va_start(args, format);
    add_text(c, (double[]){x, y}, size, anchor, colour, bold, true, format_text(format, args));
    va_end(args);
}

double canvas_text_width(double size, bool bold, const char *text) {
    double em = 0;
    for (const char *p = text; *p; p++) {
        if (((unsigned char)*p & 0xc0) == 0x80) continue; /* the rest of a character already counted */
        if (strchr("iljtfrI.,:;|!'()[] /", *p)) em += 0.36;
        else if (strchr("mwMW", *p)) em += 0.88;
        else em += *p >= 'A' && *p <= 'Z' ? 0.68 : 0.58;
    }
    return em * size * (bold ? 1.08 : 1);
}

/* ---- files ------------------------------------------------------------------------------------------------ */

static bool save_svg(const canvas *c, const char *path, char *error, size_t size) {
    char *svg = canvas_svg(c);
    if (!svg) {
        snprintf(error, size, "%s: out of memory", path);
        return false;
    }
    tw_ctx *ctx = tw_ctx_new(0);
    bool ok = ctx && !tw_file_replace(ctx, path, svg, strlen(svg));
    if (!ok) snprintf(error, size, "%s", ctx ? tw_errmsg(ctx) : "out of memory");
    tw_ctx_free(ctx);
    free(svg);
    return ok;
}

static bool ends_with(const char *path, const char *end) {
    size_t n = strlen(path), m = strlen(end);
    return n > m && !strcmp(path + n - m, end);
}

const char *canvas_cannot_save(const char *path) {
    return ends_with(path, ".svg") || ends_with(path, ".png") ? NULL : "a picture's name ends in .svg or .png";
}

bool canvas_fits(double width, double height, const char *path, char *error, size_t size) {
    enum { MOST = 1 << 27 }; /* tw_image_new makes no larger ones */
    double w = ceil(width * SCALE), h = ceil(height * SCALE);
    if (!ends_with(path, ".png") || w * h <= MOST) return true;
    snprintf(error, size, "%s: %.0f x %.0f pixels are too many for a PNG, which has at most %d; draw an SVG", path, w,
             h, MOST);
    return false;
}

bool canvas_save(const canvas *c, const char *path, char *error, size_t size) {
    const char *why = canvas_cannot_save(path);
    if (!why && (!c || c->failed)) why = "out of memory";
    if (!why && !canvas_fits(c->width, c->height, path, error, size)) return false;
    if (!why) return (ends_with(path, ".svg") ? save_svg : canvas_save_png)(c, path, error, size);
    snprintf(error, size, "%s: %s", path, why);
    return false;
}
