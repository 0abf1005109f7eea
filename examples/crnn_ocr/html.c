/* html.c - see html.h. */
#include "html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <thalweg/text.h>
#include <unistd.h>

#include "../common/utf8.h"

static const char style[] =
    ":root{color-scheme:light dark;--back:#fff;--text:#1b1f24;--dim:#5f6b76;--line:#d9dee3;--soft:#f4f6f8;--a:#0b62c4;"
    "--b:#c2410c;--wrong:#ffd9d4;--gap:#ffe9b8}"
    "@media(prefers-color-scheme:dark){:root{--back:#14171a;--text:#e4e7ea;--dim:#98a3ad;--line:#333a41;--soft:#1d2226;"
    "--a:#6db3ff;--b:#ff9b66;--wrong:#6b2620;--gap:#5c4510}}"
    "*{box-sizing:border-box}body{margin:0 auto;padding:1rem;max-width:62rem;background:var(--back);color:var(--text);"
    "font:16px/1.45 system-ui,sans-serif}h1{font-size:1.5rem;margin:.2rem 0 .6rem}h2{font-size:1.15rem;margin:1.8rem 0 "
    ".5rem}p{margin:.4rem 0}.dim{color:var(--dim)}table{border-collapse:collapse}td,th{padding:.25rem "
    ".6rem;border-bottom:"
    "1px solid var(--line);text-align:left;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-"
    "nums}.t,code{font-family:ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap}"
    ".wide{overflow-x:auto}.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));"
    "gap:.8rem}.grid>*{border:1px solid var(--line);border-radius:6px;padding:.6rem;background:var(--soft);min-width:0}"
    "figure{margin:0}figcaption{font-size:.9rem}svg{display:block;width:100%;height:auto}svg text{fill:var(--dim);"
    "font:11px system-ui,sans-serif}.pic{max-width:100%;height:auto;min-height:1.5rem;background:#fff;display:block;"
    "margin-bottom:.3rem}mark{color:inherit;background:var(--wrong);border-radius:2px}mark.gap{background:var(--gap)}"
    "dl{margin:0;display:grid;grid-template-columns:auto 1fr;gap:.15rem .9rem}dt{color:var(--dim)}dd{margin:0;"
    "overflow-wrap:anywhere}.small{font-size:.85rem}.pairs{columns:12rem}";

void html_begin(FILE *f, const char *title) {
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
          f);
    html_text(f, title);
    fprintf(f, "</title>\n<style>%s</style></head><body>\n<h1>", style);
    html_text(f, title);
    fputs("</h1>\n", f);
}

void html_end(FILE *f) { fputs("</body></html>\n", f); }

static void put_byte(FILE *f, char c) {
    switch (c) {
    case '<': fputs("&lt;", f); break;
    case '>': fputs("&gt;", f); break;
    case '&': fputs("&amp;", f); break;
    case '"': fputs("&quot;", f); break;
    case '\'': fputs("&#39;", f); break;
    default: fputc((unsigned char)c < 0x20 ? ' ' : c, f);
    }
}

void html_text(FILE *f, const char *text) {
    for (; *text; text++) put_byte(f, *text);
}

/* Control characters and marks without a letter of their own would vanish or change what stands before them. */
void html_point(FILE *f, int32_t point) {
    char utf8[5] = {0};
    bool hidden = point <= 0x20 || (point >= 0x7f && point <= 0xa0) || (point >= 0x300 && point < 0x370) ||
        (point >= 0x2000 && point < 0x2010) || point == 0x3000;
    if (point == 0) fputs("<span class=\"dim\">nothing</span>", f);
    else if (point == ' ') fputs("<span class=\"dim\">space</span>", f);
    else if (hidden) fprintf(f, "U+%04X", (unsigned)point);
    else {
        utf8_put(utf8, (uint32_t)point);
        html_text(f, utf8);
    }
}

/* ---- mistakes ------------------------------------------------------------------------------------------------ */

