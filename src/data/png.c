/* png.c - writing PNG files (RFC 2083): a signature, then chunks of length, type, data and check sum. The pixels are
 * one zlib stream, cut into IDAT chunks as it comes. Rows are not filtered: pictures of text and charts are smallest
 * so. */
#include "data/image.h"
#include "tensor/atomic.h"
#include "tensor/file.h"

#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <zlib.h>

enum { CHUNK = 1 << 15 };

typedef struct png {
    tw__atomic *file; /* where the bytes go, or NULL: to memory */
    uint8_t *bytes;
    size_t size, room;
    tw_err err; /* of the first write that failed: the file, or the memory, is gone then */
    z_stream zlib;
    uint8_t out[CHUNK];
} png;

static void put32(uint8_t *to, uint32_t v) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static tw_err keep(png *p, const void *data, size_t size) {
    if (size > p->room - p->size) {
        size_t room = 2 * p->room > p->size + size ? 2 * p->room : p->size + size;
        uint8_t *larger = realloc(p->bytes, room);
        if (!larger) {
            free(p->bytes);
            p->bytes = NULL;
            return TW_ERR_NOMEM;
        }
        p->bytes = larger;
        p->room = room;
    }
    if (size) memcpy(p->bytes + p->size, data, size);
    p->size += size;
    return TW_OK;
}

static void put(png *p, const void *data, size_t size) {
    if (!p->err) p->err = p->file ? tw__atomic_write(p->file, data, size) : keep(p, data, size);
}

static void write_chunk(png *p, const char *type, const uint8_t *data, size_t size) {
    uint8_t head[8], sum[4];
    put32(head, (uint32_t)size);
    memcpy(head + 4, type, 4);
    uLong crc = crc32(crc32(0, head + 4, 4), data, (uInt)size);
    put32(sum, (uint32_t)crc);
    put(p, head, sizeof head);
    put(p, data, size);
    put(p, sum, sizeof sum);
}

static void write_header(png *p, const tw_image *image) {
    static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t header[13] = {0};
    put32(header, (uint32_t)image->width);
    put32(header + 4, (uint32_t)image->height);
    header[8] = 8;                                                       /* bits a channel */
    header[9] = image->channels == 1 ? 0 : image->channels == 3 ? 2 : 6; /* gray, RGB, RGBA */
    put(p, signature, sizeof signature);
    write_chunk(p, "IHDR", header, sizeof header);
}

/* Puts bytes into the stream; finish flushes it. */
static void deflate_bytes(png *p, const uint8_t *data, size_t size, bool finish) {
    p->zlib.next_in = (Bytef *)data; /* zlib does not write to it */
    p->zlib.avail_in = (uInt)size;
    int status;
    do {
        status = deflate(&p->zlib, finish ? Z_FINISH : Z_NO_FLUSH);
        if (p->zlib.avail_out && status != Z_STREAM_END) continue;
        write_chunk(p, "IDAT", p->out, CHUNK - p->zlib.avail_out);
        p->zlib.next_out = p->out;
        p->zlib.avail_out = CHUNK;
    } while (finish ? status != Z_STREAM_END : p->zlib.avail_in > 0);
}

static bool is_picture(const tw_image *image) {
    return image->data && tw__image_size_ok(image->width, image->height) && tw__image_channels_ok(image->channels);
}

static tw_err encode(png *p, const tw_image *image) {
    if (deflateInit(&p->zlib, Z_DEFAULT_COMPRESSION) != Z_OK) return TW_ERR_NOMEM;
    p->zlib.next_out = p->out;
    p->zlib.avail_out = CHUNK;
    size_t row = (size_t)image->width * (size_t)image->channels;
    write_header(p, image);
    for (int y = 0; y < image->height && !p->err; y++) {
        static const uint8_t unfiltered = 0;
        deflate_bytes(p, &unfiltered, 1, false);
        deflate_bytes(p, image->data + (size_t)y * row, row, false);
    }
    deflate_bytes(p, NULL, 0, true);
    deflateEnd(&p->zlib);
    write_chunk(p, "IEND", (const uint8_t *)"", 0); /* to zlib, NULL means to start a check sum */
    return TW_OK;
}

tw_err tw_image_save_png(tw_ctx *ctx, const char *path, const tw_image *image) {
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    if (!is_picture(image)) return tw_fail_err(ctx, TW_ERR_RANGE, "%s: no picture to write", path);
    tw__atomic file;
    png p = {.file = &file};
    /* not synced: pictures are many, and made again */
    tw_err err = tw__atomic_begin(ctx, path, TW__STREAMS, &file);
    if (err) return err;
    if (encode(&p, image)) {
        tw__atomic_abort(&file);
        return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    }
    return p.err ? p.err : tw__atomic_commit(&file);
}

tw_err tw_image_encode_png(tw_ctx *ctx, const tw_image *image, uint8_t **bytes, size_t *size) {
    png p = {0};
    *bytes = NULL, *size = 0;
    if (!is_picture(image)) return tw_fail_err(ctx, TW_ERR_RANGE, "png: no picture to encode");
    if (encode(&p, image) || p.err) {
        free(p.bytes);
        return tw_fail_err(ctx, TW_ERR_NOMEM, "png: out of memory for %d x %d pixels", image->width, image->height);
    }
    *bytes = p.bytes, *size = p.size;
    return TW_OK;
}
