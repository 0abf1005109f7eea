/* log.h - one line for what was chosen, to the function of tw_set_log, or to standard error when TW_LOG=1 in the
 * environment asks for it. */
#ifndef TW_LOG_H
#define TW_LOG_H

#include <thalweg/base.h>

/* Nothing without such a function, unless TW_LOG is set and not 0 when the context is made. The same line is given
 * once: a context remembers the last few hundred. format has no newline. */
void tw__log(tw_ctx *ctx, const char *format, ...) TW_PRINTF(2, 3);

#endif
