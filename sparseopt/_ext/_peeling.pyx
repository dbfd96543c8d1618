"""Phase 1 of regression on random supports: Gram matrices, projections and re-normalisation of dense columns.

All matrices are float64 in Fortran order. Work is cut into tiles whose borders depend on sizes only, and every tile is
one call of single-threaded matrix-matrix multiplication: results do not depend on the number of threads.
"""

from cython.parallel cimport prange
from libc.math cimport sqrt
from libc.stdlib cimport free, malloc

from sparseopt._ext._blas cimport gemm
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef enum:
    TILE = 192    # rows and columns of a tile of a Gram matrix
    BLOCK = 64    # columns that are projected together


def gram(const double[::1, :] R, bint by_rows, double scale, double[::1, :] M, int n_threads=1):
    """Fill M with scale R R' (by_rows) or scale R'R."""
    cdef Py_ssize_t n = R.shape[0], d = R.shape[1], size = n if by_rows else d, inner = d if by_rows else n
    cdef Py_ssize_t side = (size + TILE - 1) // TILE, tile, i, j, height, width
    if M.shape[0] != size or M.shape[1] != size:
        raise ValueError(f"M is {M.shape[0]} x {M.shape[1]}, expected {size} x {size}")
    if size == 0 or inner == 0:
        if size:
            M[:, :] = 0.0
        return
    with nogil:
        for tile in prange(side * side, schedule="dynamic", num_threads=n_threads):
            i = tile % side
            j = tile // side
            if i >= j:
                height = min(TILE, size - i * TILE)
                width = min(TILE, size - j * TILE)
                if by_rows:
                    gemm(b"N", b"T", height, width, inner, scale, &R[i * TILE, 0], n, &R[j * TILE, 0], n, 0.0,
                         &M[i * TILE, j * TILE], size)
                else:
                    gemm(b"T", b"N", height, width, inner, scale, &R[0, i * TILE], n, &R[0, j * TILE], n, 0.0,
                         &M[i * TILE, j * TILE], size)
        for j in range(size):
            for i in range(j + 1, size):
                M[j, i] = M[i, j]


def coordinates(const double[::1, :] V, const double[::1, :] R, double[::1, :] P, double[::1] energy,
                int n_threads=1):
    """Fill P with V'R and energy with the squared norms of its columns."""
    cdef Py_ssize_t n = R.shape[0], d = R.shape[1], r = V.shape[1], block, j, i, start, count
    cdef double total
    if V.shape[0] != n or P.shape[0] != r or P.shape[1] != d or energy.shape[0] != d:
        raise ValueError(f"shapes disagree: V {V.shape[0]} x {r}, R {n} x {d}, P {P.shape[0]} x {P.shape[1]}, "
                         f"energy {energy.shape[0]}")
    if n == 0 or d == 0 or r == 0:
        energy[:] = 0.0
        return
    with nogil:
        for block in prange((d + BLOCK - 1) // BLOCK, schedule="static", num_threads=n_threads):
            start = block * BLOCK
            count = min(BLOCK, d - start)
            gemm(b"T", b"N", r, count, n, 1.0, &V[0, 0], n, &R[0, start], n, 0.0, &P[0, start], r)
            for j in range(start, start + count):
                total = 0.0
                for i in range(r):
                    total = total + P[i, j] * P[i, j]
                energy[j] = total


cdef int _peel_block(const double* V, Py_ssize_t r, const double* U, Py_ssize_t m, double* R, Py_ssize_t n,
                     Py_ssize_t count, double* P, double* a, double* inverse, double floor) noexcept nogil:
    """Project one block of columns twice off V, scale to unit norm, clean against all of U, scale again."""
    cdef double* work = <double*> malloc(max(r, m) * count * sizeof(double))
    cdef Py_ssize_t i, j
    cdef double length, factor
    if work == NULL:
        return 1
    gemm(b"N", b"N", n, count, r, -1.0, V, n, P, r, 1.0, R, n)
    gemm(b"T", b"N", r, count, n, 1.0, V, n, R, n, 0.0, work, r)
    gemm(b"N", b"N", n, count, r, -1.0, V, n, work, r, 1.0, R, n)
    for i in range(r * count):
        P[i] += work[i]
    for j in range(count):
        length = sqrt(SIMD.dot_f64(R + j * n, R + j * n, n))
        a[j] *= length
        if a[j] < floor or length == 0.0:
            a[j] = 0.0
            inverse[j] = 0.0
        else:
            inverse[j] = 1.0 / length
        for i in range(n):
            R[j * n + i] *= inverse[j]
    gemm(b"T", b"N", m, count, n, 1.0, U, n, R, n, 0.0, work, m)
    gemm(b"N", b"N", n, count, m, -1.0, U, n, work, m, 1.0, R, n)
    for j in range(count):
        length = sqrt(SIMD.dot_f64(R + j * n, R + j * n, n))
        if length > 0.0:
            factor = 1.0 / length
            for i in range(n):
                R[j * n + i] *= factor
    free(work)
    return 0


def peel(const double[::1, :] V, const double[::1, :] U, double[::1, :] R, double[::1, :] P, double[::1] a,
         double[::1] inverse, double floor, int n_threads=1):
    """Take the span of V out of the columns of R and scale what is left to unit norm.

    P holds V'R and is made exact by the second projection; a[j] is multiplied by what was left of column j, and columns
    with a[j] < floor become zero; inverse[j] is one over what was left. U (with V among its columns) is everything taken
    out so far: columns are cleaned against it at their new scale, else rounding grows from round to round.
    """
    cdef Py_ssize_t n = R.shape[0], d = R.shape[1], r = V.shape[1], m = U.shape[1], block, start
    cdef int failed = 0
    if (V.shape[0] != n or U.shape[0] != n or P.shape[0] != r or P.shape[1] != d or a.shape[0] != d
            or inverse.shape[0] != d):
        raise ValueError(f"shapes disagree: V {V.shape[0]} x {r}, U {U.shape[0]} x {m}, R {n} x {d}, "
                         f"P {P.shape[0]} x {P.shape[1]}, a {a.shape[0]}, inverse {inverse.shape[0]}")
    if n == 0 or d == 0 or r == 0 or m == 0:
        return
    with nogil:
        for block in prange((d + BLOCK - 1) // BLOCK, schedule="static", num_threads=n_threads):
            start = block * BLOCK
            failed += _peel_block(&V[0, 0], r, &U[0, 0], m, &R[0, start], n, min(BLOCK, d - start), &P[0, start],
                                  &a[start], &inverse[start], floor)
    if failed:
        raise MemoryError("no memory for the working arrays of a round of peeling")
