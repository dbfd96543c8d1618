/* The loops behind hadamard.h, included once per instruction set with SO_ISA set to its name (no include guard).
 *
 * Vectors of four entries are rows of one column, and passes combine eight of them (three levels): what they become
 * fits into sixteen registers. One column of a block is an array of B entries that stays in the first or second cache.
 * Signs come from a table of sixteen vectors, by one index of two bytes for four rows: as numbers of their own they
 * would push the column out.
 *
 * Columns (F order): the first pass does levels 3, 4, 5 across vectors, and levels 1, 2 while it exchanges lanes with
 * vectors, which leaves rows in the order of so_place. The first pass and the last ask memory for one half each of the
 * block that comes next, so that memory is never idle. Some blocks of a column follow each other before the next
 * column, so that the sum stays in the first cache.
 *
 * Rows (C order): the first pass does levels 1, 2 on four rows of four columns and turns them; from then on it is the
 * same. Reading eight columns of every row is slow (a fraction of every page, whatever the hardware foresees is wrong),
 * so where many columns are asked for, the next block is fetched in the order of memory while this one is computed.
 */
#define SO_HGLUE2(a, b) a##_##b
#define SO_HGLUE(a, b) SO_HGLUE2(a, b)
#define SO_H(name) SO_HGLUE(name, SO_ISA)

#ifdef SO_WIDE
#define SO_V so_v8
#define SO_PER 1
#else
#define SO_V so_v4
#define SO_PER 2 /* vectors of a line */
#endif

/* levels 1 to log2(R) of R vectors in registers */
#define SO_BF(V, a, b) { V t_ = a; a = t_ + b; b = t_ - b; }
#define SO_BF2(V, y) SO_BF(V, y[0], y[1])
#define SO_BF4(V, y) SO_BF(V, y[0], y[1]) SO_BF(V, y[2], y[3]) SO_BF(V, y[0], y[2]) SO_BF(V, y[1], y[3])
#define SO_BF8(V, y)                                                                                                 \
    SO_BF(V, y[0], y[1]) SO_BF(V, y[2], y[3]) SO_BF(V, y[4], y[5]) SO_BF(V, y[6], y[7])                              \
    SO_BF(V, y[0], y[2]) SO_BF(V, y[1], y[3]) SO_BF(V, y[4], y[6]) SO_BF(V, y[5], y[7])                              \
    SO_BF(V, y[0], y[4]) SO_BF(V, y[1], y[5]) SO_BF(V, y[2], y[6]) SO_BF(V, y[3], y[7])
#define SO_BF16(V, y)                                                                                                \
    { V *z_ = y + 8; SO_BF8(V, y) SO_BF8(V, z_) }                                                                    \
    SO_BF(V, y[0], y[8]) SO_BF(V, y[1], y[9]) SO_BF(V, y[2], y[10]) SO_BF(V, y[3], y[11])                            \
    SO_BF(V, y[4], y[12]) SO_BF(V, y[5], y[13]) SO_BF(V, y[6], y[14]) SO_BF(V, y[7], y[15])

/* in place: the levels of strides h, 2h, .. R/2 h of n lines */
#define SO_PASS(R)                                                                                                   \
static inline void SO_HGLUE(SO_H(so_pass), R)(so_v8 *x, ptrdiff_t n, ptrdiff_t h)                                    \
{                                                                                                                    \
    for (ptrdiff_t g = 0; g < n; g += R * h)                                                                         \
        for (ptrdiff_t i = SO_PER * g; i < SO_PER * (g + h); i++) {                                                  \
            SO_V y[R], *z = (SO_V *)x + i;                                                                           \
            for (int k = 0; k < R; k++) y[k] = z[SO_PER * k * h];                                                    \
            SO_BF##R(SO_V, y)                                                                                        \
            for (int k = 0; k < R; k++) z[SO_PER * k * h] = y[k];                                                    \
        }                                                                                                            \
}
SO_PASS(2)
SO_PASS(4)
SO_PASS(8)

