/* test_atomic.c - every file that the library writes is replaced whole or not at all: when the writer is killed between
 * any two system calls, when the disk is full or read-only, and when several write at once. */
#include "util_model.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static tw_ctx *ctx;
static tw_params *params;
static tw_optim *optim;
static tw_ngram *ngram[2];
static const char *folder;
static char path[300];

static void setup(void) {
    static const char *const lines[] = {"the cat sat", "on the mat", "on a hat"};
    ctx = tw_ctx_new(1);
    params = tw_params_new(ctx);
    cr_assert_not_null(tw_param(params, "w", (tw_init){TW_INIT_CONSTANT, 0}, 2, (int[]){40, 50}));
    cr_assert_not_null(tw_param(params, "b", (tw_init){TW_INIT_CONSTANT, 0}, 1, (int[]){50}));
    cr_assert_not_null(optim = tw_optim_new(params, "adam"));
    for (int k = 0; k < 2; k++) cr_assert_not_null(ngram[k] = tw_ngram_train(ctx, 3, 2 + (size_t)k, lines));
    folder = make_folder("atomic");
    snprintf(path, sizeof path, "%s/file", folder);
}
static void teardown(void) {
    unlink(path);
    remove_files();
    for (int k = 0; k < 2; k++) tw_ngram_free(ngram[k]);
    tw_optim_free(optim);
    tw_params_free(params);
    tw_ctx_free(ctx);
}
TestSuite(atomic, .init = setup, .fini = teardown);

/* ---- all that writes: two contents of each kind, of about 8 kB -------------------------------------------- */

static void fill(int content) { fill_random(tw_params_find(params, "w")->data, 2000, (uint64_t)content, -1, 1); }

static tw_err save_model(int content, const char *to) {
    fill(content);
    return tw_model_save(params, NULL, to);
}
static tw_err save_checkpoint(int content, const char *to) {
    fill(content);
    return tw_checkpoint_save(params, optim, NULL, NULL, to);
}
static tw_err save_npy(int content, const char *to) {
    fill(content);
    return tw_npy_save(ctx, to, tw_params_find(params, "w")->data, 2, (int[]){40, 50});
}
static tw_err save_png(int content, const char *to) {
    uint8_t pixel[90 * 90];
    for (size_t i = 0; i < sizeof pixel; i++) pixel[i] = (uint8_t)tw_random_bits((uint64_t)content, i);
    return tw_image_save_png(ctx, to, &(tw_image){90, 90, 1, pixel});
}
static tw_err save_ngram(int content, const char *to) { return tw_ngram_save(ctx, ngram[content], to); }
static tw_err save_bytes(int content, const char *to) {
    char text[8000];
    memset(text, content ? 'n' : 'o', sizeof text);
    return tw_file_replace(ctx, to, text, sizeof text);
}

static const struct writer {
    const char *name;
    tw_err (*save)(int content, const char *to);
    bool streams; /* a device or a pipe is written to */
} writers[] = {{"model", save_model, false}, {"checkpoint", save_checkpoint, false}, {"npy", save_npy, true},
               {"png", save_png, true},      {"ngram", save_ngram, false},           {"bytes", save_bytes, true}};
enum { WRITERS = sizeof writers / sizeof *writers };

typedef struct bytes {
    char *at;
    size_t n;
} bytes;
static bytes content_of(const char *from) {
    bytes b;
    b.at = read_file(from, &b.n);
    return b;
}
static bool is(bytes a, bytes b) { return a.n == b.n && !memcmp(a.at, b.at, a.n); }

/* Both contents; the first is left in the file. */
static void write_both(const struct writer *w, bytes content[2]) {
    for (int k = 1; k >= 0; k--) {
        cr_assert_eq(w->save(k, path), TW_OK, "%s: %s", w->name, tw_errmsg(ctx));
        content[k] = content_of(path);
    }
    cr_assert(!is(content[0], content[1]));
}

static void free_both(bytes content[2]) {
    free(content[0].at);
    free(content[1].at);
    unlink(path);
}

/* The error is a sentence that begins with the file's name; the file is the old one, and nothing is beside it. */
static void assert_kept(const struct writer *w, tw_err err, const char *part, bytes old, int entries) {
    assert_sentence(ctx, err, TW_ERR_IO, path, part);
    bytes now = content_of(path);
    cr_assert(is(now, old), "%s: the old file has changed", w->name);
    cr_assert_eq(count_entries(folder), entries, "%s: a temporary file was left", w->name);
    free(now.at);
}

/* ---- killed ------------------------------------------------------------------------------------------------ */

