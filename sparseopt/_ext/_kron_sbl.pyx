"""Kronecker-structured sparse Bayesian learning: y = (H_1 x ... x H_I) x + noise, prior variances g_1 x ... x g_I.

Neither the Kronecker matrix nor a covariance is ever formed. With H_i diag(g_i) H_i^H = U_i diag(d_i) U_i^H the
covariance of y is U diag(s2 + d_1 x ... x d_I) U^H, and every quantity follows from Z = U^H y, w = 1 / (s2 + d) and
W_i = H_i^H U_i.

Update of one factor (majorise-minimise, for fixed others): g <- g (E / G)^p with

    G = |W_i|^2 (w contracted with the d of the other factors)
    E = diag(W_i A W_i^H),  A = (unfolding of Z w) diag(d of the others) (unfolding)^H / L

p = 1/2 never raises the cost L log|S| + sum y^H S^-1 y; p = 1 converges faster and is taken back when the cost rises.
Many independent problems (users, restarts) run in parallel; each is computed by one thread, so that results do not
depend on how many there are.
"""

from cython.parallel cimport prange
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

import numpy as np

from sparseopt._ext._fused_linalg cimport conj, scalar, sqmod, work_size
from sparseopt._ext._kron_state cimport MAX_FACTORS, Factor, State, apply_mode, reduce_rows, refresh, squeeze, variance
from sparseopt._ext._kron_steps cimport Options
from sparseopt._ext._kron_support cimport solve_one


cdef char* take(char** at, Py_ssize_t count, Py_ssize_t item) noexcept nogil:
    """Hand out the next piece of an arena (aligned to 64 bytes); a null arena only counts."""
    cdef char* piece = at[0]
    at[0] += (count * item + 63) // 64 * 64
    return piece


cdef Py_ssize_t lay_out(State* p, const Py_ssize_t* m, const Py_ssize_t* n, char* arena, Py_ssize_t item) noexcept nogil:
    """Point all arrays of a state into an arena, and return its size; called once with NULL to learn the size."""
    cdef char* at = arena
    cdef int k
    cdef Py_ssize_t largest = 1, work = 64, size = 1
    cdef Factor* f
    p.f = <Factor*> take(&at, p.n_factors, sizeof(Factor))
    for k in range(p.n_factors):
        size *= m[k]
        largest = max(largest, m[k] * max(n[k], m[k]))
        work = max(work, work_size(m[k], max(n[k], m[k])))
    for k in range(p.n_factors):
        f = &p.f[k] if arena != NULL else NULL
        if arena == NULL:
            take(&at, n[k], sizeof(Py_ssize_t))
            take(&at, 5 * n[k] + 2 * m[k] + 448, 8)
            take(&at, n[k] * m[k], item)
            take(&at, m[k] * m[k], item)
            take(&at, m[k] * m[k], item)
            take(&at, n[k] * m[k], item)
            continue
        f.m, f.n, f.n_atoms = m[k], n[k], n[k]
        f.coupling = 0.0
        f.active = <Py_ssize_t*> take(&at, n[k], sizeof(Py_ssize_t))
        f.g = <double*> take(&at, n[k], 8)
        f.kept = <double*> take(&at, n[k], 8)
        f.last = <double*> take(&at, n[k], 8)
        f.E = <double*> take(&at, n[k], 8)
        f.G = <double*> take(&at, n[k], 8)
        f.d = <double*> take(&at, m[k], 8)
        f.d_new = <double*> take(&at, m[k], 8)
        f.H = take(&at, n[k] * m[k], item)
        f.U = take(&at, m[k] * m[k], item)
        f.U_new = take(&at, m[k] * m[k], item)
        f.W = take(&at, n[k] * m[k], item)
    p.size = size
    p.total = size
    p.outside = 0.0
    p.work_entries = work
    p.Y = take(&at, size * p.snapshots, item)
    p.Z = take(&at, size * p.snapshots, item)
    p.Z_new = take(&at, size * p.snapshots, item)
    p.P = take(&at, size * p.snapshots, item)
    p.w = <double*> take(&at, size, 8)
    p.w_new = <double*> take(&at, size, 8)
    p.rest = <double*> take(&at, 2 * size, 8)
    p.matrix = take(&at, largest, item)
    p.matrix2 = take(&at, largest, item)
    p.work = take(&at, work, item)
    p.rwork = <double*> take(&at, work, 8)
    p.iwork = <int*> take(&at, work, sizeof(int))
    return at - arena


cdef void load(State* p, int k, const scalar* H, const double* g, double coupling, double prune) noexcept nogil:
    """Copy one dictionary and its starting variances."""
    cdef Factor* f = &p.f[k]
    cdef Py_ssize_t a
    memcpy(f.H, H, f.m * f.n_atoms * sizeof(scalar))
    for a in range(f.n_atoms):
        f.active[a] = a
        f.g[a] = g[a]
    f.coupling = coupling
    f.prune = prune


cdef void load_target(State* p, const scalar* y, scalar* Y) noexcept nogil:
    cdef Py_ssize_t i
    p.power_y = 0.0
    for i in range(p.size * p.snapshots):
        Y[i] = conj(y[i])
        p.power_y += sqmod(Y[i])
    p.power_y /= p.size * p.snapshots


