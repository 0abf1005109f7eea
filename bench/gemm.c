/* gemm.c - speed of matrix products of the shapes that training has, in GFLOP/s. */
#include "../examples/common/cli.h"
#include "../examples/common/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <thalweg/extend.h>

static const struct shape {
    bool ta, tb;
    int M, N, K;
    const char *what;
} shapes[] = {
    {false, false, 1024, 1024, 1024, "square"},
    {false, false, 2048, 2048, 2048, "large, its rows a power of two apart"},
    {true, false, 2048, 2048, 2048, "the same, transposed"},
    {false, true, 64, 512, 784, "dense 784-512, batch 64, forward"},
    {false, false, 64, 784, 512, "its input's gradient"},
    {true, false, 512, 784, 64, "its weight's gradient"},
    {true, false, 1024, 3136, 64, "dense 3136-1024, batch 64, the weight's gradient"},
    {true, false, 1024, 256, 1024, "LSTM 256, 1024 frames, the weight's gradient"},
    {false, true, 32, 1024, 256, "one LSTM time step, H 256, batch 32"},
    {false, false, 64, 196, 800, "one image of conv 5x5, 32 to 64 channels on 14x14"},
    {false, true, 64, 10, 1024, "ten classes"},
};

static double gflops(tw_ctx *ctx, const struct shape *s, const tw_real *A, const tw_real *B, tw_real *C) {
    double best = 0;
    for (int repeat = 1, blocks = 0; blocks < 5;) {
        double began = progress_clock();
        for (int i = 0; i < repeat; i++)
            tw_gemm(ctx, s->ta, s->tb, s->M, s->N, s->K, 1, A, s->ta ? s->M : s->K, B, s->tb ? s->K : s->N, 0, C, s->N);
        double spent = progress_clock() - began;
        if (spent < 0.05) { /* too short to measure */
            repeat *= 2;
            continue;
        }
        double rate = 2e-9 * s->M * s->N * s->K * repeat / spent;
        if (rate > best) best = rate;
        blocks++;
    }
    return best;
}

int main(int argc, char **argv) {
    int threads = 0;
    const cli_option option[] = {{.name = "threads",
                                  .letter = 't',
                                  .type = CLI_INT,
                                  .to = &threads,
                                  .value = "N",
                                  .max = 256,
                                  .help = "threads; 0: TW_THREADS or all cores"}};
    const cli_command command = {"gemm", NULL, "[OPTION]..", "Times matrix products; the best of five.", 1, option};
    if (cli_parse(&command, argc, argv) > 0) cli_usage_error(&command, "there are no operands");
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads});
    size_t room = 2048 * 2048;
    tw_real *data = ctx ? malloc(3 * room * sizeof *data) : NULL;
    if (!data) cli_die("gemm", "out of memory");
    uint64_t stream = tw_random_stream(ctx);
    for (size_t i = 0; i < 3 * room; i++) data[i] = (tw_real)tw_random_normal(stream, i);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct shape *s = &shapes[i];
        printf("%c%c %5d x %5d x %5d %8.1f GFLOP/s, %d threads   %s\n", s->ta ? 'T' : 'N', s->tb ? 'T' : 'N', s->M,
               s->N, s->K, gflops(ctx, s, data, data + room, data + 2 * room), tw_threads(ctx), s->what);
    }
    free(data);
    tw_ctx_free(ctx);
    return 0;
}
