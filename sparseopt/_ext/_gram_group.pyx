"""The group lasso, its ridge and L1 variants and several outputs on a Gram matrix: sweeps that end in Newton steps.

Rounds of block coordinate descent (`_group_blocks`) find which groups are active. On them the objective is smooth, with
Hessian  G + lam_g / ||w_g|| (I - u_g u_g') + mu,  u_g = w_g / ||w_g||,  and Newton steps converge quadratically. A step
is taken when the set has settled and the sweeps since the last one have cost about as much. One output: by Cholesky
factorization. Several: by conjugate gradients on all of them, preconditioned by the factor of G + lam_g / ||w_g|| + mu, from
which the Hessian differs by one rank a group.
"""

from libc.math cimport fabs, sqrt
from libc.string cimport memcpy, memset

import numpy as np

from sparseopt._ext._blas cimport cholesky, cholesky_solve
from sparseopt._ext._group_blocks cimport Blocks, GroupBlocks, active, gap, group_norm, sweep
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef enum:
    FEW = 50       # the set has settled when fewer than one in FEW changes in a sweep
    SWEEPS = 20    # sweeps before a Newton step is tried all the same
    CG_STEPS = 40
    STAGNANT = 100  # rounds without a smaller gap before giving up

cdef double NS_AXPY = 0.15    # nanoseconds of one multiplication and addition in a sweep; only the ratio matters
cdef double NS_FACTOR = 0.05  # and in a factorization
cdef double NOISE = 1e-15     # of sums of products, relative to the sizes of what is added
cdef double EAGER = 0.3       # a Newton step is due when sweeps have cost this share of it


cdef struct Face:
    # the coordinates that are not fixed at zero, by column: s of them, in groups
    Py_ssize_t s, n_groups
    Py_ssize_t* at          # their columns
    Py_ssize_t* start       # where each active group starts among them
    double* lam
    double* norm            # ||w_g||
    double* H
    double* w               # all below: outputs x s
    double* slope
    double* step
    double* change
    double* z
    double* x
    double* p
    double* image           # outputs x k: G change


cdef void collect(Blocks* f, Face* c) noexcept nogil:
    """Find the face, the values on it, and minus the gradient."""
    cdef Py_ssize_t g, j, t, a
    cdef double norm
    c.s = 0
    c.n_groups = 0
    for g in range(f.n_groups):
        norm = group_norm(f, f.w, g)
        if norm == 0.0:
            continue
        c.start[c.n_groups] = c.s
        c.lam[c.n_groups] = f.lam[g]
        c.norm[c.n_groups] = norm
        c.n_groups += 1
        for j in range(f.starts[g], f.starts[g + 1]):
            if f.l1 == 0.0 or f.w[j] != 0.0:
                c.at[c.s] = j
                c.s += 1
    c.start[c.n_groups] = c.s
    for t in range(f.n_outputs):
        for g in range(c.n_groups):
            for a in range(c.start[g], c.start[g + 1]):
                j = c.at[a]
                c.w[t * c.s + a] = f.w[t * f.k + j]
                c.slope[t * c.s + a] = (f.q[t * f.k + j] - (f.mu + c.lam[g] / c.norm[g]) * f.w[t * f.k + j]
                                        - (f.l1 if f.w[t * f.k + j] > 0.0 else -f.l1))


cdef void fill(Blocks* f, Face* c, double ridge, bint curved) noexcept nogil:
    """Write G + mu + ridge + lam / ||w|| (I - uu'), without the last rank unless `curved`, as a Fortran lower triangle."""
    cdef Py_ssize_t a, b, g, last
    cdef double bend
    cdef const double* row
    cdef double* out
    for g in range(c.n_groups):
        bend = c.lam[g] / c.norm[g]
        last = c.start[g + 1]
        for a in range(c.start[g], last):
            row = f.G + c.at[a] * f.ld
            out = c.H + a * c.s
            for b in range(a, c.s):
                out[b] = row[c.at[b]]
            out[a] += f.mu + bend + ridge
            if curved:
                for b in range(a, last):
                    out[b] -= bend * (c.w[a] / c.norm[g]) * (c.w[b] / c.norm[g])


cdef bint factor(Blocks* f, Face* c, bint curved) noexcept nogil:
    """Factor the Hessian (or preconditioner); a little ridge is added where it is singular."""
    cdef Py_ssize_t _attempt, a
    cdef double ridge = 0.0, largest = 0.0
    for a in range(c.s):
        largest = max(largest, f.G[c.at[a] * f.ld + c.at[a]])
    for _attempt in range(6):
        fill(f, c, ridge, curved)
        if cholesky(c.s, c.H, c.s) == 0:
            return True
        ridge = 1e-13 * largest if ridge == 0.0 else 100.0 * ridge
    return False


