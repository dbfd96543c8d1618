/* The loops behind hadamard.h, included once per instruction set with SO_ISA set to its name (no include guard).
 *
 * Registers decide: eight vectors and what they become must fit into them, so vectors have four entries but where
 * registers of eight exist, and passes combine eight vectors (three levels).  Every vector is read and written once a
 * pass.
 *
 * Rows (C order): eight columns of a block of B = 64 * B2 rows are one array of B lines.  Phase one takes 64
 * consecutive rows (signs, levels 1 to 6) and stores them transposed, so that phase two (the remaining levels, row
 * signs, addition to the sum) finds the B2 lines it combines side by side.
 *
 * Columns (F order): one column of a block is an array of B entries that stays in the first cache.  The first pass
 * does levels 3, 4, 5 across vectors, and levels 1, 2 while it exchanges lanes with vectors, which leaves rows in the
 * order of so_place.  While the last pass adds to the sum it asks memory for the column that comes next.
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
}                                                                                                                    \
/* the last levels of n = R h lines, multiplied by signs and added to acc */                                         \
static inline void SO_HGLUE(SO_H(so_last), R)(const so_v8 *x, ptrdiff_t h, const double *e, so_v8 *acc)              \
{                                                                                                                    \
    for (ptrdiff_t i = 0; i < SO_PER * h; i++) {                                                                     \
        SO_V y[R], *z = (SO_V *)x + i, *a = (SO_V *)acc + i;                                                         \
        const double *f = e + i / SO_PER;                                                                            \
        for (int k = 0; k < R; k++) y[k] = z[SO_PER * k * h];                                                        \
        SO_BF##R(SO_V, y)                                                                                            \
        for (int k = 0; k < R; k++) a[SO_PER * k * h] += y[k] * f[k * h];                                            \
    }                                                                                                                \
}
SO_PASS(2)
SO_PASS(4)
SO_PASS(8)
SO_PASS(16)

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

/* Phase two of rows i, i + 64, .. of a block: tiles of nvec lines, B2 = 2^h; their signs lie side by side. */
static inline void SO_H(so_finish)(so_v8 *buf, so_v8 *acc, const double *e, int nvec, int h, ptrdiff_t i)
{
    ptrdiff_t b2 = (ptrdiff_t)1 << h, ldb = b2 + 1;
    e += i * b2;
    for (int t = 0; t < nvec; t++) {
        so_v8 *x = buf + (t * 64 + i) * ldb, *a = acc + (t * 64 + i) * b2;
        int l = 0;
        while (h - l > 4) {
            if (h - l == 5) { SO_HGLUE(SO_H(so_pass), 4)(x, b2, (ptrdiff_t)1 << l); l += 2; }
            else { SO_HGLUE(SO_H(so_pass), 8)(x, b2, (ptrdiff_t)1 << l); l += 3; }
        }
        switch (h - l) {
        case 4: SO_HGLUE(SO_H(so_last), 16)(x, (ptrdiff_t)1 << l, e, a); break;
        case 3: SO_HGLUE(SO_H(so_last), 8)(x, (ptrdiff_t)1 << l, e, a); break;
        case 2: SO_HGLUE(SO_H(so_last), 4)(x, (ptrdiff_t)1 << l, e, a); break;
        case 1: SO_HGLUE(SO_H(so_last), 2)(x, (ptrdiff_t)1 << l, e, a); break;
        default: a[0] += x[0] * e[0];
        }
    }
}

