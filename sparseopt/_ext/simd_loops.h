/* The loops behind simd.h, included once per instruction set with SO_ISA set to its name (no include guard). */
#define SO_GLUE2(a, b) a##_##b
#define SO_GLUE(a, b) SO_GLUE2(a, b)
#define SO_FN(name) SO_GLUE(name, SO_ISA)

#ifndef SO_LOADERS
#define SO_LOADERS
#ifdef SO_VECTORS
typedef float so_v8f __attribute__((vector_size(32)));
#define SO_LOAD_f64(v, p) memcpy(&(v), (p), sizeof(so_v8))
#define SO_LOAD_f32(v, p) do { so_v8f f_; memcpy(&f_, (p), sizeof f_); (v) = __builtin_convertvector(f_, so_v8); } while (0)
#define SO_STORE(p, v) memcpy((p), &(v), sizeof(so_v8))
#define SO_ZERO {0, 0, 0, 0, 0, 0, 0, 0}
#define SO_SUM(v) (((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])))
#endif
#define SO_FLOAT_f64 double
#define SO_FLOAT_f32 float
#endif

#ifdef SO_WIDE
#define SO_COUNT 4
#else
#define SO_COUNT 2
#endif

#ifdef SO_VECTORS

#define SO_DEFINE(T)                                                                                             \
static double SO_GLUE(SO_FN(so_dot), T)(const SO_FLOAT_##T *x, const double *r, ptrdiff_t n)                     \
{                                                                                                                \
    so_v8 a = SO_ZERO, b = SO_ZERO, u, v;                                                                        \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 16 <= n; i += 16) {                                                                               \
        SO_LOAD_##T(u, x + i); SO_LOAD_f64(v, r + i); a += u * v;                                                \
        SO_LOAD_##T(u, x + i + 8); SO_LOAD_f64(v, r + i + 8); b += u * v;                                        \
    }                                                                                                            \
    a += b;                                                                                                      \
    double tail = 0.0;                                                                                           \
    for (; i < n; i++) tail += x[i] * r[i];                                                                      \
    return SO_SUM(a) + tail;                                                                                     \
}                                                                                                                \
/* COUNT sums at a time: two accumulators each must fit into the registers. */                                   \
static inline void SO_GLUE(SO_FN(so_dots), T)(const SO_FLOAT_##T *const *x, const double *r, ptrdiff_t n,        \
                                              double *out)                                                       \
{                                                                                                                \
    so_v8 a[SO_COUNT], b[SO_COUNT], u, v;                                                                        \
    const so_v8 zero = SO_ZERO;                                                                                  \
    ptrdiff_t i = 0;                                                                                             \
    for (int k = 0; k < SO_COUNT; k++) a[k] = b[k] = zero;                                                       \
    for (; i + 16 <= n; i += 16) {                                                                               \
        SO_LOAD_f64(v, r + i);                                                                                   \
        for (int k = 0; k < SO_COUNT; k++) { SO_LOAD_##T(u, x[k] + i); a[k] += u * v; }                          \
        SO_LOAD_f64(v, r + i + 8);                                                                               \
        for (int k = 0; k < SO_COUNT; k++) { SO_LOAD_##T(u, x[k] + i + 8); b[k] += u * v; }                      \
    }                                                                                                            \
    for (int k = 0; k < SO_COUNT; k++) {                                                                         \
        double t = 0.0;                                                                                          \
        a[k] += b[k];                                                                                            \
        for (ptrdiff_t j = i; j < n; j++) t += x[k][j] * r[j];                                                   \
        out[k] = SO_SUM(a[k]) + t;                                                                               \
    }                                                                                                            \
}                                                                                                                \
static void SO_GLUE(SO_FN(so_dot4), T)(const SO_FLOAT_##T *const *x, const double *r, ptrdiff_t n, double *out)  \
{                                                                                                                \
    for (int k = 0; k < 4; k += SO_COUNT) SO_GLUE(SO_FN(so_dots), T)(x + k, r, n, out + k);                      \
}                                                                                                                \
/* Four axpy, one after the other, with y in registers. */                                                       \
static void SO_GLUE(SO_FN(so_axpy4), T)(const double *a, const SO_FLOAT_##T *const *x, double *y, ptrdiff_t n)   \
{                                                                                                                \
    const SO_FLOAT_##T *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];                                           \
    const double a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];                                                     \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8) {                                                                                 \
        so_v8 u, v;                                                                                              \
        SO_LOAD_f64(v, y + i);                                                                                   \
        SO_LOAD_##T(u, x0 + i); v += a0 * u;                                                                     \
        SO_LOAD_##T(u, x1 + i); v += a1 * u;                                                                     \
        SO_LOAD_##T(u, x2 + i); v += a2 * u;                                                                     \
        SO_LOAD_##T(u, x3 + i); v += a3 * u;                                                                     \
        SO_STORE(y + i, v);                                                                                      \
    }                                                                                                            \
    for (; i < n; i++) {                                                                                         \
        double v = y[i];                                                                                         \
        v += a0 * x0[i]; v += a1 * x1[i]; v += a2 * x2[i]; v += a3 * x3[i];                                      \
        y[i] = v;                                                                                                \
    }                                                                                                            \
}                                                                                                                \
static void SO_GLUE(SO_FN(so_axpy), T)(double a, const SO_FLOAT_##T *x, double *y, ptrdiff_t n)                  \
{                                                                                                                \
    so_v8 c = {a, a, a, a, a, a, a, a}, u, v;                                                                    \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 16 <= n; i += 16) {                                                                               \
        SO_LOAD_##T(u, x + i); SO_LOAD_f64(v, y + i); v += c * u; SO_STORE(y + i, v);                            \
        SO_LOAD_##T(u, x + i + 8); SO_LOAD_f64(v, y + i + 8); v += c * u; SO_STORE(y + i + 8, v);                \
    }                                                                                                            \
    for (; i < n; i++) y[i] += a * x[i];                                                                         \
}                                                                                                                \
/* out = sum s (x - x0), sum s (x - x0)^2, sum t x, about x0; s may be NULL for unit weights. */           \
static void SO_GLUE(SO_FN(so_moments), T)(const SO_FLOAT_##T *x, const double *s, const double *t, ptrdiff_t n,  \
                                          double x0, double *out)                                                \
{                                                                                                                \
    double t1 = 0.0, t2 = 0.0, t3 = 0.0;                                        \
    so_v8 c = {x0, x0, x0, x0, x0, x0, x0, x0}, a1 = SO_ZERO, a2 = SO_ZERO, a3 = SO_ZERO, u, v;                  \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8) {                                                                                 \
        SO_LOAD_##T(u, x + i); SO_LOAD_f64(v, t + i); a3 += u * v;                                               \
        u -= c;                                                                                                  \
        if (s) { SO_LOAD_f64(v, s + i); v *= u; } else v = u;                                                    \
        a1 += v; a2 += v * u;                                                                                    \
    }                                                                                                            \
    for (; i < n; i++) {                                                                                         \
        double d = x[i] - x0, e = s ? s[i] * d : d;                                                              \
        t1 += e; t2 += e * d; t3 += t[i] * x[i];                                                                 \
    }                                                                                                            \
    out[0] = SO_SUM(a1) + t1; out[1] = SO_SUM(a2) + t2; out[2] = SO_SUM(a3) + t3;                                \
}                                                                                                                \
/* y = f * h * (x - c), h NULL for ones. */                                                                      \
static void SO_GLUE(SO_FN(so_scale_shift), T)(const SO_FLOAT_##T *x, double c, double f, const double *h,        \
                                              double *y, ptrdiff_t n)                                            \
{                                                                                                                \
    so_v8 vc = {c, c, c, c, c, c, c, c}, vf = {f, f, f, f, f, f, f, f}, u, v;                                    \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8) {                                                                                 \
        SO_LOAD_##T(u, x + i); u = (u - vc) * vf;                                                                \
        if (h) { SO_LOAD_f64(v, h + i); u *= v; }                                                                \
        SO_STORE(y + i, u);                                                                                      \
    }                                                                                                            \
    for (; i < n; i++) y[i] = (x[i] - c) * f * (h ? h[i] : 1.0);                                                 \
}

