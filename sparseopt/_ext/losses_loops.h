/* The loops behind losses.h, included once per instruction set with SO_ISA set to its name (no include guard). */
#undef SO_GLUE2
#undef SO_GLUE
#undef SO_FN
#define SO_GLUE2(a, b) a##_##b
#define SO_GLUE(a, b) SO_GLUE2(a, b)
#define SO_FN(name) SO_GLUE(name, SO_ISA)

#ifdef SO_LOSS_VECTORS

/* One register of this instruction set: a wider vector type would be kept in memory. */
#ifdef SO_WIDE
#define SO_WIDTH 8
#define SO_ALL(x) {x, x, x, x, x, x, x, x}
#elif defined(SO_HALF)
#define SO_WIDTH 4
#define SO_ALL(x) {x, x, x, x}
#else
#define SO_WIDTH 2
#define SO_ALL(x) {x, x}
#endif
typedef double SO_FN(so_reals) __attribute__((vector_size(8 * SO_WIDTH)));
typedef int64_t SO_FN(so_bits) __attribute__((vector_size(8 * SO_WIDTH)));
#define so_v SO_FN(so_reals)
#define so_vi SO_FN(so_bits)

SO_INLINE so_v SO_FN(so_pick)(so_vi yes, so_v a, so_v b)
{
    return (so_v)((yes & (so_vi)a) | (~yes & (so_vi)b));
}
SO_INLINE so_v SO_FN(so_size)(so_v x)
{
    const so_vi bits = SO_ALL(INT64_MAX);
    return (so_v)((so_vi)x & bits);
}

/* e^x: x = k log 2 + r with |r| <= log(2) / 2, a Taylor polynomial of degree 13 (error 4e-18), and 2^k in two factors
 * so that results may be subnormal.  NaN stays NaN. */
SO_INLINE so_v SO_FN(so_exp_v)(so_v x)
{
    static const double c[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0,
                               1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0};
    const so_v low = SO_ALL(-800.0), high = SO_ALL(800.0), magic = SO_ALL(0x1.8p52), one = SO_ALL(1.0);
    const so_vi bias = SO_ALL(1023);
    so_v t = SO_FN(so_pick)(x < low, low, x);
    t = SO_FN(so_pick)(t > high, high, t);
    so_v k = t * 0x1.71547652b82fep+0 + magic;
    so_vi n = (so_vi)k - (so_vi)magic;
    k -= magic;
    so_v r = (t - k * 0x1.62e42fefa0000p-1) - k * 0x1.cf79abc9e3b3ap-40;
    so_v p = SO_ALL(c[0]);
    for (int i = 1; i < 13; i++) p = p * r + c[i];
    p = p * r + one;
    so_vi half = n >> 1;
    return p * (so_v)((half + bias) << 52) * (so_v)((n - half + bias) << 52);
}

/* 2 artanh(s) for |s| <= 1/3: 16 terms are enough for full relative precision. */
SO_INLINE so_v SO_FN(so_series)(so_v s, int terms)
{
    so_v w = s * s, p = SO_ALL(2.0 / (2.0 * terms - 1.0));
    for (int i = terms - 2; i >= 0; i--) p = p * w + 2.0 / (2.0 * i + 1.0);
    return p * s;
}

/* log x of normal x > 0 (others are taken as the smallest): x = 2^k m with m within sqrt(2) of 1. */
SO_INLINE so_v SO_FN(so_log_v)(so_v x)
{
    const so_v least = SO_ALL(0x1p-1022), magic = SO_ALL(0x1.8p52);
    const so_vi root = SO_ALL(0x3FE6A09E667F3BCD);
    x = SO_FN(so_pick)(x > least, x, least);
    so_vi n = ((so_vi)x - root) >> 52;
    so_v m = (so_v)((so_vi)x - (n << 52));
    so_v k = (so_v)(n + (so_vi)magic) - magic;
    so_v f = m - 1.0;
    return k * 0x1.62e42fefa0000p-1 + (k * 0x1.cf79abc9e3b3ap-40 + SO_FN(so_series)(f / (2.0 + f), 11));
}