/* C order: acc += sum over blocks q0 <= q < q1 of E_q H D_q A_q, for 8 nvec columns from col on. */
#define SO_BY_ROWS(T, TYPE)                                                                                          \
static void SO_HGLUE(SO_H(so_by_rows), T)(const so_rows *X, ptrdiff_t col, int nvec, ptrdiff_t q0, ptrdiff_t q1,     \
                                          so_v8 *acc, char *work)                                                    \
{                                                                                                                    \
    const TYPE *data = (const TYPE *)X->data;                                                                        \
    const int h = X->lg - 6, pieces = SO_PER * nvec, lanes = 8 / SO_PER;                                             \
    const ptrdiff_t B = (ptrdiff_t)1 << X->lg, b2 = (ptrdiff_t)1 << h, ldb = b2 + 1, ld = X->ld;                     \
    const ptrdiff_t ahead = 16; /* rows: they lie on pages of their own */                                           \
    so_v8 *buf = (so_v8 *)work, *tmp = buf + 64 * ldb * nvec;                                                        \
    double *e = (double *)(tmp + 64 * nvec), *s = e + B;                                                             \
    for (ptrdiff_t k = 0; k < B; k++) e[k] = 1.0;                                                                    \
    for (ptrdiff_t q = q0; q < q1; q++) {                                                                            \
        for (ptrdiff_t b = 0; b < b2 && X->row_signs; b++) {                                                         \
            SO_H(so_expand)(so_word(X->seed, 2, (uint64_t)(q * b2 + b)), s);                                         \
            for (int i = 0; i < 64; i++) e[i * b2 + b] = s[i];                                                       \
        }                                                                                                            \
        for (ptrdiff_t b = 0; b < b2; b++) {                                                                         \
            ptrdiff_t first = q * B + 64 * b - X->row0; /* of the rows at hand */                                    \
            SO_H(so_expand)(so_word(X->seed, 1, (uint64_t)(q * b2 + b)), s);                                         \
            if (first >= 0 && first + 64 <= X->n) {                                                                  \
                const TYPE *p = data + first * ld + col;                                                             \
                if (X->scale) for (int k = 0; k < 64; k++) s[k] *= X->scale[first + k];                              \
                for (int r = 0; r < 64; r += 8, p += 8 * ld) {                                                       \
                    for (int k = 0; k < 8 && first + r + 8 + ahead <= X->n; k++)                                     \
                        for (int t = 0; t < nvec; t++) SO_PREFETCH(p + (ahead + k) * ld + 8 * t);                    \
                    for (int t = 0; t < pieces; t++) {                                                               \
                        SO_V y[8], *z = (SO_V *)tmp + (t / SO_PER * 64 + r) * SO_PER + t % SO_PER;                   \
                        for (int k = 0; k < 8; k++) { SO_HLOAD_##T(SO_V, y[k], p + k * ld + lanes * t); }            \
                        for (int k = 0; k < 8; k++) y[k] *= s[r + k];                                                \
                        SO_BF8(SO_V, y)                                                                              \
                        for (int k = 0; k < 8; k++) z[SO_PER * k] = y[k];                                            \
                    }                                                                                                \
                }                                                                                                    \
            } else {                                                                                                 \
                double *z = (double *)tmp;                                                                           \
                for (int t = 0; t < nvec; t++)                                                                       \
                    for (int r = 0; r < 64; r++, z += 8)                                                             \
                        for (int c = 0; c < 8; c++) {                                                                \
                            ptrdiff_t i = first + r, j = col + 8 * t + c;                                            \
                            if (i < 0 || i >= X->n) { z[c] = 0.0; continue; }                                        \
                            z[c] = data[i * ld + j] * (X->scale ? s[r] * X->scale[i] : s[r]);                        \
                        }                                                                                            \
                for (int t = 0; t < nvec; t++) SO_HGLUE(SO_H(so_pass), 8)(tmp + 64 * t, 64, 1);                      \
            }                                                                                                        \
            for (int i = 0; i < 8; i++)                                                                              \
                for (int t = 0; t < pieces; t++) {                                                                   \
                    SO_V y[8], *z = (SO_V *)tmp + (t / SO_PER * 64 + i) * SO_PER + t % SO_PER;                       \
                    SO_V *out = (SO_V *)buf + ((t / SO_PER * 64 + i) * ldb + b) * SO_PER + t % SO_PER;               \
                    for (int k = 0; k < 8; k++) y[k] = z[8 * SO_PER * k];                                            \
                    SO_BF8(SO_V, y)                                                                                  \
                    for (int k = 0; k < 8; k++) out[8 * k * ldb * SO_PER] = y[k];                                    \
                }                                                                                                    \
        }                                                                                                            \
        for (ptrdiff_t i = 0; i < 64; i++) SO_H(so_finish)(buf, acc, e, nvec, h, i);                                 \
    }                                                                                                                \
}
SO_BY_ROWS(f64, double)
SO_BY_ROWS(f32, float)

#define SO_AT(p) (*(so_v4 *)(p)) /* on a multiple of four entries: aligned */

/* Levels 1 to 5 of 32 rows, times factors f; leaves row r at so_place(r). */
#define SO_FIRST(T, TYPE)                                                                                            \
static inline void SO_HGLUE(SO_H(so_first), T)(const TYPE *x, const double *f, double *out)                          \
{                                                                                                                    \
    so_v4 y[8];                                                                                                      \
    for (int k = 0; k < 8; k++) {                                                                                    \
        so_v4 x4;                                                                                                    \
        SO_HLOAD_##T(so_v4, x4, x + 4 * k);                                                                            \
        y[k] = x4 * SO_AT(f + 4 * k);                                                                               \
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
static inline void SO_HGLUE(SO_H(so_column_last), R)(const double *x, ptrdiff_t h, const double *e, double *acc,     \
                                                     const char *next, ptrdiff_t bytes)                              \
{                                                                                                                    \
    const ptrdiff_t far = so_padded(h);                                                                              \
    for (ptrdiff_t i = 0; i < h; i += 4) {                                                                           \
        so_v4 y[R];                                                                                                  \
        const ptrdiff_t at = so_padded(i);                                                                           \
        for (int k = 0; k < R; k++) y[k] = SO_AT(x + at + k * far);                                                  \
        SO_BF##R(so_v4, y)                                                                                           \
        if (next)                                                                                                    \
            for (int k = 0; k < R; k += 2) SO_PREFETCH2(next + (i * R + 4 * k) * bytes);                             \
        for (int k = 0; k < R; k++) SO_AT(acc + at + k * far) += y[k] * SO_AT(e + at + k * far);                     \
    }                                                                                                                \
}
SO_COLUMN_PASS(2)
SO_COLUMN_PASS(4)
SO_COLUMN_PASS(8)
SO_COLUMN_PASS(16)

/* Levels l + 1, .. of a column whose levels 1 to l are done. */
static inline void SO_H(so_column_finish)(double *x, int lg, int l, const double *e, double *acc, const char *next,
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

/* F order: the same for columns col .. col + count; entry r of the sum of one lies at so_place(r) of its own part. */
#define SO_BY_COLUMNS(T, TYPE)                                                                                       \
static void SO_HGLUE(SO_H(so_by_columns), T)(const so_rows *X, ptrdiff_t col, int count, ptrdiff_t q0, ptrdiff_t q1, \
                                             so_v8 *acc, char *work)                                                 \
{                                                                                                                    \
    const TYPE *data = (const TYPE *)X->data;                                                                        \
    const ptrdiff_t B = (ptrdiff_t)1 << X->lg, part = so_padded(B), b2 = B / 64;                                     \
    double *buf = (double *)work, *e = buf + part, *f = e + part;                                                    \
    TYPE *cut = (TYPE *)(f + B); /* a block that sticks out */                                                       \
    for (ptrdiff_t k = 0; k < part; k++) e[k] = 1.0;                                                                 \
    for (ptrdiff_t q = q0; q < q1; q++) {                                                                            \
        const ptrdiff_t first = q * B - X->row0, lo = first < 0 ? -first : 0;                                        \
        const ptrdiff_t hi = first + B > X->n ? X->n - first : B, whole = lo == 0 && hi == B;                        \
        for (ptrdiff_t b = 0; b < b2; b++) {                                                                         \
            SO_H(so_expand)(so_word(X->seed, 1, (uint64_t)(q * b2 + b)), f + 64 * b);                                \
            if (X->row_signs)                                                                                        \
                SO_H(so_expand)(so_swap(so_word(X->seed, 2, (uint64_t)(q * b2 + b))), e + so_padded(64 * b));        \
        }                                                                                                            \
        for (ptrdiff_t k = lo; k < hi && X->scale; k++) f[k] *= X->scale[first + k];                                 \
        for (ptrdiff_t k = 0; k < B && !whole; k++) cut[k] = 0;                                                      \
        for (int c = 0; c < count; c++) {                                                                            \
            const TYPE *x = data + (col + c) * X->ld + first, *next = NULL;                                          \
            if (c + 1 < count && whole) next = x + X->ld;                                                            \
            else if (c + 1 == count && q + 1 < q1 && first + 2 * B <= X->n) next = data + col * X->ld + first + B;   \
            if (!whole) {                                                                                            \
                for (ptrdiff_t k = lo; k < hi; k++) cut[k] = x[k];                                                   \
                x = cut;                                                                                             \
            }                                                                                                        \
            for (ptrdiff_t r = 0; r < B; r += 256) {                                                                 \
                double *z = buf + so_padded(r);                                                                      \
                for (ptrdiff_t g = 0; g < 256 && g < B; g += 32)                                                     \
                    SO_HGLUE(SO_H(so_first), T)(x + r + g, f + r + g, z + g);                                        \
                if (X->lg > 8) SO_HGLUE(SO_H(so_column_pass), 8)(z, 256, 32);                                        \
            }                                                                                                        \
            SO_H(so_column_finish)(buf, X->lg, X->lg > 8 ? 8 : 5, e, (double *)acc + c * part, (const char *)next,   \
                                   sizeof(TYPE));                                                                    \
        }                                                                                                            \
    }                                                                                                                \
}
SO_BY_COLUMNS(f64, double)
SO_BY_COLUMNS(f32, float)

static const so_hadamard SO_H(so_hadamard_table) = {
    SO_HGLUE(SO_H(so_by_rows), f64), SO_HGLUE(SO_H(so_by_rows), f32),
    SO_HGLUE(SO_H(so_by_columns), f64), SO_HGLUE(SO_H(so_by_columns), f32),
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
#undef SO_BY_ROWS
#undef SO_FIRST
#undef SO_AT
#undef SO_COLUMN_PASS
#undef SO_BY_COLUMNS
