/* alphabet.c - alphabets, and texts over them. The first byte: the blank's class; a line; a text. */
#include "fuzz.h"

static void encode(tw_ctx *ctx, const tw_alphabet *alphabet, const char *text) {
    size_t n = strlen(text) + 1, room = 4 * n + 1;
    int32_t *symbol = malloc(n * sizeof *symbol);
    char *decoded = malloc(room);
    fuzz_assert(symbol && decoded);
    tw_err err = tw_alphabet_encode(ctx, alphabet, text, symbol, &n);
    fuzz_sentence(ctx, err);
    if (!err) {
        for (size_t i = 0; i < n; i++)
            fuzz_assert(symbol[i] >= 0 && symbol[i] < tw_alphabet_classes(alphabet) &&
                        symbol[i] != tw_alphabet_blank(alphabet));
        err = tw_alphabet_decode(ctx, alphabet, symbol, n, decoded, room);
        fuzz_assert(!err && tw_utf8_length(decoded) >= 0);
    }
    free(symbol);
    free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (!size) return 0;
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    char *letters = fuzz_text(bytes + 1, size - 1), *text = strchr(letters, '\n');
    if (text) *text++ = 0;
    tw_alphabet *alphabet = tw_alphabet_new_with(ctx, letters, (int)(int8_t)bytes[0]);
    fuzz_assert(!alphabet == (tw_error(ctx) != TW_OK));
    fuzz_sentence(ctx, tw_error(ctx));
    if (alphabet) {
        int classes = tw_alphabet_classes(alphabet), blank = tw_alphabet_blank(alphabet);
        fuzz_assert(classes >= 1 && blank >= 0 && blank < classes);
        /* From its text the same is made. */
        tw_alphabet *same = tw_alphabet_new_with(ctx, tw_alphabet_text(alphabet), blank);
        fuzz_assert(same && tw_alphabet_classes(same) == classes);
        fuzz_assert(!strcmp(tw_alphabet_text(same), tw_alphabet_text(alphabet)));
        tw_alphabet_free(same);
        encode(ctx, alphabet, tw_alphabet_text(alphabet));
        if (text) encode(ctx, alphabet, text);
    }
    tw_alphabet_free(alphabet);

    const char *texts[2] = {letters, text ? text : ""};
    alphabet = tw_alphabet_from_texts(ctx, 2, texts);
    fuzz_assert(!alphabet == (tw_error(ctx) != TW_OK));
    fuzz_sentence(ctx, tw_error(ctx));
    tw_alphabet_free(alphabet);
    tw_score score = {0};
    tw_err err = tw_score_add(ctx, &score, letters, texts[1], (unsigned)bytes[0] % 8);
    fuzz_sentence(ctx, err);
    free(letters);
    tw_ctx_free(ctx);
    return 0;
}
