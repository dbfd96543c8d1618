"""Kernels of block coordinate descent: scores of coordinates, the best tau of them, a heap, small block problems.

The penalties of all kernels are  lam_j |x_j|  within  low_j <= x_j <= high_j;  a ridge part belongs to the smooth
function.  Lower indices win ties, so that results are repeatable.
"""

from libc.math cimport fabs, sqrt

import numpy as np

ctypedef fused index_t:
    int
    long long

cdef enum:
    GS = 0    # g^2
    GSD = 1   # g^2 / d
    GS_S = 2  # squared distance of -g to the subdifferential
    GS_R = 3  # squared length of the proximal step
    GS_Q = 4  # decrease that the proximal step promises
    TILE = 1024

RULES = {"gs": GS, "gsd": GSD, "gs-s": GS_S, "gs-r": GS_R, "gs-q": GS_Q}


cdef inline double prox(double v, double cut, double low, double high) noexcept nogil:
    """Minimiser of cut |u| + (u - v)^2 / 2 over [low, high]."""
    if v > cut:
        v -= cut
    elif v < -cut:
        v += cut
    else:
        v = 0.0
    if v < low:
        return low
    return high if v > high else v


cdef inline double subgradient(double x, double g, double lam, double low, double high) noexcept nogil:
    """Distance of -g to the subdifferential of lam |.| on [low, high] at x."""
    cdef double right = g + (lam if x >= 0.0 else -lam)   # one-sided derivatives
    cdef double left = g + (lam if x > 0.0 else -lam)
    if x < high and right < 0.0:
        return -right
    if x > low and left > 0.0:
        return left
    return 0.0


cdef inline double score(int rule, double x, double g, double d, double lam, double low, double high) noexcept nogil:
    cdef double step
    if not d > 0.0 or low >= high:  # an empty column or a fixed coordinate: nothing can be gained
        return -1.0
    if rule == GS:
        return g * g
    if rule == GSD:
        return g * g / d
    if rule == GS_S:
        step = subgradient(x, g, lam, low, high)
        return step * step
    step = prox(x - g / d, lam / d, low, high) - x
    if rule == GS_R:
        return step * step
    step = -(g * step + 0.5 * d * step * step + lam * (fabs(x + step) - fabs(x)))
    return step if step > 0.0 else 0.0


cdef object same(str names, Py_ssize_t expected, tuple sizes):
    for name, size in zip(names.split(", "), sizes, strict=True):
        if size != expected:
            raise ValueError(f"{name} has {size} entries, expected {expected}")