/* all levels of 2^lg vectors, in place */
static void SO_H(so_levels)(so_v8 *x, int lg)
{
    ptrdiff_t n = (ptrdiff_t)1 << lg;
    int l1 = lg < 9 ? lg : 9; /* 512 vectors stay in the first cache */
    ptrdiff_t n1 = (ptrdiff_t)1 << l1;
    for (ptrdiff_t r = 0; r <= n - n1; r += n1) {
        int l = 0;
        for (; l1 - l >= 3; l += 3) SO_HGLUE(SO_H(so_pass), 8)(x + r, n1, (ptrdiff_t)1 << l);
        if (l1 - l == 2) SO_HGLUE(SO_H(so_pass), 4)(x + r, n1, (ptrdiff_t)1 << l);
        if (l1 - l == 1) SO_HGLUE(SO_H(so_pass), 2)(x + r, n1, (ptrdiff_t)1 << l);
    }
    int l = l1;
    for (; lg - l >= 3; l += 3) SO_HGLUE(SO_H(so_pass), 8)(x, n, (ptrdiff_t)1 << l);
    if (lg - l == 2) SO_HGLUE(SO_H(so_pass), 4)(x, n, (ptrdiff_t)1 << l);
    if (lg - l == 1) SO_HGLUE(SO_H(so_pass), 2)(x, n, (ptrdiff_t)1 << l);
}

/* 64 signs from the bits of a word */
static inline void SO_H(so_expand)(uint64_t word, double *s)
{
    const so_v8q lane = {0, 1, 2, 3, 4, 5, 6, 7}, one = {SO_ONE, SO_ONE, SO_ONE, SO_ONE, SO_ONE, SO_ONE, SO_ONE, SO_ONE};
    for (int k = 0; k < 8; k++) {
        uint64_t w = word >> (8 * k);
        so_v8q v = {w, w, w, w, w, w, w, w};
        v = ((v >> lane) << 63) | one;
        memcpy(s + 8 * k, &v, sizeof v);
    }
}

#define SO_AT(p) (*(so_v4 *)(p)) /* on a multiple of four entries: aligned */
#define SO_SIGN(p, k) SO_AT((const char *)so_sign_table + (p)[k]) /* four signs */

/* Levels 1 to 5 of 32 rows, times factors f, or signs s where f is NULL; leaves row r at so_place(r). */
#define SO_FIRST(T, TYPE)                                                                                            \
static inline __attribute__((always_inline)) void SO_HGLUE(SO_H(so_first), T)(const TYPE *x, const double *f,        \
                                                                              const uint16_t *s, double *out)        \
{                                                                                                                    \
    so_v4 y[8];                                                                                                      \
    for (int k = 0; k < 8; k++) {                                                                                    \
        so_v4 x4;                                                                                                    \
        SO_HLOAD_##T(so_v4, x4, x + 4 * k);                                                                          \
        y[k] = f ? x4 * SO_AT(f + 4 * k) : x4 * SO_SIGN(s, k);                                                       \
    }                                                                                                                \
    SO_BF8(so_v4, y)                                                                                                 \
    for (int k = 0; k < 8; k += 2) {                                                                                 \
        so_v4 a = SO_SHUFFLE4(y[k], y[k + 1], 0, 4, 2, 6), b = SO_SHUFFLE4(y[k], y[k + 1], 1, 5, 3, 7);              \
        y[k] = a + b; y[k + 1] = a - b;                                                                              \
    }                                                                                                                \
    for (int k = 0; k < 8; k += 4)                                                                                   \
        for (int i = 0; i < 2; i++) {                                                                                \
            so_v4 *z = y + k + i, a = SO_SHUFFLE4(z[0], z[2], 0, 1, 4, 5), b = SO_SHUFFLE4(z[0], z[2], 2, 3, 6, 7);  \
            z[0] = a + b; z[2] = a - b;                                                                              \
        }                                                                                                            \
    for (int k = 0; k < 8; k++) SO_AT(out + 4 * k) = y[k];                                                           \
}
SO_FIRST(f64, double)
SO_FIRST(f32, float)

/* Levels of strides h, 2h, .. R/2 h of n rows of one column, h a power of two from 32 on: in place, or the last ones,
 * times row signs and added to acc, while `next` bytes of memory are asked for. */