cdef struct Shapes:  # the same for all problems
    int n_factors
    Py_ssize_t snapshots, size
    Py_ssize_t m[MAX_FACTORS]
    Py_ssize_t n[MAX_FACTORS]
    void* H[MAX_FACTORS]
    double* g[MAX_FACTORS]  # variances of all problems, one row each
    double coupling[MAX_FACTORS]
    double prune[MAX_FACTORS]


cdef char* prepare(State* p, Shapes* h, Py_ssize_t which, const scalar* y) noexcept nogil:
    """Allocate and fill the state of one problem; NULL when there is no memory."""
    cdef int k
    cdef char* arena
    p.n_factors = h.n_factors
    p.snapshots = h.snapshots
    arena = <char*> malloc(lay_out(p, h.m, h.n, NULL, sizeof(scalar)) + 64)
    if arena == NULL:
        return NULL
    lay_out(p, h.m, h.n, arena + 64 - (<size_t> arena) % 64, sizeof(scalar))
    for k in range(h.n_factors):
        load(p, k, <const scalar*> h.H[k], h.g[k] + which * h.n[k], h.coupling[k], h.prune[k])
    load_target(p, y, <scalar*> p.Y)
    return arena


cdef int solve_problem(Shapes* h, Options* o, Py_ssize_t which, const scalar* y, double* s2, double* cost, double* path,
                       int* n_iter, int* status) noexcept nogil:
    cdef State p
    cdef Py_ssize_t a
    cdef int k, info
    cdef char* arena = prepare(&p, h, which, y)
    if arena == NULL:
        return -1
    p.s2 = s2[0]
    info = solve_one(&p, o, path, n_iter, status, <scalar*> p.Y)
    for k in range(p.n_factors):
        for a in range(p.f[k].n_atoms):
            h.g[k][which * h.n[k] + a] = variance(&p.f[k], a)
    s2[0] = p.s2
    cost[0] = p.cost
    free(arena)
    return info


cdef int posterior_one(Shapes* h, Py_ssize_t which, const scalar* y, double s2, scalar* mean, double* var,
                       double* facts) noexcept nogil:
    """Mean and variances on the active block; facts: cost, squared residual, trace of the inverse covariance."""
    cdef State p
    cdef Py_ssize_t largest = 1, now = 1, left, right, a, r, l, count
    cdef int k, info = 0
    cdef Factor* f
    cdef scalar* b
    cdef scalar* b_next
    cdef double* q
    cdef double* q_next
    cdef char* arena = prepare(&p, h, which, y)
    cdef char* buffers
    if arena == NULL:
        return -1
    p.s2 = s2
    for k in range(p.n_factors):
        squeeze(&p.f[k], <scalar*> p.f[k].H)
        info |= reduce_rows(&p, k, <scalar*> p.Y)
    info |= refresh(&p, <scalar*> p.Y)
    now = p.size
    largest = now
    for k in range(p.n_factors):
        now = now // p.f[k].m * p.f[k].n
        largest = max(largest, now)
    buffers = <char*> malloc(2 * largest * (p.snapshots * sizeof(scalar) + sizeof(double)))
    if buffers == NULL:
        free(arena)
        return -1
    b = <scalar*> buffers
    b_next = b + largest * p.snapshots
    q = <double*> (b_next + largest * p.snapshots)
    q_next = q + largest
    facts[0] = p.cost
    facts[1] = p.outside / (s2 * s2)
    facts[2] = (p.total - p.size) / s2
    for r in range(p.size):
        q[r] = p.w[r]
        facts[2] += p.w[r]
        for l in range(p.snapshots):
            b[l * p.size + r] = (<scalar*> p.Z)[l * p.size + r] * p.w[r]
            facts[1] += sqmod(b[l * p.size + r])
    facts[1] *= s2 * s2
    left = 1
    right = p.size
    for k in range(p.n_factors):
        f = &p.f[k]
        right = right // f.m
        for a in range(f.n):
            for r in range(f.m):
                (<scalar*> p.matrix)[a * f.m + r] = conj((<scalar*> f.W)[r * f.n + a])
        apply_mode(b, b_next, p.snapshots * left, f.m, right, <scalar*> p.matrix, f.n)
        for a in range(f.n):
            for r in range(f.m):
                (<double*> p.matrix)[a * f.m + r] = sqmod((<scalar*> f.W)[r * f.n + a])
        apply_mode(q, q_next, left, f.m, right, <double*> p.matrix, f.n)
        b, b_next = b_next, b
        q, q_next = q_next, q
        left *= f.n
    count = 1
    var[0] = 1.0
    for k in range(p.n_factors):
        f = &p.f[k]
        for r in range(count - 1, -1, -1):
            for a in range(f.n - 1, -1, -1):
                var[r * f.n + a] = var[r] * f.g[f.active[a]]
        count *= f.n
    for l in range(p.snapshots):
        for r in range(count):
            mean[l * count + r] = conj(b[l * count + r]) * var[r]
    for r in range(count):
        var[r] = max(var[r] - var[r] * var[r] * q[r], 0.0)
    free(buffers)
    free(arena)
    return info


