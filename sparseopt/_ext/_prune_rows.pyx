"""Rows of a layer, each a least-squares problem on one shared Gram matrix.

    minimise over v   v'Gv - 2 b'v   with v zero outside a support

Rows are independent, so threads take whole rows and the result does not depend on their number.
"""

from cython.parallel cimport prange
from libc.math cimport sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

import numpy as np

from sparseopt._ext._blas cimport cholesky, cholesky_solve, subtract_outer
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef enum:
    BLOCK = 32  # removals that are applied to the inverse together


cdef int refit_one(const double* G, Py_ssize_t n, const double* b, const unsigned char* mask, double* v) noexcept nogil:
    """Solve one row on its support; 1 without memory, 2 when the Gram matrix of the support is singular."""
    cdef Py_ssize_t k = 0, i, a, c
    cdef Py_ssize_t* ids
    cdef double* A
    cdef double* x
    cdef int failed
    for i in range(n):
        v[i] = 0.0
        k += mask[i] != 0
    if k == 0:
        return 0
    ids = <Py_ssize_t*> malloc(k * sizeof(Py_ssize_t))
    A = <double*> malloc((k * k + k) * sizeof(double))
    if ids == NULL or A == NULL:
        free(ids)
        free(A)
        return 1
    x = A + k * k
    k = 0
    for i in range(n):
        if mask[i]:
            ids[k] = i
            x[k] = b[i]
            k += 1
    for a in range(k):
        for c in range(a, k):
            A[a * k + c] = G[ids[a] * n + ids[c]]
    failed = cholesky(k, A, k)
    if failed == 0:
        cholesky_solve(k, A, k, x)
        for a in range(k):
            v[ids[a]] = x[a]
    free(ids)
    free(A)
    return 2 if failed != 0 else 0


def refit_rows(const double[:, ::1] G, const double[:, ::1] B, const unsigned char[:, ::1] mask, double[:, ::1] V,
               int n_threads=1):
    """Fill V with the minimisers on the supports in mask; return the number of rows whose Gram matrix is singular."""
    cdef Py_ssize_t n = G.shape[0], rows = B.shape[0], r, singular = 0, starved = 0
    cdef int failed
    if G.shape[1] != n or B.shape[1] != n or mask.shape[0] != rows or mask.shape[1] != n or V.shape[0] != rows \
            or V.shape[1] != n:
        raise ValueError(f"shapes disagree: G {n} x {G.shape[1]}, B {rows} x {B.shape[1]}, mask {mask.shape[0]} x "
                         f"{mask.shape[1]}, V {V.shape[0]} x {V.shape[1]}")
    if n == 0 or rows == 0:
        return 0
    with nogil:
        for r in prange(rows, schedule="dynamic", num_threads=n_threads):
            failed = refit_one(&G[0, 0], n, &B[r, 0], &mask[r, 0], &V[r, 0])
            singular += failed == 2
            starved += failed == 1
    if starved:
        raise MemoryError("no memory for the Gram matrix of a support")
    return singular


