"""Forward selection by orthogonal least squares, one reading of the columns for each step.

With Q an orthonormal basis of the chosen columns, R_j = (I - QQ')z_j and r = (I - QQ')y, the score of column j is
(R_j'r)^2 / ||R_j||^2: how much the residual sum of squares falls when j joins. When q joins the basis,

    ||R_j||^2 <- ||R_j||^2 - g_j^2,    R_j'r <- R_j'r - t g_j,    g_j = q'z_j,  t = q'r.

Differences cancel: a column whose ||R_j||^2 fell below GUARD times its last exact value is projected anew, twice.
Blocks of columns are fixed, so results do not depend on the number of threads.
"""

from cython.parallel cimport prange
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from sparseopt._ext._blas cimport gemm
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef enum:
    BLOCK = 64


cdef void _dots(const double* Z, Py_ssize_t n, Py_ssize_t count, const double* q, double* out) noexcept nogil:
    cdef const double* x[4]
    cdef Py_ssize_t k = 0
    while k + 4 <= count:
        x[0] = Z + k * n
        x[1] = Z + (k + 1) * n
        x[2] = Z + (k + 2) * n
        x[3] = Z + (k + 3) * n
        SIMD.dot4_f64(x, q, n, out + k)
        k += 4
    while k < count:
        out[k] = SIMD.dot_f64(Z + k * n, q, n)
        k += 1


