"""One sweep over the columns of a layer, and masks of N out of M.

The sweep removes weights from left to right and pushes the error of each to the columns right of it (Frantar and Alistarh,
"SparseGPT", ICML 2023; the update is that of optimal brain surgery with the order of removal fixed). U is the upper
Cholesky factor of the inverse Gram matrix: row j of U is what removing a unit error at column j, with all earlier columns
fixed, does to the later ones.
"""

from cython.parallel cimport prange

from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()


cdef inline void keep_largest(const double* score, Py_ssize_t count, Py_ssize_t keep, unsigned char* mask) noexcept nogil:
    """Mark the `keep` largest of a few scores; among equals the first."""
    cdef Py_ssize_t i, best, _round
    for i in range(count):
        mask[i] = 0
    for _round in range(min(keep, count)):
        best = -1
        for i in range(count):
            if not mask[i] and (best < 0 or score[i] > score[best]):
                best = i
        mask[best] = 1


def nm_mask(const double[:, ::1] score, Py_ssize_t keep, Py_ssize_t group, unsigned char[:, ::1] mask, int n_threads=1):
    """Mark the `keep` largest scores of every `group` consecutive ones; a shorter last group keeps as many."""
    cdef Py_ssize_t rows = score.shape[0], n = score.shape[1], r, part
    if mask.shape[0] != rows or mask.shape[1] != n:
        raise ValueError(f"score is {rows} x {n}, mask {mask.shape[0]} x {mask.shape[1]}")
    if group < 1 or keep < 0:
        raise ValueError(f"keep and group must be >= 0 and >= 1, got {keep} and {group}")
    if n == 0:
        return
    with nogil:
        for r in prange(rows, schedule="static", num_threads=n_threads):
            for part in range((n + group - 1) // group):
                keep_largest(&score[r, part * group], min(group, n - part * group), keep, &mask[r, part * group])


cdef void sweep_one(const double* U, Py_ssize_t n, Py_ssize_t first, Py_ssize_t width, double* w, unsigned char* mask,
                    double* error, double* score, Py_ssize_t keep, Py_ssize_t group) noexcept nogil:
    """Sweep one row over columns first .. first + width - 1; with group > 0 the mask is chosen on the way."""
    cdef Py_ssize_t j, i, count
    cdef double d
    for j in range(first, first + width):
        if group > 0 and (j - first) % group == 0:
            count = min(group, first + width - j)
            for i in range(count):
                d = U[(j + i) * n + j + i]
                score[i] = w[j + i] * w[j + i] / (d * d)
            keep_largest(score, count, keep, mask + j)
        error[j - first] = 0.0
        if not mask[j] and w[j] != 0.0:
            d = w[j] / U[j * n + j]
            error[j - first] = d
            SIMD.axpy_f64(-d, U + j * n + j, w + j, first + width - j)
            w[j] = 0.0


def sweep_block(const double[:, ::1] U, Py_ssize_t first, double[:, ::1] W, unsigned char[:, ::1] mask,
                double[:, ::1] error, double[:, ::1] score, Py_ssize_t keep, Py_ssize_t group, int n_threads=1):
    """Sweep all rows over the columns of a block in place and fill error with what is left for the columns right of it.

    With group > 0, mask is filled on the way: the `keep` best of every group. `score` is working space.
    """
    cdef Py_ssize_t n = U.shape[0], rows = W.shape[0], width = error.shape[1], r
    if U.shape[1] != n or W.shape[1] != n or mask.shape[0] != rows or mask.shape[1] != n or error.shape[0] != rows \
            or score.shape[0] != rows or score.shape[1] < group or first < 0 or first + width > n:
        raise ValueError(f"shapes disagree: U {n} x {U.shape[1]}, W {rows} x {W.shape[1]}, mask {mask.shape[0]} x "
                         f"{mask.shape[1]}, error {error.shape[0]} x {width}, score {score.shape[0]} x "
                         f"{score.shape[1]}, first {first}, group {group}")
    if rows == 0 or width == 0:
        return
    with nogil:
        for r in prange(rows, schedule="static", num_threads=n_threads):
            sweep_one(&U[0, 0], n, first, width, &W[r, 0], &mask[r, 0], &error[r, 0], &score[r, 0] if group > 0 else NULL,
                      keep, group)
