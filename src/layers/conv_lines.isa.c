/* conv_lines.isa.c - bias, activation and max-pooling of lines of sums, and the way back. See conv_lines.h. */
#include "layers/conv_lines.h"

#include "layers/conv_pool.h"
#include "layers/epilogue.h"
#include "layers/pool2d.h"

#include <math.h>
#include <string.h>

enum {
    CHUNK = 128, /* windows that go through a buffer at a time */
#ifdef TW_DOUBLE
    VECTORS = 0
#else
    VECTORS = 1 /* conv_pool.h's kernels exist */
#endif
};

static size_t row_of(const tw__conv_lines *l, int n, int o, int row) {
    return (((size_t)n * (size_t)l->O + (size_t)o) * (size_t)l->PH + (size_t)row) * (size_t)l->PW;
}

/* ---- forward ------------------------------------------------------------------------------------------ */

/* The maximum of bias + windows of `area` numbers, the numbers of a place first .. first + area step: y, and where. The
 * bias is added first, for the sums may differ and still be equal with it. */
#define WINDOW_LOOP(h, w)                                         \
    for (int i = 0; i < n; i++) {                                 \
        tw_real m = 0;                                            \
        int32_t place = 0;                                        \
        for (int k = 0; k < (h) * (w); k++) {                     \
            tw_real v = z[k / (w)*pitch + i * (w) + k % (w)] + b; \
            bool wins = k == 0 || TW__MAX_WINS(v, m);             \
            m = wins ? v : m;                                     \
            place = wins ? k : place;                             \
        }                                                         \
        m = m < floor ? floor : m;                                \
        y[i] = m;                                                 \
        where[i] = place;                                         \
    }

static void windows(int h, int w, int n, const tw_real *restrict z, ptrdiff_t pitch, tw_real b, tw_real floor,
                    tw_real *restrict y, int32_t *restrict where) {
    if (h == 2 && w == 2) {
        WINDOW_LOOP(2, 2)
    } else if (h == 2 && w == 1) {
        WINDOW_LOOP(2, 1)
    } else {
        WINDOW_LOOP(h, w)
    }
}

static void pool(const tw__conv_lines *l, const tw_real *z, size_t pitch, tw_real b, int n, size_t at) {
    int32_t where[CHUNK];
    tw_real floor = l->act == TW_ACT_RELU ? 0 : -(tw_real)INFINITY; /* a NaN is not below it */
    for (int i = 0; i < n; i += CHUNK) {
        int part = n - i < CHUNK ? n - i : CHUNK;
        windows(l->pool_h, l->pool_w, part, z + i * l->pool_w, (ptrdiff_t)pitch, b, floor, l->y + at + i, where);
        for (int k = 0; l->winner && k < part; k++) l->winner[at + (size_t)(i + k)] = (uint8_t)where[k];
    }
}

void TW_ISA_NAME(tw__conv_store)(const tw__conv_lines *l, int n, int o, int row, int rows, int column, int columns,
                                 tw_real *lines, size_t pitch) {
    tw_real b = l->bias ? l->bias[o] : 0;
    if (l->pool_h == 1 && l->pool_w == 1) {
        for (int r = 0; r < rows; r++) TW_ISA_NAME(tw__affine_act)
        (l->act, (size_t)columns, lines + (size_t)r * pitch, 0, 1, b, l->y + row_of(l, n, o, row + r) + (size_t)column);
        return;
    }
    /* The largest is found before a ReLU, whose ties have no gradient. The others may round two numbers to one, or
     * exchange two neighbours, so they come first. */
    if (l->act != TW_ACT_NONE && l->act != TW_ACT_RELU) {
        for (int r = 0; r < rows; r++) TW_ISA_NAME(tw__affine_act)
        (l->act, (size_t)columns, lines + (size_t)r * pitch, 0, 1, b, lines + (size_t)r * pitch);
        b = 0;
    }
    for (int r = 0; r + l->pool_h <= rows; r += l->pool_h)
        pool(l, lines + (size_t)r * pitch, pitch, b, columns / l->pool_w,
             row_of(l, n, o, (row + r) / l->pool_h) + (size_t)(column / l->pool_w));
}

void TW_ISA_NAME(tw__conv_store_padded)(const tw__conv_lines *l, int n, int o, int row, int rows, tw_real *lines,
                                        size_t pitch) {
    bool simple = l->act == TW_ACT_NONE || l->act == TW_ACT_RELU;
    if (!VECTORS || !simple || l->pool_h != 2 || l->pool_w > 2) {
        TW_ISA_NAME(tw__conv_store)(l, n, o, row, rows, 0, l->OW, lines, pitch);
        return;
    }
    /* What is written beyond a line the next ones overwrite; what follows the last may be somebody else's. */
    size_t at = row_of(l, n, o, row / 2), beyond = (size_t)(-l->PW & (TW__LINE_ROOM / 2 - 1));
    size_t follow = (size_t)(rows / 2) * (size_t)l->PW;
    for (int r = 0; r + 2 <= rows; r += 2, at += (size_t)l->PW, lines += 2 * pitch) {
        follow -= (size_t)l->PW;
        TW_ISA_NAME(tw__pool_two_lines)
        (l->pool_w, l->PW, lines, pitch, l->bias ? l->bias[o] : 0, l->act == TW_ACT_RELU, follow < beyond, l->y + at,
         l->winner ? l->winner + at : NULL);
    }
}

/* ---- backward ----------------------------------------------------------------------------------------- */

/* Line i of n windows: the gradient g of each where its maximum was. */
#define SPREAD_LOOP(w)          \
    for (int k = 0; k < n; k++) \
        for (int j = 0; j < (w); j++) line[k * (w) + j] = winner[k] == first + j ? g[k] : 0;