/* log(1 + e) for 0 <= e. */
SO_INLINE so_v SO_FN(so_log1p_v)(so_v e)
{
    const so_v one = SO_ALL(1.0);
    so_v small = SO_FN(so_series)(e / (2.0 + e), 16);
    so_vi inside = e <= one;
    return SO_FN(so_pick)(inside, small, SO_FN(so_log_v)(one + e));
}

/* v log v, and (1 - v) log(1 - v) with the rounding of 1 - v made good. */
SO_INLINE so_v SO_FN(so_xlogx_v)(so_v v)
{
    return v * SO_FN(so_log_v)(v);
}
SO_INLINE so_v SO_FN(so_below_v)(so_v v)
{
    so_v w = 1.0 - v;
    return w * SO_FN(so_log_v)(w) - (v - (1.0 - w));
}

SO_INLINE so_v SO_FN(so_value_v)(so_v y, so_v eta)
{
    const so_v zero = SO_ALL(0.0);
    so_v m = y * eta, loss = SO_FN(so_log1p_v)(SO_FN(so_exp_v)(-SO_FN(so_size)(m)));
    return SO_FN(so_pick)(m == m, loss + SO_FN(so_pick)(m < zero, -m, zero), m);
}
SO_INLINE so_v SO_FN(so_slope_v)(so_v y, so_v eta)
{
    const so_v zero = SO_ALL(0.0), one = SO_ALL(1.0);
    so_v m = y * eta, e = SO_FN(so_exp_v)(-SO_FN(so_size)(m));
    return -y * SO_FN(so_pick)(m > zero, e, one) / (1.0 + e);
}
SO_INLINE so_v SO_FN(so_bend_v)(so_v eta)
{
    so_v e = SO_FN(so_exp_v)(-SO_FN(so_size)(eta)), d = 1.0 + e;
    return e / (d * d);
}
SO_INLINE so_v SO_FN(so_conjugate_v)(so_v y, so_v u)
{
    const so_v zero = SO_ALL(0.0), one = SO_ALL(1.0), infinite = SO_ALL(HUGE_VAL);
    so_v v = -y * u;
    return SO_FN(so_pick)((v >= zero) & (v <= one), SO_FN(so_xlogx_v)(v) + SO_FN(so_below_v)(v), infinite);
}

#define SO_LOSS_MAP3(NAME, CALL)                                                                     \
static void SO_FN(NAME)(const double *a, const double *b, double *out, ptrdiff_t n)                  \
{                                                                                                    \
    so_v u, v, r;                                                                                   \
    ptrdiff_t i = 0;                                                                                 \
    for (; i + SO_WIDTH <= n; i += SO_WIDTH) {                                                               \
        memcpy(&u, a + i, sizeof u); memcpy(&v, b + i, sizeof v);                                    \
        r = CALL(u, v);                                                                              \
        memcpy(out + i, &r, sizeof r);                                                               \
    }                                                                                                \
    if (i < n) {                                                                                     \
        double s[SO_WIDTH] = {0}, t[SO_WIDTH] = {0};                                                          \
        memcpy(s, a + i, (size_t)(n - i) * sizeof *s); memcpy(t, b + i, (size_t)(n - i) * sizeof *t); \
        memcpy(&u, s, sizeof u); memcpy(&v, t, sizeof v);                                            \
        r = CALL(u, v);                                                                              \
        memcpy(out + i, &r, (size_t)(n - i) * sizeof *s);                                            \
    }                                                                                                \
}
#define SO_LOSS_MAP2(NAME, CALL)                                                                     \
static void SO_FN(NAME)(const double *a, double *out, ptrdiff_t n)                                   \
{                                                                                                    \
    so_v u, r;                                                                                      \
    ptrdiff_t i = 0;                                                                                 \
    for (; i + SO_WIDTH <= n; i += SO_WIDTH) {                                                               \
        memcpy(&u, a + i, sizeof u);                                                                 \
        r = CALL(u);                                                                                 \
        memcpy(out + i, &r, sizeof r);                                                               \
    }                                                                                                \
    if (i < n) {                                                                                     \
        double s[SO_WIDTH] = {0};                                                                       \
        memcpy(s, a + i, (size_t)(n - i) * sizeof *s);                                               \
        memcpy(&u, s, sizeof u);                                                                     \
        r = CALL(u);                                                                                 \
        memcpy(out + i, &r, (size_t)(n - i) * sizeof *s);                                            \
    }                                                                                                \
}

