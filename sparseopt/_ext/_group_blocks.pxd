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
    # eigen-decomposition of each group's block of G, once it is known: values by column, vectors group after group; until
    # then the block itself is where the vectors will be
    double* values
    double* vectors
    char* known
    const Py_ssize_t* place
    double* room           # for a decomposition
    Py_ssize_t n_room
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
cdef void decompose(Blocks* f, Py_ssize_t g) noexcept nogil
cdef void solve_block(Blocks* f, Py_ssize_t g) noexcept nogil
cdef double penalty(Blocks* f, const double* w) noexcept nogil
cdef double gap(Blocks* f) noexcept nogil


cdef class GroupBlocks:
    cdef readonly Py_ssize_t largest
    cdef Py_ssize_t[::1] starts, place
    cdef double[::1] values, vectors, room
    cdef char[::1] known

    cdef void lend(self, Blocks* f, double* scratch) noexcept
