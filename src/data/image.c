/* image.c - pictures: from files and from memory, in the channels that are wanted, the right way up. */
#include "data/image.h"

#include "data/decode.h"
#include "data/exif.h"
#include "tensor/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "tensor/internal.h"

bool tw__image_size_ok(int width, int height) { return width > 0 && height > 0 && height <= TW__MAX_PIXELS / width; }

/* shown: path as messages have it, so that their end has room. */
static tw_err open_file(const char *path, FILE **file, char shown[TW__SHOWN_PATH], char *message, size_t size) {
    uint64_t bytes;
    const char *why;
    tw__message_shorten(path, shown, TW__SHOWN_PATH);
    *file = tw__fopen(path, TW__FILES, &bytes, &why);
    if (*file) return TW_OK;
    tw_err err = tw__os_err(errno);
    snprintf(message, size, "%s: cannot be opened: %s", shown, why);
    return err;
}

tw_err tw__image_measure(const char *path, int *width, int *height, char *message, size_t size) {
    FILE *file;
    tw__measure m;
    char shown[TW__SHOWN_PATH];
    tw_err err = open_file(path, &file, shown, message, size);
    if (err) return err;
    err = tw__measure_picture(file, shown, &m, message, size);
    fclose(file);
    if (!err) *width = m.width, *height = m.height;
    return err;
}

/* ---- channels -------------------------------------------------------------------------------------------- */

static uint8_t over(unsigned paper, unsigned value, unsigned alpha) {
    return (uint8_t)((value * alpha + paper * (255 - alpha) + 127) / 255);
}

/* Luminance is that of BT.601 in 16-bit fixed point; the weights add up to 65536, so gray stays exactly what it is. */
static uint8_t luminance(unsigned r, unsigned g, unsigned b) {
    return (uint8_t)((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
}

/* One pixel of `have` channels: 1 gray, 2 gray and alpha, 3, 4. */
typedef struct rgba {
    unsigned r, g, b, a;
} rgba;
static rgba pixel(const uint8_t *from, int have) {
    rgba p = {from[0], from[have > 2 ? 1 : 0], from[have > 2 ? 2 : 0], 255};
    if (have == 2) p.a = from[1];
    if (have == 4) p.a = from[3];
    return p;
}

/* What a picture in gray is laid over, 255 or 0: that which is farther from what can be seen of it, so that white text
 * on nothing stays visible. */
static unsigned paper_for(const uint8_t *from, int have, size_t pixels) {
    uint64_t light = 0, seen = 0;
    if (have != 2 && have != 4) return 255;
    for (size_t i = 0; i < pixels; i++, from += have) {
        rgba p = pixel(from, have);
        light += (uint64_t)luminance(p.r, p.g, p.b) * p.a;
        seen += p.a;
    }
    return 2 * light > 255 * seen ? 0 : 255;
}

/* One stored row of `have` channels to 1, 3 or 4 channels, each pixel `across` pixels from the one before it. */
static void convert_row(const uint8_t *from, int have, uint8_t *to, int want, long across, int width, unsigned paper) {
    for (int i = 0; i < width; i++, from += have, to += across * want) {
        rgba p = pixel(from, have);
        if (want == 4) {
            to[0] = (uint8_t)p.r, to[1] = (uint8_t)p.g, to[2] = (uint8_t)p.b, to[3] = (uint8_t)p.a;
            continue;
        }
        uint8_t r = over(paper, p.r, p.a), g = over(paper, p.g, p.a), b = over(paper, p.b, p.a);
        if (want == 3) to[0] = r, to[1] = g, to[2] = b;
        else to[0] = luminance(r, g, b);
    }
}

/* The stored pixels, turned the right way up. */
static void convert(const uint8_t *from, int have, const tw__measure *m, tw_image *image) {
    int w = m->stored_width, h = m->stored_height, want = image->channels;
    tw__turn turn = tw__exif_turn(m->orientation, w, h);
    unsigned paper = want == 1 ? paper_for(from, have, (size_t)w * (size_t)h) : 255;
    for (int y = 0; y < h; y++, from += (size_t)w * (size_t)have)
        convert_row(from, have, image->data + (turn.first + y * turn.down) * want, want, turn.across, w, paper);
}

static tw_err decode(FILE *file, const char *path, int channels, tw_image *image, char *message, size_t size) {
    tw__measure m;
    uint8_t *pixels;
    int have;
    tw_err err = tw__decode_picture(file, path, &m, &have, &pixels, message, size);
    if (err) return err;
    *image = (tw_image){m.width, m.height, channels ? channels : have == 2 ? 4 : have, NULL};
    image->data = malloc((size_t)m.width * (size_t)m.height * (size_t)image->channels);
    if (image->data) convert(pixels, have, &m, image);
    else err = tw__say(TW_ERR_NOMEM, message, size, path, "out of memory");
    free(pixels);
    if (err) *image = (tw_image){0};
    return err;
}

tw_err tw__image_read(const char *path, int channels, tw_image *image, char *message, size_t size) {
    FILE *file;
    char shown[TW__SHOWN_PATH];
    *image = (tw_image){0};
    tw_err err = open_file(path, &file, shown, message, size);
    if (err) return err;
    err = decode(file, shown, channels, image, message, size);
    fclose(file);
    return err;
}

/* ---- public ---------------------------------------------------------------------------------------------- */

bool tw__image_channels_ok(int channels) { return channels == 1 || channels == 3 || channels == 4; }

static tw_err check_channels(tw_ctx *ctx, const char *name, int channels) {
    if (!channels || tw__image_channels_ok(channels)) return TW_OK;
    return tw_fail_err(ctx, TW_ERR_RANGE, "image: %d channels asked of %s; 0, 1, 3 and 4 are possible", channels, name);
}

tw_err tw_image_load(tw_ctx *ctx, const char *path, int channels, tw_image *image) {
    *image = (tw_image){0};
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    tw_err err = check_channels(ctx, path, channels);
    if (err) return err;
    char message[640];
    err = tw__image_read(path, channels, image, message, sizeof message);
    return err ? tw_fail_err(ctx, err, "%s", message) : TW_OK;
}

tw_err tw_image_decode(tw_ctx *ctx, const char *name, const void *bytes, size_t size, int channels, tw_image *image) {
    *image = (tw_image){0};
    if (!name) return tw_fail_err(ctx, TW_ERR_IO, "a name is NULL; it should say whose bytes these are");
    tw_err err = check_channels(ctx, name, channels);
    if (err) return err;
    if (!size) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: the file is empty", name);
    FILE *file = fmemopen((void *)(uintptr_t)bytes, size, "rb"); /* which only reads */
    if (!file) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", name);
    char message[640], shown[TW__SHOWN_PATH];
    err = decode(file, tw__message_shorten(name, shown, sizeof shown), channels, image, message, sizeof message);
    fclose(file);
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
