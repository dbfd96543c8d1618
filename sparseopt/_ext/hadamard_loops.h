/* The loops behind hadamard.h, included once per instruction set with SO_ISA set to its name (no include guard).
 *
 * Eight columns of a block of B = 64 * B2 rows are one array of B vectors.  Phase one takes 64 consecutive rows
 * (signs, levels 1 to 6) and stores them transposed, so that phase two (the remaining levels, row signs, addition
 * to the sum) finds the B2 vectors it combines side by side.  Every vector is read once and written once a phase.
 */
#define SO_HGLUE2(a, b) a##_##b
#define SO_HGLUE(a, b) SO_HGLUE2(a, b)
#define SO_H(name) SO_HGLUE(name, SO_ISA)

/* levels 1 to log2(R) of R vectors in registers */
#define SO_BF(a, b) { so_v8 t_ = a; a = t_ + b; b = t_ - b; }
#define SO_BF2(y) SO_BF(y[0], y[1])
#define SO_BF4(y) SO_BF(y[0], y[1]) SO_BF(y[2], y[3]) SO_BF(y[0], y[2]) SO_BF(y[1], y[3])
#define SO_BF8(y)                                                                                                    \
    SO_BF(y[0], y[1]) SO_BF(y[2], y[3]) SO_BF(y[4], y[5]) SO_BF(y[6], y[7])                                          \
    SO_BF(y[0], y[2]) SO_BF(y[1], y[3]) SO_BF(y[4], y[6]) SO_BF(y[5], y[7])                                          \
    SO_BF(y[0], y[4]) SO_BF(y[1], y[5]) SO_BF(y[2], y[6]) SO_BF(y[3], y[7])
#define SO_BF16(y)                                                                                                   \
    { so_v8 *z_ = y + 8; SO_BF8(y) SO_BF8(z_) }                                                                      \
    SO_BF(y[0], y[8]) SO_BF(y[1], y[9]) SO_BF(y[2], y[10]) SO_BF(y[3], y[11])                                        \
    SO_BF(y[4], y[12]) SO_BF(y[5], y[13]) SO_BF(y[6], y[14]) SO_BF(y[7], y[15])

