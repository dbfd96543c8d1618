/* Signed Walsh-Hadamard transforms of blocks of rows, for the machine at hand.
 *
 * The loops of hadamard_loops.h are compiled once per instruction set and chosen when a module is loaded, as in
 * simd.h.  No sum depends on the instruction set, the number of threads or the width of a tile.
 */
#ifndef SPARSEOPT_HADAMARD_H
#define SPARSEOPT_HADAMARD_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "isa.h"

/* Rows row0 .. row0 + n of a matrix with d columns; scale is NULL or one factor a row; blocks have 2^lg rows. */
typedef struct {
    const void *data;
    ptrdiff_t n, ld, row0;
    int lg, row_signs;
    uint64_t seed;
    const double *scale;
} so_rows;

/* Word number w of stream `stream`: its bits are signs.  A counter, not a state: any part can be had without the rest. */
static inline uint64_t so_mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}
static inline uint64_t so_word(uint64_t seed, uint64_t stream, uint64_t w)
{
    return so_mix(so_mix(seed * 0xD1342543DE82EF95u + stream) ^ (w * 0xA24BAED4963EE407u + 0x9FB21C651E98DF25u));
}

/* Where the sum of a column keeps row r: a line is left free after every 256 rows, so that rows far apart do not fall
 * on each other in the cache; in F order bits 0, 1 and 2, 3 change places. so_swap does that to 64 signs. */
static inline ptrdiff_t so_padded(ptrdiff_t r) { return r + ((r >> 8) << 3); }
static inline ptrdiff_t so_place(ptrdiff_t r) { return so_padded((r & ~(ptrdiff_t)15) | (r & 3) << 2 | (r >> 2 & 3)); }
static inline uint64_t so_swap(uint64_t w)
{
    uint64_t t = ((w >> 3) ^ w) & 0x0A0A0A0A0A0A0A0Au;
    w ^= t ^ (t << 3);
    t = ((w >> 6) ^ w) & 0x00CC00CC00CC00CCu;
    return w ^ t ^ (t << 6);
}

/* The same for sums in float32: a line after every 256 rows, and an odd number of lines for a column. */
static inline ptrdiff_t so_single_place(ptrdiff_t r) { return r + ((r >> 8) << 4); }
static inline ptrdiff_t so_single_part(ptrdiff_t B) { return 16 * (so_single_place(B) / 16 | 1); }

#if defined(__GNUC__) || defined(__clang__)
typedef double so_v8 __attribute__((vector_size(64), may_alias));
typedef double so_v4 __attribute__((vector_size(32), may_alias));
typedef float so_v8s __attribute__((vector_size(32)));
typedef float so_v4s __attribute__((vector_size(16)));
typedef uint64_t so_v8q __attribute__((vector_size(64)));
typedef uint64_t so_v4q __attribute__((vector_size(32)));
typedef so_v8s so_v8_single;
typedef so_v4s so_v4_single;
#define SO_PREFETCH(p) __builtin_prefetch(p)
#ifdef __clang__
#define SO_SHUFFLE4(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SO_SHUFFLE4(a, b, ...) __builtin_shuffle(a, b, (so_v4q){__VA_ARGS__})
#endif
typedef float so_f8 __attribute__((vector_size(32), may_alias));
typedef uint32_t so_u8 __attribute__((vector_size(32), may_alias));
#ifdef __clang__
#define SO_SHUFFLE8(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SO_SHUFFLE8(a, b, ...) __builtin_shuffle(a, b, (so_u8){__VA_ARGS__})
#endif
#if defined(__clang__) || __GNUC__ >= 12
#define SO_JOIN4(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7)
#else
static inline so_f8 so_join4(so_v4s a, so_v4s b)
{
    union { so_v4s half[2]; so_f8 whole; } u = {{a, b}};
    return u.whole;
}
#define SO_JOIN4(a, b) so_join4(a, b)
#endif
/* eight entries, from halves that fit into registers everywhere */
#define SO_F8LOAD_f64(v, p) do {                                                                                     \
    so_v4 a_, b_;                                                                                                    \
    memcpy(&a_, (p), sizeof a_);                                                                                     \
    memcpy(&b_, (p) + 4, sizeof b_);                                                                                 \
    (v) = SO_JOIN4(__builtin_convertvector(a_, so_v4s), __builtin_convertvector(b_, so_v4s));                        \
} while (0)
#define SO_F8LOAD_f32(v, p) memcpy(&(v), (p), sizeof(v))
#define SO_ONE 0x3FF0000000000000u
#define SO_SINGLE2(V) V##_single
#define SO_SINGLE(V) SO_SINGLE2(V)
#define SO_HLOAD_f64(V, v, p) memcpy(&(v), (p), sizeof(V))
#define SO_HLOAD_f32(V, v, p) do { SO_SINGLE(V) f_; memcpy(&f_, (p), sizeof f_); (v) = __builtin_convertvector(f_, V); } while (0)

/* Four signs for each nibble, and where in this table (in bytes) those of the 16 nibbles of a word are. */
#define SO_S(k) {k & 1 ? -1.0 : 1.0, k & 2 ? -1.0 : 1.0, k & 4 ? -1.0 : 1.0, k & 8 ? -1.0 : 1.0}
static const double so_signs4[16][4] __attribute__((aligned(64))) = {
    SO_S(0), SO_S(1), SO_S(2), SO_S(3), SO_S(4), SO_S(5), SO_S(6), SO_S(7),
    SO_S(8), SO_S(9), SO_S(10), SO_S(11), SO_S(12), SO_S(13), SO_S(14), SO_S(15),
};
#define so_sign_table ((const double *)so_signs4)
static inline void so_nibbles(uint64_t w, uint16_t *out)
{
    for (int k = 0; k < 16; k++) out[k] = (w >> (4 * k) & 15) * 32;
}
/* How many blocks of a column follow each other in F order. */
static inline int so_at_once(int lg) { return lg >= 13 ? 1 : 1 << (13 - lg); }