cdef void hessian(Blocks* f, Face* c, const double* x, double* out) noexcept nogil:
    """out = Hessian x over all outputs; rows of G are read where they lie."""
    cdef Py_ssize_t t, a, b, g
    cdef double along, bend, total
    cdef const double* row
    for a in range(c.s):
        row = f.G + c.at[a] * f.ld
        for t in range(f.n_outputs):
            total = 0.0
            for b in range(c.s):
                total += row[c.at[b]] * x[t * c.s + b]
            out[t * c.s + a] = total
    for g in range(c.n_groups):
        bend = c.lam[g] / c.norm[g]
        along = 0.0
        for t in range(f.n_outputs):
            for a in range(c.start[g], c.start[g + 1]):
                along += c.w[t * c.s + a] * x[t * c.s + a]
        along *= bend / (c.norm[g] * c.norm[g])
        for t in range(f.n_outputs):
            for a in range(c.start[g], c.start[g + 1]):
                out[t * c.s + a] += (f.mu + bend) * x[t * c.s + a] - along * c.w[t * c.s + a]


cdef void precondition(Blocks* f, Face* c, const double* r, double* out) noexcept nogil:
    cdef Py_ssize_t t
    memcpy(out, r, f.n_outputs * c.s * sizeof(double))
    for t in range(f.n_outputs):
        cholesky_solve(c.s, c.H, c.s, out + t * c.s)


cdef void conjugate_gradients(Blocks* f, Face* c) noexcept nogil:
    """c.step = Hessian^-1 c.slope; c.z serves as the residual."""
    cdef Py_ssize_t total = f.n_outputs * c.s, i, _step
    cdef double rho, old, alpha, first
    memset(c.step, 0, total * sizeof(double))
    memcpy(c.z, c.slope, total * sizeof(double))
    precondition(f, c, c.z, c.x)
    memcpy(c.p, c.x, total * sizeof(double))
    rho = SIMD.dot_f64(c.z, c.x, total)
    first = rho
    for _step in range(CG_STEPS):
        if not rho > 1e-20 * first:
            break
        hessian(f, c, c.p, c.x)
        alpha = SIMD.dot_f64(c.p, c.x, total)
        if not alpha > 0.0:
            break
        alpha = rho / alpha
        SIMD.axpy_f64(alpha, c.p, c.step, total)
        SIMD.axpy_f64(-alpha, c.x, c.z, total)
        precondition(f, c, c.z, c.x)
        old = rho
        rho = SIMD.dot_f64(c.z, c.x, total)
        for i in range(total):
            c.p[i] = c.x[i] + rho / old * c.p[i]


cdef bint truncate(Blocks* f, Face* c) noexcept nogil:
    """c.change = c.step, with what would pass through zero set to zero instead; whether anything was."""
    cdef Py_ssize_t g, a, t
    cdef double along
    cdef bint cut = False
    memcpy(c.change, c.step, f.n_outputs * c.s * sizeof(double))
    for g in range(c.n_groups):
        if f.l1 > 0.0:
            for a in range(c.start[g], c.start[g + 1]):
                if (c.w[a] + c.step[a]) * c.w[a] <= 0.0:
                    c.change[a] = -c.w[a]
                    cut = True
        elif c.lam[g] > 0.0:
            along = 0.0
            for t in range(f.n_outputs):
                for a in range(c.start[g], c.start[g + 1]):
                    along += (c.w[t * c.s + a] + c.step[t * c.s + a]) * c.w[t * c.s + a]
            if along <= 0.0:
                cut = True
                for t in range(f.n_outputs):
                    for a in range(c.start[g], c.start[g + 1]):
                        c.change[t * c.s + a] = -c.w[t * c.s + a]
    return cut


