"""Separable penalties, convex or not: their facts for whole vectors, and coordinate descent on columns.

    minimise over w   1/2 r'Sr + total sum_j g_j(w_j),     r = y - X w

Every step minimises exactly over one coordinate, also where that is not a convex problem, so that the objective never
rises. What such a step would still gain measures how far a point is from being optimal in every coordinate; for a
convex penalty it is v^2 / (2 L_j) with v the distance of minus the gradient to the subdifferential.
"""

from libc.math cimport fabs, fmax

import numpy as np

from sparseopt._ext._columns cimport Columns
from sparseopt._ext._residual_lasso cimport ResidualLasso
from sparseopt._ext._scalar_penalty cimport (
    HALF, L0, L1, MCP, SCAD, TWOTHIRDS, coordinate_gain, penalty_exit, penalty_slope, penalty_value, prox_of,
)

KINDS = {"l1": L1, "mcp": MCP, "scad": SCAD, "l0": L0, "half": HALF, "two_thirds": TWOTHIRDS}


cdef check_sizes(Py_ssize_t k, sizes):
    for size in sizes:
        if size != k:
            raise ValueError(f"shapes disagree: {k} coefficients, levels, shapes and the rest have {list(sizes)}")


def value(int kind, const double[::1] lam, const double[::1] gam, const double[::1] w):
    """Return sum_j g_j(w_j)."""
    cdef Py_ssize_t j
    cdef double total = 0.0
    check_sizes(w.shape[0], (lam.shape[0], gam.shape[0]))
    for j in range(w.shape[0]):
        total += penalty_value(kind, lam[j], gam[j], w[j])
    return total


def prox(int kind, const double[::1] lam, const double[::1] gam, const double[::1] u, const double[::1] step,
         bint positive):
    """Return argmin_z 1/2 (z - u_j)^2 + step_j g_j(z) for every j."""
    cdef Py_ssize_t j
    check_sizes(u.shape[0], (lam.shape[0], gam.shape[0], step.shape[0]))
    result = np.empty(u.shape[0])
    cdef double[::1] out = result
    for j in range(u.shape[0]):
        out[j] = prox_of(kind, lam[j], gam[j], u[j], step[j], positive)
    return result


def distance(int kind, const double[::1] lam, const double[::1] gam, const double[::1] w, const double[::1] gradient,
             bint positive):
    """Return the distance of -gradient_j to the limiting subdifferential of g_j at w_j for every j."""
    cdef Py_ssize_t j
    cdef double slope
    check_sizes(w.shape[0], (lam.shape[0], gam.shape[0], gradient.shape[0]))
    result = np.empty(w.shape[0])
    cdef double[::1] out = result
    for j in range(w.shape[0]):
        if w[j] != 0.0:
            slope = penalty_slope(kind, lam[j], gam[j], fabs(w[j]))
            out[j] = fabs(gradient[j] + (slope if w[j] > 0.0 else -slope))
        elif kind >= L0 and lam[j] > 0.0:
            out[j] = 0.0
        else:
            out[j] = fmax((-gradient[j] if positive else fabs(gradient[j])) - lam[j], 0.0)
    return result


def exits(int kind, const double[::1] lam, const double[::1] gam, const double[::1] step):
    """Return the largest |u_j| whose proximal point at step_j is zero, for every j."""
    cdef Py_ssize_t j
    check_sizes(lam.shape[0], (gam.shape[0], step.shape[0]))
    result = np.empty(lam.shape[0])
    cdef double[::1] out = result
    for j in range(lam.shape[0]):
        out[j] = penalty_exit(kind, lam[j], gam[j], step[j])
    return result


def gains(int kind, const double[::1] lam, const double[::1] gam, const double[::1] w, const double[::1] c,
          const double[::1] curvature, double total, bint positive):
    """Return what minimising over coordinate j alone would gain, for every j; c = X'S(y - X w)."""
    cdef Py_ssize_t j
    cdef double z
    check_sizes(w.shape[0], (lam.shape[0], gam.shape[0], c.shape[0], curvature.shape[0]))
    result = np.zeros(w.shape[0])
    cdef double[::1] out = result
    with nogil:
        for j in range(w.shape[0]):
            if curvature[j] > 0.0:
                z = prox_of(kind, lam[j], gam[j], w[j] + c[j] / curvature[j], total / curvature[j], positive)
                out[j] = coordinate_gain(kind, lam[j], gam[j], w[j], z, c[j], curvature[j], total)
    return result


cdef class ResidualSeparable(ResidualLasso):
    """Coordinate descent on the columns themselves; `run(tol, sweeps)` ends when no step gains more than `tol`."""

    cdef const double[::1] gam
    cdef int kind
    cdef double scale

    def __init__(self, Columns X, const Py_ssize_t[::1] cols, const double[::1] curvature, const double[::1] lam,
                 const double[::1] gam, int kind, double scale, bint positive, s, const double[::1] mass,
                 double[::1] w, double[::1] theta):
        super().__init__(X, cols, curvature, lam, 0.0, positive, s, mass, w, theta)
        check_sizes(lam.shape[0], (gam.shape[0],))
        self.gam, self.kind, self.scale = gam, kind, scale

    cdef double sweep(self) noexcept nogil:
        cdef Py_ssize_t a
        cdef double c, z, d, gain, moved = 0.0
        for a in range(self.cols.shape[0]):
            if self.curvature[a] <= 0.0:
                continue
            c = self.product(a)
            z = prox_of(self.kind, self.lam[a], self.gam[a], self.w[a] + c / self.curvature[a],
                        self.scale / self.curvature[a], self.positive)
            d = z - self.w[a]
            gain = coordinate_gain(self.kind, self.lam[a], self.gam[a], self.w[a], z, c, self.curvature[a], self.scale)
            if gain > 0.0:
                self.w[a] = z
                self.move(a, d)
                moved += gain
        return moved

    cdef double penalty(self, const double* w) noexcept nogil:
        cdef Py_ssize_t a
        cdef double total = 0.0
        for a in range(self.cols.shape[0]):
            if self.positive and w[a] < 0.0:
                return 1e308
            total += penalty_value(self.kind, self.lam[a], self.gam[a], w[a])
        return self.scale * total

    cdef double gap(self) noexcept nogil:
        """The largest gain of a single step."""
        cdef Py_ssize_t a
        cdef double c, z, worst = 0.0
        for a in range(self.cols.shape[0]):
            if self.curvature[a] > 0.0:
                c = self.product(a)
                z = prox_of(self.kind, self.lam[a], self.gam[a], self.w[a] + c / self.curvature[a],
                            self.scale / self.curvature[a], self.positive)
                worst = max(worst, coordinate_gain(self.kind, self.lam[a], self.gam[a], self.w[a], z, c,
                                                   self.curvature[a], self.scale))
        return worst
