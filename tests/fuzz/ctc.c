/* ctc.c - CTC's loss, decoders and alignment on any numbers: infinities, NaN, labels that cannot be.
 *
 * The input: T, N, K, the blank, options, lengths and labels, a byte each, then the logits as floats. */
#include "fuzz.h"

#include <math.h>

enum { MOST_T = 12, MOST_N = 3, MOST_K = 6, MOST_L = 6 };

static tw_real logit[MOST_T * MOST_N * MOST_K];

static void loss(tw_ctx *ctx, fuzz_input *in, int T, int N, int K, int blank) {
    int32_t label[MOST_N * MOST_L], label_length[MOST_N], frames[MOST_N];
    int n = 0, options = fuzz_int(in, 0, 63);
    for (int i = 0; i < N; i++) {
        label_length[i] = fuzz_int(in, 0, MOST_L);
        frames[i] = fuzz_int(in, -1, T + 1);
        for (int j = 0; j < label_length[i]; j++) label[n++] = fuzz_int(in, -1, K);
    }
    for (int i = 0; i < T * N * K; i++) {
        float x;
        fuzz_take(in, &x, sizeof x);
        logit[i] = (tw_real)x;
    }
    tw_ctc_options o = tw_ctc_defaults();
    int infeasible = -1;
    int32_t at[MOST_N];
    o.blank = blank;
    o.reduction = options % 4 == 3 ? TW_REDUCTION_NONE : (tw_reduction)(options % 4);
    o.zero_infinity = options & 4;
    o.mean_by_length = options & 8;
    o.form = options & 16 ? TW_FORM_LOG_PROBS : TW_FORM_LOGITS;
    o.infeasible = &infeasible;
    o.infeasible_at = at;
    tw_step_begin(ctx);
    tw_tensor *x = tw_input_grad(ctx, logit, 3, (int[]){T, N, K});
    tw_tensor *l = tw_ctc_loss(ctx, x, (tw_labels){label, n}, (tw_labels){label_length, N},
                               options & 32 ? (tw_labels){frames, N} : (tw_labels){NULL, 0}, &o);
    fuzz_assert(!l == (tw_error(ctx) != TW_OK));
    if (l) {
        fuzz_assert(infeasible >= 0 && infeasible <= N);
        if (o.reduction == TW_REDUCTION_NONE) l = tw_sum(ctx, l, 0, NULL, false);
        tw_err err = tw_backward(ctx, l);
        fuzz_assert(err == tw_error(ctx));
        if (!err) fuzz_assert(isfinite(tw_item(l)));
    }
    fuzz_sentence(ctx, tw_error(ctx));
}

static void read_all(tw_ctx *ctx, int T, int K, int blank) {
    int32_t symbol[MOST_T];
    int n = tw_ctc_greedy(logit, T, K, (size_t)K, blank, symbol);
    fuzz_assert(n >= 0 && n <= T);
    for (int i = 0; i < n; i++) fuzz_assert(symbol[i] >= 0 && symbol[i] < K && symbol[i] != blank);
    tw_span span[MOST_T];
    double p;
    tw_err err = tw_ctc_align(ctx, logit, T, K, (size_t)K, blank, symbol, (size_t)n, span, &p);
    fuzz_sentence(ctx, err);
    if (!err) fuzz_assert(!isnan(p));
    p = tw_ctc_log_prob(ctx, logit, T, K, (size_t)K, symbol, n, blank);
    fuzz_sentence(ctx, tw_error(ctx));

    tw_alphabet *alphabet = tw_alphabet_new_with(ctx, &"edcba"[MOST_K - K], blank);
    fuzz_assert(alphabet && tw_alphabet_classes(alphabet) == K);
    tw_decoder *decoder = tw_decoder_new(ctx, alphabet, &(tw_decoder_options){.width = 4});
    fuzz_assert(decoder);
    tw_reading reading[3];
    int readings = 3;
    err = tw_decoder_read(decoder, logit, T, (size_t)K, reading, &readings);
    fuzz_sentence(ctx, err);
    if (!err) {
        fuzz_assert(readings >= 0 && readings <= 3);
        for (int i = 0; i < readings; i++) {
            fuzz_assert(reading[i].n <= T && reading[i].log_prob <= 1e-4);
            if (i) fuzz_assert(reading[i].score <= reading[i - 1].score);
        }
    }
    tw_decoder_free(decoder);
    tw_alphabet_free(alphabet);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    fuzz_input in = {bytes, size};
    int T = fuzz_int(&in, 1, MOST_T), N = fuzz_int(&in, 1, MOST_N), K = fuzz_int(&in, 1, MOST_K),
        blank = fuzz_int(&in, 0, K - 1);
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    loss(ctx, &in, T, N, K, fuzz_int(&in, 0, 15) ? blank : K);
    read_all(ctx, T, K, blank);
    tw_ctx_free(ctx);
    return 0;
}
