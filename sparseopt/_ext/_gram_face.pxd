"""The face of the current signs of a Lasso on its Gram matrix, and the Newton step to the minimiser on it.

A Cholesky factor follows the support: appended, removed and solved in O(m^2), refactored when too much changed.  The
step is taken whole with flipped coordinates set to zero, or cut at the first flip, which always lowers the objective:
whichever lowers it more.
"""

from libc.math cimport fabs

from sparseopt._ext._blas cimport cholesky
from sparseopt._ext._cholesky cimport factor_append, factor_remove, factor_solve
from sparseopt._ext._simd cimport so_simd

cdef enum:
    CHANGE_COST = 24  # a change of the factor against m^3 / 3 steps of a fresh factorization, which run that much faster


cdef inline double dependent_share() noexcept nogil:
    """Share of its norm that a column has outside the span of others when it counts as dependent on them."""
    return 1e-13


cdef struct Face:
    const double* G
    Py_ssize_t ld, k
    const double* lam
    double mu
    bint positive
    double* w
    double* q
    double rr            # r'Sr
    so_simd simd
    # the support in factor order, and where each column stands in it (-1: nowhere)
    Py_ssize_t m, capacity
    Py_ssize_t* support
    Py_ssize_t* place
    double* R
    # scratch
    double* step
    double* change
    double* next
    double* slope        # minus the derivative on the face, by column
    double* before
    Py_ssize_t refactored, updated, solves


cdef inline void drop(Face* f, Py_ssize_t at) noexcept nogil:
    """Take position `at` out of the factored support."""
    cdef Py_ssize_t a
    factor_remove(f.R, f.capacity, f.m, at)
    f.place[f.support[at]] = -1
    for a in range(at, f.m - 1):
        f.support[a] = f.support[a + 1]
        f.place[f.support[a]] = a
    f.m -= 1


cdef inline bint append(Face* f, Py_ssize_t j) noexcept nogil:
    """Put column j into the factored support; False when it depends on the others."""
    cdef Py_ssize_t a
    cdef const double* row = f.G + j * f.ld
    if f.m >= f.capacity:
        return False
    for a in range(f.m):
        f.change[a] = row[f.support[a]]
    if not factor_append(&f.simd, f.R, f.capacity, f.m, f.change, row[j] + f.mu, dependent_share()):
        return False
    f.support[f.m] = j
    f.place[j] = f.m
    f.m += 1
    return True


cdef inline void untangle(Face* f, Py_ssize_t j) noexcept nogil:
    """Resolve a non-zero column j that depends on the factored ones: x_j = X_S z.

    Along (1, -z) the fit stays and the penalty is linear, so that one can walk downhill until a coordinate becomes zero.
    Called right after `append` refused j, which leaves R'^-1 G_Sj in f.change.  Only w changes here; `newton` brings q up
    to date.
    """
    cdef Py_ssize_t a, i, hit, _attempt
    cdef double sign, rate, d, t, move
    for _attempt in range(f.m + 1):
        for a in range(f.m - 1, -1, -1):
            f.change[a] = (f.change[a] - f.simd.dot_f64(f.R + a * f.capacity + a + 1, f.change + a + 1, f.m - a - 1)
                           ) / f.R[a * f.capacity + a]
        sign = 1.0 if f.w[j] > 0.0 else -1.0
        rate = f.lam[j]
        for a in range(f.m):
            i = f.support[a]
            rate -= sign * f.change[a] * (f.lam[i] if f.w[i] > 0.0 else -f.lam[i])
        d = -sign if rate >= 0.0 else sign
        t = fabs(f.w[j]) if rate >= 0.0 else -1.0
        hit = -1
        for a in range(f.m):
            i = f.support[a]
            move = -d * f.change[a]
            if move * f.w[i] < 0.0 and (f.lam[i] > 0.0 or f.positive) and (t < 0.0 or -f.w[i] / move < t):
                t = -f.w[i] / move
                hit = a
        if t < 0.0:
            return
        for a in range(f.m):
            f.w[f.support[a]] -= d * t * f.change[a]
        if hit < 0:
            f.w[j] = 0.0
            return
        f.w[j] += d * t
        f.w[f.support[hit]] = 0.0
        drop(f, hit)
        if append(f, j):
            return


cdef inline bint refactor(Face* f) noexcept nogil:
    """Factor afresh for the columns in f.support; False when they depend on each other."""
    cdef Py_ssize_t a, b
    cdef const double* row
    for a in range(f.m):
        row = f.G + f.support[a] * f.ld
        for b in range(a, f.m):
            f.R[a * f.capacity + b] = row[f.support[b]]
        f.R[a * f.capacity + a] += f.mu
        f.next[a] = f.R[a * f.capacity + a]
    f.refactored += 1
    if cholesky(f.m, f.R, f.capacity) != 0:
        return False
    for a in range(f.m):
        if f.R[a * f.capacity + a] * f.R[a * f.capacity + a] <= dependent_share() * f.next[a]:
            return False
    return True


cdef inline void rebuild(Face* f, bint resolve) noexcept nogil:
    """Factor the columns in f.support afresh; those that depend on the ones before are left out, or untangled."""
    cdef Py_ssize_t a, m = f.m
    if not refactor(f):
        f.m = 0
        for a in range(m):
            f.next[a] = f.support[a]  # append writes into f.support
        for a in range(m):
            if f.w[<Py_ssize_t> f.next[a]] != 0.0 and not append(f, <Py_ssize_t> f.next[a]) and resolve:
                untangle(f, <Py_ssize_t> f.next[a])
    for a in range(f.m):
        f.place[f.support[a]] = a