/* (rows, first column, how many lines of eight columns (C order) or columns (F order), first block, last block + 1,
 * sum, memory): column c has so_padded(B) entries of the sum, row r at so_padded(r) or, in F order, so_place(r) */
typedef void (*so_blocks)(const so_rows *, ptrdiff_t, int, ptrdiff_t, ptrdiff_t, so_v8 *, char *);
/* the same in float32 for columns, see hadamard_single.h; NULL where there are no vector types */
typedef void (*so_singles)(const so_rows *, ptrdiff_t, int, ptrdiff_t, ptrdiff_t, float *, float *);
typedef struct {
    so_blocks c_f64, c_f32, f_f64, f_f32;
    so_singles s_f64, s_f32;
    void (*levels)(so_v8 *, int);
} so_hadamard;

#define SO_LOOPS "hadamard_loops.h"
#include "each_isa.h"

static so_hadamard so_hadamard_choose(void)
{
    return SO_CHOOSE(so_hadamard_table);
}
#else
/* No vector types: one column at a time, in the same order of additions. */
typedef struct { double v[8]; } so_v8;
/* (rows, first column, how many lines of eight columns (C order) or columns (F order), first block, last block + 1,
 * sum, memory): column c has so_padded(B) entries of the sum, row r at so_padded(r) or, in F order, so_place(r) */
typedef void (*so_blocks)(const so_rows *, ptrdiff_t, int, ptrdiff_t, ptrdiff_t, so_v8 *, char *);
/* the same in float32 for columns, see hadamard_single.h; NULL where there are no vector types */
typedef void (*so_singles)(const so_rows *, ptrdiff_t, int, ptrdiff_t, ptrdiff_t, float *, float *);
typedef struct {
    so_blocks c_f64, c_f32, f_f64, f_f32;
    so_singles s_f64, s_f32;
    void (*levels)(so_v8 *, int);
} so_hadamard;
static double so_sign(const so_rows *X, int stream, ptrdiff_t i)
{
    return (so_word(X->seed, stream, (uint64_t)(i >> 6)) >> (i & 63)) & 1 ? -1.0 : 1.0;
}
static void so_levels_plain(so_v8 *x, int lg)
{
    ptrdiff_t n = (ptrdiff_t)1 << lg;
    for (ptrdiff_t h = 1; h < n; h *= 2)
        for (ptrdiff_t g = 0; g < n; g += 2 * h)
            for (ptrdiff_t i = g; i < g + h; i++)
                for (int c = 0; c < 8; c++) {
                    double a = x[i].v[c], b = x[i + h].v[c];
                    x[i].v[c] = a + b; x[i + h].v[c] = a - b;
                }
}
#define SO_PLAIN(NAME, TYPE, RS, CS, LINES, AT)                                                                      \
static void NAME(const so_rows *X, ptrdiff_t col, int count, ptrdiff_t q0, ptrdiff_t q1, so_v8 *acc, char *work)     \
{                                                                                                                    \
    const TYPE *data = (const TYPE *)X->data;                                                                        \
    ptrdiff_t B = (ptrdiff_t)1 << X->lg;                                                                            \
    so_v8 *buf = (so_v8 *)work;                                                                                      \
    double *sum = (double *)acc;                                                                                     \
    if (LINES) count *= 8;                                                                                           \
    for (ptrdiff_t q = q0; q < q1; q++)                                                                              \
        for (int j = 0; j < count; j += 8) {                                                                         \
            int width = count - j < 8 ? count - j : 8;                                                               \
            for (ptrdiff_t r = 0; r < B; r++) {                                                                      \
                ptrdiff_t i = q * B + r - X->row0;                                                                   \
                double f = i < 0 || i >= X->n ? 0.0 : so_sign(X, 1, q * B + r) * (X->scale ? X->scale[i] : 1.0);     \
                for (int c = 0; c < 8; c++)                                                                          \
                    buf[r].v[c] = i < 0 || i >= X->n || c >= width ? 0.0 : f * data[i * (RS) + (col + j + c) * (CS)]; \
            }                                                                                                        \
            so_levels_plain(buf, X->lg);                                                                             \
            for (ptrdiff_t r = 0; r < B; r++)                                                                        \
                for (int c = 0; c < width; c++)                                                                      \
                    sum[AT] += buf[r].v[c] * (X->row_signs ? so_sign(X, 2, q * B + r) : 1.0);                        \
        }                                                                                                            \
}
#define SO_LINE_AT (j + c) * so_padded(B) + so_padded(r)
#define SO_COLUMN_AT (j + c) * so_padded(B) + so_place(r)
SO_PLAIN(so_plain_c_f64, double, X->ld, 1, 1, SO_LINE_AT)
SO_PLAIN(so_plain_c_f32, float, X->ld, 1, 1, SO_LINE_AT)
SO_PLAIN(so_plain_f_f64, double, 1, X->ld, 0, SO_COLUMN_AT)
SO_PLAIN(so_plain_f_f32, float, 1, X->ld, 0, SO_COLUMN_AT)
static so_hadamard so_hadamard_choose(void)
{
    so_hadamard t = {so_plain_c_f64, so_plain_c_f32, so_plain_f_f64, so_plain_f_f32, NULL, NULL, so_levels_plain};
    return t;
}
#endif
#endif