cdef double push(Blocks* f, Face* c, double* linear, double* square) noexcept nogil:
    """c.image = G change for every column, with change'q and change'G change; return what the latter may be off by."""
    cdef Py_ssize_t t, a
    cdef double d, size, noise = 0.0
    linear[0] = 0.0
    square[0] = 0.0
    memset(c.image, 0, f.n_outputs * f.k * sizeof(double))
    for t in range(f.n_outputs):
        for a in range(c.s):
            d = c.change[t * c.s + a]
            if d != 0.0:
                SIMD.axpy_f64(d, f.G + c.at[a] * f.ld, c.image + t * f.k, f.k)
    for t in range(f.n_outputs):
        size = 0.0
        for a in range(c.s):
            d = c.change[t * c.s + a]
            linear[0] += d * f.q[t * f.k + c.at[a]]
            square[0] += d * c.image[t * f.k + c.at[a]]
            size += fabs(d) * sqrt(f.G[c.at[a] * f.ld + c.at[a]])
        noise += NOISE * size * size
    return noise


cdef double derivative(Blocks* f, Face* c, double a, double linear, double square, double* value) noexcept nogil:
    """Derivative at w + a change of the objective, and in `value` the objective minus its fit at w."""
    cdef Py_ssize_t g, t, i, at
    cdef double ww, wd, dd, norm, slope = -linear + a * square, x
    value[0] = -a * linear + 0.5 * a * a * square
    for g in range(c.n_groups):
        ww = 0.0
        wd = 0.0
        dd = 0.0
        for t in range(f.n_outputs):
            for i in range(c.start[g], c.start[g + 1]):
                at = t * c.s + i
                x = c.w[at] + a * c.change[at]
                ww += x * x
                wd += x * c.change[at]
                dd += c.change[at] * c.change[at]
                if f.l1 > 0.0:
                    value[0] += f.l1 * fabs(x)
                    slope += f.l1 * (c.change[at] if c.w[at] > 0.0 else -c.change[at])
        norm = sqrt(ww)
        value[0] += c.lam[g] * norm + 0.5 * f.mu * ww
        slope += (c.lam[g] * wd / norm if norm > 0.0 else c.lam[g] * sqrt(dd)) + f.mu * wd
    return slope


cdef double search(Blocks* f, Face* c, double linear, double square) noexcept nogil:
    """Minimise along c.change: up to 4 times it, or the first change of sign where coordinates have an L1 part."""
    cdef double low = 0.0, high = 1.0, value, middle = 1.0
    cdef Py_ssize_t i, _step
    if f.l1 > 0.0:
        high = 4.0
        for i in range(c.s):
            if c.change[i] * c.w[i] < 0.0:
                high = min(high, -c.w[i] / c.change[i])
        if derivative(f, c, high, linear, square, &value) <= 0.0:
            return high
    else:
        while derivative(f, c, high, linear, square, &value) < 0.0 and high < 4.0:
            low = high
            high *= 2.0
    for _step in range(100):
        middle = 0.5 * (low + high)
        if derivative(f, c, middle, linear, square, &value) < 0.0:
            low = middle
        else:
            high = middle
        if high - low <= 1e-6 * high:
            break
    return middle


cdef bint newton(Blocks* f, Face* c) noexcept nogil:
    """One step on the face; whether the objective fell.

    Where the Gram matrix is singular the objective can be linear along combinations of groups, and steps are long until
    a group is at zero: what their rounding alone could explain is no fall.
    """
    cdef Py_ssize_t t, a, j
    cdef double linear, square, noise, before, after, length = 1.0
    cdef bint cut
    if c.s == 0 or not factor(f, c, f.n_outputs == 1):  # squares of all coefficients may vanish
        return False
    if f.n_outputs == 1:
        memcpy(c.step, c.slope, c.s * sizeof(double))
        cholesky_solve(c.s, c.H, c.s, c.step)
    else:
        conjugate_gradients(f, c)
    cut = truncate(f, c)
    noise = push(f, c, &linear, &square)
    derivative(f, c, 0.0, linear, square, &before)
    derivative(f, c, 1.0, linear, square, &after)
    if not after + noise < before:
        if cut:
            memcpy(c.change, c.step, f.n_outputs * c.s * sizeof(double))
            noise = push(f, c, &linear, &square)
        length = search(f, c, linear, square)
        derivative(f, c, length, linear, square, &after)
        if not after + length * length * noise < before:
            return False
    for t in range(f.n_outputs):
        for a in range(c.s):
            j = t * f.k + c.at[a]
            f.w[j] = 0.0 if length == 1.0 and c.change[t * c.s + a] == -f.w[j] else (
                f.w[j] + length * c.change[t * c.s + a])
        SIMD.axpy_f64(-length, c.image + t * f.k, f.q + t * f.k, f.k)
    f.rr += length * length * square - 2.0 * length * linear
    return True


