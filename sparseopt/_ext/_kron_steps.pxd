"""Steps of the majorise-minimise solver: factors, noise, pruning, sweeps."""

from libc.math cimport fabs, log, sqrt
from libc.string cimport memcpy

from sparseopt._ext._fused_linalg cimport ADJOINT, PLAIN, conj, dot_conj, matmul, scalar, sqmod
from sparseopt._ext._kron_state cimport (
    Factor, State, apply_mode, decompose, evaluate, outer_except, project, reduce_rows, refresh, sides, squeeze,
    variance,
)

cdef enum:
    CONVERGED = 1
    COST_ROSE = 2

cdef struct Options:
    int max_iter, min_iter, learn_noise, fast, refine
    double tol, cost_tol, floor, evidence


cdef inline double yardstick(State* p) noexcept nogil:
    """What changes of the cost are measured against: the cost itself may pass through zero."""
    return max(fabs(p.cost), p.total * p.snapshots)


cdef inline void statistics(State* p, int i, scalar* Z) noexcept nogil:
    """E and G of factor i, on its whole grid."""
    cdef Factor* f = &p.f[i]
    cdef Py_ssize_t left, right, l, c, r, at, s, m = f.m, n = f.n, a, slabs
    cdef scalar* P = <scalar*> p.P
    cdef scalar* A = <scalar*> p.matrix2
    cdef scalar* T = <scalar*> p.matrix
    cdef scalar* W = <scalar*> f.W
    cdef double* rest = p.rest
    cdef double* root = p.rest + p.size
    cdef double* t = p.rwork
    cdef double total
    sides(p, i, &left, &right)
    outer_except(p, i, -1, rest)
    for r in range(left * right):
        root[r] = sqrt(rest[r])
    for c in range(m):
        t[c] = 0.0
    if right == 1:
        for l in range(left):
            for c in range(m):
                t[c] += p.w[l * m + c] * rest[l]
        for s in range(p.snapshots):
            for l in range(left):
                at = l * m
                for c in range(m):
                    P[s * p.size + at + c] = Z[s * p.size + at + c] * (p.w[at + c] * root[l])
        matmul(PLAIN, ADJOINT, m, m, p.snapshots * left, P, m, P, m, 0.0, A, m)
        for c in range(m * m):
            A[c] = conj(A[c])
    else:
        for l in range(left):
            for c in range(m):
                at = (l * m + c) * right
                total = 0.0
                for r in range(right):
                    total += p.w[at + r] * rest[l * right + r]
                t[c] += total
        for s in range(p.snapshots):
            for l in range(left):
                for c in range(m):
                    at = (l * m + c) * right
                    for r in range(right):
                        P[s * p.size + at + r] = Z[s * p.size + at + r] * (p.w[at + r] * root[l * right + r])
        slabs = p.snapshots * left
        for s in range(slabs):
            matmul(ADJOINT, PLAIN, m, m, right, P + s * m * right, right, P + s * m * right, right, 0.0 if s == 0 else 1.0,
                   A, m)
    matmul(PLAIN, PLAIN, n, m, m, W, n, A, m, 0.0, T, n)
    for a in range(f.n_atoms):
        f.E[a] = 0.0
        f.G[a] = 0.0
    for c in range(m):
        for a in range(n):
            f.E[f.active[a]] += dot_conj(T[c * n + a], W[c * n + a])
            f.G[f.active[a]] += sqmod(W[c * n + a]) * t[c]
    for a in range(n):
        f.E[f.active[a]] /= p.snapshots


cdef inline double spread(Factor* f, double* x, Py_ssize_t a) noexcept nogil:
    """Entry a of C^T x, with C the coupling."""
    cdef double v = x[a]
    if f.coupling != 0.0:
        if a > 0:
            v += f.coupling * x[a - 1]
        if a + 1 < f.n_atoms:
            v += f.coupling * x[a + 1]
    return v


cdef inline int try_variances(State* p, int i, scalar* Z) noexcept nogil:
    """Fill the new eigenbasis of factor i for its present variances, and Z_new; return LAPACK's complaint."""
    cdef Factor* f = &p.f[i]
    cdef Py_ssize_t left, right
    cdef int info = decompose(p, f, <scalar*> f.U_new, f.d_new)
    sides(p, i, &left, &right)
    matmul(ADJOINT, PLAIN, f.m, f.m, f.m, <scalar*> f.U, f.m, <scalar*> f.U_new, f.m, 0.0, <scalar*> p.matrix2, f.m)
    apply_mode(Z, <scalar*> p.Z_new, p.snapshots * left, f.m, right, <scalar*> p.matrix2, f.m)
    return info


cdef inline void accept(State* p, int i, scalar* H) noexcept nogil:
    """Make the tried basis of factor i the present one."""
    cdef Factor* f = &p.f[i]
    f.U, f.U_new = f.U_new, f.U
    f.d, f.d_new = f.d_new, f.d
    p.Z, p.Z_new = p.Z_new, p.Z
    p.w, p.w_new = p.w_new, p.w
    project(f, H)


