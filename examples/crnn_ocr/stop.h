/* stop.h - SIGINT and SIGTERM as a wish to stop soon, so that nothing learned is lost; the second one ends the program
 * at once. */
#ifndef CRNN_OCR_STOP_H
#define CRNN_OCR_STOP_H

#include <stdbool.h>

void stop_watch(void); /* from now on; a signal that is ignored (nohup, a shell's background job) stays ignored */
bool stop_wanted(void);

#endif
