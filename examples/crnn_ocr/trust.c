/* trust.c - see trust.h. */
#include "trust.h"

#include "utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

/* ---- which words are right ------------------------------------------------------------------------------------ */

static bool is_space(uint32_t point) {
    return point == ' ' || (point >= 0x09 && point <= 0x0d) || point == 0x85 || point == 0xa0 || point == 0x1680 ||
        (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 || point == 0x202f ||
        point == 0x205f || point == 0x3000;
}

/* Ends each word of text with a 0; word has room for strlen(text) / 2 + 1. */
static size_t split(char *text, char **word) {
    size_t n = 0;
    bool inside = false;
    for (const char *at = text, *next; *at; at = next) {
        next = at;
        bool space = is_space(utf8_next(&next));
        char *here = text + (at - text);
        if (space) *here = 0;
        else if (!inside) word[n++] = here;
        inside = !space;
    }
    return n;
}

/* table [n + 1][m + 1]: how many words a longest common subsequence of the words from i and from j on has. */
static tw_err mark_right(tw_ctx *ctx, size_t n, char *const *word, size_t m, char *const *truth, uint16_t *table,
                         bool *same, bool *right) {
    size_t row = m + 1;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) {
            size_t distance = tw_text_distance(ctx, word[i], truth[j]);
            if (distance == (size_t)-1) return tw_error(ctx);
            same[i * m + j] = distance == 0;
        }
    for (size_t j = 0; j <= m; j++) table[n * row + j] = 0;
    for (size_t i = n; i-- > 0;) {
        table[i * row + m] = 0;
        for (size_t j = m; j-- > 0;) {
            uint16_t skip = table[(i + 1) * row + j], pass = table[i * row + j + 1];
            uint16_t best = skip > pass ? skip : pass, both = (uint16_t)(table[(i + 1) * row + j + 1] + 1);
            table[i * row + j] = same[i * m + j] && both > best ? both : best;
        }
    }
    for (size_t i = 0, j = 0; i < n; i++) {
        size_t at = j;
        while (at < m && table[i * row + at + 1] == table[i * row + at]) at++;
        right[i] = at < m && same[i * m + at] && table[i * row + at] == table[(i + 1) * row + at + 1] + 1;
        if (right[i]) j = at + 1;
    }
    return TW_OK;
}

tw_err trust_add(tw_ctx *ctx, tw_reliability *r, const char *truth, size_t n, char *const *word,
                 const double *confidence) {
    size_t length = strlen(truth), room = length / 2 + 1;
    char *copy = strdup(truth), **part = malloc(room * sizeof *part);
    size_t m = copy && part ? split(copy, part) : 0;
    uint16_t *table = malloc((n + 1) * (m + 1) * sizeof *table);
    bool *same = malloc(n * m + n + 1), *right = same ? same + n * m : NULL;
    tw_err err = TW_OK;
    if (!copy || !part || !table || !same) err = tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory for %zu words", n);
    if (!err) err = mark_right(ctx, n, word, m, part, table, same, right);
    for (size_t i = 0; !err && i < n; i++) tw_reliability_add(r, confidence[i], right[i]);
    free(copy);
    free(part);
    free(table);
    free(same);
    return err;
}

/* ---- the plot -------------------------------------------------------------------------------------------------- */

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
    FILE *f = fopen(path, "w");
    if (!f) return tw_fail_err(ctx, TW_ERR_IO, "%s: %s", path, strerror(errno));
    draw(f, r, " xmlns=\"http://www.w3.org/2000/svg\" width=\"512\" style=\"background:#fff\"", file_style);
    fputc('\n', f);
    bool written = !ferror(f);
    if (fclose(f) || !written) return tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    return TW_OK;
}
