/* sources.h - which pictures are to be read: files, the pictures of a folder, lists of paths, standard input. */
#ifndef CRNN_OCR_SOURCES_H
#define CRNN_OCR_SOURCES_H

#include <thalweg/data.h>

typedef struct sources {
    char **path; /* "-": a picture's bytes on standard input */
    size_t n, room;
} sources;

/* A file as it is; of a folder the files whose names end like pictures' (.png, .JPG ..), by name. Folders inside are
 * not entered: for these there is `find` and --list. A folder without a picture, or that cannot be read, is an error.
 */
TW_MUST_CHECK tw_err sources_add(tw_ctx *ctx, sources *s, const char *path);
/* The lines of a file, "-": of standard input. Empty ones are passed over. */
TW_MUST_CHECK tw_err sources_add_list(tw_ctx *ctx, sources *s, const char *file);
void sources_free(sources *s);

/* What messages and results call a source: its path, "standard input" for "-". */
const char *source_name(const char *path);
/* The picture in gray. What standard input holds is read to its end, up to SOURCE_MOST bytes. */
enum { SOURCE_MOST = 256 << 20 };
TW_MUST_CHECK tw_err source_load(tw_ctx *ctx, const char *path, tw_image *gray);

#endif
