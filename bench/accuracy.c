/* accuracy.c - seconds of training until a network is good, beside PyTorch with the same network and optimiser.
 *
 * mnist       the LeNet of the workloads, Adam 0.001, batch 64, until 99 % of the test pictures are right
 * captcha4    the small CRNN, Adam 0.002 after half an epoch of warming up, gradients clipped to 5, batch 32, until
 *             95 % of the test pictures are read without a mistake
 * DIR holds the data set: mnist's four IDX files; captcha4's train- and test-images-idx3-ubyte.gz, train-labels.tsv
 * and test-labels.tsv. The clock runs while training, not while testing, which happens a few times an epoch. The two
 * programs run one after the other; PyTorch is pytorch.py --mode tuned. */
#include "../examples/common/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/common/progress.h"
#include "../examples/losslab/chart.h"
#include "common/learn.h"
#include "common/peer.h"

enum { MAX_POINTS = 2000, LINE = 512 };

typedef struct curve {
    int n;
    double seconds[MAX_POINTS], accuracy[MAX_POINTS];
} curve;

typedef struct options {
    const char *data, *png, *tsv;
    int threads, epochs, seed, per_epoch;
    double target;
} options;

static void add(curve *c, const char *who, double seconds, double accuracy) {
    printf("%-8s %8.2f s  %.4f\n", who, seconds, accuracy);
    fflush(stdout);
    if (c->n < MAX_POINTS) c->seconds[c->n] = seconds, c->accuracy[c->n++] = accuracy;
}

static void run(learner *l, const options *o, curve *c) {
    double spent = 0, accuracy = 0;
    int part = learner_steps_per_epoch(l) / o->per_epoch;
    for (int k = 0; k < o->epochs * o->per_epoch && accuracy < o->target; k++) {
        double began = progress_clock();
        for (int i = 0; i < part; i++)
            if (!learner_step(l)) cli_die("accuracy", "%s", learner_error(l));
        spent += progress_clock() - began;
        if ((accuracy = learner_test(l)) < 0) cli_die("accuracy", "%s", learner_error(l));
        add(c, "thalweg", spent, accuracy);
    }
}

static void train_ours(const char *task, const options *o, curve *c) {
    char error[LINE];
    learner *l = learner_new(task, o->data, o->threads, (uint64_t)o->seed, error, sizeof error);
    if (l) run(l, o, c);
    else cli_die("accuracy", "%s", error);
    learner_free(l);
}

/* Asks for "learn TASK TARGET EPOCHS TESTS SEED DIR"; the answers are "at SECONDS ACCURACY", then "done". */
static bool train_theirs(const char *task, const options *o, curve *c, char *who, size_t size) {
    peer p;
    char line[LINE];
    double seconds, accuracy;
    if (!peer_start_pytorch(&p, "tuned", o->threads)) {
        printf("no pytorch (%s)\n", p.error);
        return false;
    }
    snprintf(who, size, "%s", p.hello);
    printf("%s\n", who);
    snprintf(line, sizeof line, "learn %s %g %d %d %d %.400s", task, o->target, o->epochs, o->per_epoch, o->seed,
             o->data);
    bool ok = peer_ask(&p, line, line, sizeof line);
    for (; ok && sscanf(line, "at %lf %lf", &seconds, &accuracy) == 2; ok = peer_next(&p, line, sizeof line))
        add(c, "pytorch", seconds, accuracy);
    if (!ok) fprintf(stderr, "accuracy: PyTorch: %s\n", p.error);
    peer_stop(&p);
    return ok && c->n;
}

static double reached(const curve *c, double target) {
    for (int i = 0; i < c->n; i++)
        if (c->accuracy[i] >= target) return c->seconds[i];
    return 0;
}

