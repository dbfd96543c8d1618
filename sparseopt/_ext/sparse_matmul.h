/* Products of sparse float32 weights with dense activations, for the machine at hand: see simd.h. */
#ifndef SPARSEOPT_SPARSE_MATMUL_H
#define SPARSEOPT_SPARSE_MATMUL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "simd.h"

#ifdef SO_VECTORS
typedef float so_f16 __attribute__((vector_size(64)));
typedef float so_f8 __attribute__((vector_size(32)));
typedef float so_f4 __attribute__((vector_size(16)));
#define so_lowest(m) __builtin_ctzll(m)
#else
static int so_lowest(uint64_t m)
{
    int position = 0;
    while (!(m & 1)) { m >>= 1; position++; }
    return position;
}
#endif

/* Of two 32-bit indices loaded as one word. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define SO_FIRST(p) ((p) >> 32)
#define SO_SECOND(p) ((p) & 0xffffffffu)
#else
#define SO_FIRST(p) ((p) & 0xffffffffu)
#define SO_SECOND(p) ((p) >> 32)
#endif

typedef struct {
    void (*row64)(const int32_t *, const float *, ptrdiff_t, const float *, float *);
    void (*row16)(const int32_t *, const float *, ptrdiff_t, const float *, float *);
    void (*rows64)(const int32_t *, const float *, ptrdiff_t, const float *, float *);
    float (*dot)(const int32_t *, const float *, ptrdiff_t, const float *);
    void (*dot4)(const int32_t *, const float *, ptrdiff_t, const float *, float *);
    float (*mask_dot)(const uint64_t *, ptrdiff_t, const float *, const float *);
} so_sparse;

#ifdef SO_DISPATCH
#include <immintrin.h>
#endif
#define SO_LOOPS "sparse_loops.h"
#include "each_isa.h"

static so_sparse so_sparse_choose(void)
{
    return SO_CHOOSE(so_sparse_table);
}

#endif
