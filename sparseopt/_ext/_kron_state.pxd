"""State of one Kronecker-structured sparse Bayesian problem, and the steps on it that every algorithm shares.

Tensors are C-ordered with shape (snapshots, m_1, ..., m_I); for factor i they are seen as (left, m_i, right), each
slab being a (right x m_i) matrix in Fortran order. Z holds the *conjugate* of U^H y: a change of basis of factor i is
then a plain product of each slab with a matrix.
"""

from libc.math cimport fabs, log, sqrt
from libc.string cimport memcpy, memset

from sparseopt._ext._fused_linalg cimport (
    ADJOINT, PLAIN, TRANSPOSED, conj, eigh, full_qr, left_svd, matmul, scalar, sqmod, work_size,
)

cdef enum:
    MAX_FACTORS = 16

cdef struct Factor:
    Py_ssize_t m, n          # rows and active columns now
    Py_ssize_t n_atoms       # columns as given
    Py_ssize_t* active       # grid positions of the active columns
    double* g                # variances on the whole grid, 0 where pruned
    double* kept             # their values before a step that may be taken back
    double* last             # their values, normalised, one sweep ago
    double* E
    double* G
    double coupling          # variances of the atoms are g_a + coupling (g_(a-1) + g_(a+1))
    double prune             # ratio to the largest variance below which an entry may go
    double* d                # eigenvalues of H diag(variances) H^H
    double* d_new
    void* H                  # m x n
    void* U                  # m x m, eigenvectors
    void* U_new
    void* W                  # n x m, H^H U

cdef struct State:
    int n_factors
    Py_ssize_t snapshots
    Py_ssize_t size          # product of the m: entries of w; Z has snapshots times as many
    double total             # measurements before any reduction
    double outside           # energy of y outside the span of the reduced factors
    double s2, power_y       # noise variance; mean |y|^2
    double cost
    Factor* f
    void* Y
    void* Z
    void* Z_new
    void* P
    double* w
    double* w_new
    double* rest
    void* matrix             # scratch, as large as the largest of m x n, m x m
    void* matrix2
    void* work
    double* rwork
    int* iwork
    Py_ssize_t work_entries


cdef inline double variance(Factor* f, Py_ssize_t a) noexcept nogil:
    """Prior variance of atom a of the grid."""
    cdef double v = f.g[a]
    if f.coupling != 0.0:
        if a > 0:
            v += f.coupling * f.g[a - 1]
        if a + 1 < f.n_atoms:
            v += f.coupling * f.g[a + 1]
    return v


cdef inline void sides(State* p, int i, Py_ssize_t* left, Py_ssize_t* right) noexcept nogil:
    """Number of slabs (snapshots apart) and rows of a slab when the tensors are seen by factor i."""
    cdef int k
    left[0] = 1
    right[0] = 1
    for k in range(i):
        left[0] *= p.f[k].m
    for k in range(i + 1, p.n_factors):
        right[0] *= p.f[k].m


cdef inline void apply_mode(scalar* source, scalar* target, Py_ssize_t left, Py_ssize_t m, Py_ssize_t right, scalar* Q,
                            Py_ssize_t k) noexcept nogil:
    """Multiply each slab (right x m) by Q (m x k)."""
    cdef Py_ssize_t s
    if right == 1:
        matmul(TRANSPOSED, PLAIN, k, left, m, Q, m, source, m, 0.0, target, k)
        return
    for s in range(left):
        matmul(PLAIN, PLAIN, right, k, m, source + s * right * m, right, Q, m, 0.0, target + s * right * k, right)


cdef inline int decompose(State* p, Factor* f, scalar* U, double* d) noexcept nogil:
    """Eigenvectors and eigenvalues of H diag(variances) H^H.

    With very little noise the eigenvalues of the Gram matrix are not accurate enough next to it; singular values are.
    """
    cdef Py_ssize_t a, r
    cdef double root
    cdef scalar* H = <scalar*> f.H
    cdef scalar* A = <scalar*> p.matrix
    cdef int info
    for a in range(f.n):
        root = sqrt(variance(f, f.active[a]))
        for r in range(f.m):
            A[a * f.m + r] = H[a * f.m + r] * root
    if p.s2 >= 1e-8 * p.power_y or f.n < f.m:
        matmul(PLAIN, ADJOINT, f.m, f.m, f.n, A, f.m, A, f.m, 0.0, U, f.m)
        info = eigh(f.m, U, d, <scalar*> p.work, p.rwork, p.iwork, p.work_entries)
        for r in range(f.m):
            d[r] = max(d[r], 0.0)
        return info
    info = left_svd(f.m, f.n, A, d, U, <scalar*> p.matrix2, <scalar*> p.work, p.rwork, p.iwork, p.work_entries)
    for r in range(f.m):
        d[r] = d[r] * d[r]
    return info


