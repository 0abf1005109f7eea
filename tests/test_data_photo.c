/* test_data_photo.c - pictures as people have them: turned by EXIF, transparent, in memory, in formats that cannot be
 * read, with headers that promise too much. */
#include "util_files.h"

#include <stb/stb_image_write.h>
#include <sys/resource.h>
#include <zlib.h>

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) {
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(data_photo, .init = begin, .fini = end);

/* ---- JPEG files with an EXIF block --------------------------------------------------------------------------- */

typedef struct bytes {
    uint8_t at[8192];
    size_t n;
} bytes;
static void put(bytes *to, const void *from, size_t n) {
    cr_assert_leq(to->n + n, sizeof to->at);
    memcpy(to->at + to->n, from, n);
    to->n += n;
}
static void put_number(bytes *to, uint32_t v, int n, bool little) {
    for (int k = 0; k < n; k++) to->at[to->n++] = (uint8_t)(v >> 8 * (little ? k : n - 1 - k));
}
static void append(void *to, void *data, int size) { put(to, data, (size_t)size); }

/* 32 x 48, each quarter of one gray. */
enum { W = 32, H = 48 };
static int quarter(int x, int y) { return 80 * (x >= W / 2) + 160 * (y >= H / 2); }
static bytes jpeg(void) {
    uint8_t pixel[W * H];
    bytes file = {.n = 0};
    for (int i = 0; i < W * H; i++) pixel[i] = (uint8_t)quarter(i % W, i / W);
    cr_assert(stbi_write_jpg_to_func(append, &file, W, H, 1, pixel, 95));
    cr_assert(file.at[0] == 0xff && file.at[1] == 0xd8);
    return file;
}

/* The file with something between SOI and the rest. */
static bytes jpeg_with(const bytes *extra) {
    bytes plain = jpeg(), file = {.n = 0};
    put(&file, plain.at, 2);
    put(&file, extra->at, extra->n);
    put(&file, plain.at + 2, plain.n - 2);
    return file;
}

/* A segment with a table of two entries, the second of them the orientation. */
static bytes exif(bool little, int type, uint32_t value) {
    bytes b = {.n = 0};
    put(&b,
        "\xff\xe1\0\x2e"
        "Exif\0\0",
        10);
    put(&b, little ? "II" : "MM", 2);
    put_number(&b, 42, 2, little), put_number(&b, 8, 4, little);
    put_number(&b, 2, 2, little);
    put_number(&b, 0x010f, 2, little), put_number(&b, 2, 2, little), put_number(&b, 3, 4, little);
    put(&b, "ab\0\0", 4);
    put_number(&b, 0x0112, 2, little), put_number(&b, (uint32_t)type, 2, little), put_number(&b, 1, 4, little);
    put_number(&b, value, type == 3 ? 2 : 4, little);
    if (type == 3) put_number(&b, 0, 2, little);
    put_number(&b, 0, 4, little); /* no further table */
    cr_assert_eq(b.n, 2 + 0x2e);
    return b;
}

/* By the words of the standard: orientation o says which visual side row 0 is, and which one column 0. */
static void assert_turned(const tw_image *image, int o) {
    static const char row0[] = "_ttbblrrl", column0[] = "_lrrlttbb";
    int c = image->channels;
    cr_assert_eq(image->width, o > 4 ? H : W, "orientation %d: %d x %d", o, image->width, image->height);
    cr_assert_eq(image->height, o > 4 ? W : H);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int down = row0[o] == 't' || row0[o] == 'l' ? y : H - 1 - y;
            int right = column0[o] == 'l' || column0[o] == 't' ? x : W - 1 - x;
            int to_x = o > 4 ? down : right, to_y = o > 4 ? right : down;
            int got = image->data[(to_y * image->width + to_x) * c], want = quarter(x, y);
            cr_assert(abs(got - want) < 12, "orientation %d: stored %d,%d, seen at %d,%d, is %d, not %d", o, x, y, to_x,
                      to_y, got, want);
        }
}

