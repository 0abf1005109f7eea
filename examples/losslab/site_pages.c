/* site_pages.c - the pages of `losslab report` beside those of the losses: backpropagation, CTC, the museum. */
#include "site.h"

#include <math.h>
#include <string.h>

#include "../../tests/museum.h"
#include "../common/cli.h"
#include "backprop.h"
#include "check.h"
#include "ctc.h"
#include "numbers.h"

/* A chapter of the book, and room for a picture below it, which a link above it leads to. */
static FILE *open_chapter(const site *s, const char *name, const char *title, const char *file, site_page *p) {
    const chapter *c = chapter_named(file);
    FILE *out = page_open(s, name, title, p);
    fputs("<nav>Computed here: <a href=\"#picture\">the picture</a></nav>\n", out);
    if (c) page_chapter(out, c);
    fputs("<h2 id=\"picture\">The picture</h2>\n", out);
    return out;
}

void site_backprop(const site *s) {
    site_page p;
    backprop_step step = {0};
    FILE *out = open_chapter(s, "backprop", "Backpropagation", "../backprop", &p);
    fputs("<p>The tape of one training step, as <code>losslab backprop</code> draws it.</p>\n", out);
    if (backprop_run(s->ctx, &step)) site_give_up(s);
    page_picture(out, backprop_picture(&step));
    page_close(s, &p);
}

/* ---- CTC -------------------------------------------------------------------------------------------------- */

/* What the greedy path reads as, beside the label: the likeliest path need not be of the likelier text. */
static void put_reading(const ctc_scene *s, FILE *out) {
    const ctc_frames *f = &s->frames;
    int32_t read[32];
    char text[128];
    double path = 0;
    int n = ctc_collapse(s->greedy, f->T, s->w.blank, read);
    for (int t = 0; t < f->T; t++) path += s->w.log_y[t * f->K + s->greedy[t]];
    double sum = tw_ctc_log_prob(s->ctx, f->logits, f->T, f->K, (size_t)f->K, read, n, s->w.blank);
    if (tw_alphabet_decode(s->ctx, f->alphabet, read, (size_t)n, text, sizeof text)) return;
    fputs("<p>Greedy reads &ldquo;", out);
    page_words(out, text);
    fprintf(out, "&rdquo;: no path is likelier than its path, p = %.4f; the best one of &ldquo;%s&rdquo; has %.4f. ",
            exp(path), s->text, exp(s->w.log_p_best));
    fprintf(out, "But all paths of each text together have %.4f and %.4f: the likelier text is &ldquo;%s&rdquo;.</p>\n",
            exp(sum), exp(s->w.log_p), sum > s->w.log_p ? text : s->text);
}

void page_lattice(FILE *out) {
    enum { FRAMES = 7, SEED = 2 };
    ctc_scene s = {.text = "cat", .ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = SEED, .threads = 1})};
    if (!s.ctx) cli_die("losslab report", "out of memory");
    if (ctc_frames_draw(s.ctx, s.text, FRAMES, &s.frames) || ctc_scene_prepare(&s))
        cli_die("losslab report", "%s", tw_errmsg(s.ctx));
    fprintf(out, "<p>What <code>losslab ctc %s --frames %d --seed %d</code> draws.</p>\n", s.text, FRAMES, SEED);
    put_reading(&s, out);
    if (tw_error(s.ctx)) cli_die("losslab report", "%s", tw_errmsg(s.ctx));
    page_picture(out, ctc_picture(&s));
    ctc_scene_free(&s);
    tw_ctx_free(s.ctx);
}

void site_ctc(const site *s) {
    site_page p;
    FILE *out = open_chapter(s, "ctc-explained", "CTC, from the beginning", "../ctc", &p);
    page_lattice(out);
    page_close(s, &p);
}

/* ---- the museum ------------------------------------------------------------------------------------------------ */

/* A cell of a table; on a narrow screen, where rows are stacked, it says what it is of. */
static void put_cell(FILE *out, const char *of, const char *text) {
    if (of) fprintf(out, "<td data-of=\"%s\">", of);
    else fputs("<td>", out);
    page_words(out, text);
    fputs("</td>", out);
}

static bool put_piece(tw_ctx *ctx, const museum_piece *m, FILE *out) {
    museum_result wrong, right;
    museum_check_one(ctx, m, &wrong, &right);
    bool good = !wrong.passes && right.passes && !tw_error(ctx);
    fputs("<tr><td><strong>", out);
    page_words(out, m->name);
    fputs("</strong></td>", out);
    put_cell(out, "seen", m->seen);
    put_cell(out, "harm", m->harm);
    put_cell(out, "demanded", m->demands);
    fprintf(out, "<td><span class=\"%s\">%s</span> ", good ? "pass" : "fail", good ? "caught:" : "FAIL");
    page_words(out, tw_error(ctx) ? tw_errmsg(ctx) : right.passes ? wrong.found : right.found);
    fputs("</td></tr>\n", out);
    tw_error_clear(ctx);
    return good;
}

static bool put_fact(tw_ctx *ctx, const fact *f, FILE *out) {
    double x;
    char number[32];
    const char *verdict = fact_verdict(ctx, f, &x);
    bool good = verdict != FACT_FAILS, misprint = good && f->exact && f->printed;
    fprintf(out, "<tr><td><a href=\"%s.html\">%s</a>: ", f->loss, f->loss);
    page_words(out, f->claim);
    fputs("</td>", out);
    put_cell(out, NULL, f->printed ? f->printed : "");
    fprintf(out, "<td class=\"n\">%s</td><td class=\"%s\">%s</td></tr>\n", number_text(x, number),
            good && !misprint ? "pass" : "fail", verdict);
    tw_error_clear(ctx);
    return good;
}

bool site_museum(const site *s) {
    site_page p;
    bool good = true;
    FILE *out = page_open(s, "museum", "Wrong losses and misprints", &p);
    fputs("<h1>Wrong losses and misprints</h1>\n<h2 id=\"wrong-losses\">Wrong losses</h2>\n"
          "<p>Famous mistakes, each re-created in a few lines, and what a check finds in them, here and now. The "
          "library's own loss passes the same check.</p>\n<div class=\"wide stack\"><table>\n"
          "<tr><th>mistake</th><th>seen in</th><th>what it does to a training</th><th>demanded</th>"
          "<th>the check's outcome</th></tr>\n",
          out);
    for (size_t i = 0; i < museum_size; i++) good = put_piece(s->ctx, &museum[i], out) && good;
    fputs("</table></div>\n<h2 id=\"worked-numbers\">Worked numbers and misprints</h2>\n"
          "<p>What tutorials on losses print, and what it is when computed. Where nothing is printed, the computed "
          "number is checked against what it must be.</p>\n<div class=\"wide\" tabindex=\"0\"><table>\n"
          "<tr><th>claim</th><th>printed</th><th class=\"n\">computed</th><th>verdict</th></tr>\n",
          out);
    for (int i = 0; i < fact_count; i++) good = put_fact(s->ctx, &facts[i], out) && good;
    fputs("</table></div>\n", out);
    page_close(s, &p);
    return good;
}
