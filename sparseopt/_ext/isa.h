/* Loops compiled once for each instruction set (baseline, AVX2, AVX-512), and the choice between them when a module is
 * loaded, so that one wheel is fast everywhere.  A header defines SO_LOOPS, the file with its loops, which end in a
 * table named with SO_ISA, and includes each_isa.h; SO_CHOOSE(name) is then the table for the machine at hand.
 */
#ifndef SPARSEOPT_ISA_H
#define SPARSEOPT_ISA_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SO_DISPATCH 1

static inline int so_isa(void)
{
    __builtin_cpu_init();
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi")))
        return 0;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") ? 2 : 1;
}
#define SO_CHOOSE(name) (so_isa() == 2 ? name##_avx512 : so_isa() == 1 ? name##_avx2 : name##_base)
#else
#define SO_CHOOSE(name) name##_base
#endif

#endif
