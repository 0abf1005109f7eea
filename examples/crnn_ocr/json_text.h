/* json_text.h - names of files as JSON, which is UTF-8. */
#ifndef CRNN_OCR_JSON_TEXT_H
#define CRNN_OCR_JSON_TEXT_H

#include <cJSON.h>
#include <stdbool.h>

/* A file's name may be any bytes: what is no UTF-8 becomes U+FFFD. False: out of memory. */
bool json_add_text(cJSON *to, const char *key, const char *bytes);

#endif
