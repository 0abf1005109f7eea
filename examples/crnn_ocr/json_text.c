/* json_text.c - see json_text.h. */
#include "json_text.h"

#include <stdlib.h>
#include <string.h>

#include "../common/utf8.h"

bool json_add_text(cJSON *to, const char *key, const char *bytes) {
    char *text = malloc(3 * strlen(bytes) + 1), *end = text;
    if (!text) return false;
    for (uint32_t code; (code = utf8_next(&bytes));) end += utf8_put(end, code);
    *end = 0;
    bool ok = cJSON_AddStringToObject(to, key, text) != NULL;
    free(text);
    return ok;
}