/* Runs save in a process that is killed as it enters or leaves its k-th system call. 1: it was, 0: it ended before,
 * -1: processes cannot be traced here. */
static int save_and_kill(const struct writer *w, int k) {
    int status;
    pid_t child = fork();
    if (!child) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) _exit(9);
        raise(SIGSTOP);
        _exit(w->save(1, path) ? 1 : 0);
    }
    cr_assert(child > 0 && waitpid(child, &status, 0) == child);
    if (!WIFSTOPPED(status)) return -1;
    ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL);
    for (int calls = 0; WIFSTOPPED(status); calls++) {
        if (calls == k) kill(child, SIGKILL);
        else ptrace(PTRACE_SYSCALL, child, NULL, NULL);
        cr_assert_eq(waitpid(child, &status, 0), child);
    }
    if (WIFSIGNALED(status)) return 1;
    cr_assert(WEXITSTATUS(status) == 0, "%s: was not saved", w->name);
    return 0;
}

Test(atomic, killed_at_any_system_call) {
    for (int i = 0; i < WRITERS; i++) {
        bytes content[2];
        int found[2] = {0}, left = 0, k = 0, killed;
        write_both(&writers[i], content);
        while ((killed = save_and_kill(&writers[i], k)) > 0) {
            bytes now = content_of(path);
            int which = is(now, content[1]);
            cr_assert(which || is(now, content[0]), "%s: killed at call %d: half a file", writers[i].name, k);
            free(now.at);
            found[which]++;
            int entries = count_entries(folder);
            cr_assert(entries == 1 || entries == 2, "%s: killed at call %d: %d files", writers[i].name, k, entries);
            left += entries - 1;
            k++;
            if (k % 3 == 0) continue; /* what is left piles up at most to one file */
            cr_assert_eq(writers[i].save(0, path), TW_OK, "%s", tw_errmsg(ctx));
            cr_assert_eq(count_entries(folder), 1, "%s: the next save has not cleared up", writers[i].name);
        }
        if (killed < 0) cr_skip_test("processes cannot be traced here");
        cr_assert(found[0] > 5 && found[1] > 1 && left > 3, "%s: %d old, %d new, %d left", writers[i].name, found[0],
                  found[1], left);
        free_both(content);
    }
}

