"""Columns of a dense matrix, float32 or float64, by columns or by rows, without a copy.

Products of X with one vector stream X once through the loops of `simd.h`; products with several vectors, and Gram
blocks, gather tiles of at most 256 rows (centred, scaled, weighted, widened to float64 on the way) and hand them to
matrix-matrix multiplication.
"""

from cython.parallel cimport prange
from libc.limits cimport INT_MAX
from libc.math cimport sqrt
from libc.stdlib cimport free, malloc

import numpy as np

from sparseopt._ext._blas cimport add_gram, gemm
from sparseopt._ext._columns cimport Columns
from sparseopt._ext._simd cimport so_simd, so_simd_choose, so_simd_name

cdef so_simd SIMD = so_simd_choose()

cdef enum:
    ROWS = 256    # rows of a gathered tile
    BLOCK = 256   # columns of a Gram block


def instruction_set():
    """Return the name of the instruction set chosen for this machine."""
    return so_simd_name().decode()


cdef class DenseColumns(Columns):
    """Columns of a float32 or float64 array with unit stride along one axis."""

    cdef object _owner  # keeps the memory alive
    cdef const char* data
    cdef readonly bint single, by_rows
    cdef Py_ssize_t ld  # entries from one column (by columns) or row (by rows) to the next

    block_order = "F"

    def __init__(self, X):
        if X.ndim != 2 or X.dtype not in (np.float64, np.float32):
            raise ValueError(f"expected a 2-D float64 or float32 array, got {X.ndim}-D {X.dtype}")
        item = X.itemsize
        rows, cols = X.shape
        row_step, col_step = X.strides
        # an axis of length one may carry any stride
        if (row_step == item or rows <= 1) and (col_step >= item * rows or cols <= 1):
            self.by_rows = False
            self.ld = col_step // item if cols > 1 else rows
            fits = cols <= 1 or col_step % item == 0
        elif (col_step == item or cols <= 1) and (row_step >= item * cols or rows <= 1):
            self.by_rows = True
            self.ld = row_step // item if rows > 1 else cols
            fits = rows <= 1 or row_step % item == 0
        else:
            fits = False
        if not X.flags.aligned:
            raise ValueError("entries must be aligned in memory")
        if not fits:
            raise ValueError(f"strides {X.strides} fit neither Fortran nor C order")
        self._owner = X
        self.n_rows, self.n_cols = rows, cols
        self.single = X.dtype == np.float32
        self.data = <const char*> <size_t> X.__array_interface__["data"][0]

    cdef const double* f64(self, Py_ssize_t j) noexcept nogil:
        return <const double*> self.data + j * self.ld

    cdef const float* f32(self, Py_ssize_t j) noexcept nogil:
        return <const float*> self.data + j * self.ld

    cdef double entry(self, Py_ssize_t i, Py_ssize_t j) noexcept nogil:
        cdef Py_ssize_t at = i * self.ld + j if self.by_rows else j * self.ld + i
        return (<const float*> self.data)[at] if self.single else (<const double*> self.data)[at]

    cdef double reference_value(self, Py_ssize_t j, Py_ssize_t reference) noexcept nogil:
        return self.entry(reference, j)

    cdef double dot(self, Py_ssize_t j, const double* r) noexcept nogil:
        cdef Py_ssize_t i
        cdef double total = 0.0
        if self.by_rows:
            for i in range(self.n_rows):
                total += self.entry(i, j) * r[i]
            return total
        if self.single:
            return SIMD.dot_f32(self.f32(j), r, self.n_rows)
        return SIMD.dot_f64(self.f64(j), r, self.n_rows)

    cdef void axpy(self, Py_ssize_t j, double a, double* r) noexcept nogil:
        cdef Py_ssize_t i
        if self.by_rows:
            for i in range(self.n_rows):
                r[i] += a * self.entry(i, j)
        elif self.single:
            SIMD.axpy_f32(a, self.f32(j), r, self.n_rows)
        else:
            SIMD.axpy_f64(a, self.f64(j), r, self.n_rows)

    cdef void axpy_weighted(self, Py_ssize_t j, double a, const double* s, double* r) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n_rows):
            r[i] += a * s[i] * self.entry(i, j)

    cdef void dot_tile(self, const Py_ssize_t* cols, Py_ssize_t first, Py_ssize_t count, const double* r,
                       double* out) noexcept nogil:
        cdef Py_ssize_t k = 0, i, c, j
        cdef const double* x[4]
        cdef const float* z[4]
        if self.by_rows:
            for k in range(count):
                out[k] = 0.0
            for i in range(self.n_rows):
                if cols == NULL and not self.single:
                    SIMD.axpy_f64(r[i], <const double*> self.data + i * self.ld + first, out, count)
                elif cols == NULL:
                    SIMD.axpy_f32(r[i], <const float*> self.data + i * self.ld + first, out, count)
                else:
                    for k in range(count):
                        out[k] += r[i] * self.entry(i, cols[first + k])
            return
        while k + 4 <= count:
            for c in range(4):
                j = cols[first + k + c] if cols != NULL else first + k + c
                if self.single:
                    z[c] = self.f32(j)
                else:
                    x[c] = self.f64(j)
            if self.single:
                SIMD.dot4_f32(z, r, self.n_rows, out + k)
            else:
                SIMD.dot4_f64(x, r, self.n_rows, out + k)
            k += 4
        while k < count:
            out[k] = self.dot(cols[first + k] if cols != NULL else first + k, r)
            k += 1

    cdef void moments_tile(self, Py_ssize_t first, Py_ssize_t count, const double* s, const double* t,
                           Py_ssize_t reference, double* out) noexcept nogil:
        cdef Py_ssize_t k, i
        cdef double d, e, value
        if self.by_rows:
            for i in range(self.n_rows):
                for k in range(count):
                    value = self.entry(i, first + k)
                    d = value - self.entry(reference, first + k)
                    e = d * s[i] if s != NULL else d
                    out[3 * k] += e
                    out[3 * k + 1] += e * d
                    out[3 * k + 2] += value * t[i]
            return
        for k in range(count):
            value = self.entry(reference, first + k)
            if self.single:
                SIMD.moments_f32(self.f32(first + k), s, t, self.n_rows, value, out + 3 * k)
            else:
                SIMD.moments_f64(self.f64(first + k), s, t, self.n_rows, value, out + 3 * k)

    cdef int gather(self, const Py_ssize_t* cols, Py_ssize_t k, Py_ssize_t row, Py_ssize_t count,
                    const double* h, double* out) noexcept nogil:
        """Write rows row..row+count of the columns as a (count, k) Fortran tile, row i times h_i (NULL: 1)."""
        cdef Py_ssize_t c, i, j
        cdef double center, factor
        cdef const double* rows_h = h + row if h != NULL else NULL
        for c in range(k):
            j = cols[c]
            center = self._center(j)
            factor = self._factor(j)
            if self.by_rows:
                for i in range(count):
                    out[c * count + i] = (self.entry(row + i, j) - center) * factor * (
                        rows_h[i] if rows_h != NULL else 1.0)
            elif self.single:
                SIMD.scale_shift_f32(self.f32(j) + row, center, factor, rows_h, out + c * count, count)
            else:
                SIMD.scale_shift_f64(self.f64(j) + row, center, factor, rows_h, out + c * count, count)
        return 0

    cdef int block_tile(self, Py_ssize_t first, Py_ssize_t count, const double* R, Py_ssize_t m,
                        double* out) noexcept nogil:
        """out[k, j] = x_(first+j)' R_k over stored columns, R Fortran-ordered (n_rows, m)."""
        cdef Py_ssize_t row, height, c, k, i, step = 4 * ROWS
        cdef double* tile = NULL
        cdef const double* source
        cdef double* part = <double*> malloc(count * m * sizeof(double))
        cdef Py_ssize_t lead
        cdef bint direct = not self.single and not self.by_rows and self.ld <= INT_MAX
        if not direct:
            step = ROWS
            tile = <double*> malloc(step * count * sizeof(double))
        if part == NULL or (tile == NULL and not direct):
            free(part)
            free(tile)
            return 1
        row = 0
        while row < self.n_rows:
            height = min(step, self.n_rows - row)
            if direct:
                source = self.f64(first) + row
                lead = self.ld
            else:
                for c in range(count):
                    if self.by_rows:
                        for i in range(height):
                            tile[c * height + i] = self.entry(row + i, first + c)
                    else:
                        SIMD.scale_shift_f32(self.f32(first + c) + row, 0.0, 1.0, NULL, tile + c * height, height)
                source = tile
                lead = height
            gemm(b"T", b"N", count, m, height, 1.0, source, lead, R + row, self.n_rows, 0.0 if row == 0 else 1.0,
                 part, count)
            row += height
        for k in range(m):
            for c in range(count):
                out[k * self.n_cols + c] = part[k * count + c]
        free(part)
        free(tile)
        return 0

    cdef int _residual_tile(self, const Py_ssize_t* cols, Py_ssize_t k, const double* W, Py_ssize_t m,
                            Py_ssize_t row, Py_ssize_t height, double* R) noexcept nogil:
        cdef double* tile
        cdef Py_ssize_t c, i, j
        cdef double a
        if m == 1 and not self.by_rows:
            for c in range(k):
                j = cols[c]
                a = -W[c] * self._factor(j)
                if self.single:
                    SIMD.axpy_f32(a, self.f32(j) + row, R + row, height)
                else:
                    SIMD.axpy_f64(a, self.f64(j) + row, R + row, height)
                if self.centered:
                    a = a * self.center[j]
                    for i in range(height):
                        R[row + i] -= a
            return 0
        tile = <double*> malloc(height * k * sizeof(double))
        if tile == NULL:
            return 1
        self.gather(cols, k, row, height, NULL, tile)
        gemm(b"N", b"N", height, m, k, -1.0, tile, height, W, k, 1.0, R + row, self.n_rows)
        free(tile)
        return 0

    cdef int take_away(self, const Py_ssize_t* cols, Py_ssize_t count, const double* w, double* r,
                       int n_threads) noexcept nogil:
        return self._take_away(cols, count, w, 1, r, n_threads)

    cdef int _take_away(self, const Py_ssize_t* cols, Py_ssize_t k, const double* W, Py_ssize_t m, double* R,
                        int n_threads) noexcept nogil:
        cdef Py_ssize_t tile, n_tiles = (self.n_rows + ROWS - 1) // ROWS
        cdef int failed = 0
        n_threads = self.team(self.entries(k) * m, n_threads)
        for tile in prange(n_tiles, schedule="static", num_threads=n_threads):
            failed += self._residual_tile(cols, k, W, m, tile * ROWS, min(ROWS, self.n_rows - tile * ROWS), R)
        return failed

    def subtract(self, const Py_ssize_t[::1] cols, const double[:, ::1] W, double[::1, :] R, int n_threads=1):
        """R[:, k] -= X[:, cols] W[k] for every k, reading each column once."""
        cdef Py_ssize_t k = cols.shape[0], m = W.shape[0]
        cdef int failed
        self.check_columns(cols)
        if W.shape[1] != k or R.shape[0] != self.n_rows or R.shape[1] != m:
            raise ValueError(f"shapes disagree: {k} columns, W {W.shape[0]} x {W.shape[1]}, "
                             f"R {R.shape[0]} x {R.shape[1]}, X {self.n_rows} x {self.n_cols}")
        if k == 0 or m == 0 or self.n_rows == 0:
            return
        with nogil:
            failed = self._take_away(&cols[0], k, &W[0, 0], m, &R[0, 0], n_threads)
        if failed:
            raise MemoryError("no memory for the working arrays of a residual")

    cdef const double* _in_place(self, const Py_ssize_t* cols, Py_ssize_t k, const double* h) noexcept nogil:
        """Return where these columns lie as a matrix that needs no gathering, else NULL."""
        cdef Py_ssize_t c
        if self.single or self.by_rows or self.centered or self.scaled or h != NULL or self.ld > INT_MAX:
            return NULL
        for c in range(1, k):
            if cols[c] != cols[0] + c:
                return NULL
        return self.f64(cols[0])

    cdef int _gram_block(self, const Py_ssize_t* cols, Py_ssize_t old, Py_ssize_t start, Py_ssize_t stop,
                         Py_ssize_t total, const double* h, double* G, Py_ssize_t ld) noexcept nogil:
        """Fill G[a, e] for e in start..stop and the new a in old..total with a <= e (the rest mirrors)."""
        cdef bint inside = start >= old  # else old columns, that meet all new ones
        cdef Py_ssize_t last = stop if inside else total
        cdef Py_ssize_t width = last - old, count = stop - start, row = 0, height, step = min(ROWS, self.n_rows), ld_x
        cdef const double* left = self._in_place(cols + old, width, h)
        cdef const double* right = NULL
        cdef double* tile = NULL
        cdef double* other = NULL
        cdef double beta
        if left != NULL:
            step = 4 * ROWS
        else:
            tile = <double*> malloc(step * width * sizeof(double))
        if not inside:
            step = min(ROWS, self.n_rows)
            other = <double*> malloc(step * count * sizeof(double))
        if (tile == NULL and left == NULL) or (other == NULL and not inside):
            free(tile)
            free(other)
            return 1
        while row < self.n_rows:
            height = min(step, self.n_rows - row)
            beta = 0.0 if row == 0 else 1.0
            ld_x = self.ld
            if tile != NULL:
                ld_x = height
                self.gather(cols + old, width, row, height, h, tile)
                left = tile
            if inside:
                right = left + (start - old) * ld_x
                if start > old:
                    gemm(b"T", b"N", start - old, count, height, 1.0, left, ld_x, right, ld_x, beta,
                         G + start * ld + old, ld)
                add_gram(count, height, right, ld_x, beta, G + start * ld + start, ld)
            else:
                self.gather(cols + start, count, row, height, h, other)
                gemm(b"T", b"N", width, count, height, 1.0, left, ld_x, other, height, beta, G + start * ld + old, ld)
            if tile == NULL:
                left += height
            row += height
        free(tile)
        free(other)
        return 0

    cdef int form_gram(self, const Py_ssize_t* cols, Py_ssize_t old, Py_ssize_t total, const double* s, double* G,
                       Py_ssize_t ld, int n_threads) noexcept nogil:
        cdef Py_ssize_t block, n_old, n_blocks, i, j
        cdef double* h = NULL
        cdef int failed = 0
        if old == total:
            return 0
        if s != NULL:
            h = <double*> malloc(self.n_rows * sizeof(double))
            if h == NULL:
                return 1
            for i in range(self.n_rows):
                h[i] = sqrt(s[i])
        n_threads = self.team(0.1 * self.entries(total) * (total - old), n_threads)  # matrix-matrix work is fast
        n_old = (old + BLOCK - 1) // BLOCK
        n_blocks = n_old + (total - old + BLOCK - 1) // BLOCK
        for block in prange(n_blocks, schedule="dynamic", num_threads=n_threads):
            if block < n_old:
                failed += self._gram_block(cols, old, block * BLOCK, min(old, (block + 1) * BLOCK), total, h, G, ld)
            else:
                failed += self._gram_block(cols, old, old + (block - n_old) * BLOCK,
                                           min(total, old + (block - n_old + 1) * BLOCK), total, h, G, ld)
        # the blocks wrote G[e, a] for a in new and e old, or a <= e
        for i in prange(total, schedule="static", num_threads=n_threads):
            for j in range(max(old, i + 1), total):
                if i < old:
                    G[j * ld + i] = G[i * ld + j]
        for i in range(old, total):
            for j in range(i + 1, total):
                G[i * ld + j] = G[j * ld + i]
        free(h)
        return failed
