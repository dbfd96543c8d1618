"""The best dual value along the residual, for least squares with a penalty on sizes of coefficients or groups."""


cdef inline double dual_value(double yr, double rr, double cap, double over, double mu, bint free) noexcept nogil:
    """Return a lower bound of the objective on these columns from what the residual r says about them.

    Parameters
    ----------
    yr, rr : double
        y'r and r'r, weighted.
    cap : double
        Largest ratio of |x_j'r| (or its norm over a group) to its level: t r is feasible for t up to 1 / cap.
    over : double
        Sum of squares of what |x_j'r| exceeds its level by, which a ridge part pays for when r itself is taken.
    mu : double
        Ridge part.
    free : bint
        Whether there are columns without any penalty; with a ridge part r itself is then the only candidate.
    """
    cdef double t = yr / rr if rr > 0.0 else 1.0, best, dual
    if cap > 0.0 and t * cap > 1.0:
        t = 1.0 / cap
    t = max(t, 0.0)
    best = t * yr - 0.5 * t * t * rr
    if mu > 0.0:
        dual = yr - 0.5 * rr - over / (2.0 * mu)
        best = dual if free or dual > best else best
    return best
