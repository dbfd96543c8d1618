"""Small exact solutions for one group: the secular equation, and the gauge of the sparse-group norm."""

from libc.math cimport fabs, sqrt


cdef inline double secular(Py_ssize_t m, const double* D, const double* a, double mu, double level) noexcept nogil:
    """Return h > 0 with sum_i a_i / ((D_i + mu) h + level)^2 = 1; needs level > 0 and sum a_i > level^2.

    h is the norm of the minimiser of 1/2 w'Gw - b'w + mu/2 ||w||^2 + level ||w||, where D are the eigenvalues of G and
    a_i the squared coordinates of b in its eigenbasis.  With t(h) the left side, t^(-1/2) - 1 is concave and increasing,
    so that Newton's method climbs from any point on the left without safeguards.  The start is the root for the vector
    whose squared norm is spread so that it lies below: (sum sqrt a)^2 <= sum_i ((D_i + mu) h + level)^2.
    """
    cdef Py_ssize_t i, _step
    cdef double A = 0.0, B = 0.0, C = 0.0, d, h = 0.0, t, slope, z, size, move, largest = mu
    for i in range(m):
        largest = max(largest, D[i] + mu)
    if not largest > 0.0:
        return 0.0
    # in units of the level and of the largest eigenvalue, so that no product of scales overflows
    for i in range(m):
        d = (D[i] + mu) / largest
        A += d * d
        B += d
        C += sqrt(a[i]) / level
    C = m - C * C
    if C < 0.0:
        h = -C / (B + sqrt(B * B - A * C))
    for _step in range(100):
        t = 0.0
        slope = 0.0
        for i in range(m):
            d = (D[i] + mu) / largest
            z = 1.0 / (d * h + 1.0)
            size = a[i] / level / level * z * z
            t += size
            slope += size * d * z
        if not slope > 0.0:
            break
        move = (t * sqrt(t) - t) / slope
        h += move
        if fabs(move) <= 4e-16 * h:
            break
    return h * (level / largest) if h > 0.0 else 0.0


cdef inline double gauge(Py_ssize_t m, const double* c, double l1, double level) noexcept nogil:
    """Return the dual norm of l1 |.|_1 + level ||.||_2 at c: the nu at which || soft(c, nu l1) || = nu level.

    The difference of the two sides is convex and decreasing in nu, so that Newton's method climbs from zero.
    """
    cdef Py_ssize_t i, _step
    cdef double nu = 0.0, norm, over, total, move
    if l1 <= 0.0 and level <= 0.0:
        return 0.0
    for _step in range(100):
        norm = 0.0
        total = 0.0
        for i in range(m):
            over = fabs(c[i]) - nu * l1
            if over > 0.0:
                norm += over * over
                total += over
        norm = sqrt(norm)
        if norm <= nu * level or norm == 0.0:
            break
        move = (norm - nu * level) / (l1 * total / norm + level)
        nu += move
        if move <= 4e-16 * nu:
            break
    return nu


cdef inline double soft_norm(Py_ssize_t m, const double* c, double l1) noexcept nogil:
    """Return || soft(c, l1) ||."""
    cdef Py_ssize_t i
    cdef double over, total = 0.0
    for i in range(m):
        over = fabs(c[i]) - l1
        if over > 0.0:
            total += over * over
    return sqrt(total)
