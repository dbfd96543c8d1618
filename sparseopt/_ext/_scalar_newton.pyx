"""Proximal Newton steps on a working set, for a smooth loss of one prediction a sample plus L1 and ridge parts.

A step minimises the quadratic model of the loss at a point, plus the penalty, over the members of the set, and is
followed by a line search on the true objective.  Few members move, so that a model needs the Gram matrix of those
alone: its *active* ones, that are not zero or violate their condition.  One product over the members afterwards says
which others must join.  The Gram matrix is kept for another step where forming it would cost more than the step.
See `sparseopt/solvers/prox_newton.py` for what calls this, and when.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport fabs
from libc.stdlib cimport free, malloc

import numpy as np

from sparseopt._ext._columns cimport Columns
from sparseopt._ext._dual cimport dual_value
from sparseopt._ext._gram_lasso cimport GramLasso
from sparseopt._ext._scalar_losses cimport ScalarLoss
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef enum:
    STEPS = 60          # Newton steps on one working set
    IDLE = 3            # steps in a row that only rounding can explain
    JOINS = 20          # times that members become active in one model
    ROUNDS = 2000       # of the solver on the Gram matrix
    TRIALS = 30         # of a line search
    MAX_SUPPORT = 4000  # largest support solved by one Cholesky factorization
    MISSING = -2        # no memory
    STUCK = -1          # no step: the model promises no decrease, or none was found

cdef double INNER = 1e-3        # a model is solved to this share of the gap that is left
cdef double STALE = 0.2         # a model is renewed when a step leaves more than this share of the gap
cdef double LEAST_SHARE = 1e-9  # of the usual tolerance: the smallest to which a model is solved
cdef double EASIER = 0.1        # change of the share of the bound after a whole step
cdef double HARDER = 10.0       # after one that was cut
cdef double LITTLE = 1e-6       # the smallest share of the bound
cdef double EPS = 2.220446049250313e-16
# Costs in nanoseconds, of which only ratios matter: a multiplication in matrix-matrix work, an entry gathered for it,
# an entry read by a product, a sample's part of a step, and how many times the rest of a step a Gram matrix may cost.
cdef double GEMM = 0.05, GATHER = 0.5, READ = 0.2, SAMPLE = 30.0, WORTH = 2.0


cdef class NewtonSet:
    """The model on a set that grows, and steps of its members.

    Parameters
    ----------
    X, shifted : Columns
        Two views of the columns of one design; the second one is centred here by weighted means.
    loss : ScalarLoss
    intercept, positive : bool
    n_threads : int

    Attributes
    ----------
    share : float
        Of a bound of the loss that touches it, which second derivatives are not below; negative: not chosen yet.
    read : float
        Stored entries read so far.
    steps, gathered : int
        Newton steps so far, and columns that were read for their Gram matrices.
    moved, lost : bool
        Whether the last `improve` moved, and whether it ended because a step was cut.
    data_fit : float
    """

    cdef Columns X, shifted
    cdef ScalarLoss loss
    cdef GramLasso solver
    cdef so_simd simd
    cdef bint intercept, positive, fresh
    cdef int n_threads
    cdef Py_ssize_t n, k, m, formed, capacity
    cdef double mu, mass, null, cut
    cdef readonly double share, read, data_fit
    cdef readonly bint moved, lost
    cdef readonly Py_ssize_t steps, gathered
    cdef double* G
    cdef double[::1] d, v, work, eta, u, theta
    cdef double[::1] center      # one a column
    cdef const Py_ssize_t[::1] cols  # from here on, one a member
    cdef const double[::1] lam
    cdef double[::1] w, c, z, q, some_w, some_q, some_lam
    cdef Py_ssize_t[::1] active, names  # members that are active, and their columns
    cdef Py_ssize_t[::1] place          # where members are among them; -1: nowhere
    cdef Py_ssize_t[::1] some_cols

    def __init__(self, Columns X, Columns shifted, ScalarLoss loss, bint intercept, bint positive, int n_threads):
        if loss.n != X.n_rows or (shifted.n_rows, shifted.n_cols) != (X.n_rows, X.n_cols):
            raise ValueError(f"the loss has {loss.n} samples, X is {X.n_rows} x {X.n_cols}, shifted "
                             f"{shifted.n_rows} x {shifted.n_cols}")
        self.X, self.shifted, self.loss, self.intercept, self.positive = X, shifted, loss, intercept, positive
        self.n, self.n_threads = X.n_rows, n_threads
        self.solver = GramLasso(MAX_SUPPORT)
        self.simd = so_simd_choose()
        self.d, self.v, self.work = np.empty(self.n), np.empty(self.n), np.empty(self.n)
        self.share = -1.0
        if intercept:
            center = np.zeros(X.n_cols)
            self.center = center
            shifted.centered, shifted.center = True, center
        self.place = np.empty(0, dtype=np.intp)

    def __dealloc__(self):
        free(self.G)

    def forget(self):
        """Drop the model: members may be others from now on."""
        self.m = self.formed = 0
        self.place = np.empty(0, dtype=np.intp)

    def improve(self, cols, w, c, eta, u, theta, double data_fit, lam, double mu, double null, double goal,
                double lost_below):
        """Take Newton steps until the gap restricted to the members is at most `goal`.

        Parameters
        ----------
        cols : ndarray of intp, shape (k,)
            Members; those of the last call come first, unless `forget` was called.
        w, c, lam : ndarray of shape (k,)
            Their coefficients, x_j'theta, and levels > 0. The first two change in place.
        eta, u, theta : ndarray of shape (n,)
            The point, see `ScalarLoss.point`; they change in place.
        lost_below : float
            A step that is cut to less ends this.

        Notes
        -----
        A fresh model that does not help is solved more accurately, and in the end moved to a bound of the loss, whose
        minimiser always lowers the objective.
        """
        cdef Py_ssize_t k = cols.shape[0], j
        cdef double left, before, share = 1.0
        cdef int idle = 0, gain, _step
        cdef bint renewed
        self.X.check_columns(cols)
        if not (w.shape[0] == c.shape[0] == lam.shape[0] == k and k >= self.place.shape[0]):
            raise ValueError(f"{k} members, {self.place.shape[0]} before; w {w.shape[0]}, c {c.shape[0]}, "
                             f"lam {lam.shape[0]}")
        if not (eta.shape[0] == u.shape[0] == theta.shape[0] == self.n):
            raise ValueError(f"eta, u and theta must have {self.n} entries")
        self.moved = self.lost = False
        self.data_fit, self.mu, self.null = data_fit, mu, null
        if k == 0:
            return
        self._take(cols, w, c, lam)
        self.eta, self.u, self.theta, self.fresh = eta, u, theta, False
        left = self.restricted()
        for _step in range(STEPS):
            if left <= goal or idle == IDLE or self.lost:
                break
            PyErr_CheckSignals()
            with nogil:
                if self.m == 0:
                    self.renew()
                gain = self.minimise(share * max(INNER * left, 0.1 * goal) if goal > 0.0 else goal)
                if gain != MISSING:
                    gain = self.step(lost_below)
            if gain == MISSING:
                raise MemoryError("no memory for the working arrays of a Newton step")
            if gain == STUCK:
                if not self.fresh:
                    self.renew()
                elif share > LEAST_SHARE:
                    share *= 1e-3
                elif self.share < 1.0:
                    self.share, share = 1.0, 1.0
                    self.renew()
                else:
                    break
                continue
            renewed, self.fresh = self.fresh, False
            self.steps += 1
            with nogil:
                self.X.products(&self.cols[0], k, &self.theta[0], &self.c[0], self.n_threads)
                before, left = left, self.restricted()
            for j in range(k):
                self.read += self.X.stored(self.cols[j])
            if gain == 1 or left < 0.9 * before:
                self.moved = True
                idle = 0
            else:
                idle += 1
            if left > max(goal, STALE * before):
                if renewed and share > LEAST_SHARE and self.cut == 1.0:
                    share *= 1e-3
                self.renew()
            elif left > goal and self.cheap():
                self.renew()

    cdef _take(self, cols, w, c, lam):
        """Set the members; those that were active stay it."""
        cdef Py_ssize_t k = cols.shape[0], old = self.place.shape[0]
        self.cols, self.w, self.c, self.lam, self.k = cols, w, c, lam, k
        if k > old:
            place = np.full(k, -1, dtype=np.intp)
            place[:old] = self.place
            active, names = np.empty(k, dtype=np.intp), np.empty(k, dtype=np.intp)
            if self.m:
                active[: self.m], names[: self.m] = self.active[: self.m], self.names[: self.m]
            self.place, self.active, self.names = place, active, names
            self.z, self.q, self.some_cols = np.empty(k), np.empty(k), np.empty(k, dtype=np.intp)
            self.some_w, self.some_q, self.some_lam = np.empty(k), np.empty(k), np.empty(k)

    cdef bint cheap(self) noexcept nogil:
        """Whether a Gram matrix of the active members costs little beside the rest of a step."""
        cdef double rows = self.X.entries(1), gram
        gram = rows * self.m * (GEMM * self.m + GATHER)
        return gram <= WORTH * (READ * rows * self.k + SAMPLE * self.n)

    cdef double penalty(self, const double* w) noexcept nogil:
        cdef double l1 = 0.0, l2 = 0.0
        cdef Py_ssize_t j
        for j in range(self.k):
            if w[j] != 0.0:
                l1 += self.lam[j] * fabs(w[j])
                l2 += w[j] * w[j]
        return l1 + 0.5 * self.mu * l2

    cdef double restricted(self) noexcept nogil:
        """The gap of the problem on the members."""
        cdef double multiple = 1.0, dual
        dual = self.loss.best_dual(&self.u[0], &self.c[0], &self.lam[0], self.k, self.mu, self.positive, &multiple)
        return max(self.data_fit + self.penalty(&self.w[0]) - dual, 0.0)

    cdef void renew(self) noexcept nogil:
        """Take the second derivatives here, at least a share of a bound of the loss; nobody is active."""
        cdef Py_ssize_t a
        self.mass = self.loss.bend(&self.eta[0], &self.share, &self.d[0])
        for a in range(self.m):
            self.place[self.active[a]] = -1
        self.m = self.formed = 0
        self.solver.restart()
        self.fresh = True

    cdef inline bint violates(self, Py_ssize_t j) noexcept nogil:
        return (self.q[j] if self.positive else fabs(self.q[j])) > self.lam[j]

    cdef Py_ssize_t join(self, bint also_used) noexcept nogil:
        """Let members that violate their condition become active; return how many."""
        cdef Py_ssize_t j, count = 0
        for j in range(self.k):
            if self.place[j] < 0 and (self.violates(j) or (also_used and self.w[j] != 0.0)):
                self.place[j] = self.m
                self.active[self.m] = j
                self.names[self.m] = self.cols[j]
                self.m += 1
                count += 1
        return count

    cdef bint form(self) noexcept nogil:
        """Bring the Gram matrix up to date; False without memory."""
        cdef Py_ssize_t a, b, capacity, old = self.formed, new = self.m - self.formed
        cdef double* larger
        cdef double* means = &self.some_w[0]
        if new == 0:
            return True
        if self.m > self.capacity:
            capacity = self.m + max(32, self.m // 4)
            larger = <double*> malloc(capacity * capacity * sizeof(double))
            if larger == NULL:
                return False
            for a in range(old):
                for b in range(old):
                    larger[a * capacity + b] = self.G[a * self.capacity + b]
            free(self.G)
            self.G, self.capacity = larger, capacity
        if self.intercept:
            self.X.products(&self.names[old], new, &self.d[0], means, self.n_threads)
            for a in range(new):  # of the columns as stored
                b = self.names[old + a]
                self.center[b] = self.X._center(b) + means[a] / (self.mass * self.X._factor(b))
                self.read += self.X.stored(b)
        if self.shifted.form_gram(&self.names[0], old, self.m, &self.d[0], self.G, self.capacity, self.n_threads) != 0:
            return False
        for a in range(self.m):
            self.read += self.X.stored(self.names[a])
        self.gathered += self.m
        self.formed = self.m
        return True

    cdef bint direct(self) noexcept nogil:
        """Set `v`, the change of predictions for z instead of w, with the best change of the intercept."""
        cdef Py_ssize_t a, i, j, used = 0
        cdef double mean
        for a in range(self.m):
            j = self.active[a]
            if self.z[j] != self.w[j]:
                self.some_w[used] = self.w[j] - self.z[j]
                self.some_cols[used] = self.cols[j]
                self.read += self.X.stored(self.cols[j])
                used += 1
        for i in range(self.n):
            self.v[i] = 0.0
        if used and self.X.take_away(&self.some_cols[0], used, &self.some_w[0], &self.v[0], self.n_threads) != 0:
            return False
        if self.intercept:
            mean = self.simd.dot_f64(&self.d[0], &self.v[0], self.n) / self.mass
            for i in range(self.n):
                self.v[i] -= mean
        return True

    cdef double model_gap(self, double rr) noexcept nogil:
        """The gap of the model on all members, at z with products q and squared residual rr."""
        cdef double yr = rr, cap = 0.0, over = 0.0, size
        cdef Py_ssize_t j
        for j in range(self.k):
            yr += self.z[j] * self.q[j]
            size = self.q[j] if self.positive else fabs(self.q[j])
            if size > cap * self.lam[j]:
                cap = size / self.lam[j]
            if size > self.lam[j]:
                over += (size - self.lam[j]) * (size - self.lam[j])
        return 0.5 * rr + self.penalty(&self.z[0]) - dual_value(yr, rr, cap, over, self.mu, False)

    cdef int minimise(self, double tol) noexcept nogil:
        """Set z to the minimiser of the model, to a gap of about `tol`, and v to the change of predictions."""
        cdef double rr = 0.0, gap = 0.0
        cdef Py_ssize_t a, i, j
        cdef int _round
        for j in range(self.k):
            self.z[j] = self.w[j]
            self.q[j] = self.c[j]
        for i in range(self.n):
            rr += self.theta[i] * self.theta[i] / self.d[i]
        self.join(True)
        for _round in range(JOINS):
            if not self.form():
                return MISSING
            if self.m:
                for a in range(self.m):
                    j = self.active[a]
                    self.some_w[a], self.some_q[a], self.some_lam[a] = self.z[j], self.q[j], self.lam[j]
                if self.solver.run(self.G, self.capacity, self.m, &self.some_w[0], &self.some_q[0], &self.some_lam[0],
                                   self.mu, self.positive, &rr, tol, ROUNDS, &gap) < 0:
                    return MISSING
                for a in range(self.m):
                    self.z[self.active[a]] = self.some_w[a]
            if not self.direct():
                return MISSING
            if self.m == self.k:
                break
            for i in range(self.n):
                self.work[i] = self.d[i] * self.v[i]
            self.X.products(&self.cols[0], self.k, &self.work[0], &self.q[0], self.n_threads)
            for j in range(self.k):
                self.q[j] = self.c[j] - self.q[j]
                self.read += self.X.stored(self.cols[j])
            if self.model_gap(rr) <= tol or self.join(False) == 0:
                break
        return 0

    cdef int step(self, double lost_below) noexcept nogil:
        """Go towards z as far as the objective falls; return 1, 0 when that is rounding, or STUCK."""
        cdef double now, start, slope, noise, fit = 0.0, after = 0.0, bound, a = 1.0
        cdef Py_ssize_t i, j
        cdef int _trial
        cdef bint moves = False, fell = False
        for j in range(self.k):  # z becomes the trials; q holds the whole move
            self.q[j] = self.z[j] - self.w[j]
            moves = moves or self.q[j] != 0.0
        if not moves:
            return STUCK
        now = self.penalty(&self.w[0])
        slope = self.penalty(&self.z[0]) - now - self.simd.dot_f64(&self.theta[0], &self.v[0], self.n)
        start = self.data_fit + now
        noise = 4.0 * EPS * max(start, self.null)  # near the end the decrease drowns in rounding
        if not slope < noise:
            return STUCK
        for _trial in range(TRIALS):
            for i in range(self.n):
                self.work[i] = self.eta[i] + a * self.v[i]
            if a < 1.0:
                for j in range(self.k):
                    self.z[j] = self.w[j] + a * self.q[j]
            fit = self.loss.fit(&self.work[0])
            after = fit + self.penalty(&self.z[0])
            bound = start + 1e-4 * a * min(slope, 0.0) + (noise if a == 1.0 else 0.0)
            fell = after <= bound
            if fell:
                break
            a *= 0.5
        self.cut = a
        self.lost = a < lost_below
        if a < 0.25:
            self.share = min(1.0, max(HARDER * self.share, 1e-3))
            self.fresh = False
        elif a == 1.0 and self.share > 0.0:
            self.share = EASIER * self.share if self.share > LITTLE else 0.0
        if not fell:
            return STUCK
        for j in range(self.k):
            self.w[j] = self.z[j]
        for i in range(self.n):
            self.eta[i] = self.work[i]
        self.data_fit = fit
        if self.loss.settle(&self.eta[0], &self.u[0], &self.theta[0]):
            self.data_fit = self.loss.fit(&self.eta[0])
        return 1 if self.data_fit + self.penalty(&self.w[0]) < start - noise else 0
