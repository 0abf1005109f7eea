/* site.c - see site.h. */
#include "site.h"

#include <stdlib.h>
#include <string.h>

#include "../common/cli.h"
#include "chapters.h"
#include "markdown.h"

static const char style[] =
    "*{box-sizing:border-box}"
    "html{color-scheme:light dark;-webkit-text-size-adjust:100%}"
    "body{margin:0 auto;max-width:64rem;padding:0 1rem "
    "4rem;background:var(--paper);color:var(--ink);overflow-wrap:break-word;"
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
    ".picture{overflow-x:auto;margin:1rem calc(50% - min(50vw - 1rem,.55*var(--wide)));border:1px solid var(--grid);"
    "border-radius:6px;background:var(--paper)}"
    ".picture svg{display:block;margin:auto;width:100%;height:auto;min-width:calc(.85*var(--wide));"
    "max-width:calc(1.1*var(--wide))}"
    "footer{margin-top:3rem;color:var(--muted);font-size:.9rem}"
    "@media(max-width:30rem){th,td{padding:.3rem .35rem}table{font-size:.82rem}"
    ".stack th{display:none}.stack td{display:block;border:0;padding:.15rem 0;font-size:.95rem}"
    ".stack td[data-of]::before{content:attr(data-of) ': ';color:var(--muted)}"
    ".stack td:first-child{padding-top:.8rem}.stack td:last-child{border-bottom:1px solid var(--grid);"
    "padding-bottom:.8rem}}"
    "@media print{html{font-size:10pt}nav,footer{display:none}body{max-width:none;padding:0}"
    "pre{white-space:pre-wrap;font-size:.78em}table{font-size:.8rem}th,td{padding:.2rem .4rem}"
    ".picture{margin:1rem 0}.picture svg{min-width:0}"
    ".figures svg,.card,tr,pre{break-inside:avoid}h2,h3{break-after:avoid}.figures{grid-template-columns:1fr 1fr}}";

_Noreturn void site_give_up(const site *s) { cli_die("losslab report", "%s", tw_errmsg(s->ctx)); }

/* ---- pages ------------------------------------------------------------------------------------------------ */

/* Pages that are about no single loss; where the chapters' links to them lead, seen from docs/losses. */
static const struct {
    const char *page, *title, *linked;
} other[] = {
    {"index", "All losses", "README.md"},
    {"backprop", "Backpropagation", "../backprop.md"},
    {"ctc-explained", "CTC explained", "../ctc.md"},
    {"museum", "Wrong losses, misprints", "../../tests/museum.c"},
};
enum { OTHERS = sizeof other / sizeof *other };

static void put_entry(FILE *out, const char *page, const char *title, const char *here) {
    if (!strcmp(page, here)) fprintf(out, " <b>%s</b>", title);
    else fprintf(out, " <a href=\"%s.html\">%s</a>", page, title);
}

static void put_navigation(FILE *out, const char *here) {
    fputs("<nav>", out);
    for (int i = 0; i < OTHERS; i++) put_entry(out, other[i].page, other[i].title, here);
    fputs("</nav>\n", out);
    if (!strcmp(here, "index")) return;
    fputs("<nav>", out);
    for (size_t i = 0; i < tw_cost_count(); i++)
        put_entry(out, tw_cost_name(tw_cost_at(i)), tw_cost_name(tw_cost_at(i)), here);
    fputs("</nav>\n", out);
}

static void path_of(const site *s, const char *name, site_page *p) {
    snprintf(p->path, sizeof p->path, "%s/%s.html", s->folder, name);
}

void site_check(const site *s) {
    site_page p;
    path_of(s, "index", &p);
    if (cli_check_out(s->ctx, p.path)) site_give_up(s);
}

FILE *page_open(const site *s, const char *name, const char *title, site_page *p) {
    path_of(s, name, p);
    if (outfile_open(s->ctx, &p->file, p->path)) site_give_up(s);
    FILE *out = p->file.to;
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>%s</title>\n<style>\n",
            title);
    canvas_css(out, ":root");
    fprintf(out, "%s\n</style>\n</head>\n<body>\n", style);
    put_navigation(out, name);
    return out;
}

void page_close(const site *s, site_page *p) {
    fprintf(p->file.to,
            "<footer>Made by <code>losslab report</code>, Thalweg %s. Every picture, worked example and check on this "
            "page was computed.</footer>\n"
            "</body>\n</html>\n",
            tw_version());
    if (outfile_close(s->ctx, &p->file, p->path)) site_give_up(s);
}

void page_canvas(FILE *out, canvas *c) {
    char *svg = canvas_svg(c);
    if (svg) fputs(svg, out);
    else cli_die("losslab report", "out of memory");
    free(svg);
    canvas_free(c);
}

void page_picture(FILE *out, canvas *c) {
    fprintf(out, "<div class=\"picture\" tabindex=\"0\" style=\"--wide:%.0fpx\">\n", c ? canvas_width(c) : 0);
    page_canvas(out, c);
    fputs("</div>\n", out);
}

void page_words(FILE *out, const char *text) { md_html_escape(out, text, (int)strlen(text)); }

/* ---- links ------------------------------------------------------------------------------------------------ */

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

/* The page of a file, which is named as seen from docs/losses; NULL: it has none. */
static const char *page_of(char *file) {
    for (int i = 0; i < OTHERS; i++)
        if (!strcmp(file, other[i].linked)) return other[i].page;
    char *end = strstr(file, ".md");
    if (!end || end[3]) return NULL;
    *end = 0;
    return loss_of(file);
}

/* Chapters are pages here, and what is on the web stays there; other files of the book and the source are elsewhere.
 * user: the chapter's folder as seen from docs/losses. */
static bool link_to(FILE *out, void *user, const char *where, int size) {
    const char *folder = user;
    char file[80];
    int n = (int)strcspn(where, "#)"), skip = 0;
    if (*where == '#' || (size > 4 && !strncmp(where, "http", 4))) return fwrite(where, 1, (size_t)size, out) > 0;
    if (n > size) n = size;
    if (*folder && !strncmp(where, "losses/", 7)) folder = "", skip = 7;
    if (snprintf(file, sizeof file, "%s%.*s", folder, n - skip, where + skip) >= (int)sizeof file) return false;
    const char *page = page_of(file);
    if (page) fprintf(out, "%s.html%.*s", page, size - n, where + n);
    return page;
}

void page_text(FILE *out, const char *text) { md_html(out, text, link_to, ""); }

void page_chapter(FILE *out, const chapter *c) {
    md_html(out, c->text, link_to, strncmp(c->name, "../", 3) ? "" : "../");
}
