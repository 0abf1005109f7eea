/* decode.c - lines a second of each way to read a CTC output, on one thread.
 *
 * The outputs are made up. A peaked one is like those of trained networks: blanks nearly everywhere, each character
 * certain in one or two frames, one in ten of them confused with another. A diffuse one is like those of a network
 * after an hour too little: no symbol has more than about a third of a frame. The third kind is a
 * peaked one that shows a word of the lexicon; with the other two, reading one word is at its worst. */
#include "../examples/common/cli.h"
#include "../examples/common/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <thalweg/thalweg.h>

enum { K = 96, LINES = 64, MOST_T = 1000 }; /* 95 printable characters and the blank */

typedef struct outputs {
    const char *name;
    int T;
    tw_real *scores; /* [LINES][T][K] */
} outputs;

static int word_letter(uint64_t stream, uint64_t i) { /* some letters are common; symbol of ' ' is 1 */
    static const char often[] = "eeeettaaooiinnsshhrrdlucmfwygpbvk  ";
    return often[tw_random_bits(stream, i) % (sizeof often - 1)] - ' ' + 1;
}

/* Every fourth frame or so shows a character: those of the word, or any. */
static void make_peaked(tw_real *z, int T, uint64_t stream, const char *word) {
    for (int i = 0; i < T * K; i++) z[i] = (tw_real)(tw_random_normal(stream, (uint64_t)i) - 4);
    uint64_t draw = 1u << 24;
    for (int t = 0; t < T; t++) z[t * K] = 8;
    for (int t = 1; t + 2 < T && (!word || *word); t += 3 + (int)(tw_random_bits(stream, draw++) % 3)) {
        int letter = word ? *word++ - ' ' + 1 : word_letter(stream, draw++);
        bool unsure = tw_random_uniform(stream, draw++) < 0.1, wide = tw_random_uniform(stream, draw++) < 0.5;
        z[t * K + letter] = (tw_real)(unsure ? 8 : 12);
        z[t * K] = (tw_real)(unsure ? 5 : 2);
        if (unsure) z[t * K + word_letter(stream, draw++)] = 7;
        if (wide) z[(t + 1) * K + letter] = 8;
    }
}

static void make_diffuse(tw_real *z, int T, uint64_t stream) {
    for (int i = 0; i < T * K; i++) z[i] = (tw_real)(1.5 * tw_random_normal(stream, (uint64_t)i));
    for (int t = 0; t < T; t++) z[t * K] += 3;
}

/* ---- measuring ---------------------------------------------------------------------------------------------- */

typedef struct way {
    const char *name;
    tw_decoder *decoder; /* NULL: greedy */
} way;

static double lines_a_second(tw_ctx *ctx, const way *w, const outputs *o, double seconds) {
    static int32_t symbols[MOST_T];
    long done = 0;
    double began = progress_clock(), spent = 0;
    while (spent < seconds) {
        for (int i = 0; i < LINES; i++) {
            const tw_real *z = o->scores + (size_t)i * (size_t)o->T * K;
            tw_reading best;
            int n = 1;
            if (!w->decoder) tw_ctc_greedy(z, o->T, K, K, 0, symbols);
            else if (tw_decoder_read(w->decoder, z, o->T, K, &best, &n)) cli_die("decode", "%s", tw_errmsg(ctx));
            done++;
            spent = progress_clock() - began;
            if (spent > 4 * seconds) break;
        }
    }
    return (double)done / spent;
}

static void *memory(size_t size) {
    void *p = malloc(size);
    if (!p) cli_die("decode", "out of memory");
    return p;
}
static tw_ctx *context(void) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 1});
    if (!ctx) cli_die("decode", "out of memory");
    return ctx;
}
static void *made(const tw_ctx *ctx, void *p) {
    if (!p) cli_die("decode", "%s", tw_errmsg(ctx));
    return p;
}

/* Number i of words like "stonter": the same for all machines. */
static void invent_word(uint64_t i, char text[16]) {
    size_t length = 3 + tw_random_bits(5, i) % 9;
    for (size_t k = 0; k < length; k++) {
        char letter = (char)(word_letter(6, i * 16 + k) - 1 + ' ');
        text[k] = letter == ' ' ? 'x' : letter;
    }
    text[length] = 0;
}