#define SO_COLUMN_PASS(R)                                                                                            \
static inline void SO_HGLUE(SO_H(so_column_pass), R)(double *x, ptrdiff_t n, ptrdiff_t h)                            \
{                                                                                                                    \
    const ptrdiff_t far = so_padded(h);                                                                              \
    for (ptrdiff_t g = 0; g < n; g += R * h)                                                                         \
        for (ptrdiff_t i = g; i < g + h; i += 4) {                                                                   \
            so_v4 y[R];                                                                                              \
            double *z = x + so_padded(i);                                                                            \
            for (int k = 0; k < R; k++) y[k] = SO_AT(z + k * far);                                                   \
            SO_BF##R(so_v4, y)                                                                                       \
            for (int k = 0; k < R; k++) SO_AT(z + k * far) = y[k];                                                   \
        }                                                                                                            \
}                                                                                                                    \
static inline void SO_HGLUE(SO_H(so_column_last), R)(const double *x, ptrdiff_t h, const uint16_t *e, double *acc,   \
                                                     const char *next, ptrdiff_t bytes)                              \
{                                                                                                                    \
    const ptrdiff_t far = so_padded(h);                                                                              \
    for (ptrdiff_t i = 0; i < h; i += 4) {                                                                           \
        so_v4 y[R];                                                                                                  \
        const ptrdiff_t at = so_padded(i);                                                                           \
        for (int k = 0; k < R; k++) y[k] = SO_AT(x + at + k * far);                                                  \
        SO_BF##R(so_v4, y)                                                                                           \
        if (next)                                                                                                    \
            for (int k = 0; k < R; k += 4) SO_PREFETCH(next + (i * R + 4 * k) / 2 * bytes);                          \
        for (int k = 0; k < R; k++) SO_AT(acc + at + k * far) += y[k] * SO_SIGN(e + i / 4, k * (h / 4));             \
    }                                                                                                                \
}
SO_COLUMN_PASS(2)
SO_COLUMN_PASS(4)
SO_COLUMN_PASS(8)
SO_COLUMN_PASS(16)

/* Levels l + 1, .. of a column whose levels 1 to l are done. */
static inline void SO_H(so_column_finish)(double *x, int lg, int l, const uint16_t *e, double *acc, const char *next,
                                          ptrdiff_t bytes)
{
    for (; lg - l > 4; l += 3) SO_HGLUE(SO_H(so_column_pass), 8)(x, (ptrdiff_t)1 << lg, (ptrdiff_t)1 << l);
    const ptrdiff_t h = (ptrdiff_t)1 << l;
    switch (lg - l) {
    case 1: SO_HGLUE(SO_H(so_column_last), 2)(x, h, e, acc, next, bytes); break;
    case 2: SO_HGLUE(SO_H(so_column_last), 4)(x, h, e, acc, next, bytes); break;
    case 3: SO_HGLUE(SO_H(so_column_last), 8)(x, h, e, acc, next, bytes); break;
    default: SO_HGLUE(SO_H(so_column_last), 16)(x, h, e, acc, next, bytes);
    }
}

/* Levels 1 and 2 of four rows, ld apart, times f; four columns then have their rows side by side, `part` apart. */
#define SO_TURN(T, TYPE)                                                                                             \
static inline void SO_HGLUE(SO_H(so_turn), T)(const TYPE *x, ptrdiff_t ld, const double *f, double *out,             \
                                              ptrdiff_t part)                                                        \
{                                                                                                                    \
    so_v4 y[4];                                                                                                      \
    for (int k = 0; k < 4; k++) {                                                                                    \
        so_v4 x4;                                                                                                    \
        SO_HLOAD_##T(so_v4, x4, x + k * ld);                                                                         \
        y[k] = x4 * f[k];                                                                                            \
    }                                                                                                                \
    SO_BF4(so_v4, y)                                                                                                 \
    so_v4 a = SO_SHUFFLE4(y[0], y[1], 0, 4, 2, 6), b = SO_SHUFFLE4(y[0], y[1], 1, 5, 3, 7);                          \
    so_v4 c = SO_SHUFFLE4(y[2], y[3], 0, 4, 2, 6), d = SO_SHUFFLE4(y[2], y[3], 1, 5, 3, 7);                          \
    SO_AT(out) = SO_SHUFFLE4(a, c, 0, 1, 4, 5); SO_AT(out + part) = SO_SHUFFLE4(b, d, 0, 1, 4, 5);                   \
    SO_AT(out + 2 * part) = SO_SHUFFLE4(a, c, 2, 3, 6, 7); SO_AT(out + 3 * part) = SO_SHUFFLE4(b, d, 2, 3, 6, 7);    \
}
SO_TURN(f64, double)
SO_TURN(f32, float)

/* C order: acc += sum over blocks q0 <= q < q1 of E_q H D_q A_q, for eight columns from col on; entry r of the sum of
 * one lies at so_padded(r) of its own part. */
