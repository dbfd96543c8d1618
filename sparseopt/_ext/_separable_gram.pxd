"""Separable penalties on a Gram matrix, for other kernels."""

from sparseopt._ext._simd cimport so_simd


cdef struct Side:
    # one minimisation over w: G with its leading dimension, q = X'Sr, levels and shapes of the penalty
    const double* G
    Py_ssize_t ld, k
    double* w
    double* q
    const double* lam
    const double* gam


cdef class GramSeparable:
    cdef int kind
    cdef double total
    cdef bint positive
    cdef so_simd simd
    cdef Py_ssize_t room, max_support
    cdef double* memory
    cdef Py_ssize_t* support
    cdef Py_ssize_t support_room
    cdef readonly Py_ssize_t sweeps, factorizations

    cdef bint reserve(self, Py_ssize_t k, Py_ssize_t m) noexcept nogil
    cdef double sweep(self, Side* side, bint used_only) noexcept nogil
    cdef bint newton(self, Side* block, double* H, double* d, double* change) noexcept nogil
    cdef int on_support(self, Side* side, double tol, Py_ssize_t max_sweeps) noexcept nogil
    cdef double run(self, Side* side, double tol, Py_ssize_t max_rounds) noexcept nogil
