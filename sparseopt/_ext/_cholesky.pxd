"""A Cholesky factor that follows a changing support: append, remove, solve in O(m^2).

R is upper triangular with R'R = H, stored by rows with leading dimension `ld` (for LAPACK: a lower triangle in Fortran
order), so that every inner loop runs along a contiguous row.
"""

from libc.math cimport fabs, sqrt
from libc.string cimport memmove

from sparseopt._ext._blas cimport cholesky
from sparseopt._ext._simd cimport so_simd


cdef inline bint factor_append(so_simd* simd, double* R, Py_ssize_t ld, Py_ssize_t m, double* h, double diagonal,
                               double floor) noexcept nogil:
    """Append a row: h (length m, overwritten) holds the new column of H, `diagonal` its own entry.

    False, with R unchanged, when the new column depends on the others: what is left of `diagonal` after projection is
    below `floor` times it.
    """
    cdef Py_ssize_t a
    cdef double z, rest = diagonal
    for a in range(m):
        z = h[a] / R[a * ld + a]
        h[a] = z
        rest -= z * z
        simd.axpy_f64(-z, R + a * ld + a + 1, h + a + 1, m - a - 1)
    if not rest > floor * diagonal:
        return False
    for a in range(m):
        R[a * ld + m] = h[a]
    R[m * ld + m] = sqrt(rest)
    return True


cdef inline void factor_remove(double* R, Py_ssize_t ld, Py_ssize_t m, Py_ssize_t at) noexcept nogil:
    """Remove row and column `at` of an m x m factor, restoring the triangle by plane rotations."""
    cdef Py_ssize_t i, j
    cdef double a, b, c, s, length, x, y
    cdef double* upper
    cdef double* lower
    for i in range(at):
        memmove(R + i * ld + at, R + i * ld + at + 1, (m - at - 1) * sizeof(double))
    for i in range(at, m - 1):
        # rows i and i+1, whose columns are already or are being shifted left by one
        upper = R + i * ld
        lower = R + (i + 1) * ld
        if i == at:
            memmove(upper + i, upper + i + 1, (m - i - 1) * sizeof(double))
        a = upper[i]
        b = lower[i + 1]
        length = sqrt(a * a + b * b)
        if length == 0.0:
            length = 1.0
        c = a / length
        s = b / length
        # lower is still unshifted: its column j + 1 is the new column j
        for j in range(i, m - 1):
            x = upper[j]
            y = lower[j + 1]
            upper[j] = c * x + s * y
            lower[j] = c * y - s * x


cdef inline void factor_solve(so_simd* simd, const double* R, Py_ssize_t ld, Py_ssize_t m, double* b) noexcept nogil:
    """Overwrite b with the solution of R'R x = b."""
    cdef Py_ssize_t a
    for a in range(m):
        b[a] /= R[a * ld + a]
        simd.axpy_f64(-b[a], R + a * ld + a + 1, b + a + 1, m - a - 1)
    for a in range(m - 1, -1, -1):
        b[a] = (b[a] - simd.dot_f64(R + a * ld + a + 1, b + a + 1, m - a - 1)) / R[a * ld + a]
