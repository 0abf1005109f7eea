/* pictures.c - the IDX files of MNIST and its relatives, as a dataset for the loader. */
#include "mnist.h"

#include <string.h>

#include "../common/cli.h"

tw_err pictures_load(tw_ctx *ctx, const char *dir, const char *part, pictures *p) {
    char stem[64];
    memset(p, 0, sizeof *p);
    snprintf(stem, sizeof stem, "%s-images", part);
    tw_err err = tw_idx_find(ctx, dir, stem, 3, &p->image);
    if (err) return err;
    snprintf(stem, sizeof stem, "%s-labels", part);
    if ((err = tw_idx_find(ctx, dir, stem, 1, &p->label))) {
        pictures_free(p);
        return err;
    }
    if ((err = cli_check_read(ctx, p->image.path)) || (err = cli_check_read(ctx, p->label.path))) {
        pictures_free(p);
        return err;
    }
    int n = p->image.dim[0];
    if (n != p->label.dim[0]) {
        err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s: %d images but %d labels in %s", p->image.path, n, p->label.dim[0],
                          p->label.path);
    } else if (p->image.dim[1] != SIDE || p->image.dim[2] != SIDE) {
        err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s: the images are %d x %d, not 28 x 28", p->image.path, p->image.dim[1],
                          p->image.dim[2]);
    }
    for (int i = 0; i < n && !err; i++)
        if (p->label.data[i] >= CLASSES)
            err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s: label %d is %d, not 0 to 9", p->label.path, i, p->label.data[i]);
    if (err) pictures_free(p);
    return err;
}

void pictures_free(pictures *p) {
    tw_idx_free(&p->image);
    tw_idx_free(&p->label);
}

static tw_err get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const picture_source *s = user;
    const uint8_t *from = s->from->image.data + i * SIDE * SIDE;
    (void)message, (void)size; /* nothing here can fail */
    for (int k = 0; k < SIDE * SIDE; k++) sample->x[k] = (float)from[k] * (1 / 255.f);
    if (s->augment) augment(sample->x, s->mirror, stream);
    for (int k = 0; k < SIDE * SIDE; k++) sample->x[k] = (sample->x[k] - s->mean) / s->std;
    sample->width = SIDE;
    sample->label[0] = s->from->label.data[i];
    sample->label_length = 1;
    return TW_OK;
}

tw_dataset pictures_dataset(picture_source *source) {
    return (tw_dataset){.count = (size_t)source->from->image.dim[0],
                        .channels = 1,
                        .height = SIDE,
                        .max_width = SIDE,
                        .max_label = 1,
                        .user = source,
                        .get = get};
}

bool is_clothes(const char *data) { return data && strstr(data, "fashion"); }

const char *const *class_names(const char *data) {
    static const char *const digit[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    static const char *const cloth[] = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                        "sandal",  "shirt",   "sneaker",  "bag",   "boot"};
    return is_clothes(data) ? cloth : digit;
}