static void draw(const char *task, const options *o, const curve *ours, const curve *theirs, const char *who) {
    char title[128], name[LINE], error[LINE];
    canvas *c = canvas_new(760, 420);
    snprintf(title, sizeof title, "%s: seconds of training, %d thread%s", task, o->threads, o->threads > 1 ? "s" : "");
    snprintf(name, sizeof name, "%.40s, tuned", who);
    canvas_rect(c, 0, 0, 760, 420, PAPER, NONE);
    chart *h = chart_new(c, 20, 16, 720, 388, title);
    chart_label_x(h, "seconds");
    chart_label_y(h, "right, of the test set");
    double low = o->target > 0.97 ? 0.95 : 0;
    chart_range_y(h, low, 1);
    chart_mark_y(h, o->target, "the goal");
    chart_add(h, "Thalweg", ours->n, ours->seconds, ours->accuracy, SERIES1, CHART_LINE);
    if (theirs->n) chart_add(h, name, theirs->n, theirs->seconds, theirs->accuracy, SERIES2, CHART_LINE);
    chart_draw(h);
    if (!canvas_save(c, o->png, error, sizeof error)) cli_die("accuracy", "%s", error);
    canvas_free(c);
}

static void write_curve(FILE *out, const char *who, const curve *c) {
    for (int i = 0; i < c->n; i++) fprintf(out, "%s\t%.3f\t%.5f\n", who, c->seconds[i], c->accuracy[i]);
}

static void save(const options *o, const curve *ours, const curve *theirs) {
    FILE *out = fopen(o->tsv, "w");
    bool ok = out;
    if (out) {
        fputs("program\tseconds\taccuracy\n", out);
        write_curve(out, "thalweg", ours);
        write_curve(out, "pytorch", theirs);
        ok = !ferror(out);
        if (fclose(out)) ok = false;
    }
    if (!ok) cli_die("accuracy", "%s: cannot be written", o->tsv);
}

int main(int argc, char **argv) {
    static curve ours, theirs;
    options o = {.threads = 2, .seed = 1, .per_epoch = 4};
    const cli_option option[] = {
        {"data", 'd', CLI_TEXT, &o.data, "DIR", "the folder of the data set", 0, 0, NULL},
        {"target", 0, CLI_REAL, &o.target, "A", "stop at this accuracy; 0: 0.99 for mnist, 0.95 for captcha4", 0, 1,
         NULL},
        {"epochs", 'e', CLI_INT, &o.epochs, "N", "stop after so many; 0: 12 for mnist, 20 for captcha4", 0, 1000, NULL},
        {"tests", 0, CLI_INT, &o.per_epoch, "N", "tests an epoch", 1, 100, NULL},
        {"threads", 't', CLI_INT, &o.threads, "N", "threads of both programs", 1, 256, NULL},
        {"seed", 's', CLI_INT, &o.seed, "N", "of weights and order", 0, 1000000, NULL},
        {"png", 0, CLI_TEXT, &o.png, "FILE", "draw the curves", 0, 0, NULL},
        {"tsv", 0, CLI_TEXT, &o.tsv, "FILE", "write the curves", 0, 0, NULL},
    };
    const cli_command command = {"accuracy",
                                 NULL,
                                 "--data DIR [OPTION].. mnist|captcha4",
                                 "Trains until a network is good, beside PyTorch.",
                                 sizeof option / sizeof *option,
                                 option};
    int n = cli_parse(&command, argc, argv);
    if (n != 1 || (strcmp(argv[1], "mnist") && strcmp(argv[1], "captcha4")))
        cli_usage_error(&command, "which: mnist or captcha4?");
    if (!o.data) cli_usage_error(&command, "--data DIR is needed");
    bool mnist = !strcmp(argv[1], "mnist");
    if (o.target == 0) o.target = mnist ? 0.99 : 0.95;
    if (!o.epochs) o.epochs = mnist ? 12 : 20;
    char who[LINE] = "";
    train_ours(argv[1], &o, &ours);
    train_theirs(argv[1], &o, &theirs, who, sizeof who);
    double a = reached(&ours, o.target), b = reached(&theirs, o.target);
    printf("%s to %.4f: thalweg %.2f s, pytorch %.2f s", argv[1], o.target, a, b);
    if (a > 0 && b > 0) printf(": %.2f times as soon", b / a);
    printf(" (0: not reached)\n");
    if (o.png) draw(argv[1], &o, &ours, &theirs, who);
    if (o.tsv) save(&o, &ours, &theirs);
    return 0;
}
