/* test_break_memory.c - memory runs out at every place of building, training, saving and loading what the example
 * programs train: nothing may leak, and nothing may have changed. */
#include "tensor/internal.h"
#include "util_failing.h"
#include "util_model.h"
#include "util_trainings.h"

#include <sys/stat.h>
#include <unistd.h>

static void begin(void) {
    if (!malloc_is_ours()) cr_skip_test("malloc belongs to a sanitizer or another C library");
}
TestSuite(break_memory, .init = begin, .fini = remove_files, .timeout = 7200); /* with TW_TEST_LONG */

/* TW_TEST_LONG=1: everywhere. */
static bool take_all(void) { return getenv("TW_TEST_LONG") != NULL; }
static long stride_of(const training_program *program) { return program->stride && !take_all() ? program->stride : 1; }

static tw_ctx *ctx_with(int threads) { return tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads}); }

static void make(small_training *t, const training_program *program) {
    cr_assert(small_training_new(t, ctx_with(2), program), "%s: %s", program->name, tw_errmsg(t->ctx));
}

static void drop(small_training *t) {
    tw_ctx *ctx = t->ctx;
    small_training_free(t);
    tw_ctx_free(ctx);
}

/* ---- building ------------------------------------------------------------------------------------------------- */

/* Context, network, optimiser and loader, with its thread. True: nothing was left to fail. */
static bool build(const training_program *program, failing way, long k, const snapshot *want) {
    long live = malloc_live();
    small_training t = {0};
    failing_begin(way, k);
    tw_ctx *ctx = ctx_with(2);
    bool made = ctx && small_training_new(&t, ctx, program);
    bool through = failing_end() == 0;
    if (made) cr_assert(snapshot_holds(want, &t), "%s, %s %ld", program->name, failing_name[way], k);
    else if (ctx) assert_no_memory(ctx, tw_error(ctx), program->name, way, k);
    small_training_free(&t);
    tw_ctx_free(ctx);
    cr_assert_eq(malloc_live(), live, "%s, %s %ld: %ld blocks are left", program->name, failing_name[way], k,
                 malloc_live() - live);
    return through;
}

Test(break_memory, of_building) {
    for (int p = 0; training_programs[p]; p++) {
        small_training t;
        make(&t, training_programs[p]);
        snapshot want = snapshot_take(&t);
        drop(&t);
        for (failing way = FAIL_FROM; way < FAILINGS; way++)
            for (long k = 0; !build(training_programs[p], way, k, &want); k += stride_of(training_programs[p])) {}
        snapshot_free(&want);
    }
}

/* ---- a step --------------------------------------------------------------------------------------------------- */

typedef struct step_case {
    small_training t;
    const tw_batch *batch;
    snapshot before, after; /* what such a step finds, and makes of it */
} step_case;

static void step_case_begin(step_case *c, const training_program *program, int warm) {
    make(&c->t, program);
    for (int i = 0; i <= warm; i++) {
        cr_assert_eq(small_training_next(&c->t, &c->batch), TW_OK);
        if (i < warm) cr_assert_eq(small_training_step(&c->t, c->batch), TW_OK, "%s", tw_errmsg(c->t.ctx));
    }
}

/* The C library keeps what its first threads have needed, for the next. */
static void warm_up(const training_program *program) {
    step_case c;
    step_case_begin(&c, program, 1);
    drop(&c.t);
}

static void step_case_end(step_case *c) {
    snapshot_free(&c->before);
    snapshot_free(&c->after);
    drop(&c->t);
}

/* One step, of which something fails: all or nothing. Then the same again, of which nothing does. */
static bool step(step_case *c, failing way, long k) {
    const char *name = c->t.program->name;
    tw_rng_state rng = tw_rng_get(c->t.ctx);
    failing_begin(way, k);
    tw_err err = small_training_step(&c->t, c->batch);
    bool through = failing_end() == 0;
    if (err) {
        assert_no_memory(c->t.ctx, err, name, way, k);
        tw_rng_set(c->t.ctx, rng); /* what was drawn stays drawn */
        cr_assert(snapshot_holds(&c->before, &c->t), "%s, %s %ld: something has changed", name, failing_name[way], k);
        cr_assert_eq(small_training_step(&c->t, c->batch), TW_OK, "%s", tw_errmsg(c->t.ctx));
    }
    cr_assert(snapshot_holds(&c->after, &c->t), "%s, %s %ld: another step", name, failing_name[way], k);
    return through;
}