cdef int describe(Shapes* h, list dictionaries, list variances, coupling, prune, Py_ssize_t n_problems, Py_ssize_t snapshots,
                  Py_ssize_t size, const scalar* tag) except -1:
    """Collect pointers and sizes, after checking that they fit."""
    cdef const scalar[::1, :] H
    cdef double[:, ::1] g
    cdef int k
    cdef Py_ssize_t product = 1
    if not 1 <= len(dictionaries) <= MAX_FACTORS:
        raise ValueError(f"between 1 and {MAX_FACTORS} factors are supported, got {len(dictionaries)}")
    h.n_factors = len(dictionaries)
    h.snapshots = snapshots
    h.size = size
    for k in range(h.n_factors):
        H = dictionaries[k]
        g = variances[k]
        if H.shape[0] == 0 or H.shape[1] == 0 or g.shape[0] != n_problems or g.shape[1] != H.shape[1]:
            raise ValueError(f"factor {k}: shapes disagree")
        h.m[k], h.n[k] = H.shape[0], H.shape[1]
        h.H[k] = <void*> &H[0, 0]
        h.g[k] = &g[0, 0]
        h.coupling[k], h.prune[k] = coupling[k], prune[k]
        product *= h.m[k]
    if product != size:
        raise ValueError(f"the factors have {product} rows together, y has {size} entries")
    return 0


def solve(list dictionaries, const scalar[:, :, ::1] Y, list variances, double[::1] s2, coupling, prune, *, int max_iter,
          int min_iter, double tol, double cost_tol, bint learn_noise, double floor, bint fast,
          bint refine, double evidence, int n_threads):
    """Solve independent problems that share their dictionaries.

    Y has shape (problems, snapshots, measurements); `variances` (one array of shape (problems, atoms) a factor) and `s2`
    hold the start and are overwritten with the result. Returns cost, cost path, sweeps, status.
    """
    cdef Py_ssize_t n = Y.shape[0], i
    cdef Shapes h
    cdef Options o
    cdef int failed = 0
    if n == 0 or Y.shape[1] == 0 or Y.shape[2] == 0 or s2.shape[0] != n:
        raise ValueError(f"shapes disagree: Y {n} x {Y.shape[1]} x {Y.shape[2]}, s2 {s2.shape[0]}")
    describe(&h, dictionaries, variances, coupling, prune, n, Y.shape[1], Y.shape[2], &Y[0, 0, 0])
    o.max_iter, o.min_iter, o.tol, o.cost_tol = max_iter, min_iter, tol, cost_tol
    o.learn_noise, o.floor, o.fast, o.refine, o.evidence = learn_noise, floor, fast, refine, evidence
    cost_ = np.empty(n)
    path_ = np.full((n, max_iter), np.nan)
    n_iter_ = np.zeros(n, dtype=np.intc)
    status_ = np.zeros(n, dtype=np.intc)
    cdef double[::1] cost = cost_
    cdef double[:, ::1] path = path_
    cdef int[::1] n_iter = n_iter_, status = status_
    with nogil:
        for i in prange(n, schedule="dynamic", num_threads=n_threads):
            failed |= solve_problem(&h, &o, i, &Y[i, 0, 0], &s2[i], &cost[i], &path[i, 0], &n_iter[i], &status[i])
    complain(failed)
    return cost_, path_, n_iter_, status_


def posterior(list dictionaries, const scalar[:, :, ::1] Y, list variances, const double[::1] s2,
              const Py_ssize_t[::1] offsets, scalar[::1] mean, double[::1] var, int n_threads):
    """Fill posterior means and variances of the active blocks, problem i from offsets[i] on.

    Returns an array of (cost, squared residual, trace of the inverse covariance), one row a problem.
    """
    cdef Py_ssize_t n = Y.shape[0], i, L = Y.shape[1]
    cdef Shapes h
    cdef int failed = 0
    if n == 0 or L == 0 or Y.shape[2] == 0 or s2.shape[0] != n or offsets.shape[0] != n + 1:
        raise ValueError("shapes disagree")
    if var.shape[0] < offsets[n] or mean.shape[0] < L * offsets[n]:
        raise ValueError("no room for the result")
    none = np.zeros(MAX_FACTORS)
    describe(&h, dictionaries, variances, none, none, n, L, Y.shape[2], &Y[0, 0, 0])
    facts_ = np.empty((n, 3))
    cdef double[:, ::1] facts = facts_
    with nogil:
        for i in prange(n, schedule="dynamic", num_threads=n_threads):
            failed |= posterior_one(&h, i, &Y[i, 0, 0], s2[i], &mean[L * offsets[i]], &var[offsets[i]], &facts[i, 0])
    complain(failed)
    return facts_


cdef int complain(int failed) except -1:
    if failed < 0:
        raise MemoryError("no memory for the working arrays of a Kronecker problem")
    if failed:
        raise ArithmeticError("an eigendecomposition failed")
    return 0
