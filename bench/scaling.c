/* scaling.c - does the cost of a unit of work stay the same as things grow: batch, width, time, classes, text, threads?
 *
 * Each row is a workload of one size. A unit is what the size counts: a sample, a frame of a picture or sequence, a
 * class of a frame; for lengths of a text a sample, which costs at most in proportion to its states. Time is the least
 * of several blocks, memory what the library holds. */
#include "../examples/common/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/losslab/chart.h"
#include "common/measure.h"

enum { MAX_BLOCKS = 100, MAX_SIZES = 12, SPEC = 64, TEXT = 512 };

typedef struct series {
    const char *title, *unit, *axis;
    const char *format;  /* the spec, with the size in it */
    double per;          /* units a step for each one of the size */
    int size[MAX_SIZES]; /* 0 at the end; negative: so many threads */
} series;

static const series all[] = {
    {"MLP (w1): batch", "sample", "batch", "w1:N=%d", 1, {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}},
    {"Small CNN (w2b): batch", "sample", "batch", "w2b:N=%d", 1, {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}},
    {"Small CRNN (w3s, batch 8): width", "column", "pixels", "w3s:N=8,W=%d", 8, {64, 128, 256, 512, 1024, 2048}},
    {"LSTM (w4b): time", "frame", "frames", "w4b:T=%d", 16, {16, 32, 64, 128, 256, 512}},
    {"CTC (w5b): classes", "class of a frame", "classes", "w5b:K=%d", 200 * 32, {16, 32, 63, 128, 256, 1024, 4096}},
    {"CTC (w5b): length of the text", "symbol", "symbols", "w5b:L=%d", 32, {5, 10, 20, 40, 80}},
};
enum { SERIES = sizeof all / sizeof *all, THREADED = 2, MAX_THREADS = 4 };
static const char *const threaded[THREADED] = {"w1", "w3s"};

typedef struct point {
    double size, us_step, us_unit, mib, kib_unit;
} point;

typedef struct options {
    int threads, blocks;
    double seconds;
    const char *tsv, *png;
} options;

/* ---- measuring -------------------------------------------------------------------------------------------------- */

static point measure(const char *spec, int threads, double size, double per, const options *o) {
    char error[TEXT];
    double rate[MAX_BLOCKS];
    measure_facts f;
    workload *w = workload_new(spec, &(workload_options){.threads = threads}, error, sizeof error);
    if (!w) cli_die("scaling", "%s", error);
    bool ok = measure_warm_up(w, o->seconds / 2);
    for (int i = 0; ok && i < o->blocks; i++) ok = (rate[i] = measure_block(w, workload_step, o->seconds)) > 0;
    if (!ok) cli_die("scaling", "%s: %s", spec, workload_error(w));
    workload_free(w);
    if (!measure_facts_of(spec, threads, &f, error, sizeof error)) cli_die("scaling", "%s: %s", spec, error);
    double us = 1e6 * f.batch / spread_of(o->blocks, rate).most;
    return (point){size, us, us / (size * per), f.mib, 1024 * f.mib / (size * per)};
}

