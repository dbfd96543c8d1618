"""Products of sparse float32 weights with dense activations: Y = X W'.

W has one row an output; a class a storage. Samples are taken in tiles of 64 or 16 that hold one input of all samples next
to each other, so that a weight is read once a tile; a few samples left over are taken one by one. A sum runs over the
inputs in ascending order, whatever the number of threads.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from itertools import pairwise

import numpy as np

cdef extern from "sparse_matmul.h" nogil:
    ctypedef struct so_sparse:
        void (*row64)(const int32_t*, const float*, Py_ssize_t, const float*, float*) noexcept nogil
        void (*row16)(const int32_t*, const float*, Py_ssize_t, const float*, float*) noexcept nogil
        void (*rows64)(const int32_t*, const float*, Py_ssize_t, const float*, float*) noexcept nogil
        float (*dot)(const int32_t*, const float*, Py_ssize_t, const float*) noexcept nogil
        void (*dot4)(const int32_t*, const float*, Py_ssize_t, const float*, float*) noexcept nogil
        float (*mask_dot)(const uint64_t*, Py_ssize_t, const float*, const float*) noexcept nogil
    so_sparse so_sparse_choose() noexcept
    int so_lowest(uint64_t) noexcept

cdef so_sparse KERNEL = so_sparse_choose()

cdef enum:
    WIDE = 64       # samples of a wide tile, and how many floats may be read past the end of a sample
    NARROW = 16     # samples of a narrow tile, and how many floats may be read past the end of the values
    CHUNK = 16      # rows of weights whose sums are kept before they are written
    SINGLE = 2      # up to so many samples are taken one by one
    LINE = 64       # bytes of a cache line, at which tiles start: vectors across two lines are read at half the speed


def _padded(values, dtype, Py_ssize_t extra):
    """A contiguous copy with zeros after the end, so that vectors may read there."""
    flat = np.asarray(values).reshape(-1)
    out = np.zeros(flat.size + extra, dtype=dtype)
    out[: flat.size] = flat
    return out


def _check_pointers(indptr, Py_ssize_t n_entries):
    if indptr.ndim != 1 or indptr.size == 0 or indptr[0] != 0 or indptr[indptr.size - 1] != n_entries or np.any(np.diff(indptr) < 0):
        raise ValueError(f"indptr must rise from 0 to {n_entries}")


def _check_indices(indices, Py_ssize_t n_inputs):
    if indices.ndim != 1 or indices.size and (indices.min() < 0 or indices.max() >= n_inputs):
        raise ValueError(f"indices must be in [0, {n_inputs})")


cdef class SparseRows:
    """Rows of weights. A subclass knows the storage."""

    cdef readonly Py_ssize_t n_outputs, n_inputs
    cdef Py_ssize_t step     # rows that must be taken together

    cdef int _tile(self, Py_ssize_t lo, Py_ssize_t hi, const float* tile, int width, float* sums) noexcept nogil:
        """sums[(row - lo) * width + sample] of rows lo to hi; not zero: no memory."""
        return 0

    cdef void _one(self, Py_ssize_t lo, Py_ssize_t hi, const float* x, float* y) noexcept nogil:
        """y[row] of rows lo to hi for one sample."""
        pass

    def matmul(self, const float[:, ::1] X, float[:, ::1] Y, int n_threads=1):
        """Fill Y (samples, outputs) with X (samples, inputs) times the transposed weights."""
        cdef Py_ssize_t n = X.shape[0], n_chunks, rows, at = 0, width, take, c, lo, hi
        cdef char* room
        cdef float* tile
        cdef int failed = 0
        if X.shape[1] != self.n_inputs or Y.shape[0] != n or Y.shape[1] != self.n_outputs:
            raise ValueError(f"shapes disagree: X {n} x {X.shape[1]}, weights {self.n_outputs} x {self.n_inputs}, "
                             f"Y {Y.shape[0]} x {Y.shape[1]}")
        if n == 0 or self.n_outputs == 0:
            return
        if self.n_inputs == 0:
            Y[:, :] = 0.0
            return
        rows = (CHUNK + self.step - 1) // self.step * self.step
        n_chunks = (self.n_outputs + rows - 1) // rows
        room = <char*> malloc((self.n_inputs + 1) * WIDE * sizeof(float) + LINE)
        if room == NULL:
            raise MemoryError("no memory for a tile of samples")
        tile = <float*> (room + (LINE - <size_t> room % LINE))
        with nogil:
            while at < n and not failed:
                take = n - at
                width = 1 if take <= SINGLE else NARROW if take <= WIDE - NARROW else WIDE
                take = min(take, width)
                if width == 1:
                    memcpy(tile, &X[at, 0], self.n_inputs * sizeof(float))
                    memset(tile + self.n_inputs, 0, WIDE * sizeof(float))
                    for c in prange(n_chunks, schedule="static", num_threads=n_threads):
                        self._one(c * rows, min(c * rows + rows, self.n_outputs), tile, &Y[at, 0])
                else:
                    _transpose(&X[at, 0], self.n_inputs, take, width, tile, n_threads)
                    for c in prange(n_chunks, schedule="static", num_threads=n_threads):
                        lo = c * rows
                        hi = min(lo + rows, self.n_outputs)
                        failed += self._chunk(lo, hi, tile, width, take, &Y[at, 0])
                at += take
        free(room)
        if failed:
            raise MemoryError("no memory for the sums of a tile")

    cdef int _chunk(self, Py_ssize_t lo, Py_ssize_t hi, const float* tile, int width, Py_ssize_t take,
                    float* Y) noexcept nogil:
        cdef float* sums = <float*> malloc((hi - lo) * width * sizeof(float))
        cdef Py_ssize_t row, sample
        cdef int failed
        if sums == NULL:
            return 1
        failed = self._tile(lo, hi, tile, width, sums)
        for sample in range(take):
            for row in range(hi - lo):
                Y[sample * self.n_outputs + lo + row] = sums[row * width + sample]
        free(sums)
        return failed


cdef void _transpose(const float* X, Py_ssize_t n_inputs, Py_ssize_t take, int width, float* tile,
                     int n_threads) noexcept nogil:
    """tile[input * width + sample] of `take` samples, zeros for the others."""
    cdef Py_ssize_t block, j, s, n_blocks = (n_inputs + 63) // 64
    for block in prange(n_blocks, schedule="static", num_threads=n_threads):
        for j in range(block * 64, min(block * 64 + 64, n_inputs)):
            for s in range(take):
                tile[j * width + s] = X[s * n_inputs + j]
            for s in range(take, width):
                tile[j * width + s] = 0.0


cdef class CsrRows(SparseRows):
    """Compressed sparse rows."""

    cdef const int64_t[::1] indptr
    cdef const int32_t[::1] indices
    cdef const float[::1] values

    def __init__(self, indptr, indices, values, Py_ssize_t n_inputs):
        indptr, indices, values = np.asarray(indptr), np.asarray(indices), np.asarray(values)
        _check_pointers(indptr, values.size)
        _check_indices(indices, n_inputs)
        if indices.size != values.size:
            raise ValueError(f"there are {indices.size} indices and {values.size} values")
        self.indptr = np.array(indptr, dtype=np.int64)
        self.indices = _padded(indices, np.int32, NARROW)
        self.values = _padded(values, np.float32, NARROW)
        self.n_outputs, self.n_inputs, self.step = indptr.size - 1, n_inputs, 1

    cdef int _tile(self, Py_ssize_t lo, Py_ssize_t hi, const float* tile, int width, float* sums) noexcept nogil:
        cdef Py_ssize_t row, k
        for row in range(lo, hi):
            k = self.indptr[row]
            (KERNEL.row64 if width == WIDE else KERNEL.row16)(
                &self.indices[k], &self.values[k], self.indptr[row + 1] - k, tile, sums + (row - lo) * width)
        return 0

    cdef void _one(self, Py_ssize_t lo, Py_ssize_t hi, const float* x, float* y) noexcept nogil:
        cdef Py_ssize_t row, k
        for row in range(lo, hi):
            k = self.indptr[row]
            y[row] = KERNEL.dot(&self.indices[k], &self.values[k], self.indptr[row + 1] - k, x)


cdef class MaskRows(SparseRows):
    """One bit a weight, the least significant first, and the values whose bit is set, row after row."""

    cdef const int64_t[::1] start
    cdef const uint64_t[:, ::1] mask
    cdef const float[::1] values

    def __init__(self, mask, values, Py_ssize_t n_inputs):
        cdef Py_ssize_t n_words = (n_inputs + 63) // 64
        mask = np.ascontiguousarray(mask, dtype=np.uint8)
        if mask.ndim != 2 or mask.shape[1] != (n_inputs + 7) // 8:
            raise ValueError(f"mask must have {(n_inputs + 7) // 8} bytes a row, got shape {mask.shape}")
        bits = np.zeros((mask.shape[0], 8 * n_words), dtype=np.uint8)
        bits[:, : mask.shape[1]] = mask
        flags = np.unpackbits(mask, axis=1, bitorder="little")
        counts = flags[:, :n_inputs].sum(axis=1, dtype=np.int64)
        if flags[:, n_inputs:].any():
            raise ValueError(f"mask has bits beyond the {n_inputs} inputs")
        values = np.asarray(values)
        if counts.sum() != values.size:
            raise ValueError(f"mask has {counts.sum()} bits set, there are {values.size} values")
        self.start = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
        self.mask = np.ascontiguousarray(bits).view("<u8").astype(np.uint64)
        self.values = _padded(values, np.float32, NARROW)
        self.n_outputs, self.n_inputs, self.step = mask.shape[0], n_inputs, 1

    cdef int _tile(self, Py_ssize_t lo, Py_ssize_t hi, const float* tile, int width, float* sums) noexcept nogil:
        cdef int32_t* indices = <int32_t*> malloc((self.n_inputs + 1) * sizeof(int32_t))
        cdef Py_ssize_t row, k, w
        cdef uint64_t m
        if indices == NULL:
            return 1
        for row in range(lo, hi):
            k = 0
            for w in range(self.mask.shape[1]):
                m = self.mask[row, w]
                while m:
                    indices[k] = <int32_t> (64 * w + so_lowest(m))
                    k += 1
                    m &= m - 1
            (KERNEL.row64 if width == WIDE else KERNEL.row16)(
                indices, &self.values[self.start[row]], k, tile, sums + (row - lo) * width)
        free(indices)
        return 0

    cdef void _one(self, Py_ssize_t lo, Py_ssize_t hi, const float* x, float* y) noexcept nogil:
        cdef Py_ssize_t row
        for row in range(lo, hi):
            y[row] = KERNEL.mask_dot(&self.mask[row, 0], self.mask.shape[1], &self.values[self.start[row]], x)


cdef class BlockRows(SparseRows):
    """Block sparse rows: blocks of `values.shape[1:]`, whose columns of blocks are in `indices`."""

    cdef const int64_t[::1] indptr      # of block rows, in columns instead of blocks
    cdef const int32_t[::1] indices     # of all columns of the blocks
    cdef const float[::1] values        # of one block row after the other, in it one row after the other

    def __init__(self, indptr, indices, values, Py_ssize_t n_inputs):
        indptr, indices, values = np.asarray(indptr), np.asarray(indices), np.asarray(values)
        if values.ndim != 3 or 0 in values.shape[1:] or n_inputs % values.shape[2]:
            raise ValueError(f"values must have the shape (blocks, height, width), and the width must divide {n_inputs}, "
                             f"got {values.shape}")
        height, width = values.shape[1:]
        _check_pointers(indptr, values.shape[0])
        _check_indices(indices, n_inputs // width)
        if indices.size != values.shape[0]:
            raise ValueError(f"there are {indices.size} indices and {values.shape[0]} blocks")
        columns = indices.astype(np.int64)[:, None] * width + np.arange(width)
        by_row = [values[lo:hi].transpose(1, 0, 2).ravel() for lo, hi in pairwise(indptr.tolist())]
        self.indptr = np.array(indptr, dtype=np.int64) * width
        self.indices = _padded(columns, np.int32, NARROW)
        self.values = _padded(np.concatenate([np.zeros(0), *by_row]), np.float32, NARROW)
        self.n_outputs, self.n_inputs, self.step = (indptr.size - 1) * height, n_inputs, height

    cdef int _tile(self, Py_ssize_t lo, Py_ssize_t hi, const float* tile, int width, float* sums) noexcept nogil:
        cdef Py_ssize_t row = lo, k, n, block, inside
        while row < hi:
            block = row // self.step
            inside = row - block * self.step
            k = self.indptr[block]
            n = self.indptr[block + 1] - k
            if width == WIDE and inside + 4 <= self.step:
                KERNEL.rows64(&self.indices[k], &self.values[k * self.step + inside * n], n, tile,
                              sums + (row - lo) * width)
                row += 4
            else:
                (KERNEL.row64 if width == WIDE else KERNEL.row16)(
                    &self.indices[k], &self.values[k * self.step + inside * n], n, tile, sums + (row - lo) * width)
                row += 1
        return 0

    cdef void _one(self, Py_ssize_t lo, Py_ssize_t hi, const float* x, float* y) noexcept nogil:
        cdef Py_ssize_t row = lo, k, n, block, inside
        while row < hi:
            block = row // self.step
            inside = row - block * self.step
            k = self.indptr[block]
            n = self.indptr[block + 1] - k
            if inside + 4 <= self.step:
                KERNEL.dot4(&self.indices[k], &self.values[k * self.step + inside * n], n, x, y + row)
                row += 4
            else:
                y[row] = KERNEL.dot(&self.indices[k], &self.values[k * self.step + inside * n], n, x)
                row += 1
