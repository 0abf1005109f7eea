/* exif.h - which way up a JPEG picture is: the orientation that cameras write into its EXIF block. */
#ifndef TW_DATA_EXIF_H
#define TW_DATA_EXIF_H

#include <stdbool.h>
#include <stdio.h>

/* 1 (as stored) to 8, as EXIF 2.3, 4.6.4 numbers them; 1 for anything that is no JPEG file or says nothing usable.
 * Reads from the file's beginning and leaves it anywhere. */
int tw__exif_orientation(FILE *file);

/* Where a stored pixel (x, y) of a picture w pixels wide and h high goes: to first + x * across + y * down, in pixels
 * of a picture that is h wide and w high when sides_change, else w x h. */
typedef struct tw__turn {
    bool sides_change;
    long first, across, down;
} tw__turn;
tw__turn tw__exif_turn(int orientation, int w, int h);

#endif