#define SO_BY_ROWS(T, TYPE)                                                                                          \
static void SO_HGLUE(SO_H(so_by_rows), T)(const so_rows *X, ptrdiff_t col, int count, ptrdiff_t q0, ptrdiff_t q1,    \
                                          so_v8 *acc, char *work)                                                    \
{                                                                                                                    \
    const TYPE *data = (const TYPE *)X->data + col;                                                                  \
    const ptrdiff_t B = (ptrdiff_t)1 << X->lg, part = so_padded(B), ld = X->ld;                                      \
    double *buf = (double *)work, *f = buf + 8 * part;                                                               \
    uint16_t *e = (uint16_t *)(f + B);                                                                               \
    for (ptrdiff_t q = q0; q < q1; q++) {                                                                            \
        const ptrdiff_t first = q * B - X->row0, ahead = 64;                                                         \
        for (ptrdiff_t b = 0; b < B / 64; b++) {                                                                     \
            SO_H(so_expand)(so_word(X->seed, 1, (uint64_t)(q * (B / 64) + b)), f + 64 * b);                          \
            so_nibbles(X->row_signs ? so_word(X->seed, 2, (uint64_t)(q * (B / 64) + b)) : 0, e + 16 * b);            \
        }                                                                                                            \
        for (ptrdiff_t k = first < 0 ? -first : 0; k < B && first + k < X->n && X->scale; k++)                       \
            f[k] *= X->scale[first + k];                                                                             \
        for (int t = 0; t < count; t++) {                                                                            \
            const ptrdiff_t asked = count < 4 ? X->n - ahead - first : first + 2 * B <= X->n ? B : 0;                \
            for (ptrdiff_t r = 0; r < B; r += 4) {                                                                   \
                const TYPE *x = data + 8 * t + (first + r) * ld;                                                     \
                double *z = buf + so_padded(r);                                                                      \
                if (first + r >= 0 && first + r + 4 <= X->n) {                                                       \
                    if (count < 4) {                                                                                 \
                        for (int k = 0; k < 4 && r < asked; k++) SO_PREFETCH(x + (ahead + k) * ld);                  \
                    } else if (r < asked) { /* line t B + r of the next block */                                     \
                        const TYPE *next = data + (first + B + (t * B + r) / count) * ld + (t * B + r) % count * 8;  \
                        for (int k = 0; k < 4; k++) SO_PREFETCH(next + 8 * k);                                       \
                    }                                                                                                \
                    SO_HGLUE(SO_H(so_turn), T)(x, ld, f + r, z, part);                                               \
                    SO_HGLUE(SO_H(so_turn), T)(x + 4, ld, f + r, z + 4 * part, part);                                \
                } else {                                                                                             \
                    TYPE cut[32] = {0};                                                                              \
                    for (int k = 0; k < 4; k++)                                                                      \
                        if (first + r + k >= 0 && first + r + k < X->n)                                              \
                            memcpy(cut + 8 * k, x + k * ld, 8 * sizeof(TYPE));                                       \
                    SO_HGLUE(SO_H(so_turn), T)(cut, 8, f + r, z, part);                                              \
                    SO_HGLUE(SO_H(so_turn), T)(cut + 4, 8, f + r, z + 4 * part, part);                               \
                }                                                                                                    \
            }                                                                                                        \
            for (int c = 0; c < 8; c++) {                                                                            \
                double *x = buf + c * part;                                                                          \
                for (ptrdiff_t r = 0; r < B; r += 256) {                                                             \
                    double *z = x + so_padded(r);                                                                    \
                    SO_HGLUE(SO_H(so_column_pass), 8)(z, B < 256 ? B : 256, 4);                                      \
                    if (X->lg > 8) SO_HGLUE(SO_H(so_column_pass), 8)(z, 256, 32);                                    \
                }                                                                                                    \
                SO_H(so_column_finish)(x, X->lg, X->lg > 8 ? 8 : 5, e, (double *)acc + (8 * t + c) * part, NULL, 0); \
            }                                                                                                        \
        }                                                                                                            \
    }                                                                                                                \
}
SO_BY_ROWS(f64, double)
SO_BY_ROWS(f32, float)

