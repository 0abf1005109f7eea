/* utf8.c - UTF-8 to code points in normalisation form C, by utf8proc: the same text typed as one code point or as a
 * letter and an accent is the same from here on. */
#include "text/utf8.h"

#include "tensor/utf8_valid.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static const utf8proc_option_t NFC = UTF8PROC_STABLE | UTF8PROC_COMPOSE;

static const utf8proc_uint8_t *bytes(const char *utf8) { return (const utf8proc_uint8_t *)utf8; }

/* How many code points, at least one, or 0 when utf8 is not UTF-8. */
static size_t room_for(const char *utf8, utf8proc_option_t options) {
    utf8proc_ssize_t n = utf8proc_decompose(bytes(utf8), (utf8proc_ssize_t)strlen(utf8), NULL, 0, options);
    return n < 0 ? 0 : n ? (size_t)n : 1;
}

static size_t normalise(const char *utf8, int32_t *point, size_t room, utf8proc_option_t options) {
    utf8proc_ssize_t length = (utf8proc_ssize_t)strlen(utf8);
    utf8proc_ssize_t n = utf8proc_decompose(bytes(utf8), length, point, (utf8proc_ssize_t)room, options);
    if (n > 0) n = utf8proc_normalize_utf32(point, n, NFC);
    return n > 0 ? (size_t)n : 0;
}

size_t tw__nfc_room(const char *utf8) { return room_for(utf8, NFC); }
size_t tw__nfc(const char *utf8, int32_t *point, size_t room) { return normalise(utf8, point, room, NFC); }

static int32_t *in_scratch(tw_ctx *ctx, const char *what, const char *utf8, size_t *n, utf8proc_option_t options) {
    size_t room = room_for(utf8, options);
    if (!room) {
        size_t at = tw__utf8_valid(utf8, strlen(utf8));
        return tw_fail(ctx, TW_ERR_FORMAT, "%s: not UTF-8 at byte %zu (0x%02x)", what, at + 1, (unsigned char)utf8[at]);
    }
    int32_t *point = tw_scratch(ctx, room * sizeof *point);
    if (point) *n = normalise(utf8, point, room, options);
    return point;
}

int32_t *tw__nfc_scratch(tw_ctx *ctx, const char *what, const char *utf8, size_t *n) {
    return in_scratch(ctx, what, utf8, n, NFC);
}

int32_t *tw__casefold_scratch(tw_ctx *ctx, const char *what, const char *utf8, size_t *n) {
    return in_scratch(ctx, what, utf8, n, NFC | UTF8PROC_CASEFOLD);
}

bool tw__is_space(int32_t point) {
    if (point < 0x80) return point == ' ' || (point >= '\t' && point <= '\r');
    utf8proc_category_t c = utf8proc_category(point);
    return point == 0x85 || c == UTF8PROC_CATEGORY_ZS || c == UTF8PROC_CATEGORY_ZL || c == UTF8PROC_CATEGORY_ZP;
}

int32_t *tw__line_scratch(tw_ctx *ctx, const char *what, const char *utf8, size_t *n) {
    int32_t *point = tw__nfc_scratch(ctx, what, utf8, n);
    size_t kept = 0;
    bool space = false;
    for (size_t i = 0; point && i < *n; i++) {
        if (point[i] == TW__JOINER) continue;
        if (tw__is_space(point[i])) {
            space = true;
            continue;
        }
        if (space && kept) point[kept++] = ' ';
        space = false;
        point[kept++] = point[i];
    }
    *n = kept;
    return point;
}

size_t tw__utf8_put(int32_t point, char *to) { return (size_t)utf8proc_encode_char(point, (utf8proc_uint8_t *)to); }

int tw__utf8_cut(const char *utf8, int most) {
    if (strlen(utf8) <= (size_t)most) return (int)strlen(utf8);
    while (most > 0 && ((unsigned char)utf8[most] & 0xc0) == 0x80) most--;
    return most;
}

long tw_utf8_length(const char *utf8) {
    size_t room = tw__nfc_room(utf8);
    int32_t *point = room ? malloc(room * sizeof *point) : NULL;
    long n = point ? (long)tw__nfc(utf8, point, room) : -1;
    free(point);
    return n;
}
