/* reliability.c - does a confidence of 0.9 mean that nine in ten are right? (Guo, Pleiss, Sun, Weinberger 2017) */
#include <math.h>
#include <thalweg/text.h>

void tw_reliability_add(tw_reliability *r, double confidence, bool right) {
    double c = confidence > 0 ? confidence < 1 ? confidence : 1 : 0; /* NaN is 0 */
    int bin = (int)(c * TW_RELIABILITY_BINS);
    if (bin == TW_RELIABILITY_BINS) bin--;
    r->n[bin]++;
    r->right[bin] += right;
    r->confidence[bin] += c;
}

double tw_reliability_error(const tw_reliability *r) {
    double sum = 0;
    size_t n = 0;
    for (int i = 0; i < TW_RELIABILITY_BINS; i++) {
        sum += fabs(r->confidence[i] - (double)r->right[i]);
        n += r->n[i];
    }
    return n ? sum / (double)n : 0;
}
