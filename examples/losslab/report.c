/* report.c - `losslab report`: a page for each loss and an index, HTML that needs nothing else. */
#include "losslab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/cli.h"
#include "../common/plain.h"
#include "about.h"
#include "figure.h"
#include "site.h"

static void put_panel(const site *s, const figure *f, int panel, FILE *out) {
    canvas *c = canvas_new(480, 340);
    canvas_describe(c, "%s, picture %d", f->layer->name, panel + 1);
    if (figure_panel(f, panel, c, 6, 6, 468, 330)) site_give_up(s);
    page_canvas(out, c);
}

static void put_figures(const site *s, const tw_cost *cost, FILE *out) {
    figure f;
    figure_find(s->ctx, cost, cost->layer->name, &f);
    fputs("<h2 id=\"curves\">Curves</h2>\n<div class=\"figures\">\n", out);
    for (int i = 0; i < figure_panels(&f); i++) put_panel(s, &f, i, out);
    fputs("</div>\n", out);
}

static FILE *open_memory(char **text, size_t *size) {
    FILE *out = open_memstream(text, size);
    if (out) return out;
    cli_die("losslab report", "out of memory");
}

static char *computed(const site *s, const tw_cost *cost, bool *pass) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memory(&text, &size);
    about_options(cost, out);
    if (about_example(s->ctx, cost, out) || about_gradient(s->ctx, cost, out, pass)) site_give_up(s);
    if (fclose(out)) cli_die("losslab report", "out of memory");
    return text;
}

static void write_loss(site *s, size_t i) {
    const tw_cost_layer *layer = tw_cost_at(i);
    const chapter *book = chapter_of(layer->name);
    site_page p;
    bool pass = false;
    tw_cost cost;
    if (tw_cost_find(s->ctx, layer->name, &cost)) site_give_up(s);
    char *text = computed(s, &cost, &pass);
    FILE *out = page_open(s, layer->name, layer->name, &p);
    bool lattice = !strcmp(layer->name, "ctc");
    fprintf(out,
            "<nav>Computed here: <a href=\"#curves\">curves</a>%s <a href=\"#all-options\">all options</a> "
            "<a href=\"#worked-through\">worked through</a> <a href=\"#gradient-check\">gradient check</a></nav>\n",
            lattice ? " <a href=\"#lattice\">lattice</a>" : "");
    if (book) page_chapter(out, book);
    else fprintf(out, "<h1>%s</h1>\n<p>The book has no chapter on it yet.</p>\n", layer->name);
    fputs("<h2 id=\"loss\">The loss <code>", out);
    fprintf(out, "%s</code></h2>\n<p>", layer->name);
    page_words(out, layer->summary);
    fprintf(out, "</p>\n<p>Gradient check: <span class=\"%s\">%s</span></p>\n", pass ? "pass" : "fail",
            pass ? "PASS" : "FAIL");
    put_figures(s, &cost, out);
    if (lattice) {
        fputs("<h2 id=\"lattice\">The lattice</h2>\n", out);
        page_lattice(out);
    }
    page_text(out, text);
    page_close(s, &p);
    free(text);
    if (i < sizeof s->pass / sizeof *s->pass) s->pass[i] = pass;
}

static void write_index(const site *s) {
    site_page p;
    FILE *out = page_open(s, "index", "The loss laboratory", &p);
    fputs("<h1>The loss laboratory</h1>\n<p>Each loss with its formula, its gradient derived, its curves, an example "
          "worked through, and a check of its gradient. Beside them: <a href=\"backprop.html\">backpropagation</a>, "
          "number by "
          "number; <a href=\"ctc-explained.html\">CTC from the beginning</a>; "
          "<a href=\"museum.html#wrong-losses\">famous wrong losses</a> and what a check finds in them; the "
          "<a href=\"museum.html#worked-numbers\">numbers that tutorials print</a>, misprints included.</p>\n"
          "<div class=\"cards\">\n",
          out);
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const tw_cost_layer *layer = tw_cost_at(i);
        tw_cost cost;
        figure f;
        if (tw_cost_find(s->ctx, layer->name, &cost)) site_give_up(s);
        fprintf(out, "<a class=\"card\" href=\"%s.html\"><b>%s</b> <span>", layer->name, layer->name);
        page_words(out, layer->summary);
        bool pass = i < sizeof s->pass / sizeof *s->pass && s->pass[i];
        fprintf(out, "</span>\n");
        figure_find(s->ctx, &cost, layer->name, &f);
        put_panel(s, &f, 0, out);
        fprintf(out, "<span>gradient check: <i class=\"%s\">%s</i></span></a>\n", pass ? "pass" : "fail",
                pass ? "PASS" : "FAIL");
    }
    fputs("</div>\n", out);
    const chapter *readme = chapter_named("README");
    if (readme) page_chapter(out, readme);
    page_close(s, &p);
}

int command_report(int argc, char **argv) {
    const cli_command command = {
        "losslab",
        "report",
        "DIR",
        "Writes a web site into the folder DIR: an index and a page for each loss with its chapter, curves, options,\n"
        "a worked example and a gradient check; the chapters on backpropagation and CTC with their pictures; famous\n"
        "wrong losses and misprinted numbers. Plain HTML without any other file: index.html is where to begin.",
        0,
        NULL};
    int operands = cli_parse(&command, argc, argv);
    if (operands != 1) cli_usage_error(&command, operands ? "one folder" : "which folder?");
    site s = {.folder = argv[1], .ctx = tw_ctx_new(1)};
    if (!s.ctx) cli_die("losslab report", "out of memory");
    if (mkdir(s.folder, 0777) && errno != EEXIST)
        cli_die("losslab report", "%s: cannot be made: %s", s.folder, strerror(errno));
    site_check(&s);
    bool pass = true;
    for (size_t i = 0; i < tw_cost_count(); i++) {
        write_loss(&s, i);
        pass = pass && s.pass[i];
    }
    site_backprop(&s);
    site_ctc(&s);
    bool museum_good = site_museum(&s);
    write_index(&s);
    plain_put(stdout, s.folder);
    puts("/index.html");
    if (!pass) fprintf(stderr, "losslab report: a gradient check failed; the index says which\n");
    if (!museum_good) fprintf(stderr, "losslab report: a check of the museum or of a worked number failed\n");
    tw_ctx_free(s.ctx);
    return pass && museum_good ? 0 : 1;
}
