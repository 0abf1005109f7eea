/* knobs.h - a sheet that shows what each knob of a look does. */
#ifndef CRNN_OCR_KNOBS_H
#define CRNN_OCR_KNOBS_H

#include "look.h"
#include "sheet.h"

enum { KNOB_STEPS = 6 };
/* How many knobs "blur,noise" names, or "all"; -1 after an error that names what is wrong. */
int knobs_count(tw_ctx *ctx, const char *list);
/* A row a knob: the text with the knob at KNOB_STEPS values from the least to the most that a preset uses. The sheet
 * has KNOB_STEPS columns and room for KNOB_STEPS cells a knob. */
tw_err knobs_show(tw_ctx *ctx, const char *list, const font_face *face, const char *text, int height, sheet *s);

#endif
