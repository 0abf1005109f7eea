/* pattern.c - see pattern.h: a recursive descent parser makes a tree, drawing walks it. */
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

#include "../common/utf8.h"

enum { NODES = 512, CODES = 1 << 16, DEEPEST = 32 };

/* SET: one of the characters code[first .. first + n). SEQUENCE and CHOICE: of their children. */
typedef enum node_kind { SET, SEQUENCE, CHOICE } node_kind;
typedef struct node {
    node_kind kind;
    int first, n;    /* characters of a set */
    int child, next; /* first child and next sibling, -1 when there is none */
    int least, most; /* how often it is repeated */
} node;

struct pattern {
    node node[NODES];
    int nnode, root;
    uint32_t *code;
    int ncode;
};

typedef struct parser {
    tw_ctx *ctx;
    pattern *p;
    const char *text, *at;
    const uint32_t *alphabet;
    int nalphabet, depth;
} parser;

static int fail(parser *s, const char *what) {
    tw_fail(s->ctx, TW_ERR_FORMAT, "pattern \"%s\", character %td: %s", s->text, s->at - s->text + 1, what);
    return -1;
}

static int new_node(parser *s, node_kind kind) {
    if (s->p->nnode == NODES) return fail(s, "the pattern is too long");
    s->p->node[s->p->nnode] = (node){kind, s->p->ncode, 0, -1, -1, 1, 1};
    return s->p->nnode++;
}

static bool in_alphabet(const parser *s, uint32_t code) {
    for (int i = 0; i < s->nalphabet; i++)
        if (s->alphabet[i] == code) return true;
    return false;
}

static bool add_code(parser *s, int at, uint32_t code) {
    if (s->p->ncode == CODES) return fail(s, "the pattern has too many characters") >= 0;
    if (!in_alphabet(s, code)) {
        char shown[8] = "";
        utf8_put(shown, code);
        tw_fail(s->ctx, TW_ERR_RANGE, "pattern \"%s\": the alphabet has no \"%s\"", s->text, shown);
        return false;
    }
    s->p->code[s->p->ncode++] = code;
    s->p->node[at].n++;
    return true;
}

/* Those characters of a span that the alphabet has. */
static bool add_span(parser *s, int at, uint32_t low, uint32_t high) {
    int before = s->p->node[at].n;
    for (int i = 0; i < s->nalphabet; i++)
        if (s->alphabet[i] >= low && s->alphabet[i] <= high && !add_code(s, at, s->alphabet[i])) return false;
    return s->p->node[at].n > before || fail(s, "the alphabet has no character of this range") >= 0;
}

/* After a backslash. */
static bool add_escaped(parser *s, int at) {
    uint32_t code = utf8_next(&s->at);
    switch (code) {
    case 0: return fail(s, "\\ at the end") >= 0;
    case 'd': return add_span(s, at, '0', '9');
    case 's': return add_code(s, at, ' ');
    case 'w': return add_span(s, at, 'a', 'z') && add_span(s, at, 'A', 'Z') && add_span(s, at, '0', '9');
    default: return add_code(s, at, code);
    }
}

static bool has_code(const parser *s, int at, uint32_t code) {
    const node *n = &s->p->node[at];
    for (int i = 0; i < n->n; i++)
        if (s->p->code[n->first + i] == code) return true;
    return false;
}

/* [^..]: what the alphabet has beside them. */
static bool turn_round(parser *s, int at) {
    node *n = &s->p->node[at];
    int kept = 0, first = n->first + n->n;
    for (int i = 0; i < s->nalphabet; i++) {
        if (has_code(s, at, s->alphabet[i])) continue;
        if (first + kept == CODES) return fail(s, "the pattern has too many characters") >= 0;
        s->p->code[first + kept++] = s->alphabet[i];
    }
    if (!kept) return fail(s, "[^..] leaves no character of the alphabet") >= 0;
    n->first = first, n->n = kept;
    s->p->ncode = first + kept;
    return true;
}

static int parse_class(parser *s) {
    int at = new_node(s, SET);
    bool but = *s->at == '^';
    if (at < 0) return -1;
    s->at += but;
    while (*s->at && *s->at != ']') {
        uint32_t low = utf8_next(&s->at);
        if (low == '\\') {
            if (!add_escaped(s, at)) return -1;
        } else if (s->at[0] == '-' && s->at[1] && s->at[1] != ']') {
            s->at++;
            uint32_t high = utf8_next(&s->at);
            if (high < low) return fail(s, "a range whose end comes before its beginning");
            if (!add_span(s, at, low, high)) return -1;
        } else if (!add_code(s, at, low)) {
            return -1;
        }
    }
    if (!*s->at) return fail(s, "] is missing");
    if (!s->p->node[at].n) return fail(s, "[] has no character");
    s->at++;
    return but && !turn_round(s, at) ? -1 : at;
}

static int parse_choice(parser *s);

static int parse_one(parser *s) {
    uint32_t code = utf8_next(&s->at);
    if (code == '[') return parse_class(s);
    if (code == '(') {
        if (++s->depth > DEEPEST) return fail(s, "too many groups within each other");
        int group = parse_choice(s);
        s->depth--;
        if (group < 0) return -1;
        if (*s->at != ')') return fail(s, ") is missing");
        s->at++;
        return group;
    }
    if (code == '?' || code == '*' || code == '+' || code == '{') return fail(s, "there is nothing to repeat");
    if (code == ']' || code == '}') return fail(s, "a bracket that was not opened (write \\ before it)");
    int at = new_node(s, SET);
    bool ok = at >= 0 &&
        (code == '\\'      ? add_escaped(s, at)
             : code == '.' ? add_span(s, at, 0x21, 0x10ffff)
                           : add_code(s, at, code));
    return ok ? at : -1;
}

