"""The Lasso and the elastic net on columns: cyclic coordinate descent with Anderson extrapolation.

    minimise over w   1/2 r'Sr + sum_j lam_j |w_j| + mu/2 ||w||^2,     r = y - X w,  theta = S r

For columns with few entries, where a Gram matrix would cost more than it saves.  The state is theta.  Centred columns
x_j - c_j 1 are never formed: with theta = t + kappa s the products are

    x_j'theta - c_j sum(theta) = x_j't - c_j sum(t) + kappa (x_j's - c_j sum(s)),

and a step d adds -d s x_j to t, d c_j to kappa and -d x_j's to sum(t), so that a step costs the entries of its column.
Every K = 5 sweeps the last iterates are combined to the point where their residuals would cancel, which is taken when it
lowers the objective (Bertrand and Massias, "Anderson acceleration of coordinate descent", AISTATS 2021).
"""

from libc.math cimport fabs
from libc.string cimport memcpy

import numpy as np

from sparseopt._ext._anderson cimport DEPTH, combination
from sparseopt._ext._columns cimport Columns
from sparseopt._ext._dual cimport dual_value


cdef double soft(double v, double level, bint positive) noexcept nogil:
    if v > level:
        return v - level
    if v < -level and not positive:
        return v + level
    return 0.0


