/* bytes.h - a vector of int32 from as many bytes, and back: one instruction that compilers do not find by themselves.
 *
 * For .isa.c files whose vectors of floats are as wide as the instruction set's. */
#ifndef TW_BYTES_H
#define TW_BYTES_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { TW__INTS = 16 };
#elif defined(__AVX2__)
enum { TW__INTS = 8 };
#else
enum { TW__INTS = 4 };
#endif
typedef int32_t tw__ints __attribute__((vector_size(4 * TW__INTS)));

static inline tw__ints tw__ints_of_bytes(const uint8_t *p) {
#if defined(__AVX512F__)
    return (tw__ints)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
#elif defined(__AVX2__)
    return (tw__ints)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
#else
    return (tw__ints){p[0], p[1], p[2], p[3]};
#endif
}

/* The low bytes. */
static inline void tw__bytes_of_ints(tw__ints v, uint8_t *p) {
#if defined(__AVX512F__)
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8((__m512i)v));
#elif defined(__AVX2__)
    const __m256i low = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1,
                                         -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i packed = _mm256_shuffle_epi8((__m256i)v, low);
    const __m128i both = _mm_unpacklo_epi32(_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1));
    _mm_storel_epi64((__m128i *)p, both);
#else
    for (int i = 0; i < TW__INTS; i++) p[i] = (uint8_t)v[i];
#endif
}

#endif
