/* file.c - see file.h. */
#include "data/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

tw_err tw__data_read(tw_ctx *ctx, const char *path, char **data, size_t *size) {
    FILE *file = fopen(path, "rb");
    tw_err err = TW_OK;
    size_t room = 1 << 16;
    *size = 0;
    *data = NULL;
    if (!file) return tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    *data = malloc(room);
    while (*data) {
        *size += fread(*data + *size, 1, room - 1 - *size, file);
        if (*size < room - 1) break;
        char *grown = realloc(*data, room *= 2);
        if (!grown) free(*data);
        *data = grown;
    }
    if (!*data) err = tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    else if (ferror(file)) err = tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    else (*data)[*size] = 0;
    fclose(file);
    if (err) {
        free(*data);
        *data = NULL;
    }
    return err;
}

const char *tw__quoted(const char *text, size_t length, char quoted[TW__QUOTED]) {
    size_t n = length < TW__QUOTED - 1 ? length : TW__QUOTED - 1;
    for (size_t i = 0; i < n; i++) quoted[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
    quoted[n] = 0;
    if (length > n) memcpy(quoted + n - 2, "..", 2);
    return quoted;
}
