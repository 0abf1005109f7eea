/* synth_command.c - `crnn_ocr synth`: rendered text as files, to look at, to measure on, or to train other programs
 * with. */
#include "alphabet_option.h"
#include "commands.h"
#include "knobs.h"
#include "numbered.h"
#include "render.h"
#include "sheet.h"
#include "synth.h"

#include <stdlib.h>
#include <string.h>

#include "../common/cli.h"
#include "../common/outfile.h"
#include "../common/plain.h"
#include "../common/progress.h"

#define PROGRAM "crnn_ocr synth"
#define LABELS "labels.tsv"

typedef struct options {
    const char *out, *sheet, *knobs, *alphabet;
    int count, height, columns;
    uint64_t seed;
    synth_options synth;
} options;

typedef struct run {
    tw_ctx *ctx;
    const options *o;
    tw_alphabet *alphabet;
    synth_source source;
    tw_dataset data;
    numbered pictures;
    outfile labels;
    font_set *captions;
    sheet sheet;
    tw_sample sample;
    uint8_t *pixels;
} run;

static void run_free(run *r) {
    outfile_drop(&r->labels);
    sheet_free(&r->sheet);
    fonts_free(r->captions);
    free(r->sample.x);
    free(r->sample.label);
    free(r->pixels);
    tw_dataset_free(&r->data);
    synth_source_free(&r->source);
    tw_alphabet_free(r->alphabet);
}

