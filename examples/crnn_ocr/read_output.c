/* read_output.c - see read_output.h. */
#include "read_output.h"

#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/plain.h"

void read_output_text(const char *path, const reading *r) {
    for (int i = 0; i < r->n; i++) {
        plain_put(stdout, path);
        putchar('\t');
        plain_put(stdout, r->best[i].text);
        printf("\t%.4f\n", reading_confidence(&r->best[i]));
    }
}

/* ---- JSON -------------------------------------------------------------------------------------------------
 * Numbers are written with four digits (a tenth of a pixel for places), so that the same reading is the same bytes
 * everywhere. Each function returns false when memory ran out. */

static bool put_number(cJSON *to, const char *key, double value, int digits) {
    char text[64];
    snprintf(text, sizeof text, "%.*f", digits, value);
    return cJSON_AddRawToObject(to, key, text) != NULL;
}

static bool put_seen(cJSON *to, const tw_box *b) {
    cJSON *box = cJSON_AddObjectToObject(to, "seen");
    return box && put_number(box, "x", b->x, 0) && put_number(box, "y", b->y, 0) &&
        put_number(box, "width", b->width, 0) && put_number(box, "height", b->height, 0);
}

static bool put_reading(cJSON *to, const decoded *d) {
    bool ok = d ? cJSON_AddStringToObject(to, "text", d->text) != NULL : cJSON_AddNullToObject(to, "text") != NULL;
    return ok && put_number(to, "confidence", d ? reading_confidence(d) : 0, 4);
}

/* A new object at the end of a list. */
static cJSON *next_of(cJSON *list) {
    cJSON *item = cJSON_CreateObject();
    if (item && cJSON_AddItemToArray(list, item)) return item;
    cJSON_Delete(item);
    return NULL;
}

static bool put_nbest(cJSON *to, const reading *r) {
    cJSON *list = cJSON_AddArrayToObject(to, "nbest");
    bool ok = list != NULL;
    for (int i = 0; ok && i < r->n; i++) {
        cJSON *item = next_of(list);
        ok = item && put_reading(item, &r->best[i]);
    }
    return ok;
}

static bool put_spans(cJSON *to, const reading *r) {
    cJSON *list = cJSON_AddArrayToObject(to, "spans");
    bool ok = list != NULL;
    for (int i = 0; ok && r->span && i < r->best[0].n; i++) {
        const reading_span *s = &r->span[i];
        cJSON *item = next_of(list);
        ok = item && cJSON_AddStringToObject(item, "text", s->text) && put_number(item, "x", s->x, 1) &&
            put_number(item, "width", s->width, 1) && put_number(item, "confidence", s->confidence, 4);
    }
    return ok;
}

tw_err read_output_json(tw_ctx *ctx, const char *path, const reading *r, bool nbest) {
    cJSON *line = cJSON_CreateObject();
    bool ok = line && json_add_text(line, "path", path) && put_number(line, "width", r->width, 0) &&
        put_number(line, "height", r->height, 0) && put_seen(line, &r->seen) &&
        put_reading(line, r->n ? &r->best[0] : NULL) && (!nbest || put_nbest(line, r)) && put_spans(line, r);
    char *text = ok ? cJSON_PrintUnformatted(line) : NULL;
    cJSON_Delete(line);
    if (!text) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory for its JSON", path);
    puts(text);
    cJSON_free(text);
    return TW_OK;
}
