"""Losses of one prediction a sample, on whole arrays, for kernels that run without the GIL."""

from sparseopt._ext._simd cimport so_simd


cdef class ScalarLoss:
    cdef readonly Py_ssize_t n
    cdef readonly double curvature       # largest second derivative; inf: none
    cdef readonly double total           # sum of the weights
    cdef bint intercept, weighted
    cdef const double[::1] y
    cdef const double[::1] s             # weights, ones without
    cdef double[::1] room, other         # one number a sample each
    cdef so_simd simd

    cdef void values(self, const double* eta, double* out) noexcept nogil
    cdef void slopes(self, const double* eta, double* out) noexcept nogil
    cdef void bends(self, const double* eta, double* out) noexcept nogil
    cdef void touching(self, const double* eta, double* out) noexcept nogil
    cdef void conjugates(self, const double* u, double* out) noexcept nogil
    cdef double best_shift(self, const double* eta) noexcept nogil
    cdef void balance(self, double* u) noexcept nogil

    cdef double total_of(self, const double* values) noexcept nogil
    cdef double fit(self, const double* eta) noexcept nogil
    cdef bint settle(self, double* eta, double* u, double* theta) noexcept nogil
    cdef void derive(self, const double* eta, double* u, double* theta) noexcept nogil
    cdef double bend(self, const double* eta, double* share, double* d) noexcept nogil
    cdef double conjugate(self, double t, const double* u) noexcept nogil
    cdef double best_dual(self, const double* u, const double* c, const double* lam, Py_ssize_t k, double mu,
                          bint positive, double* multiple) noexcept nogil
