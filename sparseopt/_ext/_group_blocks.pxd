"""The state of a group problem on a Gram matrix, shared by the kernels that sweep and that take Newton steps.

    minimise over W   1/2 tr R'SR + sum_g lam_g ||W_g||_F + l1 |W|_1 + mu/2 ||W||_F^2,     R = Y - X W

W and Q = X'SR are stored output after output, k numbers each; group g has the columns starts[g] .. starts[g + 1].
"""

cdef struct Blocks:
    const double* G
    Py_ssize_t ld, k, n_outputs, n_groups
    const Py_ssize_t* starts
    const double* lam      # one a group
    double l1, mu
    double* w
    double* q
    double rr              # tr R'SR
    # eigen-decomposition of each group's block of G: values by column, vectors group after group
    const double* values
    const double* vectors
    const Py_ssize_t* place
    # scratch for one group (largest group x outputs, and more)
    double* b
    double* v
    double* old
    double* squares


cdef double group_norm(Blocks* f, const double* x, Py_ssize_t g) noexcept nogil
cdef bint active(Blocks* f, Py_ssize_t g) noexcept nogil
cdef bint violates(Blocks* f, Py_ssize_t g) noexcept nogil
cdef Py_ssize_t update(Blocks* f, Py_ssize_t g, double* moved) noexcept nogil
cdef Py_ssize_t sweep(Blocks* f, bint only_active, double* moved) noexcept nogil
cdef void solve_block(Blocks* f, Py_ssize_t g) noexcept nogil
cdef double penalty(Blocks* f, const double* w) noexcept nogil
cdef double gap(Blocks* f) noexcept nogil


cdef class GroupBlocks:
    cdef readonly Py_ssize_t largest
    cdef Py_ssize_t[::1] starts, place
    cdef double[::1] values, vectors

    cdef void lend(self, Blocks* f, double* scratch) noexcept
