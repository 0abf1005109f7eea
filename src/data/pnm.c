/* pnm.c - see pnm.h. (Netpbm: pgm(5), ppm(5))
 *
 * The header is P5 or P6, width, height and maxval, with white space or comments (# to the end of the line) in front of
 * each number and one white space behind the last. stb_image 2.27 reads these files too, but does not look at maxval,
 * and of two bytes takes the lower one. */
#include "data/pnm.h"

#include <limits.h>
#include <stdlib.h>

/* Far more than a header needs; comments may be made of a billion bytes that take no room on a disk. */
enum { MOST_HEADER = 1 << 20, MOST_SAMPLE = 65535 };

bool tw__pnm_begins(FILE *file) {
    rewind(file);
    if (getc_unlocked(file) != 'P') return false;
    int kind = getc_unlocked(file);
    return kind == '5' || kind == '6';
}

static bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_digit(int c) { return c >= '0' && c <= '9'; }

/* The next byte of a header that may still have *left bytes; EOF when it has had them. */
static int next(FILE *file, int *left) { return (*left)-- > 0 ? getc_unlocked(file) : EOF; }

/* A number and the white space behind it; -1: there is none, INT_MAX: at least. */
static int number(FILE *file, int *left) {
    int c = next(file, left), n = 0;
    while (is_space(c) || c == '#') {
        if (c == '#')
            while (c != '\n' && c != '\r' && c != EOF) c = next(file, left);
        else c = next(file, left);
    }
    if (!is_digit(c)) return -1;
    for (; is_digit(c); c = next(file, left)) n = n > (INT_MAX - 9) / 10 ? INT_MAX : 10 * n + (c - '0');
    if (c == '#') /* a comment right behind a number ends it, and its line is the white space */
        while (c != '\n' && c != '\r' && c != EOF) c = next(file, left);
    return is_space(c) ? n : -1;
}

const char *tw__pnm_header(FILE *file, tw__pnm *h, char why[96]) {
    int left = MOST_HEADER;
    rewind(file);
    getc_unlocked(file); /* P */
    h->channels = getc_unlocked(file) == '6' ? 3 : 1;
    h->width = number(file, &left);
    h->height = h->width < 0 ? -1 : number(file, &left);
    h->white = h->height < 0 ? -1 : number(file, &left);
    if (left < 0) return "damaged picture (its header has no end)";
    if (h->white < 0) {
        if (feof(file)) return "the file ends before its picture does";
        const char *what = h->width < 0 ? "width" : h->height < 0 ? "height" : "maxval";
        snprintf(why, 96, "damaged picture (its header has no number for the %s)", what);
        return why;
    }
    if (h->white >= 1 && h->white <= MOST_SAMPLE) return NULL;
    snprintf(why, 96, "the header announces a maxval of %d; it is at least 1 and at most %d", h->white, MOST_SAMPLE);
    return why;
}

static uint8_t to_8_bits(unsigned v, unsigned white) {
    unsigned rounded = (255 * v + white / 2) / white;
    return (uint8_t)(rounded < 255 ? rounded : 255);
}

tw_err tw__pnm_samples(FILE *file, const tw__pnm *h, uint8_t *pixels) {
    size_t line = (size_t)h->width * (size_t)h->channels;
    unsigned white = (unsigned)h->white;
    uint8_t value[256], *wide = NULL;
    for (unsigned v = 0; v < 256; v++) value[v] = to_8_bits(v, white);
    if (white > 255 && !(wide = malloc(2 * line))) return TW_ERR_NOMEM;
    bool whole = true;
    for (int y = 0; whole && y < h->height; y++, pixels += line) {
        whole = fread(wide ? wide : pixels, wide ? 2 : 1, line, file) == line;
        for (size_t i = 0; whole && i < line; i++)
            pixels[i] = wide ? to_8_bits(wide[2 * i] * 256U + wide[2 * i + 1], white) : value[pixels[i]];
    }
    free(wide);
    return whole ? TW_OK : ferror(file) ? TW_ERR_IO : TW_ERR_FORMAT;
}
