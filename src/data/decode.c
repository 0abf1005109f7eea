/* decode.c - picture files to pixels: stb_image does the work, in memory that is bounded, and the checks around it are
 * here. It is compiled into this file, for the formats people have and nothing else; PGM and PPM are read by pnm.c. */
#include "data/decode.h"

#include "data/exif.h"
#include "data/image.h"
#include "data/jpeg_tables.h"
#include "data/pnm.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- stb_image ------------------------------------------------------------------------------------------------ */

/* What one piece of memory may have. A small file can be made to unpack to gigabytes (a "zip bomb"), and stb_image
 * hands nothing through to its allocations in which a limit could be kept. */
static _Thread_local size_t most_bytes;
/* The system had no memory, since this was last set. stb_image gives that many names, or none. */
static _Thread_local bool no_memory;

static void *watched(void *p) {
    if (!p) no_memory = true;
    return p;
}
static void *limited_realloc(void *old, size_t size) { return size <= most_bytes ? watched(realloc(old, size)) : NULL; }
/* Zeros, for a damaged JPEG file is read as far as it goes, and the rest is what was there. */
static void *limited_malloc(size_t size) { return size <= most_bytes ? watched(calloc(1, size)) : NULL; }

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MALLOC limited_malloc
#define STBI_REALLOC limited_realloc
#define STBI_FREE free
#define STBI_ASSERT(x) ((void)0) /* a library does not end the program */
/* It copies nothing from and to nowhere. */
static void *copy(void *to, const void *from, size_t n) { return n ? memcpy(to, from, n) : to; }
#define memcpy copy

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function" /* it has more than is used here */
#endif
#include <stb/stb_image.h>
#undef memcpy

tw_err tw__say(tw_err err, char *message, size_t size, const char *path, const char *what) {
    snprintf(message, size, "%s: %s", path, what);
    return err;
}

/* ---- what else a file may be ---------------------------------------------------------------------------------- */

/* Formats that people have and stb_image does not know, told by their first bytes. */
static const char *known_format(FILE *file) {
    static const struct {
        size_t at, n;
        const char *bytes, *name;
    } known[] = {
        {8, 4, "WEBP", "a WebP picture"},
        {0, 4, "II*\0", "a TIFF picture"},
        {0, 4, "MM\0*", "a TIFF picture"},
        {4, 8, "ftypavif", "an AVIF picture"},
        {4, 7, "ftyphei", "a HEIF picture"},
        {4, 8, "ftypmif1", "a HEIF picture"},
        {4, 4, "jP  ", "a JPEG 2000 picture"},
        {4, 4, "JXL ", "a JPEG XL picture"},
        {0, 2, "\xff\x0a", "a JPEG XL picture"},
        {0, 4, "8BPS", "a Photoshop document"},
        {0, 2, "P1", "a PNM picture written as text"},
        {0, 2, "P2", "a PNM picture written as text"},
        {0, 2, "P3", "a PNM picture written as text"},
        {0, 2, "P4", "a PBM picture"},
        {0, 2, "P7", "a PAM picture"},
        {0, 4, "%PDF", "a PDF document"},
        {0, 4, "<svg", "an SVG drawing"},
        {0, 5, "<?xml", "XML, perhaps an SVG drawing"},
    };
    char head[16] = {0};
    rewind(file);
    size_t got = fread(head, 1, sizeof head, file);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t end = known[i].at + known[i].n;
        if (end <= got && !memcmp(head + known[i].at, known[i].bytes, known[i].n)) return known[i].name;
    }
    return NULL;
}

/* Of a PNG file that stb_image finds too large it says what it says of a file that is none. */
static bool png_too_large(FILE *file) {
    uint8_t b[24];
    rewind(file);
    if (fread(b, 1, sizeof b, file) != sizeof b || memcmp(b, "\x89PNG\r\n\x1a\n\0\0\0\15IHDR", 16)) return false;
    double width = ((b[16] * 256. + b[17]) * 256 + b[18]) * 256 + b[19],
           height = ((b[20] * 256. + b[21]) * 256 + b[22]) * 256 + b[23];
    return width * height > TW__MAX_PIXELS;
}

