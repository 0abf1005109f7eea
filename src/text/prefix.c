/* prefix.c - see prefix.h. A beam search of T frames adds at most T times its width, and what the beam no longer
 * reaches is swept away now and then: the memory stays that of what the beam holds. */
#include "text/prefix.h"

#include <stdlib.h>

enum { FIRST_ROOM = 2048 };

bool tw__prefixes_grow(tw__prefixes *all, size_t n) {
    size_t room = all->room ? all->room : FIRST_ROOM;
    while (room < all->n + n) room *= 2;
    if (room == all->room) return true;
    if (room > INT32_MAX) return false;
    tw__prefix *at = realloc(all->at, room * sizeof *at);
    if (at) all->at = at;
    int32_t *moved = at ? realloc(all->moved, room * sizeof *moved) : NULL;
    if (!moved) return false;
    all->moved = moved;
    all->room = room;
    return true;
}

void tw__prefixes_free(tw__prefixes *all) {
    free(all->at);
    free(all->moved);
    *all = (tw__prefixes){0};
}

bool tw__prefixes_begin(tw__prefixes *all, int32_t lm, int32_t word) {
    all->n = 0;
    if (!tw__prefixes_grow(all, 1)) return false;
    all->at[all->n++] = (tw__prefix){-1, -1, -1, -1, -1, 0, lm, word, 0};
    return true;
}

int32_t tw__prefix_child(const tw__prefixes *all, int32_t parent, int32_t symbol) {
    int32_t i = all->at[parent].child;
    while (i >= 0 && all->at[i].symbol != symbol) i = all->at[i].sibling;
    return i;
}

int32_t tw__prefix_add(tw__prefixes *all, int32_t parent, int32_t symbol) {
    int32_t i = (int32_t)all->n++;
    tw__prefix *p = &all->at[parent];
    all->at[i] = (tw__prefix){parent, symbol, -1, p->child, -1, p->length + 1, 0, 0, 0};
    p->child = i;
    return i;
}

void tw__prefix_symbols(const tw__prefixes *all, int32_t prefix, int32_t *symbols) {
    for (const tw__prefix *p = &all->at[prefix]; p->parent >= 0; p = &all->at[p->parent])
        symbols[p->length - 1] = p->symbol;
}

void tw__prefixes_sweep(tw__prefixes *all) {
    enum { LOST = -1, KEPT = 0 };
    for (size_t i = 0; i < all->n; i++) all->moved[i] = LOST;
    all->moved[0] = KEPT;
    for (size_t i = 0; i < all->n; i++) {
        if (all->at[i].slot < 0) continue;
        for (int32_t p = (int32_t)i; all->moved[p] == LOST; p = all->at[p].parent) all->moved[p] = KEPT;
    }
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        if (all->moved[i] == LOST) continue;
        tw__prefix p = all->at[i];
        p.child = p.sibling = -1;
        if (p.parent >= 0) { /* it stands before, and has moved */
            p.parent = all->moved[p.parent];
            p.sibling = all->at[p.parent].child;
            all->at[p.parent].child = (int32_t)n;
        }
        all->at[n] = p;
        all->moved[i] = (int32_t)n++;
    }
    all->n = n;
}
