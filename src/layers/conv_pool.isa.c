/* conv_pool.isa.c - see conv_pool.h. Compilers turn loops over windows into code that moves single numbers, or that
 * waits for bytes it has just written; so these name their vectors. */
#include "layers/conv_pool.h"

#include "layers/epilogue.h"
#include "layers/pool2d.h"

#ifndef TW_DOUBLE
#include "tensor/bytes.h"
#include "tensor/simd.h"

#include <math.h>
#include <string.h>

enum { LANES = TW__LANES, SUMS = 16 };
typedef tw__vec vec;
typedef tw__ints ints;

static inline vec choose(ints mask, vec yes, vec no) { return (vec)((mask & (ints)yes) | (~mask & (ints)no)); }

typedef struct largest {
    vec m;
    ints place;
} largest;

static inline largest compare(largest a, vec v, int place) {
    const ints wins = (v > a.m) | (v != v); /* TW__MAX_WINS */
    const ints here = (ints){0} + place;
    return (largest){choose(wins, v, a.m), (wins & here) | (~wins & a.place)};
}

void TW_ISA_NAME(tw__pool_two_lines)(int w, int n, const tw_real *z, size_t pitch, tw_real bias, bool relu, bool exact,
                                     tw_real *y, uint8_t *winner) {
    const vec b = (vec){0} + bias, floor = (vec){0} + (relu ? 0 : -INFINITY);
    for (int i = 0; i < n; i += LANES, z += w * LANES) {
        const float *below = z + pitch;
        largest a = {.place = (ints){0}};
        if (w == 2) {
            const vec l = tw__load(z) + b, h = tw__load(z + LANES) + b, l2 = tw__load(below) + b,
                      h2 = tw__load(below + LANES) + b;
            a.m = TW__EVEN(l, h);
            a = compare(a, TW__ODD(l, h), 1);
            a = compare(a, TW__EVEN(l2, h2), 2);
            a = compare(a, TW__ODD(l2, h2), 3);
        } else {
            a.m = tw__load(z) + b;
            a = compare(a, tw__load(below) + b, 1);
        }
        a.m = choose(a.m < floor, floor, a.m);
        if (exact && n - i < LANES) {
            uint8_t place[LANES];
            tw__bytes_of_ints(a.place, place);
            memcpy(y + i, &a.m, (size_t)(n - i) * sizeof *y);
            if (winner) memcpy(winner + i, place, (size_t)(n - i));
            return;
        }
        tw__store(y + i, a.m);
        if (winner) tw__bytes_of_ints(a.place, winner + i);
    }
}

static inline vec gradient(tw_act act, vec y, vec dy) {
    const vec one = (vec){0} + 1.0f, slope = (vec){0} + TW__LEAKY_SLOPE;
    switch (act) {
    case TW_ACT_RELU: return (vec)((y > 0) & (ints)dy);
    case TW_ACT_LEAKY_RELU: return choose(y > 0, dy, slope * dy);
    case TW_ACT_SIGMOID: return dy * y * (one - y);
    case TW_ACT_TANH: return dy * (one - y * y);
    default: return dy;
    }
}

void TW_ISA_NAME(tw__act_grad_sum)(tw_act act, size_t n, const tw_real *y, const tw_real *dy, double *lane) {
    enum { PARTS = SUMS / LANES };
    vec sum[PARTS] = {{0}};
    for (; n >= SUMS; n -= SUMS, y += SUMS, dy += SUMS)
        for (int k = 0; k < PARTS; k++) sum[k] += gradient(act, tw__load(y + k * LANES), tw__load(dy + k * LANES));
    if (n > 0) {
        float last[2][SUMS] = {{0}};
        memcpy(last[0], y, n * sizeof *y);
        memcpy(last[1], dy, n * sizeof *dy);
        for (int k = 0; k < PARTS; k++)
            sum[k] += gradient(act, tw__load(last[0] + k * LANES), tw__load(last[1] + k * LANES));
    }
    float all[SUMS];
    memcpy(all, sum, sizeof all);
    for (int k = 0; k < SUMS; k++) lane[k] += (double)all[k];
}

/* A few windows, copied to where a whole vector may be read. */
typedef struct few {
    float y[LANES], dy[LANES];
    uint8_t winner[LANES];
} few;

