"""All rounds of working sets with a separable penalty in one call, at one alpha or down through larger ones.

The rounds are those of `solvers/coordinate_descent.py`: read X for c = X'S(y - X w), ask what a minimisation over each
single coefficient would gain, let the columns that would gain most join, and descend on their Gram matrix. There are
dozens of them in a fit of milliseconds, so that the interpreter between them would take most of the time.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport fabs
from libc.string cimport memcpy

import numpy as np

from sparseopt._ext._columns cimport Columns
from sparseopt._ext._order cimport smallest
from sparseopt._ext._scalar_penalty cimport coordinate_gain, penalty_value, prox_of
from sparseopt._ext._separable_gram cimport GramSeparable, Side
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef enum:
    GRAM_ROUNDS = 200  # on the Gram matrix

cdef double NEAR = 0.7  # of the product at which it leaves zero: a column that may want to before X is read again


cdef class SeparableRounds:
    """One problem  1/2 r'Sr + total sum_j g_j(w_j),  r = y - X w, for any levels of the penalty.

    Parameters
    ----------
    X : Columns
    y : ndarray of shape (n,)
    s : ndarray of shape (n,) or None
        Weights of samples.
    curvature, gradient : ndarray of shape (p,)
        x_j'Sx_j and X'Sy; columns of curvature 0 stay out.
    gam : ndarray of shape (p,)
        Shapes of the penalty.
    out : ndarray of bool, shape (p,)
        Columns whose coefficients are zero.
    kind : int
        Formula of the penalty, see `_separable.KINDS`.
    total : float
        Multiplies the penalty.
    positive : bool
    least : int
        Columns that may join in a round when fewer are in use.
    max_set, max_support : int
        Sets that would become larger end a call; larger supports are left to sweeps alone.
    enough : callable or None
        Told of the stored entries of the set, its size, how many of its columns are in the Gram matrix, and the
        support: whether its Gram matrix is worth forming. False ends a call. None: it always is.

    Attributes
    ----------
    size : int
        Columns in the set.
    sweeps : int
    read : float
        Entries of X read.
    left : bool
        Whether the last call ended because the set is no longer one for a Gram matrix.
    """

    cdef Columns X
    cdef const double[::1] y, s, curvature, gradient, gam
    cdef const char[::1] out
    cdef bint weighted, positive
    cdef int kind, n_threads
    cdef double total
    cdef object enough
    cdef GramSeparable solver
    cdef double[::1] r, gains, inner, q, levels, shapes, values
    cdef Py_ssize_t[::1] cols, names
    cdef char[::1] member, near
    cdef double[:, ::1] G
    cdef Py_ssize_t k, formed, support, least, max_set
    cdef double fit, worst
    cdef readonly double read
    cdef readonly bint left

    def __init__(self, Columns X, const double[::1] y, s, const double[::1] curvature, const double[::1] gradient,
                 const double[::1] gam, out, int kind, double total, bint positive, Py_ssize_t least,
                 Py_ssize_t max_set, Py_ssize_t max_support, enough, int n_threads):
        cdef Py_ssize_t n = X.n_rows, p = X.n_cols
        if n == 0 or p == 0:
            raise ValueError(f"X is empty: {n} x {p}")
        if y.shape[0] != n or (s is not None and s.shape != (n,)):
            raise ValueError(f"X has {n} rows, y {y.shape[0]}, s {np.shape(s)}")
        if not curvature.shape[0] == gradient.shape[0] == gam.shape[0] == len(out) == p:
            raise ValueError(f"X has {p} columns, curvature {curvature.shape[0]}, gradient {gradient.shape[0]}, "
                             f"shapes {gam.shape[0]}, out {len(out)}")
        self.X, self.y, self.curvature, self.gradient, self.gam = X, y, curvature, gradient, gam
        self.out = np.ascontiguousarray(out, dtype=bool).view(np.int8)
        self.weighted = s is not None
        if self.weighted:
            self.s = s
        self.kind, self.total, self.positive, self.n_threads = kind, total, positive, n_threads
        self.enough, self.least, self.max_set = enough, least, max_set
        self.solver = GramSeparable(kind, total, positive, max_support)
        room = np.empty(n + 6 * p)
        self.r = room[:n]
        self.gains, self.inner, self.q, self.levels, self.shapes, self.values = (
            room[n + i * p : n + (i + 1) * p] for i in range(6))
        self.cols, self.names = np.empty(p, dtype=np.intp), np.empty(p, dtype=np.intp)
        self.member, self.near = np.zeros(p, dtype=np.int8), np.zeros(p, dtype=np.int8)
        self.G = np.empty((0, 0))

    @property
    def size(self):
        return self.k

    @property
    def sweeps(self):
        return self.solver.sweeps

    def take(self, const Py_ssize_t[::1] cols, double[:, ::1] G, Py_ssize_t formed):
        """Start with these columns, the first of which have their Gram matrix in the corner of G."""
        cdef Py_ssize_t a
        if self.k or G.shape[0] < formed or G.shape[1] < formed or not formed <= cols.shape[0] <= self.cols.shape[0]:
            raise ValueError(f"G is {G.shape[0]} x {G.shape[1]}, of {cols.shape[0]} columns {formed} are formed")
        self.X.check_columns(cols)
        for a in range(cols.shape[0]):
            if not self.member[cols[a]]:
                self.member[cols[a]] = True
                self.cols[self.k] = cols[a]
                self.k += 1
        if self.k != cols.shape[0]:
            raise ValueError("a column is named twice")
        self.G, self.formed = G, formed

    def run(self, double[::1] w, double[::1] theta, double[::1] c, double fit, bint complete, const double[::1] lam,
            const double[::1] exits, double target, Py_ssize_t max_iter, on_round):
        """Run rounds, changing the point in place, until no coefficient would gain more than `target`.

        Only columns whose products were near those at which they leave zero when X was last read as a whole are read,
        until none of them would gain; then all are.

        Parameters
        ----------
        w, theta, c : ndarray of shape (p,), (n,), (p,)
            Coefficients, theta = S(y - X w) and X'theta.
        fit : float
            The summed loss.
        complete : bool
            Whether c has the products of all columns.
        lam : ndarray of shape (p,)
            Levels of the penalty.
        exits : ndarray of shape (p,)
            Products at which coefficients leave zero.
        on_round : callable
            Told of the number, objective, largest gain and size of the set of each round; a true value stops.

        Returns
        -------
        n_iter : int
        fit : float
            The summed loss at the end.
        """
        cdef Py_ssize_t n_iter = 0
        cdef bint stop = False, last
        self._check(w, c)
        self._check(lam, exits)
        self._check_rows(theta)
        self.fit, self.left = fit, False
        self._mark(&c[0], &exits[0], NEAR)
        while True:
            PyErr_CheckSignals()
            with nogil:
                self._find_gains(&w[0], &c[0], &lam[0])
            last = self.worst <= target or n_iter == max_iter or stop or self.left
            if last and not complete:
                self._look(w, theta, c, False)
                self._mark(&c[0], &exits[0], NEAR)
                complete = True
                continue
            if not stop and not self.left:
                stop = on_round(n_iter, self.fit + self._value(&w[0], &lam[0]), self.worst, self.k)
            if last:
                break
            if not stop and self._improve(w, theta, c, lam, target, max(0.1 * target, 1e-6 * self.worst)):
                complete = False
                n_iter += 1
        return n_iter, self.fit

    def descend(self, double[::1] w, double[::1] theta, double[::1] c, double fit, const double[::1] lam,
                const double[::1] shares, const double[::1] unit, const double[::1] exits, double target):
        """One round at each of several levels, from high to low, from a point as in `run`; return the summed loss.

        Parameters
        ----------
        lam : ndarray of shape (p,)
            The last levels; those before are `shares` times them.
        shares : ndarray of shape (k,)
        unit : ndarray of shape (p,)
            Products at which coefficients leave zero, over `exits`.
        exits : ndarray of shape (k + 1,)
            One of each round and, last, that of the levels which follow: columns whose products are far below the next
            ones are taken to stay out, and are not read.
        """
        cdef Py_ssize_t i, j, count = shares.shape[0]
        self._check(w, c)
        self._check(w, lam)
        self._check(w, unit)
        self._check_rows(theta)
        if exits.shape[0] != count + 1:
            raise ValueError(f"{count} levels need {count + 1} exits, got {exits.shape[0]}")
        cdef double[::1] level = np.empty(self.X.n_cols)
        self.fit, self.left = fit, False
        for i in range(count):
            PyErr_CheckSignals()
            with nogil:
                for j in range(self.X.n_cols):
                    level[j] = shares[i] * lam[j]
                self._find_gains(&w[0], &c[0], &level[0])
                self._mark(&c[0], &unit[0], 2.0 * exits[i + 1] - exits[i])
            if self.worst > target and not self._improve(w, theta, c, level, target, target):
                break
        return self.fit

    cdef _check(self, const double[::1] w, const double[::1] other):
        if w.shape[0] != self.X.n_cols or other.shape[0] != self.X.n_cols:
            raise ValueError(f"X has {self.X.n_cols} columns, got {w.shape[0]} and {other.shape[0]} numbers")

    cdef _check_rows(self, const double[::1] theta):
        if theta.shape[0] != self.X.n_rows:
            raise ValueError(f"X has {self.X.n_rows} rows, theta {theta.shape[0]} entries")

    cdef double _value(self, const double* w, const double* lam) noexcept nogil:
        cdef Py_ssize_t j
        cdef double value = 0.0
        for j in range(self.X.n_cols):
            if w[j] != 0.0:
                value += penalty_value(self.kind, lam[j], self.gam[j], w[j])
        return self.total * value

    cdef void _find_gains(self, const double* w, const double* c, const double* lam) noexcept nogil:
        """Set what a minimisation over each coefficient would gain, and the largest."""
        cdef Py_ssize_t j
        cdef double u, z, curvature
        self.worst = 0.0
        for j in range(self.X.n_cols):
            curvature = self.curvature[j]
            self.gains[j] = 0.0
            if curvature <= 0.0 or (w[j] == 0.0 and c[j] == 0.0):
                continue
            u = w[j] + c[j] / curvature
            z = prox_of(self.kind, lam[j], self.gam[j], u, self.total / curvature, self.positive)
            if z != w[j]:
                self.gains[j] = coordinate_gain(self.kind, lam[j], self.gam[j], w[j], z, c[j], curvature, self.total)
                self.worst = max(self.worst, self.gains[j])

    cdef void _mark(self, const double* c, const double* exits, double share) noexcept nogil:
        """Mark columns whose products are at least this share of those at which they leave zero."""
        cdef Py_ssize_t j
        for j in range(self.X.n_cols):
            self.near[j] = self.curvature[j] > 0.0 and (c[j] if self.positive else fabs(c[j])) >= share * exits[j]

    cdef void _join(self, const double* w, double target) noexcept nogil:
        """Let the columns in use join, and those that gain most, at most as many as are in use."""
        cdef Py_ssize_t j, count = 0, most, used = 0, ties
        cdef double bound = -target
        for j in range(self.X.n_cols):
            used += w[j] != 0.0
            if self.gains[j] > target and not self.member[j]:
                self.values[count] = -self.gains[j]
                count += 1
        most = max(self.least, used)
        ties = count
        if count > most:
            bound = smallest(&self.values[0], count, most)
            ties = most
            for j in range(count):
                ties -= self.values[j] < bound
        for j in range(self.X.n_cols):
            if self.member[j]:
                continue
            if w[j] == 0.0:
                if not self.gains[j] > target or -self.gains[j] > bound:
                    continue
                if -self.gains[j] == bound:
                    if ties == 0:
                        continue
                    ties -= 1
            self.member[j] = True
            self.cols[self.k] = j
            self.k += 1

    cdef bint _improve(self, double[::1] w, double[::1] theta, double[::1] c, const double[::1] lam, double target,
                       double tol) except -1:
        """Let columns join, descend on the set to gains of at most `tol`, and read what is near; False: not by this."""
        cdef Py_ssize_t k, a, j
        cdef Side side
        cdef double stored = 0.0, gain
        with nogil:
            self._join(&w[0], target)
        k = self.k
        if self.enough is not None:
            for a in range(k):
                stored += self.X.stored(self.cols[a])
        if k > self.max_set or not (self.enough is None or self.enough(stored, k, self.formed, self.support)):
            self.left = True
            return False
        if k == 0:
            return True
        if self.formed < k:
            self._form()
        side.G, side.ld, side.k = &self.G[0, 0], self.G.shape[1], k
        side.w, side.q, side.lam, side.gam = &self.inner[0], &self.q[0], &self.levels[0], &self.shapes[0]
        with nogil:
            for a in range(k):
                j = self.cols[a]
                self.inner[a], self.q[a], self.levels[a], self.shapes[a] = w[j], self.gradient[j], lam[j], self.gam[j]
            for a in range(k):
                if self.inner[a] != 0.0:
                    SIMD.axpy_f64(-self.inner[a], side.G + a * side.ld, &self.q[0], k)
            gain = self.solver.run(&side, tol, GRAM_ROUNDS)
            for a in range(k):
                w[self.cols[a]], c[self.cols[a]] = self.inner[a], self.q[a]
        if gain < 0.0:
            raise MemoryError("no memory for the working arrays of a descent")
        self._look(w, theta, c, True)
        return True

    cdef _look(self, double[::1] w, double[::1] theta, double[::1] c, bint only_near):
        """Read X: all of it, or what is near and not in the set, whose products the Gram matrix tells."""
        cdef Py_ssize_t i, j, a, used = 0, count = 0, n = self.X.n_rows, p = self.X.n_cols
        cdef int failed = 0
        with nogil:
            for j in range(p):
                if self.out[j]:
                    w[j] = 0.0
                elif w[j] != 0.0:
                    self.names[used] = j
                    self.inner[used] = w[j]
                    self.read += self.X.stored(j)
                    used += 1
            memcpy(&self.r[0], &self.y[0], n * sizeof(double))
            if used:
                failed = self.X.take_away(&self.names[0], used, &self.inner[0], &self.r[0], self.n_threads)
            for i in range(n):
                theta[i] = self.s[i] * self.r[i] if self.weighted else self.r[i]
            self.fit = 0.5 * SIMD.dot_f64(&self.r[0], &theta[0], n)
            if not only_near:
                self.X.products(NULL, p, &theta[0], &c[0], self.n_threads)
                for j in range(p):
                    self.read += self.X.stored(j)
                    if self.curvature[j] == 0.0:
                        c[j] = 0.0
            else:
                for j in range(p):
                    if self.near[j] and not self.member[j]:
                        self.names[count] = j
                        self.read += self.X.stored(j)
                        count += 1
                if count:
                    self.X.products(&self.names[0], count, &theta[0], &self.values[0], self.n_threads)
                for a in range(count):
                    c[self.names[a]] = self.values[a]
        if failed:
            raise MemoryError("no memory for the working arrays of a residual")
        self.support = used

    cdef _form(self):
        """Bring the Gram matrix of the set up to date."""
        cdef Py_ssize_t a, k = self.k, capacity
        cdef const double* s = &self.s[0] if self.weighted else NULL
        if k > self.G.shape[0]:
            capacity = min(k + max(64, k // 10), self.X.n_cols)
            larger = np.empty((capacity, capacity))
            larger[: self.formed, : self.formed] = np.asarray(self.G)[: self.formed, : self.formed]
            self.G = larger
        if self.X.form_gram(&self.cols[0], self.formed, k, s, &self.G[0, 0], self.G.shape[1], self.n_threads) != 0:
            raise MemoryError("no memory for the working arrays of a Gram block")
        for a in range(k):
            self.read += self.X.stored(self.cols[a])
        self.formed = k
