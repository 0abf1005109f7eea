/* numbered.h - a folder of numbered pictures, and the tables that say what they show.
 *
 * A table that stands beside pictures it is not about is worse than none. So before the first picture changes the old
 * tables go aside, to NAME.tmp-old: whoever is killed in between leaves pictures without a table. When no picture could
 * be written, all is as it was. */
#ifndef CRNN_OCR_NUMBERED_H
#define CRNN_OCR_NUMBERED_H

#include <thalweg/data.h>

enum { NUMBERED_TABLES = 2 };
typedef struct numbered {
    tw_ctx *ctx;
    const char *folder, *prefix;        /* names are the prefix, the number in six digits or more, and .png */
    const char *table[NUMBERED_TABLES]; /* their names; NULL: none */
    char *aside[NUMBERED_TABLES];       /* where they were put; NULL: they were not */
    bool hidden, changed;               /* are they out of the way? has a picture been written or removed? */
} numbered;

/* Makes the folder that to->folder names, if it is not there. */
TW_MUST_CHECK tw_err numbered_begin(numbered *to);
/* Its tables, and all such pictures that are there, will be written, for this option (cli_will_write). */
TW_MUST_CHECK tw_err numbered_claim(const numbered *to, const char *option);
/* After all of it, err being what became of that; nothing is done with {0}, which never began. The tables that went
 * aside come back when no picture has changed, otherwise they are removed. */
void numbered_end(numbered *to, tw_err err);

/* Paths, to be freed, and names; a path NULL: out of memory, in ctx. */
void numbered_name(const numbered *to, size_t number, char *name, size_t size);
char *numbered_path(const numbered *to, size_t number);
char *numbered_in(const numbered *to, const char *name); /* of another file in the folder */

/* The numbers of such pictures that are there, in order; to be freed. */
TW_MUST_CHECK tw_err numbered_list(const numbered *to, size_t **number, size_t *count);
/* An error if there are such pictures with this number or a larger one: they would be left over. */
TW_MUST_CHECK tw_err numbered_refuse_more(const numbered *to, size_t count);
TW_MUST_CHECK tw_err numbered_write(numbered *to, size_t number, const tw_image *picture);
TW_MUST_CHECK tw_err numbered_remove(numbered *to, size_t number);

#endif
