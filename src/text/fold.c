/* fold.c - see fold.h. */
#include "text/fold.h"

#include "text/utf8.h"

#include <utf8proc.h>

static bool is_letter_or_digit(utf8proc_category_t c) {
    switch (c) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN: /* the marks of scripts that are not written without them */
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return true;
    default: return false;
    }
}

static bool is_punctuation(utf8proc_category_t c) {
    switch (c) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_SM: /* as C's ispunct, which has $ + < = > ^ ` | ~ too */
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO: return true;
    default: return false;
    }
}

/* Each run of white space becomes one space, at the ends it goes. */
static size_t trim(int32_t *point, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool space = tw__is_space(point[i]);
        if (space && (!kept || point[kept - 1] == ' ')) continue;
        point[kept++] = space ? ' ' : point[i];
    }
    return kept && point[kept - 1] == ' ' ? kept - 1 : kept;
}

int32_t *tw__fold_scratch(tw_ctx *ctx, const char *what, const char *utf8, unsigned ignore, size_t *n) {
    int32_t *point = ignore & TW_IGNORE_CASE ? tw__casefold_scratch(ctx, what, utf8, n)
                                             : tw__nfc_scratch(ctx, what, utf8, n);
    if (!point || !(ignore & (TW_IGNORE_PUNCTUATION | TW_IGNORE_ALL_BUT_LETTERS_AND_DIGITS))) return point;
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        utf8proc_category_t c = utf8proc_category(point[i]);
        bool keep = ignore & TW_IGNORE_ALL_BUT_LETTERS_AND_DIGITS ? is_letter_or_digit(c) : !is_punctuation(c);
        if (keep) point[kept++] = point[i];
    }
    *n = trim(point, kept);
    return point;
}