/* F order: the same for columns col .. col + count; entry r of the sum of one lies at so_place(r) of its own part. */
#define SO_BY_COLUMNS(T, TYPE)                                                                                       \
static void SO_HGLUE(SO_H(so_by_columns), T)(const so_rows *X, ptrdiff_t col, int count, ptrdiff_t q0, ptrdiff_t q1, \
                                             so_v8 *acc, char *work)                                                 \
{                                                                                                                    \
    const TYPE *data = (const TYPE *)X->data;                                                                        \
    const ptrdiff_t B = (ptrdiff_t)1 << X->lg, part = so_padded(B), b2 = B / 64;                                     \
    const int many = so_at_once(X->lg);                                                                              \
    double *buf = (double *)work, *f = buf + part;                                                                   \
    TYPE *cut = (TYPE *)(f + (X->scale ? many * B : 0)); /* a block that sticks out */                               \
    uint16_t *e = (uint16_t *)((double *)cut + B), *s = e + many * B / 4;                                            \
    for (ptrdiff_t start = q0; start < q1; start += many) {                                                          \
        const int blocks = q1 - start < many ? (int)(q1 - start) : many;                                             \
        for (ptrdiff_t b = 0; b < blocks * b2; b++) {                                                                \
            so_nibbles(so_word(X->seed, 1, (uint64_t)(start * b2 + b)), s + 16 * b);                                 \
            so_nibbles(X->row_signs ? so_swap(so_word(X->seed, 2, (uint64_t)(start * b2 + b))) : 0, e + 16 * b);     \
        }                                                                                                            \
        if (X->scale)                                                                                                \
            for (ptrdiff_t k = 0; k < blocks * B; k++) {                                                             \
                ptrdiff_t i = start * B - X->row0 + k;                                                               \
                f[k] = i < 0 || i >= X->n ? 0.0 : so_sign_table[s[k / 4] / 8 + k % 4] * X->scale[i];                 \
            }                                                                                                        \
        for (int c = 0; c < count; c++)                                                                              \
        for (int u = 0; u < blocks; u++) {                                                                           \
            const ptrdiff_t first = (start + u) * B - X->row0, lo = first < 0 ? -first : 0;                          \
            const ptrdiff_t hi = first + B > X->n ? X->n - first : B, whole = lo == 0 && hi == B;                    \
            const TYPE *x = data + (col + c) * X->ld + first, *next = NULL;                                          \
            if (u + 1 < blocks) { if (first + 2 * B <= X->n) next = x + B; }                                         \
            else if (c + 1 < count) { if (first >= (blocks - 1) * B) next = x + X->ld - (blocks - 1) * B; }          \
            else if (first + 2 * B <= X->n) next = data + col * X->ld + first + B;                                   \
            if (!whole) {                                                                                            \
                for (ptrdiff_t k = 0; k < B; k++) cut[k] = 0;                                                        \
                for (ptrdiff_t k = lo; k < hi; k++) cut[k] = x[k];                                                   \
                x = cut;                                                                                             \
            }                                                                                                        \
            for (ptrdiff_t r = 0; r < B; r += 256) {                                                                 \
                double *z = buf + so_padded(r);                                                                      \
                for (ptrdiff_t g = 0; g < 256 && g < B; g += 32) {                                                   \
                    if (X->scale) SO_HGLUE(SO_H(so_first), T)(x + r + g, f + u * B + r + g, NULL, z + g);            \
                    else SO_HGLUE(SO_H(so_first), T)(x + r + g, NULL, s + (u * B + r + g) / 4, z + g);               \
                    if (next)                                                                                        \
                        for (int k = 0; k < 16; k += 8) SO_PREFETCH(next + (B + r + g) / 2 + k);                     \
                }                                                                                                    \
                if (X->lg > 8) SO_HGLUE(SO_H(so_column_pass), 8)(z, 256, 32);                                        \
            }                                                                                                        \
            SO_H(so_column_finish)(buf, X->lg, X->lg > 8 ? 8 : 5, e + u * B / 4, (double *)acc + c * part,           \
                                   (const char *)next, sizeof(TYPE));                                                \
        }                                                                                                            \
    }                                                                                                                \
}
SO_BY_COLUMNS(f64, double)
SO_BY_COLUMNS(f32, float)

#include "hadamard_single.h"

static const so_hadamard SO_H(so_hadamard_table) = {
    SO_HGLUE(SO_H(so_by_rows), f64), SO_HGLUE(SO_H(so_by_rows), f32),
    SO_HGLUE(SO_H(so_by_columns), f64), SO_HGLUE(SO_H(so_by_columns), f32),
    SO_HGLUE(SO_H(so_singles), f64), SO_HGLUE(SO_H(so_singles), f32),
    SO_H(so_levels),
};
#undef SO_V
#undef SO_PER
#undef SO_BF
#undef SO_BF2
#undef SO_BF4
#undef SO_BF8
#undef SO_BF16
#undef SO_PASS
#undef SO_SIGN
#undef SO_TURN
#undef SO_BY_ROWS
#undef SO_FIRST
#undef SO_AT
#undef SO_COLUMN_PASS
#undef SO_BY_COLUMNS