def products(const double[::1, :] Z, const double[::1, :] B, double[::1, :] out, int n_threads=1):
    """Fill out with Z'B."""
    cdef Py_ssize_t n = Z.shape[0], d = Z.shape[1], m = B.shape[1], block, start, count
    if B.shape[0] != n or out.shape[0] != d or out.shape[1] != m:
        raise ValueError(f"shapes disagree: Z {n} x {d}, B {B.shape[0]} x {m}, out {out.shape[0]} x {out.shape[1]}")
    if n == 0 or d == 0 or m == 0:
        return
    with nogil:
        for block in prange((d + BLOCK - 1) // BLOCK, schedule="static", num_threads=n_threads):
            start = block * BLOCK
            count = min(BLOCK, d - start)
            if m == 1:
                _dots(&Z[0, start], n, count, &B[0, 0], &out[start, 0])
            else:
                gemm(b"T", b"N", count, m, n, 1.0, &Z[0, start], n, &B[0, 0], n, 0.0, &out[start, 0], d)


def square_norms(const double[::1, :] Z, double[::1] out, int n_threads=1):
    """Fill out with the squared norms of the columns."""
    cdef Py_ssize_t n = Z.shape[0], d = Z.shape[1], j
    if out.shape[0] != d:
        raise ValueError(f"out has {out.shape[0]} entries, Z {d} columns")
    if n == 0 or d == 0:
        out[:] = 0.0
        return
    with nogil:
        for j in prange(d, schedule="static", num_threads=n_threads):
            out[j] = SIMD.dot_f64(&Z[0, j], &Z[0, j], n)


cdef Py_ssize_t _step_block(const double* Z, Py_ssize_t n, Py_ssize_t count, const double* q, double t, double guard,
                            const unsigned char* alive, double* norms, double* slopes, const double* base,
                            unsigned char* stale) noexcept nogil:
    cdef double g[BLOCK]
    cdef Py_ssize_t k, found = 0
    _dots(Z, n, count, q, g)
    for k in range(count):
        norms[k] -= g[k] * g[k]
        slopes[k] -= t * g[k]
        stale[k] = alive[k] and norms[k] < guard * base[k]
        found += stale[k]
    return found


def step(const double[::1, :] Z, const double[::1] q, double t, double guard, const unsigned char[::1] alive,
         double[::1] norms, double[::1] slopes, const double[::1] base, unsigned char[::1] stale, int n_threads=1):
    """Let q join the basis: update ||R_j||^2 and R_j'r; mark the columns to be projected anew and return how many."""
    cdef Py_ssize_t n = Z.shape[0], d = Z.shape[1], block, start, found = 0
    if not (q.shape[0] == n and alive.shape[0] == norms.shape[0] == slopes.shape[0] == base.shape[0]
            == stale.shape[0] == d):
        raise ValueError(f"shapes disagree: Z {n} x {d}, q {q.shape[0]}, alive {alive.shape[0]}, norms "
                         f"{norms.shape[0]}, slopes {slopes.shape[0]}, base {base.shape[0]}, stale {stale.shape[0]}")
    if n == 0 or d == 0:
        return 0
    with nogil:
        for block in prange((d + BLOCK - 1) // BLOCK, schedule="static", num_threads=n_threads):
            start = block * BLOCK
            found += _step_block(&Z[0, start], n, min(BLOCK, d - start), &q[0], t, guard, &alive[start],
                                 &norms[start], &slopes[start], &base[start], &stale[start])
    return found


def best(const unsigned char[::1] alive, const double[::1] norms, const double[::1] slopes,
         const double[::1] first, const double[::1] scale, double floor):
    """Return (column with the largest slope^2 / scale, its score), -1 when there is none.

    Columns take part while alive and with more than floor times their first squared norm left. Ties: lowest index.
    """
    cdef Py_ssize_t d = norms.shape[0], j, top = -1
    cdef double score, highest = 0.0
    if not (alive.shape[0] == slopes.shape[0] == first.shape[0] == scale.shape[0] == d):
        raise ValueError(f"shapes disagree: norms {d}, alive {alive.shape[0]}, slopes {slopes.shape[0]}, "
                         f"first {first.shape[0]}, scale {scale.shape[0]}")
    with nogil:
        for j in range(d):
            if alive[j] and norms[j] > floor * first[j] and scale[j] > 0.0:
                score = slopes[j] * slopes[j] / scale[j]
                if score > highest:
                    highest = score
                    top = j
    return top, highest


cdef int _refresh_block(const double* Z, Py_ssize_t n, const Py_ssize_t* cols, Py_ssize_t count, const double* Q,
                        Py_ssize_t s, const double* r, double* norms, double* slopes) noexcept nogil:
    cdef double* B = <double*> malloc((n * count + s * count) * sizeof(double))
    cdef double* work
    cdef Py_ssize_t k, _turn
    if B == NULL:
        return 1
    work = B + n * count
    for k in range(count):
        memcpy(B + k * n, Z + cols[k] * n, n * sizeof(double))
    for _turn in range(2):
        gemm(b"T", b"N", s, count, n, 1.0, Q, n, B, n, 0.0, work, s)
        gemm(b"N", b"N", n, count, s, -1.0, Q, n, work, s, 1.0, B, n)
    for k in range(count):
        norms[cols[k]] = SIMD.dot_f64(B + k * n, B + k * n, n)
        slopes[cols[k]] = SIMD.dot_f64(B + k * n, r, n)
    free(B)
    return 0


def refresh(const double[::1, :] Z, const double[::1, :] Q, const double[::1] r, const Py_ssize_t[::1] cols,
            double[::1] norms, double[::1] slopes, int n_threads=1):
    """Set ||R_j||^2 and R_j'r of the given columns by projecting them off Q, twice."""
    cdef Py_ssize_t n = Z.shape[0], d = Z.shape[1], s = Q.shape[1], m = cols.shape[0], block, k
    cdef int failed = 0
    if Q.shape[0] != n or r.shape[0] != n or norms.shape[0] != d or slopes.shape[0] != d:
        raise ValueError(f"shapes disagree: Z {n} x {d}, Q {Q.shape[0]} x {s}, r {r.shape[0]}, "
                         f"norms {norms.shape[0]}, slopes {slopes.shape[0]}")
    for k in range(m):
        if not 0 <= cols[k] < d:
            raise IndexError(f"column {cols[k]} of {d}")
    if n == 0 or m == 0 or s == 0:
        return
    with nogil:
        for block in prange((m + BLOCK - 1) // BLOCK, schedule="static", num_threads=n_threads):
            failed += _refresh_block(&Z[0, 0], n, &cols[block * BLOCK], min(BLOCK, m - block * BLOCK), &Q[0, 0], s,
                                     &r[0], &norms[0], &slopes[0])
    if failed:
        raise MemoryError("no memory to project columns anew")
