/* demo.h - what make demo is made of: lists, NULL at the end of each, and its first part. */
#ifndef CRNN_OCR_DEMO_H
#define CRNN_OCR_DEMO_H

extern const char *const demo_train_families[];
extern const char *const demo_unseen_families[];
extern const char *const demo_sentence[];
extern const char *const demo_texts[]; /* read at the end; training draws none of them */

/* Lets the model that ships read the repository's sample pictures; says on stdout what is missing, if something is. */
void demo_read_samples(int threads);

#endif
