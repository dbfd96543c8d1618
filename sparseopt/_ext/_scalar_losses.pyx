"""Losses of one prediction a sample, on whole arrays, with the best intercept, dual points and dual values.

Sums are over samples with their weights.  What has no weight counts nothing even where it is infinite.
"""

from libc.math cimport INFINITY, fabs, fmin, isfinite, log

import numpy as np

from sparseopt._ext._losses cimport so_losses, so_losses_choose
from sparseopt._ext._simd cimport so_simd_choose

cdef so_losses LOSSES = so_losses_choose()

cdef enum:
    NEWTON_STEPS = 200

cdef double BALANCED = 4e-16  # of the sum of sizes: a sum of slopes that is rounding
cdef double LARGEST = 690.0   # exp(690) is about 1e300
cdef double FLOOR = 1e-6      # of the largest second derivative: the smallest that a model uses
cdef double UNBOUNDED = 1e-12  # the same of exponentials, which fall without end where the penalty lets them
cdef double LOW = 1e-14       # the same where the bound keeps the model regular
cdef double FLAT = 0.01       # second derivatives below this share of their bound
cdef double MANY = 0.5        # this share of flat samples: start from the bound
cdef double EDGE = 1.0 + 1e-15  # of delta: what rounding may do to a dual point of the Huber loss


