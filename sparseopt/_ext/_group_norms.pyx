"""Norms of groups of numbers, and the solution of one group, for code in Python."""

from libc.math cimport INFINITY, fabs, sqrt

import numpy as np

from sparseopt._ext._group_math cimport gauge, secular, soft_norm

cdef double TINY = 1e-280  # sums of squares that are smaller have lost digits, or vanished


def _check(const double[::1] c, const Py_ssize_t[::1] starts, const double[::1] level):
    cdef Py_ssize_t g, n_groups = starts.shape[0] - 1
    if n_groups < 0 or level.shape[0] != n_groups:
        raise ValueError(f"starts has {starts.shape[0]} entries, level {level.shape[0]}: expected one more than groups")
    for g in range(n_groups):
        if not 0 <= starts[g] <= starts[g + 1] <= c.shape[0]:
            raise ValueError(f"group {g} spans {starts[g]}..{starts[g + 1]}, outside 0..{c.shape[0]}")


def gauges(const double[::1] c, const Py_ssize_t[::1] starts, double l1, const double[::1] level):
    """Return the dual norm of ``l1 |.|_1 + level_g ||.||_2`` for each group of consecutive entries of c."""
    cdef Py_ssize_t g
    _check(c, starts, level)
    result = np.zeros(level.shape[0])
    cdef double[::1] out = result
    for g in range(level.shape[0]):
        if starts[g] < starts[g + 1] and level[g] < 1e300:
            out[g] = gauge(starts[g + 1] - starts[g], &c[starts[g]], l1, level[g])
    return result


def soft_norms(const double[::1] c, const Py_ssize_t[::1] starts, double l1):
    """Return ``|| soft(c_g, l1) ||`` for each group of consecutive entries of c."""
    cdef Py_ssize_t g, n_groups = starts.shape[0] - 1
    result = np.zeros(n_groups)
    _check(c, starts, result)
    cdef double[::1] out = result
    for g in range(n_groups):
        if starts[g] < starts[g + 1]:
            out[g] = soft_norm(starts[g + 1] - starts[g], &c[starts[g]], l1)
    return result


def norms(const double[::1] c, const Py_ssize_t[::1] starts):
    """Return the Euclidean norm of each group of consecutive entries of c, whether or not squares vanish or overflow."""
    cdef Py_ssize_t g, i, n_groups = starts.shape[0] - 1
    cdef double total, largest
    result = np.zeros(n_groups)
    _check(c, starts, result)
    cdef double[::1] out = result
    for g in range(n_groups):
        total = 0.0
        for i in range(starts[g], starts[g + 1]):
            total += c[i] * c[i]
        if TINY < total < INFINITY or total != total:
            out[g] = sqrt(total)
            continue
        largest = total = 0.0
        for i in range(starts[g], starts[g + 1]):
            largest = max(largest, fabs(c[i]))
        if 0.0 < largest < INFINITY:
            for i in range(starts[g], starts[g + 1]):
                total += (c[i] / largest) * (c[i] / largest)
            out[g] = largest * sqrt(total)
        else:  # an infinite norm proves nothing, and the certificate says so
            out[g] = largest
    return result


def secular_root(const double[::1] eigenvalues, const double[::1] squares, double mu, double level):
    """Return the h >= 0 that solves ``sum_i squares_i / ((eigenvalues_i + mu) h + level)^2 = 1``, 0 where none does."""
    if eigenvalues.shape[0] != squares.shape[0]:
        raise ValueError(f"{eigenvalues.shape[0]} eigenvalues, {squares.shape[0]} squares")
    if not level > 0.0:
        raise ValueError(f"level must be > 0, got {level}")
    if eigenvalues.shape[0] == 0 or np.sum(squares) <= level * level:
        return 0.0
    return secular(eigenvalues.shape[0], &eigenvalues[0], &squares[0], mu, level)
