/* test_ocr_trim.c - crnn_ocr finds the writing in pictures with margins, frames and padding, and leaves crops alone. */
#include "../examples/crnn_ocr/trim.h"
#include "util.h"

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) { tw_ctx_free(ctx); }
TestSuite(ocr_trim, .init = begin, .fini = end);

static tw_image canvas(int w, int h, uint8_t gray) {
    tw_image image;
    cr_assert_eq(tw_image_new(ctx, w, h, 1, gray, &image), TW_OK, "%s", tw_errmsg(ctx));
    return image;
}

static void fill(tw_image *im, tw_box b, uint8_t gray) {
    for (int y = 0; y < b.height; y++)
        memset(im->data + (size_t)(b.y + y) * (size_t)im->width + b.x, gray, (size_t)b.width);
}

/* Something like letters: strokes a seventh as wide as they are high, standing and lying, that touch all four sides. */
static void write_at(tw_image *im, tw_box b, uint8_t gray) {
    int stroke = b.height / 7 + 1;
    for (int x = 0, k = 0; x + stroke <= b.width; x += 3 * stroke, k++) {
        fill(im, (tw_box){b.x + x, b.y + (k % 3 == 1) * b.height / 3, stroke, b.height - b.height / 3 * (k % 3 > 0)},
             gray);
        if (k % 2 && x + 3 * stroke <= b.width)
            fill(im, (tw_box){b.x + x, b.y + b.height / 2, 2 * stroke, stroke}, gray);
    }
    fill(im, (tw_box){b.x + b.width - stroke, b.y, stroke, b.height}, gray);
}