cdef class ScalarLoss:
    """Abstract loss; subclasses say what it is for each sample.

    Parameters
    ----------
    y : ndarray of shape (n,)
        In the coding of the loss.
    s : ndarray of shape (n,) or None
        Sample weights.
    intercept : bool
        Whether predictions are shifted by the best constant.
    """

    def __init__(self, const double[::1] y, s, bint intercept):
        self.n = y.shape[0]
        if self.n == 0:
            raise ValueError("there must be samples")
        if s is not None and s.shape != (self.n,):
            raise ValueError(f"weights have shape {s.shape}, expected ({self.n},)")
        self.y, self.intercept, self.weighted = y, intercept, s is not None
        self.s = np.ones(self.n) if s is None else s
        self.total = self.n if s is None else np.sum(s)
        self.curvature = INFINITY
        self.room, self.other = np.empty(self.n), np.empty(self.n)
        self.simd = so_simd_choose()

    cdef void values(self, const double* eta, double* out) noexcept nogil:
        pass

    cdef void slopes(self, const double* eta, double* out) noexcept nogil:
        """First derivatives in eta."""

    cdef void bends(self, const double* eta, double* out) noexcept nogil:
        """Second derivatives in eta."""

    cdef void touching(self, const double* eta, double* out) noexcept nogil:
        """Curvatures of parabolas that touch the losses at eta and lie nowhere below them."""
        cdef Py_ssize_t i
        for i in range(self.n):
            out[i] = self.curvature

    cdef void conjugates(self, const double* u, double* out) noexcept nogil:
        """Convex conjugates at u; inf outside their domain."""

    cdef double best_shift(self, const double* eta) noexcept nogil:
        """Return the constant that, added to eta, minimises the sum: Newton between brackets."""
        cdef double low = -INFINITY, high = INFINITY, b = 0.0, unit = 1.0, slope, size, bend, step, value
        cdef double* moved = &self.room[0]
        cdef double* out = &self.other[0]
        cdef Py_ssize_t i
        cdef int _step
        for _step in range(NEWTON_STEPS):
            for i in range(self.n):
                moved[i] = eta[i] + b
            self.slopes(moved, out)
            slope = size = 0.0
            for i in range(self.n):
                value = self.s[i] * out[i]
                slope += value
                size += fabs(value)
            if fabs(slope) <= BALANCED * size:
                break
            self.bends(moved, out)
            bend = self.simd.dot_f64(&self.s[0], out, self.n)
            if slope > 0.0:
                high = b
            else:
                low = b
            step = -slope / bend if bend > 0.0 else (-INFINITY if slope > 0.0 else INFINITY)
            if not isfinite(high - low):
                if not fabs(step) <= unit:
                    step = -unit if slope > 0.0 else unit
                    unit *= 2.0
            elif not low < b + step < high:
                step = 0.5 * (low + high) - b
            if b + step == b:
                break
            b += step
        return b

    cdef void balance(self, double* u) noexcept nogil:
        """Move u to a point of the conjugate's domain whose sum is zero: shrink the heavier sign."""
        cdef double up = 0.0, down = 0.0, value
        cdef Py_ssize_t i
        for i in range(self.n):
            value = self.s[i] * u[i]
            if value > 0.0:
                up += value
            else:
                down -= value
        if up > down:
            for i in range(self.n):
                if u[i] > 0.0:
                    u[i] *= down / up
        elif up < down:
            for i in range(self.n):
                if u[i] < 0.0:
                    u[i] *= up / down

    cdef double total_of(self, const double* values) noexcept nogil:
        cdef double total = self.simd.dot_f64(&self.s[0], values, self.n)
        cdef Py_ssize_t i
        if not isfinite(total):
            total = 0.0
            for i in range(self.n):
                if self.s[i] > 0.0:
                    total += self.s[i] * values[i]
        return total

    cdef double fit(self, const double* eta) noexcept nogil:
        """Return the sum of losses."""
        self.values(eta, &self.room[0])
        return self.total_of(&self.room[0])

    cdef void derive(self, const double* eta, double* u, double* theta) noexcept nogil:
        """Set the dual point u and theta = -s u at these predictions."""
        cdef Py_ssize_t i
        self.slopes(eta, u)
        if self.intercept:
            self.balance(u)
        for i in range(self.n):
            theta[i] = -self.s[i] * u[i]

    cdef bint settle(self, double* eta, double* u, double* theta) noexcept nogil:
        """The same after shifting the predictions to their best intercept; return whether they moved."""
        cdef double shift = 0.0
        cdef Py_ssize_t i
        if self.intercept:
            shift = self.best_shift(eta)
            for i in range(self.n):
                eta[i] += shift
        self.derive(eta, u, theta)
        return shift != 0.0

    cdef double bend(self, const double* eta, double* share, double* d) noexcept nogil:
        """Set the weighted second derivatives for a model; return their sum.

        They are at least a share of a bound that touches the loss; a negative share is chosen here: all of the bound
        where the loss is flat nearly everywhere, else none.
        """
        cdef double largest = 0.0, floor = FLOOR if isfinite(self.curvature) else UNBOUNDED, flat = 0.0, mass = 0.0
        cdef double* bound = &self.room[0]
        cdef Py_ssize_t i
        self.bends(eta, d)
        if isfinite(self.curvature) and share[0] != 0.0:
            self.touching(eta, bound)
            if share[0] < 0.0:
                for i in range(self.n):
                    if d[i] < FLAT * bound[i]:
                        flat += self.s[i]
                share[0] = 1.0 if flat > MANY * self.total else 0.0
            if share[0] > 0.0:
                floor = LOW
                for i in range(self.n):
                    d[i] = max(d[i], share[0] * bound[i])
        share[0] = max(share[0], 0.0)
        for i in range(self.n):
            d[i] *= self.s[i]
            largest = max(largest, d[i])
        for i in range(self.n):  # rows of weight zero must not count, however large their entries
            d[i] = max(d[i], (floor if self.s[i] > 0.0 else LOW) * largest if largest > 0.0 else 1.0)
            mass += d[i]
        return mass

    cdef double conjugate(self, double t, const double* u) noexcept nogil:
        """Return the sum of conjugates at t u."""
        cdef Py_ssize_t i
        for i in range(self.n):
            self.other[i] = t * u[i]
        self.conjugates(&self.other[0], &self.room[0])
        return self.total_of(&self.room[0])

    cdef double best_dual(self, const double* u, const double* c, const double* lam, Py_ssize_t k, double mu,
                          bint positive, double* multiple) noexcept nogil:
        """Return the best dual value over feasible multiples of u, given X'theta on k entries, and that multiple."""
        cdef double over = 0.0, limit, size, rest, excess, value, best = -INFINITY
        cdef double[3] candidates
        cdef Py_ssize_t j
        cdef int tried
        for j in range(k):
            size = c[j] if positive else fabs(c[j])
            if size > over * lam[j] and lam[j] > 0.0:
                over = size / lam[j]
        limit = 1.0 / over if over > 1.0 else 1.0
        if mu <= 0.0:
            multiple[0] = limit
            return -self.conjugate(limit, u)
        candidates[0], candidates[1], candidates[2] = 1.0, limit, 0.5 * (1.0 + limit)
        for tried in range(3 if limit < 1.0 else 1):
            excess = 0.0
            for j in range(k):
                size = c[j] if positive else fabs(c[j])
                rest = candidates[tried] * size - lam[j]
                if rest > 0.0:
                    excess += rest * rest
            value = -self.conjugate(candidates[tried], u) - 0.5 * excess / mu
            if value > best or tried == 0:
                best = value
                multiple[0] = candidates[tried]
        return best

    def point(self, const double[::1] eta, bint shift=True):
        """Return (predictions with the best intercept, u, theta, sum of losses) for predictions without one."""
        cdef double value
        if eta.shape[0] != self.n:
            raise ValueError(f"eta has {eta.shape[0]} entries, expected {self.n}")
        moved, slopes, dual = np.array(eta), np.empty(self.n), np.empty(self.n)
        cdef double[::1] at = moved
        cdef double[::1] u = slopes
        cdef double[::1] theta = dual
        with nogil:
            if shift:
                self.settle(&at[0], &u[0], &theta[0])
            else:
                self.derive(&at[0], &u[0], &theta[0])
            value = self.fit(&at[0])
        return moved, slopes, dual, value

    def shift(self, const double[::1] eta):
        """Return the best intercept for predictions without one."""
        cdef double value = 0.0
        if eta.shape[0] != self.n:
            raise ValueError(f"eta has {eta.shape[0]} entries, expected {self.n}")
        if self.intercept:
            with nogil:
                value = self.best_shift(&eta[0])
        return value

    def dual(self, const double[::1] u, const double[::1] c, const double[::1] lam, double mu, bint positive):
        """Return the best dual value over multiples of u, and that multiple; c is X'theta on entries with levels lam."""
        cdef double value, multiple = 1.0
        if u.shape[0] != self.n or c.shape[0] != lam.shape[0]:
            raise ValueError(f"u has {u.shape[0]} entries, expected {self.n}; c {c.shape[0]}, lam {lam.shape[0]}")
        if c.shape[0] == 0:
            return -self.conjugate(1.0, &u[0]), 1.0
        with nogil:
            value = self.best_dual(&u[0], &c[0], &lam[0], c.shape[0], mu, positive, &multiple)
        return value, multiple


