/* OpenMP where the compiler has it, and otherwise what it would say about a single thread.
 *
 * The only file that may include omp.h; kernels reach it through _openmp.pxd, so that every build without
 * OpenMP compiles. */
#ifndef SPARSEOPT_OPENMP_GUARD_H
#define SPARSEOPT_OPENMP_GUARD_H

#ifdef _OPENMP
#include <omp.h>
#define SO_OPENMP 1
#else
#define SO_OPENMP 0
static inline int omp_get_max_threads(void) { return 1; }
static inline int omp_get_thread_num(void) { return 0; }
static inline int omp_in_parallel(void) { return 0; }
#endif

#endif
