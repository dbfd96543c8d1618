"""The Lasso and the elastic net on a Gram matrix: coordinate descent that ends in Newton steps on the support.

    minimise over w   1/2 r'Sr + sum_j lam_j |w_j| + mu/2 ||w||^2,     r = y - X w,  G = X'SX,  q = X'Sr

X is never seen: a change d of w changes q by -G d and r'Sr by -d'(q_before + q_after).  Rounds of two steps:

1. coordinate descent: a full sweep while signs still change much, else one update of every zero coordinate that violates
   its optimality condition (after a Newton step the others are stationary);
2. the minimiser on the face of the current signs, by a Cholesky factor that follows the support: appended, removed and
   solved in O(m^2), refactored when too much changed.  The step is taken whole with flipped coordinates set to zero, or
   halved until the objective falls, or cut at the first flip, which always lowers it.

With the right support one step ends the work (finite termination; Nutini, Laradji and Schmidt, JMLR 23 (2022), section 6).
"""

from libc.math cimport fabs
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from sparseopt._ext._blas cimport cholesky
from sparseopt._ext._cholesky cimport factor_append, factor_remove, factor_solve
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef double DEPENDENT = 1e-13  # a column with less than this share of its norm outside the span of others depends on it

cdef enum:
    CHANGE_COST = 24  # a change of the factor against m^3 / 3 steps of a fresh factorization, which run that much faster
    FEW = 50          # signs have settled when fewer than one in FEW flips in a sweep
    SWEEPS = 20       # sweeps before a Newton step is tried all the same
    IDLE = 20         # rounds that lower neither objective nor gap: rounding alone is left


cdef struct Face:
    const double* G
    Py_ssize_t ld, k
    const double* lam
    double mu
    bint positive
    double* w
    double* q
    double rr            # r'Sr
    # the support in factor order, and where each column stands in it (-1: nowhere)
    Py_ssize_t m, capacity
    Py_ssize_t* support
    Py_ssize_t* place
    double* R
    # scratch
    double* step
    double* change
    double* next
    double* slope        # minus the derivative on the face, by column
    double* before
    Py_ssize_t refactored, updated, solves


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
    SIMD.axpy_f64(-d, f.G + j * f.ld, f.q, f.k)
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
    cdef double yr = f.rr, cap = 0.0, size, primal = objective(f), t, best, dual, over
    cdef Py_ssize_t j
    cdef bint unpenalised = False
    for j in range(f.k):
        yr += f.w[j] * f.q[j]
        size = f.q[j] if f.positive else fabs(f.q[j])
        if f.lam[j] <= 0.0:
            unpenalised = True
            if f.mu == 0.0 and (f.w[j] > 0.0 or not f.positive or f.q[j] > 0.0) and f.G[j * f.ld + j] > 0.0:
                primal += 0.5 * f.q[j] * f.q[j] / f.G[j * f.ld + j]
        elif size > cap * f.lam[j]:
            cap = size / f.lam[j]
    t = yr / f.rr if f.rr > 0.0 else 1.0
    if cap > 0.0 and t * cap > 1.0:
        t = 1.0 / cap
    if t < 0.0:
        t = 0.0
    best = t * yr - 0.5 * t * t * f.rr
    if f.mu > 0.0:
        dual = yr - 0.5 * f.rr
        for j in range(f.k):
            over = (f.q[j] if f.positive else fabs(f.q[j])) - f.lam[j]
            if over > 0.0:
                dual -= over * over / (2.0 * f.mu)
        best = dual if dual > best or unpenalised else best
    return primal - best


cdef void drop(Face* f, Py_ssize_t at) noexcept nogil:
    """Take position `at` out of the factored support."""
    cdef Py_ssize_t a
    factor_remove(f.R, f.capacity, f.m, at)
    f.place[f.support[at]] = -1
    for a in range(at, f.m - 1):
        f.support[a] = f.support[a + 1]
        f.place[f.support[a]] = a
    f.m -= 1


