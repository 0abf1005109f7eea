/* fold.c - see fold.h. Cases and classes are those of the C library's own table, whatever the user's language. */
#include "fold.h"

#include "utf8.h"

#include <locale.h>
#include <stdbool.h>
#include <wctype.h>

static locale_t unicode(void) {
    static locale_t table;
    static bool asked;
    if (!asked) table = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    asked = true;
    return table;
}

static wint_t lower(wint_t c) {
    locale_t table = unicode();
    return table ? towlower_l(c, table) : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool letter_or_digit(wint_t c) {
    locale_t table = unicode();
    if (table) return iswalnum_l(c, table);
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

size_t fold_text(const char *text, fold_kind kind, int32_t *point) {
    size_t n = 0;
    uint32_t code;
    while ((code = utf8_next(&text))) {
        if (kind == FOLD_PLAIN && !letter_or_digit(code)) continue;
        point[n++] = (int32_t)(kind == FOLD_NOTHING ? code : lower(code));
    }
    return n;
}
