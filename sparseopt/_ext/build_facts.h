/* How this module was compiled, for `sparseopt info`. */
#ifndef SPARSEOPT_BUILD_FACTS_H
#define SPARSEOPT_BUILD_FACTS_H

#ifdef _OPENMP
#include <omp.h>
#define SO_OPENMP 1
static int so_max_threads(void) { return omp_get_max_threads(); }
#else
#define SO_OPENMP 0
static int so_max_threads(void) { return 1; }
#endif

#ifdef SPARSEOPT_DEBUG_BUILD
#define SO_DEBUG 1
#else
#define SO_DEBUG 0
#endif

#define SO_TEXT2(x) #x
#define SO_TEXT(x) SO_TEXT2(x)
#if defined(__clang__)
#define SO_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define SO_COMPILER "gcc " __VERSION__
#elif defined(_MSC_VER)
#define SO_COMPILER "msvc " SO_TEXT(_MSC_VER)
#else
#define SO_COMPILER "unknown"
#endif

#endif
