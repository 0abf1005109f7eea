/* progress.c - see progress.h. */
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double progress_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_begin(progress *p, const char *label, long done, long total) {
    *p = (progress){.total = total, .first = done, .began = progress_clock(), .every = 15};
    p->drawn = p->began;
    p->terminal = isatty(STDERR_FILENO);
    snprintf(p->label, sizeof p->label, "%s", label);
}

void progress_label(progress *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(p->label, sizeof p->label, format, args);
    va_end(args);
}

void progress_clear(progress *p) {
    if (p->visible) fputs("\r\033[K", stderr);
    p->visible = false;
}

static void format_time(char *text, size_t size, double seconds) {
    long s = (long)(seconds + 0.5);
    if (s >= 3600) snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
}

static void draw(progress *p, long done, bool last, const char *format, va_list args) {
    enum { CELLS = 20 };
    char bar[CELLS + 1], when[32];
    double now = progress_clock(), elapsed = now - p->began, rate = 0, part = 1;
    if (elapsed > 0) rate = (double)(done - p->first) / elapsed;
    if (p->total > 0) part = (double)done / (double)p->total;
    if (part > 1) part = 1;
    int full = (int)(part * CELLS);
    memset(bar, '.', CELLS);
    memset(bar, '#', (size_t)full);
    bar[CELLS] = 0;
    format_time(when, sizeof when, last ? elapsed : rate > 0 ? (double)(p->total - done) / rate : 0);
    progress_clear(p);
    if (p->terminal) fprintf(stderr, "%s [%s] %3.0f%%  ", p->label, bar, 100 * part);
    else fprintf(stderr, "%s  %3.0f%%  ", p->label, 100 * part);
    vfprintf(stderr, format, args);
    fprintf(stderr, "  %.0f samples/s  %s %s", rate, last ? "in" : "ETA", rate > 0 || last ? when : "?");
    if (last || !p->terminal) fputc('\n', stderr);
    else p->visible = true;
    fflush(stderr);
    p->drawn = now;
}

void progress_show(progress *p, long done, const char *format, ...) {
    va_list args;
    if (progress_clock() - p->drawn < (p->terminal ? 0.1 : p->every)) return;
    va_start(args, format);
    draw(p, done, false, format, args);
    va_end(args);
}

void progress_end(progress *p, long done, const char *format, ...) {
    va_list args;
    va_start(args, format);
    draw(p, done, true, format, args);
    va_end(args);
}

void progress_print(progress *p, const char *format, ...) {
    va_list args;
    progress_clear(p);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}