static tw_lexicon *invented_words(tw_ctx *ctx, const tw_alphabet *alphabet, size_t n) {
    char(*text)[16] = memory(n * sizeof *text);
    const char **word = memory(n * sizeof *word);
    for (size_t i = 0; i < n; i++) {
        invent_word(i, text[i]);
        word[i] = text[i];
    }
    double began = progress_clock();
    tw_lexicon *l = made(ctx, tw_lexicon_new(ctx, alphabet, n, word, false, NULL));
    printf("a lexicon of %zu words is made in %.0f ms\n", tw_lexicon_words(l), 1000 * (progress_clock() - began));
    free(word);
    free(text);
    return l;
}

/* Order 5, from lines of invented words. */
static tw_ngram *invented_model(tw_ctx *ctx) {
    enum { N = 20000, LENGTH = 40 };
    char(*text)[LENGTH + 1] = memory(N * sizeof *text);
    const char **line = memory(N * sizeof *line);
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < LENGTH; k++) text[i][k] = (char)(word_letter(8, i * LENGTH + k) - 1 + ' ');
        text[i][LENGTH] = 0;
        line[i] = text[i];
    }
    tw_ngram *m = made(ctx, tw_ngram_train(ctx, 5, N, line));
    printf("a language model of order 5 with %zu strings\n", tw_ngram_strings(m));
    free(line);
    free(text);
    return m;
}

int main(int argc, char **argv) {
    double seconds = 0.5;
    int frames = 100;
    const cli_option option[] = {
        {"seconds", 0, CLI_REAL, &seconds, "X", "how long each is measured", 0.01, 60, NULL},
        {"frames", 0, CLI_INT, &frames, "T", "frames of a line", 4, MOST_T, NULL},
    };
    const cli_command command = {"decode",
                                 NULL,
                                 "[OPTION]..",
                                 "Times ways to read CTC outputs of 96 classes, on one thread.",
                                 sizeof option / sizeof *option,
                                 option};
    if (cli_parse(&command, argc, argv) > 0) cli_usage_error(&command, "there are no operands");
    tw_ctx *ctx = context();
    char characters[K];
    for (int i = 0; i < K - 1; i++) characters[i] = (char)(' ' + i);
    characters[K - 1] = 0;
    tw_alphabet *alphabet = made(ctx, tw_alphabet_new(ctx, characters));
    outputs o[3] = {{"peaked", frames, NULL}, {"diffuse", frames, NULL}, {"a word", frames, NULL}};
    size_t size = (size_t)frames * K;
    for (int i = 0; i < 3; i++) {
        o[i].scores = memory(LINES * size * sizeof *o[i].scores);
        for (uint64_t n = 0; n < LINES; n++) {
            tw_real *z = o[i].scores + n * size;
            char word[16];
            invent_word(1000 * n, word);
            if (i == 1) make_diffuse(z, frames, 100 + n);
            else make_peaked(z, frames, 100 + n, i ? word : NULL);
        }
    }
    tw_lexicon *lexicon = invented_words(ctx, alphabet, 100000);
    tw_ngram *lm = invented_model(ctx);
    const tw_decoder_options ways[] = {
        {.width = 25},
        {.width = 100},
        {.width = 25, .lm = lm, .lm_weight = 0.5, .length_bonus = 0.5},
        {.lexicon = lexicon},
        {.width = 25, .lexicon = lexicon, .phrases = true},
    };
    way w[] = {{"greedy", NULL},         {"beam 25", NULL},           {"beam 100", NULL},
               {"beam 25, model", NULL}, {"one of 100k words", NULL}, {"beam 25, phrases", NULL}};
    printf("%-20s %10s %10s %10s   lines a second, T = %d, K = %d\n", "", o[0].name, o[1].name, o[2].name, frames, K);
    for (size_t i = 0; i < sizeof w / sizeof *w; i++) {
        if (i) w[i].decoder = made(ctx, tw_decoder_new(ctx, alphabet, &ways[i - 1]));
        printf("%-20s", w[i].name);
        for (int k = 0; k < 3; k++) {
            lines_a_second(ctx, &w[i], &o[k], seconds / 10);
            printf(" %10.0f", lines_a_second(ctx, &w[i], &o[k], seconds));
            fflush(stdout);
        }
        printf("\n");
        tw_decoder_free(w[i].decoder);
    }
    tw_lexicon_free(lexicon);
    tw_ngram_free(lm);
    tw_alphabet_free(alphabet);
    for (int i = 0; i < 3; i++) free(o[i].scores);
    tw_ctx_free(ctx);
    return 0;
}
