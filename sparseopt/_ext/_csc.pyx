"""Columns of a sparse matrix in compressed-column form, any of two value and two index types, without a copy.

Gram blocks follow the rows: entry (i, v) of a column meets only the entries of row i among the wanted columns, so
that the cost is the number of meetings, not columns x entries.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc

import numpy as np

from sparseopt._ext._columns cimport Columns
from sparseopt._ext._csc_loops cimport (
    _axpy, _axpy_weighted, _block, _count, _dot, _inside, _meet, _moments, _rows, _spread,
)


cdef class CscColumns(Columns):
    """Columns of a CSC matrix given by its three arrays."""

    cdef object _values, _rows  # the arrays, kept alive
    cdef const char* data
    cdef const char* indices
    cdef readonly bint single, wide
    cdef const int64_t[::1] indptr
    cdef readonly Py_ssize_t nnz

    block_order = "C"

    def __init__(self, data, indices, indptr, Py_ssize_t n_rows, bint check=True):
        if data.dtype not in (np.float64, np.float32):
            raise ValueError(f"data must be float64 or float32, got {data.dtype}")
        if indices.dtype not in (np.int32, np.int64):
            raise ValueError(f"indices must be int32 or int64, got {indices.dtype}")
        pointers = np.ascontiguousarray(indptr, dtype=np.int64)
        if not (data.flags.c_contiguous and indices.flags.c_contiguous):
            raise ValueError("data and indices must be contiguous")
        if not (data.flags.aligned and indices.flags.aligned):
            raise ValueError("data and indices must be aligned in memory")
        n_cols = pointers.size - 1
        if (n_cols < 0 or pointers[0] != 0 or np.any(np.diff(pointers) < 0)
                or pointers[n_cols] > min(data.size, indices.size)):
            raise ValueError("indptr does not describe columns of data and indices")
        self._values, self._rows = data, indices
        self.single = data.dtype == np.float32
        self.wide = indices.dtype == np.int64
        self.data = <const char*> <size_t> data.__array_interface__["data"][0]
        self.indices = <const char*> <size_t> indices.__array_interface__["data"][0]
        self.indptr = pointers
        self.n_rows, self.n_cols, self.nnz = n_rows, n_cols, pointers[n_cols]
        cdef bint inside = True
        with nogil:
            if not check:
                pass
            elif self.wide:
                inside = _inside(<const int64_t*> self.indices, self.nnz, n_rows)
            else:
                inside = _inside(<const int32_t*> self.indices, self.nnz, n_rows)
        if not inside:
            raise ValueError(f"indices reach outside the {n_rows} rows")

    cdef double entries(self, Py_ssize_t count) noexcept nogil:
        return <double> self.nnz * count / max(self.n_cols, 1)

    cdef double stored(self, Py_ssize_t j) noexcept nogil:
        return <double> (self.indptr[j + 1] - self.indptr[j])

    cdef double dot(self, Py_ssize_t j, const double* r) noexcept nogil:
        cdef Py_ssize_t lo = self.indptr[j], hi = self.indptr[j + 1]
        if self.wide:
            if self.single:
                return _dot(<const float*> self.data, <const int64_t*> self.indices, lo, hi, r)
            return _dot(<const double*> self.data, <const int64_t*> self.indices, lo, hi, r)
        if self.single:
            return _dot(<const float*> self.data, <const int32_t*> self.indices, lo, hi, r)
        return _dot(<const double*> self.data, <const int32_t*> self.indices, lo, hi, r)

    cdef void axpy(self, Py_ssize_t j, double a, double* r) noexcept nogil:
        cdef Py_ssize_t lo = self.indptr[j], hi = self.indptr[j + 1]
        if self.wide:
            if self.single:
                _axpy(<const float*> self.data, <const int64_t*> self.indices, lo, hi, a, r)
            else:
                _axpy(<const double*> self.data, <const int64_t*> self.indices, lo, hi, a, r)
        elif self.single:
            _axpy(<const float*> self.data, <const int32_t*> self.indices, lo, hi, a, r)
        else:
            _axpy(<const double*> self.data, <const int32_t*> self.indices, lo, hi, a, r)

    cdef void axpy_weighted(self, Py_ssize_t j, double a, const double* s, double* r) noexcept nogil:
        cdef Py_ssize_t lo = self.indptr[j], hi = self.indptr[j + 1]
        if self.wide:
            if self.single:
                _axpy_weighted(<const float*> self.data, <const int64_t*> self.indices, lo, hi, a, s, r)
            else:
                _axpy_weighted(<const double*> self.data, <const int64_t*> self.indices, lo, hi, a, s, r)
        elif self.single:
            _axpy_weighted(<const float*> self.data, <const int32_t*> self.indices, lo, hi, a, s, r)
        else:
            _axpy_weighted(<const double*> self.data, <const int32_t*> self.indices, lo, hi, a, s, r)

    cdef int block_tile(self, Py_ssize_t first, Py_ssize_t count, const double* R, Py_ssize_t m,
                        double* out) noexcept nogil:
        """out[k, j] = x_(first+j)' R_k, R in C order (n_rows, m)."""
        cdef Py_ssize_t c, k, lo, hi
        cdef double* acc = <double*> malloc(m * sizeof(double))
        if acc == NULL:
            return 1
        for c in range(count):
            lo = self.indptr[first + c]
            hi = self.indptr[first + c + 1]
            if self.wide:
                if self.single:
                    _block(<const float*> self.data, <const int64_t*> self.indices, lo, hi, R, m, acc)
                else:
                    _block(<const double*> self.data, <const int64_t*> self.indices, lo, hi, R, m, acc)
            elif self.single:
                _block(<const float*> self.data, <const int32_t*> self.indices, lo, hi, R, m, acc)
            else:
                _block(<const double*> self.data, <const int32_t*> self.indices, lo, hi, R, m, acc)
            for k in range(m):
                out[k * self.n_cols + c] = acc[k]
        free(acc)
        return 0

    cdef void moments_tile(self, Py_ssize_t first, Py_ssize_t count, const double* s, const double* t,
                           Py_ssize_t reference, double* out) noexcept nogil:
        cdef Py_ssize_t c, lo, hi
        for c in range(count):
            lo = self.indptr[first + c]
            hi = self.indptr[first + c + 1]
            if self.wide:
                if self.single:
                    _moments(<const float*> self.data, <const int64_t*> self.indices, lo, hi, s, t, out + 3 * c)
                else:
                    _moments(<const double*> self.data, <const int64_t*> self.indices, lo, hi, s, t, out + 3 * c)
            elif self.single:
                _moments(<const float*> self.data, <const int32_t*> self.indices, lo, hi, s, t, out + 3 * c)
            else:
                _moments(<const double*> self.data, <const int32_t*> self.indices, lo, hi, s, t, out + 3 * c)

    def column_counts(self, const Py_ssize_t[::1] cols=None):
        """Return the number of stored entries of each column."""
        counts = np.diff(np.asarray(self.indptr))
        return counts if cols is None else counts[np.asarray(cols)]

    def take(self, const Py_ssize_t[::1] cols):
        """Return these columns as a matrix of their own, gathered in fresh memory, transformed as they are here."""
        self.check_columns(cols)
        pointers = np.asarray(self.indptr)
        index = np.asarray(cols)
        counts = pointers[index + 1] - pointers[index]
        starts = np.concatenate([[0], np.cumsum(counts)])
        where = np.arange(np.sum(counts)) + np.repeat(pointers[index] - starts[:index.size], counts)
        taken = CscColumns(self._values[where], self._rows[where], starts, self.n_rows, check=False)
        taken.set_transform(np.asarray(self.center)[index] if self.centered else None,
                            np.asarray(self.factor)[index] if self.scaled else None)
        return taken

    cdef void _spread_column(self, Py_ssize_t j, const double* w, Py_ssize_t m, double* R) noexcept nogil:
        cdef Py_ssize_t lo = self.indptr[j], hi = self.indptr[j + 1]
        if self.wide:
            if self.single:
                _spread(<const float*> self.data, <const int64_t*> self.indices, lo, hi, w, m, R)
            else:
                _spread(<const double*> self.data, <const int64_t*> self.indices, lo, hi, w, m, R)
        elif self.single:
            _spread(<const float*> self.data, <const int32_t*> self.indices, lo, hi, w, m, R)
        else:
            _spread(<const double*> self.data, <const int32_t*> self.indices, lo, hi, w, m, R)

    def subtract(self, const Py_ssize_t[::1] cols, const double[:, ::1] W, double[:, ::1] R, int n_threads=1):
        """R[:, k] -= X[:, cols] W[k] for every k, reading each column once."""
        cdef Py_ssize_t count = cols.shape[0], m = W.shape[0], k, c, i, j
        self.check_columns(cols)
        if W.shape[1] != count or R.shape[0] != self.n_rows or R.shape[1] != m:
            raise ValueError(f"shapes disagree: {count} columns, W {W.shape[0]} x {W.shape[1]}, "
                             f"R {R.shape[0]} x {R.shape[1]}, X {self.n_rows} x {self.n_cols}")
        if count == 0 or m == 0 or self.n_rows == 0:
            return
        cdef double[:, ::1] by_column = np.array(np.asarray(W).T, order="C", copy=True)
        cdef double[::1] shift = np.zeros(m)
        with nogil:
            for c in range(count):
                j = cols[c]
                for k in range(m):
                    by_column[c, k] *= self._factor(j)
                    shift[k] += by_column[c, k] * self._center(j)
                self._spread_column(j, &by_column[c, 0], m, &R[0, 0])
            if self.centered:
                for i in range(self.n_rows):
                    for k in range(m):
                        R[i, k] += shift[k]

    cdef int form_gram(self, const Py_ssize_t* cols, Py_ssize_t old, Py_ssize_t total, const double* s, double* G,
                       Py_ssize_t ld, int n_threads) noexcept nogil:
        cdef Py_ssize_t k, i, j, e, count = 0, at
        cdef double mass = self.n_rows, a
        if old == total:
            return 0
        for k in range(total):
            count += self.indptr[cols[k] + 1] - self.indptr[cols[k]]
        n_threads = self.team(<double> count * count / max(self.n_rows, 1), n_threads)
        cdef Py_ssize_t* row_start = <Py_ssize_t*> calloc(self.n_rows + 2, sizeof(Py_ssize_t))
        cdef int32_t* where = <int32_t*> malloc(max(count, 1) * sizeof(int32_t))
        cdef double* value = <double*> malloc(max(count, 1) * sizeof(double))
        cdef double* sums = <double*> calloc(total, sizeof(double))
        if row_start == NULL or where == NULL or value == NULL or sums == NULL:
            free(row_start)
            free(where)
            free(value)
            free(sums)
            return 1
        self._by_rows(cols, total, row_start, where, value)
        if s != NULL:
            mass = 0.0
            for i in range(self.n_rows):
                mass += s[i]
        if self.centered:
            for i in range(self.n_rows):
                for at in range(row_start[i], row_start[i + 1]):
                    sums[where[at]] += value[at] * (s[i] if s != NULL else 1.0)
        for k in prange(old, total, schedule="dynamic", chunksize=4, num_threads=n_threads):
            self._gram_row(cols[k], total, s, row_start, where, value, G + k * ld)
            if self.centered or self.scaled:
                for e in range(total):
                    a = G[k * ld + e]
                    if self.centered:
                        a = (a - self.center[cols[k]] * sums[e] - self.center[cols[e]] * sums[k]
                             + mass * self.center[cols[k]] * self.center[cols[e]])
                    G[k * ld + e] = a * self._factor(cols[k]) * self._factor(cols[e])
        for i in range(total):
            for j in range(max(old, i + 1), total):
                G[i * ld + j] = G[j * ld + i]
        free(row_start)
        free(where)
        free(value)
        free(sums)
        return 0

    cdef void _by_rows(self, const Py_ssize_t* cols, Py_ssize_t total, Py_ssize_t* row_start, int32_t* where,
                       double* value) noexcept nogil:
        """Lay out the entries of the columns row by row; row_start holds n_rows + 2 zeros and becomes their starts."""
        cdef Py_ssize_t k, i, lo, hi
        cdef Py_ssize_t* cursor = row_start + 1  # ends as the starts, shifted by one
        for k in range(total):
            lo = self.indptr[cols[k]]
            hi = self.indptr[cols[k] + 1]
            if self.wide:
                _count(<const int64_t*> self.indices, lo, hi, row_start + 2)
            else:
                _count(<const int32_t*> self.indices, lo, hi, row_start + 2)
        for i in range(2, self.n_rows + 2):
            row_start[i] += row_start[i - 1]
        for k in range(total):
            lo = self.indptr[cols[k]]
            hi = self.indptr[cols[k] + 1]
            if self.wide:
                if self.single:
                    _rows(<const float*> self.data, <const int64_t*> self.indices, lo, hi, k, cursor, where, value)
                else:
                    _rows(<const double*> self.data, <const int64_t*> self.indices, lo, hi, k, cursor, where, value)
            elif self.single:
                _rows(<const float*> self.data, <const int32_t*> self.indices, lo, hi, k, cursor, where, value)
            else:
                _rows(<const double*> self.data, <const int32_t*> self.indices, lo, hi, k, cursor, where, value)

    cdef void _gram_row(self, Py_ssize_t j, Py_ssize_t total, const double* w, const Py_ssize_t* row_start,
                        const int32_t* where, const double* value, double* out) noexcept nogil:
        cdef Py_ssize_t lo = self.indptr[j], hi = self.indptr[j + 1], k
        for k in range(total):
            out[k] = 0.0
        if self.wide:
            if self.single:
                _meet(<const float*> self.data, <const int64_t*> self.indices, lo, hi, w, row_start, where, value, out)
            else:
                _meet(<const double*> self.data, <const int64_t*> self.indices, lo, hi, w, row_start, where, value, out)
        elif self.single:
            _meet(<const float*> self.data, <const int32_t*> self.indices, lo, hi, w, row_start, where, value, out)
        else:
            _meet(<const double*> self.data, <const int32_t*> self.indices, lo, hi, w, row_start, where, value, out)
