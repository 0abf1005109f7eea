/* test_data_image.c - pictures: every kind of channel, sizes, resizing, and files that are not what they seem. */
#include "util_files.h"
#include "util_model.h"

#include <unistd.h>
#include <zlib.h>

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) {
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(data_image, .init = begin, .fini = end);

/* ---- making PNG files of every kind ---------------------------------------------------------------------- */

static size_t put32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> (24 - 8 * i));
    return 4;
}

static size_t put_chunk(uint8_t *at, const char *type, const uint8_t *data, size_t n) {
    put32(at, (uint32_t)n);
    memcpy(at + 4, type, 4);
    if (n) memcpy(at + 8, data, n);
    put32(at + 8 + n, (uint32_t)crc32(0, at + 4, (unsigned)(4 + n)));
    return 12 + n;
}

/* rows: each begins with the filter byte 0. palette, trns may be NULL. Returns the size of the file in to. */
static size_t make_png(uint8_t *to, uint32_t w, uint32_t h, int depth, int type, const uint8_t *rows, size_t rows_size,
                       const uint8_t *palette, size_t palette_size, const uint8_t *trns, size_t trns_size) {
    uint8_t header[13], packed[1024];
    uLongf packed_size = sizeof packed;
    memcpy(to, "\x89PNG\r\n\x1a\n", 8);
    size_t at = 8;
    put32(header, w), put32(header + 4, h);
    header[8] = (uint8_t)depth, header[9] = (uint8_t)type, header[10] = header[11] = header[12] = 0;
    at += put_chunk(to + at, "IHDR", header, 13);
    if (palette) at += put_chunk(to + at, "PLTE", palette, palette_size);
    if (trns) at += put_chunk(to + at, "tRNS", trns, trns_size);
    cr_assert_eq(compress(packed, &packed_size, rows, rows_size), Z_OK);
    at += put_chunk(to + at, "IDAT", packed, packed_size);
    return at + put_chunk(to + at, "IEND", NULL, 0);
}

enum { GRAY = 0, RGB = 2, PALETTE = 3, GRAY_ALPHA = 4, RGBA = 6 };
#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

