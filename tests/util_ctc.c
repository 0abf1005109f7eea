/* util_ctc.c - see util_ctc.h. */
#include "util_ctc.h"

static int by_text(const void *x, const void *y) {
    const spelled *a = x, *b = y;
    if (a->n != b->n) return a->n - b->n;
    return memcmp(a->symbols, b->symbols, (size_t)a->n * sizeof *a->symbols);
}

static int by_log_prob(const void *x, const void *y) {
    const spelled *a = x, *b = y;
    return (a->log_prob < b->log_prob) - (a->log_prob > b->log_prob);
}

size_t every_text(const tw_real *scores, int T, int K, size_t stride, int blank, spelled **all) {
    size_t paths = 1, n = 0;
    for (int t = 0; t < T; t++) paths *= (size_t)K;
    spelled *s = calloc(paths, sizeof *s);
    for (size_t p = 0; p < paths; p++) {
        size_t rest = p;
        double product = 1;
        int last = -1;
        for (int t = 0; t < T; t++, rest /= (size_t)K) {
            int k = (int)(rest % (size_t)K);
            double sum = 0;
            for (int j = 0; j < K; j++) sum += exp((double)scores[(size_t)t * stride + (size_t)j]);
            product *= exp((double)scores[(size_t)t * stride + (size_t)k]) / sum;
            if (k != blank && k != last) s[p].symbols[s[p].n++] = k;
            last = k;
        }
        s[p].log_prob = product; /* for now not the logarithm */
    }
    qsort(s, paths, sizeof *s, by_text);
    for (size_t p = 0; p < paths; p++) {
        if (n && !by_text(&s[n - 1], &s[p])) s[n - 1].log_prob += s[p].log_prob;
        else s[n++] = s[p];
    }
    for (size_t i = 0; i < n; i++) s[i].log_prob = log(s[i].log_prob);
    qsort(s, n, sizeof *s, by_log_prob);
    *all = s;
    return n;
}

tw_alphabet *letters(tw_ctx *ctx, int n, int blank) {
    char text[27] = {0};
    for (int i = 0; i < n; i++) text[i] = (char)('a' + i);
    tw_alphabet *a = tw_alphabet_new_with(ctx, text, blank);
    cr_assert(a, "%s", tw_errmsg(ctx));
    return a;
}

const char *shown(const int32_t *symbols, int n, int blank) {
    static char text[100];
    for (int i = 0; i < n && i < 99; i++)
        text[i] = (char)(symbols[i] == blank ? '-' : 'a' + symbols[i] - (symbols[i] > blank));
    text[n < 99 ? n : 99] = 0;
    return text;
}
