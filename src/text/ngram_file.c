/* ngram_file.c - language models as files.
 *
 *     8 bytes   "TWNGRAM" and a zero
 *     4         version, 1                       numbers of 4 and 8 bytes: least significant byte first
 *     4         order
 *     4         number of characters
 *     4         number of nodes, without the empty string
 *     8         number of bytes up to the checksum, all of the above included
 *     ..        the characters in UTF-8, by code point, one after another
 *     ..        the nodes as ngram.h numbers them, from the empty string on. One with children: their number; the first
 *               child's character; of each further one how many characters lie between it and the one before. One
 *               without, which is a string as long as the order or the end of a text: how often it occurs. Each of
 *               these numbers has 7 bits in a byte, the lowest first, and 128 more when another byte follows.
 *     8         FNV-1a of all that
 *
 * The counts of nodes with children, all probabilities and the suffixes follow from this. */
#include "text/ngram.h"
#include "text/utf8.h"

#include "tensor/atomic.h"
#include "tensor/file.h"
#include "tensor/fnv.h"
#include "tensor/internal.h"
#include "tensor/utf8_valid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, HEADER = 32, CHECKSUM = 8 };
static const char MAGIC[8] = "TWNGRAM";

/* ---- writing ---------------------------------------------------------------------------------------------- */

typedef struct sink {
    unsigned char *bytes;
    size_t n, room;
    bool failed;
} sink;

static void put(sink *s, const void *bytes, size_t n) {
    if (s->n + n > s->room) {
        size_t room = 2 * (s->room + n);
        unsigned char *grown = s->failed ? NULL : realloc(s->bytes, room);
        if (!grown) {
            s->failed = true;
            return;
        }
        s->bytes = grown;
        s->room = room;
    }
    memcpy(s->bytes + s->n, bytes, n);
    s->n += n;
}

static void put_fixed(sink *s, uint64_t value, int size) {
    unsigned char b[8];
    for (int i = 0; i < size; i++) b[i] = (unsigned char)(value >> (8 * i));
    put(s, b, (size_t)size);
}

static void put_number(sink *s, uint32_t value) {
    unsigned char b[5];
    size_t n = 0;
    for (; value > 127; value >>= 7) b[n++] = (unsigned char)(value | 128);
    b[n++] = (unsigned char)value;
    put(s, b, n);
}

static void put_model(sink *s, const tw_ngram *m) {
    put(s, MAGIC, sizeof MAGIC);
    put_fixed(s, VERSION, 4);
    put_fixed(s, (uint64_t)m->order, 4);
    put_fixed(s, (uint64_t)m->ncode, 4);
    put_fixed(s, (uint64_t)m->n - 1, 4);
    put_fixed(s, 0, 8); /* filled in below */
    for (int32_t i = 0; i < m->ncode; i++) {
        char utf8[4];
        put(s, utf8, tw__utf8_put(m->code[i], utf8));
    }
    for (int32_t i = 0; i < m->n; i++) {
        const int32_t *child = m->id + m->first[i];
        uint32_t children = (uint32_t)(m->first[i + 1] - m->first[i]);
        if (!children) put_number(s, m->count[i]);
        else put_number(s, children);
        for (uint32_t k = 0; k < children; k++) put_number(s, (uint32_t)(k ? child[k] - child[k - 1] - 1 : child[0]));
    }
    if (s->failed) return;
    for (int i = 0; i < 8; i++) s->bytes[HEADER - 8 + i] = (unsigned char)((uint64_t)s->n >> (8 * i));
    put_fixed(s, tw__fnv1a(s->bytes, s->n), CHECKSUM);
}

tw_err tw_ngram_save(tw_ctx *ctx, const tw_ngram *m, const char *path) {
    sink s = {0};
    tw__atomic file;
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    put_model(&s, m);
    tw_err err = s.failed ? tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path)
                          : tw__atomic_begin(ctx, path, TW__SYNCED, &file);
    if (!err) err = tw__atomic_write(&file, s.bytes, s.n);
    if (!err) err = tw__atomic_commit(&file);
    free(s.bytes);
    return err;
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

typedef struct source {
    const unsigned char *at, *end;
} source;

