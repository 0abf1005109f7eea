/* evaluate.c - accuracy with its interval, a table by class, and the confusion matrix as text and as a picture. */
#include "mnist.h"

#include <math.h>
#include <string.h>

tw_err evaluate(tw_ctx *ctx, tw_layer *net, const pictures *test, float mean, float std, scores *s) {
    memset(s, 0, sizeof *s);
    picture_source source = {.from = test, .mean = mean, .std = std};
    tw_dataset data = pictures_dataset(&source);
    tw_loader *loader = tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 250});
    if (!loader) return tw_error(ctx);
    tw_set_training(ctx, false);
    tw_set_recording(ctx, false);
    const tw_batch *b;
    double sum = 0;
    while (!tw_loader_next(loader, &b) && b) {
        tw_step_begin(ctx);
        tw_tensor *z = tw_forward(ctx, net, tw_input(ctx, b->x, 4, b->dim));
        tw_tensor *loss = tw_cross_entropy_loss(ctx, z, b->label, NULL);
        if (!loss) break;
        sum += tw_item(loss) * b->n;
        for (int i = 0; i < b->n; i++) {
            const float *row = z->data + (size_t)i * CLASSES;
            int best = 0;
            for (int k = 1; k < CLASSES; k++)
                if (row[k] > row[best]) best = k;
            s->count[b->label.v[i]][best]++;
            s->right += b->label.v[i] == best;
            s->total++;
        }
    }
    s->loss = s->total ? sum / (double)s->total : NAN;
    tw_set_training(ctx, true);
    tw_set_recording(ctx, true);
    tw_loader_free(loader);
    return tw_error(ctx);
}

void wilson(long right, long total, double *low, double *high) {
    const double z = 1.959963984540054; /* the normal distribution's 97.5 % point */
    if (!total) {
        *low = 0, *high = 1;
        return;
    }
    double n = (double)total, p = (double)right / n, d = 1 + z * z / n;
    double middle = (p + z * z / (2 * n)) / d, half = z / d * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    *low = middle - half > 0 ? middle - half : 0;
    *high = middle + half < 1 ? middle + half : 1;
}

static double ratio(long a, long b) { return b ? (double)a / (double)b : 0; }

void print_scores(const scores *s, const char *const *name) {
    long answered[CLASSES] = {0}, truth[CLASSES] = {0};
    for (int t = 0; t < CLASSES; t++)
        for (int a = 0; a < CLASSES; a++) {
            truth[t] += s->count[t][a];
            answered[a] += s->count[t][a];
        }
    printf("class       pictures  precision  recall  F1\n");
    for (int k = 0; k < CLASSES; k++) {
        double p = ratio(s->count[k][k], answered[k]), r = ratio(s->count[k][k], truth[k]);
        printf("%-10s  %8ld     %.4f  %.4f  %.4f\n", name[k], truth[k], p, r, p + r > 0 ? 2 * p * r / (p + r) : 0);
    }
    printf("\nconfusion (rows: truth, columns: answer)\n%10s", "");
    for (int a = 0; a < CLASSES; a++) printf(" %8.8s", name[a]);
    putchar('\n');
    for (int t = 0; t < CLASSES; t++) {
        printf("%-10s", name[t]);
        for (int a = 0; a < CLASSES; a++) printf(" %8ld", s->count[t][a]);
        putchar('\n');
    }
    double low, high;
    wilson(s->right, s->total, &low, &high);
    printf("\n%ld of %ld right; 95 %% interval %.4f to %.4f; mean cross entropy %.4f\n", s->right, s->total, low, high,
           s->loss);
}

/* ---- the picture ---------------------------------------------------------------------------------------- */

enum { CELL = 44, MARGIN = 30, DOT = 2, GLYPH_W = 3, GLYPH_H = 5 };

/* Digits of 3 x 5 dots, a row in three bits. */
static const uint8_t glyph[10][GLYPH_H] = {{7, 5, 5, 5, 7}, {2, 6, 2, 2, 7}, {7, 1, 7, 4, 7}, {7, 1, 7, 1, 7},
                                           {5, 5, 7, 1, 1}, {7, 4, 7, 1, 7}, {7, 4, 7, 5, 7}, {7, 1, 2, 2, 2},
                                           {7, 5, 7, 5, 7}, {7, 5, 7, 1, 7}};

static void fill(tw_image *m, int x, int y, int w, int h, const uint8_t *rgb) {
    for (int j = y; j < y + h; j++)
        for (int i = x; i < x + w; i++) memcpy(m->data + ((size_t)j * (size_t)m->width + (size_t)i) * 3, rgb, 3);
}

static void draw_number(tw_image *m, int middle_x, int middle_y, long value, const uint8_t *rgb) {
    char text[24];
    int n = snprintf(text, sizeof text, "%ld", value);
    int x = middle_x - (n * (GLYPH_W + 1) - 1) * DOT / 2, y = middle_y - GLYPH_H * DOT / 2;
    for (int k = 0; k < n; k++, x += (GLYPH_W + 1) * DOT)
        for (int r = 0; r < GLYPH_H; r++)
            for (int c = 0; c < GLYPH_W; c++)
                if (glyph[text[k] - '0'][r] >> (GLYPH_W - 1 - c) & 1) fill(m, x + c * DOT, y + r * DOT, DOT, DOT, rgb);
}

tw_err write_confusion(tw_ctx *ctx, const scores *s, const char *path) {
    static const uint8_t dark[] = {40, 40, 40}, light[] = {255, 255, 255};
    tw_image m;
    int side = MARGIN + CLASSES * CELL + 1;
    tw_err err = tw_image_new(ctx, side, side, 3, 255, &m);
    if (err) return err;
    for (int t = 0; t < CLASSES; t++) {
        long row = 0;
        for (int a = 0; a < CLASSES; a++) row += s->count[t][a];
        draw_number(&m, MARGIN / 2, MARGIN + t * CELL + CELL / 2, t, dark);
        draw_number(&m, MARGIN + t * CELL + CELL / 2, MARGIN / 2, t, dark);
        for (int a = 0; a < CLASSES; a++) {
            /* Blue for right answers, red for wrong ones; the square root lets single mistakes be seen. */
            double part = sqrt(ratio(s->count[t][a], row));
            uint8_t pale = (uint8_t)(255 - 225 * part), mid = (uint8_t)(255 - 150 * part);
            const uint8_t right[] = {pale, mid, 255}, wrong[] = {255, mid, pale};
            fill(&m, MARGIN + a * CELL + 1, MARGIN + t * CELL + 1, CELL - 1, CELL - 1, t == a ? right : wrong);
            if (s->count[t][a])
                draw_number(&m, MARGIN + a * CELL + CELL / 2, MARGIN + t * CELL + CELL / 2, s->count[t][a],
                            part > 0.7 ? light : dark);
        }
    }
    err = tw_image_save_png(ctx, path, &m);
    tw_image_free(&m);
    return err;
}
