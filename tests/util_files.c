/* util_files.c - see util_files.h. */
#include "util_files.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { MOST = 64 };
static struct {
    char path[MOST][256];
    bool folder[MOST];
    int n;
} made; /* of this test's process */

static char *new_path(const char *name, bool folder) {
    cr_assert_lt(made.n, MOST);
    char *path = made.path[made.n];
    made.folder[made.n++] = folder;
    temp_path(name, path, sizeof made.path[0]);
    return path;
}

const char *write_file(const char *name, const void *bytes, size_t size) {
    const char *path = new_path(name, false);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "cannot write %s", path);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
    return path;
}

const char *write_text(const char *name, const char *text) { return write_file(name, text, strlen(text)); }

const char *write_gz(const char *name, const void *bytes, size_t size) {
    const char *path = new_path(name, false);
    gzFile file = gzopen(path, "wb");
    cr_assert_not_null(file, "cannot write %s", path);
    cr_assert(!size || gzwrite(file, bytes, (unsigned)size) == (int)size);
    cr_assert_eq(gzclose(file), Z_OK);
    return path;
}

const char *make_folder(const char *name) {
    const char *path = new_path(name, true);
    cr_assert_eq(mkdir(path, 0700), 0, "cannot make %s", path);
    return path;
}

void remove_files(void) {
    while (made.n) { /* newest first: folders after what is in them */
        made.n--;
        if (made.folder[made.n]) rmdir(made.path[made.n]);
        else unlink(made.path[made.n]);
    }
}

void assert_sentence(tw_ctx *ctx, tw_err got, tw_err want, const char *path, const char *part) {
    char message[600];
    snprintf(message, sizeof message, "%s", tw_errmsg(ctx));
    cr_assert_eq(got, want, "%s, not %s: \"%s\"", tw_err_name(got), tw_err_name(want), message);
    cr_assert_eq(tw_error(ctx), want);
    cr_assert(strstr(message, part), "\"%s\" does not say \"%s\"", message, part);
    cr_assert(!path || !strncmp(message, path, strlen(path)), "\"%s\" does not begin with %s", message, path);
    cr_assert(!strchr(message, '\n') && !strstr(message, "  "), "\"%s\" is not one clean line", message);
    tw_error_clear(ctx);
}