cdef int obc_one(const double* inverse, Py_ssize_t n, const double* weights, Py_ssize_t steps, Py_ssize_t group,
                 Py_ssize_t keep, Py_ssize_t* order, double* loss) noexcept nogil:
    """Remove weights one by one, always the cheapest; 1 without memory.

    The inverse of the Gram matrix of what is left follows by rank-one changes. They are collected, and applied BLOCK
    at a time by one matrix product; the diagonal and the weights follow at once. Rows and columns of removed weights
    are dropped then. Only the lower triangle is kept.
    """
    cdef Py_ssize_t m = n, t = 0, p = 0, q, j, e, alive, groups = (n + group - 1) // group if group > 0 else 0
    cdef double best, value, d, factor
    cdef double* H = <double*> malloc((n * n + n * BLOCK + 2 * n) * sizeof(double))
    cdef Py_ssize_t* ids = <Py_ssize_t*> malloc((2 * n + groups) * sizeof(Py_ssize_t))
    cdef double* C
    cdef double* w
    cdef double* diagonal
    cdef double* c
    cdef Py_ssize_t* gone
    cdef Py_ssize_t* left
    if H == NULL or ids == NULL:
        free(H)
        free(ids)
        return 1
    C = H + n * n
    w = C + n * BLOCK
    diagonal = w + n
    gone = ids + n
    left = gone + n
    memcpy(H, inverse, n * n * sizeof(double))
    for q in range(n):
        ids[q] = q
        gone[q] = 0
        w[q] = weights[q]
        diagonal[q] = inverse[q * n + q]
    for q in range(groups):
        left[q] = min(group, n - q * group)
    while t < steps:
        j = -1
        best = 0.0
        for q in range(m):
            if gone[q] or (group > 0 and left[ids[q] // group] <= keep):
                continue
            # rounding can leave nothing of a diagonal that should be positive: such a weight is free to go
            value = w[q] * w[q] / diagonal[q] if diagonal[q] > 0.0 else 0.0
            if j < 0 or value < best:
                best = value
                j = q
        if j < 0:
            break
        order[t] = ids[j]
        loss[t] = best
        t += 1
        if group > 0:
            left[ids[j] // group] -= 1
        gone[j] = 1
        d = diagonal[j]
        c = C + p * m
        for q in range(j + 1):
            c[q] = H[j * n + q]
        for q in range(j + 1, m):
            c[q] = H[q * n + j]
        for e in range(p):
            SIMD.axpy_f64(-C[e * m + j], C + e * m, c, m)
        if d > 0.0:
            factor = w[j] / d
            value = 1.0 / sqrt(d)
            for q in range(m):
                w[q] -= factor * c[q]
                c[q] *= value
                diagonal[q] -= c[q] * c[q]
            p += 1
        w[j] = 0.0
        if p == BLOCK and t < steps:
            # row-major lower is Fortran's upper; C is m x p in Fortran order
            subtract_outer(m, p, C, m, H, n)
            alive = 0
            for q in range(m):
                if gone[q]:
                    continue
                ids[alive] = ids[q]
                w[alive] = w[q]
                alive += 1
            compact(H, n, m, gone)
            for q in range(alive):
                diagonal[q] = H[q * n + q]
                gone[q] = 0
            m = alive
            p = 0
    free(H)
    free(ids)
    return 0


cdef void compact(double* H, Py_ssize_t n, Py_ssize_t m, const Py_ssize_t* gone) noexcept nogil:
    """Close the gaps that removed rows and columns leave in a lower triangle."""
    cdef Py_ssize_t q, e, row = 0, column
    for q in range(m):
        if gone[q]:
            continue
        column = 0
        for e in range(q + 1):
            if not gone[e]:
                H[row * n + column] = H[q * n + e]
                column += 1
        row += 1


def obc_rows(const double[:, ::1] inverse, const double[:, ::1] W, const Py_ssize_t[::1] steps, Py_ssize_t group,
             Py_ssize_t keep, Py_ssize_t[:, ::1] order, double[:, ::1] loss, int n_threads=1):
    """Fill order with the weights that row r loses in its first steps[r] removals, and loss with what each one costs.

    With group > 0 every group of that many consecutive weights keeps `keep` of them. Entries beyond the last removal
    are left as they are.
    """
    cdef Py_ssize_t n = inverse.shape[0], rows = W.shape[0], r, starved = 0
    if inverse.shape[1] != n or W.shape[1] != n or steps.shape[0] != rows or order.shape[0] != rows \
            or order.shape[1] != n or loss.shape[0] != rows or loss.shape[1] != n:
        raise ValueError(f"shapes disagree: inverse {n} x {inverse.shape[1]}, W {rows} x {W.shape[1]}, steps "
                         f"{steps.shape[0]}, order {order.shape[0]} x {order.shape[1]}, loss {loss.shape[0]} x "
                         f"{loss.shape[1]}")
    if group < 0 or keep < 0:
        raise ValueError(f"group and keep must be >= 0, got {group} and {keep}")
    if n == 0 or rows == 0:
        return
    with nogil:
        for r in prange(rows, schedule="dynamic", num_threads=n_threads):
            starved += obc_one(&inverse[0, 0], n, &W[r, 0], min(steps[r], n), group, keep, &order[r, 0], &loss[r, 0])
    if starved:
        raise MemoryError("no memory for the inverse of a Gram matrix")


cdef Py_ssize_t threshold_one(const double* G, Py_ssize_t n, double lam, double* v, double* q, double tol,
                              Py_ssize_t sweeps) noexcept nogil:
    """Coordinate descent on v'Gv - 2 b'v + lam |v|_0, with q = b - Gv kept up to date; return the sweeps made."""
    cdef Py_ssize_t j, done = 0
    cdef double curvature, value, new, d, moved
    while done < sweeps:
        moved = 0.0
        for j in range(n):
            curvature = G[j * n + j]
            if curvature <= 0.0:
                continue
            value = q[j] + curvature * v[j]
            new = value / curvature if value * value > lam * curvature else 0.0
            d = new - v[j]
            if d != 0.0:
                v[j] = new
                SIMD.axpy_f64(-d, G + j * n, q, n)
                moved = max(moved, curvature * d * d)
        done += 1
        if moved <= tol:
            break
    return done


def threshold_rows(const double[:, ::1] G, double lam, double[:, ::1] V, double[:, ::1] Q, double tol,
                   Py_ssize_t sweeps, int n_threads=1):
    """Change V and Q = B - V G in place by coordinate descent with hard thresholds; return the most sweeps of a row."""
    cdef Py_ssize_t n = G.shape[0], rows = V.shape[0], r, most = 0
    if G.shape[1] != n or V.shape[1] != n or Q.shape[0] != rows or Q.shape[1] != n:
        raise ValueError(f"shapes disagree: G {n} x {G.shape[1]}, V {rows} x {V.shape[1]}, Q {Q.shape[0]} x "
                         f"{Q.shape[1]}")
    if n == 0 or rows == 0:
        return 0
    cdef Py_ssize_t[::1] made = np.zeros(rows, dtype=np.intp)
    with nogil:
        for r in prange(rows, schedule="dynamic", num_threads=n_threads):
            made[r] = threshold_one(&G[0, 0], n, lam, &V[r, 0], &Q[r, 0], tol, sweeps)
    for r in range(rows):
        most = max(most, made[r])
    return most
