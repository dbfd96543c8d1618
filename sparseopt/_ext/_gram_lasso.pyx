"""The Lasso and the elastic net on a Gram matrix: coordinate descent that ends in Newton steps on the support.

    minimise over w   1/2 r'Sr + sum_j lam_j |w_j| + mu/2 ||w||^2,     r = y - X w,  G = X'SX,  q = X'Sr

X is never seen: a change d of w changes q by -G d and r'Sr by -d'(q_before + q_after).  Rounds of two steps:

1. coordinate descent: a full sweep while signs still change much, else one update of every zero coordinate that violates
   its optimality condition (after a Newton step the others are stationary);
2. the minimiser on the face of the current signs, see `_gram_face.pxd`.

With the right support one step ends the work (finite termination; Nutini, Laradji and Schmidt, JMLR 23 (2022), section 6).
"""

from libc.math cimport fabs
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from sparseopt._ext._dual cimport dual_value
from sparseopt._ext._gram_face cimport Face, newton
from sparseopt._ext._simd cimport so_simd_choose

cdef enum:
    # A sweep costs about what two of the solves cost of which a Newton step needs one for each coordinate that it drops, so
    # that it pays to wait until signs have settled.
    FEW = 1000        # signs have settled when fewer than one in FEW flips in a sweep, or two at all
    SWEEPS = 40       # sweeps before a Newton step is tried all the same
    IDLE = 20         # rounds that lower neither objective nor gap: rounding alone is left


cdef double update(Face* f, Py_ssize_t j) noexcept nogil:
    """Minimise over coordinate j; return curvature * step^2, negative when its sign changed."""
    cdef double old = f.w[j], new, value, d, moved
    cdef double curvature = f.G[j * f.ld + j]
    if curvature <= 0.0:  # a constant column
        return 0.0
    value = f.q[j] + curvature * old
    if value > f.lam[j]:
        new = (value - f.lam[j]) / (curvature + f.mu)
    elif value < -f.lam[j] and not f.positive:
        new = (value + f.lam[j]) / (curvature + f.mu)
    else:
        new = 0.0
    d = new - old
    if d == 0.0:
        return 0.0
    f.w[j] = new
    f.rr -= 2.0 * d * f.q[j] - d * d * curvature
    f.simd.axpy_f64(-d, f.G + j * f.ld, f.q, f.k)
    moved = d * d * (curvature + f.mu)
    if (new > 0.0) != (old > 0.0) or (new < 0.0) != (old < 0.0):
        return -moved
    return moved


cdef inline bint violates(Face* f, Py_ssize_t j) noexcept nogil:
    """Whether coordinate j, at zero, wants to leave it."""
    return f.q[j] > f.lam[j] or (f.q[j] < -f.lam[j] and not f.positive)


cdef Py_ssize_t sweep(Face* f, bint only_violators, double* moved) noexcept nogil:
    """Update coordinates in order; return the number of sign changes."""
    cdef Py_ssize_t j, flips = 0
    cdef double change
    moved[0] = 0.0
    for j in range(f.k):
        if f.w[j] == 0.0:
            if not violates(f, j):
                continue
        elif only_violators:
            continue
        change = update(f, j)
        if change < 0.0:
            flips += 1
        moved[0] += fabs(change)
    return flips


cdef double objective(Face* f) noexcept nogil:
    cdef double l1 = 0.0, l2 = 0.0
    cdef Py_ssize_t j
    for j in range(f.k):
        if f.w[j] != 0.0:
            l1 += f.lam[j] * fabs(f.w[j])
            l2 += f.w[j] * f.w[j]
    return 0.5 * f.rr + l1 + 0.5 * f.mu * l2


cdef double gap(Face* f) noexcept nogil:
    """Duality gap of the problem restricted to these columns.

    The dual point is the best feasible multiple of the residual; with a ridge part the residual itself is tried too.  What
    single steps on columns without any penalty would gain goes on top: until they are fitted no dual point is feasible.
    """
    cdef double yr = f.rr, cap = 0.0, size, primal = objective(f), over = 0.0
    cdef Py_ssize_t j
    cdef bint unpenalised = False
    for j in range(f.k):
        yr += f.w[j] * f.q[j]
        size = f.q[j] if f.positive else fabs(f.q[j])
        if f.lam[j] <= 0.0:
            unpenalised = True
            if f.mu == 0.0:  # as if they were at zero: what they would add has no bound as long as they are not fitted
                yr -= max(f.w[j] * f.q[j], 0.0)
            if f.mu == 0.0 and (f.w[j] > 0.0 or not f.positive or f.q[j] > 0.0) and f.G[j * f.ld + j] > 0.0:
                primal += 0.5 * f.q[j] * f.q[j] / f.G[j * f.ld + j]
        elif size > cap * f.lam[j]:
            cap = size / f.lam[j]
        if size > f.lam[j]:
            over += (size - f.lam[j]) * (size - f.lam[j])
    return primal - dual_value(yr, f.rr, cap, over, f.mu, unpenalised)


cdef inline bint grow(double** room, Py_ssize_t size) noexcept nogil:
    """Make room for so many numbers; False without memory."""
    cdef double* new = <double*> realloc(room[0], max(size, 1) * sizeof(double))
    if new == NULL:
        return False
    room[0] = new
    return True