static void put_point(FILE *f, int32_t point) {
    char utf8[5] = {0};
    utf8_put(utf8, (uint32_t)point);
    html_text(f, utf8);
}

/* The code points of a text; room for one a byte is enough. */
static size_t points(const char *text, int32_t *point) {
    size_t n = 0;
    uint32_t code;
    while ((code = utf8_next(&text))) point[n++] = (int32_t)code;
    return n;
}

/* One text, in which what the other has not is marked. */
static void put_side(FILE *f, const int32_t *own, const int32_t *other, const tw_edit *edit, size_t n, bool truth) {
    for (size_t i = 0; i < n; i++) {
        int32_t here = truth ? edit[i].a : edit[i].b, there = truth ? edit[i].b : edit[i].a;
        bool wrong = here < 0 || there < 0 || own[here] != other[there];
        if (here < 0) fputs("<mark class=\"gap\">\xc2\xb7</mark>", f);
        else if (wrong) fputs("<mark>", f);
        if (here >= 0) put_point(f, own[here]);
        if (here >= 0 && wrong) fputs("</mark>", f);
    }
}

static tw_err put_difference(tw_ctx *ctx, FILE *f, const char *truth, const char *read) {
    size_t a = strlen(truth), b = strlen(read), n = 0;
    int32_t *point = malloc((a + b + 1) * sizeof *point);
    tw_edit *edit = malloc((a + b + 1) * sizeof *edit);
    tw_err err = point && edit ? TW_OK : tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    size_t nt = err ? 0 : points(truth, point), nr = err ? 0 : points(read, point + nt);
    if (!err) err = tw_edit_align(ctx, point, nt, point + nt, nr, edit, &n);
    for (int side = 0; !err && side < 2; side++) {
        fprintf(f, "<dt>%s</dt><dd class=\"t\">", side ? "read" : "truth");
        put_side(f, side ? point + nt : point, side ? point : point + nt, edit, n, side == 0);
        fputs("</dd>", f);
    }
    free(edit);
    free(point);
    return err;
}

void html_mistakes_begin(FILE *f) { fputs("<div class=\"grid\">\n", f); }
void html_mistakes_end(FILE *f) { fputs("</div>\n", f); }

tw_err html_mistake(tw_ctx *ctx, FILE *f, const char *src, const char *truth, const char *read, double p,
                    const char *where) {
    fputs("<figure><img class=\"pic\" loading=\"lazy\" alt=\"\" src=\"", f);
    html_text(f, src);
    fputs("\"><dl>", f);
    tw_err err = put_difference(ctx, f, truth, read);
    fprintf(f, "<dt>sure</dt><dd>%.3f</dd></dl><figcaption class=\"dim small\">", p);
    html_text(f, where);
    fputs("</figcaption></figure>\n", f);
    return err;
}

/* ---- pictures inside the page --------------------------------------------------------------------------------- */

static char *base64(const unsigned char *from, size_t n, const char *before) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t skip = strlen(before);
    char *text = malloc(skip + (n + 2) / 3 * 4 + 1), *to = text;
    if (!text) return NULL;
    memcpy(to, before, skip);
    to += skip;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        unsigned v = (unsigned)from[i] << 16 | (left > 1 ? (unsigned)from[i + 1] << 8 : 0) |
            (left > 2 ? from[i + 2] : 0u);
        *to++ = digit[v >> 18];
        *to++ = digit[v >> 12 & 63];
        *to++ = left > 1 ? digit[v >> 6 & 63] : '=';
        *to++ = left > 2 ? digit[v & 63] : '=';
    }
    *to = 0;
    return text;
}

char *html_data_url(tw_ctx *ctx, const tw_image *image) {
    uint8_t *png;
    size_t size;
    if (tw_image_encode_png(ctx, image, &png, &size)) return NULL;
    char *text = base64(png, size, "data:image/png;base64,");
    free(png);
    return text ? text : tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
}
