"""Group problems on columns: block coordinate descent on the residual, with Anderson extrapolation.

For sets of columns whose Gram matrix would cost more than it saves: more columns than rows, or few entries. The state is
theta = S (Y - X W), output after output. Centred columns are never formed; see `_residual_lasso` for how.
"""

from libc.string cimport memcpy

import numpy as np

from sparseopt._ext._anderson cimport DEPTH, combination
from sparseopt._ext._columns cimport Columns
from sparseopt._ext._group_blocks cimport Blocks, GroupBlocks, active, gap, penalty, solve_block, violates

cdef enum:
    FULL = 10  # one sweep in so many visits every group, the others those that are not zero


cdef class ResidualGroup:
    """One working set; call `run` until it reports a small enough gap."""

    cdef Columns X
    cdef GroupBlocks blocks
    cdef Blocks f
    cdef const Py_ssize_t[::1] cols
    cdef const double[::1] lam, s, mass   # mass: x_j's of stored columns
    cdef double total
    cdef bint weighted
    cdef double[:, ::1] w, q, t, shift    # shift: kappa and sum(t) of each output
    cdef double[:, ::1] past_w, past_t, past_shift, trial_w, trial_t
    cdef double[::1] scratch
    cdef Py_ssize_t held

    def __init__(self, Columns X, const Py_ssize_t[::1] cols, GroupBlocks blocks, const double[::1] lam, double l1,
                 double mu, s, const double[::1] mass, double[:, ::1] w, double[:, ::1] theta):
        cdef Py_ssize_t k = cols.shape[0], n = X.n_rows, n_outputs = w.shape[0]
        cdef Blocks* f = &self.f
        X.check_columns(cols)
        if (k == 0 or n == 0 or n_outputs == 0 or w.shape[1] != k or theta.shape[0] != n_outputs or theta.shape[1] != n
                or lam.shape[0] != blocks.starts.shape[0] - 1 or blocks.starts[lam.shape[0]] != k):
            raise ValueError(f"shapes disagree: {k} columns, {lam.shape[0]} groups, w {w.shape[0]} x {w.shape[1]}, "
                             f"theta {theta.shape[0]} x {theta.shape[1]}, X {n} rows")
        if l1 > 0.0 and n_outputs > 1:
            raise ValueError("an L1 part needs a single output")
        if X.centered and mass.shape[0] != k or s is not None and s.shape[0] != n:
            raise ValueError(f"mass has {mass.shape[0]} entries for {k} columns, or weights do not fit {n} rows")
        self.X, self.cols, self.blocks, self.lam, self.mass, self.w, self.t = X, cols, blocks, lam, mass, w, theta
        self.weighted = s is not None
        self.s = s if s is not None else np.ones(1)
        self.total = np.sum(s) if s is not None else n
        self.q = np.zeros((n_outputs, k))
        self.shift = np.stack([np.zeros(n_outputs), np.sum(theta, axis=1)], axis=1)
        self.past_w = np.empty((DEPTH + 1, n_outputs * k))
        self.past_t = np.empty((DEPTH + 1, n_outputs * n))
        self.past_shift = np.empty((DEPTH + 1, 2 * n_outputs))
        self.trial_w, self.trial_t = np.empty((n_outputs, k)), np.empty((n_outputs, n))
        self.held = 0
        self.scratch = np.empty(blocks.largest * (3 * n_outputs + 1))
        f.G, f.ld, f.k, f.n_outputs, f.n_groups = NULL, k, k, n_outputs, lam.shape[0]
        f.lam, f.l1, f.mu, f.w, f.q, f.rr = &lam[0], l1, mu, &w[0, 0], &self.q[0, 0], 0.0
        blocks.lend(f, &self.scratch[0])

    cdef void products(self, Py_ssize_t g) noexcept nogil:
        """Bring q of group g up to date."""
        cdef Py_ssize_t first = self.f.starts[g], m = self.f.starts[g + 1] - first, t, a, j
        for t in range(self.f.n_outputs):
            self.X.dot_tile(&self.cols[0], first, m, &self.t[t, 0], &self.q[t, first])
            if self.X.centered or self.X.scaled:
                for a in range(first, first + m):
                    j = self.cols[a]
                    if self.X.centered:
                        self.q[t, a] += (self.shift[t, 0] * (self.mass[a] - self.X.center[j] * self.total)
                                         - self.X.center[j] * self.shift[t, 1])
                    self.q[t, a] *= self.X._factor(j)

    cdef double visit(self, Py_ssize_t g) noexcept nogil:
        """Update group g; return a measure of how far it moved."""
        cdef Py_ssize_t first = self.f.starts[g], m = self.f.starts[g + 1] - first, t, a, j
        cdef double d, e, moved = 0.0
        self.products(g)
        if not active(&self.f, g) and not violates(&self.f, g):
            return 0.0
        solve_block(&self.f, g)
        for t in range(self.f.n_outputs):
            for a in range(m):
                d = self.w[t, first + a] - self.f.old[t * m + a]
                if d == 0.0:
                    continue
                moved += d * d * self.f.values[first + m - 1]
                j = self.cols[first + a]
                e = -d * self.X._factor(j)
                if self.weighted:
                    self.X.axpy_weighted(j, e, &self.s[0], &self.t[t, 0])
                else:
                    self.X.axpy(j, e, &self.t[t, 0])
                if self.X.centered:
                    self.shift[t, 0] -= e * self.X.center[j]
                    self.shift[t, 1] += e * self.mass[first + a]
        return moved

    cdef double square(self, const double* theta, const double* shift) noexcept nogil:
        """tr theta'S^-1 theta = tr R'SR over rows that carry weight; shift holds kappa of each output, two apart."""
        cdef Py_ssize_t i, t, n = self.X.n_rows
        cdef double v, total = 0.0
        for t in range(self.f.n_outputs):
            for i in range(n):
                if not self.weighted:
                    v = theta[t * n + i] + shift[2 * t]
                    total += v * v
                elif self.s[i] > 0.0:
                    v = theta[t * n + i] + shift[2 * t] * self.s[i]
                    total += v * v / self.s[i]
        return total

    cdef double certify(self) noexcept nogil:
        """Duality gap restricted to these columns."""
        cdef Py_ssize_t g
        for g in range(self.f.n_groups):
            self.products(g)
        self.f.rr = self.square(&self.t[0, 0], &self.shift[0, 0])
        return gap(&self.f)

    cdef bint extrapolate(self) noexcept nogil:
        """Combine the held iterates; True when the combination was taken."""
        cdef double[DEPTH] z
        cdef Py_ssize_t a, c, wide = self.f.n_outputs * self.f.k, tall = self.f.n_outputs * self.X.n_rows
        cdef double* w = &self.trial_w[0, 0]
        cdef double* t = &self.trial_t[0, 0]
        cdef double before, after
        if not combination(&self.past_w[0, 0], wide, z):
            return False
        for c in range(wide):
            w[c] = 0.0
        for c in range(tall):
            t[c] = 0.0
        for a in range(DEPTH):
            for c in range(wide):
                w[c] += z[a] * self.past_w[a + 1, c]
            for c in range(tall):
                t[c] += z[a] * self.past_t[a + 1, c]
        for c in range(2 * self.f.n_outputs):  # row 0 of past_shift is free by now
            self.past_shift[0, c] = 0.0
            for a in range(DEPTH):
                self.past_shift[0, c] += z[a] * self.past_shift[a + 1, c]
        before = 0.5 * self.square(&self.t[0, 0], &self.shift[0, 0]) + penalty(&self.f, &self.w[0, 0])
        after = 0.5 * self.square(t, &self.past_shift[0, 0]) + penalty(&self.f, w)
        if not after < before:
            return False
        memcpy(&self.w[0, 0], w, wide * sizeof(double))
        memcpy(&self.t[0, 0], t, tall * sizeof(double))
        memcpy(&self.shift[0, 0], &self.past_shift[0, 0], 2 * self.f.n_outputs * sizeof(double))
        return True

    cdef void hold(self) noexcept nogil:
        memcpy(&self.past_w[self.held, 0], &self.w[0, 0], self.f.n_outputs * self.f.k * sizeof(double))
        memcpy(&self.past_t[self.held, 0], &self.t[0, 0], self.f.n_outputs * self.X.n_rows * sizeof(double))
        memcpy(&self.past_shift[self.held, 0], &self.shift[0, 0], 2 * self.f.n_outputs * sizeof(double))
        self.held += 1

    def run(self, double tol, Py_ssize_t max_sweeps):
        """Sweep until the restricted gap is at most `tol`; return (gap, sweeps, stalled)."""
        cdef Py_ssize_t sweeps = 0, g
        cdef double current, moved
        cdef bint stalled = False, full
        with nogil:
            current = self.certify()
            while current > tol and sweeps < max_sweeps:
                full = sweeps % FULL == 0
                moved = 0.0
                for g in range(self.f.n_groups):
                    if full or active(&self.f, g):
                        moved += self.visit(g)
                sweeps += 1
                self.hold()
                if self.held == DEPTH + 1:
                    self.held = 0
                    if self.extrapolate():
                        moved = 1.0
                if sweeps % FULL == 0 or moved == 0.0:
                    current = self.certify()
                    if moved == 0.0 and full:
                        stalled = True
                        break
        return current, sweeps, stalled