static void check_orientation(const bytes *file, int want) {
    static const int channels[] = {0, 1, 3, 4};
    const char *path = write_file("photo.jpg", file->at, file->n);
    for (size_t k = 0; k < 4; k++) {
        tw_image image;
        cr_assert_eq(tw_image_load(ctx, path, channels[k], &image), TW_OK, "%s", tw_errmsg(ctx));
        assert_turned(&image, want);
        tw_image_free(&image);
        cr_assert_eq(tw_image_decode(ctx, path, file->at, file->n, channels[k], &image), TW_OK, "%s", tw_errmsg(ctx));
        assert_turned(&image, want);
        tw_image_free(&image);
    }
    remove_files();
}

Test(data_photo, all_eight_orientations) {
    bytes plain = jpeg();
    check_orientation(&plain, 1);
    for (int o = 1; o <= 8; o++)
        for (int k = 0; k < 4; k++) {
            bytes block = exif(k & 1, k & 2 ? 4 : 3, (uint32_t)o), file = jpeg_with(&block);
            check_orientation(&file, o);
        }
}

/* What stands before the EXIF block: other segments, fill bytes, an APP1 segment of another kind. */
static bytes after(const void *before, size_t n) {
    bytes block = exif(true, 3, 6), both = {.n = 0};
    put(&both, before, n);
    put(&both, block.at, block.n);
    return jpeg_with(&both);
}

Test(data_photo, exif_is_found_behind_other_segments) {
    bytes file = after("\xff\xfe\0\4hi", 6);
    check_orientation(&file, 6);
    file = after("\xff\xff\xff", 3);
    check_orientation(&file, 6);
    file = after("\xff\xe1\0\x0ehttp://ns.ad", 16);
    check_orientation(&file, 6);
    file = after("\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", 18);
    check_orientation(&file, 6);
}

/* A block that is damaged says nothing: the picture is read as it is stored. */
Test(data_photo, exif_that_lies) {
    bytes good = exif(true, 3, 6), bad, file;
    static const struct {
        int at;
        uint8_t value;
        const char *why;
    } change[] = {
        {10, 'X', "neither byte order"},
        {12, 43, "not 42"},
        {14, 200, "a table outside"},
        {17, 0xff, "a table far outside"},
        {18, 0, "an empty table"},
        {18, 1, "a table without it"},
        {34, 7, "a type that is no number"},
        {36, 2, "two values"},
        {36, 0, "no value"},
        {40, 0, "orientation 0"},
        {40, 9, "orientation 9"},
        {41, 1, "orientation 262"},
        {9, 1, "no Exif"},
        {5, 'y', "no Exif"},
    };
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        bad = good;
        bad.at[change[i].at] = change[i].value;
        file = jpeg_with(&bad);
        check_orientation(&file, 1);
    }
    bad = good; /* many entries are announced: those that fit are looked at */
    bad.at[18] = bad.at[19] = 0xff;
    file = jpeg_with(&bad);
    check_orientation(&file, 6);
}

/* Any byte of the block replaced: a picture or a sentence, and nothing read outside (the sanitizers watch). */
Test(data_photo, exif_damaged_at_random) {
    bytes block = exif(false, 3, 8), file = jpeg_with(&block);
    for (uint64_t i = 0; i < 2000; i++) {
        bytes bad = file;
        for (uint64_t k = 0; k <= i % 3; k++)
            bad.at[2 + tw_random_bits(i, 2 * k) % block.n] = (uint8_t)tw_random_bits(i, 2 * k + 1);
        if (i % 5 == 0) bad.n = 2 + i % block.n;
        tw_image image;
        tw_err err = tw_image_decode(ctx, "bad.jpg", bad.at, bad.n, 1, &image);
        if (err) assert_sentence(ctx, err, TW_ERR_FORMAT, "bad.jpg: ", "");
        tw_image_free(&image);
    }
}

