/* util_face.c - see util_face.h. */
#include "util_face.h"

font_face *block_face(const char *characters, bool capitals) {
    static const font_point box[] = {{0, 0, 0, 0, 0, 0, FONT_MOVE},         {0, 700, 0, 0, 0, 0, FONT_LINE},
                                     {500, 700, 0, 0, 0, 0, FONT_LINE},     {500, 0, 0, 0, 0, 0, FONT_LINE},
                                     {100, 100, 0, 0, 0, 0, FONT_MOVE},     {400, 100, 0, 0, 0, 0, FONT_LINE},
                                     {400, 600, 500, 400, 0, 0, FONT_QUAD}, {100, 600, 300, 650, 200, 650, FONT_CUBIC}};
    enum { BOX = sizeof box / sizeof *box };
    size_t n = strlen(characters);
    font_face *f = calloc(1, sizeof *f);
    cr_assert(f);
    *f = (font_face){.family = strdup("Blocks"),
                     .style = strdup("Regular"),
                     .unit = 0.001f,
                     .top = 0.7f,
                     .capitals = capitals};
    f->glyph = calloc(n, sizeof *f->glyph);
    f->point = calloc(BOX, sizeof *f->point);
    cr_assert(f->family && f->style && f->glyph && f->point);
    memcpy(f->point, box, sizeof box);
    for (size_t i = 0; i < n; i++) {
        bool space = characters[i] == ' ';
        cr_assert(!i || characters[i] > characters[i - 1], "sorted");
        f->glyph[i] = (font_glyph){.code = (unsigned char)characters[i],
                                   .advance = 0.6f,
                                   .top = space ? 0 : 0.7f,
                                   .count = space ? 0 : BOX};
    }
    f->nglyph = (int)n;
    return f;
}

void block_face_free(font_face *f) {
    free(f->family);
    free(f->style);
    free(f->glyph);
    free(f->point);
    free(f);
}

font_set *block_set(int n, font_face *const *face) {
    font_set *s = calloc(1, sizeof *s);
    cr_assert(s);
    s->face = calloc((size_t)n, sizeof *s->face);
    s->family = calloc((size_t)n + 1, sizeof *s->family);
    cr_assert(s->face && s->family);
    for (int i = 0; i < n; i++) {
        s->face[i] = *face[i];
        s->family[i + 1] = i + 1;
        free(face[i]);
    }
    s->n = s->nfamily = n;
    return s;
}

void block_set_free(font_set *s) {
    for (int i = 0; i < s->n; i++) {
        free(s->face[i].family);
        free(s->face[i].style);
        free(s->face[i].glyph);
        free(s->face[i].point);
    }
    free(s->face);
    free(s->family);
    free(s);
}
