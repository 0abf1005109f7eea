/* sources.c - see sources.h. */
#include "sources.h"

#include "../common/input.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <thalweg/extend.h>

static bool is_standard_input(const char *path) { return !strcmp(path, "-"); }

const char *source_name(const char *path) { return is_standard_input(path) ? "standard input" : path; }

/* ---- the list -------------------------------------------------------------------------------------------- */

static tw_err no_memory(tw_ctx *ctx) {
    return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory for the list of pictures");
}

/* Takes path, which is from malloc, over. */
static tw_err take(tw_ctx *ctx, sources *s, char *path) {
    if (path && s->n == s->room) {
        size_t room = 2 * s->room + 16;
        char **larger = realloc(s->path, room * sizeof *larger);
        if (!larger) {
            free(path);
            return no_memory(ctx);
        }
        s->path = larger;
        s->room = room;
    }
    if (!path) return no_memory(ctx);
    s->path[s->n++] = path;
    return TW_OK;
}

void sources_free(sources *s) {
    for (size_t i = 0; i < s->n; i++) free(s->path[i]);
    free(s->path);
    *s = (sources){0};
}

/* ---- folders --------------------------------------------------------------------------------------------- */

/* Also what cannot be read, so that it is not passed over in silence. */
static bool named_like_a_picture(const char *name) {
    static const char *const ending[] = {"png",  "jpg",  "jpeg", "jpe",  "jfif", "bmp",  "gif",
                                         "pgm",  "ppm",  "pnm",  "pbm",  "tga",  "psd",  "tif",
                                         "tiff", "webp", "heic", "heif", "jp2",  "avif", "jxl"};
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name) return false;
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        if (!strcasecmp(dot + 1, ending[i])) return true;
    return false;
}

static char *joined(const char *folder, const char *name) {
    size_t n = strlen(folder);
    const char *slash = n && folder[n - 1] == '/' ? "" : "/";
    size_t room = n + strlen(name) + 2;
    char *path = malloc(room);
    if (path) snprintf(path, room, "%s%s%s", folder, slash, name);
    return path;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static tw_err add_folder(tw_ctx *ctx, sources *s, const char *folder) {
    size_t first = s->n;
    DIR *dir = opendir(folder);
    if (!dir) return tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be opened: %s", folder, strerror(errno));
    tw_err err = TW_OK;
    for (struct dirent *entry; !err && (entry = readdir(dir));) {
        struct stat about;
        if (entry->d_name[0] == '.' || !named_like_a_picture(entry->d_name)) continue;
        char *path = joined(folder, entry->d_name);
        if (path && !stat(path, &about) && S_ISDIR(about.st_mode)) free(path);
        else err = take(ctx, s, path);
    }
    closedir(dir);
    if (!err && s->n == first) return tw_fail_err(ctx, TW_ERR_IO, "%s: there is no picture in this folder", folder);
    if (!err && s->n > first) qsort(s->path + first, s->n - first, sizeof *s->path, by_name);
    return err;
}

tw_err sources_add(tw_ctx *ctx, sources *s, const char *path) {
    struct stat about;
    bool folder = !is_standard_input(path) && !stat(path, &about) && S_ISDIR(about.st_mode);
    return folder ? add_folder(ctx, s, path) : take(ctx, s, strdup(path));
}

/* ---- lists ----------------------------------------------------------------------------------------------- */

tw_err sources_add_list(tw_ctx *ctx, sources *s, const char *file) {
    FILE *in = is_standard_input(file) ? stdin : input_open(ctx, file);
    if (!in) return tw_error(ctx);
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    tw_err err = TW_OK;
    errno = 0;
    while (!err && (n = getline(&line, &room, in)) > 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = 0;
        if (strlen(line) != (size_t)n)
            err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s: a path has a NUL byte in it", source_name(file));
        else if (n) err = take(ctx, s, strdup(line));
    }
    if (!err && ferror(in))
        err = tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be read: %s", source_name(file), strerror(errno));
    free(line);
    if (in != stdin) fclose(in);
    return err;
}

/* ---- a picture ------------------------------------------------------------------------------------------- */

/* All bytes of standard input, from malloc. */
static tw_err slurp(tw_ctx *ctx, const char *name, char **bytes, size_t *size) {
    size_t room = 0;
    *bytes = NULL, *size = 0;
    for (;;) {
        if (*size == room) {
            if (room == SOURCE_MOST)
                return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: %d bytes and more are too many for a picture", name,
                                   SOURCE_MOST);
            room = room ? 2 * room : 1 << 16;
            char *larger = realloc(*bytes, room);
            if (!larger) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", name);
            *bytes = larger;
        }
        size_t got = fread(*bytes + *size, 1, room - *size, stdin);
        *size += got;
        if (!got) break;
    }
    if (ferror(stdin)) return tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be read: %s", name, strerror(errno));
    return TW_OK;
}

tw_err source_load(tw_ctx *ctx, const char *path, tw_image *gray) {
    if (!is_standard_input(path)) return tw_image_load(ctx, path, 1, gray);
    char *bytes;
    size_t size;
    *gray = (tw_image){0};
    tw_err err = slurp(ctx, source_name(path), &bytes, &size);
    if (!err) err = tw_image_decode(ctx, source_name(path), bytes, size, 1, gray);
    free(bytes);
    return err;
}
