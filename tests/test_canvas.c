/* test_canvas.c - losslab's pictures: what their files cannot hold. */
#include "../examples/losslab/canvas.h"
#include "util_files.h"

#include <unistd.h>

Test(canvas, a_png_that_is_too_large) {
    char path[256], error[512] = "";
    temp_path("large.png", path, sizeof path);
    cr_assert(canvas_fits(8192, 4096, path, error, sizeof error) && !*error); /* units of two dots: 2^27 of them */
    cr_assert(!canvas_fits(8192, 4096.5, path, error, sizeof error));
    cr_assert(strstr(error, "large.png: 16384 x 8193 pixels are too many for a PNG"), "%s", error);
    cr_assert(canvas_fits(1e6, 1e6, "large.svg", error, sizeof error));
    canvas *c = canvas_new(1e6, 1e6);
    cr_assert(!canvas_save(c, path, error, sizeof error));
    cr_assert(strstr(error, "large.png: 2000000 x 2000000 pixels are too many for a PNG"), "%s", error);
    cr_assert_neq(access(path, F_OK), 0);
    canvas_free(c);
}

/* The text of an SVG's <title>, to be freed with svg. */
static const char *title_of(const char *text, char **svg) {
    canvas *c = canvas_new(10, 10);
    canvas_describe(c, "%s", text);
    *svg = canvas_svg(c);
    canvas_free(c);
    cr_assert_not_null(*svg);
    char *title = strstr(*svg, "<title>"), *end = strstr(*svg, "</title>");
    cr_assert(title && end);
    *end = 0;
    return title + strlen("<title>");
}

#define NOT_A_CHARACTER "\xef\xbf\xbd"
Test(canvas, what_xml_has_no_character_for) {
    static const struct {
        const char *text, *want;
    } some[] = {
        {"a<b>&\"'", "a&lt;b&gt;&amp;\"'"},
        {"\t\n\r ~\x7f", "\t\n\r ~\x7f"},
        {"\1x\x1f\x0b", NOT_A_CHARACTER "x" NOT_A_CHARACTER NOT_A_CHARACTER},
        {"\xc3\xb6\xe2\x82\x81\xef\xbf\xbd\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
         "\xc3\xb6\xe2\x82\x81\xef\xbf\xbd\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
        {"\xef\xbf\xbe.\xef\xbf\xbf", NOT_A_CHARACTER "." NOT_A_CHARACTER},
        /* one for each byte that is no UTF-8, as in all that the programs read: half of a pair of UTF-16, a character
         * written longer than it is, one above U+10FFFF, one that is cut short */
        {"\xed\xa0\x80", NOT_A_CHARACTER NOT_A_CHARACTER NOT_A_CHARACTER},
        {"\xe0\x80\xaf", NOT_A_CHARACTER NOT_A_CHARACTER NOT_A_CHARACTER},
        {"\xf4\x90\x80\x80", NOT_A_CHARACTER NOT_A_CHARACTER NOT_A_CHARACTER NOT_A_CHARACTER},
        {"\xc0.\xff.\x80", NOT_A_CHARACTER "." NOT_A_CHARACTER "." NOT_A_CHARACTER},
        {"\xe2\x82", NOT_A_CHARACTER NOT_A_CHARACTER},
    };
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        char *svg;
        const char *title = title_of(some[i].text, &svg);
        cr_assert_str_eq(title, some[i].want, "%zu: \"%s\"", i, title);
        free(svg);
    }
}
