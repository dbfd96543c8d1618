"""Separable penalties, convex or not, on a Gram matrix: exact coordinate steps that end in Newton steps.

    minimise over w   1/2 r'Sr + total sum_j g_j(w_j),     r = y - X w,  G = X'SX,  q = X'Sr

Rounds of two steps:

1. a sweep over all coordinates, each of which goes to its minimiser, also where that is not a convex problem;
2. sweeps over the coefficients in use alone, on their own block of G, which fits the cache, then a step to the minimiser
   over them as far as their pieces of the penalty reach.

The objective never rises. When no step of a whole sweep gains more than asked for, every coefficient is a minimiser given
the others.
"""

from libc.math cimport INFINITY, fabs, isfinite
from libc.stdlib cimport free, realloc

from sparseopt._ext._blas cimport cholesky, cholesky_solve
from sparseopt._ext._scalar_penalty cimport (
    coordinate_gain, penalty_curvature, penalty_slope, penalty_value, prox_of,
)
from sparseopt._ext._simd cimport so_simd_choose

cdef enum:
    SWEEPS = 30  # over the coefficients in use, between two Newton steps
    HALVINGS = 4

cdef double SETTLED = 1e-3  # the coefficients in use are settled at this share of what a whole sweep gained in a step


cdef class GramSeparable:
    """Solver with working memory of its own.

    Parameters
    ----------
    kind : int
        Formula of the penalty, see `_separable.KINDS`.
    total : float
        Multiplies the penalty.
    positive : bool
    max_support : int
        Blocks of more coefficients are not formed: sweeps on G go on alone.

    Attributes
    ----------
    sweeps, factorizations : int
    """

    def __init__(self, int kind, double total, bint positive, Py_ssize_t max_support):
        self.kind, self.total, self.positive, self.max_support = kind, total, positive, max_support
        self.simd = so_simd_choose()

    def __dealloc__(self):
        free(self.memory)
        free(self.support)

    def solve(self, const double[:, ::1] G, double[::1] w, double[::1] q, const double[::1] lam, const double[::1] gam,
              double tol, Py_ssize_t max_rounds):
        """Lower the objective, changing w and q in place, until no step gains more than `tol`; return the largest gain.

        Parameters
        ----------
        G : ndarray
            The matrix in its leading k rows and columns.
        w, q : ndarray of shape (k,)
            Coefficients and X'S(y - X w).
        lam, gam : ndarray of shape (k,)
            Levels and shapes of the penalty.
        """
        cdef Py_ssize_t k = w.shape[0]
        cdef Side side
        cdef double worst
        if G.shape[0] < k or G.shape[1] < k or not q.shape[0] == lam.shape[0] == gam.shape[0] == k:
            raise ValueError(f"shapes disagree: G {G.shape[0]} x {G.shape[1]}, w {k}, q {q.shape[0]}, "
                             f"levels {lam.shape[0]}, shapes {gam.shape[0]}")
        if k == 0:
            return 0.0
        side.G, side.ld, side.k, side.w, side.q, side.lam, side.gam = (
            &G[0, 0], G.shape[1], k, &w[0], &q[0], &lam[0], &gam[0])
        with nogil:
            worst = self.run(&side, tol, max_rounds)
        if worst < 0.0:
            raise MemoryError("no memory for the working arrays of a descent")
        return worst

    cdef bint reserve(self, Py_ssize_t k, Py_ssize_t m) noexcept nogil:
        """Make room for names of k coefficients, twice, and for blocks of m of them; False without memory."""
        cdef void* larger
        if k > self.support_room:
            larger = realloc(self.support, 2 * k * sizeof(Py_ssize_t))
            if larger == NULL:
                return False
            self.support, self.support_room = <Py_ssize_t*> larger, k
        if m > self.room:
            m += m // 4
            larger = realloc(self.memory, (2 * m + 7) * m * sizeof(double))
            if larger == NULL:
                return False
            self.memory, self.room = <double*> larger, m
        return True

    cdef double sweep(self, Side* side, bint used_only) noexcept nogil:
        """Minimise over every coordinate in turn; return the largest gain of a step."""
        cdef Py_ssize_t j
        cdef double z, gain, curvature, worst = 0.0, old
        self.sweeps += 1
        for j in range(side.k):
            old = side.w[j]
            curvature = side.G[j * side.ld + j]
            if curvature <= 0.0 or (used_only and old == 0.0):
                continue
            z = old + side.q[j] / curvature
            z = prox_of(self.kind, side.lam[j], side.gam[j], z, self.total / curvature, self.positive)
            if z == old:
                continue
            gain = coordinate_gain(self.kind, side.lam[j], side.gam[j], old, z, side.q[j], curvature, self.total)
            if gain <= 0.0:  # a tie, or rounding
                continue
            worst = max(worst, gain)
            side.w[j] = z
            self.simd.axpy_f64(old - z, side.G + j * side.ld, side.q, side.k)
        return worst

    cdef bint newton(self, Side* block, double* H, double* d, double* change) noexcept nogil:
        """Step to the minimiser over the non-zero coefficients, as far as their pieces reach and the objective falls.

        False, with nothing changed, where the objective is not convex on these pieces.
        """
        cdef Py_ssize_t a, b, i, m = 0, _attempt
        cdef Py_ssize_t* used = self.support + self.support_room
        cdef double step = 1.0, square = 0.0, slope = 0.0, size, before = 0.0, after
        for i in range(block.k):
            change[i] = 0.0
            if block.w[i] != 0.0:
                used[m] = i
                m += 1
        if m == 0:
            return False
        for a in range(m):
            i = used[a]
            for b in range(m):
                H[a * m + b] = block.G[i * block.ld + used[b]]
            size = fabs(block.w[i])
            H[a * m + a] += self.total * penalty_curvature(self.kind, block.lam[i], block.gam[i], size)
            size = self.total * penalty_slope(self.kind, block.lam[i], block.gam[i], size)
            d[a] = block.q[i] - (size if block.w[i] > 0.0 else -size)
        self.factorizations += 1
        if cholesky(m, H, m) != 0:
            return False
        cholesky_solve(m, H, m, d)
        for a in range(m):
            i = used[a]
            if not isfinite(d[a]):
                return False
            if d[a] * block.w[i] < 0.0:
                step = min(step, -0.999 * block.w[i] / d[a])
            before += penalty_value(self.kind, block.lam[i], block.gam[i], block.w[i])
            slope += block.q[i] * d[a]
            self.simd.axpy_f64(d[a], block.G + i * block.ld, change, block.k)
        for a in range(m):
            square += d[a] * change[used[a]]
        for _attempt in range(HALVINGS):
            after = 0.0
            for a in range(m):
                i = used[a]
                after += penalty_value(self.kind, block.lam[i], block.gam[i], block.w[i] + step * d[a])
            if -step * slope + 0.5 * step * step * square + self.total * (after - before) < 0.0:
                for a in range(m):
                    block.w[used[a]] += step * d[a]
                for i in range(block.k):
                    block.q[i] -= step * change[i]
                return True
            step *= 0.5
        return False

    cdef int on_support(self, Side* side, double tol, Py_ssize_t max_sweeps) noexcept nogil:
        """Descend over the coefficients in use on their own block of G, then bring q up to date; -1 without memory."""
        cdef Py_ssize_t a, b, j, m = 0, done = 0
        cdef double* G
        cdef double* start
        cdef double* lam
        cdef double* gam
        cdef const double* row
        cdef Side block
        for j in range(side.k):
            if side.w[j] != 0.0 and side.G[j * side.ld + j] > 0.0:
                self.support[m] = j
                m += 1
        if m == 0:
            return 0
        if m > self.max_support:
            while done < max_sweeps and self.sweep(side, True) > tol:
                done += 1
            return 0
        if not self.reserve(side.k, m):
            return -1
        G = self.memory
        start = G + 2 * m * m
        lam, gam = start + m, start + 2 * m
        block.G, block.ld, block.k, block.lam, block.gam = G, m, m, lam, gam
        block.w, block.q = start + 3 * m, start + 4 * m
        for a in range(m):
            j = self.support[a]
            row = side.G + j * side.ld
            for b in range(m):
                G[a * m + b] = row[self.support[b]]
            start[a], lam[a], gam[a] = side.w[j], side.lam[j], side.gam[j]
            block.w[a], block.q[a] = side.w[j], side.q[j]
        while done < max_sweeps:
            done += 1
            if self.sweep(&block, done > 1) <= tol:
                break
        else:
            self.newton(&block, G + m * m, start + 5 * m, start + 6 * m)
        for a in range(m):
            j = self.support[a]
            if block.w[a] != start[a]:
                side.w[j] = block.w[a]
                self.simd.axpy_f64(start[a] - block.w[a], side.G + j * side.ld, side.q, side.k)
        return 0

    cdef double run(self, Side* side, double tol, Py_ssize_t max_rounds) noexcept nogil:
        """The same as `solve`, for k >= 1 coefficients; negative without memory."""
        cdef Py_ssize_t _round
        cdef double worst = INFINITY
        if not self.reserve(side.k, 0):
            return -1.0
        for _round in range(max_rounds):
            worst = self.sweep(side, False)
            if worst <= tol:
                break
            if self.on_support(side, max(tol, SETTLED * worst), SWEEPS) != 0:
                return -1.0
        return worst
