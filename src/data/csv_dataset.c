/* csv_dataset.c - the rows of a table as samples: features, and a class or numbers to predict. */
#include <math.h>
#include <stdlib.h>
#include <thalweg/data.h>
#include <thalweg/extend.h>

typedef enum role { FEATURE, TARGET, IGNORED } role;

typedef struct table {
    const tw_csv *csv;
    int features, targets, classes;
    int *feature, *target; /* the columns */
    double *mean, *scale;  /* [features] */
} table;

static void table_free(void *user) {
    table *t = user;
    if (!t) return;
    free(t->feature);
    free(t->target);
    free(t->mean);
    free(t->scale);
    free(t);
}

static tw_real normalised(const table *t, int k, tw_real value) {
    return (tw_real)(((double)value - t->mean[k]) * t->scale[k]);
}

static tw_err table_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const table *t = user;
    const tw_real *row = t->csv->value + i * (size_t)t->csv->columns;
    (void)stream, (void)message, (void)size;
    for (int k = 0; k < t->features; k++) sample->x[k] = normalised(t, k, row[t->feature[k]]);
    sample->width = t->features;
    if (t->classes) sample->label[0] = (int32_t)row[t->target[0]];
    else
        for (int k = 0; k < t->targets; k++) sample->target[k] = row[t->target[k]];
    sample->label_length = t->classes > 0;
    return TW_OK;
}

/* What each column is. */
static tw_err assign(tw_ctx *ctx, const tw_csv *csv, const char *const *column, int n, role as, role *roles,
                     int *found) {
    for (int i = 0; i < n; i++) {
        int c = tw_csv_column(ctx, csv, column[i]);
        if (c < 0) return tw_error(ctx);
        if (roles[c] != FEATURE)
            return tw_fail_err(ctx, TW_ERR_RANGE, "%s: column %d is named twice among targets and ignored columns",
                               csv->path, c);
        roles[c] = as;
        if (found) found[i] = c;
    }
    return TW_OK;
}

static tw_err check_classes(tw_ctx *ctx, const table *t) {
    const tw_csv *csv = t->csv;
    for (size_t i = 0; t->classes && i < csv->rows; i++) {
        double v = (double)csv->value[i * (size_t)csv->columns + (size_t)t->target[0]];
        if (!(v >= 0 && v < t->classes) || v != (double)(int32_t)v)
            return tw_fail_err(ctx, TW_ERR_RANGE, "%s:%zu: column %d: %g is no class; those are 0 .. %d", csv->path,
                               csv->line[i], t->target[0], v, t->classes - 1);
    }
    return TW_OK;
}

/* A tiny standard deviation makes numbers that are none of a tw_real. */
static tw_err check_features(tw_ctx *ctx, const table *t) {
    const tw_csv *csv = t->csv;
    for (size_t i = 0; i < csv->rows; i++)
        for (int k = 0; k < t->features; k++) {
            const tw_real *value = csv->value + i * (size_t)csv->columns + t->feature[k];
            if (!isfinite(normalised(t, k, *value)))
                return tw_fail_err(ctx, TW_ERR_RANGE,
                                   "%s:%zu: column %d: %g is too large when normalised by the mean %g and the standard "
                                   "deviation %g",
                                   csv->path, csv->line[i], t->feature[k], (double)*value, t->mean[k], 1 / t->scale[k]);
        }
    return TW_OK;
}

static tw_err fill(tw_ctx *ctx, table *t, const tw_csv_dataset_options *o, role *roles) {
    const tw_csv *csv = t->csv;
    tw_err err = assign(ctx, csv, o->target, o->targets, TARGET, roles, t->target);
    if (!err) err = assign(ctx, csv, o->ignore, o->ignored, IGNORED, roles, NULL);
    for (int c = 0; !err && c < csv->columns; c++) {
        if (roles[c] != FEATURE) continue;
        double std = o->std ? o->std[c] : 1, mean = o->mean ? o->mean[c] : 0;
        if (!(std >= 0) || isinf(std))
            return tw_fail_err(ctx, TW_ERR_RANGE, "%s: the standard deviation of column %d cannot be %g", csv->path, c,
                               std);
        if (!isfinite(mean))
            return tw_fail_err(ctx, TW_ERR_RANGE, "%s: the mean of column %d cannot be %g", csv->path, c, mean);
        t->mean[t->features] = mean;
        t->scale[t->features] = std > 0 ? 1 / std : 1;
        t->feature[t->features++] = c;
    }
    if (!err && !t->features) err = tw_fail_err(ctx, TW_ERR_RANGE, "%s: no column is left as a feature", csv->path);
    if (!err) err = check_features(ctx, t);
    return err ? err : check_classes(ctx, t);
}

tw_err tw_dataset_csv(tw_ctx *ctx, const tw_csv *csv, const tw_csv_dataset_options *options, tw_dataset *dataset) {
    *dataset = (tw_dataset){0};
    tw_csv_dataset_options o = options ? *options : (tw_csv_dataset_options){0};
    if (!csv->path) return tw_fail_err(ctx, TW_ERR_STATE, "dataset: the table was not loaded");
    if (o.targets < 0 || o.classes < 0 || o.ignored < 0)
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: targets %d, classes %d or ignored %d is negative", csv->path,
                           o.targets, o.classes, o.ignored);
    if (o.classes && o.targets != 1)
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: a class is one target, not %d", csv->path, o.targets);
    if (o.targets > csv->columns)
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: %d targets among %d columns", csv->path, o.targets, csv->columns);
    size_t columns = (size_t)csv->columns;
    table *t = calloc(1, sizeof *t);
    role *roles = calloc(columns + 1, sizeof *roles);
    if (t) {
        t->csv = csv;
        t->classes = o.classes;
        t->targets = o.classes ? 0 : o.targets;
        t->feature = malloc((columns + 1) * sizeof *t->feature);
        t->target = malloc((columns + 1) * sizeof *t->target);
        t->mean = malloc((columns + 1) * sizeof *t->mean);
        t->scale = malloc((columns + 1) * sizeof *t->scale);
    }
    bool room = t && roles && t->feature && t->target && t->mean && t->scale;
    tw_err err = room ? fill(ctx, t, &o, roles)
                      : tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory for %d columns", csv->path, csv->columns);
    free(roles);
    if (err) {
        table_free(t);
        return err;
    }
    *dataset = (tw_dataset){.count = csv->rows,
                            .channels = 1,
                            .height = 1,
                            .max_width = t->features,
                            .max_label = o.classes > 0,
                            .sequences = !o.targets, /* of no symbols: nothing to predict */
                            .targets = t->targets,
                            .user = t,
                            .get = table_get,
                            .free = table_free,
                            .in_memory = true};
    return TW_OK;
}
