"""Orthogonal matching pursuit of many targets on one dictionary, in Gram form (Batch-OMP; Rubinstein, Zibulevsky, Elad 2008)."""

from cython.parallel cimport prange
from libc.math cimport fabs
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from sparseopt._ext._cholesky cimport factor_append, factor_solve
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef double DEPENDENT = 1e-12  # an atom with less than this share of its norm outside the span of the chosen is skipped


cdef int pursue_one(const double* G, Py_ssize_t k, const double* target, Py_ssize_t s, double* codes) noexcept nogil:
    """Choose up to s atoms for one target and fill its codes; 1 without memory."""
    cdef Py_ssize_t m = 0, a, j, best
    cdef double value
    cdef double* R = <double*> malloc((s * s + 2 * s + k) * sizeof(double))
    cdef Py_ssize_t* chosen = <Py_ssize_t*> malloc((s + k) * sizeof(Py_ssize_t))
    cdef double* x
    cdef double* row
    cdef double* slope
    cdef Py_ssize_t* barred
    if R == NULL or chosen == NULL:
        free(R)
        free(chosen)
        return 1
    x = R + s * s
    row = x + s
    slope = row + s
    barred = chosen + s
    for j in range(k):
        codes[j] = 0.0
        barred[j] = G[j * k + j] <= 0.0
    memcpy(slope, target, k * sizeof(double))
    while m < s:
        best = -1
        value = 0.0
        for j in range(k):
            if not barred[j] and fabs(slope[j]) > value:
                value = fabs(slope[j])
                best = j
        if best < 0:
            break
        barred[best] = 1
        for a in range(m):
            row[a] = G[best * k + chosen[a]]
        if not factor_append(&SIMD, R, s, m, row, G[best * k + best], DEPENDENT):
            continue
        chosen[m] = best
        m += 1
        for a in range(m):
            x[a] = target[chosen[a]]
        factor_solve(&SIMD, R, s, m, x)
        memcpy(slope, target, k * sizeof(double))
        for a in range(m):
            SIMD.axpy_f64(-x[a], G + chosen[a] * k, slope, k)
    for a in range(m):
        codes[chosen[a]] = x[a]
    free(R)
    free(chosen)
    return 0


def pursue(const double[:, ::1] G, const double[:, ::1] targets, Py_ssize_t s, double[:, ::1] codes, int n_threads=1):
    """Fill each row of codes with at most s entries for the correlations in the same row of targets.

    G (k x k) holds the products of the atoms, which should have equal norms.
    """
    cdef Py_ssize_t k = G.shape[0], rows = targets.shape[0], r, starved = 0
    if G.shape[1] != k or targets.shape[1] != k or codes.shape[0] != rows or codes.shape[1] != k:
        raise ValueError(f"shapes disagree: G {k} x {G.shape[1]}, targets {rows} x {targets.shape[1]}, codes "
                         f"{codes.shape[0]} x {codes.shape[1]}")
    if s < 0:
        raise ValueError(f"s must be >= 0, got {s}")
    s = min(s, k)
    if rows == 0 or k == 0:
        return
    if s == 0:
        codes[:, :] = 0.0
        return
    with nogil:
        for r in prange(rows, schedule="dynamic", num_threads=n_threads):
            starved += pursue_one(&G[0, 0], k, &targets[r, 0], s, &codes[r, 0])
    if starved:
        raise MemoryError("no memory for a pursuit")
