/* idx.c - IDX files, raw and gzipped. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    tw_idx idx;
    tw_err err = tw_idx_load(ctx, fuzz_file(bytes, size), &idx);
    fuzz_sentence(ctx, err);
    if (err) {
        fuzz_assert(!idx.data && !idx.path && !idx.size && !idx.ndim);
    } else {
        fuzz_assert(idx.ndim >= 1 && idx.ndim <= TW_MAX_DIMS);
        size_t n = 1;
        for (int i = 0; i < idx.ndim; i++) n *= (size_t)idx.dim[i];
        fuzz_assert(n == idx.size);
        double mean, std;
        tw_idx_mean_std(&idx, &mean, &std); /* reads every byte */
        fuzz_assert(mean >= 0 && mean <= 1 && std >= 0 && std <= 0.51);
    }
    tw_idx_free(&idx);
    tw_ctx_free(ctx);
    fuzz_file_close();
    return 0;
}