cdef inline void follow(Face* f, bint grow) noexcept nogil:
    """Bring the factored support in line with the non-zeros of w; new ones join only if `grow`."""
    cdef Py_ssize_t j, a, n_in = 0, n_out = 0, kept = 0
    for a in range(f.m):
        n_out += f.w[f.support[a]] == 0.0
    if grow:
        for j in range(f.k):
            n_in += f.w[j] != 0.0 and f.place[j] < 0
    if f.m - n_out + n_in > f.capacity:
        n_in = f.capacity - f.m + n_out
    # a change costs about m^2 memory-bound steps, a fresh factorization m^3 / 3 fast ones
    if CHANGE_COST * (n_in + n_out) > f.m + n_in + 2 * CHANGE_COST:
        for a in range(f.m):
            f.place[f.support[a]] = -1
            if f.w[f.support[a]] != 0.0:
                f.support[kept] = f.support[a]
                f.place[f.support[kept]] = kept
                kept += 1
            # a column that has left keeps place -1
        f.m = kept
        for j in range(f.k):
            if grow and f.w[j] != 0.0 and f.place[j] < 0 and f.m < f.capacity:
                f.support[f.m] = j
                f.m += 1
        for a in range(f.m):
            f.place[f.support[a]] = -1
        rebuild(f, grow)
        return
    for a in range(f.m - 1, -1, -1):
        if f.w[f.support[a]] == 0.0:
            drop(f, a)
            f.updated += 1
    if n_in:
        for j in range(f.k):
            if f.w[j] != 0.0 and f.place[j] < 0:
                f.updated += 1
                if not append(f, j):
                    untangle(f, j)
        for a in range(f.m - 1, -1, -1):  # untangling may have emptied some
            if f.w[f.support[a]] == 0.0:
                drop(f, a)


cdef inline double face_decrease(Face* f) noexcept nogil:
    """Decrease of the objective for the change f.change of the support, and f.next = H f.change, by H = R'R."""
    cdef Py_ssize_t a
    cdef double z, linear = 0.0, square = 0.0
    for a in range(f.m):
        f.next[a] = 0.0
    for a in range(f.m):
        z = f.simd.dot_f64(f.R + a * f.capacity + a, f.change + a, f.m - a)
        square += z * z
        f.simd.axpy_f64(z, f.R + a * f.capacity + a, f.next + a, f.m - a)
        linear += f.slope[f.support[a]] * f.change[a]
    return linear - 0.5 * square


cdef inline Py_ssize_t newton(Face* f) noexcept nogil:
    """Go to the minimiser on the face of the current signs, leaving coordinates at zero where their sign would flip.

    Returns the number of coordinates set to zero on the way, -1 when there was nothing to do.  Only the slopes of the
    support are followed on the way; q is brought up to date once, at the end.
    """
    cdef Py_ssize_t a, j, first, flips, zeroed = 0, _steps
    cdef double cut, value, quadratic = 0.0, together, alone, along
    for j in range(f.k):
        f.before[j] = f.w[j]
    follow(f, True)
    for a in range(f.m):
        j = f.support[a]
        f.slope[j] = f.q[j] - f.mu * f.w[j] - (f.lam[j] if f.w[j] > 0.0 else -f.lam[j])
    for _steps in range(4 * f.k + 10 if f.m > 0 else 0):
        for a in range(f.m):
            f.step[a] = f.slope[f.support[a]]
        factor_solve(&f.simd, f.R, f.capacity, f.m, f.step)
        f.solves += 1
        first, flips, cut, along = -1, 0, 1.0, 0.0
        for a in range(f.m):
            j = f.support[a]
            value = f.w[j] + f.step[a]
            along += f.slope[j] * f.step[a]
            f.change[a] = f.step[a]
            if value * f.w[j] <= 0.0 and (f.lam[j] > 0.0 or f.positive):
                flips += 1
                f.change[a] = -f.w[j]
                value = -f.w[j] / f.step[a] if f.step[a] != 0.0 else 0.0
                if value < cut or first < 0:
                    cut = value
                    first = a
        if flips == 0:
            for a in range(f.m):
                f.w[f.support[a]] += f.step[a]
            break
        # all flipped coordinates to zero at once, or up to the first flip: whichever lowers the objective more
        alone = (cut - 0.5 * cut * cut) * along
        together = face_decrease(f) if flips > 1 else -1.0
        if together > alone:
            for a in range(f.m):
                j = f.support[a]
                f.w[j] = 0.0 if f.change[a] == -f.w[j] else f.w[j] + f.change[a]
                f.slope[j] -= f.next[a]
        else:
            for a in range(f.m):
                j = f.support[a]
                f.w[j] += cut * f.step[a]
                f.slope[j] -= cut * f.slope[j]
            f.w[f.support[first]] = 0.0
            flips = 1
        zeroed += flips
        follow(f, False)
        if f.m == 0:
            break
    for j in range(f.k):
        f.change[j] = 0.0
    for j in range(f.k):
        value = f.w[j] - f.before[j]
        if value != 0.0:
            f.simd.axpy_f64(value, f.G + j * f.ld, f.change, f.k)
    for j in range(f.k):
        value = f.w[j] - f.before[j]
        if value != 0.0:
            quadratic += value * (2.0 * f.q[j] - f.change[j])
    f.rr -= quadratic
    for j in range(f.k):
        f.q[j] -= f.change[j]
    return zeroed
