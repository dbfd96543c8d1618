"""Penalties of one coefficient: value, proximal map, derivatives, and the level at which zero is left.

Every penalty is g(z) = g(|z|) with a level lam >= 0 (inf: the coefficient is excluded) and a shape gam:

    L1        lam a
    MCP       lam a - a^2 / (2 gam) up to a = gam lam, then constant
    SCAD      lam a up to lam, a parabola up to gam lam, then constant
    L0        lam for a > 0
    HALF      lam a^(1/2)
    TWOTHIRDS lam a^(2/3)

The proximal map minimises 1/2 (z - u)^2 + t g(z) over all z, also where that is not convex; of two minimisers it
returns the smaller.
"""

from libc.math cimport M_PI, acos, acosh, cbrt, cos, cosh, fabs, fmax, fmin, pow, sqrt

cdef enum:
    L1 = 0
    MCP = 1
    SCAD = 2
    L0 = 3
    HALF = 4
    TWOTHIRDS = 5


cdef inline double penalty_value(int kind, double lam, double gam, double z) noexcept nogil:
    cdef double a = fabs(z)
    if a == 0.0:
        return 0.0
    if kind == L1:
        return lam * a
    if kind == MCP:
        return lam * a - 0.5 * a * a / gam if a < gam * lam else 0.5 * gam * lam * lam
    if kind == SCAD:
        if a <= lam:
            return lam * a
        if a < gam * lam:
            return (2.0 * gam * lam * a - a * a - lam * lam) / (2.0 * (gam - 1.0))
        return 0.5 * lam * lam * (gam + 1.0)
    if kind == L0:
        return lam
    return lam * sqrt(a) if kind == HALF else lam * cbrt(a * a)


cdef inline double penalty_slope(int kind, double lam, double gam, double a) noexcept nogil:
    """g'(a) for a > 0."""
    if kind == L1:
        return lam
    if kind == MCP:
        return lam - a / gam if a < gam * lam else 0.0
    if kind == SCAD:
        if a <= lam:
            return lam
        return (gam * lam - a) / (gam - 1.0) if a < gam * lam else 0.0
    if kind == HALF:
        return 0.5 * lam / sqrt(a)
    if kind == TWOTHIRDS:
        return 2.0 / 3.0 * lam / cbrt(a)
    return 0.0


cdef inline double penalty_curvature(int kind, double lam, double gam, double a) noexcept nogil:
    """g''(a) for a > 0."""
    if kind == MCP:
        return -1.0 / gam if a < gam * lam else 0.0
    if kind == SCAD:
        return -1.0 / (gam - 1.0) if lam < a < gam * lam else 0.0
    if kind == HALF:
        return -0.25 * lam / (a * sqrt(a))
    if kind == TWOTHIRDS:
        return -2.0 / 9.0 * lam / (a * cbrt(a))
    return 0.0


cdef inline double penalty_exit(int kind, double lam, double gam, double t) noexcept nogil:
    """The largest u >= 0 whose proximal point is zero."""
    cdef double c = t * lam
    if c == 0.0:
        return 0.0
    if kind == MCP:
        return c if t < gam else lam * sqrt(gam * t)
    if kind == SCAD:
        return c if t < gam - 1.0 else fmin(c, fmax(gam * lam, lam * sqrt(t * (gam + 1.0))))
    if kind == L0:
        return sqrt(2.0 * c)
    if kind == HALF:
        return 1.5 * cbrt(c * c)
    if kind == TWOTHIRDS:
        return 2.0 * pow(2.0 * c / 3.0, 0.75)
    return c


cdef inline double penalty_prox(int kind, double lam, double gam, double u, double t) noexcept nogil:
    cdef double a = fabs(u), c = t * lam, z, ratio, q
    cdef int _k
    if c == 0.0:
        return u
    z = fmax(a - c, 0.0)
    if kind == MCP:
        if a > gam * lam:
            z = a if t < gam or a > lam * sqrt(gam * t) else 0.0
        else:
            z = fmin(z / (1.0 - t / gam), a) if t < gam else 0.0
    elif kind == SCAD:
        if t < gam - 1.0:
            if a > gam * lam:
                z = a
            elif a > lam * (1.0 + t):
                z = ((gam - 1.0) * a - gam * c) / (gam - 1.0 - t)
        else:
            z = fmin(z, lam)
            if a >= gam * lam and 0.5 * (a - z) * (a - z) + c * z > 0.5 * c * lam * (gam + 1.0):
                z = a
    elif kind == L0:
        z = a if a > sqrt(2.0 * c) else 0.0
    elif kind >= HALF:
        if not a > penalty_exit(kind, lam, gam, t):
            return 0.0
        if kind == HALF:
            ratio = fmin(0.25 * c * pow(a / 3.0, -1.5), 1.0)
            z = 2.0 / 3.0 * a * (1.0 + cos(2.0 / 3.0 * (M_PI - acos(ratio))))
        else:
            ratio = fmax(27.0 * a * a / (16.0 * pow(2.0 * c, 1.5)), 1.0)
            q = 2.0 / sqrt(3.0) * pow(2.0 * c, 0.25) * sqrt(cosh(acosh(ratio) / 3.0))
            z = 0.5 * (q + sqrt(fmax(2.0 * a / q - q * q, 0.0)))
            z = z * z * z
        for _k in range(2):  # the closed form loses digits for large u; Newton gives them back
            z -= (z - a + t * penalty_slope(kind, lam, gam, z)) / (1.0 + t * penalty_curvature(kind, lam, gam, z))
    return -z if u < 0.0 else z


cdef inline double prox_of(int kind, double lam, double gam, double u, double t, bint positive) noexcept nogil:
    """The proximal map, over z >= 0 only if `positive`."""
    return 0.0 if positive and u < 0.0 else penalty_prox(kind, lam, gam, u, t)


cdef inline double coordinate_gain(int kind, double lam, double gam, double w, double z, double c, double curvature,
                                   double total) noexcept nogil:
    """What moving one coefficient from w to its minimiser z gains.

    `c` is minus the gradient of the smooth part at w, whose second derivative is `curvature`; `total` multiplies g.
    """
    cdef double d = z - w
    if d == 0.0:
        return 0.0
    if fabs(d) <= 1e-3 * fabs(w):  # on one piece of g, where a difference of objectives would be rounding error
        return 0.5 * curvature * d * d
    return fmax(c * d - 0.5 * curvature * d * d
                - total * (penalty_value(kind, lam, gam, z) - penalty_value(kind, lam, gam, w)), 0.0)
