/* Block sums in float32 of rows in C order, included by hadamard_loops.h: for preconditioners, whose last digits do
 * not matter.
 *
 * A tile of columns of one block of rows goes through the first pass once, in the order of memory: levels 1 to 3 run
 * across rows, eight columns at a time, and what they leave is turned, so that the passes that follow find each column
 * in one piece. Entry r of a column lies at so_single_place(r) of its part, times and sums alike.
 */
#define SO_F8(...) SO_SHUFFLE8(__VA_ARGS__)

static inline __attribute__((always_inline)) void SO_H(so_turn8)(so_f8 *y)
{
    so_f8 t[8], u[8];
    for (int k = 0; k < 8; k += 2) {
        t[k] = SO_F8(y[k], y[k + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        t[k + 1] = SO_F8(y[k], y[k + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int k = 0; k < 8; k += 4)
        for (int i = 0; i < 2; i++) {
            u[k + 2 * i] = SO_F8(t[k + i], t[k + i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            u[k + 2 * i + 1] = SO_F8(t[k + i], t[k + i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int k = 0; k < 4; k++) {
        y[k] = SO_F8(u[k], u[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        y[k + 4] = SO_F8(u[k], u[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* Levels of strides h, .. R/2 h of n rows of one column, in place; or the last ones, with row signs, added to acc. */
#define SO_SINGLE_PASS(R)                                                                                            \
static inline void SO_HGLUE(SO_H(so_single_pass), R)(float *x, ptrdiff_t n, ptrdiff_t h)                             \
{                                                                                                                    \
    const ptrdiff_t far = so_single_place(h);                                                                        \
    for (ptrdiff_t g = 0; g < n; g += R * h)                                                                         \
        for (ptrdiff_t i = g; i < g + h; i += 8) {                                                                   \
            so_f8 y[R];                                                                                              \
            float *z = x + so_single_place(i);                                                                       \
            for (int k = 0; k < R; k++) y[k] = *(so_f8 *)(z + k * far);                                              \
            SO_BF##R(so_f8, y)                                                                                       \
            for (int k = 0; k < R; k++) *(so_f8 *)(z + k * far) = y[k];                                              \
        }                                                                                                            \
}                                                                                                                    \
static inline void SO_HGLUE(SO_H(so_single_last), R)(const float *x, ptrdiff_t h, const uint8_t *e, float *acc)      \
{                                                                                                                    \
    const so_u8 lane = {31, 30, 29, 28, 27, 26, 25, 24};                                                             \
    const ptrdiff_t far = so_single_place(h);                                                                        \
    for (ptrdiff_t i = 0; i < h; i += 8) {                                                                           \
        so_f8 y[R];                                                                                                  \
        const ptrdiff_t at = so_single_place(i);                                                                     \
        for (int k = 0; k < R; k++) y[k] = *(const so_f8 *)(x + at + k * far);                                       \
        SO_BF##R(so_f8, y)                                                                                           \
        for (int k = 0; k < R; k++) {                                                                                \
            const uint32_t w = e[(i + k * h) / 8];                                                                   \
            so_u8 s = {w, w, w, w, w, w, w, w};                                                                      \
            s = (s << lane) & 0x80000000u;                                                                           \
            *(so_f8 *)(acc + at + k * far) += (so_f8)((so_u8)y[k] ^ s);                                              \
        }                                                                                                            \
    }                                                                                                                \
}
SO_SINGLE_PASS(2)
SO_SINGLE_PASS(4)
SO_SINGLE_PASS(8)

/* Levels 4, .. of a column of 2^lg >= 512 rows, added to acc. */
static inline void SO_H(so_single_column)(float *x, int lg, const uint8_t *e, float *acc)
{
    const ptrdiff_t n = (ptrdiff_t)1 << lg;
    int l = 8;
    for (ptrdiff_t r = 0; r < n; r += 256) {
        SO_HGLUE(SO_H(so_single_pass), 8)(x + so_single_place(r), 256, 8);
        SO_HGLUE(SO_H(so_single_pass), 4)(x + so_single_place(r), 256, 64);
    }
    while (lg - l > 3) {
        if (lg - l == 4) { SO_HGLUE(SO_H(so_single_pass), 4)(x, n, (ptrdiff_t)1 << l); l += 2; }
        else { SO_HGLUE(SO_H(so_single_pass), 8)(x, n, (ptrdiff_t)1 << l); l += 3; }
    }
    const ptrdiff_t h = (ptrdiff_t)1 << l;
    switch (lg - l) {
    case 1: SO_HGLUE(SO_H(so_single_last), 2)(x, h, e, acc); break;
    case 2: SO_HGLUE(SO_H(so_single_last), 4)(x, h, e, acc); break;
    default: SO_HGLUE(SO_H(so_single_last), 8)(x, h, e, acc);
    }
}

/* acc += sum over blocks q0 <= q < q1 of E_q H D_q A_q for columns col .. col + count, count >= 8. */
#define SO_SINGLES(T, TYPE)                                                                                          \
static void SO_HGLUE(SO_H(so_singles), T)(const so_rows *X, ptrdiff_t col, int count, ptrdiff_t q0, ptrdiff_t q1,    \
                                          float *acc, float *work)                                                   \
{                                                                                                                    \
    const TYPE *data = (const TYPE *)X->data + col;                                                                  \
    const ptrdiff_t B = (ptrdiff_t)1 << X->lg, part = so_single_part(B), ld = X->ld;                                 \
    float *buf = work, *f = buf + count * part;                                                                      \
    uint64_t *e = (uint64_t *)(f + B);                                                                               \
    for (ptrdiff_t q = q0; q < q1; q++) {                                                                            \
        const ptrdiff_t first = q * B - X->row0;                                                                     \
        for (ptrdiff_t b = 0; b < B / 64; b++) {                                                                     \
            const uint64_t w = so_word(X->seed, 1, (uint64_t)(q * (B / 64) + b));                                    \
            const uint64_t v = X->row_signs ? so_word(X->seed, 2, (uint64_t)(q * (B / 64) + b)) : 0;                 \
            for (int k = 0; k < 64; k++) f[64 * b + k] = (w >> k) & 1 ? -1.0f : 1.0f;                                \
            for (int k = 0; k < 8; k++) ((uint8_t *)(e + b))[k] = (uint8_t)(v >> (8 * k));                           \
        }                                                                                                            \
        for (ptrdiff_t k = first < 0 ? -first : 0; k < B && first + k < X->n && X->scale; k++)                       \
            f[k] *= (float)X->scale[first + k];                                                                      \
        for (ptrdiff_t r = 0; r < B; r += 16)                                                                        \
            for (int g = 0; g < count; g += 8) {                                                                     \
                const int c = g + 8 <= count ? g : count - 8; /* the last ones may be done twice */                  \
                for (int half = 0; half < 16; half += 8) {                                                           \
                    const ptrdiff_t at = first + r + half;                                                           \
                    const TYPE *x = data + at * ld + c;                                                              \
                    TYPE cut[64];                                                                                    \
                    ptrdiff_t step = ld;                                                                             \
                    so_f8 y[8];                                                                                      \
                    if (at < 0 || at + 8 > X->n) {                                                                   \
                        memset(cut, 0, sizeof cut);                                                                  \
                        for (int k = 0; k < 8; k++)                                                                  \
                            if (at + k >= 0 && at + k < X->n) memcpy(cut + 8 * k, x + k * ld, 8 * sizeof(TYPE));     \
                        x = cut; step = 8;                                                                           \
                    } else if (at + 24 <= X->n)                                                                      \
                        for (int k = 0; k < 8; k++) SO_PREFETCH(x + (16 + k) * ld);                                  \
                    for (int k = 0; k < 8; k++) {                                                                    \
                        SO_F8LOAD_##T(y[k], x + k * step);                                                           \
                        y[k] *= f[r + half + k];                                                                     \
                    }                                                                                                \
                    SO_BF8(so_f8, y)                                                                                 \
                    SO_H(so_turn8)(y);                                                                               \
                    for (int k = 0; k < 8; k++)                                                                      \
                        *(so_f8 *)(buf + (c + k) * part + so_single_place(r + half)) = y[k];                         \
                }                                                                                                    \
            }                                                                                                        \
        for (int c = 0; c < count; c++)                                                                              \
            SO_H(so_single_column)(buf + c * part, X->lg, (const uint8_t *)e, acc + c * part);                       \
    }                                                                                                                \
}
SO_SINGLES(f64, double)
SO_SINGLES(f32, float)
#undef SO_F8
#undef SO_SINGLE_PASS
#undef SO_SINGLES