/* A file that somebody else is writing is not one that was left; nor is what only has such a name. */
Test(atomic, what_is_left_and_what_is_in_use) {
    char temp[3][400];
    for (int i = 0; i < 3; i++) snprintf(temp[i], sizeof temp[i], "%s.tmp-%d", path, i);
    int fd = open(temp[0], O_CREAT | O_WRONLY, 0600);
    cr_assert(fd >= 0 && !flock(fd, LOCK_EX) && write(fd, "half", 4) == 4);
    cr_assert_eq(symlink("/dev/null", temp[1]), 0);
    cr_assert_eq(mkdir(temp[2], 0700), 0);
    cr_assert_eq(save_bytes(1, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(count_entries(folder), 4, "what is not ours has gone, or what is ours has stayed");
    bytes now = content_of(temp[0]);
    cr_assert(now.n == 4 && !memcmp(now.at, "half", 4));
    free(now.at);
    close(fd);
    cr_assert_eq(save_bytes(0, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(count_entries(folder), 3, "what nobody writes any more is left");
    unlink(temp[1]);
    rmdir(temp[2]);
}

/* Processes that write the same file meet in its temporary files; whoever reads it finds a whole one. */
Test(atomic, several_writers) {
    enum { PROCESSES = 4, TIMES = 60 };
    bytes content[2];
    pid_t child[PROCESSES];
    write_both(&writers[3], content); /* pictures: they are not forced to the disk, so they meet more often */
    for (int p = 0; p < PROCESSES; p++)
        if (!(child[p] = fork())) {
            for (int i = 0; i < TIMES; i++)
                if (save_png((i + p) % 2, path)) _exit(1);
            _exit(0);
        }
    for (int p = 0, status; p < PROCESSES;) {
        bytes now = content_of(path);
        cr_assert(is(now, content[0]) || is(now, content[1]), "half a file");
        free(now.at);
        if (waitpid(child[p], &status, WNOHANG) != child[p]) continue;
        cr_assert(WIFEXITED(status) && !WEXITSTATUS(status));
        p++;
    }
    cr_assert_eq(count_entries(folder), 1);
    free_both(content);
}

/* ---- no room, no permission, no such place ------------------------------------------------------------------ */

Test(atomic, a_disk_that_is_full_after_any_byte) {
    struct rlimit all, some;
    getrlimit(RLIMIT_FSIZE, &all);
    some = all;
    signal(SIGXFSZ, SIG_IGN); /* so that write fails instead */
    for (int i = 0; i < WRITERS; i++) {
        bytes content[2];
        write_both(&writers[i], content);
        for (size_t room = 0; room < content[1].n; room += room < 100 ? 1 : 97) {
            some.rlim_cur = room;
            cr_assert_eq(setrlimit(RLIMIT_FSIZE, &some), 0);
            tw_err err = writers[i].save(1, path);
            setrlimit(RLIMIT_FSIZE, &all);
            assert_kept(&writers[i], err, "cannot be written: File too large", content[0], 1);
        }
        cr_assert_eq(writers[i].save(1, path), TW_OK, "and once there is room, it works");
        free_both(content);
    }
}

/* This test's process gets mounts of its own, which end with it. */
static bool mount_small_disk(void) {
    return !unshare(CLONE_NEWNS) && !mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) &&
        !mount("none", folder, "tmpfs", 0, "size=256k");
}

Test(atomic, a_file_system_that_is_full_or_read_only) {
    char filler[400], bytes_of_filler[4096] = {0};
    if (!mount_small_disk()) cr_skip_test("no file systems can be mounted here");
    snprintf(filler, sizeof filler, "%s/filler", folder);
    for (int i = 0; i < WRITERS; i++) {
        bytes content[2];
        write_both(&writers[i], content);
        int fd = open(filler, O_CREAT | O_WRONLY, 0600);
        while (write(fd, bytes_of_filler, sizeof bytes_of_filler) > 0) {}
        close(fd);
        assert_kept(&writers[i], writers[i].save(1, path), "cannot be written: No space left", content[0], 2);
        unlink(filler);
        cr_assert_eq(mount("none", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
        assert_kept(&writers[i], writers[i].save(1, path), "cannot be written: Read-only", content[0], 1);
        cr_assert_eq(writers[i].save(1, filler), TW_ERR_IO, "a new file");
        assert_sentence(ctx, TW_ERR_IO, TW_ERR_IO, filler, "cannot be written: Read-only");
        cr_assert_eq(mount("none", folder, "tmpfs", MS_REMOUNT, NULL), 0);
        free_both(content);
    }
    umount(folder);
}

Test(atomic, places_where_nothing_can_be_written) {
    char below[400], longest[600], file[300];
    snprintf(file, sizeof file, "%s/a", folder);
    for (int i = 0; i < WRITERS; i++) {
        const struct writer *w = &writers[i];
        cr_assert_eq(w->save(0, file), TW_OK);
        snprintf(below, sizeof below, "%s/b", file);
        assert_sentence(ctx, w->save(1, below), TW_ERR_IO, below, "cannot be written: Not a directory");
        snprintf(below, sizeof below, "%s/no/b", folder);
        assert_sentence(ctx, w->save(1, below), TW_ERR_IO, below, "cannot be written: No such file or directory");
        snprintf(longest, sizeof longest, "%s/%0300d", folder, 7);
        assert_sentence(ctx, w->save(1, longest), TW_ERR_IO, longest, "cannot be written: File name too long");
        assert_sentence(ctx, w->save(1, folder), TW_ERR_IO, folder,
                        w->streams ? "cannot be written: Is a directory" : "it is not a regular file");
        assert_sentence(ctx, w->save(1, ""), TW_ERR_IO, NULL, "a file with an empty name cannot be written");
        cr_assert_eq(count_entries(folder), 1, "%s: something was left", w->name);
        unlink(file);
    }
}

/* A name that leaves no room for a longer one, and whose characters have three bytes. */
Test(atomic, names_as_long_as_names_can_be) {
    char longest[600], temp[600];
    int n = snprintf(longest, sizeof longest, "%s/", folder);
    for (int i = 0; i < 85; i++) n += snprintf(longest + n, sizeof longest - (size_t)n, "\u6587");
    for (int i = 0; i < WRITERS; i++) {
        cr_assert_eq(writers[i].save(0, longest), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq(writers[i].save(1, longest), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq(count_entries(folder), 1);
    }
    snprintf(temp, sizeof temp, "%.*s.tmp-0", (int)strlen(folder) + 1 + 66 * 3, longest);
    int fd = open(temp, O_CREAT | O_WRONLY, 0600); /* where it would be: it is cleared up */
    cr_assert(fd >= 0 && !close(fd));
    cr_assert_eq(save_bytes(0, longest), TW_OK);
    cr_assert_eq(count_entries(folder), 1);
    unlink(longest);
}

Test(atomic, devices_and_pipes) {
    struct stat s;
    for (int i = 0; i < WRITERS; i++) {
        const struct writer *w = &writers[i];
        const char *part = w->streams ? "cannot be written: No space left" : "it is not a regular file";
        if (!access("/dev/full", W_OK)) assert_sentence(ctx, w->save(1, "/dev/full"), TW_ERR_IO, "/dev/full", part);
        cr_assert_eq(w->save(1, "/dev/null"), w->streams ? TW_OK : TW_ERR_IO);
        tw_error_clear(ctx);
        cr_assert(!stat("/dev/null", &s) && S_ISCHR(s.st_mode), "%s: a device has become a file", w->name);
        if (!w->streams) continue;
        char name[64], *got = calloc(1, 1 << 16);
        int end[2];
        cr_assert(!pipe(end) && w->save(1, path) == TW_OK);
        bytes want = content_of(path);
        snprintf(name, sizeof name, "/dev/fd/%d", end[1]);
        cr_assert_eq(w->save(1, name), TW_OK, "%s: %s", w->name, tw_errmsg(ctx)); /* a pipe holds 64 kB */
        cr_assert_eq((size_t)read(end[0], got, 1 << 16), want.n);
        cr_assert_arr_eq(got, want.at, want.n);
        close(end[0]);
        close(end[1]);
        free(want.at);
        free(got);
    }
}

/* Standard output may be a file: `--log /dev/stdout >file`. Twice, between what else is written there. */
Test(atomic, a_descriptor_of_a_file_is_written_on) {
    char name[64], link[400];
    snprintf(link, sizeof link, "%s/link", folder);
    if (access("/dev/fd/0", F_OK)) cr_skip_test("no /dev/fd here");
    for (int i = 0; i < WRITERS; i++) {
        if (!writers[i].streams) continue;
        cr_assert_eq(writers[i].save(1, path), TW_OK);
        bytes once = content_of(path);
        int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
        snprintf(name, sizeof name, "/dev/fd/%d", fd);
        cr_assert_eq(symlink(name, link), 0);
        for (int k = 0; k < 2; k++) {
            cr_assert_eq(write(fd, "-", 1), 1);
            cr_assert_eq(writers[i].save(1, k ? link : name), TW_OK, "%s: %s", writers[i].name, tw_errmsg(ctx));
        }
        cr_assert_eq(unlink(link), 0);
        close(fd);
        bytes now = content_of(path);
        cr_assert_eq(now.n, 2 * (1 + once.n), "%s", writers[i].name);
        for (int k = 0; k < 2; k++) cr_assert_arr_eq(now.at + (size_t)k * (1 + once.n) + 1, once.at, once.n);
        cr_assert_eq(count_entries(folder), 1);
        free(once.at);
        free(now.at);
    }
}

/* A folder of results may be linked to a larger disk before there are any. */
Test(atomic, links_to_files_that_are_not_there_yet) {
    char link[2][400], leads[400];
    struct stat s;
    snprintf(link[0], sizeof link[0], "%s/link", folder);
    snprintf(link[1], sizeof link[1], "%s/again", folder);
    snprintf(leads, sizeof leads, "%s/link", folder);
    cr_assert(!symlink("file", link[0]) && !symlink(leads, link[1])); /* one relative, one not */
    for (int i = 0; i < WRITERS; i++) {
        for (int k = 0; k < 2; k++) {
            cr_assert_eq(writers[i].save(k, link[1]), TW_OK, "%s: %s", writers[i].name, tw_errmsg(ctx));
            cr_assert(!lstat(path, &s) && S_ISREG(s.st_mode) && s.st_size);
        }
        for (int k = 0; k < 2; k++) cr_assert(!lstat(link[k], &s) && S_ISLNK(s.st_mode));
        cr_assert_eq(count_entries(folder), 3);
        unlink(path);
    }
    unlink(link[0]);
    cr_assert_eq(symlink("no/file", link[0]), 0);
    assert_sentence(ctx, save_bytes(0, link[1]), TW_ERR_IO, link[1], "cannot be written: No such file");
    cr_assert(!unlink(link[0]) && !unlink(link[1]));
}

/* What a trained model's owner wrote is still theirs when root goes on with it, and still nobody else's to read. */
Test(atomic, modes_and_owners_are_kept) {
    struct stat s;
    umask(0);
    for (int i = 0; i < WRITERS; i++) {
        cr_assert_eq(writers[i].save(0, path), TW_OK);
        cr_assert_eq(chmod(path, 0640), 0);
        if (!geteuid()) cr_assert_eq(chown(path, 12345, 23456), 0);
        cr_assert_eq(writers[i].save(1, path), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert(!stat(path, &s) && (s.st_mode & 07777) == 0640, "%s: mode %o", writers[i].name, s.st_mode);
        if (!geteuid()) cr_assert(s.st_uid == 12345 && s.st_gid == 23456, "%s", writers[i].name);
        unlink(path);
    }
}

/* Such a link must not become a file: /dev/stdout is one. What may be written to a descriptor is written to it. */
Test(atomic, a_link_to_a_file_without_a_name) {
    char link[400], leads[64];
    struct stat s;
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    cr_assert(fd >= 0 && !unlink(path));
    snprintf(link, sizeof link, "%s/link", folder);
    snprintf(leads, sizeof leads, "/proc/self/fd/%d", fd);
    cr_assert_eq(symlink(leads, link), 0);
    if (stat(link, &s)) {
        unlink(link);
        cr_skip_test("no /proc here");
    }
    for (int i = 0; i < WRITERS; i++) {
        tw_err err = writers[i].save(1, link);
        if (writers[i].streams) cr_assert_eq(err, TW_OK, "%s", tw_errmsg(ctx));
        else assert_sentence(ctx, err, TW_ERR_IO, link, "cannot be written: No such file");
    }
    cr_assert(!fstat(fd, &s) && s.st_size > 8000);
    cr_assert(!lstat(link, &s) && S_ISLNK(s.st_mode), "the link has become a file");
    cr_assert_eq(count_entries(folder), 1);
    cr_assert_eq(unlink(link), 0);
    close(fd);
}

Test(atomic, where_a_name_leads) {
    char link[2][400];
    for (int k = 0; k < 2; k++) snprintf(link[k], sizeof link[k], "%s/%d", folder, k);
    cr_assert(!symlink("file", link[0]) && !symlink(link[0], link[1]));
    for (int there = 0; there < 2; there++) {
        for (int k = 0; k < 2; k++) {
            char *to = tw_file_target(link[k]);
            cr_assert_str_eq(to, path);
            free(to);
        }
        cr_assert_eq(writers[0].save(0, path), TW_OK);
    }
    char *same = tw_file_target("no/such/file");
    cr_assert_str_eq(same, "no/such/file");
    free(same);
    cr_assert(!unlink(link[0]) && !symlink(link[1], link[0]));
    errno = 0;
    cr_assert(!tw_file_target(link[0]) && errno == ELOOP);
    cr_assert(!tw_file_target(NULL) && errno == EINVAL);
    cr_assert(!unlink(link[0]) && !unlink(link[1]));
}

/* To open a pipe would wait for its reader, and to close it again would end what that reads. */
Test(atomic, a_pipe_is_not_touched_to_see_whether_it_could_be_written, .timeout = 60) {
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(tw_file_check(ctx, path), TW_OK, "%s", tw_errmsg(ctx)); /* nobody reads */
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    char byte;
    cr_assert_geq(fd, 0);
    cr_assert_eq(tw_file_check(ctx, path), TW_OK);
    cr_assert_eq(writers[2].save(0, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(read(fd, &byte, 1), 1);
    close(fd);
}

Test(atomic, what_could_be_written) {
    cr_assert_eq(tw_file_check(ctx, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(count_entries(folder), 0, "nothing was made");
    cr_assert_eq(writers[0].save(0, path), TW_OK);
    bytes before = content_of(path), after;
    cr_assert_eq(tw_file_check(ctx, path), TW_OK, "%s", tw_errmsg(ctx));
    after = content_of(path);
    cr_assert(is(before, after));
    cr_assert_eq(count_entries(folder), 1);
    free(before.at), free(after.at);
    assert_sentence(ctx, tw_file_check(ctx, ""), TW_ERR_IO, "a file with an empty name", "cannot be written");
    char bad[400];
    snprintf(bad, sizeof bad, "%s/none/file", folder);
    assert_sentence(ctx, tw_file_check(ctx, bad), TW_ERR_IO, bad, "cannot be written: No such file");
    snprintf(bad, sizeof bad, "%s/new/", folder);
    assert_sentence(ctx, tw_file_check(ctx, bad), TW_ERR_IO, bad, "cannot be written: No such file");
    snprintf(bad, sizeof bad, "%s/%0300d", folder, 7);
    assert_sentence(ctx, tw_file_check(ctx, bad), TW_ERR_IO, bad, "cannot be written: File name too long");
}