/* Loads a 2 x 1 picture and compares its pixels. */
static void check_load(const char *path, int channels, int want_channels, const uint8_t *want, size_t n) {
    tw_image image;
    cr_assert_eq(tw_image_load(ctx, path, channels, &image), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(image.width == 2 && image.height == 1 && image.channels == want_channels, "%d channels", image.channels);
    cr_assert_eq(n, 2 * (size_t)want_channels);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(image.data[i], want[i], "value %zu is %d, not %d", i, image.data[i], want[i]);
    tw_image_free(&image);
    cr_assert(!image.data && !image.width);
}

Test(data_image, gray) {
    uint8_t file[512];
    size_t n = make_png(file, 2, 1, 8, GRAY, BYTES(0, 17, 250), NULL, 0, NULL, 0);
    const char *path = write_file("gray.png", file, n);
    check_load(path, 0, 1, BYTES(17, 250));
    check_load(path, 1, 1, BYTES(17, 250));
    check_load(path, 3, 3, BYTES(17, 17, 17, 250, 250, 250));
    check_load(path, 4, 4, BYTES(17, 17, 17, 255, 250, 250, 250, 255));
}

Test(data_image, rgb) {
    uint8_t file[512];
    size_t n = make_png(file, 2, 1, 8, RGB, BYTES(0, 255, 0, 0, 10, 200, 30), NULL, 0, NULL, 0);
    const char *path = write_file("rgb.png", file, n);
    check_load(path, 0, 3, BYTES(255, 0, 0, 10, 200, 30));
    check_load(path, 1, 1, BYTES(76, 124)); /* 0.299 R + 0.587 G + 0.114 B */
    check_load(path, 4, 4, BYTES(255, 0, 0, 255, 10, 200, 30, 255));
}

Test(data_image, alpha_over_white) {
    uint8_t file[512];
    size_t n = make_png(file, 2, 1, 8, RGBA, BYTES(0, 0, 0, 0, 0, 255, 0, 0, 128), NULL, 0, NULL, 0);
    const char *path = write_file("rgba.png", file, n);
    check_load(path, 0, 4, BYTES(0, 0, 0, 0, 255, 0, 0, 128));
    check_load(path, 3, 3, BYTES(255, 255, 255, 255, 127, 127)); /* transparent black is white */
    check_load(path, 1, 1, BYTES(255, 165));
    n = make_png(file, 2, 1, 8, GRAY_ALPHA, BYTES(0, 100, 0, 100, 255), NULL, 0, NULL, 0);
    path = write_file("gray-alpha.png", file, n);
    check_load(path, 1, 1, BYTES(255, 100));
    check_load(path, 0, 4, BYTES(100, 100, 100, 0, 100, 100, 100, 255));
}

Test(data_image, palette) {
    uint8_t file[512];
    size_t n = make_png(file, 2, 1, 8, PALETTE, BYTES(0, 1, 0), BYTES(9, 9, 9, 200, 100, 50), NULL, 0);
    check_load(write_file("palette.png", file, n), 0, 3, BYTES(200, 100, 50, 9, 9, 9));
    n = make_png(file, 2, 1, 8, PALETTE, BYTES(0, 1, 0), BYTES(9, 9, 9, 200, 100, 50), BYTES(255, 0));
    const char *path = write_file("palette-alpha.png", file, n);
    check_load(path, 0, 4, BYTES(200, 100, 50, 0, 9, 9, 9, 255));
    check_load(path, 1, 1, BYTES(255, 9));
    n = make_png(file, 2, 1, 8, GRAY, BYTES(0, 7, 8), NULL, 0, BYTES(0, 8)); /* gray 8 is transparent */
    check_load(write_file("key.png", file, n), 1, 1, BYTES(7, 255));
}

Test(data_image, depths) {
    uint8_t file[512];
    size_t n = make_png(file, 2, 1, 16, GRAY, BYTES(0, 0x12, 0x34, 0xff, 0xff), NULL, 0, NULL, 0);
    check_load(write_file("sixteen.png", file, n), 1, 1, BYTES(0x12, 0xff));
    n = make_png(file, 2, 1, 16, RGBA, BYTES(0, 1, 0, 2, 0, 3, 0, 255, 255, 4, 0, 5, 0, 6, 0, 0, 0), NULL, 0, NULL, 0);
    check_load(write_file("sixteen-rgba.png", file, n), 0, 4, BYTES(1, 2, 3, 255, 4, 5, 6, 0));
    n = make_png(file, 2, 1, 1, GRAY, BYTES(0, 0x40), NULL, 0, NULL, 0);
    check_load(write_file("bits.png", file, n), 1, 1, BYTES(0, 255));
}

Test(data_image, other_formats) {
    check_load(write_file("a.pgm", "P5\n2 1\n255\n\x05\xf0", 13), 0, 1, BYTES(5, 0xf0));
    check_load(write_file("a.ppm", "P6\n2 1\n255\n\1\2\3\4\5\6", 17), 0, 3, BYTES(1, 2, 3, 4, 5, 6));
}

/* ---- PGM and PPM ----------------------------------------------------------------------------------------- */

/* A file made of text and the bytes behind it. */
static const char *write_pnm(const char *header, const uint8_t *samples, size_t n) {
    uint8_t file[512];
    size_t at = strlen(header);
    memcpy(file, header, at);
    memcpy(file + at, samples, n);
    return write_file("a.pnm", file, at + n);
}

/* maxval is white, and the values between are rounded: 255 v / maxval. */
Test(data_image, pnm_maxval) {
    check_load(write_pnm("P5 2 1 1\n", BYTES(0, 1)), 0, 1, BYTES(0, 255));
    check_load(write_pnm("P5 2 1 2\n", BYTES(1, 2)), 0, 1, BYTES(128, 255));
    check_load(write_pnm("P5 2 1 15\n", BYTES(7, 15)), 0, 1, BYTES(119, 255));
    check_load(write_pnm("P5 2 1 100\n", BYTES(1, 99)), 0, 1, BYTES(3, 252)); /* 2.55, 252.45 */
    check_load(write_pnm("P5 2 1 254\n", BYTES(253, 254)), 0, 1, BYTES(254, 255));
    check_load(write_pnm("P6 2 1 15\n", BYTES(0, 1, 2, 13, 14, 15)), 0, 3, BYTES(0, 17, 34, 221, 238, 255));
    check_load(write_pnm("P5 2 1 15\n", BYTES(16, 255)), 0, 1, BYTES(255, 255)); /* above it: white */
}

/* Two bytes a sample, the higher one first. */
Test(data_image, pnm_of_16_bits) {
    check_load(write_pnm("P5 2 1 65535\n", BYTES(0x12, 0x34, 0xff, 0xff)), 0, 1, BYTES(18, 255));
    check_load(write_pnm("P5 2 1 65535\n", BYTES(0, 128, 0, 129)), 0, 1, BYTES(0, 1)); /* 128 / 257 */
    check_load(write_pnm("P5 2 1 1023\n", BYTES(2, 0, 3, 0xff)), 0, 1, BYTES(128, 255));
    check_load(write_pnm("P5 2 1 256\n", BYTES(0, 255, 1, 0)), 0, 1, BYTES(254, 255));
    check_load(write_pnm("P6 2 1 1023\n", BYTES(0, 0, 0, 4, 0, 10, 1, 0, 2, 0, 3, 0xff)), 0, 3,
               BYTES(0, 1, 2, 64, 128, 255));
    check_load(write_pnm("P5 2 1 1023\n", BYTES(4, 0, 0xff, 0xff)), 0, 1, BYTES(255, 255));
}

Test(data_image, pnm_comments) {
    check_load(write_pnm("P5\n# of 4 5 6\n2 # wide\n#\n# \n1\n#\r15\n", BYTES('#', 15)), 0, 1, BYTES(255, 255));
    check_load(write_pnm("P6#\n2\t1\v\f#x\n 015 ", BYTES(0, 1, 2, 3, 4, '\n')), 0, 3, BYTES(0, 17, 34, 51, 68, 170));
    check_load(write_pnm("P5\n2 1#x\n1023#y\n", BYTES(0, 4, 3, 0xff)), 0, 1, BYTES(1, 255));
}

Test(data_image, pnm_headers_that_cannot_be) {
    static const struct {
        const char *header, *part;
    } bad[] = {
        {"P5 2 1 0\n", "the header announces a maxval of 0; it is at least 1 and at most 65535"},
        {"P6 2 1 0\n", "a maxval of 0"},
        {"P5 2 1 65536\n", "a maxval of 65536;"},
        {"P5 2 1 99999999999999999999\n", "a maxval of 2147483647;"},
        {"P5 0 1 255\n", "0 x 1 pixels"},
        {"P5 2 1 -1\n", "damaged picture (its header has no number for the maxval)"},
        {"P5 2 x 255\n", "no number for the height"},
        {"P5 2x1 255\n", "no number for the width"},
        {"P5 2 1 255\n", "the file ends before its picture does"},
        {"P5 2 1 255", "the file ends before its picture does"},
        {"P5 2 1 1023\n\1\1\1", "the file ends before its picture does"},
        {"P5 # never", "the file ends before its picture does"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tw_image image;
        const char *path = write_text("bad.pnm", bad[i].header);
        tw_err err = tw_image_load(ctx, path, 0, &image);
        assert_sentence(ctx, err, TW_ERR_FORMAT, path, bad[i].part);
        cr_assert(!image.data);
        remove_files();
    }
}

/* ---- writing --------------------------------------------------------------------------------------------- */

Test(data_image, what_is_saved_is_loaded) {
    static const int channels[] = {1, 3, 4};
    char path[256];
    temp_path("saved.png", path, sizeof path);
    for (size_t k = 0; k < 3; k++) {
        tw_image image, back;
        cr_assert_eq(tw_image_new(ctx, 61, 37, channels[k], 9, &image), TW_OK);
        size_t n = 61 * 37 * (size_t)channels[k];
        for (size_t i = 0; i < n; i++) cr_assert_eq(image.data[i], 9);
        for (size_t i = 0; i < n; i++) image.data[i] = (uint8_t)tw_random_bits(k, i / 3);
        cr_assert_eq(tw_image_save_png(ctx, path, &image), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq(tw_image_load(ctx, path, 0, &back), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert(back.width == 61 && back.height == 37 && back.channels == channels[k]);
        cr_assert_eq(memcmp(image.data, back.data, n), 0);
        size_t in_file, in_memory;
        uint8_t *bytes;
        char *file = read_file(path, &in_file);
        cr_assert_eq(tw_image_encode_png(ctx, &image, &bytes, &in_memory), TW_OK);
        cr_assert(in_memory == in_file && !memcmp(bytes, file, in_file));
        free(bytes);
        free(file);
        tw_image_free(&image);
        tw_image_free(&back);
        unlink(path);
    }
}

Test(data_image, saving_fails) {
    tw_image image;
    cr_assert_eq(tw_image_new(ctx, 300, 300, 3, 9, &image), TW_OK);
    tw_err err = tw_image_save_png(ctx, "/no-such-folder/x.png", &image);
    assert_sentence(ctx, err, TW_ERR_IO, "/no-such-folder/x.png", "cannot be written: No such file");
    for (size_t i = 0; i < 300 * 300 * 3; i++) image.data[i] = (uint8_t)tw_random_bits(1, i);
    if (access("/dev/full", W_OK) == 0) {
        err = tw_image_save_png(ctx, "/dev/full", &image);
        assert_sentence(ctx, err, TW_ERR_IO, "/dev/full", "cannot be written: No space left");
    }
    tw_image_free(&image);
    err = tw_image_save_png(ctx, "/dev/null", &image);
    assert_sentence(ctx, err, TW_ERR_RANGE, "/dev/null", "no picture to write");
    uint8_t *bytes = &(uint8_t){1};
    size_t size = 1;
    err = tw_image_encode_png(ctx, &image, &bytes, &size);
    assert_sentence(ctx, err, TW_ERR_RANGE, "png", "no picture to encode");
    cr_assert(!bytes && !size);
}

Test(data_image, sizes_are_checked) {
    tw_image image;
    static const int bad[][3] = {{0, 5, 1}, {5, 0, 1}, {-1, 5, 1}, {5, 5, 2}, {5, 5, 0}, {1 << 20, 1 << 20, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tw_err err = tw_image_new(ctx, bad[i][0], bad[i][1], bad[i][2], 0, &image);
        assert_sentence(ctx, err, TW_ERR_RANGE, "image: ", "cannot make one");
        cr_assert(!image.data && !image.width);
    }
    tw_err err = tw_image_load(ctx, "x.png", 2, &image);
    assert_sentence(ctx, err, TW_ERR_RANGE, "image: ", "2 channels asked of x.png");
}

/* ---- files that are not pictures ------------------------------------------------------------------------- */

Test(data_image, not_a_picture) {
    tw_image image;
    char path[256];
    tw_err err = tw_image_load(ctx, temp_path("absent.png", path, sizeof path), 0, &image);
    assert_sentence(ctx, err, TW_ERR_IO, path, "cannot be opened: No such file");
    const char *name = make_folder("folder.png");
    err = tw_image_load(ctx, name, 0, &image);
    assert_sentence(ctx, err, TW_ERR_IO, name, "cannot be opened: Is a directory");
    name = write_file("empty.png", "", 0);
    err = tw_image_load(ctx, name, 0, &image);
    assert_sentence(ctx, err, TW_ERR_FORMAT, name, "the file is empty");
    name = write_text("text.png", "This is not a picture, whatever its name says.\n");
    err = tw_image_load(ctx, name, 0, &image);
    assert_sentence(ctx, err, TW_ERR_FORMAT, name, "not a picture that can be read");
    cr_assert(!image.data);
}

Test(data_image, headers_that_lie) {
    uint8_t file[512];
    tw_image image;
    static const uint32_t size[][2] = {{60000, 60000}, {1 << 20, 1 << 20}, {0x7fffffff, 0x7fffffff}, {0, 5},
                                       {5, 0},         {0xffffffff, 1},    {1 << 16, (1 << 11) + 1}};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        size_t n = make_png(file, size[i][0], size[i][1], 8, GRAY, BYTES(0, 17, 250), NULL, 0, NULL, 0);
        const char *path = write_file("lie.png", file, n);
        tw_err err = tw_image_load(ctx, path, 0, &image);
        assert_sentence(ctx, err, TW_ERR_FORMAT, path, "");
        cr_assert(!image.data);
    }
    const char *path = write_text("lie.pgm", "P5\n100000 100000\n255\nxx");
    tw_err err = tw_image_load(ctx, path, 0, &image);
    assert_sentence(ctx, err, TW_ERR_FORMAT, path, "100000 x 100000 pixels; at most");
}

/* A picture cut anywhere is never taken for a whole one. */
static void check_every_cut(const char *name, const uint8_t *file, size_t n) {
    for (size_t cut = 1; cut < n; cut++) {
        tw_image image;
        const char *path = write_file(name, file, cut);
        tw_err err = tw_image_load(ctx, path, 1, &image);
        cr_assert(err, "%s cut to %zu of %zu bytes was read", name, cut, n);
        assert_sentence(ctx, err, TW_ERR_FORMAT, path, "");
        cr_assert(!image.data);
        remove_files();
    }
}

Test(data_image, cut_short) {
    uint8_t file[4096], rows[17 * 20];
    for (size_t i = 0; i < sizeof rows; i++) rows[i] = i % 17 ? (uint8_t)tw_random_bits(3, i) : 0;
    size_t n = make_png(file, 16, 20, 8, GRAY, rows, sizeof rows, NULL, 0, NULL, 0);
    check_every_cut("cut.png", file, n - 12); /* without its IEND chunk a picture has all its pixels */
    n = (size_t)sprintf((char *)file, "P5\n16 20\n255\n");
    memcpy(file + n, rows, 320);
    check_every_cut("cut.pgm", file, n + 320);
    n = (size_t)sprintf((char *)file, "P6\n5 4\n1023\n");
    memcpy(file + n, rows, 120);
    check_every_cut("cut.ppm", file, n + 120);
}

/* A gray BMP of 20 x 9, rows padded to 20 bytes. */
Test(data_image, bmp_cut_short) {
    uint8_t file[14 + 40 + 1024 + 180] = {'B', 'M'};
    size_t offset = 14 + 40 + 1024;
    file[2] = sizeof file & 255, file[3] = sizeof file >> 8;
    file[10] = offset & 255, file[11] = (uint8_t)(offset >> 8);
    file[14] = 40, file[18] = 20, file[22] = 9, file[26] = 1, file[28] = 8;
    for (size_t i = 0; i < 256; i++) memset(file + 54 + 4 * i, (int)i, 3);
    for (size_t i = offset; i < sizeof file; i++) file[i] = (uint8_t)i;
    tw_image image;
    cr_assert_eq(tw_image_load(ctx, write_file("whole.bmp", file, sizeof file), 1, &image), TW_OK, "%s",
                 tw_errmsg(ctx));
    cr_assert(image.width == 20 && image.height == 9 && image.data[8 * 20] == (uint8_t)offset);
    tw_image_free(&image);
    for (size_t cut = 60; cut < sizeof file; cut += 7) {
        const char *path = write_file("cut.bmp", file, cut);
        tw_err err = tw_image_load(ctx, path, 1, &image);
        assert_sentence(ctx, err, TW_ERR_FORMAT, path, "the file ends before its picture does");
        remove_files();
    }
}

/* ---- BMP files from top to bottom ------------------------------------------------------------------------- */

/* A BMP of 3 x 2 with 24 bits a pixel, its lines padded to 12 bytes; height as its header has it: negative, the upper
 * line comes first. Returns the size of the file in to. */
static size_t make_bmp(uint8_t *to, int32_t height) {
    static const uint8_t upper[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, lower[12] = {21, 22, 23, 24, 25, 26, 27, 28, 29};
    memset(to, 0, 54);
    memcpy(to, "BM", 2);
    to[2] = 78, to[10] = 54, to[14] = 40, to[18] = 3, to[26] = 1, to[28] = 24;
    for (int i = 0; i < 4; i++) to[22 + i] = (uint8_t)((uint32_t)height >> 8 * i);
    memcpy(to + 54, height < 0 ? upper : lower, 12);
    memcpy(to + 66, height < 0 ? lower : upper, 12);
    return 78;
}

Test(data_image, bmp_from_top_to_bottom) {
    static const uint8_t want[] = {3, 2, 1, 6, 5, 4, 9, 8, 7, 23, 22, 21, 26, 25, 24, 29, 28, 27};
    uint8_t file[78];
    for (int32_t height = -2; height <= 2; height += 4) {
        tw_image image;
        size_t n = make_bmp(file, height);
        const char *path = write_file("a.bmp", file, n);
        cr_assert_eq(tw_image_load(ctx, path, 0, &image), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert(image.width == 3 && image.height == 2 && image.channels == 3);
        cr_assert(!memcmp(image.data, want, sizeof want), "height %d", (int)height);
        tw_image_free(&image);
        for (size_t cut = 54; cut < n; cut++) {
            tw_err err = tw_image_decode(ctx, "a.bmp", file, cut, 0, &image);
            assert_sentence(ctx, err, TW_ERR_FORMAT, "a.bmp: ", "the file ends before its picture does");
        }
    }
    static const int32_t bad[] = {INT32_MIN, -INT32_MAX, -1000000, 0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tw_image image;
        make_bmp(file, bad[i]);
        tw_err err = tw_image_decode(ctx, "a.bmp", file, sizeof file, 0, &image);
        assert_sentence(ctx, err, TW_ERR_FORMAT, "a.bmp: ", "the header announces 3 x ");
    }
}

/* ---- resizing -------------------------------------------------------------------------------------------- */

static void check_resize(int w, int h, const uint8_t *from, int to_w, int to_h, const uint8_t *want) {
    tw_image source = {w, h, 1, (uint8_t *)(uintptr_t)from}, to;
    cr_assert_eq(tw_image_resize(ctx, &source, to_w, to_h, &to), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(to.width == to_w && to.height == to_h && to.channels == 1);
    for (int i = 0; i < to_w * to_h; i++)
        cr_assert_eq(to.data[i], want[i], "pixel %d is %d, not %d", i, to.data[i], want[i]);
    tw_image_free(&to);
}

#define PIXELS(...) ((const uint8_t[]){__VA_ARGS__})
Test(data_image, resize_by_hand) {
    check_resize(2, 1, PIXELS(0, 100), 4, 1, PIXELS(0, 25, 75, 100)); /* bilinear */
    check_resize(1, 2, PIXELS(0, 100), 1, 4, PIXELS(0, 25, 75, 100));
    check_resize(4, 1, PIXELS(10, 10, 10, 10), 3, 1, PIXELS(10, 10, 10));
    check_resize(4, 1, PIXELS(0, 0, 0, 160), 1, 1, PIXELS(33)); /* weights 5 7 7 5 of 24 */
    check_resize(4, 4, PIXELS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), 4, 4,
                 PIXELS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16));
    check_resize(1, 1, PIXELS(200), 3, 2, PIXELS(200, 200, 200, 200, 200, 200));
}

/* The same by definition: weights of every source pixel, in double. */
static double triangle(double from, double to, double i, double k) {
    double scale = from / to, radius = scale > 1 ? scale : 1, away = fabs(k + 0.5 - (i + 0.5) * scale) / radius;
    return away < 1 ? 1 - away : 0;
}

Test(data_image, resize_by_definition) {
    for (int round = 0; round < 300; round++) {
        int w = 1 + (int)(tw_random_bits(1, (uint64_t)round) % 40),
            h = 1 + (int)(tw_random_bits(2, (uint64_t)round) % 40);
        int tw = 1 + (int)(tw_random_bits(3, (uint64_t)round) % 40),
            th = 1 + (int)(tw_random_bits(4, (uint64_t)round) % 40);
        int c = round % 3 ? 1 : 3;
        tw_image from, to;
        cr_assert_eq(tw_image_new(ctx, w, h, c, 0, &from), TW_OK);
        for (int i = 0; i < w * h * c; i++) from.data[i] = (uint8_t)tw_random_bits((uint64_t)round, (uint64_t)i);
        cr_assert_eq(tw_image_resize(ctx, &from, tw, th, &to), TW_OK);
        for (int y = 0; y < th; y++)
            for (int x = 0; x < tw; x++)
                for (int k = 0; k < c; k++) {
                    double sum = 0, weights = 0;
                    for (int v = 0; v < h; v++)
                        for (int u = 0; u < w; u++) {
                            double weight = triangle(h, th, y, v) * triangle(w, tw, x, u);
                            weights += weight;
                            sum += weight * from.data[(v * w + u) * c + k];
                        }
                    double got = to.data[(y * tw + x) * c + k];
                    cr_assert(fabs(got - sum / weights) <= 0.501, "%dx%d to %dx%d at %d,%d: %g, not %g", w, h, tw, th,
                              x, y, got, sum / weights);
                }
        tw_image_free(&from);
        tw_image_free(&to);
    }
}

Test(data_image, resize_extremes) {
    tw_image from, to;
    cr_assert_eq(tw_image_new(ctx, 20000, 3, 1, 77, &from), TW_OK);
    static const int size[][2] = {{1, 1}, {1, 5000}, {20001, 1}, {19999, 4}, {3, 3}};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        cr_assert_eq(tw_image_resize(ctx, &from, size[i][0], size[i][1], &to), TW_OK, "%s", tw_errmsg(ctx));
        for (int k = 0; k < to.width * to.height; k++) cr_assert_eq(to.data[k], 77);
        tw_image_free(&to);
    }
    tw_err err = tw_image_resize(ctx, &from, 0, 5, &to);
    assert_sentence(ctx, err, TW_ERR_RANGE, "image: cannot resize to 0 x 5", "");
    err = tw_image_resize(ctx, &(tw_image){0}, 5, 5, &to);
    assert_sentence(ctx, err, TW_ERR_RANGE, "image: an empty picture", "");
    tw_image_free(&from);
}

Test(data_image, fit_keeps_the_aspect) {
    tw_image from, to;
    cr_assert_eq(tw_image_new(ctx, 100, 40, 1, 7, &from), TW_OK);
    static const struct {
        int height, max_width, want_width, want_height;
    } table[] = {{20, 0, 50, 20}, {32, 0, 80, 32}, {32, 60, 60, 32},  {0, 0, 100, 40},
                 {0, 30, 30, 40}, {1, 0, 3, 1},    {80, 200, 200, 80}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cr_assert_eq(tw_image_fit(ctx, &from, table[i].height, table[i].max_width, &to), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert(to.width == table[i].want_width && to.height == table[i].want_height, "%d: %d x %d", (int)i, to.width,
                  to.height);
        tw_image_free(&to);
    }
    tw_image_free(&from);
    cr_assert_eq(tw_image_new(ctx, 1, 300, 1, 7, &from), TW_OK); /* never less than one column */
    cr_assert_eq(tw_image_fit(ctx, &from, 32, 0, &to), TW_OK);
    cr_assert(to.width == 1 && to.height == 32);
    tw_image_free(&to);
    tw_err err = tw_image_fit(ctx, &from, -1, 0, &to);
    assert_sentence(ctx, err, TW_ERR_RANGE, "image: cannot fit", "");
    tw_image_free(&from);
}

Test(data_image, to_reals_are_planes) {
    tw_image image = {2, 1, 3, (uint8_t[]){0, 51, 255, 102, 153, 204}};
    tw_real x[6];
    tw_image_to_reals(&image, 0.5, 0.25, x);
    static const double value[] = {0, 0.4, 0.2, 0.6, 1, 0.8};
    for (int i = 0; i < 6; i++) cr_assert(near((double)x[i], (value[i] - 0.5) / 0.25, 1e-6));
    tw_image_to_reals(&image, 0, 0, x);
    for (int i = 0; i < 6; i++) cr_assert(near((double)x[i], value[i], 1e-6));
}
