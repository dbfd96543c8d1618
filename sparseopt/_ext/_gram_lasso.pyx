"""The Lasso and the elastic net on a Gram matrix: coordinate descent that ends in Newton steps on the support.

    minimise over w   1/2 r'Sr + sum_j lam_j |w_j| + mu/2 ||w||^2,     r = y - X w,  G = X'SX,  q = X'Sr

X is never seen: a change d of w changes q by -G d and r'Sr by -d'(q_before + q_after).  A sweep updates each
coordinate exactly.  When a sweep changes no sign, the minimiser on the face of the current signs is one Cholesky solve
away; the step is cut where a sign would flip (first by projection, when that lowers the objective; else at the first
flip, which always does).  With the right support one such step ends the work (finite termination; Nutini, Laradji and
Schmidt, JMLR 23 (2022), section 6).
"""

from libc.math cimport fabs
from libc.stdlib cimport free, malloc

from sparseopt._ext._blas cimport cholesky, cholesky_solve
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()


cdef struct Face:
    # the problem of one call, and its state
    const double* G
    Py_ssize_t ld, k
    const double* lam
    double mu
    bint positive
    double* w
    double* q
    double rr  # r'Sr
    # scratch
    Py_ssize_t* support
    double* step
    double* change
    double* factor
    Py_ssize_t capacity


cdef double sweep(Face* f, Py_ssize_t* flips) noexcept nogil:
    """Update every coordinate once; return sum of curvature * step^2, count sign changes in `flips`."""
    cdef Py_ssize_t j
    cdef double old, new, value, curvature, moved = 0.0, d
    flips[0] = 0
    for j in range(f.k):
        old = f.w[j]
        if old == 0.0 and (f.q[j] <= f.lam[j] and (f.positive or f.q[j] >= -f.lam[j])):
            continue
        curvature = f.G[j * f.ld + j]
        if curvature <= 0.0:  # a constant column
            continue
        value = f.q[j] + curvature * old
        if value > f.lam[j]:
            new = (value - f.lam[j]) / (curvature + f.mu)
        elif value < -f.lam[j] and not f.positive:
            new = (value + f.lam[j]) / (curvature + f.mu)
        else:
            new = 0.0
        d = new - old
        if d == 0.0:
            continue
        f.w[j] = new
        f.rr -= 2.0 * d * f.q[j] - d * d * curvature
        SIMD.axpy_f64(-d, f.G + j * f.ld, f.q, f.k)
        moved += d * d * (curvature + f.mu)
        if (new > 0.0) != (old > 0.0) or (new < 0.0) != (old < 0.0):
            flips[0] += 1
    return moved


cdef double objective(Face* f) noexcept nogil:
    cdef double l1 = 0.0, l2 = 0.0
    cdef Py_ssize_t j
    for j in range(f.k):
        if f.w[j] != 0.0:
            l1 += f.lam[j] * fabs(f.w[j])
            l2 += f.w[j] * f.w[j]
    return 0.5 * f.rr + l1 + 0.5 * f.mu * l2


cdef double gap(Face* f) noexcept nogil:
    """Duality gap of the problem restricted to these columns, at the best multiple of the residual.

    For mu > 0 every multiple is feasible and the penalty's conjugate enters; two multiples are tried.
    """
    cdef double yr = f.rr, cap = 0.0, ratio, primal = objective(f), t, best, dual, over
    cdef Py_ssize_t j
    for j in range(f.k):
        yr += f.w[j] * f.q[j]
        ratio = f.q[j] if f.positive else fabs(f.q[j])
        if ratio > cap * f.lam[j]:
            if f.lam[j] <= 0.0:
                continue  # unpenalised: stationary up to rounding after a sweep
            cap = ratio / f.lam[j]
    t = yr / f.rr if f.rr > 0.0 else 1.0
    if cap > 0.0 and t * cap > 1.0:
        t = 1.0 / cap
    if t < 0.0:
        t = 0.0
    best = t * yr - 0.5 * t * t * f.rr
    if f.mu > 0.0:
        dual = yr - 0.5 * f.rr
        for j in range(f.k):
            over = (f.q[j] if f.positive else fabs(f.q[j])) - f.lam[j]
            if over > 0.0:
                dual -= over * over / (2.0 * f.mu)
        best = dual if dual > best else best
    return primal - best