static tw_err no_memory(tw_ctx *ctx) { return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory"); }

static tw_err write_picture(run *r, int i, const tw_image *picture, const char *text) {
    char name[64];
    numbered_name(&r->pictures, (size_t)i, name, sizeof name);
    tw_err err = numbered_write(&r->pictures, (size_t)i, picture);
    if (!err) fprintf(r->labels.to, "%s\t%s\n", name, text);
    return err;
}

static tw_err draw_one(run *r, int i) {
    tw_ctx *ctx = r->ctx;
    const tw_dataset *data = &r->data;
    char text[WORDS_BYTES], why[256];
    tw_err err = data->get(data->user, (size_t)i, 0, &r->sample, why, sizeof why);
    if (err) return tw_fail_err(ctx, err, "%s", why);
    tw_image picture = {r->sample.width, data->height, 1, r->pixels};
    for (size_t k = 0; k < (size_t)data->height * (size_t)r->sample.width; k++)
        r->pixels[k] = (uint8_t)(r->sample.x[k] * 255 + (tw_real)0.5);
    err = tw_alphabet_decode(ctx, r->alphabet, r->sample.label, (size_t)r->sample.label_length, text, sizeof text);
    if (!err && r->labels.to) err = write_picture(r, i, &picture, text);
    if (!err && r->o->sheet) err = sheet_add(&r->sheet, &picture, text, text);
    return err;
}

static tw_err draw(run *r) {
    const tw_dataset *data = &r->data;
    size_t most = (size_t)data->height * (size_t)data->max_width;
    r->sample.x = malloc(most * sizeof *r->sample.x);
    r->sample.label = malloc((size_t)data->max_label * sizeof *r->sample.label);
    r->pixels = malloc(most);
    if (!r->sample.x || !r->sample.label || !r->pixels) return no_memory(r->ctx);
    tw_err err = TW_OK;
    progress bar;
    progress_begin(&bar, "pictures", 0, r->o->count);
    for (int i = 0; !err && i < r->o->count; i++) {
        err = draw_one(r, i);
        progress_show(&bar, i + 1L, "%d of %d", i + 1, r->o->count);
    }
    progress_clear(&bar);
    return err;
}

static tw_err open_labels(run *r) {
    tw_err err = numbered_begin(&r->pictures);
    if (!err) err = numbered_refuse_more(&r->pictures, (size_t)r->o->count);
    return err ? err : outfile_open(r->ctx, &r->labels, r->o->out);
}

static tw_err close_labels(run *r) {
    char *path = numbered_in(&r->pictures, LABELS);
    tw_err err = path ? outfile_close(r->ctx, &r->labels, path) : tw_error(r->ctx);
    free(path);
    return err;
}

/* Captions in the first upright face that has all characters. */
static tw_err open_sheet(run *r) {
    char title[512], *characters = NULL;
    const options *o = r->o;
    if (asprintf(&characters, "%s%s", tw_alphabet_text(r->alphabet), SHEET_CHARACTERS "-_" LETTERS_AND_DIGITS) < 0)
        return no_memory(r->ctx);
    r->captions = fonts_load(r->ctx, &(font_query){.characters = characters});
    free(characters);
    if (!r->captions) return tw_error(r->ctx);
    const font_face *face = &r->captions->face[0];
    for (int i = 0; i < r->captions->n; i++)
        if (!strcmp(r->captions->face[i].family, "DejaVu Sans") && !strcmp(r->captions->face[i].style, "Book"))
            face = &r->captions->face[i];
    int cells = o->count, columns = o->columns;
    if (o->knobs) {
        if ((cells = knobs_count(r->ctx, o->knobs)) < 0) return tw_error(r->ctx);
        cells *= KNOB_STEPS, columns = KNOB_STEPS;
        snprintf(title, sizeof title, "%s", "Knobs, from the least to the most that presets use");
    } else {
        snprintf(title, sizeof title, "%s (%d faces of %d families)", o->synth.preset ? o->synth.preset : "light",
                 r->source.fonts->n, r->source.fonts->nfamily);
    }
    return sheet_new(r->ctx, face, title, columns, cells, o->height, &r->sheet);
}

static tw_err run_all(run *r) {
    const options *o = r->o;
    tw_ctx *ctx = r->ctx;
    r->pictures = (numbered){.ctx = ctx, .folder = o->out, .prefix = "", .table = {LABELS}};
    tw_err err = o->sheet ? cli_check_out(ctx, o->sheet) : TW_OK;
    if (!err && o->sheet) cli_will_write("--sheet", o->sheet);
    if (!err && o->out) err = numbered_claim(&r->pictures, "--out");
    if (!err && !(r->alphabet = alphabet_option(ctx, o->alphabet))) err = tw_error(ctx);
    if (!err) err = synth_source_open(ctx, &o->synth, r->alphabet, NULL, &r->source);
    if (!err) err = synth_fixed_dataset(ctx, &r->source, NULL, (size_t)o->count, o->seed, o->height, &r->data);
    if (!err && r->source.missing)
        fprintf(stderr, "%d of the families asked for are not installed\n", r->source.missing);
    if (!err && o->out) err = open_labels(r);
    if (!err && o->sheet) err = open_sheet(r);
    if (!err)
        err = o->knobs ? knobs_show(ctx, o->knobs, &r->source.fonts->face[0], "Thalweg", o->height, &r->sheet)
                       : draw(r);
    if (!err && o->out) err = close_labels(r);
    numbered_end(&r->pictures, err);
    if (!err && o->sheet) err = tw_image_save_png(ctx, o->sheet, &r->sheet.image);
    return err;
}

static void tell(const options *o) {
    if (o->out) {
        printf("%d pictures and their texts: ", o->count);
        plain_put(stdout, o->out);
        printf("/" LABELS "\n");
    }
    if (o->sheet) {
        printf("contact sheet: ");
        plain_put(stdout, o->sheet);
        putchar('\n');
    }
}

int command_synth(int argc, char **argv) {
    enum { OWN = 8 };
    options o = {.count = 100, .height = 32, .columns = 6, .seed = 1};
    cli_option table[OWN + SYNTH_OPTIONS] = {
        {"out", 'o', CLI_TEXT, &o.out, "DIR", "folder for the pictures and their labels.tsv", 0, 0, NULL},
        {"sheet", 0, CLI_TEXT, &o.sheet, "FILE.png", "a contact sheet of the pictures, to look at", 0, 0, NULL},
        {"knobs", 0, CLI_TEXT, &o.knobs, "LIST",
         "shows on the sheet what these knobs do instead, or all of\nthem: \"blur,noise\", \"all\"", 0, 0, NULL},
        {"columns", 0, CLI_INT, &o.columns, "N", "of the sheet", 1, 32, NULL},
        {"count", 'n', CLI_INT, &o.count, "N", "how many", 1, 999999, NULL},
        {"height", 0, CLI_INT, &o.height, "N", "rows of a picture", 8, 256, NULL},
        {"alphabet", 'a', CLI_TEXT, &o.alphabet, "TEXT|@FILE",
         "characters to be drawn (default: letters and digits; with\n--pattern all of ASCII)", 0, 0, NULL},
        {"seed", 's', CLI_SEED, &o.seed, "N", "of everything drawn", 0, 0, NULL},
    };
    synth_cli_options(&o.synth, table + OWN);
    cli_command command = {
        "crnn_ocr",
        "synth",
        "--out DIR | --sheet FILE.png  [OPTION]..",
        "Writes pictures of text in the system's fonts and labels.tsv with what they say. `train --synth` sees such\n"
        "pictures. Picture number i depends on the seed, i, the options and the fonts installed only. In DIR an\n"
        "older set is replaced, whose labels.tsv goes first; a larger one is refused, for pictures of it would stay.",
        sizeof table / sizeof *table,
        table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    if (!o.alphabet) o.alphabet = o.synth.pattern ? PRINTABLE_ASCII : LETTERS_AND_DIGITS;
    if (!o.out && !o.sheet) cli_usage_error(&command, "--out DIR or --sheet FILE.png is needed");
    synth_options_check(&command, &o.synth);
    if (o.knobs && (!o.sheet || o.out)) cli_usage_error(&command, "--knobs goes with --sheet FILE.png, without --out");
    if (o.sheet && o.count > 2000) cli_usage_error(&command, "--sheet has room for 2000 pictures: a smaller --count");
    run r = {.ctx = open_context(PROGRAM, o.seed, 1), .o = &o};
    tw_err err = run_all(&r);
    if (err) report(PROGRAM, r.ctx);
    else tell(&o);
    run_free(&r);
    tw_ctx_free(r.ctx);
    return err ? 1 : 0;
}
