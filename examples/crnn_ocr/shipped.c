/* shipped.c - see shipped.h. */
#include "shipped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <unistd.h>

enum { ROOM = 4096 };

/* The folder that holds the running program's own folder, build/ or bin/; "" when the system does not tell. */
static void parent_folder(char folder[ROOM]) {
    ssize_t n = readlink("/proc/self/exe", folder, ROOM - 1);
    folder[n > 0 ? n : 0] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(folder, '/');
        if (slash) *slash = 0;
        else *folder = 0;
    }
}

/* folder/SHIPPED_MODEL; false: there is no such file, or its name is too long. */
static bool is_in(const char *folder, char *path, size_t size) {
    int n = snprintf(path, size, "%s/" SHIPPED_MODEL, folder);
    return n > 0 && (size_t)n < size && !access(path, F_OK);
}

tw_err shipped_find(tw_ctx *ctx, char *path, size_t size) {
    const char *variable = getenv("THALWEG_MODELS");
    if (variable && *variable) {
        if (is_in(variable, path, size)) return TW_OK;
        return tw_fail_err(ctx, TW_ERR_IO,
                           "there is no " SHIPPED_MODEL
                           " in %s, the folder that THALWEG_MODELS names; name a model with "
                           "--model FILE",
                           variable);
    }
    char parent[ROOM], built[ROOM + 16], installed[ROOM + 32];
    parent_folder(parent);
    snprintf(built, sizeof built, "%s/models", parent);
    snprintf(installed, sizeof installed, "%s/share/thalweg/models", parent);
    if (is_in(built, path, size) || is_in(installed, path, size)) return TW_OK;
    return tw_fail_err(ctx, TW_ERR_IO,
                       "there is no " SHIPPED_MODEL
                       " in %s or %s; name a model with --model FILE, or its folder in the variable THALWEG_MODELS",
                       built, installed);
}

tw_err shipped_samples(tw_ctx *ctx, char *path, size_t size) {
    char parent[ROOM];
    parent_folder(parent);
    int n = snprintf(path, size, "%s/examples/crnn_ocr/samples/labels.tsv", parent);
    if (n > 0 && (size_t)n < size && !access(path, R_OK)) return TW_OK;
    return tw_fail_err(ctx, TW_ERR_IO, "there is no %s", path);
}
