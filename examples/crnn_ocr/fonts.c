/* fonts.c - fontconfig gives the candidates; what can be drawn correctly is kept. */
#include "fonts.h"

#include "face.h"

#include <errno.h>
#include <fnmatch.h>
#include <fontconfig/fontconfig.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <thalweg/extend.h>

#include "../common/cli.h"

/* Fonts that have letters in their tables but draw something else. */
static const char *const not_text[] = {"*Symbol*",  "*Dingbats*",  "*Emoji*",    "*Keyboard*",  "*Initials*",
                                       "*Barcode*", "*Braille*",   "*Webdings*", "*Wingdings*", "*Icons*",
                                       "*Awesome*", "*Ornaments*", "*Math*",     "*Music*",     NULL};

static bool matches(const char *name, const char *const *patterns) {
    for (; *patterns; patterns++)
        if (!fnmatch(*patterns, name, FNM_CASEFOLD)) return true;
    return false;
}

typedef struct candidate {
    const char *family, *style, *path; /* belong to the FcFontSet */
    int index;
} candidate;

/* Same order on every machine that has the same fonts, whatever fontconfig's directories are. */
static int by_name(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    int order = strcmp(x->family, y->family);
    if (!order) order = strcmp(x->style, y->style);
    if (!order) order = strcmp(x->path, y->path);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static bool candidate_of(FcPattern *pattern, const font_query *query, candidate *c) {
    FcChar8 *family, *style, *path, *format;
    FcBool symbol = FcFalse, color = FcFalse;
    if (FcPatternGetString(pattern, FC_FAMILY, 0, &family) != FcResultMatch) return false;
    if (FcPatternGetString(pattern, FC_FILE, 0, &path) != FcResultMatch) return false;
    if (FcPatternGetString(pattern, FC_STYLE, 0, &style) != FcResultMatch) style = (FcChar8 *)"";
    if (FcPatternGetString(pattern, FC_FONTFORMAT, 0, &format) != FcResultMatch) return false;
    if (FcPatternGetInteger(pattern, FC_INDEX, 0, &c->index) != FcResultMatch) c->index = 0;
    FcPatternGetBool(pattern, FC_SYMBOL, 0, &symbol);
    FcPatternGetBool(pattern, FC_COLOR, 0, &color);
    c->family = (const char *)family, c->style = (const char *)style, c->path = (const char *)path;
    if (symbol || color) return false;
    if (strcmp((const char *)format, "TrueType") && strcmp((const char *)format, "CFF")) return false;
    if (c->index >> 16) return false; /* a named instance of a variable font: only the default can be drawn */
    if (matches(c->family, not_text) || (query->deny && matches(c->family, query->deny))) return false;
    return !query->families || matches(c->family, query->families);
}

/* 0: no memory or no fontconfig. */
static bool list_candidates(FcConfig *config, FcFontSet **list) {
    FcPattern *all = FcPatternBuild(NULL, FC_SCALABLE, FcTypeBool, FcTrue, FC_OUTLINE, FcTypeBool, FcTrue,
                                    (char *)NULL);
    FcObjectSet *wanted = FcObjectSetBuild(FC_FAMILY, FC_STYLE, FC_FILE, FC_INDEX, FC_SYMBOL, FC_COLOR, FC_FONTFORMAT,
                                           (char *)NULL);
    *list = all && wanted ? FcFontList(config, all, wanted) : NULL;
    if (wanted) FcObjectSetDestroy(wanted);
    if (all) FcPatternDestroy(all);
    return *list != NULL;
}

/* Faces whose family and style equal an earlier one's are the same design in another format: skipped. So are those that
 * draw the same as any earlier one: the Latin letters of fonts for many other scripts are one font's. */
static bool seen_before(uint64_t *seen, int n, uint64_t drawing) {
    for (int i = 0; i < n; i++)
        if (seen[i] == drawing) return true;
    return false;
}

static bool read_faces(tw_ctx *ctx, const candidate *c, int n, const font_query *query, const uint32_t *code, int ncode,
                       font_set *set) {
    face_query wanted = {code, ncode, query->cover > 0 ? (int)(query->cover * (float)ncode + 0.999f) : ncode,
                         query->capitals};
    uint64_t *seen = calloc((size_t)n + 1, sizeof *seen);
    void *library = face_library();
    bool ok = seen && library;
    for (int i = 0; i < n && ok; i++) {
        font_face *last = set->n ? &set->face[set->n - 1] : NULL, *next = &set->face[set->n];
        if (last && !strcmp(last->family, c[i].family) && !strcmp(last->style, c[i].style)) continue;
        if (cli_check_read(ctx, c[i].path)) {
            ok = false;
            break;
        }
        face_status status = face_open(next, library, c[i].family, c[i].style, c[i].path, c[i].index, &wanted);
        ok = status != FACE_NO_MEMORY;
        if (status != FACE_OK) continue;
        uint64_t drawing = face_drawing(next);
        if (seen_before(seen, set->n, drawing)) {
            face_close(next);
            continue;
        }
        seen[set->n] = drawing;
        if (!last || strcmp(last->family, c[i].family)) set->family[set->nfamily++] = set->n;
        set->n++;
    }
    face_library_free(library);
    free(seen);
    set->family[set->nfamily] = set->n;
    return ok;
}

/* The patterns as a list in quotes; what is too long is cut off. */
static const char *quoted(const char *const *patterns, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (; *patterns && used < size; patterns++)
        used += (size_t)snprintf(text + used, size - used, "%s\"%s\"", used ? ", " : "", *patterns);
    return text;
}

/* Says why no face is left: there is no font, none of that name, or none that can draw what is wanted. */
static bool explain(tw_ctx *ctx, const FcFontSet *list, const font_query *query) {
    int named = 0, left = 0;
    char names[256];
    for (int i = 0; i < list->nfont; i++) {
        FcChar8 *family;
        if (FcPatternGetString(list->fonts[i], FC_FAMILY, 0, &family) != FcResultMatch) continue;
        if (query->families && !matches((const char *)family, query->families)) continue;
        named++;
        left += !query->deny || !matches((const char *)family, query->deny);
    }
    if (!list->nfont)
        return tw_fail(ctx, TW_ERR_IO,
                       "no font is installed that can be scaled; install one (Debian: fonts-dejavu-core)");
    if (!named && query->families)
        return tw_fail(ctx, TW_ERR_IO, "no font family that is installed matches %s; `fc-list : family` lists them",
                       quoted(query->families, names, sizeof names));
    if (named && !left)
        return tw_fail(ctx, TW_ERR_IO, "no font family is left besides those that match %s",
                       quoted(query->deny, names, sizeof names));
    return tw_fail(ctx, TW_ERR_IO, "none of the %s can draw \"%s\"",
                   query->families ? "fonts asked for" : "system's fonts", query->characters);
}

static font_set *load(tw_ctx *ctx, FcFontSet *list, const font_query *query, const uint32_t *code, int ncode) {
    size_t room = (size_t)(list->nfont > 0 ? list->nfont : 1);
    candidate *c = calloc(room, sizeof *c);
    font_set *set = calloc(1, sizeof *set);
    bool ok = c && set;
    if (ok) {
        set->face = calloc(room, sizeof *set->face);
        set->family = calloc(room + 1, sizeof *set->family);
        ok = set->face && set->family;
    }
    if (ok) {
        int n = 0;
        for (int i = 0; i < list->nfont; i++) n += candidate_of(list->fonts[i], query, &c[n]);
        qsort(c, (size_t)n, sizeof *c, by_name);
        ok = read_faces(ctx, c, n, query, code, ncode, set);
    }
    free(c);
    if (!ok) tw_fail(ctx, TW_ERR_NOMEM, "out of memory while reading fonts"); /* unless there is an error already */
    else if (set->n == 0) ok = explain(ctx, list, query);
    if (ok) return set;
    fonts_free(set);
    return NULL;
}

static bool add_folders(tw_ctx *ctx, FcConfig *config, const char *folders) {
    char *copy = strdup(folders), *save = NULL;
    bool ok = copy || tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    for (char *path = ok ? strtok_r(copy, ",", &save) : NULL; path && ok; path = strtok_r(NULL, ",", &save)) {
        struct stat s;
        if (stat(path, &s)) ok = tw_fail(ctx, TW_ERR_IO, "%s: %s", path, strerror(errno));
        else if (!FcConfigAppFontAddDir(config, (const FcChar8 *)path))
            ok = tw_fail(ctx, TW_ERR_IO, "%s: fontconfig cannot read this folder of fonts", path);
    }
    free(copy);
    return ok;
}

font_set *fonts_load(tw_ctx *ctx, const font_query *query) {
    int ncode = 0;
    uint32_t *code = face_sorted_codes(query->characters, &ncode);
    if (!code) return tw_fail(ctx, TW_ERR_NOMEM, "out of memory while reading fonts");
    FcConfig *config = FcInitLoadConfigAndFonts();
    FcFontSet *list = NULL;
    font_set *set = NULL;
    if (!config) tw_fail(ctx, TW_ERR_IO, "fontconfig cannot be started");
    else if (!query->folders || add_folders(ctx, config, query->folders)) {
        if (!list_candidates(config, &list)) tw_fail(ctx, TW_ERR_IO, "fontconfig cannot list the system's fonts");
        else set = load(ctx, list, query, code, ncode);
    }
    if (list) FcFontSetDestroy(list);
    if (config) FcConfigDestroy(config);
    free(code);
    return set;
}

void fonts_free(font_set *set) {
    if (!set) return;
    for (int i = 0; i < set->n; i++) face_close(&set->face[i]);
    free(set->face);
    free(set->family);
    free(set);
}
