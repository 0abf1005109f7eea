/* fnv.h - FNV-1a (Fowler, Noll, Vo): a hash of bytes for names, lines and checksums, not against an adversary. */
#ifndef TW_FNV_H
#define TW_FNV_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t tw__fnv1a(const void *bytes, size_t n) {
    const unsigned char *at = bytes;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) h = (h ^ at[i]) * UINT64_C(0x100000001b3);
    return h;
}

#endif