def scores(int rule, const double[::1] x, double[::1] g, const double[::1] d, const double[::1] lam,
           const double[::1] low, const double[::1] high, double[::1] out, const double[:, ::1] rows=None,
           const double[::1] steps=None):
    """Write the score of every coordinate to `out`.

    With `rows` (k x p) and `steps` (k), rows' steps is first added to g: tile by tile, while g is at hand.
    """
    cdef Py_ssize_t p = x.shape[0], tile, first, last, j, k, n_rows = 0
    cdef double a
    same("g, d, lam, low, high, out", p, (g.shape[0], d.shape[0], lam.shape[0], low.shape[0], high.shape[0], out.shape[0]))
    if rows is not None:
        n_rows = rows.shape[0]
        if rows.shape[1] != p or steps is None or steps.shape[0] != n_rows:
            raise ValueError("rows and steps do not fit each other")
    with nogil:
        for tile in range((p + TILE - 1) // TILE):
            first = tile * TILE
            last = min(first + TILE, p)
            for k in range(n_rows):
                a = steps[k]
                for j in range(first, last):
                    g[j] += a * rows[k, j]
            for j in range(first, last):
                out[j] = score(rule, x[j], g[j], d[j], lam[j], low[j], high[j])


def scores_at(int rule, const Py_ssize_t[::1] cols, const double[::1] x, const double[::1] g, const double[::1] d,
              const double[::1] lam, const double[::1] low, const double[::1] high, double[::1] out):
    """Write the scores of some coordinates to out[cols]."""
    cdef Py_ssize_t p = x.shape[0], k, j
    same("g, d, lam, low, high, out", p, (g.shape[0], d.shape[0], lam.shape[0], low.shape[0], high.shape[0], out.shape[0]))
    for k in range(cols.shape[0]):
        j = cols[k]
        if not 0 <= j < p:
            raise ValueError(f"index {j} is outside 0..{p - 1}")
        out[j] = score(rule, x[j], g[j], d[j], lam[j], low[j], high[j])


def prox_steps(const double[::1] x, const double[::1] g, const double[::1] d, const double[::1] lam,
               const double[::1] low, const double[::1] high):
    """Return the proximal step of every coordinate; zero where d is not positive."""
    cdef Py_ssize_t j, p = x.shape[0]
    same("g, d, lam, low, high", p, (g.shape[0], d.shape[0], lam.shape[0], low.shape[0], high.shape[0]))
    result = np.zeros(p)
    cdef double[::1] out = result
    for j in range(p):
        if d[j] > 0.0:
            out[j] = prox(x[j] - g[j] / d[j], lam[j] / d[j], low[j], high[j]) - x[j]
    return result


def violations(const double[::1] x, const double[::1] g, const double[::1] lam, const double[::1] low,
               const double[::1] high):
    """Return the distance of -g to the subdifferential of the penalty, for every coordinate."""
    cdef Py_ssize_t j, p = x.shape[0]
    same("g, lam, low, high", p, (g.shape[0], lam.shape[0], low.shape[0], high.shape[0]))
    result = np.empty(p)
    cdef double[::1] out = result
    for j in range(p):
        out[j] = subgradient(x[j], g[j], lam[j], low[j], high[j])
    return result


# ------------------------------------------------------------------ the best tau

cdef inline bint before(const double* key, const char* free, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    """Whether coordinate a goes before b: higher score, then off the kink, then lower index."""
    if key[a] != key[b]:
        return key[a] > key[b]
    if free[a] != free[b]:
        return free[a] > free[b]
    return a < b


def top(const double[::1] key, const char[::1] free, Py_ssize_t count):
    """Return the indices of the `count` best keys in increasing order; ties: `free` first, then lower index."""
    cdef Py_ssize_t p = key.shape[0], low = 0, high = p - 1, i, j, pivot, kept
    cdef unsigned long long state = 88172645463325252ULL
    if free.shape[0] != p:
        raise ValueError(f"free has {free.shape[0]} entries, key has {p}")
    count = max(0, min(count, p))
    order = np.arange(p, dtype=np.intp)
    if count == 0 or count == p:
        return order[:count]
    cdef Py_ssize_t[::1] at = order
    with nogil:
        while low < high:
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            pivot = at[low + <Py_ssize_t> (state % <unsigned long long> (high - low + 1))]
            i, j = low, high
            while i <= j:
                while before(&key[0], &free[0], at[i], pivot):
                    i += 1
                while before(&key[0], &free[0], pivot, at[j]):
                    j -= 1
                if i <= j:
                    kept = at[i]
                    at[i] = at[j]
                    at[j] = kept
                    i += 1
                    j -= 1
            if count - 1 <= j:
                high = j
            elif count - 1 >= i:
                low = i
            else:
                break
    return np.sort(order[:count])


def block_sums(const double[::1] values, const Py_ssize_t[::1] members, const Py_ssize_t[::1] starts, double[::1] out,
               const Py_ssize_t[::1] blocks=None):
    """Sum non-negative values over blocks: block k holds members[starts[k]:starts[k+1]]; all blocks or some."""
    cdef Py_ssize_t i, k, m, count, n_blocks = starts.shape[0] - 1
    cdef double total
    if out.shape[0] != n_blocks or starts[n_blocks] > members.shape[0]:
        raise ValueError("blocks and output do not fit each other")
    count = n_blocks if blocks is None else blocks.shape[0]
    for i in range(count):
        k = i if blocks is None else blocks[i]
        if not 0 <= k < n_blocks:
            raise ValueError(f"block {k} is outside 0..{n_blocks - 1}")
        total = 0.0
        for m in range(starts[k], starts[k + 1]):
            if not 0 <= members[m] < values.shape[0]:
                raise ValueError(f"member {members[m]} is outside 0..{values.shape[0] - 1}")
            if values[members[m]] > 0.0:
                total += values[members[m]]
        out[k] = total


cdef class Heap:
    """Binary max-heap over 0..n-1 with the position of every item, so that keys can change; lower index wins ties."""

    cdef double[::1] key
    cdef Py_ssize_t[::1] heap, place
    cdef readonly Py_ssize_t size

    def __init__(self, const double[::1] keys):
        cdef Py_ssize_t i
        self.size = keys.shape[0]
        self.key = np.array(keys, dtype=np.float64)
        self.heap = np.arange(self.size, dtype=np.intp)
        self.place = np.arange(self.size, dtype=np.intp)
        for i in range(self.size // 2 - 1, -1, -1):
            self.sink(i)

    cdef bint above(self, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        return self.key[a] > self.key[b] or (self.key[a] == self.key[b] and a < b)

    cdef void put(self, Py_ssize_t at, Py_ssize_t item) noexcept nogil:
        self.heap[at] = item
        self.place[item] = at

    cdef void rise(self, Py_ssize_t at) noexcept nogil:
        cdef Py_ssize_t item = self.heap[at], up
        while at > 0:
            up = (at - 1) // 2
            if not self.above(item, self.heap[up]):
                break
            self.put(at, self.heap[up])
            at = up
        self.put(at, item)

    cdef void sink(self, Py_ssize_t at) noexcept nogil:
        cdef Py_ssize_t item = self.heap[at], down
        while True:
            down = 2 * at + 1
            if down >= self.size:
                break
            if down + 1 < self.size and self.above(self.heap[down + 1], self.heap[down]):
                down += 1
            if not self.above(self.heap[down], item):
                break
            self.put(at, self.heap[down])
            at = down
        self.put(at, item)

    def update(self, const Py_ssize_t[::1] items, const double[::1] keys):
        """Set key[i] = keys[i] for the given items; `keys` covers all items."""
        cdef Py_ssize_t k, i
        if keys.shape[0] != self.size:
            raise ValueError(f"keys has {keys.shape[0]} entries, the heap {self.size}")
        for k in range(items.shape[0]):
            i = items[k]
            if not 0 <= i < self.size:
                raise ValueError(f"item {i} is outside 0..{self.size - 1}")
            if keys[i] > self.key[i]:
                self.key[i] = keys[i]
                self.rise(self.place[i])
            elif keys[i] < self.key[i]:
                self.key[i] = keys[i]
                self.sink(self.place[i])

    def best(self):
        """Return (item, key) at the top."""
        if self.size == 0:
            raise ValueError("the heap is empty")
        return self.heap[0], self.key[self.heap[0]]


# ------------------------------------------------------------------ sparse gradients

def add_rows(const index_t[::1] indptr, const index_t[::1] indices, const double[::1] data,
             const Py_ssize_t[::1] rows, const double[::1] factors, double[::1] out, char[::1] mark,
             Py_ssize_t[::1] touched):
    """Add factors_k * row_k of a CSR matrix to `out`; return how many entries of `out` changed, listed in `touched`.

    `mark` must be zero on entry and is zero on return.
    """
    cdef Py_ssize_t p = out.shape[0], n = indptr.shape[0] - 1, k, e, i, count = 0
    cdef double a
    if rows.shape[0] != factors.shape[0] or mark.shape[0] < p or touched.shape[0] < p:
        raise ValueError("rows, factors and workspaces do not fit each other")
    if data.shape[0] < indptr[n] or indices.shape[0] < indptr[n]:
        raise ValueError("the matrix is broken")
    for k in range(rows.shape[0]):
        if not 0 <= rows[k] < n:
            raise ValueError(f"row {rows[k]} is outside 0..{n - 1}")
        a = factors[k]
        for e in range(indptr[rows[k]], indptr[rows[k] + 1]):
            i = indices[e]
            if not 0 <= i < p:
                raise ValueError(f"index {i} is outside 0..{p - 1}")
            out[i] += a * data[e]
            if not mark[i]:
                mark[i] = 1
                touched[count] = i
                count += 1
    for k in range(count):
        mark[touched[k]] = 0
    return count


# ------------------------------------------------------------------ the block problem

def block_descent(const double[:, ::1] H, double[::1] g, double[::1] x, const double[::1] lam, const double[::1] low,
                  const double[::1] high, Py_ssize_t sweeps, double tol):
    """Cyclic coordinate descent on g'd + d'Hd/2 + lam'|x + d| within bounds; x and g (kept exact) change in place.

    Return the largest step of the last sweep, each in the scale of its own curvature: sqrt(H_jj) |step|.
    """
    cdef Py_ssize_t m = x.shape[0], _, j, i
    cdef double step, largest = 0.0, size, d
    same("g, lam, low, high", m, (g.shape[0], lam.shape[0], low.shape[0], high.shape[0]))
    if H.shape[0] != m or H.shape[1] != m:
        raise ValueError(f"H has shape {(H.shape[0], H.shape[1])}, expected {(m, m)}")
    with nogil:
        for _ in range(sweeps):
            largest = 0.0
            for j in range(m):
                d = H[j, j]
                if not d > 0.0:
                    continue
                step = prox(x[j] - g[j] / d, lam[j] / d, low[j], high[j]) - x[j]
                if step != 0.0:
                    x[j] += step
                    for i in range(m):
                        g[i] += step * H[j, i]
                    size = sqrt(d) * fabs(step)
                    if size > largest:
                        largest = size
            if largest <= tol:
                break
    return largest