cdef class GramGroup:
    """Solver for problems on a Gram matrix.

    Parameters
    ----------
    n_outputs : int
    max_support : int
        Larger supports are left to sweeps alone.
    """

    cdef Py_ssize_t n_outputs, max_support
    cdef readonly Py_ssize_t sweeps, newtons

    def __init__(self, Py_ssize_t n_outputs, Py_ssize_t max_support):
        self.n_outputs, self.max_support = n_outputs, max_support

    def solve(self, const double[:, ::1] G, GroupBlocks blocks, double[:, ::1] w, double[:, ::1] q,
              const double[::1] lam, double l1, double mu, double rr, double tol, Py_ssize_t max_rounds):
        """Solve on all groups, changing w and q in place, to a restricted gap of at most `tol`.

        Returns tr R'SR, the gap, the number of rounds, and whether no round helps any more.
        """
        cdef Blocks f
        cdef Face c
        cdef Py_ssize_t k = w.shape[1], n_groups = blocks.starts.shape[0] - 1, g, rounds = 0, flips
        cdef Py_ssize_t since = 0, capacity = 0, best_round = 0, needed
        cdef double current, moved, spent = 0.0, cost, best
        cdef bint done = False
        if (w.shape[0] != self.n_outputs or q.shape[0] != self.n_outputs or q.shape[1] != k or lam.shape[0] != n_groups
                or blocks.starts[n_groups] != k or G.shape[0] < k or G.shape[1] < k):
            raise ValueError(f"shapes disagree: G {G.shape[0]} x {G.shape[1]}, w {w.shape[0]} x {k}, lam {lam.shape[0]}, "
                             f"{n_groups} groups of {blocks.starts[n_groups]} columns, {self.n_outputs} outputs")
        if l1 > 0.0 and self.n_outputs > 1:
            raise ValueError("an L1 part needs a single output")
        if k == 0:
            return rr, 0.0, 0, True
        cdef double[::1] scratch = np.empty(blocks.largest * (3 * self.n_outputs + 1))
        cdef Py_ssize_t[::1] index = np.empty(k + n_groups + 1, dtype=np.intp)
        cdef double[::1] by_group = np.empty(2 * n_groups)
        cdef double[::1] H = np.empty(0), face = np.empty(0)
        f.G, f.ld, f.k, f.n_outputs, f.n_groups = &G[0, 0], G.shape[1], k, self.n_outputs, n_groups
        f.lam, f.l1, f.mu, f.w, f.q, f.rr = &lam[0], l1, mu, &w[0, 0], &q[0, 0], rr
        blocks.lend(&f, &scratch[0])
        c.at, c.start, c.lam, c.norm = &index[0], &index[k], &by_group[0], &by_group[n_groups]
        with nogil:
            current = gap(&f)
        best = current
        while current > tol and rounds < max_rounds and not done:
            rounds += 1
            since += 1
            with nogil:
                flips = sweep(&f, False, &moved)
                needed = 0
                for g in range(n_groups):
                    if active(&f, g):
                        needed += f.starts[g + 1] - f.starts[g]
            spent += NS_AXPY * needed * self.n_outputs * k
            cost = NS_FACTOR * (<double> needed * needed * needed / 3.0 + NS_AXPY / NS_FACTOR * needed * k)
            if self.n_outputs > 1:
                cost += 10.0 * NS_AXPY * self.n_outputs * needed * needed
            if (0 < needed <= self.max_support and spent >= EAGER * cost
                    and (FEW * flips <= needed or since >= SWEEPS or moved == 0.0)):
                if needed > capacity:
                    capacity = min(needed + needed // 8, k)
                    H = np.empty(capacity * capacity)
                    face = np.empty(self.n_outputs * (7 * capacity + k))
                c.H = &H[0]
                c.w = &face[0]
                with nogil:
                    needed = self.n_outputs * capacity
                    c.slope, c.step, c.change, c.z = c.w + needed, c.w + 2 * needed, c.w + 3 * needed, c.w + 4 * needed
                    c.x, c.p, c.image = c.w + 5 * needed, c.w + 6 * needed, c.w + 7 * needed
                    collect(&f, &c)
                    if newton(&f, &c):
                        moved = 1.0
                self.newtons += 1
                spent = 0.0
                since = 0
            with nogil:
                current = gap(&f)
            if current < best:
                best = current
                best_round = rounds
            done = moved == 0.0 or rounds - best_round >= STAGNANT
        self.sweeps += rounds
        return f.rr, current, rounds, done
