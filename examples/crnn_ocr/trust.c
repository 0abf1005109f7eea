/* trust.c - see trust.h. */
#include "trust.h"

#include <thalweg/extend.h>

#include "../common/outfile.h"

enum {
    LEFT = 44,
    TOP = 8,
    SIDE = 200,
    GAP = 26,
    BARS = 44,
    WIDTH = LEFT + SIDE + 12,
    HEIGHT = TOP + SIDE + GAP + BARS + 16
};

/* The colours of html.c: its variables inside a page, else those of its light form, for not every viewer knows
 * variables. */
static const char page_style[] = ".grid-line{stroke:var(--line)}.honest{stroke:var(--dim)}.bar{fill:var(--b)}"
                                 ".curve{stroke:var(--a)}.dot{fill:var(--a)}";
static const char file_style[] = ".grid-line{stroke:#d9dee3}.honest{stroke:#5f6b76}.bar{fill:#c2410c}"
                                 ".curve{stroke:#0b62c4}.dot{fill:#0b62c4}text{fill:#5f6b76;font:11px sans-serif}";

static double across(double part) { return LEFT + part * SIDE; }
static double up(double part) { return TOP + (1 - part) * SIDE; }

static void axes(FILE *f) {
    for (int i = 0; i <= 5; i++) {
        double v = i / 5.0;
        fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid-line\"/>", LEFT, LEFT + SIDE, up(v),
                up(v));
        fprintf(f, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>", LEFT - 5, up(v) + 4, v);
        fprintf(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.1f</text>", across(v), TOP + SIDE + 14, v);
    }
    fprintf(f, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"honest\" stroke-dasharray=\"4 3\"/>", LEFT,
            TOP + SIDE, LEFT + SIDE, TOP);
}

static void draw(FILE *f, const tw_reliability *r, const char *attributes, const char *style) {
    size_t all = 0, most = 1;
    for (int i = 0; i < TW_RELIABILITY_BINS; i++) {
        all += r->n[i];
        if (r->n[i] > most) most = r->n[i];
    }
    fprintf(f,
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Reliability of the confidence of words\"%s>"
            "<style>%s</style>",
            WIDTH, HEIGHT, attributes, style);
    axes(f);
    double bar = (double)SIDE / TW_RELIABILITY_BINS - 2, floor_y = HEIGHT - 14;
    fputs("<polyline fill=\"none\" class=\"curve\" stroke-width=\"1.8\" points=\"", f);
    for (int i = 0; i < TW_RELIABILITY_BINS; i++)
        if (r->n[i])
            fprintf(f, "%.1f,%.1f ", across(r->confidence[i] / (double)r->n[i]),
                    up((double)r->right[i] / (double)r->n[i]));
    fputs("\"/>", f);
    for (int i = 0; i < TW_RELIABILITY_BINS; i++) {
        if (!r->n[i]) continue;
        double share = (double)r->right[i] / (double)r->n[i], said = r->confidence[i] / (double)r->n[i];
        double tall = BARS * (double)r->n[i] / (double)most;
        fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" class=\"dot\">", across(said), up(share));
        fprintf(f, "<title>%zu words: confidence %.3f, right %.3f</title></circle>", r->n[i], said, share);
        fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"bar\"/>",
                across((double)i / TW_RELIABILITY_BINS) + 1, floor_y - tall, bar, tall);
    }
    fprintf(f, "<text x=\"%d\" y=\"%d\">%zu words, calibration error %.3f</text></svg>", LEFT, HEIGHT - 2, all,
            tw_reliability_error(r));
}

void trust_draw(FILE *f, const tw_reliability *r) {
    bool any = false;
    for (int i = 0; i < TW_RELIABILITY_BINS; i++) any = any || r->n[i];
    if (!any) return;
    fputs("<figure><figcaption>Part of the words that is right, by confidence</figcaption>", f);
    draw(f, r, "", page_style);
    fputs("</figure>\n", f);
}

tw_err trust_save(tw_ctx *ctx, const char *path, const tw_reliability *r) {
    outfile file;
    tw_err err = outfile_open(ctx, &file, path);
    if (err) return err;
    draw(file.to, r, " xmlns=\"http://www.w3.org/2000/svg\" width=\"512\" style=\"background:#fff\"", file_style);
    fputc('\n', file.to);
    return outfile_close(ctx, &file, path);
}