static bool read_count(parser *s, int *n) {
    char *end;
    if (*s->at < '0' || *s->at > '9') return false;
    long v = strtol(s->at, &end, 10);
    s->at = end;
    *n = v < 0 || v > 1000 ? 1000 : (int)v;
    return true;
}

static int parse_repeated(parser *s) {
    int at = parse_one(s);
    if (at < 0) return -1;
    node *n = &s->p->node[at];
    switch (*s->at) {
    case '?': n->least = 0, n->most = 1; break;
    case '*': n->least = 0, n->most = PATTERN_MANY; break;
    case '+': n->least = 1, n->most = PATTERN_MANY; break;
    case '{':
        s->at++;
        if (!read_count(s, &n->least)) return fail(s, "a number should follow {");
        n->most = n->least;
        if (*s->at == ',' && (s->at++, !read_count(s, &n->most))) return fail(s, "a number should follow the comma");
        if (*s->at != '}') return fail(s, "} is missing");
        if (n->most < n->least) return fail(s, "{n,m} with m below n");
        break;
    default: return at;
    }
    s->at++;
    return strchr("?*+{", *s->at) && *s->at ? fail(s, "repeated twice; put a group around the first") : at;
}

static int parse_sequence(parser *s) {
    int at = new_node(s, SEQUENCE), last = -1;
    if (at < 0) return -1;
    while (*s->at && *s->at != '|' && *s->at != ')') {
        int next = parse_repeated(s);
        if (next < 0) return -1;
        if (last < 0) s->p->node[at].child = next;
        else s->p->node[last].next = next;
        last = next;
    }
    return at;
}

static int parse_choice(parser *s) {
    int at = new_node(s, CHOICE), last = -1;
    if (at < 0) return -1;
    for (;;) {
        int next = parse_sequence(s);
        if (next < 0) return -1;
        s->p->node[at].n++;
        if (last < 0) s->p->node[at].child = next;
        else s->p->node[last].next = next;
        last = next;
        if (*s->at != '|') return at;
        s->at++;
    }
}

/* Characters of its longest text; more than a million counts as a million. */
static long longest(const pattern *p, int at) {
    const node *n = &p->node[at];
    long all = n->kind == SET;
    for (int k = n->child; k >= 0; k = p->node[k].next) {
        long one = longest(p, k);
        if (n->kind == CHOICE) all = one > all ? one : all;
        else all += one;
    }
    all *= n->most;
    return all < 1000000 ? all : 1000000;
}
static long shortest(const pattern *p, int at) {
    const node *n = &p->node[at];
    long all = n->kind == SET ? 1 : n->kind == CHOICE ? 1000000 : 0;
    for (int k = n->child; k >= 0; k = p->node[k].next) {
        long one = shortest(p, k);
        if (n->kind == CHOICE) all = one < all ? one : all;
        else all += one;
    }
    all *= n->least;
    return all < 1000000 ? all : 1000000;
}

pattern *pattern_new(tw_ctx *ctx, const char *text, const uint32_t *code, int ncode, int most) {
    pattern *p = calloc(1, sizeof *p);
    if (p) p->code = malloc(CODES * sizeof *p->code);
    if (!p || !p->code) {
        free(p);
        return tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    }
    parser s = {ctx, p, text, text, code, ncode, 0};
    p->root = parse_choice(&s);
    if (p->root >= 0 && *s.at) p->root = fail(&s, ") that was not opened (write \\ before it)");
    if (p->root >= 0 && longest(p, p->root) > most) {
        tw_fail(ctx, TW_ERR_RANGE, "pattern \"%s\" gives texts of up to %ld characters: %d are possible", text,
                longest(p, p->root), most);
        p->root = -1;
    }
    if (p->root >= 0 && shortest(p, p->root) < 1) {
        tw_fail(ctx, TW_ERR_RANGE, "pattern \"%s\" gives also an empty text", text);
        p->root = -1;
    }
    if (p->root >= 0) return p;
    pattern_free(p);
    return NULL;
}

void pattern_free(pattern *p) {
    if (!p) return;
    free(p->code);
    free(p);
}

static char *draw(const pattern *p, int at, dice *d, char *text) {
    const node *n = &p->node[at];
    int times = n->least + (n->most > n->least ? dice_below(d, n->most - n->least + 1) : 0);
    for (int i = 0; i < times; i++) {
        if (n->kind == SET) {
            text += utf8_put(text, p->code[n->first + dice_below(d, n->n)]);
        } else if (n->kind == CHOICE) {
            int k = n->child;
            for (int skip = dice_below(d, n->n); skip > 0; skip--) k = p->node[k].next;
            text = draw(p, k, d, text);
        } else {
            for (int k = n->child; k >= 0; k = p->node[k].next) text = draw(p, k, d, text);
        }
    }
    return text;
}

void pattern_draw(const pattern *p, dice *d, char *text) { *draw(p, p->root, d, text) = 0; }
