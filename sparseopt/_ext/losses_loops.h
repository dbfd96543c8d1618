/* The loops behind losses.h, included once per instruction set with SO_ISA set to its name (no include guard). */
#undef SO_GLUE2
#undef SO_GLUE
#undef SO_FN
#define SO_GLUE2(a, b) a##_##b
#define SO_GLUE(a, b) SO_GLUE2(a, b)
#define SO_FN(name) SO_GLUE(name, SO_ISA)

#ifdef SO_LOSS_VECTORS

/* Vectors as wide as the registers of the machine at hand: compilers keep wider ones in memory. */
#undef SO_LANES
#undef SO_ALL
#if defined(SO_WIDE)
#define SO_LANES 8
#define SO_ALL(x) {x, x, x, x, x, x, x, x}
#elif defined(__AVX2__)
#define SO_LANES 4
#define SO_ALL(x) {x, x, x, x}
#else
#define SO_LANES 2
#define SO_ALL(x) {x, x}
#endif
#define SO_V SO_FN(so_vector)
#define SO_VI SO_FN(so_integers)
typedef double SO_V __attribute__((vector_size(8 * SO_LANES)));
typedef int64_t SO_VI __attribute__((vector_size(8 * SO_LANES)));

SO_INLINE SO_V SO_FN(so_pick)(SO_VI yes, SO_V a, SO_V b)
{
    return (SO_V)((yes & (SO_VI)a) | (~yes & (SO_VI)b));
}
SO_INLINE SO_V SO_FN(so_size)(SO_V x)
{
    const SO_VI bits = SO_ALL(INT64_MAX);
    return (SO_V)((SO_VI)x & bits);
}

/* e^x: x = k log 2 + r with |r| <= log(2) / 2, a Taylor polynomial of degree 13 (error 4e-18), and 2^k in two factors
 * so that results may be subnormal.  NaN stays NaN. */
SO_INLINE SO_V SO_FN(so_one_exp)(SO_V x)
{
    static const double c[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0,
                               1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0};
    const SO_V low = SO_ALL(-800.0), high = SO_ALL(800.0), magic = SO_ALL(0x1.8p52), one = SO_ALL(1.0);
    const SO_VI bias = SO_ALL(1023);
    SO_V t = SO_FN(so_pick)(x < low, low, x);
    t = SO_FN(so_pick)(t > high, high, t);
    SO_V k = t * 0x1.71547652b82fep+0 + magic;
    SO_VI n = (SO_VI)k - (SO_VI)magic;
    k -= magic;
    SO_V r = (t - k * 0x1.62e42fefa0000p-1) - k * 0x1.cf79abc9e3b3ap-40;
    SO_V p = SO_ALL(c[0]);
    for (int i = 1; i < 13; i++) p = p * r + c[i];
    p = p * r + one;
    SO_VI half = n >> 1;
    return p * (SO_V)((half + bias) << 52) * (SO_V)((n - half + bias) << 52);
}

/* 2 artanh(s) for |s| <= 1/3: 16 terms are enough for full relative precision. */
SO_INLINE SO_V SO_FN(so_series)(SO_V s, int terms)
{
    SO_V w = s * s, p = SO_ALL(2.0 / (2.0 * terms - 1.0));
    for (int i = terms - 2; i >= 0; i--) p = p * w + 2.0 / (2.0 * i + 1.0);
    return p * s;
}

/* log x of normal x > 0 (others are taken as the smallest): x = 2^k m with m within sqrt(2) of 1. */
SO_INLINE SO_V SO_FN(so_one_log)(SO_V x)
{
    const SO_V least = SO_ALL(0x1p-1022), magic = SO_ALL(0x1.8p52);
    const SO_VI root = SO_ALL(0x3FE6A09E667F3BCD);
    x = SO_FN(so_pick)(x > least, x, least);
    SO_VI n = ((SO_VI)x - root) >> 52;
    SO_V m = (SO_V)((SO_VI)x - (n << 52));
    SO_V k = (SO_V)(n + (SO_VI)magic) - magic;
    SO_V f = m - 1.0;
    return k * 0x1.62e42fefa0000p-1 + (k * 0x1.cf79abc9e3b3ap-40 + SO_FN(so_series)(f / (2.0 + f), 11));
}

