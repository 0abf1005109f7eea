/* report.c - `losslab report`: a page for each loss and an index, HTML that needs nothing else. */
#include "losslab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/cli.h"
#include "about.h"
#include "chapters.h"
#include "figure.h"
#include "markdown.h"

static const char style[] =
    "*{box-sizing:border-box}"
    "html{color-scheme:light dark;-webkit-text-size-adjust:100%}"
    "body{margin:0 auto;max-width:64rem;padding:0 1rem 4rem;background:var(--paper);color:var(--ink);"
    "font:1rem/1.6 system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    "p,ul,ol{max-width:46rem}"
    "a{color:var(--s1)}"
    "h1{font-size:1.9rem;line-height:1.2;margin:1.5rem 0 1rem}"
    "h2{font-size:1.3rem;margin:2.2rem 0 .6rem;padding-top:.8rem;border-top:1px solid var(--grid)}"
    "h3{font-size:1.1rem;margin:1.6rem 0 .4rem}"
    "nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:.8rem 0;border-bottom:1px solid "
    "var(--grid);font-size:.95rem}"
    "nav b{color:var(--ink)}"
    "code,pre{font-family:ui-monospace,'DejaVu Sans Mono',Consolas,monospace;font-size:.88em}"
    "code{background:color-mix(in srgb,var(--grid) 45%,transparent);border-radius:3px;padding:.08em .3em}"
    "pre{overflow-x:auto;padding:.8rem 1rem;border:1px solid var(--grid);border-radius:6px;line-height:1.45}"
    "pre code{background:none;padding:0;font-size:1em}"
    ".wide{overflow-x:auto;margin:1rem 0}"
    "table{border-collapse:collapse;font-size:.93rem;font-variant-numeric:tabular-nums}"
    "th,td{padding:.3rem .7rem;border-bottom:1px solid var(--grid);text-align:left;vertical-align:top}"
    "th{color:var(--muted);font-weight:600}.n{text-align:right}td.n{white-space:nowrap}"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:1rem}"
    ".figures svg,.card svg{width:100%;height:auto;display:block}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,18rem),1fr));gap:1rem}"
    ".card{border:1px solid "
    "var(--grid);border-radius:8px;padding:.9rem;color:inherit;text-decoration:none;display:block}"
    ".card:hover,.card:focus{border-color:var(--s1)}"
    ".card b{font-size:1.1rem;color:var(--s1)}.card span{display:block;color:var(--muted);font-size:.9rem;margin:.2rem "
    "0 .6rem}"
    ".pass{color:var(--good);font-weight:600}.fail{color:var(--bad);font-weight:600}"
    "footer{margin-top:3rem;color:var(--muted);font-size:.9rem}"
    "@media(max-width:30rem){th,td{padding:.3rem .35rem}table{font-size:.82rem}}"
    "@media print{html{font-size:10pt}nav,footer{display:none}body{max-width:none;padding:0}"
    "pre{white-space:pre-wrap;font-size:.78em}table{font-size:.8rem}th,td{padding:.2rem .4rem}"
    ".figures svg,.card,tr,pre{break-inside:avoid}h2,h3{break-after:avoid}.figures{grid-template-columns:1fr 1fr}}";

typedef struct site {
    const char *folder;
    tw_ctx *ctx;
    bool pass[64]; /* of each loss's gradient */
} site;

_Noreturn static void give_up(const site *s) { cli_die("losslab report", "%s", tw_errmsg(s->ctx)); }

/* A file to write to, or memory when path is NULL; gives up when there is none. */
static FILE *open_or_give_up(const char *path, char **text, size_t *size) {
    FILE *out = path ? fopen(path, "w") : open_memstream(text, size);
    if (out) return out;
    cli_die("losslab report", "%s: cannot be written: %s", path ? path : "memory", strerror(errno));
}

