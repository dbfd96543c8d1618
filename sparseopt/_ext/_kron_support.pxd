"""What follows the sweeps of the majorise-minimise solver: the support by evidence, and variances that fit a product."""

from libc.math cimport log, sqrt
from libc.string cimport memcpy

from sparseopt._ext._fused_linalg cimport conj, scalar, sqmod
from sparseopt._ext._kron_state cimport Factor, State, outer_except, refresh, sides, variance
from sparseopt._ext._kron_steps cimport Options, normalise, settle, sweeps


cdef inline double removal(State* p, int i, scalar* Z, Py_ssize_t* which) noexcept nogil:
    """Exact rise of the cost when one entry of factor i is dropped: the least, and the entry.

    In the eigenbases of the other factors the covariance is block diagonal, and in each block one entry of factor i
    is a rank-one term: no decomposition is needed. P and rest are overwritten.
    """
    cdef Factor* f = &p.f[i]
    cdef Py_ssize_t left, right, a, l, c, r, at, s
    cdef double* rest = p.rest
    cdef scalar* W = <scalar*> f.W
    cdef scalar b
    cdef double q, best = 1e300, change, g, weight, shrink, product
    cdef double* energy = p.rest + p.size
    cdef double* leverage = p.w_new
    cdef scalar* B = <scalar*> p.P
    sides(p, i, &left, &right)
    outer_except(p, i, -1, rest)
    for a in range(f.n):
        for r in range(left * right):
            leverage[r] = 0.0
            energy[r] = 0.0
        for l in range(left):
            for c in range(f.m):
                at = (l * f.m + c) * right
                q = sqmod(W[c * f.n + a])
                for r in range(right):
                    leverage[l * right + r] += q * p.w[at + r]
        for s in range(p.snapshots):
            for r in range(left * right):
                B[r] = 0.0
            for l in range(left):
                for c in range(f.m):
                    at = (l * f.m + c) * right
                    b = conj(W[c * f.n + a])
                    for r in range(right):
                        B[l * right + r] = B[l * right + r] + b * (Z[s * p.size + at + r] * p.w[at + r])
            for r in range(left * right):
                energy[r] += sqmod(B[r])
        g = variance(f, f.active[a])
        change = 0.0
        product = 1.0
        for r in range(left * right):
            weight = g * rest[r]
            shrink = max(1.0 - weight * leverage[r], 1e-14)
            change += weight * energy[r] / shrink
            product *= shrink
            if product < 1e-200:
                change += p.snapshots * log(product)
                product = 1.0
        change += p.snapshots * log(product)
        if change < best:
            best = change
            which[0] = f.active[a]
    return best


cdef inline int refine(State* p, Options* o, int* dropped, scalar* Y) noexcept nogil:
    """Drop entries one by one, the least needed first, while the evidence asks for it."""
    cdef int k, best_k, info = 0
    cdef Py_ssize_t a, which, best_a
    cdef double change, best
    for k in range(p.n_factors):  # from here on every atom has a variance of its own
        if p.f[k].coupling != 0.0:
            for a in range(p.f[k].n_atoms):
                p.f[k].kept[a] = variance(&p.f[k], a)
            memcpy(p.f[k].g, p.f[k].kept, p.f[k].n_atoms * sizeof(double))
            p.f[k].coupling = 0.0
    dropped[0] = 0
    while info == 0:
        best = 1e300
        best_k = -1
        best_a = 0
        which = 0
        for k in range(p.n_factors):
            if p.f[k].n > 1:
                change = removal(p, k, <scalar*> p.Z, &which)
                if change < best:
                    best, best_k, best_a = change, k, which
        if best_k < 0 or best > o.evidence:
            break
        p.f[best_k].g[best_a] = 0.0
        dropped[0] += 1
        info = settle(p, Y)
    return info


cdef inline int trim(State* p, int* dropped, scalar* Y) noexcept nogil:
    """Drop all variances below a fraction of the largest of their factor, whatever the evidence says."""
    cdef int k
    cdef Py_ssize_t a
    cdef double largest
    cdef Factor* f
    dropped[0] = 0
    for k in range(p.n_factors):
        f = &p.f[k]
        largest = 0.0
        for a in range(f.n_atoms):
            largest = max(largest, f.g[a])
        for a in range(f.n_atoms):
            if 0.0 < f.g[a] < f.prune * largest:
                f.g[a] = 0.0
                dropped[0] += 1
    return settle(p, Y) if dropped[0] else 0


