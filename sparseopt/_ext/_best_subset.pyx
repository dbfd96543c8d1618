"""Best subsets of k columns on a Gram matrix: exact gains of adding, removing and exchanging columns.

    minimise over supports S of size k and w_S    1/2 r'Sr + ridge/2 ||w||^2,     r = y - X_S w_S

For the current support the state holds w, A = (G_SS)^-1, B = A G_S: (one row a member), and for every column its
correlation c = X'Sr with the residual and its squared norm d outside the span of the support.  Then

    adding j              gains  c_j^2 / (2 d_j)
    removing i            costs  w_i^2 / (2 A_ii)
    exchanging i for j    gains  (c_j + B_ij w_i / A_ii)^2 / (2 (d_j + B_ij^2 / A_ii)) - w_i^2 / (2 A_ii)

all exact, so that all k K exchanges are compared in O(k K), and one of them costs O(k K) too.
"""

from libc.string cimport memcpy

import numpy as np

from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef double DEPENDENT = 1e-9  # a column with less than this share of its norm outside the span of others is left out

cdef enum:
    REBUILD = 100  # changes after which the state is computed afresh


cdef class SubsetSearch:
    """A support and its neighbours; columns are numbered as in the Gram matrix."""

    cdef const double[:, ::1] G
    cdef const double[::1] q
    cdef double[::1] c, d, norm, v, w
    cdef double[:, ::1] A, B
    cdef Py_ssize_t[::1] S, place, order
    cdef Py_ssize_t K, capacity, changes
    cdef readonly Py_ssize_t size, exchanges
    cdef double null, fit

    def __init__(self, const double[:, ::1] G, const double[::1] q, double null, double ridge, Py_ssize_t capacity):
        cdef Py_ssize_t j
        self.K = q.shape[0]
        if G.shape[0] < self.K or G.shape[1] < self.K:
            raise ValueError(f"the Gram matrix is {G.shape[0]} x {G.shape[1]}, q has {self.K} entries")
        capacity = max(1, min(capacity, self.K))
        self.G, self.q, self.null, self.capacity = G, q, null, capacity
        self.norm = np.empty(self.K)
        for j in range(self.K):
            self.norm[j] = G[j, j] + ridge
        self.c, self.d, self.v = np.empty(self.K), np.empty(self.K), np.empty(self.K)
        self.w = np.zeros(capacity)
        self.A, self.B = np.zeros((capacity, capacity)), np.zeros((capacity, self.K))
        self.S, self.order = np.zeros(capacity, dtype=np.intp), np.zeros(capacity, dtype=np.intp)
        self.place = np.zeros(self.K, dtype=np.intp)
        self.exchanges = 0
        self.clear()

    cdef void clear(self) noexcept nogil:
        cdef Py_ssize_t j
        self.size = 0
        self.fit = 0.0
        self.changes = 0
        for j in range(self.K):
            self.c[j] = self.q[j]
            self.d[j] = self.norm[j]
            self.place[j] = -1

    cdef inline bint free(self, Py_ssize_t j) noexcept nogil:
        """Whether column j may join: not a member, and not in the span of the members."""
        return self.place[j] < 0 and self.d[j] > DEPENDENT * self.norm[j]

    cdef bint add(self, Py_ssize_t j) noexcept nogil:
        cdef Py_ssize_t m = self.size, a, e
        cdef double pivot, step, b
        if m >= self.capacity or not self.free(j):
            return False
        pivot = self.d[j]
        step = self.c[j] / pivot
        memcpy(&self.v[0], &self.G[j, 0], self.K * sizeof(double))
        for a in range(m):
            SIMD.axpy_f64(-self.B[a, j], &self.G[self.S[a], 0], &self.v[0], self.K)
        for a in range(m):
            self.v[self.S[a]] = 0.0
        self.v[j] = pivot
        for a in range(m):
            b = self.B[a, j]
            self.w[a] -= b * step
            for e in range(m):
                self.A[a, e] += b * self.B[e, j] / pivot
            self.A[a, m] = -b / pivot
            self.A[m, a] = -b / pivot
        self.A[m, m] = 1.0 / pivot
        self.w[m] = step
        for a in range(m):
            b = self.B[a, j]
            SIMD.axpy_f64(-b / pivot, &self.v[0], &self.B[a, 0], self.K)
        for e in range(self.K):
            self.B[m, e] = self.v[e] / pivot
            self.d[e] -= self.v[e] * self.B[m, e]
            self.c[e] -= self.v[e] * step
        for a in range(m):
            self.c[self.S[a]] = 0.0
        self.c[j] = 0.0
        self.d[j] = 0.0
        self.fit += 0.5 * step * step * pivot
        self.S[m] = j
        self.place[j] = m
        self.size += 1
        self.changes += 1
        return True

    cdef void remove(self, Py_ssize_t i) noexcept nogil:
        """Remove the member at place i."""
        cdef Py_ssize_t m = self.size, last = m - 1, a, e, j = self.S[i]
        cdef double pivot = self.A[i, i], step = self.w[i], ratio
        for e in range(self.K):
            self.d[e] += self.B[i, e] * self.B[i, e] / pivot
            self.c[e] += self.B[i, e] * step / pivot
        for a in range(m):
            if a != i:
                ratio = self.A[a, i] / pivot
                self.w[a] -= ratio * step
                SIMD.axpy_f64(-ratio, &self.B[i, 0], &self.B[a, 0], self.K)
        for a in range(m):
            if a != i:
                ratio = self.A[a, i] / pivot
                for e in range(m):
                    if e != i:
                        self.A[a, e] -= ratio * self.A[i, e]
        self.fit -= 0.5 * step * step / pivot
        self.place[j] = -1
        if i != last:  # the last member takes the empty place
            self.S[i] = self.S[last]
            self.place[self.S[i]] = i
            self.w[i] = self.w[last]
            memcpy(&self.B[i, 0], &self.B[last, 0], self.K * sizeof(double))
            for e in range(m):
                self.A[i, e] = self.A[last, e]
            for e in range(m):
                self.A[e, i] = self.A[e, last]
            self.A[i, i] = self.A[last, last]
        self.size -= 1
        self.changes += 1

    cdef void rebuild(self) noexcept nogil:
        """Compute the state of the current support afresh, which takes the rounding errors away."""
        cdef Py_ssize_t m = self.size, a
        for a in range(m):
            self.order[a] = self.S[a]
        self.clear()
        for a in range(m):
            self.add(self.order[a])
        self.changes = 0

    cdef Py_ssize_t best_addition(self, Py_ssize_t barred) noexcept nogil:
        cdef Py_ssize_t j, found = -1
        cdef double most = 0.0, gain
        for j in range(self.K):
            if j != barred and self.free(j):
                gain = self.c[j] * self.c[j] / self.d[j]
                if gain > most:
                    most = gain
                    found = j
        return found

    cdef Py_ssize_t cheapest(self) noexcept nogil:
        cdef Py_ssize_t a, found = -1
        cdef double least = 0.0, cost
        for a in range(self.size):
            cost = self.w[a] * self.w[a] / self.A[a, a]
            if found < 0 or cost < least:
                least = cost
                found = a
        return found

    cdef double best_exchange(self, Py_ssize_t* out, Py_ssize_t* joins) noexcept nogil:
        """The most that an exchange gains, the place of who leaves, and who joins."""
        cdef Py_ssize_t a, j
        cdef double most = 0.0, cost, shift, inverse, num, den, gain
        for a in range(self.size):
            inverse = 1.0 / self.A[a, a]
            shift = self.w[a] * inverse
            cost = self.w[a] * shift
            for j in range(self.K):
                num = self.c[j] + self.B[a, j] * shift
                den = self.d[j] + self.B[a, j] * self.B[a, j] * inverse
                gain = num * num - (cost + most) * den
                if gain > 0.0 and self.place[j] < 0 and den > DEPENDENT * self.norm[j]:
                    most = num * num / den - cost
                    out[0] = a
                    joins[0] = j
        return 0.5 * most

    cdef void exchange_all(self, double tol) noexcept nogil:
        """Make the best exchange until none gains more than `tol`."""
        cdef Py_ssize_t out = 0, joins = 0, _round
        for _round in range(10000):
            if self.changes > REBUILD:
                self.rebuild()
            if self.best_exchange(&out, &joins) <= tol:
                break
            self.remove(out)
            self.exchanges += 1
            if not self.add(joins):
                break

    def load(self, const Py_ssize_t[::1] support):
        """Make these columns the support, as far as they are independent."""
        cdef Py_ssize_t a
        for a in range(support.shape[0]):
            if not 0 <= support[a] < self.K:
                raise ValueError(f"column {support[a]} is outside 0..{self.K - 1}")
        with nogil:
            self.clear()
            for a in range(support.shape[0]):
                self.add(support[a])

    def resize(self, Py_ssize_t k, double tol, bint exchange=True):
        """Add the best or remove the cheapest, one by one, with exchanges after each, until k columns are members."""
        cdef Py_ssize_t j
        with nogil:
            while self.size != k:
                if self.size < k:
                    j = self.best_addition(-1)
                    if j < 0 or not self.add(j):
                        break
                else:
                    self.remove(self.cheapest())
                if exchange:
                    self.exchange_all(tol)

    def exchange(self, double tol):
        """Make the best exchange until none gains more than `tol`."""
        with nogil:
            self.exchange_all(tol)

    cdef void restore(self, const double[:, ::1] B, const double[:, ::1] A, const double[:, ::1] cd,
                      const Py_ssize_t[::1] S, const double[::1] w, double fit) noexcept nogil:
        """Go back to a saved state."""
        cdef Py_ssize_t m = S.shape[0], a
        for a in range(self.size):
            self.place[self.S[a]] = -1
        self.size = m
        self.fit = fit
        self.changes = 0
        memcpy(&self.c[0], &cd[0, 0], self.K * sizeof(double))
        memcpy(&self.d[0], &cd[1, 0], self.K * sizeof(double))
        for a in range(m):
            self.S[a] = S[a]
            self.place[S[a]] = a
            self.w[a] = w[a]
            memcpy(&self.A[a, 0], &A[a, 0], m * sizeof(double))
            memcpy(&self.B[a, 0], &B[a, 0], self.K * sizeof(double))

    def kick(self, double tol, Py_ssize_t most):
        """Force members out, one or two at a time, descend from there, and keep what is better.

        At most `most` attempts, the cheapest members first; returns whether something better was found.
        """
        cdef Py_ssize_t m = self.size, first, second, j, e, attempt = 0
        cdef double fit
        cdef bint better = False
        if m == 0:
            return False
        self.rebuild()
        m = self.size
        fit = self.fit
        cdef const Py_ssize_t[::1] S = np.array(self.S[:m])
        cdef const double[::1] w = np.array(self.w[:m])
        cdef const double[:, ::1] A = np.array(self.A[:m, :m]), B = np.array(self.B[:m])
        cdef const double[:, ::1] cd = np.array([self.c, self.d])
        cost = np.square(w) / np.diagonal(A)
        cdef const Py_ssize_t[::1] ranks = np.argsort(cost, kind="stable")
        with nogil:
            for e in range(m * (m + 1) // 2):
                if attempt >= most:
                    break
                # single members first, then pairs in the order of their ranks
                first, second = e, -1
                if e >= m:
                    first, j = 1, e - m
                    while j >= first:
                        j -= first
                        first += 1
                    second = j
                attempt += 1
                self.remove(self.place[S[ranks[first]]])
                if second >= 0:
                    self.remove(self.place[S[ranks[second]]])
                j = self.best_addition(S[ranks[first]])
                if j >= 0:
                    self.add(j)
                while self.size < m:
                    j = self.best_addition(S[ranks[second]] if second >= 0 else -1)
                    if j < 0 or not self.add(j):
                        break
                self.exchange_all(tol)
                if self.size == m and self.fit > fit + tol:
                    better = True
                    break
                self.restore(B, A, cd, S, w, fit)
        return better

    def support(self):
        """Return the members in the order of places."""
        return np.array(self.S[: self.size])

    def coefficients(self):
        """Return the coefficients of the members, computed afresh."""
        self.rebuild()
        return np.array(self.w[: self.size])

    def objective(self):
        """Return the objective of the support."""
        return self.null - self.fit