static FILE *open_page(const site *s, const char *name, const char *title, char *path, size_t size) {
    snprintf(path, size, "%s/%s.html", s->folder, name);
    FILE *out = open_or_give_up(path, NULL, NULL);
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>%s</title>\n<style>\n",
            title);
    canvas_css(out, ":root");
    fprintf(out, "%s\n</style>\n</head>\n<body>\n", style);
    return out;
}

static void close_page(FILE *out, const char *path) {
    fprintf(out,
            "<footer>Made by <code>losslab report</code>, Thalweg %s. Every curve, number and check on this page was "
            "computed.</footer>\n"
            "</body>\n</html>\n",
            tw_version());
    bool failed = ferror(out);
    if (fclose(out) || failed) cli_die("losslab report", "%s: cannot be written: %s", path, strerror(errno));
}

/* ---- links ---------------------------------------------------------------------------------------------------- */

/* The first loss that a chapter is about. */
static const char *loss_of(const char *chapter_name) {
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const char *name = tw_cost_name(tw_cost_at(i));
        if (!strcmp(name, chapter_name)) return name;
    }
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const chapter *book = chapter_of(tw_cost_name(tw_cost_at(i)));
        if (book && !strcmp(book->name, chapter_name)) return tw_cost_name(tw_cost_at(i));
    }
    return NULL;
}

/* Chapters are pages here, and what is on the web stays there; other files of the book and the source are elsewhere. */
static bool link_to(FILE *out, void *user, const char *where, int size) {
    char name[64];
    int word = (int)strcspn(where, ".#)");
    (void)user;
    if (*where == '#' || (size > 4 && !strncmp(where, "http", 4))) return fwrite(where, 1, (size_t)size, out) > 0;
    if (word >= (int)sizeof name || word + 3 > size || strncmp(where + word, ".md", 3)) return false;
    snprintf(name, sizeof name, "%.*s", word, where);
    const char *page = !strcmp(name, "README") ? "index" : loss_of(name);
    if (page) fprintf(out, "%s.html%.*s", page, size - word - 3, where + word + 3);
    return page;
}

/* ---- a page ------------------------------------------------------------------------------------------------------ */

static void put_navigation(FILE *out, const char *here) {
    fputs("<nav><a href=\"index.html\">All losses</a>", out);
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const char *name = tw_cost_name(tw_cost_at(i));
        if (!strcmp(name, here)) fprintf(out, " <b>%s</b>", name);
        else fprintf(out, " <a href=\"%s.html\">%s</a>", name, name);
    }
    fputs("</nav>\n", out);
}

static void put_panel(const site *s, const figure *f, int panel, FILE *out) {
    canvas *c = canvas_new(480, 340);
    canvas_describe(c, "%s, picture %d", f->layer->name, panel + 1);
    if (figure_panel(f, panel, c, 6, 6, 468, 330)) give_up(s);
    char *svg = canvas_svg(c);
    if (svg) fputs(svg, out);
    else cli_die("losslab report", "out of memory");
    free(svg);
    canvas_free(c);
}

static void put_figures(const site *s, const tw_cost *cost, FILE *out) {
    figure f;
    figure_find(s->ctx, cost, cost->layer->name, &f);
    fputs("<h2 id=\"curves\">Curves</h2>\n<div class=\"figures\">\n", out);
    for (int i = 0; i < figure_panels(&f); i++) put_panel(s, &f, i, out);
    fputs("</div>\n", out);
}

static char *computed(const site *s, const tw_cost *cost, bool *pass) {
    char *text = NULL;
    size_t size;
    FILE *out = open_or_give_up(NULL, &text, &size);
    about_options(cost, out);
    if (about_example(s->ctx, cost, out) || about_gradient(s->ctx, cost, out, pass)) give_up(s);
    if (fclose(out)) cli_die("losslab report", "out of memory");
    return text;
}

