"""Several outputs coupled by each sample's second derivative: coordinate descent on columns, Anderson extrapolation.

    minimise over W, b   sum_i 1/2 (z_i - W'x_i - b)'H_i (z_i - W'x_i - b) + penalty(W),   theta_i = H_i (z_i - W'x_i - b)

Entry a of the set is the coefficient of feature cols[a] for output outputs[a].  A step d of one for output k adds
-d x_ij H_i e_k to theta_i, one weighted update of a column for every output.  Intercepts are exact once a sweep.  Neither
they nor implicitly centred columns are ever added to the state: theta = t + sum_k kappa_k H e_k, where a product
needs only x_j'H_km, which is formed once.
"""

from libc.math cimport sqrt

import numpy as np

from sparseopt._ext._columns cimport Columns
from sparseopt._ext._dual cimport dual_value
from sparseopt._ext._residual_lasso cimport ResidualLasso


cdef class ResidualOutputs(ResidualLasso):
    """One working set of entries with L1 levels; call `run` until it reports a small enough gap.

    theta : (K n,), output after output, changed in place.  H : (K, K, n).  scale : (K n,), such that
    theta'H^+ theta = sum theta^2 / scale.  cross : (k, K), x_j'H_km of stored columns.  root : (K, K), the inverse of
    sum_i H_i (zeros without intercepts).
    """

    cdef Py_ssize_t K
    cdef const Py_ssize_t[::1] outputs
    cdef const double[:, :, ::1] H
    cdef const double[:, ::1] cross, mass_outputs, root
    cdef const double[::1] scale
    cdef double[::1] step

    def __init__(self, Columns X, const Py_ssize_t[::1] cols, const Py_ssize_t[::1] outputs,
                 const double[::1] curvature, const double[::1] lam, double mu, bint positive,
                 const double[:, :, ::1] H, const double[::1] scale, const double[:, ::1] cross,
                 const double[:, ::1] root, double[::1] w, double[::1] theta):
        cdef Py_ssize_t k = cols.shape[0], n = X.n_rows, K = H.shape[0], a
        X.check_columns(cols)
        if n == 0 or K == 0:
            raise ValueError("X has no rows, or H no outputs")
        if H.shape[1] != K or H.shape[2] != n or theta.shape[0] != K * n or scale.shape[0] != K * n:
            raise ValueError(f"shapes disagree: H {H.shape[0]} x {H.shape[1]} x {H.shape[2]}, "
                             f"theta {theta.shape[0]}, scale {scale.shape[0]}, X {n} rows")
        if not (outputs.shape[0] == curvature.shape[0] == w.shape[0] == cross.shape[0] == k) or cross.shape[1] != K \
                or root.shape[0] != K or root.shape[1] != K:
            raise ValueError(f"shapes disagree: {k} columns, outputs {outputs.shape[0]}, "
                             f"curvature {curvature.shape[0]}, w {w.shape[0]}, cross {cross.shape[0]}")
        for a in range(k):
            if outputs[a] < 0 or outputs[a] >= K:
                raise ValueError(f"output {outputs[a]} is outside 0..{K - 1}")
        self.check_levels(lam, k, K)
        self.X, self.cols, self.outputs, self.curvature, self.lam = X, cols, outputs, curvature, lam
        self.mu, self.positive, self.K, self.H, self.scale = mu, positive, K, H, scale
        self.cross, self.root, self.w, self.t = cross, root, w, theta
        self.mass_outputs = np.sum(H, axis=2)
        self.step = np.zeros(K)
        self.shift = np.concatenate([np.zeros(K), np.sum(np.reshape(theta, (K, n)), axis=1)])  # kappa, sums of theta
        self.remember()

    def check_levels(self, lam, Py_ssize_t k, Py_ssize_t K):
        """Raise unless there is a level for each entry."""
        if lam.shape[0] != k:
            raise ValueError(f"lam has {lam.shape[0]} entries, expected {k}")

    cdef double product(self, Py_ssize_t a) noexcept nogil:
        cdef Py_ssize_t j = self.cols[a], k = self.outputs[a], m
        cdef double v = self.X.dot(j, &self.t[k * self.X.n_rows])
        for m in range(self.K):
            if self.shift[m] != 0.0:
                v += self.shift[m] * self.cross[a, m]
        if self.X.centered:
            v -= self.X.center[j] * self.shift[self.K + k]
        return v * self.X._factor(j)

    cdef void move(self, Py_ssize_t a, double d) noexcept nogil:
        cdef Py_ssize_t j = self.cols[a], k = self.outputs[a], n = self.X.n_rows, m
        cdef double e = -d * self.X._factor(j)
        for m in range(self.K):
            self.X.axpy_weighted(j, e, &self.H[m, k, 0], &self.t[m * n])
            self.shift[self.K + m] += e * self.cross[a, m]
        if self.X.centered:
            self.turn(k, -e * self.X.center[j])

    cdef void turn(self, Py_ssize_t k, double d) noexcept nogil:
        """Add d to kappa of output k."""
        cdef Py_ssize_t m
        self.shift[k] += d
        for m in range(self.K):
            self.shift[self.K + m] += d * self.mass_outputs[k, m]

    cdef void level(self) noexcept nogil:
        """Choose the intercepts that are best for the coefficients."""
        cdef Py_ssize_t k, m
        for k in range(self.K):
            self.step[k] = 0.0
            for m in range(self.K):
                self.step[k] += self.root[k, m] * self.shift[self.K + m]
        for k in range(self.K):
            if self.step[k] != 0.0:
                self.turn(k, -self.step[k])

    cdef double sweep(self) noexcept nogil:
        cdef double moved = ResidualLasso.sweep(self)
        self.level()
        return moved

    cdef double square(self, const double* t, const double* shift) noexcept nogil:
        cdef Py_ssize_t i, k, m, n = self.X.n_rows
        cdef double v, total = 0.0
        for k in range(self.K):
            for i in range(n):
                if self.scale[k * n + i] > 0.0:
                    v = t[k * n + i]
                    for m in range(self.K):
                        v += shift[m] * self.H[m, k, i]
                    total += v * v / self.scale[k * n + i]
        return total