cdef inline int update_factor(State* p, int i, Options* o, int* status, scalar* tag) noexcept nogil:
    """One majorise-minimise step on factor i."""
    cdef Factor* f = &p.f[i]
    cdef Py_ssize_t a
    cdef double ratio, G, cost
    cdef int attempt, info = 0
    statistics(p, i, <scalar*> p.Z)
    memcpy(f.kept, f.g, f.n_atoms * sizeof(double))
    for attempt in range(0 if o.fast else 1, 2):
        for a in range(f.n_atoms):
            if f.kept[a] > 0.0:
                G = spread(f, f.G, a)
                ratio = max(spread(f, f.E, a), 0.0) / G if G > 1e-290 else 1.0
                f.g[a] = f.kept[a] * (ratio if attempt == 0 else sqrt(ratio))
                f.g[a] = max(f.g[a], 1e-290)  # away from denormal numbers; only pruning makes a zero
        info = try_variances(p, i, <scalar*> p.Z)
        if info != 0:
            break
        cost = evaluate(p, i, <scalar*> p.Z_new, p.w_new)
        if cost <= p.cost + 1e-10 * yardstick(p):
            accept(p, i, <scalar*> f.H)
            p.cost = cost
            return 0
    # not even the provable step: rounding. Stay where we are.
    memcpy(f.g, f.kept, f.n_atoms * sizeof(double))
    if info == 0 and cost > p.cost + 1e-6 * yardstick(p):
        status[0] |= COST_ROSE
    return info


cdef inline void normalise(State* p) noexcept nogil:
    """Unit norm for all factors but the last, which carries the scale; nothing else changes."""
    cdef int k
    cdef Py_ssize_t a
    cdef double norm, scale = 1.0
    cdef Factor* f
    for k in range(p.n_factors):
        f = &p.f[k]
        norm = 0.0
        for a in range(f.n_atoms):
            norm += f.g[a] * f.g[a]
        norm = sqrt(norm)
        if k == p.n_factors - 1:
            norm = 1.0 / scale
        elif norm > 0.0:
            scale *= norm
        if norm > 0.0:
            for a in range(f.n_atoms):
                f.g[a] /= norm
            for a in range(f.m):
                f.d[a] /= norm


cdef inline double movement(State* p) noexcept nogil:
    """Largest change of the normalised variances since the last call."""
    cdef int k
    cdef Py_ssize_t a
    cdef double norm, worst = 0.0, x
    cdef Factor* f
    for k in range(p.n_factors):
        f = &p.f[k]
        norm = 0.0
        for a in range(f.n_atoms):
            norm += f.g[a] * f.g[a]
        norm = sqrt(norm) if norm > 0.0 else 1.0
        for a in range(f.n_atoms):
            x = f.g[a] / norm
            worst = max(worst, fabs(x - f.last[a]))
            f.last[a] = x
    return worst


cdef inline int settle(State* p, scalar* Y) noexcept nogil:
    """After variances became zero: drop columns, reduce rows, recompute."""
    cdef int k, info = 0
    for k in range(p.n_factors):
        squeeze(&p.f[k], <scalar*> p.f[k].H)
        info |= reduce_rows(p, k, Y)
    return info | refresh(p, Y)


cdef inline int prune(State* p, scalar* tag) noexcept nogil:
    """Drop variances below a fraction of the largest of their factor, where the evidence does not fall by it."""
    cdef int k, _attempt, changed = 0, found
    cdef Py_ssize_t a
    cdef double largest, limit, cost
    cdef Factor* f
    for k in range(p.n_factors):
        f = &p.f[k]
        memcpy(f.kept, f.g, f.n_atoms * sizeof(double))
        largest = 0.0
        for a in range(f.n_atoms):
            largest = max(largest, f.g[a])
        limit = f.prune * largest
        for _attempt in range(2):
            found = 0
            for a in range(f.n_atoms):
                if 0.0 < f.kept[a] < limit:
                    f.g[a] = 0.0
                    found = 1
            if not found:
                break
            if try_variances(p, k, <scalar*> p.Z) == 0:
                cost = evaluate(p, k, <scalar*> p.Z_new, p.w_new)
                if cost <= p.cost + 1e-12 * yardstick(p):
                    accept(p, k, <scalar*> f.H)
                    p.cost = cost
                    changed = 1
                    break
            memcpy(f.g, f.kept, f.n_atoms * sizeof(double))
            limit *= 1e-2
    return changed


cdef inline void learn_noise(State* p, Options* o, scalar* Z) noexcept nogil:
    """Majorise-minimise step on the noise variance, with its floor."""
    cdef Py_ssize_t i, l
    cdef double residual = p.outside / (p.s2 * p.s2), trace = (p.total - p.size) / p.s2
    cdef double cost, old = p.s2
    for i in range(p.size):
        trace += p.w[i]
    for l in range(p.snapshots):
        for i in range(p.size):
            residual += sqmod(Z[l * p.size + i]) * p.w[i] * p.w[i]
    p.s2 = max(p.s2 * sqrt(residual / p.snapshots / trace), o.floor * p.power_y)
    cost = evaluate(p, -1, Z, p.w_new)
    if cost <= p.cost + 1e-10 * yardstick(p):
        p.cost = cost
        p.w, p.w_new = p.w_new, p.w
    else:
        p.s2 = old


cdef inline int sweeps(State* p, Options* o, int max_iter, int min_iter, double* path, int* n_iter, int* status,
                       scalar* Y) noexcept nogil:
    """Sweep over the factors until the variances or the cost stand still."""
    cdef int it, k, still, info = 0
    cdef double before
    movement(p)
    for it in range(max_iter):
        before = p.cost
        for k in range(p.n_factors):
            info |= update_factor(p, k, o, status, Y)
        normalise(p)
        if o.learn_noise:
            learn_noise(p, o, <scalar*> p.Z)
        if prune(p, Y):
            info |= settle(p, Y)
        elif it % 16 == 15:
            info |= refresh(p, Y)
        if info != 0:
            return info
        if path != NULL:
            path[it] = p.cost
        n_iter[0] = it + 1
        # the cost is minus twice a log-evidence: a change of `tol` of it has no meaning
        still = movement(p) <= o.tol or fabs(before - p.cost) <= max(o.cost_tol * yardstick(p), o.tol)
        if still and it + 1 >= min_iter:
            status[0] |= CONVERGED
            break
    return info
