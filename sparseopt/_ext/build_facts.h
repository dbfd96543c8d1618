/* How this module was compiled, for `sparseopt info`. */
#ifndef SPARSEOPT_BUILD_FACTS_H
#define SPARSEOPT_BUILD_FACTS_H

#ifdef SPARSEOPT_DEBUG_BUILD
#define SO_DEBUG 1
#else
#define SO_DEBUG 0
#endif

#ifndef SPARSEOPT_BUILD_FLAGS /* setup.py gives it */
#define SPARSEOPT_BUILD_FLAGS ""
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
