/* The loops behind simd.h, included once per instruction set with SO_ISA set to its name (no include guard). */
#define SO_GLUE2(a, b) a##_##b
#define SO_GLUE(a, b) SO_GLUE2(a, b)
#define SO_FN(name) SO_GLUE(name, SO_ISA)

#ifdef SO_VECTORS

/* Registers of the machine at hand: compilers keep wider vectors in memory.  SO_PARTS of them make eight lanes. */
#undef SO_LANES
#undef SO_PARTS
#undef SO_W
#undef SO_WF
#if defined(SO_WIDE)
#define SO_LANES 8
#elif defined(__AVX2__)
#define SO_LANES 4
#else
#define SO_LANES 2
#endif
#define SO_PARTS (8 / SO_LANES)
#define SO_W SO_FN(so_w)
#define SO_WF SO_FN(so_wf)
typedef double SO_W __attribute__((vector_size(8 * SO_LANES)));
typedef float SO_WF __attribute__((vector_size(4 * SO_LANES)));

#ifndef SO_LOADERS
#define SO_LOADERS
#define SO_LOAD_f64(v, p) memcpy(&(v), (p), sizeof(v))
#define SO_LOAD_f32(v, p) do { SO_WF f_; memcpy(&f_, (p), sizeof f_); (v) = __builtin_convertvector(f_, SO_W); } while (0)
#define SO_STORE(p, v) memcpy((p), &(v), sizeof(v))
#define SO_EACH(k) _Pragma("GCC unroll 4") for (int k = 0; k < SO_PARTS; k++)
#define SO_AT(k) ((k) * SO_LANES)
#define SO_FLOAT_f64 double
#define SO_FLOAT_f32 float
#endif

