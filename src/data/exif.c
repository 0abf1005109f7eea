/* exif.c - the orientation in a JPEG file's EXIF block. (EXIF 2.3, 4.5 and 4.6; TIFF 6.0, section 2)
 *
 * A JPEG file is a row of segments, FF, a marker, and mostly a length with as many bytes. The segment APP1 may begin
 * with "Exif", and then holds a TIFF file: a byte order, and the place of a table of 12-byte entries. Nothing in it is
 * believed: all is read from one segment of at most 64 KiB, and places outside of it say nothing. */
#include "data/exif.h"

#include <stdint.h>
#include <string.h>

enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, APP1 = 0xe1, TEM = 0x01, RST0 = 0xd0, RST7 = 0xd7 };
enum { MOST_SEGMENTS = 256, ORIENTATION = 0x0112, SHORT = 3, LONG = 4 };

typedef struct tiff {
    const uint8_t *data;
    size_t size;
    bool little;
} tiff;

/* n bytes at a place inside, as a number. */
static uint32_t number(const tiff *t, size_t at, int n) {
    uint32_t v = 0;
    for (int i = 0; i < n; i++) v |= (uint32_t)t->data[at + (size_t)i] << 8 * (t->little ? i : n - 1 - i);
    return v;
}

static int tiff_orientation(const uint8_t *data, size_t size) {
    tiff t = {data, size, size > 0 && data[0] == 'I'};
    if (size < 8 || (memcmp(data, "II", 2) && memcmp(data, "MM", 2)) || number(&t, 2, 2) != 42) return 1;
    size_t table = number(&t, 4, 4);
    if (table > size - 2) return 1;
    size_t entries = number(&t, table, 2), fit = (size - table - 2) / 12;
    for (size_t i = 0; i < entries && i < fit; i++) {
        size_t at = table + 2 + 12 * i;
        if (number(&t, at, 2) != ORIENTATION) continue;
        uint32_t type = number(&t, at + 2, 2), count = number(&t, at + 4, 4);
        uint32_t value = type == SHORT ? number(&t, at + 8, 2) : type == LONG ? number(&t, at + 8, 4) : 0;
        return count == 1 && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int tw__exif_orientation(FILE *file) {
    uint8_t segment[65536];
    rewind(file);
    if (fgetc(file) != 0xff || fgetc(file) != SOI) return 1;
    for (int i = 0; i < MOST_SEGMENTS; i++) {
        int marker = fgetc(file);
        if (marker != 0xff) return 1;
        while (marker == 0xff) marker = fgetc(file); /* any number of FF may stand before a marker */
        if (marker == EOF || marker == EOI || marker == SOS || !marker) return 1;
        if (marker == TEM || marker == SOI || (marker >= RST0 && marker <= RST7)) continue;
        int high = fgetc(file), low = fgetc(file);
        if (high == EOF || low == EOF || 256 * high + low < 2) return 1;
        int length = 256 * high + low - 2;
        if (marker != APP1) {
            if (fseek(file, length, SEEK_CUR)) return 1;
            continue;
        }
        size_t got = fread(segment, 1, (size_t)length, file);
        if (got >= 6 && !memcmp(segment, "Exif\0", 6)) return tiff_orientation(segment + 6, got - 6);
        if (got < (size_t)length) return 1;
    }
    return 1;
}

tw__turn tw__exif_turn(int orientation, int w, int h) {
    long right = w - 1, bottom = h - 1; /* of the stored picture */
    switch (orientation) {
    case 2: return (tw__turn){false, right, -1, w};               /* mirrored */
    case 3: return (tw__turn){false, bottom * w + right, -1, -w}; /* upside down */
    case 4: return (tw__turn){false, bottom * w, 1, -w};          /* both */
    case 5: return (tw__turn){true, 0, h, 1};                     /* rows and columns exchanged */
    case 6: return (tw__turn){true, bottom, h, -1};               /* to be turned clockwise */
    case 7: return (tw__turn){true, right * h + bottom, -h, -1};  /* exchanged along the other diagonal */
    case 8: return (tw__turn){true, right * h, -h, 1};            /* to be turned counter-clockwise */
    default: return (tw__turn){false, 0, 1, w};
    }
}
