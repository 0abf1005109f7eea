/* image.c - pictures of every format that is read, and what is done with them. The first byte: how many channels. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const int channels[4] = {0, 1, 3, 4};
    if (!size) return 0;
    int wanted = channels[bytes[0] % 4];
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    tw_image image, small = {0};
    tw_err err = tw_image_decode(ctx, "picture", bytes + 1, size - 1, wanted, &image);
    fuzz_sentence(ctx, err);
    if (err) {
        fuzz_assert(!image.data && !image.width && !image.height);
    } else {
        fuzz_assert(image.width > 0 && image.height > 0 && image.data);
        fuzz_assert(wanted ? image.channels == wanted
                           : image.channels == 1 || image.channels == 3 || image.channels == 4);
        err = tw_image_fit(ctx, &image, 8, 64, &small);
        fuzz_sentence(ctx, err);
        fuzz_assert(!err && small.height == 8 && small.width >= 1 && small.width <= 64);
        tw_real x[4 * 8 * 64];
        tw_image_to_reals(&small, 0.5, 0.25, x);
    }
    tw_image_free(&small);
    tw_image_free(&image);
    tw_ctx_free(ctx);
    return 0;
}