Test(data_photo, turned_pictures_in_a_dataset) {
    bytes block = exif(true, 3, 6), file = jpeg_with(&block);
    const char *picture = write_file("photo.jpg", file.at, file.n);
    char text[600];
    snprintf(text, sizeof text, "%s\tx\n", picture);
    const char *list = write_text("list.tsv", text);
    tw_tsv tsv;
    tw_dataset data;
    cr_assert_eq(tw_tsv_load(ctx, list, &tsv), TW_OK, "%s", tw_errmsg(ctx));
    tw_err err = tw_dataset_files(ctx, &tsv, (tw_labels){(const int32_t[]){1}, 1}, (tw_labels){(const int32_t[]){1}, 1},
                                  NULL, &data);
    cr_assert_eq(err, TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(data.height == W && data.max_width == H, "%d x %d", data.max_width, data.height);
    tw_real x[W * H];
    int32_t label;
    char why[200];
    tw_sample sample = {.x = x, .width = H, .label = &label};
    cr_assert_eq(data.get(data.user, 0, 0, &sample, why, sizeof why), TW_OK, "%s", why);
    cr_assert_eq(sample.width, H);
    tw_dataset_free(&data);
    tw_tsv_free(&tsv);
}

/* ---- alpha --------------------------------------------------------------------------------------------------- */

/* An RGBA picture with a bar of one gray on nothing, or with half of it; returns the grays of bar and background. */
static void seen(uint8_t ink, uint8_t alpha, int stored_channels, int *bar, int *back) {
    enum { SIDE = 12 };
    uint8_t pixel[SIDE * SIDE * 4] = {0};
    bytes file = {.n = 0};
    for (int i = 0; i < SIDE * SIDE; i++) {
        uint8_t *p = pixel + i * stored_channels;
        memset(p, i % SIDE == 5 ? ink : 128, (size_t)stored_channels);
        p[stored_channels - 1] = i % SIDE == 5 ? alpha : 0;
    }
    cr_assert(stbi_write_png_to_func(append, &file, SIDE, SIDE, stored_channels, pixel, 0));
    tw_image image;
    cr_assert_eq(tw_image_decode(ctx, "alpha", file.at, file.n, 1, &image), TW_OK, "%s", tw_errmsg(ctx));
    *bar = image.data[5], *back = image.data[0];
    tw_image_free(&image);
}

Test(data_photo, text_on_nothing_stays_visible) {
    for (int channels = 2; channels <= 4; channels += 2) {
        int bar, back;
        seen(0, 255, channels, &bar, &back);
        cr_assert(bar == 0 && back == 255);
        seen(255, 255, channels, &bar, &back);
        cr_assert(bar == 255 && back == 0, "white on nothing: %d on %d", bar, back);
        seen(255, 100, channels, &bar, &back);
        cr_assert(bar == 100 && back == 0, "%d on %d", bar, back);
        seen(90, 255, channels, &bar, &back);
        cr_assert(bar == 90 && back == 255, "%d on %d", bar, back);
        seen(0, 0, channels, &bar, &back);
        cr_assert(bar == back, "nothing at all: %d on %d", bar, back);
    }
}

Test(data_photo, rgb_is_over_white) {
    static const uint8_t pixel[] = {255, 255, 255, 0, 255, 255, 255, 255};
    bytes file = {.n = 0};
    tw_image image;
    cr_assert(stbi_write_png_to_func(append, &file, 2, 1, 4, pixel, 0));
    cr_assert_eq(tw_image_decode(ctx, "rgb", file.at, file.n, 3, &image), TW_OK);
    for (int i = 0; i < 6; i++) cr_assert_eq(image.data[i], 255);
    tw_image_free(&image);
}

/* ---- what cannot be read ----------------------------------------------------------------------------------------- */

Test(data_photo, other_formats_are_named) {
    static const struct {
        const char *head, *part;
        size_t n;
    } format[] = {
        {"RIFF\x24\0\0\0WEBPVP8 ", "this is a WebP picture, which cannot be read; convert it to PNG or JPEG", 16},
        {"II*\0\x08\0\0\0", "a TIFF picture", 8},
        {"MM\0*\0\0\0\x08", "a TIFF picture", 8},
        {"\0\0\0\x18"
         "ftypheic\0\0\0\0",
         "a HEIF picture", 16},
        {"\0\0\0\x18"
         "ftypmif1\0\0\0\0",
         "a HEIF picture", 16},
        {"\0\0\0\x18"
         "ftypavif\0\0\0\0",
         "an AVIF picture", 16},
        {"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", 12},
        {"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture", 12},
        {"%PDF-1.7\n%", "a PDF document", 10},
        {"<svg xmlns=", "an SVG drawing", 11},
        {"hello, world", "not a picture that can be read", 12},
        {"\x89PNG\r\n\x1a\n", "not a picture that can be read", 8},
        {"\xff\xd8", "not a picture that can be read", 2},
        {"", "the file is empty", 0},
    };
    for (size_t i = 0; i < sizeof format / sizeof *format; i++) {
        tw_image image;
        tw_err err = tw_image_decode(ctx, "standard input", format[i].head, format[i].n, 1, &image);
        assert_sentence(ctx, err, TW_ERR_FORMAT, "standard input: ", format[i].part);
        cr_assert(!image.data);
        const char *path = write_file("x", format[i].head, format[i].n);
        assert_sentence(ctx, tw_image_load(ctx, path, 1, &image), TW_ERR_FORMAT, path, format[i].part);
        remove_files();
    }
    tw_image image;
    assert_sentence(ctx, tw_image_decode(ctx, "x", "abc", 3, 5, &image), TW_ERR_RANGE, "image: 5 channels", "x");
}

/* A name in the file that the message quotes: never a line of its own, and never bytes that are no UTF-8. */
Test(data_photo, messages_are_clean) {
    bytes file = {.n = 0};
    tw_image image;
    uint8_t pixel[4] = {0};
    cr_assert(stbi_write_png_to_func(append, &file, 2, 2, 1, pixel, 0));
    memcpy(file.at + 37, "A\n\xff\x1b", 4); /* the name of the second chunk; a capital: it may not be passed over */
    assert_sentence(ctx, tw_image_decode(ctx, "x", file.at, file.n, 1, &image), TW_ERR_FORMAT,
                    "x: ", "(A??? PNG chunk not known)");
}

static long peak_kilobytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* A few bytes that announce many pixels are refused before memory is taken for them. */
Test(data_photo, promises_are_not_believed) {
    long before = peak_kilobytes();
    bytes file[4] = {{.n = 0}};
    put(&file[0], "GIF89a\x30\x75\x30\x0a\0\0\0,\0\0\0\0\x30\x75\x30\x0a\0\2\2D\1\0;", 29); /* 30000 x 2608 */
    put(&file[1], "P5\n12000 11000\n255\nxx", 21);
    put(&file[2], "P6\n1000000 1000000\n255\nxx", 25);
    put(&file[3], "BM", 2);
    put_number(&file[3], 70, 4, true), put_number(&file[3], 0, 4, true), put_number(&file[3], 54, 4, true);
    put_number(&file[3], 40, 4, true), put_number(&file[3], 11000, 4, true), put_number(&file[3], 11000, 4, true);
    put_number(&file[3], 1, 2, true), put_number(&file[3], 24, 2, true);
    for (int k = 0; k < 6; k++) put_number(&file[3], 0, 4, true);
    for (int i = 0; i < 4; i++) {
        tw_image image;
        const char *path = write_file("promise", file[i].at, file[i].n);
        tw_err err = tw_image_load(ctx, path, 1, &image);
        assert_sentence(ctx, err, TW_ERR_FORMAT, path, "the header announces");
        err = tw_image_decode(ctx, path, file[i].at, file[i].n, 1, &image);
        assert_sentence(ctx, err, TW_ERR_FORMAT, path, "the header announces");
        remove_files();
    }
    cr_assert_lt(peak_kilobytes() - before, 64 << 10, "memory was taken");
}

/* A picture of 8 x 8 pixels whose data unpacks to 512 MB. */
Test(data_photo, a_zip_bomb) {
    static const uint8_t zeros[1 << 16];
    size_t room = 1 << 20, n = 0;
    uint8_t *packed = malloc(room), *file = malloc(room + 100);
    z_stream z = {.next_out = packed, .avail_out = (uInt)room};
    cr_assert_eq(deflateInit(&z, 9), Z_OK);
    for (int i = 0; i < 8192; i++) {
        z.next_in = (Bytef *)(uintptr_t)zeros, z.avail_in = sizeof zeros;
        cr_assert_eq(deflate(&z, i == 8191 ? Z_FINISH : Z_NO_FLUSH), i == 8191 ? Z_STREAM_END : Z_OK);
    }
    size_t size = z.total_out;
    deflateEnd(&z);
    bytes head = {.n = 0};
    put(&head, "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x08\0\0\0\x08\x08\0\0\0\0\0\0\0\0", 33);
    put_number(&head, (uint32_t)size, 4, false);
    put(&head, "IDAT", 4);
    memcpy(file, head.at, head.n);
    memcpy(file + head.n, packed, size);
    n = head.n + size;
    memcpy(file + n, "\0\0\0\0\0\0\0\0IEND\0\0\0\0", 16); /* check sums are not looked at */
    n += 16;
    long before = peak_kilobytes();
    tw_image image;
    tw_err err = tw_image_decode(ctx, "bomb.png", file, n, 1, &image);
    cr_assert(err && !strncmp(tw_errmsg(ctx), "bomb.png: ", 10), "%s", tw_errmsg(ctx));
    tw_error_clear(ctx);
    cr_assert_lt(peak_kilobytes() - before, 64 << 10, "memory was taken");
    free(file);
    free(packed);
}

/* A Huffman table of more codes than there are: writing them all runs over what lies behind it in stb_image 2.27. The
 * table may also stand behind the first scan, or bytes in front of it, or the file begin with more than one FF. */
Test(data_photo, a_table_with_too_many_codes) {
    static const uint8_t scan[] = {0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x12, 0xff, 0, 0x34};
    for (int where = 0; where < 4; where++) {
        bytes sound = jpeg(), file = {.n = 0};
        size_t at = 0;
        while (memcmp(sound.at + at, "\xff\xc4", 2)) at++;
        if (where == 1) put(&file, "\xff", 1);
        put(&file, sound.at, at);
        if (where == 2) put(&file, "junk", 4);
        if (where == 3) put(&file, scan, sizeof scan);
        size_t table = file.n + 5;
        put(&file, sound.at + at, sound.n - at);
        memset(file.at + table, 0xff, 16);
        tw_image image;
        assert_sentence(ctx, tw_image_decode(ctx, "x", file.at, file.n, 1, &image), TW_ERR_FORMAT,
                        "x: ", "impossible Huffman tables");
    }
}

/* Files of every kind with a few bytes changed, lost or added: a picture or one sentence. */
Test(data_photo, mutations) {
    uint8_t pixel[20 * 12 * 4];
    bytes kind[4] = {jpeg(), {.n = 0}, {.n = 0}, {.n = 0}};
    for (size_t i = 0; i < sizeof pixel; i++) pixel[i] = (uint8_t)tw_random_bits(1, i / 16);
    cr_assert(stbi_write_png_to_func(append, &kind[1], 20, 12, 4, pixel, 0));
    cr_assert(stbi_write_bmp_to_func(append, &kind[2], 20, 12, 3, pixel));
    put(&kind[3], "P6\n20 12\n255\n", 13);
    put(&kind[3], pixel, 720);
    for (uint64_t i = 0; i < 2000; i++) {
        bytes bad = kind[i % 4];
        for (uint64_t k = 0; k <= i % 5; k++) {
            uint64_t random = tw_random_bits(i, k);
            size_t where = random % (k % 2 ? bad.n : bad.n < 64 ? bad.n : 64);
            if (random >> 40 & 3) bad.at[where] = (uint8_t)(random >> 32);
            else if (random >> 42 & 1) memmove(bad.at + where, bad.at + where + 1, --bad.n - where);
            else if (bad.n > 100) bad.n -= random >> 44 & 63;
        }
        tw_image image;
        tw_err err = tw_image_decode(ctx, "bad", bad.at, bad.n, (int)(i / 4 % 2), &image);
        if (err) assert_sentence(ctx, err, err, "bad: ", "");
        tw_image_free(&image);
    }
}

Test(data_photo, memory_is_as_good_as_a_file) {
    bytes file = {.n = 0};
    uint8_t pixel[6] = {1, 2, 3, 200, 100, 50};
    tw_image image;
    cr_assert(stbi_write_png_to_func(append, &file, 2, 1, 3, pixel, 0));
    cr_assert_eq(tw_image_decode(ctx, "x", file.at, file.n, 0, &image), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(image.width == 2 && image.height == 1 && image.channels == 3 && !memcmp(image.data, pixel, 6));
    tw_image_free(&image);
    for (size_t cut = 1; cut < file.n - 12; cut++) {
        tw_err err = tw_image_decode(ctx, "x", file.at, cut, 0, &image);
        assert_sentence(ctx, err, TW_ERR_FORMAT, "x: ", "");
        cr_assert(!image.data);
    }
}
