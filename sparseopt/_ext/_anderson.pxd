"""Anderson extrapolation: the affine combination of the last iterates whose differences cancel."""

from libc.math cimport fabs

cdef enum:
    DEPTH = 5  # iterates combined by an extrapolation


cdef inline bint combination(const double* past, Py_ssize_t size, double* z) noexcept nogil:
    """Weights z of the last DEPTH of DEPTH + 1 iterates (rows of `past`), which sum to one; False when there are none."""
    cdef double[DEPTH][DEPTH] A
    cdef Py_ssize_t a, b, c
    cdef double trace = 0.0, factor, total = 0.0
    for a in range(DEPTH):
        for b in range(a, DEPTH):
            A[a][b] = 0.0
            for c in range(size):
                A[a][b] += ((past[(a + 1) * size + c] - past[a * size + c])
                            * (past[(b + 1) * size + c] - past[b * size + c]))
            A[b][a] = A[a][b]
        trace += A[a][a]
        z[a] = 1.0
    if trace == 0.0:
        return False
    for a in range(DEPTH):
        A[a][a] += 1e-14 * trace
    for a in range(DEPTH):  # elimination without pivoting: A is positive definite
        if A[a][a] <= 0.0:
            return False
        for b in range(a + 1, DEPTH):
            factor = A[b][a] / A[a][a]
            for c in range(a, DEPTH):
                A[b][c] -= factor * A[a][c]
            z[b] -= factor * z[a]
    for a in range(DEPTH - 1, -1, -1):
        for b in range(a + 1, DEPTH):
            z[a] -= A[a][b] * z[b]
        z[a] /= A[a][a]
        total += z[a]
    if not fabs(total) > 1e-300:
        return False
    for a in range(DEPTH):
        z[a] /= total
    return True