cdef bint append(Face* f, Py_ssize_t j) noexcept nogil:
    """Put column j into the factored support; False when it depends on the others."""
    cdef Py_ssize_t a
    cdef const double* row = f.G + j * f.ld
    if f.m >= f.capacity:
        return False
    for a in range(f.m):
        f.change[a] = row[f.support[a]]
    if not factor_append(&SIMD, f.R, f.capacity, f.m, f.change, row[j] + f.mu, DEPENDENT):
        return False
    f.support[f.m] = j
    f.place[j] = f.m
    f.m += 1
    return True


cdef void untangle(Face* f, Py_ssize_t j) noexcept nogil:
    """Resolve a non-zero column j that depends on the factored ones: x_j = X_S z.

    Along (1, -z) the fit stays and the penalty is linear, so that one can walk downhill until a coordinate becomes zero.
    Called right after `append` refused j, which leaves R'^-1 G_Sj in f.change.  Only w changes here; `newton` brings q up
    to date.
    """
    cdef Py_ssize_t a, i, hit, _attempt
    cdef double sign, rate, d, t, move
    for _attempt in range(f.m + 1):
        for a in range(f.m - 1, -1, -1):
            f.change[a] = (f.change[a] - SIMD.dot_f64(f.R + a * f.capacity + a + 1, f.change + a + 1, f.m - a - 1)
                           ) / f.R[a * f.capacity + a]
        sign = 1.0 if f.w[j] > 0.0 else -1.0
        rate = f.lam[j]
        for a in range(f.m):
            i = f.support[a]
            rate -= sign * f.change[a] * (f.lam[i] if f.w[i] > 0.0 else -f.lam[i])
        d = -sign if rate >= 0.0 else sign
        t = fabs(f.w[j]) if rate >= 0.0 else -1.0
        hit = -1
        for a in range(f.m):
            i = f.support[a]
            move = -d * f.change[a]
            if move * f.w[i] < 0.0 and (f.lam[i] > 0.0 or f.positive) and (t < 0.0 or -f.w[i] / move < t):
                t = -f.w[i] / move
                hit = a
        if t < 0.0:
            return
        for a in range(f.m):
            f.w[f.support[a]] -= d * t * f.change[a]
        if hit < 0:
            f.w[j] = 0.0
            return
        f.w[j] += d * t
        f.w[f.support[hit]] = 0.0
        drop(f, hit)
        if append(f, j):
            return


cdef bint refactor(Face* f) noexcept nogil:
    """Factor afresh for the columns in f.support; False when they depend on each other."""
    cdef Py_ssize_t a, b
    cdef const double* row
    for a in range(f.m):
        row = f.G + f.support[a] * f.ld
        for b in range(a, f.m):
            f.R[a * f.capacity + b] = row[f.support[b]]
        f.R[a * f.capacity + a] += f.mu
        f.next[a] = f.R[a * f.capacity + a]
    f.refactored += 1
    if cholesky(f.m, f.R, f.capacity) != 0:
        return False
    for a in range(f.m):
        if f.R[a * f.capacity + a] * f.R[a * f.capacity + a] <= DEPENDENT * f.next[a]:
            return False
    return True


cdef void rebuild(Face* f, bint resolve) noexcept nogil:
    """Factor the columns in f.support afresh; those that depend on the ones before are left out, or untangled."""
    cdef Py_ssize_t a, m = f.m
    if not refactor(f):
        f.m = 0
        for a in range(m):
            f.next[a] = f.support[a]  # append writes into f.support
        for a in range(m):
            if f.w[<Py_ssize_t> f.next[a]] != 0.0 and not append(f, <Py_ssize_t> f.next[a]) and resolve:
                untangle(f, <Py_ssize_t> f.next[a])
    for a in range(f.m):
        f.place[f.support[a]] = a