#else /* no vector types: eight scalar lanes, which compilers vectorise as they can */

#define SO_DEFINE(T)                                                                                             \
static double SO_GLUE(SO_FN(so_dot), T)(const SO_FLOAT_##T *x, const double *r, ptrdiff_t n)                     \
{                                                                                                                \
    double a[8] = {0, 0, 0, 0, 0, 0, 0, 0}, tail = 0.0;                                                          \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8) for (int k = 0; k < 8; k++) a[k] += x[i + k] * r[i + k];                          \
    for (; i < n; i++) tail += x[i] * r[i];                                                                      \
    return (((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))) + tail;                           \
}                                                                                                                \
static void SO_GLUE(SO_FN(so_dot4), T)(const SO_FLOAT_##T *const *x, const double *r, ptrdiff_t n, double *out)  \
{                                                                                                                \
    for (int k = 0; k < 4; k++) out[k] = SO_GLUE(SO_FN(so_dot), T)(x[k], r, n);                                  \
}                                                                                                                \
static void SO_GLUE(SO_FN(so_axpy4), T)(const double *a, const SO_FLOAT_##T *const *x, double *y, ptrdiff_t n)   \
{                                                                                                                \
    for (int k = 0; k < 4; k++) for (ptrdiff_t i = 0; i < n; i++) y[i] += a[k] * x[k][i];                        \
}                                                                                                                \
static void SO_GLUE(SO_FN(so_axpy), T)(double a, const SO_FLOAT_##T *x, double *y, ptrdiff_t n)                  \
{                                                                                                                \
    for (ptrdiff_t i = 0; i < n; i++) y[i] += a * x[i];                                                          \
}                                                                                                                \
static void SO_GLUE(SO_FN(so_moments), T)(const SO_FLOAT_##T *x, const double *s, const double *t, ptrdiff_t n,  \
                                          double x0, double *out)                                                \
{                                                                                                                \
    out[0] = out[1] = out[2] = 0.0;                                                                              \
    for (ptrdiff_t i = 0; i < n; i++) {                                                                          \
        double d = x[i] - x0, e = s ? s[i] * d : d;                                                              \
        out[0] += e; out[1] += e * d; out[2] += t[i] * x[i];                                                     \
    }                                                                                                            \
}                                                                                                                \
static void SO_GLUE(SO_FN(so_scale_shift), T)(const SO_FLOAT_##T *x, double c, double f, const double *h,        \
                                              double *y, ptrdiff_t n)                                            \
{                                                                                                                \
    for (ptrdiff_t i = 0; i < n; i++) y[i] = (x[i] - c) * f * (h ? h[i] : 1.0);                                  \
}
#endif

SO_DEFINE(f64)
SO_DEFINE(f32)

static const so_simd SO_FN(so_table) = {
    SO_GLUE(SO_FN(so_dot), f64), SO_GLUE(SO_FN(so_dot), f32),
    SO_GLUE(SO_FN(so_dot4), f64), SO_GLUE(SO_FN(so_dot4), f32),
    SO_GLUE(SO_FN(so_axpy), f64), SO_GLUE(SO_FN(so_axpy), f32),
    SO_GLUE(SO_FN(so_axpy4), f64), SO_GLUE(SO_FN(so_axpy4), f32),
    SO_GLUE(SO_FN(so_moments), f64), SO_GLUE(SO_FN(so_moments), f32),
    SO_GLUE(SO_FN(so_scale_shift), f64), SO_GLUE(SO_FN(so_scale_shift), f32),
};
#undef SO_DEFINE
#undef SO_COUNT
