/* The loops behind sparse_matmul.h, included once per instruction set with SO_ISA set to its name (no include guard).
 *
 * A tile holds the same 64 (or 16) samples of every input next to each other: entry j of sample t is tile[j * 64 + t].
 * The sums of one output row stay in registers while its weights pass by once.
 */
#define SO_GLUE2(a, b) a##_##b
#define SO_GLUE(a, b) SO_GLUE2(a, b)
#define SO_FN(name) SO_GLUE(name, SO_ISA)

#ifdef SO_VECTORS

/* Vectors as wide as the registers: compilers keep wider ones in memory. */
#if defined(SO_WIDE)
#define SO_V so_f16
#define SO_LANES 16
#elif defined(__AVX__)
#define SO_V so_f8
#define SO_LANES 8
#else
#define SO_V so_f4
#define SO_LANES 4
#endif
#define SO_LOAD(p, t) memcpy(&u, (p) + (t) * SO_LANES, sizeof(SO_V))
#define SO_KEEP(p, t, v) memcpy((p) + (t) * SO_LANES, &(v), sizeof(SO_V))

static void SO_FN(so_row64)(const int32_t *i, const float *v, ptrdiff_t n, const float *tile, float *y)
{
#if SO_LANES == 16
    SO_V a = {0}, b = {0}, c = {0}, d = {0}, u;
    for (ptrdiff_t k = 0; k < n; k++) {
        const float *x = tile + 64 * (ptrdiff_t)i[k];
        const float w = v[k];
        SO_LOAD(x, 0); a += w * u;
        SO_LOAD(x, 1); b += w * u;
        SO_LOAD(x, 2); c += w * u;
        SO_LOAD(x, 3); d += w * u;
    }
    SO_KEEP(y, 0, a); SO_KEEP(y, 1, b); SO_KEEP(y, 2, c); SO_KEEP(y, 3, d);
#else
    for (int part = 0; part < 64; part += 8 * SO_LANES) {
        SO_V a = {0}, b = {0}, c = {0}, d = {0}, e = {0}, f = {0}, g = {0}, h = {0}, u;
        for (ptrdiff_t k = 0; k < n; k++) {
            const float *x = tile + 64 * (ptrdiff_t)i[k] + part;
            const float w = v[k];
            SO_LOAD(x, 0); a += w * u;
            SO_LOAD(x, 1); b += w * u;
            SO_LOAD(x, 2); c += w * u;
            SO_LOAD(x, 3); d += w * u;
            SO_LOAD(x, 4); e += w * u;
            SO_LOAD(x, 5); f += w * u;
            SO_LOAD(x, 6); g += w * u;
            SO_LOAD(x, 7); h += w * u;
        }
        float *to = y + part;
        SO_KEEP(to, 0, a); SO_KEEP(to, 1, b); SO_KEEP(to, 2, c); SO_KEEP(to, 3, d);
        SO_KEEP(to, 4, e); SO_KEEP(to, 5, f); SO_KEEP(to, 6, g); SO_KEEP(to, 7, h);
    }
#endif
}

static void SO_FN(so_row16)(const int32_t *i, const float *v, ptrdiff_t n, const float *tile, float *y)
{
    for (int part = 0; part < 16; part += SO_LANES) {
        const float *x = tile + part;
        SO_V a = {0}, b = {0}, c = {0}, d = {0}, u; /* four chains hide the latency of the additions */
        ptrdiff_t k = 0;
        for (; k + 4 <= n; k += 4) {
            SO_LOAD(x + 16 * (ptrdiff_t)i[k], 0); a += v[k] * u;
            SO_LOAD(x + 16 * (ptrdiff_t)i[k + 1], 0); b += v[k + 1] * u;
            SO_LOAD(x + 16 * (ptrdiff_t)i[k + 2], 0); c += v[k + 2] * u;
            SO_LOAD(x + 16 * (ptrdiff_t)i[k + 3], 0); d += v[k + 3] * u;
        }
        for (; k < n; k++) { SO_LOAD(x + 16 * (ptrdiff_t)i[k], 0); a += v[k] * u; }
        a = (a + b) + (c + d);
        SO_KEEP(y + part, 0, a);
    }
}

/* Four rows with the same indices, whose values follow each other at a distance of n. */
static void SO_FN(so_rows64)(const int32_t *i, const float *v, ptrdiff_t n, const float *tile, float *y)
{
    for (int part = 0; part < 64; part += 2 * SO_LANES) {
        SO_V a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0}, c0 = {0}, c1 = {0}, d0 = {0}, d1 = {0}, u, w;
        for (ptrdiff_t k = 0; k < n; k++) {
            const float *x = tile + 64 * (ptrdiff_t)i[k] + part;
            SO_LOAD(x, 1);
            w = u;
            SO_LOAD(x, 0);
            a0 += v[k] * u; a1 += v[k] * w;
            b0 += v[k + n] * u; b1 += v[k + n] * w;
            c0 += v[k + 2 * n] * u; c1 += v[k + 2 * n] * w;
            d0 += v[k + 3 * n] * u; d1 += v[k + 3 * n] * w;
        }
        float *to = y + part;
        SO_KEEP(to, 0, a0); SO_KEEP(to, 1, a1); SO_KEEP(to + 64, 0, b0); SO_KEEP(to + 64, 1, b1);
        SO_KEEP(to + 128, 0, c0); SO_KEEP(to + 128, 1, c1); SO_KEEP(to + 192, 0, d0); SO_KEEP(to + 192, 1, d1);
    }
}