cdef class LogisticLoss(ScalarLoss):
    """log(1 + exp(-y eta)) for signs y."""

    def __init__(self, y, s, intercept):
        super().__init__(y, s, intercept)
        self.curvature = 0.25

    cdef void values(self, const double* eta, double* out) noexcept nogil:
        LOSSES.logistic_value(&self.y[0], eta, out, self.n)

    cdef void slopes(self, const double* eta, double* out) noexcept nogil:
        LOSSES.logistic_slope(&self.y[0], eta, out, self.n)

    cdef void bends(self, const double* eta, double* out) noexcept nogil:
        LOSSES.logistic_bend(eta, out, self.n)

    cdef void conjugates(self, const double* u, double* out) noexcept nogil:
        LOSSES.logistic_conjugate(&self.y[0], u, out, self.n)


cdef class PoissonLoss(ScalarLoss):
    """exp(eta) - y eta + y log y - y for counts y."""

    cdef double[::1] least  # y log y - y
    cdef double mean        # of y, weighted

    def __init__(self, y, s, intercept):
        super().__init__(y, s, intercept)
        cdef double[::1] least = np.empty(self.n)
        cdef Py_ssize_t i
        LOSSES.entropy(&self.y[0], &least[0], self.n)
        for i in range(self.n):
            least[i] -= self.y[i]
        self.least = least
        self.mean = self.total_of(&self.y[0]) / self.total

    cdef void bends(self, const double* eta, double* out) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n):  # finite: a row of weight zero that overflows must not turn sums into NaN
            out[i] = fmin(eta[i], LARGEST)
        LOSSES.exponential(out, out, self.n)

    cdef void values(self, const double* eta, double* out) noexcept nogil:
        cdef Py_ssize_t i
        self.bends(eta, out)
        for i in range(self.n):
            out[i] = out[i] - self.y[i] * eta[i] + self.least[i]

    cdef void slopes(self, const double* eta, double* out) noexcept nogil:
        cdef Py_ssize_t i
        self.bends(eta, out)
        for i in range(self.n):
            out[i] -= self.y[i]

    cdef void conjugates(self, const double* u, double* out) noexcept nogil:
        cdef Py_ssize_t i
        cdef double v
        for i in range(self.n):
            v = u[i] + self.y[i]
            out[i] = v if v > 0.0 else 0.0
        LOSSES.entropy(out, out, self.n)
        for i in range(self.n):
            v = u[i] + self.y[i]
            out[i] = out[i] - v - self.least[i] if v >= 0.0 else INFINITY

    cdef double best_shift(self, const double* eta) noexcept nogil:
        """The sum of expectations is to be that of the counts."""
        cdef double top = -INFINITY
        cdef Py_ssize_t i
        for i in range(self.n):
            if self.s[i] > 0.0 and eta[i] > top:
                top = eta[i]
        for i in range(self.n):
            self.other[i] = eta[i] - top
        self.bends(&self.other[0], &self.room[0])
        return log(self.mean) - log(self.total_of(&self.room[0]) / self.total) - top

    cdef void balance(self, double* u) noexcept nogil:
        """Scale the expectations u + y so that their sum is that of the counts."""
        cdef Py_ssize_t i
        cdef double ratio, expected
        for i in range(self.n):
            self.room[i] = u[i] + self.y[i]
        expected = self.total_of(&self.room[0]) / self.total
        ratio = self.mean / expected if isfinite(expected) and expected > 0.0 else -1.0
        for i in range(self.n):
            u[i] = self.room[i] * ratio - self.y[i] if ratio >= 0.0 else 0.0