static inline ints lane_numbers(void) { /* 0, 1, 2, .. */
    static const int32_t number[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    ints lane;
    memcpy(&lane, number, sizeof lane);
    return lane;
}

/* What some windows, at most LANES, give to their elements. */
typedef struct shares {
    vec g;
    ints place;
} shares;

static inline shares read_windows(tw_act act, int n, bool exact, const float *y, const float *dy,
                                  const uint8_t *winner) {
    shares s;
    few last = {0};
    if (exact && n < LANES) {
        y = memcpy(last.y, y, (size_t)n * sizeof *y);
        dy = memcpy(last.dy, dy, (size_t)n * sizeof *dy);
        winner = memcpy(last.winner, winner, (size_t)n);
    }
    s.g = act == TW_ACT_RELU ? gradient(TW_ACT_RELU, tw__load(y), tw__load(dy))
                             : gradient(act, tw__load(y), tw__load(dy));
    s.place = tw__ints_of_bytes(winner);
    if (n < LANES) { /* windows that do not exist give nothing */
        s.g = (vec)((lane_numbers() < n) & (ints)s.g);
    }
    return s;
}

static inline void write_windows(shares s, int w, int first, float *line) {
    const ints place = s.place - first;
    const vec left = (vec)((place == 0) & (ints)s.g), right = (vec)((place == 1) & (ints)s.g);
    if (w == 2) {
        tw__store(line, TW__ZIP_LOW(left, right));
        tw__store(line + LANES, TW__ZIP_HIGH(left, right));
    } else {
        tw__store(line, left);
    }
}

static inline void zeros(int from, int to, float *line) {
    for (int k = from; k < to; k += LANES) tw__store(line + k, (vec){0});
}

static inline int whole(int n) { return (n + LANES - 1) / LANES * LANES; }

/* From the last windows to the first, for what is written beyond a line is the next one's beginning. */
__attribute__((always_inline)) static inline void unpool_rows(tw_act act, int w, int rows, int n, const float *y,
                                                              const float *dy, const uint8_t *winner, int left,
                                                              int columns, float *line) {
    const int end = left + whole(n) * w;
    const ints lane = lane_numbers();
    for (int r = 0; r < rows; r++, y += n, dy += n, winner += n, line += 2 * columns) {
        float *next = line + columns;
        zeros(end, columns, line);
        zeros(end, columns, next);
        for (int i = whole(n) - LANES; i >= 0; i -= LANES) {
            const ints place = tw__ints_of_bytes(winner + i);
            const ints g = (lane < n - i) & (ints)gradient(act, tw__load(y + i), tw__load(dy + i));
            float *to = line + left + i * w, *below = next + left + i * w;
            const vec a = (vec)((place == 0) & g), b = (vec)((place == 1) & g);
            if (w == 1) {
                if (i == 0) zeros(0, left, line);
                tw__store(to, a);
                if (i == 0) zeros(0, left, next);
                tw__store(below, b);
                continue;
            }
            const vec c = (vec)((place == 2) & g), d = (vec)((place == 3) & g);
            if (i == 0) zeros(0, left, line);
            tw__store(to, TW__ZIP_LOW(a, b));
            tw__store(to + LANES, TW__ZIP_HIGH(a, b));
            if (i == 0) zeros(0, left, next);
            tw__store(below, TW__ZIP_LOW(c, d));
            tw__store(below + LANES, TW__ZIP_HIGH(c, d));
        }
    }
}

void TW_ISA_NAME(tw__unpool_rows)(tw_act act, int w, int rows, int n, const tw_real *y, const tw_real *dy,
                                  const uint8_t *winner, int left, int columns, tw_real *lines) {
    if (act == TW_ACT_RELU && w == 2) unpool_rows(TW_ACT_RELU, 2, rows, n, y, dy, winner, left, columns, lines);
    else if (act == TW_ACT_NONE && w == 2) unpool_rows(TW_ACT_NONE, 2, rows, n, y, dy, winner, left, columns, lines);
    else unpool_rows(act, w, rows, n, y, dy, winner, left, columns, lines);
}

void TW_ISA_NAME(tw__unpool_lines)(tw_act act, int w, int first, int n, bool exact, const tw_real *y, const tw_real *dy,
                                   const uint8_t *winner, int left, int columns, tw_real *line, tw_real *next) {
    const int end = left + whole(n) * w;
    if (n <= LANES) { /* one reading for both lines */
        const shares s = read_windows(act, n, exact, y, dy, winner);
        zeros(0, left, line);
        write_windows(s, w, first, line + left);
        zeros(end, columns, line);
        if (!next) return;
        zeros(0, left, next);
        write_windows(s, w, first + w, next + left);
        zeros(end, columns, next);
        return;
    }
    for (; line; line = next, next = NULL, first += w) {
        zeros(0, left, line);
        for (int i = 0; i < n; i += LANES)
            write_windows(read_windows(act, n - i, exact, y + i, dy + i, winner + i), w, first, line + left + i * w);
        zeros(end, columns, line);
    }
}

#else /* the plain kernels alone */

void TW_ISA_NAME(tw__pool_two_lines)(int w, int n, const tw_real *z, size_t pitch, tw_real bias, bool relu, bool exact,
                                     tw_real *y, uint8_t *winner) {
    (void)w, (void)n, (void)z, (void)pitch, (void)bias, (void)relu, (void)exact, (void)y, (void)winner;
}
void TW_ISA_NAME(tw__unpool_lines)(tw_act act, int w, int first, int n, bool exact, const tw_real *y, const tw_real *dy,
                                   const uint8_t *winner, int left, int columns, tw_real *line, tw_real *next) {
    (void)act, (void)w, (void)first, (void)n, (void)exact, (void)y, (void)dy, (void)winner, (void)left, (void)columns;
    (void)line, (void)next;
}
void TW_ISA_NAME(tw__unpool_rows)(tw_act act, int w, int rows, int n, const tw_real *y, const tw_real *dy,
                                  const uint8_t *winner, int left, int columns, tw_real *lines) {
    (void)act, (void)w, (void)rows, (void)n, (void)y, (void)dy, (void)winner, (void)left, (void)columns, (void)lines;
}
void TW_ISA_NAME(tw__act_grad_sum)(tw_act act, size_t n, const tw_real *y, const tw_real *dy, double *lane) {
    (void)act, (void)n, (void)y, (void)dy, (void)lane;
}
#endif