/* The first step: arenas, their chunks and the threads come into being. */
Test(break_memory, of_a_first_step) {
    for (int p = 0; training_programs[p]; p++) {
        step_case c;
        warm_up(training_programs[p]);
        step_case_begin(&c, training_programs[p], 0);
        c.before = snapshot_take(&c.t);
        cr_assert_eq(small_training_step(&c.t, c.batch), TW_OK, "%s", tw_errmsg(c.t.ctx));
        c.after = snapshot_take(&c.t);
        drop(&c.t);
        for (failing way = FAIL_FROM; way < FAILINGS; way++) {
            bool through = false;
            for (long k = 0; !through; k += stride_of(training_programs[p])) {
                long live = malloc_live();
                step_case_begin(&c, training_programs[p], 0);
                through = step(&c, way, k);
                drop(&c.t);
                cr_assert_eq(malloc_live(), live, "%s, %s %ld: %ld blocks are left", training_programs[p]->name,
                             failing_name[way], k, malloc_live() - live);
            }
        }
        make(&c.t, training_programs[p]);
        step_case_end(&c);
    }
}

/* A later step, of which an arena holds the beginning only: every place at which it asks for more comes to be the one
 * where there is none. */
static void with_room(step_case *c, tw__arena *arena, size_t room) {
    for (failing way = FAIL_FROM; way < FAILINGS; way++) {
        tw_step_begin(c->t.ctx); /* the other arena has become one block */
        snapshot_restore(&c->before, &c->t);
        tw__arena_free(c->t.ctx, arena);
        cr_assert_not_null(tw__arena_alloc(c->t.ctx, arena, room));
        step(c, way, 0);
    }
}

Test(break_memory, of_a_later_step) {
    for (int p = 0; training_programs[p]; p++) {
        const size_t places = take_all() ? 400 : 20 / (size_t)stride_of(training_programs[p]) + 1;
        step_case c;
        warm_up(training_programs[p]);
        long live = malloc_live();
        step_case_begin(&c, training_programs[p], 2);
        c.before = snapshot_take(&c.t);
        cr_assert_eq(small_training_step(&c.t, c.batch), TW_OK, "%s", tw_errmsg(c.t.ctx));
        c.after = snapshot_take(&c.t);
        tw_stats s = tw_ctx_stats(c.t.ctx);
        for (size_t i = 0; i <= places; i++) {
            with_room(&c, &c.t.ctx->step, s.step_peak * i / places);
            with_room(&c, &c.t.ctx->scratch, s.scratch_peak * i / places);
        }
        step_case_end(&c);
        cr_assert_eq(malloc_live(), live, "%s", training_programs[p]->name);
    }
}

/* ---- files ---------------------------------------------------------------------------------------------------- */

typedef struct file_case {
    small_training *t;
    snapshot before;
    char folder[300], link[330], path[330]; /* what is written is a link to another file of the folder */
    char *old;
    size_t size; /* of the file there before */
    bool checkpoint;
} file_case;

static tw_err save(tw_ctx *ctx, void *user, uint64_t *digest) {
    const file_case *c = user;
    (void)digest;
    tw_meta *meta = tw_meta_new(ctx);
    tw_err err = meta ? tw_meta_setf(meta, "model", "%s", c->t->program->name) : tw_error(ctx);
    tw_loader_position at = tw_loader_tell(c->t->loader);
    /* Files are written in the context of the parameters; its error is passed on. */
    if (!err)
        err = c->checkpoint ? tw_checkpoint_save(c->t->params, c->t->optim, &at, meta, c->link)
                            : tw_model_save(c->t->params, meta, c->link);
    tw_meta_free(meta);
    if (err && tw_error(c->t->ctx)) {
        tw_fail(ctx, tw_error(c->t->ctx), "%s", tw_errmsg(c->t->ctx));
        tw_error_clear(c->t->ctx);
    }
    return err;
}

