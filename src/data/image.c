/* image.c - reading pictures: stb_image knows the formats, the checks around it are here. */
#include "data/image.h"

#include <errno.h>
#include <stb/stb_image.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

/* A header may claim any size: nothing is decoded, and nothing allocated, beyond this. */
enum { MAX_PIXELS = 1 << 27 };

bool tw__image_size_ok(int width, int height) { return width > 0 && height > 0 && height <= MAX_PIXELS / width; }

static tw_err say(tw_err err, char *message, size_t size, const char *path, const char *what) {
    snprintf(message, size, "%s: %s", path, what);
    return err;
}

/* What stb_image says after a failure. */
static tw_err stb_failed(char *message, size_t size, const char *path, const char *what) {
    const char *reason = stbi_failure_reason();
    snprintf(message, size, "%s: %s (%s)", path, what, reason);
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
} source;

static int source_read(void *user, char *data, int size) {
    source *s = user;
    size_t got = fread(data, 1, (size_t)size, s->file);
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
static int source_eof(void *user) { return feof(((source *)user)->file); }

static const stbi_io_callbacks callbacks = {source_read, source_skip, source_eof};

/* Opens path and reads the size of the picture in it; the file is left at its beginning. */
static tw_err open_picture(const char *path, source *s, int *width, int *height, char *message, size_t size) {
    *s = (source){.file = fopen(path, "rb")};
    if (!s->file) {
        snprintf(message, size, "%s: cannot be opened: %s", path, strerror(errno));
        return TW_ERR_IO;
    }
    int channels;
    tw_err err = TW_OK;
    errno = 0;
    int first = fgetc(s->file);
    if (first == EOF && ferror(s->file)) {
        snprintf(message, size, "%s: cannot be read: %s", path, strerror(errno));
        err = TW_ERR_IO;
    } else if (first == EOF) {
        err = say(TW_ERR_FORMAT, message, size, path, "the file is empty");
    } else if (rewind(s->file), !stbi_info_from_callbacks(&callbacks, s, width, height, &channels)) {
        err = stb_failed(message, size, path, "not a picture that can be read");
    } else if (!tw__image_size_ok(*width, *height)) {
        snprintf(message, size, "%s: the header announces %d x %d pixels; at most %d are read", path, *width, *height,
                 MAX_PIXELS);
        err = TW_ERR_FORMAT;
    }
    if (err) fclose(s->file);
    else rewind(s->file);
    return err;
}

tw_err tw__image_measure(const char *path, int *width, int *height, char *message, size_t size) {
    source s;
    tw_err err = open_picture(path, &s, width, height, message, size);
    if (!err) fclose(s.file);
    return err;
}

/* ---- channels -------------------------------------------------------------------------------------------- */

static uint8_t over_white(unsigned value, unsigned alpha) {
    return (uint8_t)((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* One row or more from `have` channels (1 gray, 2 gray and alpha, 3, 4) to 1, 3 or 4. Luminance is that of BT.601 in
 * 16-bit fixed point; the weights add up to 65536, so gray stays exactly what it is. */
static void convert(const uint8_t *from, int have, uint8_t *to, int want, size_t pixels) {
    for (size_t i = 0; i < pixels; i++, from += have, to += want) {
        unsigned r = from[0], g = have > 2 ? from[1] : r, b = have > 2 ? from[2] : r;
        unsigned a = have == 2 ? from[1] : have == 4 ? from[3] : 255;
        if (want == 4) {
            to[0] = (uint8_t)r, to[1] = (uint8_t)g, to[2] = (uint8_t)b, to[3] = (uint8_t)a;
            continue;
        }
        r = over_white(r, a), g = over_white(g, a), b = over_white(b, a);
        if (want == 3) to[0] = (uint8_t)r, to[1] = (uint8_t)g, to[2] = (uint8_t)b;
        else to[0] = (uint8_t)((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
    }
}

tw_err tw__image_read(const char *path, int channels, tw_image *image, char *message, size_t size) {
    *image = (tw_image){0};
    source s;
    int width, height, have;
    tw_err err = open_picture(path, &s, &width, &height, message, size);
    if (err) return err;
    s.cut_short = false;
    s.block = 0;
    uint8_t *pixels = stbi_load_from_callbacks(&callbacks, &s, &width, &height, &have, 0);
    bool failed = ferror(s.file);
    fclose(s.file);
    if (failed) err = say(TW_ERR_IO, message, size, path, "reading failed in the middle");
    else if (s.cut_short) err = say(TW_ERR_FORMAT, message, size, path, "the file ends before its picture does");
    else if (!pixels) err = stb_failed(message, size, path, "damaged picture");
    else if (!tw__image_size_ok(width, height) || have < 1 || have > 4) {
        err = say(TW_ERR_FORMAT, message, size, path, "damaged picture (its size changes)");
    } else {
        *image = (tw_image){width, height, channels ? channels : have == 2 ? 4 : have, NULL};
        size_t count = (size_t)width * (size_t)height;
        image->data = malloc(count * (size_t)image->channels);
        if (image->data) convert(pixels, have, image->data, image->channels, count);
        else err = say(TW_ERR_NOMEM, message, size, path, "out of memory");
    }
    stbi_image_free(pixels);
    if (err) *image = (tw_image){0};
    return err;
}

/* ---- public ---------------------------------------------------------------------------------------------- */

bool tw__image_channels_ok(int channels) { return channels == 1 || channels == 3 || channels == 4; }

tw_err tw_image_load(tw_ctx *ctx, const char *path, int channels, tw_image *image) {
    *image = (tw_image){0};
    if (channels && !tw__image_channels_ok(channels))
        return tw_fail_err(ctx, TW_ERR_RANGE, "image: %d channels asked of %s; 0, 1, 3 and 4 are possible", channels,
                           path);
    char message[512];
    tw_err err = tw__image_read(path, channels, image, message, sizeof message);
    return err ? tw_fail_err(ctx, err, "%s", message) : TW_OK;
}

tw_err tw_image_new(tw_ctx *ctx, int width, int height, int channels, uint8_t fill, tw_image *image) {
    *image = (tw_image){0};
    if (!tw__image_size_ok(width, height) || !tw__image_channels_ok(channels))
        return tw_fail_err(ctx, TW_ERR_RANGE, "image: cannot make one of %d x %d pixels and %d channels", width, height,
                           channels);
    size_t size = (size_t)width * (size_t)height * (size_t)channels;
    uint8_t *data = malloc(size);
    if (!data) return tw_fail_err(ctx, TW_ERR_NOMEM, "image: out of memory for %d x %d pixels", width, height);
    memset(data, fill, size);
    *image = (tw_image){width, height, channels, data};
    return TW_OK;
}

void tw_image_free(tw_image *image) {
    if (!image) return;
    free(image->data);
    *image = (tw_image){0};
}

void tw_image_to_reals(const tw_image *image, double mean, double std, tw_real *x) {
    tw_real value[256];
    if (std == 0) std = 1;
    for (int v = 0; v < 256; v++) value[v] = (tw_real)((v / 255.0 - mean) / std);
    size_t pixels = (size_t)image->width * (size_t)image->height, channels = (size_t)image->channels;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < pixels; i++) *x++ = value[image->data[i * channels + c]];
}
