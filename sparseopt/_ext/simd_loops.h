/* The loops behind simd.h, included once per instruction set with SO_ISA set to its name (no include guard). */
#define SO_GLUE2(a, b) a##_##b
#define SO_GLUE(a, b) SO_GLUE2(a, b)
#define SO_FN(name) SO_GLUE(name, SO_ISA)

#ifndef SO_FLOATS
#define SO_FLOATS
#define SO_FLOAT_f64 double
#define SO_FLOAT_f32 float
#endif

#ifdef SO_VECTORS

/* Eight lanes as registers of this instruction set: a vector type wider than a register would be kept in memory. */
#ifdef SO_WIDE
#define SO_WIDTH 8
#define SO_EACH(M) M(0)
#elif defined(SO_HALF)
#define SO_WIDTH 4
#define SO_EACH(M) M(0) M(1)
#else
#define SO_WIDTH 2
#define SO_EACH(M) M(0) M(1) M(2) M(3)
#endif
typedef double SO_FN(so_part) __attribute__((vector_size(8 * SO_WIDTH)));
typedef float SO_FN(so_part32) __attribute__((vector_size(4 * SO_WIDTH)));
#define SO_MEMBER(k) SO_FN(so_part) p##k;
typedef struct { SO_EACH(SO_MEMBER) } SO_FN(so_lanes);
#undef SO_MEMBER
#define SO_LANES SO_FN(so_lanes)

