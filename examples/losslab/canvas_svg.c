/* canvas_svg.c - a canvas as SVG.
 *
 * Every colour is written twice: as an attribute, which any program understands, and as a class whose rule uses a CSS
 * variable with a light and a dark value, which browsers prefer. */
#include "canvas_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "../common/utf8.h"

/* A file that is no XML shows nothing at all, so what cannot be in it (control characters but three, U+FFFE, U+FFFF,
 * and what is no UTF-8: XML 1.0, 2.2) is shown as U+FFFD. */
static void put_escaped(FILE *out, const char *text) {
    for (const char *from = text; *text; from = text) {
        uint32_t code = utf8_next(&text);
        bool known = code >= 0x20 ? code < 0xfffd || code > 0xffff : code == '\t' || code == '\n' || code == '\r';
        if (!known) fputs("\xef\xbf\xbd", out);
        else if (code == '<') fputs("&lt;", out);
        else if (code == '>') fputs("&gt;", out);
        else if (code == '&') fputs("&amp;", out);
        else fwrite(from, 1, (size_t)(text - from), out);
    }
}

static void put_variables(FILE *out, const char *selector, bool dark) {
    fprintf(out, "%s{", selector);
    for (canvas_colour k = PAPER; k <= WHITE; k++)
        fprintf(out, "--%s:#%06x%s", canvas_colour_name(k), canvas_rgb(k, dark), k == WHITE ? "}" : ";");
}

void canvas_css(FILE *out, const char *selector) {
    put_variables(out, selector, false);
    fputs("\n@media screen and (prefers-color-scheme:dark){", out);
    put_variables(out, selector, true);
    fputs("}\n", out);
}

static void put_style(FILE *out) {
    fputs("<style>", out);
    canvas_css(out, ".lab");
    for (canvas_colour k = PAPER; k <= WHITE; k++) {
        const char *name = canvas_colour_name(k);
        fprintf(out, ".lab .f-%s{fill:var(--%s)}.lab .k-%s{stroke:var(--%s)}", name, name, name, name);
    }
    fputs("</style>\n", out);
}

static void put_paint(FILE *out, const canvas_item *item) {
    if (item->fill == NONE) fputs(" fill=\"none\"", out);
    else fprintf(out, " fill=\"#%06x\"", canvas_rgb(item->fill, false));
    canvas_colour stroke = item->stroke;
    double width = item->width;
    if (item->fill >= HEAT && stroke == NONE && item->kind == CANVAS_POLYGON) /* cells that touch: no seam between */
        stroke = item->fill, width = 0.7;
    if (stroke != NONE) {
        fprintf(out, " stroke=\"#%06x\" stroke-width=\"%.4g\"", canvas_rgb(stroke, false), width);
        if (item->dash) fprintf(out, " stroke-dasharray=\"%.4g %.4g\"", 4 * width, 3 * width);
    }
    bool fill_class = item->fill != NONE && item->fill < HEAT, stroke_class = stroke != NONE && stroke < HEAT;
    if (!fill_class && !stroke_class) return;
    fprintf(out, " class=\"%s%s%s%s%s\"", fill_class ? "f-" : "", fill_class ? canvas_colour_name(item->fill) : "",
            fill_class && stroke_class ? " " : "", stroke_class ? "k-" : "",
            stroke_class ? canvas_colour_name(stroke) : "");
}

static void put_points(FILE *out, const canvas_item *item) {
    fprintf(out, "<%s points=\"", item->kind == CANVAS_PATH ? "polyline" : "polygon");
    for (int i = 0; i < item->n; i++) fprintf(out, "%s%.2f,%.2f", i ? " " : "", item->xy[2 * i], item->xy[2 * i + 1]);
    fputc('"', out);
    if (item->kind == CANVAS_PATH) fputs(" stroke-linejoin=\"round\" stroke-linecap=\"round\"", out);
}

static void put_text(FILE *out, const canvas_item *item) {
    static const char *const anchors[] = {"start", "middle", "end"};
    double x = item->xy[0], y = item->xy[1];
    fprintf(out, "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%.4g\"", x, y, item->width);
    if (item->anchor != -1) fprintf(out, " text-anchor=\"%s\"", anchors[item->anchor + 1]);
    if (item->bold) fputs(" font-weight=\"bold\"", out);
    if (item->up) fprintf(out, " transform=\"rotate(-90 %.2f %.2f)\"", x, y);
    put_paint(out, item);
    fputc('>', out);
    if (item->text) put_escaped(out, item->text);
    fputs("</text>\n", out);
}

static void put_item(FILE *out, const canvas_item *item) {
    const double *v = item->xy;
    switch (item->kind) {
    case CANVAS_TEXT: put_text(out, item); return;
    case CANVAS_PATH:
    case CANVAS_POLYGON: put_points(out, item); break;
    case CANVAS_RECT:
        fprintf(out, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"%s", v[0], v[1], v[2], v[3],
                item->fill >= HEAT ? " shape-rendering=\"crispEdges\"" : "");
        break;
    case CANVAS_CIRCLE: fprintf(out, "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"%.2f\"", v[0], v[1], v[2]); break;
    }
    put_paint(out, item);
    fputs("/>\n", out);
}

char *canvas_svg(const canvas *c) {
    char *text = NULL;
    size_t size;
    if (!c || c->failed) return NULL;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"lab\" viewBox=\"0 0 %.6g %.6g\" width=\"%.6g\" "
            "height=\"%.6g\" role=\"img\" font-family=\"system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif\">\n",
            c->width, c->height, c->width, c->height);
    if (c->description) {
        fputs("<title>", out);
        put_escaped(out, c->description);
        fputs("</title>\n", out);
    }
    put_style(out);
    fprintf(out, "<rect width=\"%.6g\" height=\"%.6g\" fill=\"#%06x\" class=\"f-paper\"/>\n", c->width, c->height,
            canvas_rgb(PAPER, false));
    for (int i = 0; i < c->n; i++) put_item(out, &c->item[i]);
    fputs("</svg>\n", out);
    bool ok = !ferror(out);
    if (fclose(out) || !ok) {
        free(text);
        return NULL;
    }
    return text;
}