cdef class GramLasso:
    """Solver for a sequence of problems on a growing Gram matrix; the factor of the support is kept between them.

    Parameters
    ----------
    max_support : int
        Larger supports are left to sweeps alone.
    """

    def __cinit__(self, Py_ssize_t max_support):
        self.max_support = max_support
        self.f.simd = so_simd_choose()
        self.f.mu = -1.0

    def __dealloc__(self):
        free(self.f.support)
        free(self.f.place)
        free(self.f.step)
        free(self.f.change)
        free(self.f.next)
        free(self.f.slope)
        free(self.f.before)
        free(self.f.R)

    cdef bint _reserve(self, Py_ssize_t k, Py_ssize_t support) noexcept nogil:
        """Make room for k columns and a support of the given size; False without memory."""
        cdef Py_ssize_t a, capacity
        cdef double* R
        cdef Py_ssize_t* index
        if k > self.size:
            if not (grow(&self.f.step, k) and grow(&self.f.change, k) and grow(&self.f.next, k)
                    and grow(&self.f.slope, k) and grow(&self.f.before, k)):
                return False
            index = <Py_ssize_t*> realloc(self.f.support, k * sizeof(Py_ssize_t))
            if index == NULL:
                return False
            self.f.support = index
            index = <Py_ssize_t*> realloc(self.f.place, k * sizeof(Py_ssize_t))
            if index == NULL:
                return False
            self.f.place = index
            for a in range(self.size, k):
                index[a] = -1
            self.size = k
        capacity = min(k, self.max_support)
        if self.f.capacity < min(support, capacity):
            capacity = min(capacity, support + support // 8 + 64)
            R = <double*> malloc(capacity * capacity * sizeof(double))
            if R == NULL:
                return False
            for a in range(self.f.m):
                memcpy(R + a * capacity + a, self.f.R + a * self.f.capacity + a, (self.f.m - a) * sizeof(double))
            free(self.f.R)
            self.f.R = R
            self.f.capacity = capacity
        return True

    cdef void _forget(self) noexcept nogil:
        """Drop the factor."""
        cdef Py_ssize_t a
        for a in range(self.f.m):
            self.f.place[self.f.support[a]] = -1
        self.f.m = 0

    def solve(self, const double[:, ::1] G, double[::1] w, double[::1] q, const double[::1] lam, double mu, bint positive,
              double rr, double tol, Py_ssize_t max_rounds):
        """Solve on the leading len(w) columns of G, changing w and q in place, to a restricted gap of at most `tol`.

        Returns r'Sr, the gap, and the number of rounds.
        """
        cdef Py_ssize_t k = w.shape[0], rounds
        cdef double reached = 0.0
        if G.shape[0] < k or G.shape[1] < k or q.shape[0] != k or lam.shape[0] != k:
            raise ValueError(f"shapes disagree: G {G.shape[0]} x {G.shape[1]}, w {k}, q {q.shape[0]}, "
                             f"lam {lam.shape[0]}")
        if k < self.f.k:
            raise ValueError(f"the set shrank from {self.f.k} to {k} columns")
        if k == 0:
            return rr, 0.0, 0
        with nogil:
            rounds = self.run(&G[0, 0], G.shape[1], k, &w[0], &q[0], &lam[0], mu, positive, &rr, tol, max_rounds, &reached)
        if rounds < 0:
            raise MemoryError("no memory for the working arrays of a Newton step")
        return rr, reached, rounds

    cdef void restart(self) noexcept nogil:
        """Forget the columns: the next ones may be others."""
        self._forget()
        self.f.k = 0

    cdef Py_ssize_t run(self, const double* G, Py_ssize_t ld, Py_ssize_t k, double* w, double* q, const double* lam,
                        double mu, bint positive, double* rr, double tol, Py_ssize_t max_rounds,
                        double* reached) noexcept nogil:
        """The same without the GIL, for k >= 1 columns; returns the number of rounds, negative without memory."""
        cdef Face* f = &self.f
        cdef Py_ssize_t flips, rounds = 0, zeroed, support, j, since = 0
        cdef double moved, current, lowest, smallest, primal
        cdef int idle = 0
        cdef bint stationary = False
        if not self._reserve(k, 0):
            return -1
        f.G, f.ld, f.k, f.lam, f.positive, f.w, f.q, f.rr = G, ld, k, lam, positive, w, q, rr[0]
        if mu != f.mu:
            self._forget()
            f.mu = mu
        for j in range(k):
            stationary = stationary or w[j] != 0.0  # a warm start is near the minimiser of its face
        current = gap(f)
        lowest, smallest = objective(f), current
        while current > tol and rounds < max_rounds and idle < IDLE:
            rounds += 1
            flips = sweep(f, stationary, &moved)
            support = 0
            for j in range(k):
                support += f.w[j] != 0.0
            if FEW * flips > support + 2 * FEW and since < SWEEPS:
                since += 1
                stationary = False
                continue  # signs still change much: a Newton step would be wasted
            since = 0
            if support > self.max_support:
                stationary = False
                if rounds % 10 == 0 or moved == 0.0:
                    current = gap(f)
                    if moved == 0.0:
                        break
                continue
            if not self._reserve(k, support):
                return -1
            zeroed = newton(f)
            current = gap(f)
            primal = objective(f)
            idle = 0 if primal < lowest or current < smallest else idle + 1
            lowest, smallest = min(lowest, primal), min(smallest, current)
            if zeroed <= 0 and moved == 0.0:
                if not stationary:
                    break
                stationary = False  # a full sweep has the last word
                continue
            stationary = zeroed >= 0
        self.rounds += rounds
        self.factorizations, self.updates, self.solves = f.refactored, f.updated, f.solves
        rr[0], reached[0] = f.rr, current
        return rounds