cdef inline void project(Factor* f, scalar* H) noexcept nogil:
    """W = H^H U."""
    matmul(ADJOINT, PLAIN, f.n, f.m, f.m, H, f.m, <scalar*> f.U, f.m, 0.0, <scalar*> f.W, f.n)


cdef inline void outer_except(State* p, int skip, int replaced, double* out) noexcept nogil:
    """Products of the eigenvalues of all factors but `skip`; those of factor `replaced` are its new ones."""
    cdef Py_ssize_t count = 1, r, c
    cdef int k
    cdef double* d
    out[0] = 1.0
    for k in range(p.n_factors):
        if k == skip:
            continue
        d = p.f[k].d_new if k == replaced else p.f[k].d
        for r in range(count - 1, -1, -1):
            for c in range(p.f[k].m - 1, -1, -1):
                out[r * p.f[k].m + c] = out[r] * d[c]
        count *= p.f[k].m


cdef inline double evaluate(State* p, int replaced, scalar* Z, double* w) noexcept nogil:
    """Fill w = 1 / (s2 + eigenvalues) and return the cost: L log|S| + sum_l y_l^H S^-1 y_l."""
    cdef Py_ssize_t i, l
    cdef double logs = 0.0, quadratic = p.outside / p.s2, product = 1.0, part
    cdef scalar* z
    outer_except(p, -1, replaced, w)
    for i in range(p.size):
        w[i] = 1.0 / (w[i] + p.s2)
    i = 0
    while i + 4 <= p.size:  # logarithms are dear: one for four
        logs -= log(w[i] * w[i + 1] * w[i + 2] * w[i + 3])
        i += 4
    while i < p.size:
        product *= w[i]
        i += 1
    logs += (p.total - p.size) * log(p.s2) - log(product)
    for l in range(p.snapshots):
        z = Z + l * p.size
        part = 0.0
        for i in range(p.size):
            part += sqmod(z[i]) * w[i]
        quadratic += part
    return p.snapshots * logs + quadratic


cdef inline void transform(State* p, scalar* Y) noexcept nogil:
    """Z = Y in the eigenbases of all factors."""
    cdef int k
    cdef Py_ssize_t left, right
    cdef scalar* source = Y
    cdef scalar* target
    for k in range(p.n_factors):
        sides(p, k, &left, &right)
        # alternate so that the last product lands in Z
        target = <scalar*> (p.Z if (p.n_factors - k) % 2 == 1 else p.Z_new)
        apply_mode(source, target, p.snapshots * left, p.f[k].m, right, <scalar*> p.f[k].U, p.f[k].m)
        source = target


cdef inline int reduce_rows(State* p, int k, scalar* Y) noexcept nogil:
    """When a factor has fewer columns than rows, go over to coordinates in their span.

    What lies outside the span is noise: only its energy and its dimension matter. Y is rewritten.
    """
    cdef Factor* f = &p.f[k]
    cdef Py_ssize_t left, right, s, r, c, m = f.m, n = f.n
    cdef scalar* Q = <scalar*> p.matrix2
    cdef scalar* T = <scalar*> p.P
    cdef scalar* H = <scalar*> f.H
    cdef int info
    if n >= m:
        return 0
    sides(p, k, &left, &right)
    info = full_qr(m, n, H, Q, <scalar*> p.matrix, <scalar*> p.work, p.work_entries)
    apply_mode(Y, T, p.snapshots * left, m, right, Q, m)
    for s in range(p.snapshots * left):
        for c in range(m):
            for r in range(right):
                if c < n:
                    Y[(s * n + c) * right + r] = T[(s * m + c) * right + r]
                else:
                    p.outside += sqmod(T[(s * m + c) * right + r])
    p.size = p.size // m * n
    f.m = n
    return info


cdef inline int refresh(State* p, scalar* Y) noexcept nogil:
    """Recompute everything from Y, the dictionaries and the variances."""
    cdef int k, info = 0
    for k in range(p.n_factors):
        info |= decompose(p, &p.f[k], <scalar*> p.f[k].U, p.f[k].d)
        project(&p.f[k], <scalar*> p.f[k].H)
    transform(p, Y)
    p.cost = evaluate(p, -1, <scalar*> p.Z, p.w)
    return info


cdef inline Py_ssize_t squeeze(Factor* f, scalar* H) noexcept nogil:
    """Drop the columns whose variance is zero; return how many are left."""
    cdef Py_ssize_t a, r, kept = 0
    for a in range(f.n):
        if variance(f, f.active[a]) > 0.0:
            if kept < a:
                f.active[kept] = f.active[a]
                for r in range(f.m):
                    H[kept * f.m + r] = H[a * f.m + r]
            kept += 1
    f.n = kept
    return kept
