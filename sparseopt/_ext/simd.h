/* Column arithmetic on float64 and float32 data with float64 results, for the machine at hand.
 *
 * The loops of simd_loops.h are compiled for each instruction set, see isa.h.  Sums run over eight fixed lanes whatever
 * the instruction set and whatever the number of threads: the order of additions never depends on either.
 */
#ifndef SPARSEOPT_SIMD_H
#define SPARSEOPT_SIMD_H

#include <stddef.h>
#include <string.h>

#include "isa.h"

/* Vectors; arrays of eight where the compiler has no vector types. */
#if defined(__GNUC__) || defined(__clang__)
#define SO_VECTORS 1
#endif

typedef struct {
    double (*dot_f64)(const double *, const double *, ptrdiff_t);
    double (*dot_f32)(const float *, const double *, ptrdiff_t);
    void (*dot4_f64)(const double *const *, const double *, ptrdiff_t, double *);
    void (*dot4_f32)(const float *const *, const double *, ptrdiff_t, double *);
    void (*axpy_f64)(double, const double *, double *, ptrdiff_t);
    void (*axpy_f32)(double, const float *, double *, ptrdiff_t);
    void (*axpy4_f64)(const double *, const double *const *, double *, ptrdiff_t);
    void (*axpy4_f32)(const double *, const float *const *, double *, ptrdiff_t);
    void (*moments_f64)(const double *, const double *, const double *, ptrdiff_t, double, double *);
    void (*moments_f32)(const float *, const double *, const double *, ptrdiff_t, double, double *);
    void (*scale_shift_f64)(const double *, double, double, const double *, double *, ptrdiff_t);
    void (*scale_shift_f32)(const float *, double, double, const double *, double *, ptrdiff_t);
} so_simd;

#define SO_LOOPS "simd_loops.h"
#include "each_isa.h"

static so_simd so_simd_choose(void)
{
    return SO_CHOOSE(so_table);
}

static const char *so_simd_name(void)
{
    so_simd t = so_simd_choose();
#ifdef SO_DISPATCH
    if (t.dot_f64 == so_table_avx512.dot_f64) return "avx512";
    if (t.dot_f64 == so_table_avx2.dot_f64) return "avx2";
#endif
    (void)t;
    return "baseline";
}

#endif