cdef void follow(Face* f, bint grow) noexcept nogil:
    """Bring the factored support in line with the non-zeros of w; new ones join only if `grow`."""
    cdef Py_ssize_t j, a, n_in = 0, n_out = 0, kept = 0
    for a in range(f.m):
        n_out += f.w[f.support[a]] == 0.0
    if grow:
        for j in range(f.k):
            n_in += f.w[j] != 0.0 and f.place[j] < 0
    if f.m - n_out + n_in > f.capacity:
        n_in = f.capacity - f.m + n_out
    # a change costs about m^2 memory-bound steps, a fresh factorization m^3 / 3 fast ones
    if CHANGE_COST * (n_in + n_out) > f.m + n_in + 2 * CHANGE_COST:
        for a in range(f.m):
            f.place[f.support[a]] = -1
            if f.w[f.support[a]] != 0.0:
                f.support[kept] = f.support[a]
                f.place[f.support[kept]] = kept
                kept += 1
            # a column that has left keeps place -1
        f.m = kept
        for j in range(f.k):
            if grow and f.w[j] != 0.0 and f.place[j] < 0 and f.m < f.capacity:
                f.support[f.m] = j
                f.m += 1
        for a in range(f.m):
            f.place[f.support[a]] = -1
        rebuild(f, grow)
        return
    for a in range(f.m - 1, -1, -1):
        if f.w[f.support[a]] == 0.0:
            drop(f, a)
            f.updated += 1
    if n_in:
        for j in range(f.k):
            if f.w[j] != 0.0 and f.place[j] < 0:
                f.updated += 1
                if not append(f, j):
                    untangle(f, j)
        for a in range(f.m - 1, -1, -1):  # untangling may have emptied some
            if f.w[f.support[a]] == 0.0:
                drop(f, a)


cdef double face_decrease(Face* f) noexcept nogil:
    """Decrease of the objective for the change f.change of the support, and f.next = H f.change, by H = R'R."""
    cdef Py_ssize_t a
    cdef double z, linear = 0.0, square = 0.0
    for a in range(f.m):
        f.next[a] = 0.0
    for a in range(f.m):
        z = SIMD.dot_f64(f.R + a * f.capacity + a, f.change + a, f.m - a)
        square += z * z
        SIMD.axpy_f64(z, f.R + a * f.capacity + a, f.next + a, f.m - a)
        linear += f.slope[f.support[a]] * f.change[a]
    return linear - 0.5 * square


cdef Py_ssize_t newton(Face* f) noexcept nogil:
    """Go to the minimiser on the face of the current signs, leaving coordinates at zero where their sign would flip.

    Returns the number of coordinates set to zero on the way, -1 when there was nothing to do.  Only the slopes of the
    support are followed on the way; q is brought up to date once, at the end.
    """
    cdef Py_ssize_t a, j, first, flips, zeroed = 0, _steps
    cdef double cut, value, quadratic = 0.0, together, alone, along
    for j in range(f.k):
        f.before[j] = f.w[j]
    follow(f, True)
    for a in range(f.m):
        j = f.support[a]
        f.slope[j] = f.q[j] - f.mu * f.w[j] - (f.lam[j] if f.w[j] > 0.0 else -f.lam[j])
    for _steps in range(4 * f.k + 10 if f.m > 0 else 0):
        for a in range(f.m):
            f.step[a] = f.slope[f.support[a]]
        factor_solve(&SIMD, f.R, f.capacity, f.m, f.step)
        f.solves += 1
        first, flips, cut, along = -1, 0, 1.0, 0.0
        for a in range(f.m):
            j = f.support[a]
            value = f.w[j] + f.step[a]
            along += f.slope[j] * f.step[a]
            f.change[a] = f.step[a]
            if value * f.w[j] <= 0.0 and (f.lam[j] > 0.0 or f.positive):
                flips += 1
                f.change[a] = -f.w[j]
                value = -f.w[j] / f.step[a] if f.step[a] != 0.0 else 0.0
                if value < cut or first < 0:
                    cut = value
                    first = a
        if flips == 0:
            for a in range(f.m):
                f.w[f.support[a]] += f.step[a]
            break
        # all flipped coordinates to zero at once, or up to the first flip: whichever lowers the objective more
        alone = (cut - 0.5 * cut * cut) * along
        together = face_decrease(f) if flips > 1 else -1.0
        if together > alone:
            for a in range(f.m):
                j = f.support[a]
                f.w[j] = 0.0 if f.change[a] == -f.w[j] else f.w[j] + f.change[a]
                f.slope[j] -= f.next[a]
        else:
            for a in range(f.m):
                j = f.support[a]
                f.w[j] += cut * f.step[a]
                f.slope[j] -= cut * f.slope[j]
            f.w[f.support[first]] = 0.0
            flips = 1
        zeroed += flips
        follow(f, False)
        if f.m == 0:
            break
    for j in range(f.k):
        f.change[j] = 0.0
    for j in range(f.k):
        value = f.w[j] - f.before[j]
        if value != 0.0:
            SIMD.axpy_f64(value, f.G + j * f.ld, f.change, f.k)
    for j in range(f.k):
        value = f.w[j] - f.before[j]
        if value != 0.0:
            quadratic += value * (2.0 * f.q[j] - f.change[j])
    f.rr -= quadratic
    for j in range(f.k):
        f.q[j] -= f.change[j]
    return zeroed