#undef SO_V
#undef SO_LANES
#undef SO_LOAD
#undef SO_KEEP

#else /* no vector types */

static void SO_FN(so_row64)(const int32_t *i, const float *v, ptrdiff_t n, const float *tile, float *y)
{
    for (int t = 0; t < 64; t++) y[t] = 0;
    for (ptrdiff_t k = 0; k < n; k++)
        for (int t = 0; t < 64; t++) y[t] += v[k] * tile[64 * (ptrdiff_t)i[k] + t];
}

static void SO_FN(so_row16)(const int32_t *i, const float *v, ptrdiff_t n, const float *tile, float *y)
{
    for (int t = 0; t < 16; t++) y[t] = 0;
    for (ptrdiff_t k = 0; k < n; k++)
        for (int t = 0; t < 16; t++) y[t] += v[k] * tile[16 * (ptrdiff_t)i[k] + t];
}

static void SO_FN(so_rows64)(const int32_t *i, const float *v, ptrdiff_t n, const float *tile, float *y)
{
    for (int r = 0; r < 4; r++) SO_FN(so_row64)(i, v + r * n, n, tile, y + 64 * r);
}

#endif

static float SO_FN(so_sparse_dot)(const int32_t *i, const float *v, ptrdiff_t n, const float *x)
{
    float a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0; /* eight chains hide the latency of the additions */
    ptrdiff_t k = 0;
    for (; k + 8 <= n; k += 8) {
        uint64_t p, q, r, s; /* two indices a load */
        memcpy(&p, i + k, 8); memcpy(&q, i + k + 2, 8); memcpy(&r, i + k + 4, 8); memcpy(&s, i + k + 6, 8);
        a += v[k] * x[SO_FIRST(p)]; b += v[k + 1] * x[SO_SECOND(p)];
        c += v[k + 2] * x[SO_FIRST(q)]; d += v[k + 3] * x[SO_SECOND(q)];
        e += v[k + 4] * x[SO_FIRST(r)]; f += v[k + 5] * x[SO_SECOND(r)];
        g += v[k + 6] * x[SO_FIRST(s)]; h += v[k + 7] * x[SO_SECOND(s)];
    }
    for (; k < n; k++) a += v[k] * x[i[k]];
    return ((a + e) + (b + f)) + ((c + g) + (d + h));
}

static void SO_FN(so_sparse_dot4)(const int32_t *i, const float *v, ptrdiff_t n, const float *x, float *y)
{
    float a = 0, b = 0, c = 0, d = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        const float u = x[i[k]];
        a += v[k] * u; b += v[k + n] * u; c += v[k + 2 * n] * u; d += v[k + 3 * n] * u;
    }
    y[0] = a; y[1] = b; y[2] = c; y[3] = d;
}

/* x has room for 64 and v for 16 values more than are used; both are read there, and multiplied by nothing. */
static float SO_FN(so_mask_dot)(const uint64_t *mask, ptrdiff_t n_words, const float *v, const float *x)
{
#ifdef SO_WIDE
    __m512 a = _mm512_setzero_ps(), b = _mm512_setzero_ps();
    for (ptrdiff_t w = 0; w < n_words; w++, x += 64) {
        const uint64_t m = mask[w];
        const __mmask16 m0 = m & 0xffff, m1 = (m >> 16) & 0xffff, m2 = (m >> 32) & 0xffff, m3 = m >> 48;
        const float *v1 = v + __builtin_popcountll(m & 0xffff), *v2 = v + __builtin_popcountll(m & 0xffffffff);
        const float *v3 = v + __builtin_popcountll(m & 0xffffffffffff);
        a = _mm512_mask3_fmadd_ps(_mm512_maskz_expand_ps(m0, _mm512_loadu_ps(v)), _mm512_loadu_ps(x), a, m0);
        b = _mm512_mask3_fmadd_ps(_mm512_maskz_expand_ps(m1, _mm512_loadu_ps(v1)), _mm512_loadu_ps(x + 16), b, m1);
        a = _mm512_mask3_fmadd_ps(_mm512_maskz_expand_ps(m2, _mm512_loadu_ps(v2)), _mm512_loadu_ps(x + 32), a, m2);
        b = _mm512_mask3_fmadd_ps(_mm512_maskz_expand_ps(m3, _mm512_loadu_ps(v3)), _mm512_loadu_ps(x + 48), b, m3);
        v += __builtin_popcountll(m);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(a, b));
#else
    float a = 0, b = 0;
    for (ptrdiff_t w = 0; w < n_words; w++, x += 64) {
        uint64_t m = mask[w];
        while (m) {
            a += *v++ * x[so_lowest(m)];
            m &= m - 1;
            if (!m) break;
            b += *v++ * x[so_lowest(m)];
            m &= m - 1;
        }
    }
    return a + b;
#endif
}

static const so_sparse SO_GLUE(so_sparse_table, SO_ISA) = {
    SO_FN(so_row64), SO_FN(so_row16), SO_FN(so_rows64), SO_FN(so_sparse_dot), SO_FN(so_sparse_dot4), SO_FN(so_mask_dot)
};

#undef SO_FN
#undef SO_GLUE
#undef SO_GLUE2
