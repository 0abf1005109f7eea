/* shipped.h - finding the model that comes with the program. */
#ifndef CRNN_OCR_SHIPPED_H
#define CRNN_OCR_SHIPPED_H

#include <thalweg/base.h>

/* The model that reads when none is named. */
#define SHIPPED_MODEL "print-en.safetensors"

/* Where it is, written to path: in the folder that $THALWEG_MODELS names, and then nowhere else; without that variable
 * in models/ beside the program's own folder (build/crnn_ocr: it was built and not installed), else in
 * share/thalweg/models there (PREFIX/bin/crnn_ocr). IO, and a sentence with the places: it is in none. */
TW_MUST_CHECK tw_err shipped_find(tw_ctx *ctx, char *path, size_t size);

/* The labels.tsv of the repository's sample pictures, beside the program's own folder; IO when it is not there. */
TW_MUST_CHECK tw_err shipped_samples(tw_ctx *ctx, char *path, size_t size);

#endif
