"""The Lasso and the elastic net on a Gram matrix, for other kernels."""

from sparseopt._ext._gram_face cimport Face


cdef class GramLasso:
    cdef Face f
    cdef Py_ssize_t size, max_support
    cdef readonly Py_ssize_t rounds, factorizations, updates, solves

    cdef bint _reserve(self, Py_ssize_t k, Py_ssize_t support) noexcept nogil
    cdef void _forget(self) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef Py_ssize_t run(self, const double* G, Py_ssize_t ld, Py_ssize_t k, double* w, double* q, const double* lam,
                        double mu, bint positive, double* rr, double tol, Py_ssize_t max_rounds,
                        double* reached) noexcept nogil
