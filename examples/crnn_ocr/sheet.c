/* sheet.c - see sheet.h. */
#include "sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EDGE = 8, TITLE = 36, CAPTION = 20, LETTERS = 15 };
typedef struct color {
    uint8_t r, g, b;
} color;
static const color black = {0, 0, 0}, green = {0, 110, 40}, red = {200, 0, 0}, gray = {110, 110, 110};

/* A line of text on the sheet's white, at most `room` wide; returns where it ends. */
static int write_text(sheet *s, int x, int y, int room, int height, const char *text, color c) {
    int width = room;
    render_look look = render_plain();
    look.left = look.right = look.top = look.bottom = 0;
    look.tight = 0;
    if (room < 1 || !render_text(s->renderer, s->face, text, &look, height, &width, s->line)) return x;
    for (int row = 0; row < height; row++)
        for (int i = 0; i < width; i++) {
            uint8_t *to = s->image.data + 3 * ((size_t)(y + row) * (size_t)s->image.width + (size_t)(x + i));
            int paper = s->line[row * width + i];
            to[0] = (uint8_t)((c.r * (255 - paper) + 255 * paper) / 255);
            to[1] = (uint8_t)((c.g * (255 - paper) + 255 * paper) / 255);
            to[2] = (uint8_t)((c.b * (255 - paper) + 255 * paper) / 255);
        }
    return x + width;
}

tw_err sheet_new(tw_ctx *ctx, const font_face *face, const char *title, int columns, int cells, int height, sheet *s) {
    int rows = (cells + columns - 1) / columns, cell = SHEET_WIDTH / columns, width = EDGE + columns * (cell + EDGE);
    *s = (sheet){.ctx = ctx,
                 .renderer = renderer_new(),
                 .face = face,
                 .columns = columns,
                 .cell = cell,
                 .height = height};
    s->line = malloc((size_t)width * TITLE);
    int all = TITLE + rows * (height + CAPTION + EDGE) + EDGE;
    tw_err err = tw_image_new(ctx, width, all, 3, 255, &s->image);
    if (err == TW_ERR_RANGE) {
        tw_error_clear(ctx);
        tw_fail(ctx, err, "a sheet of %d x %d pixels is too large: use more --columns, a smaller --count or --height",
                width, all);
    }
    if (!err && (!s->line || !s->renderer)) err = tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    if (err) sheet_free(s);
    else write_text(s, EDGE, EDGE, width - 2 * EDGE, 20, title, black);
    return err;
}

tw_err sheet_add(sheet *s, const tw_image *picture, const char *read, const char *truth) {
    int x = EDGE + s->cells % s->columns * (s->cell + EDGE),
        y = TITLE + s->cells / s->columns * (s->height + CAPTION + EDGE);
    tw_image fitted;
    tw_err err = tw_image_fit(s->ctx, picture, s->height, s->cell, &fitted);
    if (err) return err;
    for (int row = 0; row < fitted.height; row++)
        for (int i = 0; i < fitted.width; i++)
            memset(s->image.data + 3 * ((size_t)(y + row) * (size_t)s->image.width + (size_t)(x + i)),
                   fitted.data[row * fitted.width + i], 3);
    tw_image_free(&fitted);
    bool right = !strcmp(read, truth);
    int end = write_text(s, x, y + s->height + 2, s->cell, LETTERS, *read ? read : "(nothing)", right ? green : red);
    if (!right) {
        char note[128];
        snprintf(note, sizeof note, "(%s)", truth);
        write_text(s, end + 6, y + s->height + 2, x + s->cell - end - 6, LETTERS, note, gray);
    }
    s->cells++;
    return TW_OK;
}

void sheet_free(sheet *s) {
    renderer_free(s->renderer);
    free(s->line);
    tw_image_free(&s->image);
    *s = (sheet){0};
}