/* The sum of eight lanes, in one order for all machines. */
static inline double SO_FN(so_sum)(const SO_W *a)
{
    double v[8];
    memcpy(v, a, sizeof v);
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

#define SO_DEFINE(T)                                                                                             \
static double SO_GLUE(SO_FN(so_dot), T)(const SO_FLOAT_##T *x, const double *r, ptrdiff_t n)                     \
{                                                                                                                \
    SO_W a[SO_PARTS] = {{0}}, b[SO_PARTS] = {{0}}, u, v;                                                         \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 16 <= n; i += 16) {                                                                               \
        SO_EACH(k) { SO_LOAD_##T(u, x + i + SO_AT(k)); SO_LOAD_f64(v, r + i + SO_AT(k)); a[k] += u * v; }        \
        SO_EACH(k) { SO_LOAD_##T(u, x + i + 8 + SO_AT(k)); SO_LOAD_f64(v, r + i + 8 + SO_AT(k)); b[k] += u * v; } \
    }                                                                                                            \
    SO_EACH(k) a[k] += b[k];                                                                                     \
    double tail = 0.0;                                                                                           \
    for (; i < n; i++) tail += x[i] * r[i];                                                                      \
    return SO_FN(so_sum)(a) + tail;                                                                              \
}                                                                                                                \
static void SO_GLUE(SO_FN(so_dot4), T)(const SO_FLOAT_##T *const *x, const double *r, ptrdiff_t n, double *out)  \
{                                                                                                                \
    const SO_FLOAT_##T *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];                                           \
    SO_W a0[SO_PARTS] = {{0}}, a1[SO_PARTS] = {{0}}, a2[SO_PARTS] = {{0}}, a3[SO_PARTS] = {{0}}, u, v;           \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8) {                                                                                 \
        SO_EACH(k) {                                                                                             \
            SO_LOAD_f64(v, r + i + SO_AT(k));                                                                    \
            SO_LOAD_##T(u, x0 + i + SO_AT(k)); a0[k] += u * v;                                                   \
            SO_LOAD_##T(u, x1 + i + SO_AT(k)); a1[k] += u * v;                                                   \
            SO_LOAD_##T(u, x2 + i + SO_AT(k)); a2[k] += u * v;                                                   \
            SO_LOAD_##T(u, x3 + i + SO_AT(k)); a3[k] += u * v;                                                   \
        }                                                                                                        \
    }                                                                                                            \
    double t0 = 0.0, t1 = 0.0, t2 = 0.0, t3 = 0.0;                                                               \
    for (; i < n; i++) {                                                                                         \
        t0 += x0[i] * r[i]; t1 += x1[i] * r[i]; t2 += x2[i] * r[i]; t3 += x3[i] * r[i];                          \
    }                                                                                                            \
    out[0] = SO_FN(so_sum)(a0) + t0; out[1] = SO_FN(so_sum)(a1) + t1;                                            \
    out[2] = SO_FN(so_sum)(a2) + t2; out[3] = SO_FN(so_sum)(a3) + t3;                                            \
}                                                                                                                \
/* Four axpy, one after the other, with y in registers. */                                                       \
static void SO_GLUE(SO_FN(so_axpy4), T)(const double *a, const SO_FLOAT_##T *const *x, double *y, ptrdiff_t n)   \
{                                                                                                                \
    const SO_FLOAT_##T *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];                                           \
    const double a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];                                                     \
    SO_W u, v;                                                                                                   \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8)                                                                                   \
        SO_EACH(k) {                                                                                             \
            SO_LOAD_f64(v, y + i + SO_AT(k));                                                                    \
            SO_LOAD_##T(u, x0 + i + SO_AT(k)); v += a0 * u;                                                      \
            SO_LOAD_##T(u, x1 + i + SO_AT(k)); v += a1 * u;                                                      \
            SO_LOAD_##T(u, x2 + i + SO_AT(k)); v += a2 * u;                                                      \
            SO_LOAD_##T(u, x3 + i + SO_AT(k)); v += a3 * u;                                                      \
            SO_STORE(y + i + SO_AT(k), v);                                                                       \
        }                                                                                                        \
    for (; i < n; i++) {                                                                                         \
        double v = y[i];                                                                                         \
        v += a0 * x0[i]; v += a1 * x1[i]; v += a2 * x2[i]; v += a3 * x3[i];                                      \
        y[i] = v;                                                                                                \
    }                                                                                                            \
}                                                                                                                \
static void SO_GLUE(SO_FN(so_axpy), T)(double a, const SO_FLOAT_##T *x, double *y, ptrdiff_t n)                  \
{                                                                                                                \
    SO_W u, v;                                                                                                   \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8)                                                                                   \
        SO_EACH(k) {                                                                                             \
            SO_LOAD_##T(u, x + i + SO_AT(k)); SO_LOAD_f64(v, y + i + SO_AT(k));                                  \
            v += a * u; SO_STORE(y + i + SO_AT(k), v);                                                           \
        }                                                                                                        \
    for (; i < n; i++) y[i] += a * x[i];                                                                         \
}                                                                                                                \
/* out = sum s (x - x0), sum s (x - x0)^2, sum t x, about x0; s may be NULL for unit weights. */                 \
static void SO_GLUE(SO_FN(so_moments), T)(const SO_FLOAT_##T *x, const double *s, const double *t, ptrdiff_t n,  \
                                          double x0, double *out)                                                \
{                                                                                                                \
    double t1 = 0.0, t2 = 0.0, t3 = 0.0;                                                                         \
    SO_W a1[SO_PARTS] = {{0}}, a2[SO_PARTS] = {{0}}, a3[SO_PARTS] = {{0}}, u, v;                                 \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8) {                                                                                 \
        SO_EACH(k) {                                                                                             \
            SO_LOAD_##T(u, x + i + SO_AT(k)); SO_LOAD_f64(v, t + i + SO_AT(k)); a3[k] += u * v;                  \
            u -= x0;                                                                                             \
            if (s) { SO_LOAD_f64(v, s + i + SO_AT(k)); v *= u; } else v = u;                                     \
            a1[k] += v; a2[k] += v * u;                                                                          \
        }                                                                                                        \
    }                                                                                                            \
    for (; i < n; i++) {                                                                                         \
        double d = x[i] - x0, e = s ? s[i] * d : d;                                                              \
        t1 += e; t2 += e * d; t3 += t[i] * x[i];                                                                 \
    }                                                                                                            \
    out[0] = SO_FN(so_sum)(a1) + t1; out[1] = SO_FN(so_sum)(a2) + t2; out[2] = SO_FN(so_sum)(a3) + t3;           \
}                                                                                                                \
/* y = f * h * (x - c), h NULL for ones. */                                                                      \
static void SO_GLUE(SO_FN(so_scale_shift), T)(const SO_FLOAT_##T *x, double c, double f, const double *h,        \
                                              double *y, ptrdiff_t n)                                            \
{                                                                                                                \
    SO_W u, v;                                                                                                   \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8)                                                                                   \
        SO_EACH(k) {                                                                                             \
            SO_LOAD_##T(u, x + i + SO_AT(k)); u = (u - c) * f;                                                   \
            if (h) { SO_LOAD_f64(v, h + i + SO_AT(k)); u *= v; }                                                 \
            SO_STORE(y + i + SO_AT(k), u);                                                                       \
        }                                                                                                        \
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