cdef inline double rank_one(State* p, scalar* Z) noexcept nogil:
    """Unit vectors, at the head of the U_new, whose outer product is nearest to Z in direction; return its size.

    Alternating least squares from the fibres through the largest entry; P is overwritten.
    """
    cdef Py_ssize_t left, right, l, c, r, at, count, peak = 0
    cdef double size = 0.0, before, norm
    cdef int _it, k, other
    cdef scalar total
    cdef scalar* v
    cdef scalar* u
    cdef scalar* weights = <scalar*> p.P
    for at in range(p.size):
        if sqmod(Z[at]) > sqmod(Z[peak]):
            peak = at
    for k in range(p.n_factors):
        sides(p, k, &left, &right)
        v = <scalar*> p.f[k].U_new
        at = peak // (p.f[k].m * right) * p.f[k].m * right + peak % right
        norm = 0.0
        for c in range(p.f[k].m):
            v[c] = Z[at + c * right]
            norm += sqmod(v[c])
        norm = sqrt(norm)
        for c in range(p.f[k].m):
            v[c] = v[c] / norm
    for _it in range(50):
        before = size
        for k in range(p.n_factors):
            sides(p, k, &left, &right)
            weights[0] = 1.0
            count = 1
            for other in range(p.n_factors):
                if other == k:
                    continue
                u = <scalar*> p.f[other].U_new
                for r in range(count - 1, -1, -1):
                    for c in range(p.f[other].m - 1, -1, -1):
                        weights[r * p.f[other].m + c] = weights[r] * conj(u[c])
                count *= p.f[other].m
            v = <scalar*> p.f[k].U_new
            norm = 0.0
            for c in range(p.f[k].m):
                total = 0.0
                for l in range(left):
                    at = (l * p.f[k].m + c) * right
                    for r in range(right):
                        total = total + Z[at + r] * weights[l * right + r]
                v[c] = total
                norm += sqmod(total)
            size = sqrt(norm)
            for c in range(p.f[k].m):
                v[c] = v[c] / size
        if size <= before * (1.0 + 1e-8):
            break
    return size


cdef inline int polish(State* p, Options* o, scalar* Y) noexcept nogil:
    """Where the coefficients are themselves a product as far as the noise can tell, read the variances from it.

    The evidence takes each coefficient for a draw and averages over slices; many variances explain the data equally
    well. If the block is a product, each variance is known far better: it is the square of its coefficient. Taken only
    where the cost rises by less than an entry of the support is worth.
    """
    cdef Factor* f
    cdef Py_ssize_t a, r, freedom = p.size
    cdef double size, misfit = 0.0, limit, cost = p.cost, square, scale
    cdef scalar x
    cdef scalar* W
    cdef scalar* z
    cdef scalar* Z = <scalar*> p.Z
    cdef int k, info, several = 0
    if p.snapshots > 1:
        return 0
    for k in range(p.n_factors):
        f = &p.f[k]
        several += f.m > 1
        freedom -= f.m - 1
        if f.n != f.m:  # more atoms than rows: coefficients are not determined
            return 0
        for r in range(f.m):
            if not f.d[r] > 0.0:
                return 0
    freedom -= 1
    if several < 2:
        return 0
    size = rank_one(p, Z)
    for r in range(p.size):
        misfit += sqmod(Z[r])
    misfit = (misfit - size * size) / p.s2
    limit = 3.0 * sqrt(2.0 * freedom if scalar is double else <double> freedom)
    if not (size > 0.0 and misfit <= freedom + limit):
        return 0
    for k in range(p.n_factors):
        f = &p.f[k]
        memcpy(f.kept, f.g, f.n_atoms * sizeof(double))
        W = <scalar*> f.W
        z = <scalar*> f.U_new
        scale = size * size if k == p.n_factors - 1 else 1.0
        for a in range(f.n):
            x = 0.0
            square = 0.0
            for r in range(f.m):
                x = x + W[r * f.n + a] * conj(z[r]) / f.d[r]
                square += sqmod(W[r * f.n + a]) / (f.d[r] * f.d[r])
            square = (sqmod(x) + square * p.s2 / (size * size)) * f.kept[f.active[a]] * f.kept[f.active[a]]
            f.g[f.active[a]] = max(square * scale, 1e-290)
    info = refresh(p, Y)
    if info == 0 and p.cost <= cost + o.evidence:
        normalise(p)
        return 0
    for k in range(p.n_factors):
        memcpy(p.f[k].g, p.f[k].kept, p.f[k].n_atoms * sizeof(double))
    return refresh(p, Y)


cdef inline int solve_one(State* p, Options* o, double* path, int* n_iter, int* status, scalar* Y) noexcept nogil:
    """Everything for one problem: sweeps, the support, a few sweeps more on it, and variances that fit a product."""
    cdef int info, dropped = 0, more = 0, ignored = 0
    info = settle(p, Y)
    if info == 0:
        info = sweeps(p, o, o.max_iter, o.min_iter, path, n_iter, status, Y)
    if info == 0:
        info = refine(p, o, &dropped, Y) if o.refine else trim(p, &dropped, Y)
        if info == 0 and dropped > 0:
            normalise(p)
            info = sweeps(p, o, 10, 1, NULL, &more, &ignored, Y)
    if info == 0 and o.refine:
        info = polish(p, o, Y)
    return info
