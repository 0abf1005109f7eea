/* log.c - see log.h. A library prints nothing of its own accord: lines go to a function of the program, or to standard
 * error when whoever runs the program asks for them. */
#include "tensor/log.h"

#include "tensor/fnv.h"
#include "tensor/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 256 };

void tw__log_init(tw_ctx *ctx) {
    const char *wanted = getenv("TW_LOG");
    ctx->log = ctx->log_state.to_stderr = wanted && *wanted && strcmp(wanted, "0");
}

void tw_set_log(tw_ctx *ctx, tw_log_fn fn, void *user) {
    tw__log_state *log = &ctx->log_state;
    log->fn = fn;
    log->user = user;
    ctx->log = fn || log->to_stderr;
    log->n = 0; /* who listens from now on has seen nothing yet */
}

void tw__log(tw_ctx *ctx, const char *format, ...) {
    tw__log_state *log = &ctx->log_state;
    if (!ctx->log) return;
    char line[LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    uint64_t hash = tw__fnv1a(line, strlen(line));
    for (int i = 0; i < log->n && i < TW__LOG_SEEN; i++)
        if (log->seen[i] == hash) return;
    log->seen[log->n % TW__LOG_SEEN] = hash;
    log->n = log->n < 2 * TW__LOG_SEEN ? log->n + 1 : TW__LOG_SEEN + 1;
    if (log->fn) log->fn(log->user, line);
    else dprintf(STDERR_FILENO, "thalweg: %s\n", line);
}
