/* util_model.c - see util_model.h. */
#include "util_model.h"

#include <dirent.h>

const char *write_model(const char *name, const char *header, const void *data, size_t n) {
    uint64_t length = strlen(header);
    char *bytes = malloc(8 + length + n);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    if (n) memcpy(bytes + 8 + length, data, n);
    const char *path = write_file(name, bytes, 8 + length + n);
    free(bytes);
    return path;
}

char *read_file(const char *path, size_t *n) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "cannot open %s", path);
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*n + 1);
    cr_assert_eq(fread(bytes, 1, *n, file), *n);
    bytes[*n] = 0;
    fclose(file);
    return bytes;
}

int count_entries(const char *folder) {
    int n = 0;
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir);
    for (struct dirent *e; (e = readdir(dir));) n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(dir);
    return n;
}