cdef class HuberLoss(ScalarLoss):
    """r^2 / 2 for |r| <= delta, else delta |r| - delta^2 / 2, of r = y - eta."""

    cdef double delta

    def __init__(self, y, s, intercept, double delta):
        super().__init__(y, s, intercept)
        self.delta, self.curvature = delta, 1.0

    cdef void values(self, const double* eta, double* out) noexcept nogil:
        cdef Py_ssize_t i
        cdef double size
        for i in range(self.n):
            size = fabs(self.y[i] - eta[i])
            out[i] = 0.5 * size * size if size <= self.delta else self.delta * (size - 0.5 * self.delta)

    cdef void slopes(self, const double* eta, double* out) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n):
            out[i] = min(max(eta[i] - self.y[i], -self.delta), self.delta)

    cdef void bends(self, const double* eta, double* out) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n):
            out[i] = 1.0 if fabs(eta[i] - self.y[i]) <= self.delta else 0.0

    cdef void touching(self, const double* eta, double* out) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n):
            out[i] = self.delta / max(fabs(eta[i] - self.y[i]), self.delta)

    cdef void conjugates(self, const double* u, double* out) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n):
            out[i] = 0.5 * u[i] * u[i] + u[i] * self.y[i] if fabs(u[i]) <= EDGE * self.delta else INFINITY
