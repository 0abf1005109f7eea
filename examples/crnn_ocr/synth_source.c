/* synth_source.c - the options of rendered text: from a command line to fonts, words and looks. */
#include "synth.h"

#include "../common/cli.h"
#include "../common/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

void synth_cli_options(synth_options *o, cli_option *table) {
    const cli_option all[SYNTH_OPTIONS] = {
        {"preset", 0, CLI_TEXT, &o->preset, "NAME",
         "how rendered text looks and what it says: clean, page,\nlight, medium, scene or print (default: light)", 0, 0,
         NULL},
        {"set", 0, CLI_TEXT, &o->set, "LIST",
         "changes the preset's knobs: KNOB=VALUE or\nKNOB=CHANCE:LOW:HIGH, separated by commas", 0, 0, NULL},
        {"fonts", 0, CLI_TEXT, &o->fonts, "LIST",
         "families to render with: \"DejaVu*,Carlito\", or @FILE with\none, or a folder of fonts, a line (default: "
         "all)",
         0, 0, NULL},
        {"deny", 0, CLI_TEXT, &o->deny, "LIST", "families left out, in the same form", 0, 0, NULL},
        {"font-dirs", 0, CLI_TEXT, &o->folders, "DIRS", "folders with more fonts, separated by commas", 0, 0, NULL},
        {"words", 0, CLI_TEXT, &o->words, "FILES",
         "word lists, one word a line, separated by commas; each is\nused as often (default: invented words)", 0, 0,
         NULL},
        {"without", 0, CLI_TEXT, &o->without, "FILE", "texts never rendered, one a line", 0, 0, NULL},
        {"pattern", 0, CLI_TEXT, &o->pattern, "REGEX",
         "render such texts only: \"[A-Z]{2}-[0-9]{4}\"; instead of\n--words", 0, 0, NULL},
    };
    memcpy(table, all, sizeof all);
}

bool synth_options_given(const synth_options *o) {
    return o->preset || o->set || o->fonts || o->deny || o->folders || o->words || o->without || o->pattern;
}

void synth_options_check(const cli_command *c, const synth_options *o) {
    if (o->words && o->pattern)
        cli_usage_error(c, "--words and --pattern are two ways to say what is written: only one of them");
}

/* Appends a list without the folders of its files: a training may be resumed from another one. */
static char *put_names(char *at, const char *list) {
    for (const char *end; *list; list = end) {
        end = list + strcspn(list, ",");
        for (const char *p = list; p < end; p++)
            if (*p == '/' && p + 1 < end) list = p + 1;
        if (*end) end++;
        memcpy(at, list, (size_t)(end - list));
        at += end - list;
    }
    return at;
}

char *synth_options_text(const synth_options *o) {
    const struct {
        const char *name, *value;
        bool files;
    } all[SYNTH_OPTIONS] = {{"preset", o->preset, false},  {"set", o->set, false},          {"fonts", o->fonts, true},
                            {"deny", o->deny, true},       {"font-dirs", o->folders, true}, {"words", o->words, true},
                            {"without", o->without, true}, {"pattern", o->pattern, false}};
    size_t room = 1;
    for (int i = 0; i < SYNTH_OPTIONS; i++) room += all[i].value ? strlen(all[i].value) + 16 : 0;
    char *text = malloc(room), *at = text;
    for (int i = 0; text && i < SYNTH_OPTIONS; i++) {
        const char *value = all[i].value;
        if (!value) continue;
        at += sprintf(at, "%s--%s '", at == text ? "" : " ", all[i].name);
        if (all[i].files) at = put_names(at, value);
        else at += sprintf(at, "%s", value);
        *at++ = '\'';
    }
    if (text) *at = 0, utf8_or_ascii(text);
    return text;
}

typedef struct owned {
    font_set *fonts;
    word_source *words;
} owned;

/* ---- lists of families ----------------------------------------------------------------------------------------- */

typedef struct names {
    char *text, *folders; /* folders: separated by commas, "" when there are none */
    const char **name;    /* NULL at the end */
} names;

static void names_free(names *n) {
    free(n->text);
    free(n->folders);
    free(n->name);
}

