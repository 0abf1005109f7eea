/* jpeg_tables.c - see jpeg_tables.h. (ITU T.81, B.2.4.2)
 *
 * A segment FF C4 holds Huffman tables: a byte with the table's number, 16 with how many symbols have a code of 1 ..
 * 16 bits, and the symbols. The counts may add up to 4,080, of which stb_image 2.27 stores 256, and writes on. So a
 * file is looked through before stb_image sees it.
 *
 * In front of the first scan segments are skipped by their lengths, as stb_image does it, for what is in them may be
 * anything. Behind it every FF C4 is looked at: in a scan's data FF is followed by 00 or by a restart marker, so a
 * sound file has these two bytes only where tables are, and a damaged one cannot hide them. */
#include "data/jpeg_tables.h"

#include <limits.h>

enum { SOI = 0xd8, DHT = 0xc4, SOS = 0xda };
/* Symbol 255 is stb_image's sign for "look further", so a table may not have it. None needs more than 176 symbols. */
enum { LENGTHS = 16, MOST_SYMBOLS = 255 };

static int number(FILE *file) {
    int high = getc_unlocked(file), low = getc_unlocked(file);
    return low == EOF ? -1 : 256 * high + low;
}

/* The tables of one segment, whose length comes first. A file that ends here is told elsewhere. */
static bool segment_ok(FILE *file) {
    for (int left = number(file) - 2; left > 0;) {
        int symbols = 0, count = getc_unlocked(file); /* the table's number */
        for (int i = 0; i < LENGTHS && count != EOF; i++) {
            count = getc_unlocked(file);
            if (count != EOF) symbols += count;
        }
        if (symbols > MOST_SYMBOLS) return false;
        if (count == EOF || fseek(file, symbols, SEEK_CUR)) return true;
        left -= 1 + LENGTHS + symbols;
    }
    return true;
}

/* The same, and the file stands where it stood. */
static bool tables_ok_here(FILE *file) {
    long at = ftell(file);
    return at >= 0 && segment_ok(file) && !fseek(file, at, SEEK_SET);
}

/* The next marker, EOF, or NONE: not among `most` bytes. Other bytes in front of it are passed over, as stb_image does
 * it. */
enum { NONE = -2, MOST_STRAY = 1 << 20 };
static int next_marker(FILE *file, long most) {
    int byte = getc_unlocked(file);
    for (; byte != 0xff && byte != EOF; byte = getc_unlocked(file))
        if (most-- == 0) return NONE;
    while (byte == 0xff) byte = getc_unlocked(file);
    return byte;
}

const char *tw__jpeg_wrong(FILE *file, bool whole) {
    static const char tables[] = "damaged picture (impossible Huffman tables)", stray[] = "damaged picture (no marker)";
    rewind(file);
    if (getc_unlocked(file) != 0xff || fseek(file, 0, SEEK_SET) || next_marker(file, MOST_STRAY) != SOI) return NULL;
    int marker = next_marker(file, MOST_STRAY);
    for (; marker != EOF && marker != SOS; marker = next_marker(file, MOST_STRAY)) {
        if (marker == NONE) return stray;
        if (marker == DHT && !tables_ok_here(file)) return tables;
        int length = number(file);
        if (length >= 2 && fseek(file, length - 2, SEEK_CUR)) return tables;
    }
    for (; whole && marker != EOF; marker = next_marker(file, LONG_MAX))
        if (marker == DHT && !tables_ok_here(file)) return tables;
    return NULL;
}
