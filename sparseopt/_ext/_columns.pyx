"""Matrix by columns: what every kernel asks of a design.

A subclass knows how X is stored; this module owns what all storages share: implicit centring and scaling
(x_ij = factor_j (stored_ij - center_j), never formed), the division of work over threads, and the checks of
shapes.  Work is cut into tiles of columns or rows whose size does not depend on the number of threads, so that
results do not either.
"""

from cython.parallel cimport prange

import numpy as np

cdef enum:
    TILE = 64  # columns in a unit of work

cdef double GRAIN = 2e5  # multiplications that are worth a thread of their own

cdef double ROUNDING = 1e-13  # a variance below this share of the second moment is rounding error


cdef class Columns:
    """Abstract columns; see `DenseColumns` and `CscColumns`."""

    def set_transform(self, center, factor):
        """Set the implicit centre and scale factor of each column (None: 0 and 1)."""
        for name, value in (("center", center), ("factor", factor)):
            if value is not None and value.shape != (self.n_cols,):
                raise ValueError(f"{name} has shape {value.shape}, expected ({self.n_cols},)")
        self.centered = center is not None
        self.scaled = factor is not None
        if center is not None:
            self.center = center
        if factor is not None:
            self.factor = factor

    cdef double _center(self, Py_ssize_t j) noexcept nogil:
        return self.center[j] if self.centered else 0.0

    cdef double _factor(self, Py_ssize_t j) noexcept nogil:
        return self.factor[j] if self.scaled else 1.0

    cdef double entries(self, Py_ssize_t count) noexcept nogil:
        """Stored entries of so many columns, on average."""
        return <double> self.n_rows * count

    cdef int team(self, double work, int n_threads) noexcept nogil:
        """Threads worth starting for so many multiplications; results never depend on it."""
        if work < 2.0 * GRAIN or n_threads <= 1:
            return 1
        return n_threads if work / GRAIN >= n_threads else <int> (work / GRAIN)

    cdef double dot(self, Py_ssize_t j, const double* r) noexcept nogil:
        return 0.0

    cdef void axpy(self, Py_ssize_t j, double a, double* r) noexcept nogil:
        pass

    cdef void axpy_weighted(self, Py_ssize_t j, double a, const double* s, double* r) noexcept nogil:
        pass

    cdef void dot_tile(self, const Py_ssize_t* cols, Py_ssize_t first, Py_ssize_t count, const double* r,
                       double* out) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            out[k] = self.dot(cols[first + k] if cols != NULL else first + k, r)

    cdef int block_tile(self, Py_ssize_t first, Py_ssize_t count, const double* R, Py_ssize_t m,
                        double* out) noexcept nogil:
        return -1

    cdef void moments_tile(self, Py_ssize_t first, Py_ssize_t count, const double* s, const double* t,
                           Py_ssize_t reference, double* out) noexcept nogil:
        pass

    cdef double reference_value(self, Py_ssize_t j, Py_ssize_t reference) noexcept nogil:
        return 0.0

    cdef double stored(self, Py_ssize_t j) noexcept nogil:
        """Stored entries of a column."""
        return <double> self.n_rows

    cdef void products(self, const Py_ssize_t* cols, Py_ssize_t count, const double* r, double* out,
                       int n_threads) noexcept nogil:
        """out[k] = x_j'r for j = cols[k], or for all columns where `cols` is NULL."""
        cdef Py_ssize_t k, j, tile, n_tiles = (count + TILE - 1) // TILE
        cdef double total = 0.0
        n_threads = self.team(self.entries(count), n_threads)
        for tile in prange(n_tiles, schedule="static", num_threads=n_threads):
            self.dot_tile(cols, tile * TILE, min(TILE, count - tile * TILE), r, out + tile * TILE)
        if self.centered:
            for k in range(self.n_rows):
                total += r[k]
        if self.centered or self.scaled:
            for k in range(count):
                j = cols[k] if cols != NULL else k
                out[k] = self._factor(j) * (out[k] - self._center(j) * total)

    cdef int take_away(self, const Py_ssize_t* cols, Py_ssize_t count, const double* w, double* r,
                       int n_threads) noexcept nogil:
        """r -= X[:, cols] w; nonzero without memory."""
        cdef Py_ssize_t k, i, j
        cdef double a, shift = 0.0
        for k in range(count):
            j = cols[k]
            a = w[k] * self._factor(j)
            shift += a * self._center(j)
            self.axpy(j, -a, r)
        if self.centered:
            for i in range(self.n_rows):
                r[i] += shift
        return 0

    cdef int form_gram(self, const Py_ssize_t* cols, Py_ssize_t old, Py_ssize_t total, const double* s, double* G,
                       Py_ssize_t ld, int n_threads) noexcept nogil:
        """Fill rows and columns old..total of the symmetric G = X_c' S X_c; nonzero without memory."""
        return -1

    def check_columns(self, const Py_ssize_t[::1] cols):
        """Raise when an index lies outside the matrix."""
        cdef Py_ssize_t k
        for k in range(cols.shape[0]):
            if cols[k] < 0 or cols[k] >= self.n_cols:
                raise ValueError(f"column index {cols[k]} is outside 0..{self.n_cols - 1}")

    def rmatvec(self, const double[::1] r, const Py_ssize_t[::1] cols=None, int n_threads=1):
        """Return X[:, cols]' r, for all columns where `cols` is None."""
        if r.shape[0] != self.n_rows:
            raise ValueError(f"r has {r.shape[0]} entries, X has {self.n_rows} rows")
        cdef const Py_ssize_t* index = NULL
        cdef Py_ssize_t count = self.n_cols
        if cols is not None:
            self.check_columns(cols)
            count = cols.shape[0]
            if count:
                index = &cols[0]
        result = np.empty(count)
        cdef double[::1] out = result
        if count == 0:
            return result
        if self.n_rows == 0:
            result[:] = 0.0
            return result
        with nogil:
            self.products(index, count, &r[0], &out[0], n_threads)
        return result

    def stored_products(self, const double[::1] r, const Py_ssize_t[::1] cols):
        """Return x_j'r for the columns as stored, without centring and scaling."""
        cdef Py_ssize_t k
        if r.shape[0] != self.n_rows:
            raise ValueError(f"r has {r.shape[0]} entries, X has {self.n_rows} rows")
        self.check_columns(cols)
        result = np.zeros(cols.shape[0])
        cdef double[::1] out = result
        if self.n_rows:
            for k in range(cols.shape[0]):
                out[k] = self.dot(cols[k], &r[0])
        return result

    def rmatmat(self, R, int n_threads=1):
        """Return (X' R)' with shape (m, n_cols) for R of shape (n_rows, m), laid out as `block_order` says."""
        cdef Py_ssize_t m = R.shape[1], tile, n_tiles, k, j
        if R.shape[0] != self.n_rows:
            raise ValueError(f"R has {R.shape[0]} rows, X has {self.n_rows}")
        flat = np.ravel(np.asarray(R, dtype=np.float64, order=self.block_order), order=self.block_order)
        cdef const double[::1] block = flat
        result = np.empty((m, self.n_cols))
        cdef double[:, ::1] out = result
        cdef double[::1] totals = np.sum(R, axis=0) if self.centered else None
        cdef int failed = 0
        if m == 0 or self.n_cols == 0 or self.n_rows == 0:
            result[:] = 0.0
            return result
        n_tiles = (self.n_cols + TILE - 1) // TILE
        n_threads = self.team(self.entries(self.n_cols) * m, n_threads)
        with nogil:
            for tile in prange(n_tiles, schedule="static", num_threads=n_threads):
                failed += self.block_tile(tile * TILE, min(TILE, self.n_cols - tile * TILE), &block[0], m,
                                          &out[0, tile * TILE])
            if self.centered or self.scaled:
                for k in prange(m, schedule="static", num_threads=n_threads):
                    for j in range(self.n_cols):
                        out[k, j] = self._factor(j) * (
                            out[k, j] - (self._center(j) * totals[k] if self.centered else 0.0))
        if failed:
            raise MemoryError("no memory for the working arrays of a blocked product")
        return result

    def moments(self, s, const double[::1] t, Py_ssize_t reference=0, int n_threads=1):
        """Return mean, sum of squares about the mean, and X't for every column: shape (3, n_cols).

        The first two are weighted by `s` (None: ones).  Sums are taken about the entry in row `reference`, which
        should carry weight, so that a constant column gives exactly zero and a large mean costs no digits.
        """
        cdef const double[::1] weights = s
        cdef Py_ssize_t tile, j, n_tiles = (self.n_cols + TILE - 1) // TILE
        if t.shape[0] != self.n_rows or (s is not None and weights.shape[0] != self.n_rows):
            raise ValueError(f"weights and t must have {self.n_rows} entries")
        if not 0 <= reference < max(self.n_rows, 1):
            raise ValueError(f"reference row {reference} is outside 0..{self.n_rows - 1}")
        result = np.zeros((self.n_cols, 3))
        cdef double[:, ::1] out = result
        cdef const double* w = NULL
        cdef double total = self.n_rows, drift, squares, mass = np.sum(t)
        if self.n_cols == 0 or self.n_rows == 0:
            return result.T
        if s is not None:
            w = &weights[0]
            total = np.sum(s)
        n_threads = self.team(2.0 * self.entries(self.n_cols), n_threads)
        with nogil:
            for tile in prange(n_tiles, schedule="static", num_threads=n_threads):
                self.moments_tile(tile * TILE, min(TILE, self.n_cols - tile * TILE), w, &t[0], reference,
                                  &out[tile * TILE, 0])
            for j in range(self.n_cols):
                drift = out[j, 0] / total
                squares = out[j, 1] - drift * out[j, 0]
                out[j, 0] = self.reference_value(j, reference) + drift
                out[j, 1] = squares if squares > ROUNDING * out[j, 1] else 0.0 * squares
                if self.centered or self.scaled:
                    out[j, 0] = (out[j, 0] - self._center(j)) * self._factor(j)
                    out[j, 1] = out[j, 1] * self._factor(j) * self._factor(j)
                    out[j, 2] = (out[j, 2] - self._center(j) * mass) * self._factor(j)
        return result.T

    def extend_gram(self, const Py_ssize_t[::1] cols, Py_ssize_t old, s, double[:, ::1] G, int n_threads=1):
        """Fill rows and columns old..len(cols) of G = X_c' S X_c, whose leading old x old part is there already."""
        cdef Py_ssize_t total = cols.shape[0]
        cdef const double[::1] weights = s
        cdef const double* w = NULL
        cdef int failed
        self.check_columns(cols)
        if G.shape[0] < total or G.shape[1] < total or not 0 <= old <= total:
            raise ValueError(f"G is {G.shape[0]} x {G.shape[1]}, {total} columns do not fit (old {old})")
        if s is not None and weights.shape[0] != self.n_rows:
            raise ValueError(f"weights have {weights.shape[0]} entries, X has {self.n_rows} rows")
        if old == total:
            return
        if self.n_rows == 0:
            np.asarray(G)[old:total, :total] = 0.0
            np.asarray(G)[:total, old:total] = 0.0
            return
        if s is not None:
            w = &weights[0]
        with nogil:
            failed = self.form_gram(&cols[0], old, total, w, &G[0, 0], G.shape[1], n_threads)
        if failed:
            raise MemoryError("no memory for the working arrays of a Gram block")