cdef class ResidualLasso:
    """One working set; call `run` until it reports a small enough gap."""

    def __init__(self, Columns X, const Py_ssize_t[::1] cols, const double[::1] curvature, const double[::1] lam,
                 double mu, bint positive, s, const double[::1] mass, double[::1] w, double[::1] theta):
        cdef Py_ssize_t k = cols.shape[0], n = X.n_rows
        X.check_columns(cols)
        if n == 0:
            raise ValueError("X has no rows")
        if not (curvature.shape[0] == lam.shape[0] == w.shape[0] == k) or theta.shape[0] != n:
            raise ValueError(f"shapes disagree: {k} columns, curvature {curvature.shape[0]}, lam {lam.shape[0]}, "
                             f"w {w.shape[0]}, theta {theta.shape[0]}, X {n} rows")
        if X.centered and mass.shape[0] != k:
            raise ValueError(f"mass has {mass.shape[0]} entries, expected {k}")
        if s is not None and s.shape[0] != n:
            raise ValueError(f"weights have {s.shape[0]} entries, X has {n} rows")
        self.X, self.cols, self.curvature, self.lam, self.mu, self.positive = X, cols, curvature, lam, mu, positive
        self.weighted = s is not None
        self.s = s if s is not None else np.ones(1)
        self.total = np.sum(s) if s is not None else n
        self.mass, self.w, self.t = mass, w, theta
        self.shift = np.array([0.0, np.sum(theta)])
        self.remember()

    def remember(self):
        """Make room for the iterates that extrapolation combines."""
        self.past_w = np.empty((DEPTH + 1, self.w.shape[0]))
        self.past_t = np.empty((DEPTH + 1, self.t.shape[0]))
        self.past_shift = np.empty((DEPTH + 1, self.shift.shape[0]))
        self.trial_w, self.trial_t = np.empty(self.w.shape[0]), np.empty(self.t.shape[0])
        self.trial_shift = np.empty(self.shift.shape[0])
        self.held = 0

    cdef double product(self, Py_ssize_t a) noexcept nogil:
        """x_j'theta for the transformed column."""
        cdef Py_ssize_t j = self.cols[a]
        cdef double v = self.X.dot(j, &self.t[0])
        if self.X.centered:
            v += (self.shift[0] * (self.mass[a] - self.X.center[j] * self.total) - self.X.center[j] * self.shift[1])
        return v * self.X._factor(j)

    cdef void move(self, Py_ssize_t a, double d) noexcept nogil:
        cdef Py_ssize_t j = self.cols[a]
        cdef double e = -d * self.X._factor(j)
        if self.weighted:
            self.X.axpy_weighted(j, e, &self.s[0], &self.t[0])
        else:
            self.X.axpy(j, e, &self.t[0])
        if self.X.centered:
            self.shift[0] -= e * self.X.center[j]
            self.shift[1] += e * self.mass[a]

    cdef double sweep(self) noexcept nogil:
        """Update each coordinate once; return the sum of curvature * step^2."""
        cdef Py_ssize_t a
        cdef double old, new, d, moved = 0.0
        for a in range(self.cols.shape[0]):
            if self.curvature[a] <= 0.0:
                continue
            old = self.w[a]
            new = soft(self.product(a) + self.curvature[a] * old, self.lam[a], self.positive)
            new = new / (self.curvature[a] + self.mu)
            d = new - old
            if d != 0.0:
                self.w[a] = new
                self.move(a, d)
                moved += d * d * (self.curvature[a] + self.mu)
        return moved

    cdef double square(self, const double* t, const double* shift) noexcept nogil:
        """theta'S^-1 theta = r'Sr over rows that carry weight."""
        cdef Py_ssize_t i
        cdef double v, kappa = shift[0], total = 0.0
        for i in range(self.X.n_rows):
            if not self.weighted:
                v = t[i] + kappa
                total += v * v
            elif self.s[i] > 0.0:
                v = t[i] + kappa * self.s[i]
                total += v * v / self.s[i]
        return total

    cdef double penalty(self, const double* w) noexcept nogil:
        cdef Py_ssize_t a
        cdef double l1 = 0.0, l2 = 0.0
        for a in range(self.cols.shape[0]):
            if w[a] != 0.0:
                if self.positive and w[a] < 0.0:
                    return 1e308
                l1 += self.lam[a] * fabs(w[a])
                l2 += w[a] * w[a]
        return l1 + 0.5 * self.mu * l2

    cdef double gap(self) noexcept nogil:
        """Duality gap restricted to these columns, at the best multiple of theta (and theta itself with a ridge)."""
        cdef Py_ssize_t a
        cdef double rr = self.square(&self.t[0], &self.shift[0]), c, size, cap = 0.0, yr = rr, over = 0.0
        cdef bint free = False
        cdef double excess = 0.0  # what single steps on columns without any penalty would gain
        for a in range(self.cols.shape[0]):
            c = self.product(a)
            yr += self.w[a] * c
            size = c if self.positive else fabs(c)
            if self.lam[a] <= 0.0:
                free = True
                if self.mu == 0.0:  # see _gram_lasso.pyx
                    yr -= max(self.w[a] * c, 0.0)
                if self.mu == 0.0 and (self.w[a] > 0.0 or not self.positive or c > 0.0) and self.curvature[a] > 0.0:
                    excess += 0.5 * c * c / self.curvature[a]
            elif size > cap * self.lam[a]:
                cap = size / self.lam[a]
            if size > self.lam[a]:
                over += (size - self.lam[a]) ** 2
        return 0.5 * rr + self.penalty(&self.w[0]) - dual_value(yr, rr, cap, over, self.mu, free) + excess

    cdef bint extrapolate(self) noexcept nogil:
        """Combine the held iterates; True when the combination was taken."""
        cdef double[DEPTH] z
        cdef Py_ssize_t a, c, k = self.w.shape[0], n = self.t.shape[0], m = self.shift.shape[0]
        cdef double factor, before, after
        if not combination(&self.past_w[0, 0], k, z):
            return False
        for c in range(k):
            self.trial_w[c] = 0.0
        for c in range(n):
            self.trial_t[c] = 0.0
        for c in range(m):
            self.trial_shift[c] = 0.0
        for a in range(DEPTH):
            factor = z[a]
            for c in range(k):
                self.trial_w[c] += factor * self.past_w[a + 1, c]
            for c in range(n):
                self.trial_t[c] += factor * self.past_t[a + 1, c]
            for c in range(m):
                self.trial_shift[c] += factor * self.past_shift[a + 1, c]
        before = 0.5 * self.square(&self.t[0], &self.shift[0]) + self.penalty(&self.w[0])
        after = 0.5 * self.square(&self.trial_t[0], &self.trial_shift[0]) + self.penalty(&self.trial_w[0])
        if not after < before:
            return False
        memcpy(&self.w[0], &self.trial_w[0], k * sizeof(double))
        memcpy(&self.t[0], &self.trial_t[0], n * sizeof(double))
        memcpy(&self.shift[0], &self.trial_shift[0], m * sizeof(double))
        return True

    cdef void hold(self) noexcept nogil:
        memcpy(&self.past_w[self.held, 0], &self.w[0], self.w.shape[0] * sizeof(double))
        memcpy(&self.past_t[self.held, 0], &self.t[0], self.t.shape[0] * sizeof(double))
        memcpy(&self.past_shift[self.held, 0], &self.shift[0], self.shift.shape[0] * sizeof(double))
        self.held += 1

    def run(self, double tol, Py_ssize_t max_sweeps):
        """Sweep until the restricted gap is at most `tol`; return (gap, sweeps, stalled)."""
        cdef Py_ssize_t sweeps = 0
        cdef double current, moved
        cdef bint stalled = False
        if self.cols.shape[0] == 0:
            return 0.0, 0, False
        with nogil:
            current = self.gap()
            while current > tol and sweeps < max_sweeps:
                moved = self.sweep()
                sweeps += 1
                self.hold()
                if self.held == DEPTH + 1:
                    self.held = 0
                    if self.extrapolate():
                        moved = 1.0
                if sweeps % CHECK == 0 or moved == 0.0:
                    current = self.gap()
                    if moved == 0.0:
                        stalled = True
                        break
        return current, sweeps, stalled