static void spread(int w, int first, int n, const uint8_t *restrict winner, const tw_real *restrict g,
                   tw_real *restrict line) {
    if (w == 2) {
        SPREAD_LOOP(2)
    } else if (w == 1) {
        SPREAD_LOOP(1)
    } else {
        SPREAD_LOOP(w)
    }
}

/* Columns from..to of a line, inside the windows' part of the plane: line[0] is column `from`. */
static void windows_back(const tw__conv_lines *l, size_t at, int i, int from, int to, tw_real *line) {
    tw_real g[CHUNK], whole[TW__POOL_AREA];
    int w = l->pool_w, first = i * w;
    while (from < to) {
        int window = from / w, n = (to - from) / w < CHUNK ? (to - from) / w : CHUNK;
        bool cut = from % w != 0 || n == 0; /* a window of which a part is wanted */
        if (cut) n = 1;
        TW_ISA_NAME(tw__act_grad)(l->act, (size_t)n, l->y + at + window, l->dy + at + window, g);
        spread(w, first, n, l->winner + at + window, g, cut ? whole : line);
        int done = n * w;
        if (cut) {
            int skip = from % w;
            done = w - skip < to - from ? w - skip : to - from;
            memcpy(line, whole + skip, (size_t)done * sizeof *line);
        }
        from += done, line += done;
    }
}

void TW_ISA_NAME(tw__conv_dz)(const tw__conv_lines *l, int n, int o, int row, int column, int columns, tw_real *line) {
    bool pooled = l->pool_h != 1 || l->pool_w != 1;
    int end = column + columns, width = l->PW * l->pool_w, height = l->PH * l->pool_h;
    int from = column > 0 ? column : 0, to = row < 0 || row >= height ? from : end < width ? end : width;
    if (from > end) from = end;
    if (to < from) to = from;
    if (from > column) memset(line, 0, (size_t)(from - column) * sizeof *line);
    if (end > to) memset(line + (to - column), 0, (size_t)(end - to) * sizeof *line);
    if (to == from) return;
    line += from - column;
    size_t at = row_of(l, n, o, row / l->pool_h);
    if (pooled) windows_back(l, at, row % l->pool_h, from, to, line);
    else {
        at += (size_t)from;
        TW_ISA_NAME(tw__act_grad)(l->act, (size_t)(to - from), l->y + at, l->dy + at, line);
    }
}

/* Lines of windows from line i on that are wanted whole, before line `end`, and where whole vectors may be read. */
static int whole_rows(const tw__conv_lines *l, size_t at, int i, int end) {
    size_t left = (size_t)l->N * (size_t)l->O * (size_t)l->PH * (size_t)l->PW - at, width = (size_t)l->PW;
    int rows = (end < 2 * l->PH ? end : 2 * l->PH) / 2 - i;
    if (left < width + TW__LINE_ROOM / 2) return 0;
    size_t safe = (left - width - TW__LINE_ROOM / 2) / width + 1;
    return (size_t)rows < safe ? rows : (int)safe;
}

void TW_ISA_NAME(tw__conv_dz_padded)(const tw__conv_lines *l, int n, int o, int row, int rows, int column, int columns,
                                     tw_real *lines) {
    int left = -column, width = l->PW * l->pool_w, height = l->PH * l->pool_h;
    if (!VECTORS || l->pool_h * l->pool_w == 1 || l->pool_w > 2 || left < 0 || left + width > columns) {
        for (int r = row; r < row + rows; r++, lines += columns)
            TW_ISA_NAME(tw__conv_dz)(l, n, o, r, column, columns, lines);
        return;
    }
    size_t end = (size_t)l->N * (size_t)l->O * (size_t)l->PH * (size_t)l->PW; /* of y */
    for (int r = row, both; r < row + rows; r += both, lines += both * columns) {
        both = 1;
        if (r < 0 || r >= height) {
            memset(lines, 0, (size_t)columns * sizeof *lines);
            continue;
        }
        size_t at = row_of(l, n, o, r / l->pool_h);
        int whole = l->pool_h == 2 && r % 2 == 0 ? whole_rows(l, at, r / 2, row + rows) : 0;
        if (whole > 0) {
            TW_ISA_NAME(tw__unpool_rows)
            (l->act, l->pool_w, whole, l->PW, l->y + at, l->dy + at, l->winner + at, left, columns, lines);
            both = 2 * whole;
            continue;
        }
        if (r % l->pool_h + 1 < l->pool_h && r + 1 < row + rows) both = 2; /* lines of the same windows */
        TW_ISA_NAME(tw__unpool_lines)
        (l->act, l->pool_w, r % l->pool_h * l->pool_w, l->PW, at + (size_t)l->PW + TW__LINE_ROOM / 2 > end, l->y + at,
         l->dy + at, l->winner + at, left, columns, lines, both == 2 ? lines + columns : NULL);
    }
}

/* Each window's gradient goes to one place of dz, so the places do not matter. */
void TW_ISA_NAME(tw__conv_dz_sum)(const tw__conv_lines *l, int n, int o, int row, int rows, double *sums) {
    size_t at = row_of(l, n, o, row), all = (size_t)rows * (size_t)l->PW;
    if (VECTORS) {
        TW_ISA_NAME(tw__act_grad_sum)(l->act, all, l->y + at, l->dy + at, sums);
        return;
    }
    tw_real g[CHUNK];
    for (size_t i = 0; i < all; i += CHUNK) {
        size_t part = all - i < CHUNK ? all - i : CHUNK;
        TW_ISA_NAME(tw__act_grad)(l->act, part, l->y + at + i, l->dy + at + i, g);
        sums[0] += TW_ISA_NAME(tw__sum)(part, g);
    }
}