static uint64_t get_fixed(source *s, int size) {
    uint64_t value = 0;
    for (int i = 0; i < size; i++) value |= (uint64_t)*s->at++ << (8 * i);
    return value;
}

/* False: the bytes end, or the number has more than 32 bits. */
static bool get_number(source *s, uint32_t *value) {
    uint64_t v = 0;
    for (int shift = 0; shift < 35 && s->at < s->end; shift += 7) {
        unsigned char b = *s->at++;
        v |= (uint64_t)(b & 127) << shift;
        if (b & 128) continue;
        *value = (uint32_t)v;
        return v <= UINT32_MAX;
    }
    return false;
}

/* Reads ncode characters, ascending. */
static bool get_characters(source *s, tw_ngram *m) {
    int32_t before = 0;
    for (int32_t i = 0; i < m->ncode; i++) {
        if (s->at == s->end) return false;
        int more = *s->at < 0x80 ? 0 : *s->at < 0xe0 ? 1 : *s->at < 0xf0 ? 2 : 3;
        if (s->end - s->at <= more || tw__utf8_valid((const char *)s->at, (size_t)more + 1) != (size_t)more + 1)
            return false;
        int32_t point = more ? *s->at & (0x3f >> more) : *s->at;
        for (int k = 1; k <= more; k++) point = point << 6 | (s->at[k] & 0x3f);
        s->at += more + 1;
        if (point <= before) return false;
        m->code[i] = before = point;
    }
    return true;
}

static bool get_nodes(source *s, tw_ngram *m) {
    const int32_t begin = tw__ngram_begin_id(m);
    int32_t next = 1, level_end = 1;
    int level = 0;
    m->id[0] = -1;
    m->count[0] = 0;
    for (int32_t i = 0; i < m->n; i++) {
        if (i == level_end) {
            level++;
            level_end = next;
        }
        m->first[i] = next;
        uint32_t number;
        if (!get_number(s, &number) || !number) return false;
        if (level == m->order || m->id[i] == TW__NGRAM_END) {
            m->count[i] = number;
            continue;
        }
        if (number > (uint32_t)(m->n - next)) return false;
        int64_t id = -1;
        for (uint32_t k = 0; k < number; k++) {
            uint32_t gap;
            if (!get_number(s, &gap)) return false;
            id += (int64_t)gap + 1;
            if (id > begin || (id == begin && (level || m->order == 1))) return false;
            m->id[next++] = (int32_t)id;
        }
    }
    m->first[m->n] = m->n;
    return next == m->n && s->at == s->end;
}

/* From a whole file that has the right length and checksum. */
static tw_err parse(tw_ctx *ctx, const char *path, source s, int order, uint64_t ncode, uint64_t nodes, tw_ngram **m) {
    /* each takes a byte at least, so a file cannot ask for more memory than 40 times its size */
    if (ncode > 0x10ffff || nodes < 1 || nodes > INT32_MAX - 1 || ncode + nodes > (uint64_t)(s.end - s.at))
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: %llu characters and %llu strings do not fit into the file", path,
                           (unsigned long long)ncode, (unsigned long long)nodes);
    if (!(*m = tw__ngram_alloc(order, (int32_t)ncode, (int32_t)nodes + 1)))
        return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    if (!get_characters(&s, *m)) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: its list of characters is damaged", path);
    if (!get_nodes(&s, *m)) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: its counts are damaged", path);
    tw_err err = tw__ngram_finish(*m);
    if (err == TW_ERR_FORMAT) return tw_fail_err(ctx, err, "%s: its counts are not those of any text", path);
    return err ? tw_fail_err(ctx, err, "%s: out of memory", path) : TW_OK;
}