/* The lines of a file, one after another. */
static char *read_lines(tw_ctx *ctx, const char *path) {
    tw_lines lines;
    size_t room = 1;
    if (cli_check_read(ctx, path) || tw_lines_load(ctx, path, &lines)) return NULL;
    for (size_t i = 0; i < lines.n; i++) room += strlen(lines.line[i]) + 1;
    char *text = malloc(room), *at = text;
    for (size_t i = 0; text && i < lines.n; i++) at += sprintf(at, "%s\n", lines.line[i]);
    if (text) *at = 0;
    else tw_fail(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    tw_lines_free(&lines);
    return text;
}

/* "A,B" or "@FILE" with one a line, where # begins a remark and / a folder with more fonts. */
static tw_err names_read(tw_ctx *ctx, const char *option, const char *list, names *n) {
    bool in_file = list[0] == '@';
    const char *ends = in_file ? "\n" : ",";
    size_t count = 2;
    n->text = in_file ? read_lines(ctx, list + 1) : strdup(list);
    if (!n->text) return in_file ? tw_error(ctx) : tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (const char *p = n->text; *p; p++) count += strchr(ends, *p) != NULL;
    n->name = calloc(count, sizeof *n->name);
    n->folders = calloc(1, strlen(n->text) + 2);
    if (!n->name || !n->folders) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    size_t k = 0;
    char *folder = n->folders;
    for (char *save = NULL, *one = strtok_r(n->text, ends, &save); one; one = strtok_r(NULL, ends, &save)) {
        if (in_file && *one == '/') folder += sprintf(folder, "%s%s", folder == n->folders ? "" : ",", one);
        else if (*one != '#') n->name[k++] = one;
    }
    return k ? TW_OK : tw_fail_err(ctx, TW_ERR_RANGE, "--%s %s: names no family", option, list);
}

/* Those of the names, patterns apart, of which no face was found. */
static int names_missing(const names *n, const font_set *set) {
    int missing = 0;
    for (size_t i = 0; n->name && n->name[i]; i++) {
        int k = 0;
        while (k < set->nfamily && strcasecmp(set->face[set->family[k]].family, n->name[i])) k++;
        missing += k == set->nfamily && !strpbrk(n->name[i], "*?[");
    }
    return missing;
}

/* ---- the source ------------------------------------------------------------------------------------------------ */

/* Most display fonts lack some of ASCII's punctuation; texts are only drawn with faces that have all of their
 * characters. */
static const float LEAST_COVER = 0.7f;

/* The folders of the options, and those of the list that are there: it names all places where its families may be. */
static char *all_folders(const char *given, const char *listed) {
    char *all = calloc(1, (given ? strlen(given) : 0) + strlen(listed) + 2), *copy = strdup(listed), *save = NULL;
    if (all && given) strcpy(all, given);
    for (char *path = all && copy ? strtok_r(copy, ",", &save) : NULL; path; path = strtok_r(NULL, ",", &save))
        if (!access(path, R_OK)) strcat(strcat(all, all[0] ? "," : ""), path);
    free(copy);
    return all;
}

static tw_err load_fonts(tw_ctx *ctx, const synth_options *o, const tw_alphabet *alphabet, owned *own, int *missing) {
    names allow = {0}, deny = {0};
    char *folders = NULL;
    font_query query = {.characters = tw_alphabet_text(alphabet), .cover = LEAST_COVER};
    tw_err err = TW_OK;
    for (char c = 'A'; c <= 'Z'; c++) query.capitals |= strchr(query.characters, c) != NULL;
    if (o->fonts) err = names_read(ctx, "fonts", o->fonts, &allow);
    if (!err && o->deny) err = names_read(ctx, "deny", o->deny, &deny);
    if (!err && !(folders = all_folders(o->folders, allow.folders ? allow.folders : "")))
        err = tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    query.families = allow.name, query.deny = deny.name;
    query.folders = folders && folders[0] ? folders : NULL;
    if (!err && !(own->fonts = fonts_load(ctx, &query))) err = tw_error(ctx);
    if (!err) *missing = names_missing(&allow, own->fonts);
    free(folders);
    names_free(&allow);
    names_free(&deny);
    return err;
}

tw_err synth_source_open(tw_ctx *ctx, const synth_options *o, const tw_alphabet *alphabet, const char *const *except,
                         synth_source *source) {
    *source = (synth_source){0};
    owned *own = source->owned = calloc(1, sizeof *own);
    tw_err err = own ? preset_recipe(ctx, o->preset ? o->preset : "light", o->set, &source->recipe)
                     : tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    if (!err) {
        own->words = words_new(
            ctx, alphabet,
            &(word_options){.files = o->words, .without = o->without, .except = except, .pattern = o->pattern});
        err = own->words ? load_fonts(ctx, o, alphabet, own, &source->missing) : tw_error(ctx);
    }
    if (err) synth_source_free(source);
    else source->fonts = own->fonts, source->words = own->words;
    return err;
}

void synth_source_free(synth_source *source) {
    owned *own = source->owned;
    if (own) {
        words_free(own->words);
        fonts_free(own->fonts);
    }
    free(own);
    *source = (synth_source){0};
}
