/* Exponentials and logarithms of whole arrays, and the losses made of them, for the machine at hand.
 *
 * The loops of losses_loops.h are compiled once per instruction set and chosen when a module is loaded, as in simd.h.
 * Small results keep their digits: log(1 + e) is a series in e / (2 + e), never the logarithm of a rounded sum.
 */
#ifndef SPARSEOPT_LOSSES_H
#define SPARSEOPT_LOSSES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "isa.h"

/* All work on n entries: (y, eta, out) or (a, out); y holds signs. */
typedef void (*so_map3)(const double *, const double *, double *, ptrdiff_t);
typedef void (*so_map2)(const double *, double *, ptrdiff_t);
typedef struct {
    so_map3 logistic_value, logistic_slope, logistic_conjugate;
    so_map2 logistic_bend, exponential, log_plus_one, entropy, entropy_below_one;
} so_losses;

#if defined(__GNUC__) || defined(__clang__)
#define SO_LOSS_VECTORS 1
#define SO_INLINE static inline __attribute__((always_inline))
#else
#define SO_INLINE static inline
#endif

#define SO_LOOPS "losses_loops.h"
#include "each_isa.h"

static so_losses so_losses_choose(void)
{
    return SO_CHOOSE(so_losses);
}

#endif
