/* jpeg_tables.h - are a JPEG file's Huffman tables possible? stb_image 2.27 believes them. */
#ifndef TW_DATA_JPEG_TABLES_H
#define TW_DATA_JPEG_TABLES_H

#include <stdbool.h>
#include <stdio.h>

/* What is wrong with a JPEG file in which a table announces more symbols than there are, or whose tables cannot be
 * found because too much stands in front of them; NULL for all other files. whole: also those behind the beginning of
 * the first scan, which only decoding sees. Reads from the file's beginning and leaves it anywhere. */
const char *tw__jpeg_wrong(FILE *file, bool whole);

#endif
