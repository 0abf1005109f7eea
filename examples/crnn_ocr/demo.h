/* demo.h - the lists that make demo is made of. NULL at the end of each. */
#ifndef CRNN_OCR_DEMO_H
#define CRNN_OCR_DEMO_H

extern const char *const demo_train_families[];
extern const char *const demo_unseen_families[];
extern const char *const demo_sentence[];
extern const char *const demo_texts[]; /* read at the end; training draws none of them */

#endif
