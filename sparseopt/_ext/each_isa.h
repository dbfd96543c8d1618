/* Includes SO_LOOPS once for each instruction set; SO_WIDE is set for AVX-512, SO_HALF for AVX2.  See isa.h (no include guard). */
#define SO_ISA base
#include SO_LOOPS
#undef SO_ISA
#ifdef SO_DISPATCH
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi,popcnt")
#define SO_ISA avx2
#define SO_HALF 1
#include SO_LOOPS
#undef SO_HALF
#undef SO_ISA
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2,fma,bmi,popcnt,prefer-vector-width=512")
#define SO_ISA avx512
#define SO_WIDE 1
#include SO_LOOPS
#undef SO_WIDE
#undef SO_ISA
#pragma GCC pop_options
#endif
#undef SO_LOOPS
