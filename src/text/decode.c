/* decode.c - reading the output of a network trained with CTC.
 *
 * Greedy decoding (Graves et al. 2006, "best path"): the likeliest symbol of each frame, then the B transform: equal
 * neighbours become one, blanks go. It finds the likeliest path, which need not be of the likeliest text. */
#include <thalweg/text.h>

int tw_ctc_greedy(const tw_real *scores, int T, int K, size_t row_stride, int blank, int32_t *symbols) {
    int n = 0, previous = -1;
    for (int t = 0; t < T; t++, scores += row_stride) {
        int best = 0;
        for (int k = 1; k < K; k++)
            if (scores[k] > scores[best]) best = k;
        if (best != previous && best != blank) symbols[n++] = best;
        previous = best;
    }
    return n;
}
