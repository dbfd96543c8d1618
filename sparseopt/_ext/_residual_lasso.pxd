"""Coordinate descent on columns; subclasses with other penalties override `sweep`, `penalty` and `gap`."""

from sparseopt._ext._columns cimport Columns

cdef enum:
    CHECK = 10  # sweeps between two gaps


cdef class ResidualLasso:
    cdef Columns X
    cdef const Py_ssize_t[::1] cols
    cdef const double[::1] curvature, lam, s
    cdef const double[::1] mass   # x_j's of stored columns
    cdef double mu, total
    cdef bint positive, weighted
    cdef double[::1] w, t
    cdef double[::1] shift        # kappa, sum(t)
    cdef double[:, ::1] past_w, past_t, past_shift
    cdef double[::1] trial_w, trial_t, trial_shift
    cdef Py_ssize_t held

    cdef double product(self, Py_ssize_t a) noexcept nogil
    cdef void move(self, Py_ssize_t a, double d) noexcept nogil
    cdef double sweep(self) noexcept nogil
    cdef double square(self, const double* t, const double* shift) noexcept nogil
    cdef double penalty(self, const double* w) noexcept nogil
    cdef double gap(self) noexcept nogil
    cdef bint extrapolate(self) noexcept nogil
    cdef void hold(self) noexcept nogil