static void report(FILE *tsv, const char *title, const char *spec, int threads, const point *p) {
    printf("%-34s %-16s %2d %11.1f us/step %10.4f us/unit %9.2f MiB %9.3f KiB/unit\n", title, spec, threads, p->us_step,
           p->us_unit, p->mib, p->kib_unit);
    fflush(stdout);
    if (tsv)
        fprintf(tsv, "%s\t%s\t%d\t%g\t%.2f\t%.5f\t%.3f\t%.4f\n", title, spec, threads, p->size, p->us_step, p->us_unit,
                p->mib, p->kib_unit);
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

enum { CHART_W = 440, CHART_H = 230, MARGIN = 20 };

static void draw(canvas *c, int row, const series *s, int n, const point *p) {
    double x[MAX_SIZES], y[2][MAX_SIZES];
    char title[2][128], label[2][64];
    for (int i = 0; i < n; i++) x[i] = p[i].size, y[0][i] = p[i].us_unit, y[1][i] = p[i].mib;
    snprintf(title[0], sizeof title[0], "%s", s->title);
    snprintf(title[1], sizeof title[1], "its memory");
    snprintf(label[0], sizeof label[0], "µs a %s", s->unit);
    snprintf(label[1], sizeof label[1], "MiB");
    for (int k = 0; k < 2; k++) {
        chart *h = chart_new(c, MARGIN + k * (CHART_W + MARGIN), MARGIN + row * (CHART_H + MARGIN), CHART_W, CHART_H,
                             title[k]);
        double most = 0;
        for (int i = 0; i < n; i++) most = y[k][i] > most ? y[k][i] : most;
        chart_label_x(h, s->axis);
        chart_label_y(h, label[k]);
        if (x[0] < x[n - 1] && n > 4) chart_scale_x(h, k ? CHART_LINEAR : CHART_LOG, 1);
        chart_range_y(h, 0, 1.1 * most);
        chart_add(h, NULL, n, x, y[k], SERIES1, CHART_LINE);
        chart_add(h, NULL, n, x, y[k], SERIES1, CHART_POINTS);
        chart_draw(h);
    }
}

/* ---- main ------------------------------------------------------------------------------------------------------- */

static void run(const options *o) {
    FILE *tsv = o->tsv ? fopen(o->tsv, "w") : NULL;
    if (o->tsv && !tsv) cli_die("scaling", "%s: cannot be written: %s", o->tsv, strerror(errno));
    if (tsv) fputs("what\tworkload\tthreads\tsize\tus_per_step\tus_per_unit\tlibrary_mib\tkib_per_unit\n", tsv);
    canvas *c = canvas_new(2 * CHART_W + 3 * MARGIN, (SERIES + THREADED) * (CHART_H + MARGIN) + MARGIN);
    canvas_rect(c, 0, 0, canvas_width(c), canvas_height(c), PAPER, NONE);
    point p[MAX_SIZES];
    char error[TEXT], spec[SPEC];
    for (int k = 0; k < SERIES; k++) {
        int n = 0;
        for (; n < MAX_SIZES && all[k].size[n]; n++) {
            snprintf(spec, sizeof spec, all[k].format, all[k].size[n]); /* the formats above take one int */
            p[n] = measure(spec, o->threads, all[k].size[n], all[k].per, o);
            report(tsv, all[k].title, spec, o->threads, &p[n]);
        }
        draw(c, k, &all[k], n, p);
    }
    for (int k = 0; k < THREADED; k++) {
        char title[64];
        snprintf(title, sizeof title, "%s: threads (time of a step)", threaded[k]);
        series s = {.title = title, .unit = "step", .axis = "threads"};
        for (int t = 1; t <= MAX_THREADS; t++) {
            p[t - 1] = measure(threaded[k], t, t, 1, o);
            p[t - 1].us_unit = p[t - 1].us_step;
            report(tsv, title, threaded[k], t, &p[t - 1]);
        }
        draw(c, SERIES + k, &s, MAX_THREADS, p);
    }
    if (tsv && fclose(tsv)) cli_die("scaling", "%s: %s", o->tsv, strerror(errno));
    if (o->png && !canvas_save(c, o->png, error, sizeof error)) cli_die("scaling", "%s", error);
    canvas_free(c);
}

int main(int argc, char **argv) {
    options o = {.threads = 1, .blocks = 3, .seconds = 0.2};
    const cli_option option[] = {
        {"threads", 't', CLI_INT, &o.threads, "N", "threads, where they are not what grows", 1, 256, NULL},
        {"seconds", 's', CLI_REAL, &o.seconds, "S", "length of a block", 0.001, 1000, NULL},
        {"blocks", 'b', CLI_INT, &o.blocks, "N", "blocks, of which the fastest counts", 1, MAX_BLOCKS, NULL},
        {"tsv", 0, CLI_TEXT, &o.tsv, "FILE", "write the table", 0, 0, NULL},
        {"png", 0, CLI_TEXT, &o.png, "FILE", "draw the curves", 0, 0, NULL},
    };
    const cli_command command = {"scaling",
                                 NULL,
                                 "[OPTION]..",
                                 "Times training steps of many sizes: cost and memory a unit of work.",
                                 sizeof option / sizeof *option,
                                 option};
    if (cli_parse(&command, argc, argv) > 0) cli_usage_error(&command, "there are no operands");
    run(&o);
    return 0;
}