/* What stb_image says after a failure. It may quote the file, of which only what can be printed is passed on. */
static tw_err stb_failed(FILE *file, char *message, size_t size, const char *path, const char *what) {
    const char *said = stbi_failure_reason(), *format = file ? known_format(file) : NULL;
    char reason[64];
    if (no_memory) return tw__say(TW_ERR_NOMEM, message, size, path, "out of memory");
    snprintf(reason, sizeof reason, "%s", said ? said : "no reason given");
    for (char *c = reason; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
    if (format)
        snprintf(message, size, "%s: this is %s, which cannot be read; convert it to PNG or JPEG", path, format);
    else if (strstr(reason, "too large") || (file && png_too_large(file)))
        snprintf(message, size, "%s: the header announces too many pixels; at most %d are read", path, TW__MAX_PIXELS);
    else snprintf(message, size, "%s: %s (%s)", path, what, reason);
    return strcmp(reason, "outofmem") ? TW_ERR_FORMAT : TW_ERR_NOMEM;
}

/* ---- a file, watched for its end ------------------------------------------------------------------------------
 * stb_image does not always notice when a file ends early: some decoders go on with whatever is in their memory.
 * Reads past the end give zeros here, and are remembered. stb fills its buffer in blocks of one size, and such a
 * block may be short; any other read, or a block of nothing, wanted what is not there. */
typedef struct source {
    FILE *file;
    int block; /* size of stb's buffer: that of its first read */
    bool cut_short;
    size_t most; /* bytes that are given; 0: all */
    size_t given;
} source;

/* A header is small; what a file has in front of the picture is skipped, not read. But a comment, or what stands
 * between markers, may be made of a billion bytes that take no room on a disk. */
enum { MOST_HEADER = 1 << 20 };

static int source_read(void *user, char *data, int size) {
    source *s = user;
    size_t got = s->most && s->given > s->most ? 0 : fread(data, 1, (size_t)size, s->file);
    s->given += got;
    if (!s->block) s->block = size;
    if (got < (size_t)size) {
        memset(data + got, 0, (size_t)size - got);
        if (size != s->block || !got) s->cut_short = true;
    }
    return (int)got;
}
static void source_skip(void *user, int n) {
    source *s = user;
    if (fseek(s->file, n, SEEK_CUR)) s->cut_short = true;
}
static int source_eof(void *user) {
    const source *s = user;
    return feof(s->file) || (s->most && s->given > s->most);
}

static const stbi_io_callbacks callbacks = {source_read, source_skip, source_eof};

/* No format packs more than some thousand pixels into a byte: deflate makes 1032 bytes of one, of 8 pixels each; JPEG
 * needs a bit for each block of 64 pixels, or of 256 where colours are halved. A header that announces more lies, and
 * is given neither memory nor time. */
enum { MOST_PIXELS_A_BYTE = 10000, MOST_PIXELS_A_BYTE_JPEG = 1000 };

static bool can_hold(FILE *file, int width, int height) {
    rewind(file);
    int most = fgetc(file) == 0xff ? MOST_PIXELS_A_BYTE_JPEG : MOST_PIXELS_A_BYTE;
    long size = fseek(file, 0, SEEK_END) ? -1 : ftell(file);
    return size < 0 || (double)width * height <= (double)size * most;
}

/* And no picture needs more than 8 bytes a pixel, and some for what cameras put beside it. What is larger is made to be
 * searched for ever: a JPEG file is, to its end. Of a GIF file only the first picture is looked at. */
enum { MOST_BESIDE = 64 << 20 };

static bool too_long(FILE *file, int width, int height) {
    rewind(file);
    if (fgetc(file) == 'G') return false;
    long size = fseek(file, 0, SEEK_END) ? -1 : ftell(file);
    return (double)size > (double)width * height * 8 + MOST_BESIDE;
}

/* A PGM or PPM file's header. */
static tw_err measure_pnm(FILE *file, const char *path, tw__pnm *pnm, char *message, size_t size) {
    char why[96];
    const char *wrong = tw__pnm_header(file, pnm, why);
    if (!wrong) return TW_OK;
    if (!ferror(file)) return tw__say(TW_ERR_FORMAT, message, size, path, wrong);
    return tw__say(TW_ERR_IO, message, size, path, "reading failed in the middle");
}

tw_err tw__measure_picture(FILE *file, const char *path, tw__measure *m, char *message, size_t size) {
    source s = {.file = file, .most = MOST_HEADER};
    int channels;
    most_bytes = 1 << 20; /* a header's tables */
    no_memory = false;
    errno = 0;
    int first = fgetc(file);
    if (first == EOF && ferror(file)) {
        snprintf(message, size, "%s: cannot be read: %s", path, strerror(errno));
        return TW_ERR_IO;
    }
    if (first == EOF) return tw__say(TW_ERR_FORMAT, message, size, path, "the file is empty");
    const char *wrong = tw__jpeg_wrong(file, false);
    if (wrong) return tw__say(TW_ERR_FORMAT, message, size, path, wrong);
    if (tw__pnm_begins(file)) {
        tw__pnm pnm;
        tw_err err = measure_pnm(file, path, &pnm, message, size);
        if (err) return err;
        m->stored_width = pnm.width, m->stored_height = pnm.height;
    } else {
        rewind(file);
        if (!stbi_info_from_callbacks(&callbacks, &s, &m->stored_width, &m->stored_height, &channels))
            return stb_failed(file, message, size, path, "not a picture that can be read");
        /* A BMP file whose first line is the upper one says so by a negative height; stb_image then turns nothing. */
        if (first == 'B' && m->stored_height < 0 && m->stored_height >= -INT_MAX) m->stored_height = -m->stored_height;
    }
    if (!tw__image_size_ok(m->stored_width, m->stored_height)) {
        snprintf(message, size, "%s: the header announces %d x %d pixels; at most %d are read", path, m->stored_width,
                 m->stored_height, TW__MAX_PIXELS);
        return TW_ERR_FORMAT;
    }
    if (!can_hold(file, m->stored_width, m->stored_height)) {
        snprintf(message, size, "%s: the header announces %d x %d pixels, more than the file can hold", path,
                 m->stored_width, m->stored_height);
        return TW_ERR_FORMAT;
    }
    if (too_long(file, m->stored_width, m->stored_height)) {
        snprintf(message, size, "%s: the file is far too long for a picture of %d x %d pixels", path, m->stored_width,
                 m->stored_height);
        return TW_ERR_FORMAT;
    }
    m->orientation = tw__exif_orientation(file);
    bool sides_change = tw__exif_turn(m->orientation, 1, 1).sides_change;
    m->width = sides_change ? m->stored_height : m->stored_width;
    m->height = sides_change ? m->stored_width : m->stored_height;
    rewind(file);
    return TW_OK;
}

/* The largest piece that a decoder has a use for: the pixels with 16 bits a channel, or a progressive JPEG's
 * coefficients in whole blocks; and what a header needs. */
static size_t needed(const tw__measure *m) {
    return ((size_t)m->stored_width + 64) * ((size_t)m->stored_height + 64) * 8 + (1 << 20);
}

/* It gives a picture of a JPEG file whose tables are damaged, too, and only the reason tells. Every file that is no PNG
 * is tried as one first. */
static bool bad_table(void) {
    const char *reason = stbi__g_failure_reason;
    return !strncmp(reason, "bad ", 4) && strcmp(reason, "bad png sig");
}

/* Its pixels, when they have been measured. */
static tw_err decode_pnm(FILE *file, const char *path, const tw__measure *m, int *channels, uint8_t **pixels,
                         char *message, size_t size) {
    tw__pnm pnm;
    tw_err err = measure_pnm(file, path, &pnm, message, size);
    if (err) return err;
    if (pnm.width != m->stored_width || pnm.height != m->stored_height)
        return tw__say(TW_ERR_FORMAT, message, size, path, "damaged picture (its size changes)");
    uint8_t *got = malloc((size_t)pnm.width * (size_t)pnm.height * (size_t)pnm.channels);
    err = got ? tw__pnm_samples(file, &pnm, got) : TW_ERR_NOMEM;
    if (err == TW_ERR_NOMEM) tw__say(err, message, size, path, "out of memory");
    else if (err == TW_ERR_IO) tw__say(err, message, size, path, "reading failed in the middle");
    else if (err) tw__say(err, message, size, path, "the file ends before its picture does");
    if (err) free(got);
    else *pixels = got, *channels = pnm.channels;
    return err;
}

tw_err tw__decode_picture(FILE *file, const char *path, tw__measure *m, int *channels, uint8_t **pixels, char *message,
                          size_t size) {
    *pixels = NULL;
    tw_err err = tw__measure_picture(file, path, m, message, size);
    if (err) return err;
    const char *wrong = tw__jpeg_wrong(file, true);
    if (wrong) return tw__say(TW_ERR_FORMAT, message, size, path, wrong);
    if (tw__pnm_begins(file)) return decode_pnm(file, path, m, channels, pixels, message, size);
    rewind(file);
    source s = {.file = file};
    int width = 0, height = 0;
    most_bytes = needed(m);
    no_memory = false;
    stbi__g_failure_reason = "";
    uint8_t *got = stbi_load_from_callbacks(&callbacks, &s, &width, &height, channels, 0);
    if (ferror(file)) err = tw__say(TW_ERR_IO, message, size, path, "reading failed in the middle");
    else if (no_memory) err = tw__say(TW_ERR_NOMEM, message, size, path, "out of memory");
    else if (s.cut_short) err = tw__say(TW_ERR_FORMAT, message, size, path, "the file ends before its picture does");
    else if (!got || bad_table()) err = stb_failed(NULL, message, size, path, "damaged picture");
    else if (width != m->stored_width || height != m->stored_height || *channels < 1 || *channels > 4)
        err = tw__say(TW_ERR_FORMAT, message, size, path, "damaged picture (its size changes)");
    if (err) stbi_image_free(got);
    else *pixels = got;
    return err;
}