cdef double* grown(double* old, Py_ssize_t size) except NULL:
    cdef double* new = <double*> realloc(old, max(size, 1) * sizeof(double))
    if new == NULL:
        raise MemoryError("no memory for the working arrays of a Newton step")
    return new


cdef class GramLasso:
    """Solver for a sequence of problems on a growing Gram matrix; the factor of the support is kept between them.

    Parameters
    ----------
    max_support : int
        Larger supports are left to sweeps alone.
    """

    cdef Face f
    cdef Py_ssize_t size, max_support
    cdef readonly Py_ssize_t rounds, factorizations, updates, solves

    def __cinit__(self, Py_ssize_t max_support):
        self.max_support = max_support
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

    cdef int _reserve(self, Py_ssize_t k, Py_ssize_t support) except -1:
        """Make room for k columns and a support of the given size."""
        cdef Py_ssize_t a, capacity
        cdef double* R
        cdef Py_ssize_t* index
        if k > self.size:
            self.f.step = grown(self.f.step, k)
            self.f.change = grown(self.f.change, k)
            self.f.next = grown(self.f.next, k)
            self.f.slope = grown(self.f.slope, k)
            self.f.before = grown(self.f.before, k)
            index = <Py_ssize_t*> realloc(self.f.support, k * sizeof(Py_ssize_t))
            if index == NULL:
                raise MemoryError("no memory for the working arrays of a Newton step")
            self.f.support = index
            index = <Py_ssize_t*> realloc(self.f.place, k * sizeof(Py_ssize_t))
            if index == NULL:
                raise MemoryError("no memory for the working arrays of a Newton step")
            self.f.place = index
            for a in range(self.size, k):
                index[a] = -1
            self.size = k
        capacity = min(k, self.max_support)
        if self.f.capacity < min(support, capacity):
            capacity = min(capacity, support + support // 8 + 64)
            R = <double*> malloc(capacity * capacity * sizeof(double))
            if R == NULL:
                raise MemoryError("no memory for the factor of a Newton step")
            for a in range(self.f.m):
                memcpy(R + a * capacity + a, self.f.R + a * self.f.capacity + a, (self.f.m - a) * sizeof(double))
            free(self.f.R)
            self.f.R = R
            self.f.capacity = capacity
        return 0

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
        cdef Face* f = &self.f
        cdef Py_ssize_t k = w.shape[0], flips, rounds = 0, zeroed, support, j, since = 0
        cdef double moved, current, lowest, smallest, primal
        cdef int idle = 0
        cdef bint stationary = False
        if G.shape[0] < k or G.shape[1] < k or q.shape[0] != k or lam.shape[0] != k:
            raise ValueError(f"shapes disagree: G {G.shape[0]} x {G.shape[1]}, w {k}, q {q.shape[0]}, "
                             f"lam {lam.shape[0]}")
        if k < self.f.k:
            raise ValueError(f"the set shrank from {self.f.k} to {k} columns")
        if k == 0:
            return rr, 0.0, 0
        self._reserve(k, 0)
        f.G, f.ld, f.k, f.lam, f.positive, f.w, f.q, f.rr = &G[0, 0], G.shape[1], k, &lam[0], positive, &w[0], &q[0], rr
        if mu != f.mu:
            self._forget()
            f.mu = mu
        for j in range(k):
            stationary = stationary or w[j] != 0.0  # a warm start is near the minimiser of its face
        with nogil:
            current = gap(f)
            lowest, smallest = objective(f), current
        while current > tol and rounds < max_rounds and idle < IDLE:
            rounds += 1
            with nogil:
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
            self._reserve(k, support)
            with nogil:
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
        return f.rr, current, rounds
