/* log.h - one line to standard error for what was chosen, when TW_LOG=1 in the environment asks for it. */
#ifndef TW_LOG_H
#define TW_LOG_H

#include <thalweg/base.h>

/* Nothing unless TW_LOG is set and not 0 when the context is made. The same line is printed once: a context remembers
 * the last few hundred. A newline is added. */
void tw__log(tw_ctx *ctx, const char *format, ...) TW_PRINTF(2, 3);

#endif
