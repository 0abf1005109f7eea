/* png.c - writing PNG files (RFC 2083): a signature, then chunks of length, type, data and check sum. The pixels are
 * one zlib stream, cut into IDAT chunks as it comes. Rows are not filtered: pictures of text and charts are smallest
 * so. */
#include "data/image.h"

#include <errno.h>
#include <string.h>
#include <thalweg/extend.h>
#include <zlib.h>

enum { CHUNK = 1 << 15 };

typedef struct png {
    FILE *file;
    z_stream zlib;
    uint8_t out[CHUNK];
} png;

static void put32(uint8_t *to, uint32_t v) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Failed writes are noticed at the end, by ferror. */
static void write_chunk(FILE *file, const char *type, const uint8_t *data, size_t size) {
    uint8_t head[8], sum[4];
    put32(head, (uint32_t)size);
    memcpy(head + 4, type, 4);
    uLong crc = crc32(crc32(0, head + 4, 4), data, (uInt)size);
    put32(sum, (uint32_t)crc);
    fwrite(head, 1, sizeof head, file);
    fwrite(data, 1, size, file);
    fwrite(sum, 1, sizeof sum, file);
}

static void write_header(FILE *file, const tw_image *image) {
    static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t header[13] = {0};
    put32(header, (uint32_t)image->width);
    put32(header + 4, (uint32_t)image->height);
    header[8] = 8;                                                       /* bits a channel */
    header[9] = image->channels == 1 ? 0 : image->channels == 3 ? 2 : 6; /* gray, RGB, RGBA */
    fwrite(signature, 1, sizeof signature, file);
    write_chunk(file, "IHDR", header, sizeof header);
}

/* Puts bytes into the stream; finish flushes it. */
static void deflate_bytes(png *p, const uint8_t *data, size_t size, bool finish) {
    p->zlib.next_in = (Bytef *)data; /* zlib does not write to it */
    p->zlib.avail_in = (uInt)size;
    int status;
    do {
        status = deflate(&p->zlib, finish ? Z_FINISH : Z_NO_FLUSH);
        if (p->zlib.avail_out && status != Z_STREAM_END) continue;
        write_chunk(p->file, "IDAT", p->out, CHUNK - p->zlib.avail_out);
        p->zlib.next_out = p->out;
        p->zlib.avail_out = CHUNK;
    } while (finish ? status != Z_STREAM_END : p->zlib.avail_in > 0);
}

tw_err tw_image_save_png(tw_ctx *ctx, const char *path, const tw_image *image) {
    if (!image->data || !tw__image_size_ok(image->width, image->height) || !tw__image_channels_ok(image->channels))
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: no picture to write", path);
    png p = {.file = fopen(path, "wb")};
    if (!p.file) return tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (deflateInit(&p.zlib, Z_DEFAULT_COMPRESSION) != Z_OK) {
        fclose(p.file);
        return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    }
    errno = 0;
    p.zlib.next_out = p.out;
    p.zlib.avail_out = CHUNK;
    size_t row = (size_t)image->width * (size_t)image->channels;
    write_header(p.file, image);
    for (int y = 0; y < image->height; y++) {
        static const uint8_t unfiltered = 0;
        deflate_bytes(&p, &unfiltered, 1, false);
        deflate_bytes(&p, image->data + (size_t)y * row, row, false);
    }
    deflate_bytes(&p, NULL, 0, true);
    deflateEnd(&p.zlib);
    write_chunk(p.file, "IEND", (const uint8_t *)"", 0); /* to zlib, NULL means to start a check sum */
    bool failed = ferror(p.file);
    if (fclose(p.file) || failed)
        return tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    return TW_OK;
}
