/* log.c - see log.h. A library prints nothing; this is asked for by whoever runs the program. */
#include "tensor/log.h"

#include "tensor/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REMEMBERED = 256, LINE = 256 };

struct tw__log_seen {
    int n;
    uint64_t hash[REMEMBERED];
};

static uint64_t hash_of(const char *line) { /* FNV-1a */
    uint64_t h = 14695981039346656037u;
    for (; *line; line++) h = (h ^ (unsigned char)*line) * 1099511628211u;
    return h;
}

void tw__log_init(tw_ctx *ctx) {
    const char *wanted = getenv("TW_LOG");
    if (!wanted || !*wanted || !strcmp(wanted, "0")) return;
    ctx->log = tw__keep(ctx, sizeof *ctx->log);
    if (ctx->log) ctx->log->n = 0;
}

void tw__log(tw_ctx *ctx, const char *format, ...) {
    struct tw__log_seen *seen = ctx->log;
    if (!seen) return;
    char line[LINE] = "thalweg: ";
    size_t start = strlen(line);
    va_list args;
    va_start(args, format);
    vsnprintf(line + start, sizeof line - start, format, args);
    va_end(args);
    uint64_t hash = hash_of(line);
    for (int i = 0; i < seen->n && i < REMEMBERED; i++)
        if (seen->hash[i] == hash) return;
    seen->hash[seen->n++ % REMEMBERED] = hash;
    dprintf(STDERR_FILENO, "%s\n", line);
}