/* log(1 + e) for 0 <= e. */
SO_INLINE SO_V SO_FN(so_one_log1p)(SO_V e)
{
    const SO_V one = SO_ALL(1.0);
    SO_V small = SO_FN(so_series)(e / (2.0 + e), 16);
    SO_VI inside = e <= one;
    return SO_FN(so_pick)(inside, small, SO_FN(so_one_log)(one + e));
}

/* v log v, and (1 - v) log(1 - v) with the rounding of 1 - v made good. */
SO_INLINE SO_V SO_FN(so_one_xlogx)(SO_V v)
{
    return v * SO_FN(so_one_log)(v);
}
SO_INLINE SO_V SO_FN(so_one_below)(SO_V v)
{
    SO_V w = 1.0 - v;
    return w * SO_FN(so_one_log)(w) - (v - (1.0 - w));
}

SO_INLINE SO_V SO_FN(so_one_value)(SO_V y, SO_V eta)
{
    const SO_V zero = SO_ALL(0.0);
    SO_V m = y * eta, loss = SO_FN(so_one_log1p)(SO_FN(so_one_exp)(-SO_FN(so_size)(m)));
    return SO_FN(so_pick)(m == m, loss + SO_FN(so_pick)(m < zero, -m, zero), m);
}
SO_INLINE SO_V SO_FN(so_one_slope)(SO_V y, SO_V eta)
{
    const SO_V zero = SO_ALL(0.0), one = SO_ALL(1.0);
    SO_V m = y * eta, e = SO_FN(so_one_exp)(-SO_FN(so_size)(m));
    return -y * SO_FN(so_pick)(m > zero, e, one) / (1.0 + e);
}
SO_INLINE SO_V SO_FN(so_one_bend)(SO_V eta)
{
    SO_V e = SO_FN(so_one_exp)(-SO_FN(so_size)(eta)), d = 1.0 + e;
    return e / (d * d);
}
SO_INLINE SO_V SO_FN(so_one_conjugate)(SO_V y, SO_V u)
{
    const SO_V zero = SO_ALL(0.0), one = SO_ALL(1.0), infinite = SO_ALL(HUGE_VAL);
    SO_V v = -y * u;
    return SO_FN(so_pick)((v >= zero) & (v <= one), SO_FN(so_one_xlogx)(v) + SO_FN(so_one_below)(v), infinite);
}

#define SO_LOSS_MAP3(NAME, CALL)                                                                       \
static void SO_FN(NAME)(const double *a, const double *b, double *out, ptrdiff_t n)                    \
{                                                                                                      \
    SO_V u, v, r;                                                                                      \
    ptrdiff_t i = 0;                                                                                   \
    for (; i + SO_LANES <= n; i += SO_LANES) {                                                         \
        memcpy(&u, a + i, sizeof u); memcpy(&v, b + i, sizeof v);                                      \
        r = CALL(u, v);                                                                                \
        memcpy(out + i, &r, sizeof r);                                                                 \
    }                                                                                                  \
    if (i < n) {                                                                                       \
        double s[SO_LANES] = {0}, t[SO_LANES] = {0};                                                   \
        memcpy(s, a + i, (size_t)(n - i) * sizeof *s); memcpy(t, b + i, (size_t)(n - i) * sizeof *t);  \
        memcpy(&u, s, sizeof u); memcpy(&v, t, sizeof v);                                              \
        r = CALL(u, v);                                                                                \
        memcpy(out + i, &r, (size_t)(n - i) * sizeof *s);                                              \
    }                                                                                                  \
}
#define SO_LOSS_MAP2(NAME, CALL)                                                                       \
static void SO_FN(NAME)(const double *a, double *out, ptrdiff_t n)                                     \
{                                                                                                      \
    SO_V u, r;                                                                                         \
    ptrdiff_t i = 0;                                                                                   \
    for (; i + SO_LANES <= n; i += SO_LANES) {                                                         \
        memcpy(&u, a + i, sizeof u);                                                                   \
        r = CALL(u);                                                                                   \
        memcpy(out + i, &r, sizeof r);                                                                 \
    }                                                                                                  \
    if (i < n) {                                                                                       \
        double s[SO_LANES] = {0};                                                                      \
        memcpy(s, a + i, (size_t)(n - i) * sizeof *s);                                                 \
        memcpy(&u, s, sizeof u);                                                                       \
        r = CALL(u);                                                                                   \
        memcpy(out + i, &r, (size_t)(n - i) * sizeof *s);                                              \
    }                                                                                                  \
}