#else /* compilers without vector types */

SO_INLINE double SO_FN(so_value_v)(double y, double eta)
{
    double m = y * eta;
    return log1p(exp(-fabs(m))) + (m < 0.0 ? -m : 0.0);
}
SO_INLINE double SO_FN(so_slope_v)(double y, double eta)
{
    double m = y * eta, e = exp(-fabs(m));
    return -y * (m > 0.0 ? e : 1.0) / (1.0 + e);
}
SO_INLINE double SO_FN(so_bend_v)(double eta)
{
    double e = exp(-fabs(eta)), d = 1.0 + e;
    return e / (d * d);
}
SO_INLINE double SO_FN(so_exp_v)(double x) { return exp(x); }
SO_INLINE double SO_FN(so_log1p_v)(double x) { return log1p(x); }
SO_INLINE double SO_FN(so_xlogx_v)(double v) { return v > 0.0 ? v * log(v) : 0.0; }
SO_INLINE double SO_FN(so_below_v)(double v) { return v < 1.0 ? (1.0 - v) * log1p(-v) : 0.0; }
SO_INLINE double SO_FN(so_conjugate_v)(double y, double u)
{
    double v = -y * u;
    return v >= 0.0 && v <= 1.0 ? SO_FN(so_xlogx_v)(v) + SO_FN(so_below_v)(v) : HUGE_VAL;
}
#define SO_LOSS_MAP3(NAME, CALL)                                                       \
static void SO_FN(NAME)(const double *a, const double *b, double *out, ptrdiff_t n)    \
{                                                                                      \
    for (ptrdiff_t i = 0; i < n; i++) out[i] = CALL(a[i], b[i]);                       \
}
#define SO_LOSS_MAP2(NAME, CALL)                                                       \
static void SO_FN(NAME)(const double *a, double *out, ptrdiff_t n)                     \
{                                                                                      \
    for (ptrdiff_t i = 0; i < n; i++) out[i] = CALL(a[i]);                             \
}

#endif

SO_LOSS_MAP3(so_map_value, SO_FN(so_value_v))
SO_LOSS_MAP3(so_map_slope, SO_FN(so_slope_v))
SO_LOSS_MAP3(so_map_conjugate, SO_FN(so_conjugate_v))
SO_LOSS_MAP2(so_map_bend, SO_FN(so_bend_v))
SO_LOSS_MAP2(so_map_exp, SO_FN(so_exp_v))
SO_LOSS_MAP2(so_map_log1p, SO_FN(so_log1p_v))
SO_LOSS_MAP2(so_map_xlogx, SO_FN(so_xlogx_v))
SO_LOSS_MAP2(so_map_below, SO_FN(so_below_v))

static const so_losses SO_FN(so_losses) = {
    SO_FN(so_map_value), SO_FN(so_map_slope), SO_FN(so_map_conjugate), SO_FN(so_map_bend),
    SO_FN(so_map_exp), SO_FN(so_map_log1p), SO_FN(so_map_xlogx), SO_FN(so_map_below),
};

#undef SO_LOSS_MAP3
#undef SO_LOSS_MAP2
#ifdef SO_LOSS_VECTORS
#undef SO_WIDTH
#undef SO_ALL
#undef so_v
#undef so_vi
#endif
