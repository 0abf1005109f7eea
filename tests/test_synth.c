/* test_synth.c - rendered text as a dataset: the same from the same seed, labels that the pictures show, fonts. */
#include "../examples/crnn_ocr/face.h"
#include "../examples/crnn_ocr/render.h"
#include "../examples/crnn_ocr/synth.h"
#include "util_face.h"
#include "util_files.h"

#include <ctype.h>
#include <strings.h>

static tw_ctx *ctx;
static tw_alphabet *alphabet;
static const char ascii[] =
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
static void begin(void) {
    ctx = tw_ctx_new(1);
    alphabet = tw_alphabet_new(ctx, ascii);
}
static void end(void) {
    tw_alphabet_free(alphabet);
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(synth, .init = begin, .fini = end);

/* ---- datasets of blocks ---------------------------------------------------------------------------------------- */

typedef struct world {
    font_set *fonts;
    word_source *words;
    synth_source source;
} world;

static world open_world(int n, font_face *const *face, const char *name) {
    world w = {block_set(n, face), words_new(ctx, alphabet, NULL), {0}};
    cr_assert(w.words, "%s", tw_errmsg(ctx));
    cr_assert_eq(preset_recipe(ctx, name, NULL, &w.source.recipe), TW_OK, "%s", tw_errmsg(ctx));
    w.source.fonts = w.fonts, w.source.words = w.words;
    return w;
}
static void close_world(world *w) {
    words_free(w->words);
    block_set_free(w->fonts);
}

typedef struct shot {
    tw_sample sample;
    int height;
} shot;

static shot new_shot(const tw_dataset *d) {
    shot s = {{.x = malloc((size_t)d->height * (size_t)d->max_width * sizeof(tw_real)),
               .label = malloc((size_t)d->max_label * sizeof(int32_t))},
              d->height};
    cr_assert(s.sample.x && s.sample.label);
    return s;
}
static void take(const tw_dataset *d, size_t i, uint64_t stream, shot *s) {
    char why[256] = "";
    cr_assert_eq(d->get(d->user, i, stream, &s->sample, why, sizeof why), TW_OK, "%s", why);
    cr_assert(s->sample.width >= 1 && s->sample.width <= d->max_width);
    cr_assert(s->sample.label_length >= 1 && s->sample.label_length <= d->max_label);
    for (int k = 0; k < s->height * s->sample.width; k++) cr_assert(s->sample.x[k] >= 0 && s->sample.x[k] <= 1);
}
static bool equal(const shot *a, const shot *b) {
    return a->sample.width == b->sample.width && a->sample.label_length == b->sample.label_length &&
        !memcmp(a->sample.x, b->sample.x, (size_t)a->height * (size_t)a->sample.width * sizeof(tw_real)) &&
        !memcmp(a->sample.label, b->sample.label, (size_t)a->sample.label_length * sizeof(int32_t));
}
static void free_shot(shot *s) {
    free(s->sample.x);
    free(s->sample.label);
}

/* A picture depends on its stream alone: not on what was drawn before, by this or another thread. */
Test(synth, pictures_depend_on_their_stream_alone) {
    world w = open_world(1, (font_face *[]){block_face(ascii, false)}, "print");
    tw_dataset a, b;
    cr_assert_eq(synth_dataset(ctx, &w.source, 1000, 32, &a), TW_OK);
    cr_assert_eq(synth_dataset(ctx, &w.source, 1000, 32, &b), TW_OK);
    enum { N = 40 };
    shot one[N], other = new_shot(&b);
    for (size_t i = 0; i < N; i++) {
        one[i] = new_shot(&a);
        take(&a, i, 77 * i, &one[i]);
    }
    for (size_t i = N; i-- > 0;) {
        take(&b, i, 77 * i, &other);
        cr_assert(equal(&one[i], &other), "picture %zu", i);
        free_shot(&one[i]);
    }
    free_shot(&other);
    tw_dataset_free(&a);
    tw_dataset_free(&b);
    close_world(&w);
}

Test(synth, fixed_pictures_depend_on_seed_and_number_alone) {
    world w = open_world(1, (font_face *[]){block_face(ascii, false)}, "scene");
    tw_dataset few, many, others;
    cr_assert_eq(synth_fixed_dataset(ctx, &w.source, NULL, 10, 5, 32, &few), TW_OK);
    cr_assert_eq(synth_fixed_dataset(ctx, &w.source, NULL, 1000, 5, 32, &many), TW_OK);
    cr_assert_eq(synth_fixed_dataset(ctx, &w.source, NULL, 10, 6, 32, &others), TW_OK);
    shot a = new_shot(&few), b = new_shot(&few);
    int differ = 0;
    for (size_t i = 10; i-- > 0;) {
        take(&few, i, 1, &a);
        take(&many, i, 2, &b);
        cr_assert(equal(&a, &b), "picture %zu", i);
        take(&others, i, 1, &b);
        differ += !equal(&a, &b);
    }
    cr_assert_eq(differ, 10, "another seed, other pictures");
    const char *const texts[] = {"Thalweg", "42", NULL};
    tw_dataset given;
    cr_assert_eq(synth_fixed_dataset(ctx, &w.source, texts, 3, 5, 32, &given), TW_OK);
    cr_assert_eq(given.count, 6);
    for (size_t i = 0; i < 6; i++) {
        char text[WORDS_BYTES];
        take(&given, i, 9, &a);
        cr_assert_eq(
            tw_alphabet_decode(ctx, alphabet, a.sample.label, (size_t)a.sample.label_length, text, sizeof text), TW_OK);
        cr_assert_str_eq(text, texts[i % 2]);
    }
    free_shot(&a);
    free_shot(&b);
    tw_dataset_free(&given);
    tw_dataset_free(&few);
    tw_dataset_free(&many);
    tw_dataset_free(&others);
    close_world(&w);
}

/* The same batches for one, two and three threads of the context, through the loader. */
Test(synth, batches_are_the_same_for_any_number_of_threads) {
    world w = open_world(1, (font_face *[]){block_face(ascii, false)}, "print");
    double sum[3] = {0};
    for (int t = 0; t < 3; t++) {
        tw_ctx *own = tw_ctx_new_with(&(tw_ctx_options){.seed = 3, .threads = t + 1});
        tw_dataset data;
        const tw_batch *batch = NULL;
        cr_assert(own);
        cr_assert_eq(synth_dataset(own, &w.source, 64, 32, &data), TW_OK);
        tw_loader *loader = tw_loader_new(own, &data, &(tw_loader_options){.batch = 16, .seed = 4, .shuffle = true});
        cr_assert(loader, "%s", tw_errmsg(own));
        while (!tw_loader_next(loader, &batch) && batch) {
            size_t n = (size_t)batch->dim[0] * (size_t)batch->dim[1] * (size_t)batch->dim[2] * (size_t)batch->dim[3];
            for (size_t i = 0; i < n; i++) sum[t] += (double)batch->x[i] * (double)(i % 1009);
        }
        assert_ok(own);
        tw_loader_free(loader);
        tw_dataset_free(&data);
        tw_ctx_free(own);
    }
    cr_assert(sum[0] > 0 && sum[0] == sum[1] && sum[0] == sum[2]);
    close_world(&w);
}

/* ---- labels and faces ------------------------------------------------------------------------------------------ */

/* One face has digits, one capitals for all letters, one small letters: each label is of one of them. */
Test(synth, labels_have_only_what_their_face_can_draw) {
    static const char digits[] = "0123456789", letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                      small[] = "abcdefghijklmnopqrstuvwxyz";
    font_face *face[] = {block_face(digits, false), block_face(letters, true), block_face(small, false)};
    world w = open_world(3, face, "scene");
    tw_dataset data;
    int kinds[3] = {0};
    cr_assert_eq(synth_fixed_dataset(ctx, &w.source, NULL, 1000, 1, 32, &data), TW_OK);
    shot s = new_shot(&data);
    for (size_t i = 0; i < 1000; i++) {
        char text[WORDS_BYTES];
        take(&data, i, 0, &s);
        cr_assert_eq(
            tw_alphabet_decode(ctx, alphabet, s.sample.label, (size_t)s.sample.label_length, text, sizeof text), TW_OK);
        bool all[3] = {true, true, true};
        for (const char *c = text; *c; c++) {
            all[0] = all[0] && isdigit((unsigned char)*c);
            all[1] = all[1] && isupper((unsigned char)*c);
            all[2] = all[2] && islower((unsigned char)*c);
        }
        cr_assert(all[0] || all[1] || all[2], "\"%s\"", text);
        for (int k = 0; k < 3; k++) kinds[k] += all[k];
    }
    cr_assert(kinds[0] > 10 && kinds[1] > 10 && kinds[2] > 10, "%d %d %d", kinds[0], kinds[1], kinds[2]);
    free_shot(&s);
    tw_dataset_free(&data);
    close_world(&w);
}

Test(synth, fonts_that_cannot_draw_the_texts_are_an_error) {
    world w = open_world(1, (font_face *[]){block_face("|", false)}, "light");
    const char *const texts[] = {"abc", NULL};
    tw_dataset data;
    char why[256] = "";
    cr_assert_eq(synth_fixed_dataset(ctx, &w.source, texts, 1, 1, 32, &data), TW_OK);
    shot s = new_shot(&data);
    cr_assert_neq(data.get(data.user, 0, 0, &s.sample, why, sizeof why), TW_OK);
    cr_assert(strstr(why, "no font found for \"abc\""), "%s", why);
    free_shot(&s);
    tw_dataset_free(&data);
    close_world(&w);
}

/* ---- fonts of the system --------------------------------------------------------------------------------------- */

/* A TrueType file of the system, or NULL. */
static char *find_font(void) {
    font_set *set = fonts_load(ctx, &(font_query){.characters = "abcXYZ019"});
    char *path = NULL;
    for (int i = 0; set && i < set->n && !path; i++) {
        const char *end = strrchr(set->face[i].path, '.');
        if (end && !strcmp(end, ".ttf")) path = strdup(set->face[i].path);
    }
    fonts_free(set);
    tw_error_clear(ctx);
    return path;
}

/* Fonts with random bytes in them: taken, passed over, never a crash; drawn if taken. */
Test(synth, damaged_fonts) {
    char *path = find_font();
    if (!path) cr_skip_test("no TrueType font is installed");
    FILE *file = fopen(path, "rb");
    cr_assert(file);
    static unsigned char bytes[1 << 20], changed[1 << 20];
    size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    free(path);
    void *library = face_library();
    cr_assert(library);
    uint32_t code[95];
    for (int i = 0; i < 95; i++) code[i] = (unsigned char)ascii[i];
    renderer *r = renderer_new();
    uint8_t pixels[32 * 400];
    int taken = 0, refused = 0;
    const char *name = write_text("font.ttf", "");
    for (uint64_t i = 0; i < 300; i++) {
        dice d = dice_of(i);
        memcpy(changed, bytes, n);
        size_t size = dice_chance(&d, 0.2) ? (size_t)dice_below(&d, (int)n) : n;
        for (int k = dice_below(&d, 200); k > 0; k--) changed[dice_below(&d, (int)n)] = (unsigned char)dice_bits(&d);
        for (int k = dice_below(&d, 4); k > 0; k--)
            changed[dice_below(&d, 400)] = (unsigned char)dice_bits(&d); /* tables */
        file = fopen(name, "wb");
        cr_assert(file && fwrite(changed, 1, size, file) == size && !fclose(file));
        font_face face;
        face_status status = face_open(&face, library, "x", "y", name, 0, &(face_query){code, 95, 10, true});
        if (status == FACE_OK) {
            int width = 400;
            render_look look = render_plain();
            render_text(r, &face, "Rage of 1234, &c.", &look, 32, &width, pixels);
            face_close(&face);
            taken++;
        } else {
            refused++;
        }
    }
    cr_assert(taken && refused, "%d %d", taken, refused);
    renderer_free(r);
    face_library_free(library);
}

Test(synth, fonts_are_found_denied_and_told) {
    font_set *all = fonts_load(ctx, &(font_query){.characters = "abcXYZ019", .cover = 0.7f, .capitals = true});
    if (!all) cr_skip_test("no font is installed");
    for (int i = 0; i < all->n; i++)
        for (int k = 0; k < all->face[i].nglyph; k++) cr_assert(all->face[i].glyph[k].count > 0, "ink of its own");
    const char *denied[] = {all->face[0].family, NULL}, *nothing[] = {"No Such Family", NULL};
    font_set *rest = fonts_load(
        ctx, &(font_query){.characters = "abcXYZ019", .deny = denied, .cover = 0.7f, .capitals = true});
    if (rest)
        for (int i = 0; i < rest->n; i++) cr_assert_str_neq(rest->face[i].family, denied[0]);
    tw_error_clear(ctx);
    cr_assert_null(fonts_load(ctx, &(font_query){.families = nothing, .characters = "abc"}));
    cr_assert(strstr(tw_errmsg(ctx), "no font family that is installed matches \"No Such Family\""), "%s",
              tw_errmsg(ctx));
    tw_error_clear(ctx);
    cr_assert_null(fonts_load(ctx, &(font_query){.folders = "/nowhere/fonts", .characters = "abc"}));
    cr_assert(strstr(tw_errmsg(ctx), "/nowhere/fonts: No such file"), "%s", tw_errmsg(ctx));
    tw_error_clear(ctx);
    fonts_free(rest);
    fonts_free(all);
}

Test(synth, options_that_cannot_be) {
    static const struct {
        synth_options o;
        const char *part;
    } bad[] = {{{.preset = "scenes"}, "did you mean scene?"},
               {{.preset = "x"}, "clean, page, light, medium, scene or print"},
               {{.set = "blur=-1"}, "blur goes from 0 to 6"},
               {{.fonts = "@/nowhere/list"}, "/nowhere/list: cannot be opened: No such file"},
               {{.fonts = ","}, "names no family"},
               {{.words = "/nowhere/words"}, "/nowhere/words"},
               {{.pattern = "("}, ") is missing"},
               {{.folders = "/nowhere"}, "/nowhere: No such file"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        synth_source s;
        cr_assert_neq(synth_source_open(ctx, &bad[i].o, alphabet, NULL, &s), TW_OK, "%zu", i);
        cr_assert(strstr(tw_errmsg(ctx), bad[i].part), "%s", tw_errmsg(ctx));
        cr_assert_null(strchr(tw_errmsg(ctx), '\n'));
        tw_error_clear(ctx);
    }
}

/* ---- print-en's lists ------------------------------------------------------------------------------------------ */

static char **read_lines(const char *name, size_t *n) {
    char path[4096], *line = NULL;
    size_t room = 0;
    snprintf(path, sizeof path, "%.*s/../examples/crnn_ocr/print_en/%s", (int)(strrchr(__FILE__, '/') - __FILE__),
             __FILE__, name);
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s", path);
    char **lines = calloc(10000, sizeof *lines);
    cr_assert(lines);
    *n = 0;
    while (getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = 0;
        if (*line != '#' && *line != '/') lines[(*n)++] = strdup(line);
    }
    free(line);
    fclose(file);
    return lines;
}

Test(synth, no_family_is_trained_and_tested) {
    size_t n, m;
    char **train = read_lines("train_families.txt", &n), **test = read_lines("test_families.txt", &m);
    cr_assert(n > 400 && m > 25, "%zu %zu", n, m);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++) /* nor one that only adds a word to the other's name */
            cr_assert(strncasecmp(train[i], test[k], strlen(test[k])) != 0, "%s, %s", train[i], test[k]);
    for (size_t i = 0; i < n; i++) free(train[i]);
    for (size_t i = 0; i < m; i++) free(test[i]);
    free(train);
    free(test);
}
