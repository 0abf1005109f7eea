/* progress.h - a progress bar on stderr: samples done, figures of the caller, samples a second, time left.
 *
 * On a terminal one line is redrawn, at most ten times a second; otherwise a plain line is written every
 * `every` seconds and at the end, so that a log file stays readable. */
#ifndef EXAMPLES_PROGRESS_H
#define EXAMPLES_PROGRESS_H

#include <stdbool.h>
#include <thalweg/base.h>

typedef struct progress {
    long total, first;      /* samples of the whole; samples already done when it began */
    double began, drawn;    /* seconds */
    double every;           /* seconds between plain lines; default 15 */
    bool terminal, visible; /* visible: a bar stands on the current line */
    char label[64];
} progress;

double progress_clock(void); /* seconds, monotonic */

/* done: where it begins, other than 0 when something is resumed. label: "epoch 3/12". */
void progress_begin(progress *p, const char *label, long done, long total);
void progress_label(progress *p, const char *format, ...) TW_PRINTF(2, 3);
/* The figures are the caller's: progress_show(&p, done, "loss %.4f  cer %.4f", loss, cer). */
void progress_show(progress *p, long done, const char *format, ...) TW_PRINTF(3, 4);
/* The last state, left standing with its newline; "ETA" becomes the time it took. */
void progress_end(progress *p, long done, const char *format, ...) TW_PRINTF(3, 4);
/* A line above the bar, on stderr. */
void progress_print(progress *p, const char *format, ...) TW_PRINTF(2, 3);
void progress_clear(progress *p); /* takes the bar off the screen, e.g. before an error message */

#endif
