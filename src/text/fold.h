/* fold.h - what is left of a text when a comparison overlooks something. */
#ifndef TW_TEXT_FOLD_H
#define TW_TEXT_FOLD_H

#include <thalweg/extend.h>
#include <thalweg/text.h>

/* The text's code points in form C, without what `ignore` (of tw_ignore) leaves out, in scratch memory. NULL: an error,
 * in whose message `what` names the text. */
int32_t *tw__fold_scratch(tw_ctx *ctx, const char *what, const char *utf8, unsigned ignore, size_t *n);

#endif
