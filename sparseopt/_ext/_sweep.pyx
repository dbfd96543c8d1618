"""One read of X for a gradient of least squares: G = X' W (Y - X Z), with an optional column of ones."""

from cython.parallel cimport prange
from libc.stdlib cimport free, malloc

import numpy as np

from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef enum:
    SLABS = 32          # most pieces with sums of their own: they, not threads, fix the order of additions
    SLAB_ROWS = 2048    # fewest rows of one
    TILE = 262144       # bytes of X that one tile of rows holds, read twice from the cache


cdef struct Job:
    const char* data
    bint single, columns
    Py_ssize_t n, d, ld, k
    const double* y       # (n, k) by rows, or NULL for zeros
    const double* w       # or NULL for ones
    const double* z       # (k, d), row by row
    const double* shift   # (k,)


def sweep(X, const double[:, ::1] Y, const double[::1] w, const double[:, ::1] Z, const double[::1] shift,
          int n_threads=1):
    """Return (X' W R of shape (k, d), 1' W R, sum w R^2) for R = Y - X Z' - shift; Y, w may be None (0 and 1).

    X : float32 or float64 of shape (n, d), unit stride along one axis. Z : (k, d). shift : (k,).
    """
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], k = Z.shape[0], item = X.itemsize
    if Z.shape[1] != d or shift.shape[0] != k or (w is not None and w.shape[0] != n) or \
            (Y is not None and (Y.shape[0] != n or Y.shape[1] != k)):
        raise ValueError("shapes disagree")
    cdef Job job
    job.single = X.dtype == np.float32
    if X.dtype not in (np.float64, np.float32):
        raise ValueError(f"X is {X.dtype}")
    if X.strides[1] == item or d <= 1:
        job.columns = False
        job.ld = X.strides[0] // item
    elif X.strides[0] == item or n <= 1:
        job.columns = True
        job.ld = X.strides[1] // item
    else:
        raise ValueError(f"strides {X.strides} fit neither Fortran nor C order")
    sums = np.zeros((k, d + 2))
    if n == 0 or k == 0:
        return sums[:, :d], sums[:, d], sums[:, d + 1]
    job.data = <const char*> <size_t> X.__array_interface__["data"][0]
    job.n, job.d, job.k = n, d, k
    job.y = NULL if Y is None else <double*> &Y[0, 0]  # the cast: Cython's temporary is not const
    job.w = NULL if w is None else <double*> &w[0]
    job.z = NULL if d == 0 else <double*> &Z[0, 0]
    job.shift = &shift[0]
    cdef Py_ssize_t slabs = max(1, min(SLABS, n // SLAB_ROWS)), s
    cdef double[:, :, ::1] parts = np.zeros((slabs, k, d + 2))
    cdef int failed = 0
    with nogil:
        for s in prange(slabs, schedule="dynamic", chunksize=1, num_threads=n_threads):
            failed += slab(&job, n * s // slabs, n * (s + 1) // slabs, &parts[s, 0, 0])
    if failed:
        raise MemoryError
    for s in range(slabs):
        sums += np.asarray(parts[s])
    return sums[:, :d], sums[:, d], sums[:, d + 1]


cdef int slab(const Job* job, Py_ssize_t first, Py_ssize_t last, double* out) noexcept nogil:
    cdef Py_ssize_t width = max(<Py_ssize_t> 1, job.d) * (4 if job.single else 8)
    cdef Py_ssize_t rows = TILE // width // 8 * 8, start, j
    rows = min(max(rows, <Py_ssize_t> (128 if job.columns else 8)), last - first)
    cdef double* r = <double*> malloc((rows + 1) * sizeof(double))
    if r == NULL:
        return 1
    start = first
    while start < last:
        for j in range(job.k):
            tile(job, start, min(rows, last - start), j, r, out + j * (job.d + 2))
        start += rows
    free(r)
    return 0


cdef void tile(const Job* job, Py_ssize_t first, Py_ssize_t rows, Py_ssize_t t, double* r, double* out) noexcept nogil:
    """Residuals of some rows of one target, and what they add to its gradient."""
    cdef Py_ssize_t i, j, d = job.d, ld = job.ld
    cdef const double* x = <const double*> job.data
    cdef const float* f = <const float*> job.data
    cdef const double* z = job.z + t * d
    cdef double total = 0.0, squares = 0.0, wr
    cdef double dots[4]
    cdef const double* x4[4]
    cdef const float* f4[4]
    if job.y == NULL:
        for i in range(rows):
            r[i] = -job.shift[t]
    else:
        for i in range(rows):
            r[i] = job.y[(first + i) * job.k + t] - job.shift[t]
    if job.columns:
        for j in range(d):
            if z[j] != 0.0:
                if job.single:
                    SIMD.axpy_f32(-z[j], f + j * ld + first, r, rows)
                else:
                    SIMD.axpy_f64(-z[j], x + j * ld + first, r, rows)
    else:
        i = 0
        while i + 4 <= rows:
            for j in range(4):
                x4[j] = x + (first + i + j) * ld
                f4[j] = f + (first + i + j) * ld
            if job.single:
                SIMD.dot4_f32(f4, z, d, dots)
            else:
                SIMD.dot4_f64(x4, z, d, dots)
            for j in range(4):
                r[i + j] -= dots[j]
            i += 4
        while i < rows:
            r[i] -= SIMD.dot_f32(f + (first + i) * ld, z, d) if job.single else \
                SIMD.dot_f64(x + (first + i) * ld, z, d)
            i += 1
    for i in range(rows):
        wr = r[i] if job.w == NULL else job.w[first + i] * r[i]
        total += wr
        squares += wr * r[i]
        r[i] = wr
    out[d] += total
    out[d + 1] += squares
    if job.columns:
        j = 0
        while j + 4 <= d:
            for i in range(4):
                x4[i] = x + (j + i) * ld + first
                f4[i] = f + (j + i) * ld + first
            if job.single:
                SIMD.dot4_f32(f4, r, rows, dots)
            else:
                SIMD.dot4_f64(x4, r, rows, dots)
            for i in range(4):
                out[j + i] += dots[i]
            j += 4
        while j < d:
            out[j] += SIMD.dot_f32(f + j * ld + first, r, rows) if job.single else \
                SIMD.dot_f64(x + j * ld + first, r, rows)
            j += 1
    else:
        i = 0
        while i + 4 <= rows:
            for j in range(4):
                x4[j] = x + (first + i + j) * ld
                f4[j] = f + (first + i + j) * ld
            if job.single:
                SIMD.axpy4_f32(r + i, f4, out, d)
            else:
                SIMD.axpy4_f64(r + i, x4, out, d)
            i += 4
        while i < rows:
            if job.single:
                SIMD.axpy_f32(r[i], f + (first + i) * ld, out, d)
            else:
                SIMD.axpy_f64(r[i], x + (first + i) * ld, out, d)
            i += 1