#else /* compilers without vector types */

SO_INLINE double SO_FN(so_one_value)(double y, double eta)
{
    double m = y * eta;
    return log1p(exp(-fabs(m))) + (m < 0.0 ? -m : 0.0);
}
SO_INLINE double SO_FN(so_one_slope)(double y, double eta)
{
    double m = y * eta, e = exp(-fabs(m));
    return -y * (m > 0.0 ? e : 1.0) / (1.0 + e);
}
SO_INLINE double SO_FN(so_one_bend)(double eta)
{
    double e = exp(-fabs(eta)), d = 1.0 + e;
    return e / (d * d);
}
SO_INLINE double SO_FN(so_one_exp)(double x) { return exp(x); }
SO_INLINE double SO_FN(so_one_log1p)(double x) { return log1p(x); }
SO_INLINE double SO_FN(so_one_xlogx)(double v) { return v > 0.0 ? v * log(v) : 0.0; }
SO_INLINE double SO_FN(so_one_below)(double v) { return v < 1.0 ? (1.0 - v) * log1p(-v) : 0.0; }
SO_INLINE double SO_FN(so_one_conjugate)(double y, double u)
{
    double v = -y * u;
    return v >= 0.0 && v <= 1.0 ? SO_FN(so_one_xlogx)(v) + SO_FN(so_one_below)(v) : HUGE_VAL;
}
#define SO_LOSS_MAP3(NAME, CALL)                                                                       \
static void SO_FN(NAME)(const double *a, const double *b, double *out, ptrdiff_t n)                    \
{                                                                                                      \
    for (ptrdiff_t i = 0; i < n; i++) out[i] = CALL(a[i], b[i]);                                       \
}
#define SO_LOSS_MAP2(NAME, CALL)                                                                       \
static void SO_FN(NAME)(const double *a, double *out, ptrdiff_t n)                                     \
{                                                                                                      \
    for (ptrdiff_t i = 0; i < n; i++) out[i] = CALL(a[i]);                                             \
}

#endif

SO_LOSS_MAP3(so_map_value, SO_FN(so_one_value))
SO_LOSS_MAP3(so_map_slope, SO_FN(so_one_slope))
SO_LOSS_MAP3(so_map_conjugate, SO_FN(so_one_conjugate))
SO_LOSS_MAP2(so_map_bend, SO_FN(so_one_bend))
SO_LOSS_MAP2(so_map_exp, SO_FN(so_one_exp))
SO_LOSS_MAP2(so_map_log1p, SO_FN(so_one_log1p))
SO_LOSS_MAP2(so_map_xlogx, SO_FN(so_one_xlogx))
SO_LOSS_MAP2(so_map_below, SO_FN(so_one_below))

static const so_losses SO_FN(so_losses) = {
    SO_FN(so_map_value), SO_FN(so_map_slope), SO_FN(so_map_conjugate), SO_FN(so_map_bend),
    SO_FN(so_map_exp), SO_FN(so_map_log1p), SO_FN(so_map_xlogx), SO_FN(so_map_below),
};

#undef SO_LOSS_MAP3
#undef SO_LOSS_MAP2