/* in place: the levels of strides h, 2h, .. R/2 h of n vectors */
#define SO_PASS(R)                                                                                                   \
static inline void SO_HGLUE(SO_H(so_pass), R)(so_v8 *x, ptrdiff_t n, ptrdiff_t h)                                    \
{                                                                                                                    \
    for (ptrdiff_t g = 0; g < n; g += R * h)                                                                         \
        for (ptrdiff_t i = g; i < g + h; i++) {                                                                      \
            so_v8 y[R];                                                                                              \
            for (int k = 0; k < R; k++) y[k] = x[i + k * h];                                                         \
            SO_BF##R(y)                                                                                              \
            for (int k = 0; k < R; k++) x[i + k * h] = y[k];                                                         \
        }                                                                                                            \
}                                                                                                                    \
/* the last levels of n = R h vectors, multiplied by signs (entries 64 apart) and added to acc */                    \
static inline void SO_HGLUE(SO_H(so_last), R)(const so_v8 *x, ptrdiff_t h, const double *e, so_v8 *acc)              \
{                                                                                                                    \
    for (ptrdiff_t i = 0; i < h; i++) {                                                                              \
        so_v8 y[R];                                                                                                  \
        for (int k = 0; k < R; k++) y[k] = x[i + k * h];                                                             \
        SO_BF##R(y)                                                                                                  \
        for (int k = 0; k < R; k++) acc[i + k * h] += y[k] * e[64 * (i + k * h)];                                    \
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

static inline void SO_H(so_transpose)(so_v8 *y)
{
    so_v8 a[8], b[8];
    for (int k = 0; k < 8; k += 2) {
        a[k] = SO_SHUFFLE(y[k], y[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        a[k + 1] = SO_SHUFFLE(y[k], y[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int k = 0; k < 8; k += 4)
        for (int i = 0; i < 2; i++) {
            b[k + i] = SO_SHUFFLE(a[k + i], a[k + i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            b[k + i + 2] = SO_SHUFFLE(a[k + i], a[k + i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; i++) {
        y[i] = SO_SHUFFLE(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        y[i + 4] = SO_SHUFFLE(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* Eight rows of eight columns starting at p, entries (row, column) at p[row * rs + column * cs], one of rs, cs being 1. */
#define SO_LOADER(T, TYPE)                                                                                           \
static inline void SO_HGLUE(SO_H(so_rows_c), T)(const TYPE *p, ptrdiff_t ld, so_v8 *y)                               \
{                                                                                                                    \
    for (int k = 0; k < 8; k++) SO_HLOAD_##T(y[k], p + k * ld);                                                      \
}                                                                                                                    \
static inline void SO_HGLUE(SO_H(so_rows_f), T)(const TYPE *p, ptrdiff_t ld, so_v8 *y)                               \
{                                                                                                                    \
    for (int k = 0; k < 8; k++) SO_HLOAD_##T(y[k], p + k * ld);                                                      \
    SO_H(so_transpose)(y);                                                                                           \
}
SO_LOADER(f64, double)
SO_LOADER(f32, float)

/* Phase two of rows i, i + 64, .. of a block: tiles of nvec vectors, B2 = 2^h. */
static inline void SO_H(so_finish)(so_v8 *buf, so_v8 *acc, const double *e, int nvec, int h, ptrdiff_t i)
{
    ptrdiff_t b2 = (ptrdiff_t)1 << h, ldb = b2 + 1;
    for (int t = 0; t < nvec; t++) {
        so_v8 *x = buf + (t * 64 + i) * ldb, *a = acc + (t * 64 + i) * b2;
        int l = 0;
        while (h - l > 4) {
            if (h - l == 5) { SO_HGLUE(SO_H(so_pass), 4)(x, b2, (ptrdiff_t)1 << l); l += 2; }
            else { SO_HGLUE(SO_H(so_pass), 8)(x, b2, (ptrdiff_t)1 << l); l += 3; }
        }
        switch (h - l) {
        case 4: SO_HGLUE(SO_H(so_last), 16)(x, (ptrdiff_t)1 << l, e + i, a); break;
        case 3: SO_HGLUE(SO_H(so_last), 8)(x, (ptrdiff_t)1 << l, e + i, a); break;
        case 2: SO_HGLUE(SO_H(so_last), 4)(x, (ptrdiff_t)1 << l, e + i, a); break;
        case 1: SO_HGLUE(SO_H(so_last), 2)(x, (ptrdiff_t)1 << l, e + i, a); break;
        default: a[0] += x[0] * e[i];
        }
    }
}

/* Ask memory for 8 rows of the tile, some time before they are needed. */
#define SO_AHEAD(T, TYPE)                                                                                            \
static inline void SO_HGLUE(SO_H(so_ahead), T)(const TYPE *p, ptrdiff_t ld, ptrdiff_t next, int nvec)                \
{                                                                                                                    \
    for (int k = 0; k < 8; k++)                                                                                      \
        for (int t = 0; t < nvec; t++) SO_PREFETCH(p + k * ld + t * next);                                           \
}
SO_AHEAD(f64, double)
SO_AHEAD(f32, float)

/* acc += sum over blocks q0 <= q < q1 of E_q H D_q A_q, for columns col .. col + 8 nvec of X.
 * FORDER 0: element (i, j) at data[i * ld + j]; 1: at data[j * ld + i]. */
#define SO_BLOCKS(NAME, T, TYPE, FORDER)                                                                             \
static void SO_HGLUE(SO_H(so_blocks_##NAME), T)(const so_rows *X, ptrdiff_t col, int nvec, ptrdiff_t q0, ptrdiff_t q1, \
                                                so_v8 *acc, char *work)                                              \
{                                                                                                                    \
    const TYPE *data = (const TYPE *)X->data;                                                                        \
    const int h = X->lg - 6;                                                                                         \
    const ptrdiff_t B = (ptrdiff_t)1 << X->lg, b2 = (ptrdiff_t)1 << h, ldb = b2 + 1, ld = X->ld;                     \
    const ptrdiff_t next = FORDER ? 8 * ld : 8, step = FORDER ? 8 : 8 * ld, row = FORDER ? 1 : ld;                   \
    const ptrdiff_t ahead = FORDER ? 64 : 16; /* rows; those of C order lie on pages of their own */                 \
    so_v8 *buf = (so_v8 *)work, *tmp = buf + 64 * ldb * nvec;                                                        \
    double *e = (double *)(tmp + 64 * nvec), *s = e + B;                                                             \
    for (ptrdiff_t k = 0; k < B; k++) e[k] = 1.0;                                                                    \
    for (ptrdiff_t q = q0; q < q1; q++) {                                                                            \
        if (X->row_signs)                                                                                            \
            for (ptrdiff_t b = 0; b < b2; b++)                                                                       \
                SO_H(so_expand)(so_word(X->seed, 2, (uint64_t)(q * b2 + b)), e + 64 * b);                            \
        for (ptrdiff_t b = 0; b < b2; b++) {                                                                         \
            ptrdiff_t first = q * B + 64 * b - X->row0; /* of the rows at hand */                                    \
            SO_H(so_expand)(so_word(X->seed, 1, (uint64_t)(q * b2 + b)), s);                                         \
            if (first >= 0 && first + 64 <= X->n) {                                                                  \
                const TYPE *p = data + (FORDER ? first + col * ld : first * ld + col);                               \
                if (X->scale) for (int k = 0; k < 64; k++) s[k] *= X->scale[first + k];                              \
                for (int r = 0; r < 64; r += 8, p += step) {                                                         \
                    if (first + r + 8 + ahead <= X->n)                                                               \
                        SO_HGLUE(SO_H(so_ahead), T)(p + ahead * row, ld, next, nvec);                                \
                    for (int t = 0; t < nvec; t++) {                                                                 \
                        so_v8 y[8];                                                                                  \
                        const TYPE *at = p + t * next;                                                               \
                        SO_HGLUE(SO_H(so_rows_##NAME), T)(at, ld, y);                                                \
                        for (int k = 0; k < 8; k++) y[k] *= s[r + k];                                                \
                        SO_BF8(y)                                                                                    \
                        for (int k = 0; k < 8; k++) tmp[t * 64 + r + k] = y[k];                                      \
                    }                                                                                                \
                }                                                                                                \
            } else {                                                                                                 \
                double *z = (double *)tmp;                                                                           \
                for (int t = 0; t < nvec; t++)                                                                       \
                    for (int r = 0; r < 64; r++, z += 8)                                                             \
                        for (int c = 0; c < 8; c++) {                                                                \
                            ptrdiff_t i = first + r, j = col + 8 * t + c;                                            \
                            if (i < 0 || i >= X->n) { z[c] = 0.0; continue; }                                        \
                            z[c] = data[FORDER ? j * ld + i : i * ld + j] * (X->scale ? s[r] * X->scale[i] : s[r]);  \
                        }                                                                                            \
                for (int t = 0; t < nvec; t++) SO_HGLUE(SO_H(so_pass), 8)(tmp + 64 * t, 64, 1);                      \
            }                                                                                                        \
            for (int t = 0; t < nvec; t++)                                                                           \
                for (int i = 0; i < 8; i++) {                                                                        \
                    so_v8 y[8], *out = buf + (t * 64 + i) * ldb + b;                                                 \
                    for (int k = 0; k < 8; k++) y[k] = tmp[t * 64 + i + 8 * k];                                      \
                    SO_BF8(y)                                                                                        \
                    for (int k = 0; k < 8; k++) out[8 * k * ldb] = y[k];                                             \
                }                                                                                                    \
        }                                                                                                            \
        for (ptrdiff_t i = 0; i < 64; i++) {                                                                         \
            SO_H(so_finish)(buf, acc, e, nvec, h, i);                                                                \
        }                                                                                                            \
    }                                                                                                                \
}
SO_BLOCKS(c, f64, double, 0)
SO_BLOCKS(c, f32, float, 0)
SO_BLOCKS(f, f64, double, 1)
SO_BLOCKS(f, f32, float, 1)

static const so_hadamard SO_H(so_hadamard_table) = {
    SO_HGLUE(SO_H(so_blocks_c), f64), SO_HGLUE(SO_H(so_blocks_c), f32),
    SO_HGLUE(SO_H(so_blocks_f), f64), SO_HGLUE(SO_H(so_blocks_f), f32),
    SO_H(so_levels),
};
#undef SO_BF
#undef SO_BF2
#undef SO_BF4
#undef SO_BF8
#undef SO_BF16
#undef SO_PASS
#undef SO_LOADER
#undef SO_AHEAD
#undef SO_BLOCKS