cdef bint newton(Face* f, Py_ssize_t* dropped) noexcept nogil:
    """One step to the minimiser on the face of the current signs; False when nothing was gained."""
    cdef Py_ssize_t m = 0, i, j, a, b, attempt, first = -1
    cdef double trace = 0.0, jitter = 0.0, length = 1.0, best, sign, gain, dq, value, target
    dropped[0] = 0
    for j in range(f.k):
        if f.w[j] != 0.0:
            if m >= f.capacity:
                return False
            f.support[m] = j
            m += 1
    if m == 0:
        return False
    for attempt in range(4):
        for a in range(m):
            i = f.support[a] * f.ld
            for b in range(a, m):  # Fortran lower triangle: element (b, a)
                f.factor[a * m + b] = f.G[i + f.support[b]]
            f.factor[a * m + a] += f.mu
            if attempt == 0:
                trace += f.factor[a * m + a]
            f.factor[a * m + a] += jitter
        if cholesky(m, f.factor, m) == 0:
            break
        jitter = 1e-14 * trace / m if jitter == 0.0 else 100.0 * jitter
    else:
        return False
    for a in range(m):
        j = f.support[a]
        f.step[a] = f.q[j] - f.mu * f.w[j] - (f.lam[j] if f.w[j] > 0.0 else -f.lam[j])
    cholesky_solve(m, f.factor, m, f.step)
    # where would the first sign flip?
    for a in range(m):
        j = f.support[a]
        if f.lam[j] > 0.0 or f.positive:
            if (f.w[j] + f.step[a]) * f.w[j] < 0.0:
                dropped[0] += 1
                value = -f.w[j] / f.step[a]
                if value < length:
                    length = value
                    first = a
    for attempt in range(2 if first >= 0 else 1):
        # attempt 0: the whole step, flipped coordinates set to zero; attempt 1: up to the first flip
        gain = 0.0
        for j in range(f.k):
            f.change[j] = 0.0
        for a in range(m):
            j = f.support[a]
            if attempt == 0:
                target = f.w[j] + f.step[a]
                if target * f.w[j] < 0.0 and (f.lam[j] > 0.0 or f.positive):
                    target = 0.0
            else:
                target = 0.0 if a == first else f.w[j] + length * f.step[a]
            value = target - f.w[j]
            if value != 0.0:
                SIMD.axpy_f64(value, f.G + j * f.ld, f.change, f.k)
        best = 0.0
        for a in range(m):
            j = f.support[a]
            if attempt == 0:
                target = f.w[j] + f.step[a]
                if target * f.w[j] < 0.0 and (f.lam[j] > 0.0 or f.positive):
                    target = 0.0
            else:
                target = 0.0 if a == first else f.w[j] + length * f.step[a]
            value = target - f.w[j]
            gain += value * (f.q[j] - 0.5 * f.change[j]) - f.lam[j] * (fabs(target) - fabs(f.w[j]))
            gain -= 0.5 * f.mu * (target * target - f.w[j] * f.w[j])
            best += value * (2.0 * f.q[j] - f.change[j])
        if first < 0 or gain >= 0.0 or attempt == 1:
            break
    if attempt == 1:
        dropped[0] = 1
    for a in range(m):
        j = f.support[a]
        if attempt == 0:
            target = f.w[j] + f.step[a]
            if target * f.w[j] < 0.0 and (f.lam[j] > 0.0 or f.positive):
                target = 0.0
        else:
            target = 0.0 if a == first else f.w[j] + length * f.step[a]
        f.w[j] = target
    for j in range(f.k):
        f.q[j] -= f.change[j]
    f.rr -= best
    return True


def solve(double[:, ::1] G, double[::1] w, double[::1] q, const double[::1] lam, double mu, bint positive,
          double rr, double tol, Py_ssize_t max_sweeps, Py_ssize_t max_support):
    """Solve on the leading len(w) columns of G, in place, until the restricted gap is at most `tol`.

    Returns r'Sr, the gap, the number of sweeps and the number of factorizations.
    """
    cdef Face f
    cdef Py_ssize_t k = w.shape[0], flips = 0, dropped = 0, sweeps = 0, factorizations = 0, wait = 1, quiet = 0
    cdef double moved, current
    if G.shape[0] < k or G.shape[1] < k or q.shape[0] != k or lam.shape[0] != k:
        raise ValueError(f"shapes disagree: G {G.shape[0]} x {G.shape[1]}, w {k}, q {q.shape[0]}, lam {lam.shape[0]}")
    if k == 0:
        return rr, 0.0, 0, 0
    f.G, f.ld, f.k, f.lam, f.mu, f.positive = &G[0, 0], G.shape[1], k, &lam[0], mu, positive
    f.w, f.q, f.rr = &w[0], &q[0], rr
    f.capacity = min(k, max_support)
    f.support = <Py_ssize_t*> malloc((k + 1) * sizeof(Py_ssize_t))
    f.step = <double*> malloc((k + 1) * sizeof(double))
    f.change = <double*> malloc((k + 1) * sizeof(double))
    f.factor = <double*> malloc((f.capacity * f.capacity + 1) * sizeof(double))
    try:
        if f.support == NULL or f.step == NULL or f.change == NULL or f.factor == NULL:
            raise MemoryError("no memory for the working arrays of a Newton step")
        with nogil:
            current = gap(&f)
            while current > tol and sweeps < max_sweeps:
                moved = sweep(&f, &flips)
                sweeps += 1
                quiet = quiet + 1 if flips == 0 else 0
                if quiet >= 1 and sweeps >= wait:
                    if newton(&f, &dropped):
                        factorizations += 1
                        wait = sweeps + 1 + (1 if dropped else 0)
                    else:
                        wait = sweeps + 20
                    current = gap(&f)
                elif sweeps % 10 == 0 or moved == 0.0:
                    current = gap(&f)
                    if moved == 0.0:
                        break
        return f.rr, current, sweeps, factorizations
    finally:
        free(f.support)
        free(f.step)
        free(f.change)
        free(f.factor)