/* What a context keeps for later is no leak, but would be counted as one. */
static void give_arenas_back(tw_ctx *ctx) {
    tw__arena_free(ctx, &ctx->step);
    tw__arena_free(ctx, &ctx->scratch);
}

/* Saved whole, or the old file is. Nothing else is in the folder, and the link is one. */
static void after_saving(void *user, bool done) {
    file_case *c = user;
    struct stat s;
    size_t n;
    give_arenas_back(c->t->ctx);
    char *now = read_file(c->path, &n);
    bool same = n == c->size && !memcmp(now, c->old, n);
    free(now);
    cr_assert(done ? n > c->size : same, "%s", c->t->program->name);
    cr_assert(lstat(c->link, &s) == 0 && S_ISLNK(s.st_mode), "the link was replaced");
    cr_assert_eq(count_entries(c->folder), 2);
    cr_assert(snapshot_holds(&c->before, c->t));
    FILE *file = fopen(c->path, "wb");
    cr_assert(file && fwrite(c->old, 1, c->size, file) == c->size && !fclose(file));
}

static tw_err load(tw_ctx *ctx, void *user, uint64_t *digest) {
    const file_case *c = user;
    tw_loader_position at;
    tw_meta *meta = NULL;
    tw_err err = tw_meta_load(ctx, c->path, &meta);
    if (!err) digest_add(digest, tw_meta_get(meta, "model"), strlen(tw_meta_get(meta, "model")));
    tw_meta_free(meta);
    if (!err)
        err = c->checkpoint ? tw_checkpoint_load(c->t->params, c->t->optim, &at, c->path)
                            : tw_model_load(c->t->params, c->path);
    if (err && tw_error(c->t->ctx)) {
        tw_fail(ctx, tw_error(c->t->ctx), "%s", tw_errmsg(c->t->ctx));
        tw_error_clear(c->t->ctx);
    }
    return err;
}

/* The file holds other numbers than the training, which is given them back after each load. */
static void after_loading(void *user, bool done) {
    file_case *c = user;
    give_arenas_back(c->t->ctx);
    cr_assert_eq(snapshot_holds(&c->before, c->t), !done, "%s: all is loaded or nothing", c->t->program->name);
    snapshot_restore(&c->before, c->t);
}

static void save_and_load(const training_program *program, bool checkpoint) {
    small_training t;
    file_case c = {.t = &t, .checkpoint = checkpoint, .old = "old", .size = 3};
    const tw_batch *b;
    make(&t, program);
    snprintf(c.folder, sizeof c.folder, "%s", make_folder(checkpoint ? program->name : "model"));
    snprintf(c.path, sizeof c.path, "%s/file", c.folder);
    snprintf(c.link, sizeof c.link, "%s/link", c.folder);
    cr_assert_eq(symlink("file", c.link), 0);
    c.before = snapshot_take(&t);
    FILE *file = fopen(c.path, "wb");
    cr_assert(file && fwrite(c.old, 1, c.size, file) == c.size && !fclose(file));
    failing_case f = {.name = program->name, .fn = save, .user = &c, .after = after_saving};
    /* The header's JSON alone makes some ten for each tensor. */
    if (!take_all()) f.all = tw_params_size(t.params) > 50000 ? 12 : 250, f.stride = 101;
    long saved = each_allocation_fails(&f);
    uint64_t none = 0;
    cr_assert_eq(save(t.ctx, &c, &none), TW_OK);
    snapshot_free(&c.before);
    for (int i = 0; i < 3; i++)
        cr_assert(!small_training_next(&t, &b) && !small_training_step(&t, b), "%s", tw_errmsg(t.ctx));
    c.before = snapshot_take(&t);
    f.fn = load, f.after = after_loading;
    long loaded = each_allocation_fails(&f);
    cr_assert(saved > 20 && loaded > 20, "%ld %ld", saved, loaded);
    snapshot_free(&c.before);
    drop(&t);
    unlink(c.link);
    unlink(c.path);
    rmdir(c.folder);
}

Test(break_memory, of_models) {
    for (int p = 0; training_programs[p]; p++) save_and_load(training_programs[p], false);
}
Test(break_memory, of_checkpoints) {
    for (int p = 0; training_programs[p]; p++) save_and_load(training_programs[p], true);
}