static void add_noise(tw_image *im, double sigma) {
    for (size_t i = 0; i < (size_t)im->width * (size_t)im->height; i++) {
        double sum = -6;
        for (uint64_t k = 0; k < 12; k++) sum += tw_random_uniform(3, 12 * i + k); /* nearly normal */
        double v = im->data[i] + sigma * sum;
        im->data[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

/* The found part holds all of b, and is not much larger. */
static void assert_found(const tw_image *im, tw_box b, const char *what) {
    tw_box got = trim_find(im);
    cr_assert(got.x <= b.x && got.y <= b.y && got.x + got.width >= b.x + b.width &&
                  got.y + got.height >= b.y + b.height,
              "%s: %d,%d %dx%d cuts the writing at %d,%d %dx%d", what, got.x, got.y, got.width, got.height, b.x, b.y,
              b.width, b.height);
    cr_assert(got.height < 1.7 * b.height && got.width < b.width + 2 * got.height,
              "%s: %d,%d %dx%d leaves too much around %dx%d", what, got.x, got.y, got.width, got.height, b.width,
              b.height);
}

static void assert_whole(const tw_image *im, const char *what) {
    tw_box got = trim_find(im);
    cr_assert(!got.x && !got.y && got.width == im->width && got.height == im->height, "%s: %d,%d %dx%d of %dx%d", what,
              got.x, got.y, got.width, got.height, im->width, im->height);
}

Test(ocr_trim, a_word_in_a_large_picture) {
    static const int size[][4] = {/* width and height of the picture, and of the word */
                                  {640, 480, 100, 20}, {640, 480, 300, 60},    {200, 200, 50, 14}, {100, 1000, 80, 20},
                                  {3000, 40, 60, 12},  {3000, 2000, 900, 200}, {90, 90, 30, 9}};
    static const uint8_t gray[][2] = {{255, 0}, {0, 255}, {200, 60}, {40, 110}};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (size_t k = 0; k < 12; k++) {
            tw_image im = canvas(size[i][0], size[i][1], gray[k % 4][0]);
            int w = size[i][2], h = size[i][3], free_x = size[i][0] - w, free_y = size[i][1] - h;
            tw_box b = {free_x / 2, free_y / 2, w, h};
            if (k >= 4)
                b.x = (int)(tw_random_bits(i, k) % (uint64_t)free_x),
                b.y = (int)(tw_random_bits(k, i) % (uint64_t)free_y);
            write_at(&im, b, gray[k % 4][1]);
            char what[80];
            snprintf(what, sizeof what, "picture %zu, %d on %d", i, gray[k % 4][1], gray[k % 4][0]);
            assert_found(&im, b, what);
            if (size[i][0] < 1000) {
                add_noise(&im, 4);
                assert_found(&im, b, "with noise");
            }
            tw_image_free(&im);
        }
}

/* Crops around words, tight and loose, are what training shows: nothing is cut. */
Test(ocr_trim, crops_stay_whole) {
    for (uint64_t i = 0; i < 300; i++) {
        int h = 12 + (int)(tw_random_bits(1, i) % 60), w = h + (int)(tw_random_bits(2, i) % 300);
        int top = (int)(tw_random_uniform(3, i) * 0.25 * h), bottom = (int)(tw_random_uniform(4, i) * 0.25 * h);
        int left = (int)(tw_random_uniform(5, i) * 0.4 * h), right = (int)(tw_random_uniform(6, i) * 0.4 * h);
        if (left + right + 8 > w) continue;
        tw_image im = canvas(w, h, i % 2 ? 230 : 30);
        write_at(&im, (tw_box){left, top, w - left - right, h - top - bottom}, i % 2 ? 20 : 200);
        if (i % 3 == 0) add_noise(&im, 8);
        assert_whole(&im, "a crop");
        tw_image_free(&im);
    }
}

/* A picture on a canvas of one shade, or in a frame: all of the picture, and none of what is around it. */
Test(ocr_trim, padding_and_frames) {
    static const uint8_t around[] = {0, 255, 128};
    for (size_t k = 0; k < 9; k++) {
        int pad = k < 3 ? 60 : k < 6 ? 5 : 1, w = 160, h = 40;
        tw_box inner = {pad, pad, w, h};
        tw_image im = canvas(w + 2 * pad, h + 2 * pad, around[k % 3]);
        fill(&im, inner, k % 3 == 2 ? 20 : 190);
        write_at(&im, (tw_box){pad + 10, pad + 6, w - 20, h - 12}, k % 3 == 2 ? 240 : 70);
        tw_box got = trim_find(&im);
        cr_assert(got.x == pad && got.y == pad && got.width == w && got.height == h, "%zu: %d,%d %dx%d", k, got.x,
                  got.y, got.width, got.height);
        tw_image_free(&im);
    }
    tw_image im = canvas(300, 120, 255); /* a line drawn around the word, with white on both sides */
    fill(&im, (tw_box){40, 20, 220, 70}, 0);
    fill(&im, (tw_box){43, 23, 214, 64}, 255);
    write_at(&im, (tw_box){60, 35, 180, 40}, 0);
    tw_box got = trim_find(&im);
    cr_assert(got.x >= 43 && got.y == 23 && got.height == 64 && got.x + got.width <= 257, "%d,%d %dx%d", got.x, got.y,
              got.width, got.height);
    tw_image_free(&im);
}

/* A picture whose own background shades off, in the corner of a square canvas. */
Test(ocr_trim, a_corner_of_a_canvas) {
    tw_image im = canvas(400, 400, 0);
    for (int y = 0; y < 50; y++)
        for (int x = 0; x < 200; x++) im.data[y * 400 + x] = (uint8_t)(120 + x / 4);
    write_at(&im, (tw_box){20, 8, 160, 34}, 40);
    tw_box got = trim_find(&im);
    cr_assert(got.x == 0 && got.y == 0 && got.width == 200 && got.height == 50, "%d,%d %dx%d", got.x, got.y, got.width,
              got.height);
    tw_image_free(&im);
}

Test(ocr_trim, a_single_bar_is_writing) {
    tw_image im = canvas(200, 100, 255);
    fill(&im, (tw_box){90, 40, 4, 20}, 0); /* an l */
    tw_box got = trim_find(&im);
    cr_assert(got.height >= 24 && got.height < 34 && got.width > 8, "%d,%d %dx%d", got.x, got.y, got.width, got.height);
    tw_image_free(&im);
}

Test(ocr_trim, nothing_to_see) {
    static const int size[][2] = {{1, 1}, {1, 50}, {50, 1}, {2, 2}, {3, 7}, {640, 480}, {8000, 3}};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        tw_image im = canvas(size[i][0], size[i][1], 77);
        assert_whole(&im, "one gray");
        add_noise(&im, 5);
        assert_whole(&im, "noise");
        add_noise(&im, 80);
        assert_whole(&im, "much noise");
        tw_image_free(&im);
    }
}

/* Whatever is in the picture, the part lies inside it and can be cut out. */
Test(ocr_trim, never_outside) {
    for (uint64_t i = 0; i < 2000; i++) {
        int w = 1 + (int)(tw_random_bits(1, i) % 70), h = 1 + (int)(tw_random_bits(2, i) % 70);
        if (i % 100 == 0) w *= 40, h *= 30;
        tw_image im = canvas(w, h, (uint8_t)tw_random_bits(3, i)), part;
        for (uint64_t k = 0; k < i % 6; k++) {
            int x = (int)(tw_random_bits(4 + k, i) % (uint64_t)w), y = (int)(tw_random_bits(14 + k, i) % (uint64_t)h);
            tw_box b = {x, y, 1 + (int)(tw_random_bits(24 + k, i) % (uint64_t)(w - x)),
                        1 + (int)(tw_random_bits(34 + k, i) % (uint64_t)(h - y))};
            fill(&im, b, (uint8_t)tw_random_bits(44 + k, i));
        }
        tw_box got = trim_find(&im);
        cr_assert(got.x >= 0 && got.y >= 0 && got.width > 0 && got.height > 0 && got.x + got.width <= w &&
                      got.y + got.height <= h,
                  "%d,%d %dx%d of %dx%d", got.x, got.y, got.width, got.height, w, h);
        cr_assert_eq(trim_cut(ctx, &im, got, &part), TW_OK);
        cr_assert(part.width == got.width && part.height == got.height && part.channels == 1);
        for (int y = 0; y < part.height; y++)
            for (int x = 0; x < part.width; x++)
                cr_assert_eq(part.data[y * part.width + x], im.data[(got.y + y) * w + got.x + x]);
        tw_image_free(&part);
        tw_image_free(&im);
    }
}