static void write_loss(site *s, size_t i) {
    const tw_cost_layer *layer = tw_cost_at(i);
    const chapter *book = chapter_of(layer->name);
    char path[4096];
    bool pass = false;
    tw_cost cost;
    if (tw_cost_find(s->ctx, layer->name, &cost)) give_up(s);
    char *text = computed(s, &cost, &pass);
    FILE *out = open_page(s, layer->name, layer->name, path, sizeof path);
    put_navigation(out, layer->name);
    fputs("<nav>Computed here: <a href=\"#curves\">curves</a> <a href=\"#all-options\">all options</a> "
          "<a href=\"#worked-through\">worked through</a> <a href=\"#gradient-check\">gradient check</a></nav>\n",
          out);
    if (book) md_html(out, book->text, link_to, NULL);
    else fprintf(out, "<h1>%s</h1>\n<p>The book has no chapter on it yet.</p>\n", layer->name);
    fputs("<h2 id=\"loss\">The loss <code>", out);
    fprintf(out, "%s</code></h2>\n<p>", layer->name);
    md_html_escape(out, layer->summary, (int)strlen(layer->summary));
    fprintf(out, "</p>\n<p>Gradient check: <span class=\"%s\">%s</span></p>\n", pass ? "pass" : "fail",
            pass ? "PASS" : "FAIL");
    put_figures(s, &cost, out);
    md_html(out, text, link_to, NULL);
    close_page(out, path);
    free(text);
    if (i < sizeof s->pass / sizeof *s->pass) s->pass[i] = pass;
}

static void write_index(const site *s) {
    char path[4096];
    FILE *out = open_page(s, "index", "The loss laboratory", path, sizeof path);
    fputs("<h1>The loss laboratory</h1>\n<p>Each loss with its formula, its gradient derived, its curves, an example "
          "worked "
          "through, and a check of its gradient.</p>\n<div class=\"cards\">\n",
          out);
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const tw_cost_layer *layer = tw_cost_at(i);
        tw_cost cost;
        figure f;
        if (tw_cost_find(s->ctx, layer->name, &cost)) give_up(s);
        fprintf(out, "<a class=\"card\" href=\"%s.html\"><b>%s</b> <span>", layer->name, layer->name);
        md_html_escape(out, layer->summary, (int)strlen(layer->summary));
        bool pass = i < sizeof s->pass / sizeof *s->pass && s->pass[i];
        fprintf(out, "</span>\n");
        figure_find(s->ctx, &cost, layer->name, &f);
        put_panel(s, &f, 0, out);
        fprintf(out, "<span>gradient check: <i class=\"%s\">%s</i></span></a>\n", pass ? "pass" : "fail",
                pass ? "PASS" : "FAIL");
    }
    fputs("</div>\n", out);
    const chapter *readme = chapter_named("README");
    if (readme) md_html(out, readme->text, link_to, NULL);
    close_page(out, path);
}

int command_report(int argc, char **argv) {
    const cli_command command = {
        "losslab",
        "report",
        "DIR",
        "Writes a web site into the folder DIR: an index and a page for each loss with its chapter, curves, options, "
        "a\n"
        "worked example and a gradient check. Plain HTML without any other file: index.html is where to begin.",
        0,
        NULL};
    int operands = cli_parse(&command, argc, argv);
    if (operands != 1) cli_usage_error(&command, operands ? "one folder" : "which folder?");
    site s = {.folder = argv[1], .ctx = tw_ctx_new(1)};
    if (!s.ctx) cli_die("losslab report", "out of memory");
    if (mkdir(s.folder, 0777) && errno != EEXIST)
        cli_die("losslab report", "%s: cannot be made: %s", s.folder, strerror(errno));
    bool pass = true;
    for (size_t i = 0; i < tw_cost_count(); i++) {
        write_loss(&s, i);
        pass = pass && s.pass[i];
    }
    write_index(&s);
    printf("%s/index.html\n", s.folder);
    if (!pass) fprintf(stderr, "losslab report: a gradient check failed; the index says which\n");
    tw_ctx_free(s.ctx);
    return pass ? 0 : 1;
}
