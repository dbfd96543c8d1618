"""All rounds of working sets for a small Lasso in one call: beside them the interpreter would take most of the time.

The rounds are those of `solvers/working_set.py` but for screening, which does not pay where X is read in no time: read X
for c = X'theta and the duality gap, let the columns with the smallest (lam_j - |c_j|) / sqrt(L_j) join, and solve on their
Gram matrix.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, fabs, sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

import numpy as np

from sparseopt._ext._columns cimport Columns
from sparseopt._ext._dual cimport dual_value
from sparseopt._ext._gram_lasso cimport GramLasso
from sparseopt._ext._order cimport smallest
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef enum:
    ROUNDS_PER_CALL = 100  # on the Gram matrix, between two looks for Ctrl-C
    MAX_ROUNDS = 10000


cdef class LassoRounds:
    """One problem  1/2 r'Sr + sum_j lam_j |w_j|,  r = y - X w.

    Parameters
    ----------
    X : Columns
    y : ndarray of shape (n,)
    s : ndarray of shape (n,) or None
        Weights of samples.
    curvature, gradient : ndarray of shape (p,)
        x_j'Sx_j and X'Sy; columns of curvature 0 stay out.
    lam : ndarray of shape (p,)
        Levels > 0; inf keeps a column out.
    positive : bool
    max_support : int
        Larger supports are left to sweeps alone.

    Attributes
    ----------
    primal, gap, violation : float
    read : float
        Entries of X read.
    history : list of tuple
        Objective, gap, size of the set and entries read so far of each round.
    """

    cdef Columns X
    cdef const double[::1] y, s, curvature, gradient, lam
    cdef bint weighted, positive
    cdef int n_threads
    cdef GramLasso solver
    cdef double[::1] r, theta, c, score, inner, q, levels
    cdef Py_ssize_t[::1] cols
    cdef char[::1] outside          # whether a column may join
    cdef Py_ssize_t k, formed, capacity, support, usable
    cdef double* G
    cdef readonly double primal, gap, violation, read
    cdef readonly list history

    def __init__(self, Columns X, const double[::1] y, s, const double[::1] curvature, const double[::1] gradient,
                 const double[::1] lam, bint positive, Py_ssize_t max_support, int n_threads):
        cdef Py_ssize_t n = X.n_rows, p = X.n_cols, j
        if n == 0 or p == 0:
            raise ValueError(f"X is empty: {n} x {p}")
        if y.shape[0] != n or (s is not None and s.shape != (n,)):
            raise ValueError(f"X has {n} rows, y {y.shape[0]}, s {np.shape(s)}")
        if not curvature.shape[0] == gradient.shape[0] == lam.shape[0] == p:
            raise ValueError(f"X has {p} columns, curvature {curvature.shape[0]}, gradient {gradient.shape[0]}, "
                             f"lam {lam.shape[0]}")
        self.X, self.y, self.curvature, self.gradient, self.lam = X, y, curvature, gradient, lam
        self.positive, self.n_threads, self.weighted = positive, n_threads, s is not None
        room = np.empty(2 * n + 5 * p)
        self.r, self.theta, self.c = room[:n], room[n : 2 * n], room[2 * n : 2 * n + p]
        room = room[2 * n + p :]
        self.score, self.inner, self.q, self.levels = room[:p], room[p : 2 * p], room[2 * p : 3 * p], room[3 * p :]
        if self.weighted:
            self.s = s
        self.cols, self.outside = np.empty(p, dtype=np.intp), np.empty(p, dtype=np.int8)
        for j in range(p):
            self.outside[j] = curvature[j] > 0.0 and lam[j] < INFINITY
            self.usable += self.outside[j]
        self.solver = GramLasso(max_support)
        self.history = []

    def __dealloc__(self):
        free(self.G)

    def run(self, double[::1] w, double null, double target, Py_ssize_t least, double margin, double share, int patience,
            Py_ssize_t max_iter):
        """Run rounds from w, changing it in place, until the gap is at most `target`; return their number.

        Parameters
        ----------
        null : float
            y'Sy / 2.
        least, margin : number
            Columns that join while any violates its condition: at least `least`, else `margin` times those that do, at
            most as many as are in use.
        share : float
            Of the gap, to which a set is solved.
        patience : int
            Rounds that lower neither objective nor gap before this gives up.
        """
        cdef Py_ssize_t p = self.X.n_cols, j, n_iter = 0, violators
        cdef double lowest = INFINITY, least_gap = INFINITY
        cdef int idle = 0
        cdef bint last
        if w.shape[0] != p:
            raise ValueError(f"w has {w.shape[0]} entries, X {p} columns")
        self.support = 0
        for j in range(p):
            if not self.outside[j]:
                w[j] = 0.0
            elif w[j] != 0.0:
                self.join(j)
                self.support += 1
        if self.support:
            self.look(w)
        else:
            self.start()
        while True:
            with nogil:
                self.certify(&w[0])
            self.history.append((self.primal, self.gap, self.k, self.read))
            if self.gap <= target or n_iter == max_iter or idle == patience:
                break
            with nogil:
                violators = self.select(least, margin)
            idle = idle + 1 if violators == 0 and self.primal >= lowest and self.gap >= least_gap else 0
            lowest, least_gap = min(lowest, self.primal), min(least_gap, self.gap)
            last = violators == 0 or self.k == self.usable  # set: worth solving to the end
            self.improve(w, null, 0.3 * target if last else max(share * self.gap, 0.3 * target))
            n_iter += 1
        self.judge(&w[0])
        return n_iter

    cdef void start(self) noexcept nogil:
        """Take what is known at zero coefficients."""
        cdef Py_ssize_t i
        for i in range(self.X.n_rows):
            self.r[i] = self.y[i]
            self.theta[i] = self.s[i] * self.y[i] if self.weighted else self.y[i]
        memcpy(&self.c[0], &self.gradient[0], self.X.n_cols * sizeof(double))

    cdef look(self, double[::1] w):
        """Read X: residual and products."""
        cdef Py_ssize_t a, i, j, used = 0, n = self.X.n_rows, p = self.X.n_cols
        cdef int failed = 0
        cdef Py_ssize_t[::1] names = np.empty(max(self.k, 1), dtype=np.intp)
        with nogil:
            for a in range(self.k):
                j = self.cols[a]
                if w[j] != 0.0:
                    names[used] = j
                    self.inner[used] = w[j]
                    used += 1
            memcpy(&self.r[0], &self.y[0], n * sizeof(double))
            if used:
                failed = self.X.take_away(&names[0], used, &self.inner[0], &self.r[0], self.n_threads)
            for i in range(n):
                self.theta[i] = self.s[i] * self.r[i] if self.weighted else self.r[i]
            self.X.products(NULL, p, &self.theta[0], &self.c[0], self.n_threads)
            for j in range(p):
                if self.curvature[j] == 0.0:
                    self.c[j] = 0.0
        if failed:
            raise MemoryError("no memory for the working arrays of a residual")
        self.support = used
        self.read += <double> n * (used + p)

    cdef inline double size(self, Py_ssize_t j) noexcept nogil:
        return self.c[j] if self.positive else fabs(self.c[j])

    cdef void certify(self, const double* w) noexcept nogil:
        cdef double rr, yt, l1 = 0.0, cap = 0.0
        cdef Py_ssize_t j
        rr = SIMD.dot_f64(&self.r[0], &self.theta[0], self.X.n_rows)
        yt = SIMD.dot_f64(&self.y[0], &self.theta[0], self.X.n_rows)
        for j in range(self.X.n_cols):
            if w[j] != 0.0:
                l1 += self.lam[j] * fabs(w[j])
            if self.size(j) > cap * self.lam[j]:
                cap = self.size(j) / self.lam[j]
        self.primal = 0.5 * rr + l1
        self.gap = max(self.primal - dual_value(yt, rr, cap, 0.0, 0.0, False), 0.0)

    cdef void judge(self, const double* w) noexcept nogil:
        """Find the largest distance of c to the subdifferential."""
        cdef Py_ssize_t j
        cdef double away
        self.violation = 0.0
        for j in range(self.X.n_cols):
            if w[j] == 0.0:
                away = self.size(j) - self.lam[j]
            else:
                away = fabs(self.c[j] - (self.lam[j] if w[j] > 0.0 else -self.lam[j]))
            self.violation = max(self.violation, away)

    cdef void join(self, Py_ssize_t j) noexcept nogil:
        self.cols[self.k] = j
        self.outside[j] = False
        self.k += 1

    cdef Py_ssize_t select(self, Py_ssize_t least, double margin) noexcept nogil:
        """Let the columns with the smallest scores join; return how many violate their condition."""
        cdef Py_ssize_t j, count = 0, violators = 0, wanted, before = self.k
        cdef double* values = &self.inner[0]
        cdef double bound = INFINITY
        for j in range(self.X.n_cols):
            if self.outside[j]:
                self.score[j] = (self.lam[j] - self.size(j)) / sqrt(self.curvature[j])
                values[count] = self.score[j]
                count += 1
                violators += self.score[j] < 0.0
        if violators == 0 and self.k:
            return 0
        wanted = max(least, min(self.support, <Py_ssize_t> (margin * violators)))
        if wanted < count:
            bound = smallest(values, count, wanted)
        for j in range(self.X.n_cols):
            if self.outside[j] and self.score[j] <= bound and self.k < before + wanted:
                self.join(j)
        return violators

    cdef improve(self, double[::1] w, double null, double tol):
        """Solve on the set to a gap of at most `tol`, then read X."""
        cdef Py_ssize_t k = self.k, a, done = 0, rounds
        cdef double rr, gap = INFINITY
        if k == 0:
            return
        if self.formed < k:
            self.form()
        with nogil:
            for a in range(k):
                self.inner[a] = w[self.cols[a]]
                self.q[a] = self.gradient[self.cols[a]]
                self.levels[a] = self.lam[self.cols[a]]
            for a in range(k):
                if self.inner[a] != 0.0:
                    SIMD.axpy_f64(-self.inner[a], self.G + a * self.capacity, &self.q[0], k)
            rr = 2.0 * null
            for a in range(k):
                rr -= self.inner[a] * (self.q[a] + self.gradient[self.cols[a]])
        while done < MAX_ROUNDS:
            with nogil:
                rounds = self.solver.run(self.G, self.capacity, k, &self.inner[0], &self.q[0], &self.levels[0], 0.0,
                                         self.positive, &rr, tol, ROUNDS_PER_CALL, &gap)
            if rounds < 0:
                raise MemoryError("no memory for the working arrays of a Newton step")
            done += rounds
            if gap <= tol or rounds < ROUNDS_PER_CALL:
                break
            PyErr_CheckSignals()
        for a in range(k):
            w[self.cols[a]] = self.inner[a]
        self.look(w)

    cdef form(self):
        """Bring the Gram matrix of the set up to date."""
        cdef Py_ssize_t a, k = self.k, capacity
        cdef double* larger
        cdef const double* s = &self.s[0] if self.weighted else NULL
        if k > self.capacity:
            capacity = min(k + max(64, k // 10), self.X.n_cols)
            larger = <double*> malloc(capacity * capacity * sizeof(double))
            if larger == NULL:
                raise MemoryError("no memory for the Gram matrix of a working set")
            for a in range(self.formed):
                memcpy(larger + a * capacity, self.G + a * self.capacity, self.formed * sizeof(double))
            free(self.G)
            self.G, self.capacity = larger, capacity
        if self.X.form_gram(&self.cols[0], self.formed, k, s, self.G, self.capacity, self.n_threads) != 0:
            raise MemoryError("no memory for the working arrays of a Gram block")
        self.read += <double> self.X.n_rows * k
        self.formed = k