#define SO_PUT(k) v.p##k = a - (SO_FN(so_part)){0};
static inline __attribute__((always_inline)) SO_LANES SO_FN(so_all)(double a) { SO_LANES v; SO_EACH(SO_PUT) return v; }
#undef SO_PUT
#define SO_PUT(k) memcpy(&v.p##k, p + k * SO_WIDTH, sizeof v.p##k);
static inline __attribute__((always_inline)) SO_LANES SO_GLUE(SO_FN(so_load), f64)(const double *p)
{
    SO_LANES v;
    SO_EACH(SO_PUT)
    return v;
}
#undef SO_PUT
#define SO_PUT(k) memcpy(&f, p + k * SO_WIDTH, sizeof f); v.p##k = __builtin_convertvector(f, SO_FN(so_part));
static inline __attribute__((always_inline)) SO_LANES SO_GLUE(SO_FN(so_load), f32)(const float *p)
{
    SO_LANES v;
    SO_FN(so_part32) f;
    SO_EACH(SO_PUT)
    return v;
}
#undef SO_PUT
#define SO_PUT(k) memcpy(p + k * SO_WIDTH, &v.p##k, sizeof v.p##k);
static inline __attribute__((always_inline)) void SO_FN(so_store)(double *p, SO_LANES v) { SO_EACH(SO_PUT) }
#undef SO_PUT
#define SO_PUT(k) a.p##k += u.p##k * v.p##k;
static inline __attribute__((always_inline)) SO_LANES SO_FN(so_fma)(SO_LANES a, SO_LANES u, SO_LANES v) /* a + u v */
{
    SO_EACH(SO_PUT)
    return a;
}
#undef SO_PUT
#define SO_PUT(k) u.p##k += v.p##k;
static inline __attribute__((always_inline)) SO_LANES SO_FN(so_add)(SO_LANES u, SO_LANES v) { SO_EACH(SO_PUT) return u; }
#undef SO_PUT
#define SO_PUT(k) u.p##k -= v.p##k;
static inline __attribute__((always_inline)) SO_LANES SO_FN(so_sub)(SO_LANES u, SO_LANES v) { SO_EACH(SO_PUT) return u; }
#undef SO_PUT
#define SO_PUT(k) u.p##k *= v.p##k;
static inline __attribute__((always_inline)) SO_LANES SO_FN(so_mul)(SO_LANES u, SO_LANES v) { SO_EACH(SO_PUT) return u; }
#undef SO_PUT
static inline __attribute__((always_inline)) double SO_FN(so_sum)(SO_LANES u)
{
    double v[8];
    SO_FN(so_store)(v, u);
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

#define SO_DEFINE(T)                                                                                             \
static double SO_GLUE(SO_FN(so_dot), T)(const SO_FLOAT_##T *x, const double *r, ptrdiff_t n)                     \
{                                                                                                                \
    SO_LANES a = SO_FN(so_all)(0.0), b = a;                                                                      \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 16 <= n; i += 16) {                                                                               \
        a = SO_FN(so_fma)(a, SO_GLUE(SO_FN(so_load), T)(x + i), SO_GLUE(SO_FN(so_load), f64)(r + i));            \
        b = SO_FN(so_fma)(b, SO_GLUE(SO_FN(so_load), T)(x + i + 8), SO_GLUE(SO_FN(so_load), f64)(r + i + 8));    \
    }                                                                                                            \
    double tail = 0.0;                                                                                           \
    for (; i < n; i++) tail += x[i] * r[i];                                                                      \
    return SO_FN(so_sum)(SO_FN(so_add)(a, b)) + tail;                                                            \
}                                                                                                                \
static inline __attribute__((always_inline)) void SO_GLUE(SO_FN(so_dot2), T)(                                    \
    const SO_FLOAT_##T *x0, const SO_FLOAT_##T *x1, const double *r, ptrdiff_t n, SO_LANES *sums)                \
{                                                                                                                \
    SO_LANES a0 = sums[0], b0 = sums[1], a1 = sums[2], b1 = sums[3], v;                                          \
    for (ptrdiff_t i = 0; i < n; i += 16) {                                                                      \
        v = SO_GLUE(SO_FN(so_load), f64)(r + i);                                                                 \
        a0 = SO_FN(so_fma)(a0, SO_GLUE(SO_FN(so_load), T)(x0 + i), v);                                           \
        a1 = SO_FN(so_fma)(a1, SO_GLUE(SO_FN(so_load), T)(x1 + i), v);                                           \
        v = SO_GLUE(SO_FN(so_load), f64)(r + i + 8);                                                             \
        b0 = SO_FN(so_fma)(b0, SO_GLUE(SO_FN(so_load), T)(x0 + i + 8), v);                                       \
        b1 = SO_FN(so_fma)(b1, SO_GLUE(SO_FN(so_load), T)(x1 + i + 8), v);                                       \
    }                                                                                                            \
    sums[0] = a0; sums[1] = b0; sums[2] = a1; sums[3] = b1;                                                      \
}                                                                                                                \
/* The same sums as so_dot makes; two columns at a time keep theirs in registers, in turn on rows that stay in the cache. */ \
static void SO_GLUE(SO_FN(so_dot4), T)(const SO_FLOAT_##T *const *x, const double *r, ptrdiff_t n, double *out)  \
{                                                                                                                \
    SO_LANES sums[8];                                                                                            \
    ptrdiff_t i, end = n - n % 16;                                                                               \
    for (int k = 0; k < 8; k++) sums[k] = SO_FN(so_all)(0.0);                                                    \
    for (i = 0; i < end; i += 1024) {                                                                            \
        ptrdiff_t rows = end - i < 1024 ? end - i : 1024;                                                        \
        SO_GLUE(SO_FN(so_dot2), T)(x[0] + i, x[1] + i, r + i, rows, sums);                                       \
        SO_GLUE(SO_FN(so_dot2), T)(x[2] + i, x[3] + i, r + i, rows, sums + 4);                                   \
    }                                                                                                            \
    for (int k = 0; k < 4; k++) {                                                                                \
        double tail = 0.0;                                                                                       \
        for (i = end; i < n; i++) tail += x[k][i] * r[i];                                                        \
        out[k] = SO_FN(so_sum)(SO_FN(so_add)(sums[2 * k], sums[2 * k + 1])) + tail;                              \
    }                                                                                                            \
}                                                                                                                \
static void SO_GLUE(SO_FN(so_axpy), T)(double a, const SO_FLOAT_##T *x, double *y, ptrdiff_t n)                  \
{                                                                                                                \
    SO_LANES c = SO_FN(so_all)(a);                                                                               \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8) {                                                                                 \
        SO_LANES v = SO_GLUE(SO_FN(so_load), f64)(y + i);                                                        \
        SO_FN(so_store)(y + i, SO_FN(so_fma)(v, c, SO_GLUE(SO_FN(so_load), T)(x + i)));                          \
    }                                                                                                            \
    for (; i < n; i++) y[i] += a * x[i];                                                                         \
}                                                                                                                \
/* out = sum s (x - x0), sum s (x - x0)^2, sum t x, about x0; s may be NULL for unit weights. */                 \
static void SO_GLUE(SO_FN(so_moments), T)(const SO_FLOAT_##T *x, const double *s, const double *t, ptrdiff_t n,  \
                                          double x0, double *out)                                                \
{                                                                                                                \
    double t1 = 0.0, t2 = 0.0, t3 = 0.0;                                                                         \
    SO_LANES c = SO_FN(so_all)(x0), a1 = SO_FN(so_all)(0.0), a2 = a1, a3 = a1, u, v;                             \
    ptrdiff_t i = 0;                                                                                             \
    if (s == NULL) {                                                                                             \
        for (; i + 8 <= n; i += 8) {                                                                             \
            u = SO_GLUE(SO_FN(so_load), T)(x + i);                                                               \
            a3 = SO_FN(so_fma)(a3, u, SO_GLUE(SO_FN(so_load), f64)(t + i));                                      \
            u = SO_FN(so_sub)(u, c);                                                                             \
            a1 = SO_FN(so_add)(a1, u);                                                                           \
            a2 = SO_FN(so_fma)(a2, u, u);                                                                        \
        }                                                                                                        \
    } else {                                                                                                     \
        for (; i + 8 <= n; i += 8) {                                                                             \
            u = SO_GLUE(SO_FN(so_load), T)(x + i);                                                               \
            a3 = SO_FN(so_fma)(a3, u, SO_GLUE(SO_FN(so_load), f64)(t + i));                                      \
            u = SO_FN(so_sub)(u, c);                                                                             \
            v = SO_FN(so_mul)(u, SO_GLUE(SO_FN(so_load), f64)(s + i));                                           \
            a1 = SO_FN(so_add)(a1, v);                                                                           \
            a2 = SO_FN(so_fma)(a2, v, u);                                                                        \
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
    SO_LANES vc = SO_FN(so_all)(c), vf = SO_FN(so_all)(f), u;                                                    \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 8 <= n; i += 8) {                                                                                 \
        u = SO_FN(so_mul)(SO_FN(so_sub)(SO_GLUE(SO_FN(so_load), T)(x + i), vc), vf);                             \
        if (h) u = SO_FN(so_mul)(u, SO_GLUE(SO_FN(so_load), f64)(h + i));                                        \
        SO_FN(so_store)(y + i, u);                                                                               \
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
    SO_GLUE(SO_FN(so_moments), f64), SO_GLUE(SO_FN(so_moments), f32),
    SO_GLUE(SO_FN(so_scale_shift), f64), SO_GLUE(SO_FN(so_scale_shift), f32),
};
#undef SO_DEFINE
#ifdef SO_VECTORS
#undef SO_EACH
#undef SO_WIDTH
#undef SO_LANES
#endif
