/* file.c - see file.h. */
#include "data/file.h"

#include <string.h>

const char *tw__quoted(const char *text, size_t length, char quoted[TW__QUOTED]) {
    size_t n = length < TW__QUOTED - 1 ? length : TW__QUOTED - 1;
    for (size_t i = 0; i < n; i++) quoted[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
    quoted[n] = 0;
    if (length > n) memcpy(quoted + n - 2, "..", 2);
    return quoted;
}