cdef class ResidualRows(ResidualOutputs):
    """The same with one level for the norm of each feature's K entries, which lie together in order."""

    def check_levels(self, lam, Py_ssize_t k, Py_ssize_t K):
        """Raise unless there is a level for each row."""
        if lam.shape[0] * K != k:
            raise ValueError(f"lam has {lam.shape[0]} entries for {k} coefficients of {K} outputs")

    cdef double sweep(self) noexcept nogil:
        """Minimise a bound over each row: the Hessian of its entries is at most `top` in every direction."""
        cdef Py_ssize_t r, k, a, K = self.K
        cdef double top, norm, shrink, d, moved = 0.0
        for r in range(self.lam.shape[0]):
            top = norm = 0.0
            for k in range(K):
                top = max(top, 2.0 * self.curvature[r * K + k])  # by Gershgorin: rows of H_i sum to zero
            if top <= 0.0:
                continue
            for k in range(K):
                a = r * K + k
                self.step[k] = self.product(a) + top * self.w[a]
                norm += self.step[k] * self.step[k]
            norm = sqrt(norm)
            shrink = (1.0 - self.lam[r] / norm) / (top + self.mu) if norm > self.lam[r] else 0.0
            for k in range(K):
                a = r * K + k
                d = self.step[k] * shrink - self.w[a]
                if d != 0.0:
                    self.w[a] += d
                    self.move(a, d)
                    moved += d * d * (top + self.mu)
        self.level()
        return moved

    cdef double penalty(self, const double* w) noexcept nogil:
        cdef Py_ssize_t r, k
        cdef double squares, l1 = 0.0, l2 = 0.0
        for r in range(self.lam.shape[0]):
            squares = 0.0
            for k in range(self.K):
                squares += w[r * self.K + k] * w[r * self.K + k]
            if squares > 0.0:
                l1 += self.lam[r] * sqrt(squares)
                l2 += squares
        return l1 + 0.5 * self.mu * l2

    cdef double gap(self) noexcept nogil:
        """Duality gap restricted to these rows, at the best multiple of theta (and theta itself with a ridge)."""
        cdef Py_ssize_t r, k, a
        cdef double rr = self.square(&self.t[0], &self.shift[0]), c, size, cap = 0.0, yr = rr, over = 0.0
        cdef bint free = False
        cdef double excess = 0.0, top, along
        for r in range(self.lam.shape[0]):
            size = top = along = 0.0
            for k in range(self.K):
                a = r * self.K + k
                c = self.product(a)
                along += self.w[a] * c
                size += c * c
                top = max(top, 2.0 * self.curvature[a])
            size = sqrt(size)
            yr += along if self.lam[r] > 0.0 or self.mu > 0.0 else min(along, 0.0)  # see _gram_lasso.pyx
            if self.lam[r] <= 0.0:
                free = True
                if self.mu == 0.0 and top > 0.0:
                    excess += 0.5 * size * size / top
            elif size > cap * self.lam[r]:
                cap = size / self.lam[r]
            if size > self.lam[r]:
                over += (size - self.lam[r]) ** 2
        return 0.5 * rr + self.penalty(&self.w[0]) - dual_value(yr, rr, cap, over, self.mu, free) + excess