static tw_err check_and_parse(tw_ctx *ctx, const char *path, const unsigned char *bytes, size_t size, tw_ngram **m) {
    if (size < HEADER + CHECKSUM || memcmp(bytes, MAGIC, sizeof MAGIC))
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: not a language model of `crnn_ocr lm`", path);
    source s = {bytes + sizeof MAGIC, bytes + size - CHECKSUM};
    uint64_t version = get_fixed(&s, 4), order = get_fixed(&s, 4), ncode = get_fixed(&s, 4), nodes = get_fixed(&s, 4);
    uint64_t length = get_fixed(&s, 8);
    if (version != VERSION)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: version %llu of the format; this program reads version %d", path,
                           (unsigned long long)version, VERSION);
    if (length != size - CHECKSUM)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: %zu bytes, but it says that it has %llu; is it cut off?", path,
                           size, (unsigned long long)(length + CHECKSUM));
    source sum = {s.end, s.end + CHECKSUM};
    if (get_fixed(&sum, CHECKSUM) != tw__fnv1a(bytes, size - CHECKSUM))
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: damaged, the checksum is another", path);
    if (order < 1 || order > TW__NGRAM_MOST_ORDER)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: order %llu, which is not 1 to %d", path, (unsigned long long)order,
                           TW__NGRAM_MOST_ORDER);
    return parse(ctx, path, s, (int)order, ncode, nodes, m);
}

/* Reads on until the file ends or there are `most` bytes at *bytes, which has room for `room` and *got already. */
static tw_err read_on(tw_ctx *ctx, const char *path, FILE *file, uint64_t most, size_t room, char **bytes,
                      size_t *got) {
    for (size_t n = 1; n && *got < most;) {
        if (*got == room) { /* a pipe: what a header announces takes no memory before it comes */
            room = most / 2 < room ? (size_t)most : 2 * room;
            char *grown = realloc(*bytes, room + 1);
            if (!grown) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory for %zu bytes", path, room);
            *bytes = grown;
        }
        *got += n = fread(*bytes + *got, 1, room - *got, file);
    }
    if (!ferror(file)) return TW_OK; /* the file may have become shorter */
    return tw_fail_err(ctx, tw__os_err(errno), "%s: cannot be read: %s", path, strerror(errno));
}

/* All of the file, from malloc; but of one that does not begin as a model does only what is at its front, and of none
 * more than it can be: a character has 4 bytes at most, a node two numbers of 5. */
static tw_err read_file(tw_ctx *ctx, const char *path, char **bytes, size_t *size) {
    uint64_t length;
    const char *why;
    unsigned char head[HEADER] = {0};
    FILE *file = tw__fopen(path, TW__PIPES, &length, &why);
    if (!file) return tw_fail_err(ctx, tw__os_err(errno), "%s: cannot be opened: %s", path, why);
    size_t got = fread(head, 1, HEADER, file);
    source s = {head + sizeof MAGIC + 8, NULL};
    uint64_t ncode = get_fixed(&s, 4), nodes = get_fixed(&s, 4),
             most = HEADER + CHECKSUM + 4 * ncode + 10 * (nodes + 1);
    bool pipe = length == UINT64_MAX;
    if (got < HEADER || memcmp(head, MAGIC, sizeof MAGIC) != 0) length = got;
    else if (pipe) length = most + 1;
    else if (length < got) length = got;
    tw_err err = TW_OK;
    if (length > most && length > HEADER && !pipe)
        err = tw_fail_err(ctx, TW_ERR_FORMAT,
                          "%s: %llu characters and %llu strings do not fit into the file: they have less than its %llu "
                          "bytes",
                          path, (unsigned long long)ncode, (unsigned long long)nodes, (unsigned long long)length);
    uint64_t room = pipe && length > 1 << 16 ? 1 << 16 : length;
    if (!err && (!tw__fits_memory(room) || !(*bytes = malloc((size_t)room + 1))))
        err = tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory for %llu bytes", path, (unsigned long long)room);
    if (!err) {
        memcpy(*bytes, head, got);
        err = read_on(ctx, path, file, length, (size_t)room, bytes, &got);
        *size = got;
    }
    fclose(file);
    return err;
}

tw_ngram *tw_ngram_load(tw_ctx *ctx, const char *path) {
    char *bytes = NULL;
    size_t size = 0;
    tw_ngram *m = NULL;
    tw_err err = tw__check_path(ctx, path);
    if (!err) err = read_file(ctx, path, &bytes, &size);
    if (!err) err = check_and_parse(ctx, path, (const unsigned char *)bytes, size, &m);
    free(bytes);
    if (!err) return m;
    tw_ngram_free(m);
    return NULL;
}
