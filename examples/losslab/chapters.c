/* chapters.c - which chapter is about which loss. */
#include "chapters.h"

#include <stdio.h>
#include <string.h>

const chapter *chapter_named(const char *name) {
    for (const chapter *c = chapters; c->name; c++)
        if (!strcmp(c->name, name)) return c;
    return NULL;
}

/* The table's lines: | `name` | .. | [title](file.md) | */
const chapter *chapter_of(const char *loss) {
    const chapter *found = chapter_named(loss), *readme = chapter_named("README");
    char begin[64], file[64];
    if (found || !readme) return found;
    snprintf(begin, sizeof begin, "\n| `%s` |", loss);
    const char *line = strstr(readme->text, begin);
    const char *end = line ? strchr(line + 1, '\n') : NULL;
    for (const char *p = line; end && (p = strstr(p, "](")) && p < end; p += 2)
        if (sscanf(p, "](%63[^).])", file) == 1) found = chapter_named(file);
    return found;
}
