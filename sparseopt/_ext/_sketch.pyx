"""Block-sum Hadamard sketch of rows, and the Walsh-Hadamard transform.

With B = 2^k the sketch of X is B^(-1/2) sum_q E_q H D_q X_q over blocks X_q of B consecutive rows, numbered from the
start of the whole matrix; D_q, E_q are diagonal signs drawn from a counter, so that any part of the rows can be
sketched anywhere, in any order, and added. One read of X; the work is cut into tiles of columns and groups of blocks
that depend on the shape only, so that results do not depend on the number of threads.
"""

from cython.parallel cimport prange
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

import numpy as np

from sparseopt._ext._hadamard cimport (
    so_blocks, so_hadamard, so_hadamard_choose, so_padded, so_place, so_rows, so_single_part, so_single_place, so_singles,
    so_v8, so_word
)

cdef so_hadamard LOOPS = so_hadamard_choose()

cdef enum:
    LINE = 64      # bytes of a vector of eight float64
    ITEMS = 8      # pieces of work to have at least, where there are blocks enough:
    BLOCKS = 8     # each has a sum of its own, which must be worth it
    SINGLE_TILE = 524288   # entries of a tile of `block_sum_single`, which stays in the last cache
    SINGLE_WIDEST = 128    # columns of one


def signs(uint64_t seed, uint64_t stream, uint64_t first, Py_ssize_t count):
    """Return signs number first, .., first + count of a stream, as float64."""
    cdef double[::1] out = np.empty(count)
    cdef Py_ssize_t i
    cdef uint64_t g
    for i in range(count):
        g = first + <uint64_t> i
        out[i] = -1.0 if (so_word(seed, stream, g >> 6) >> (g & 63)) & 1 else 1.0
    return np.asarray(out)


def words(uint64_t seed, uint64_t stream, uint64_t first, Py_ssize_t count):
    """Return words number first, .., first + count of a stream, as uint64."""
    cdef uint64_t[::1] out = np.empty(count, dtype=np.uint64)
    cdef Py_ssize_t i
    for i in range(count):
        out[i] = so_word(seed, stream, first + <uint64_t> i)
    return np.asarray(out)


cdef char* aligned(char* p) noexcept nogil:
    return p + (LINE - (<size_t> p) % LINE) % LINE


cdef void scatter(const double* acc, Py_ssize_t B, Py_ssize_t lane, Py_ssize_t width, double* out,
                  Py_ssize_t ld) noexcept nogil:
    """Add the sums of columns lane .. lane + width of eight to columns of out."""
    cdef Py_ssize_t part = so_padded(B), r, c
    for r in range(B):
        for c in range(width):
            out[r * ld + c] += acc[(lane + c) * part + so_padded(r)]


cdef void scatter_column(const double* acc, Py_ssize_t B, double* out, Py_ssize_t ld) noexcept nogil:
    """Add the sum of one column to a column of out."""
    cdef Py_ssize_t r
    for r in range(B):
        out[r * ld] += acc[so_place(r)]


def block_sum(X, double[:, ::1] out, uint64_t seed, Py_ssize_t row0, const double[::1] scale=None,
              bint row_signs=True, int n_threads=1, int tile=0):
    """Add the sketch of X, without the factor B^(-1/2), to out of B = 2^k >= 64 rows.

    Parameters
    ----------
    X : ndarray of shape (n, d), float32 or float64, of unit stride along one axis
    row0 : int
        Number of the first row in the whole matrix.
    scale : ndarray of shape (n,), optional
        A factor for each row.
    row_signs : bool
        False leaves out E_q; the guarantee is void then, which a test shows.
    tile : int
        Columns, in eights, that one tile holds; 0 for the default.
    """
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], B = out.shape[0], item = X.itemsize
    if X.ndim != 2 or X.dtype not in (np.float64, np.float32) or out.shape[1] != d:
        raise ValueError(f"X is {X.dtype} {X.shape}, out has shape {(out.shape[0], out.shape[1])}")
    if B < 64 or B & (B - 1):
        raise ValueError(f"the sketch must have a power of two rows, at least 64, got {B}")
    if scale is not None and scale.shape[0] != n:
        raise ValueError(f"{scale.shape[0]} factors for {n} rows")
    if n == 0 or d == 0:
        return
    cdef bint single = X.dtype == np.float32, columns = False
    if d < 8:  # too narrow for a line of the cache
        X = np.asfortranarray(X)
    if X.strides[0] == item and (X.strides[1] % item == 0 or d == 1) and (X.strides[1] != item or d < 8):
        columns = True
    elif X.strides[1] != item or X.strides[0] % item:
        raise ValueError(f"strides {X.strides} fit neither Fortran nor C order")
    cdef so_rows rows
    rows.data = <const void*> <size_t> X.__array_interface__["data"][0]
    rows.n = n
    rows.ld = X.strides[1 if columns else 0] // item
    rows.row0 = row0
    rows.lg = B.bit_length() - 1
    rows.row_signs = row_signs
    rows.seed = seed
    rows.scale = NULL if scale is None else <double*> &scale[0]
    cdef so_blocks blocks
    if columns:
        blocks = LOOPS.f_f32 if single else LOOPS.f_f64
    else:
        blocks = LOOPS.c_f32 if single else LOOPS.c_f64
    # large arrays of NumPy begin 16 bytes into a page: whole lines of the cache begin at column `lead`, if in all rows
    cdef bint lined = not columns and d > 16 and rows.ld * item % LINE == 0
    cdef int nvec = tile
    if nvec <= 0:  # as measured
        nvec = 1 if columns else 2 if lined or B > 2048 else 20
    cdef Py_ssize_t lead = 0, lines = (d + 7) // 8, tiles = (lines + nvec - 1) // nvec
    cdef Py_ssize_t q0 = row0 // B, q1 = (row0 + n - 1) // B + 1, total = q1 - q0
    cdef Py_ssize_t groups = max(1, min(total // BLOCKS, (ITEMS + tiles - 1) // tiles)), items
    if lined:
        lead = -(<Py_ssize_t> (<size_t> rows.data)) // item & 7
        lines = (lead > 0) + (d - lead + 7) // 8
        tiles = (lines + nvec - 1) // nvec
    if tiles > 0 and not columns:
        nvec = <int> ((lines + tiles - 1) // tiles)
    items = tiles * groups
    cdef Py_ssize_t part = so_padded(B), many = max(B, 8192)
    cdef Py_ssize_t acc_bytes = part * LINE * nvec
    cdef Py_ssize_t work_bytes = 8 * part + 9 * many + 8 * B if columns else 64 * part + 9 * B
    cdef double[:, :, ::1] parts = np.zeros((groups, B, d)) if groups > 1 else np.asarray(out)[None]
    cdef Py_ssize_t k, t, g
    cdef bint failed = False
    cdef char* memory
    cdef char* acc
    cdef char* work
    with nogil:
        for k in prange(items, schedule="dynamic", chunksize=1, num_threads=n_threads):
            t = k % tiles
            g = k // tiles
            memory = <char*> malloc(acc_bytes + work_bytes + 2 * LINE)
            if memory == NULL:
                failed = True
            else:
                acc = aligned(memory)
                work = aligned(acc + acc_bytes)
                if columns:
                    tile_of_columns(&rows, blocks, d, t * nvec * 8, min(nvec * 8, d - t * nvec * 8),
                                    q0 + total * g // groups, q0 + total * (g + 1) // groups, <so_v8*> acc, work,
                                    &parts[g, 0, 0])
                else:
                    tile_of_rows(&rows, blocks, d, lead, t * nvec, min(t * nvec + nvec, lines),
                                 q0 + total * g // groups, q0 + total * (g + 1) // groups, <so_v8*> acc, work,
                                 &parts[g, 0, 0])
                free(memory)
    if failed:
        raise MemoryError
    if groups > 1:
        for g in range(groups):
            np.asarray(out)[...] += np.asarray(parts[g])


def block_sum_single(X, float[:, ::1] out, uint64_t seed, Py_ssize_t row0, const double[::1] scale=None,
                     bint row_signs=True, int n_threads=1, int tile=0):
    """Add the sums of `block_sum` in float32, turned, to out of shape (d, B); return whether this can be done.

    Rows of X must have unit stride, at least 8 columns and B at least 512 rows: else nothing is done. For what needs no
    more digits, at twice the speed. tile : columns that are done at a time; 0 for the default.
    """
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], B = out.shape[1], item = X.itemsize
    cdef bint single = X.dtype == np.float32
    if X.dtype not in (np.float64, np.float32) or out.shape[0] != d or (scale is not None and scale.shape[0] != n):
        raise ValueError(f"X is {X.dtype} {X.shape}, out has shape {(out.shape[0], out.shape[1])}")
    cdef so_singles blocks = LOOPS.s_f32 if single else LOOPS.s_f64
    if blocks == NULL or d < 8 or B < 512 or B & (B - 1) or X.strides[1] != item or X.strides[0] % item or n == 0:
        return False
    cdef so_rows rows
    rows.data = <const void*> <size_t> X.__array_interface__["data"][0]
    rows.n = n
    rows.ld = X.strides[0] // item
    rows.row0 = row0
    rows.lg = B.bit_length() - 1
    rows.row_signs = row_signs
    rows.seed = seed
    rows.scale = NULL if scale is None else <double*> &scale[0]
    cdef Py_ssize_t wide = tile if tile >= 16 else max(<Py_ssize_t> 16, min(SINGLE_WIDEST, SINGLE_TILE // B))
    cdef Py_ssize_t tiles = (d + wide - 1) // wide, q0 = row0 // B, q1 = (row0 + n - 1) // B + 1, total = q1 - q0
    cdef Py_ssize_t groups = max(1, min(total // BLOCKS, (ITEMS + tiles - 1) // tiles)), items = tiles * groups
    cdef Py_ssize_t part = so_single_part(B), k, t, g, c, r, first, count
    cdef float[:, :, ::1] parts = np.zeros((groups, d, B), dtype=np.float32) if groups > 1 else np.asarray(out)[None]
    cdef bint failed = False
    cdef char* memory
    cdef float* acc
    cdef float* sums
    with nogil:
        for k in prange(items, schedule="dynamic", chunksize=1, num_threads=n_threads):
            t = k % tiles
            g = k // tiles
            first = d * t // tiles
            count = d * (t + 1) // tiles - first
            memory = <char*> malloc(((2 * count + 1) * part + B + B // 32 + 32) * sizeof(float))
            if memory == NULL:
                failed = True
            else:
                acc = <float*> aligned(memory)
                memset(<void*> acc, 0, count * part * sizeof(float))
                blocks(&rows, first, <int> count, q0 + total * g // groups, q0 + total * (g + 1) // groups, acc,
                       acc + count * part)
                for c in range(count):
                    sums = &parts[g, first + c, 0]
                    for r in range(B):
                        sums[r] = sums[r] + acc[c * part + so_single_place(r)]
                free(memory)
    if failed:
        raise MemoryError
    if groups > 1:
        for g in range(groups):
            np.asarray(out)[...] += np.asarray(parts[g])
    return True


cdef void tile_of_columns(const so_rows* rows, so_blocks blocks, Py_ssize_t d, Py_ssize_t first, Py_ssize_t count,
                          Py_ssize_t q0, Py_ssize_t q1, so_v8* acc, char* work, double* out) noexcept nogil:
    """Sketch columns first .. first + count of a matrix in F order."""
    cdef Py_ssize_t B = <Py_ssize_t> 1 << rows.lg, part = so_padded(B), c
    memset(<void*> acc, 0, part * 8 * count)
    blocks(rows, first, <int> count, q0, q1, acc, work)
    for c in range(count):
        scatter_column(<double*> acc + c * part, B, out + first + c, d)


cdef Py_ssize_t line_start(Py_ssize_t line, Py_ssize_t lead) noexcept nogil:
    """The first column of a line: `lead` columns are line 0, so that the others begin with a line of the cache."""
    return 8 * line if lead == 0 else max(<Py_ssize_t> 0, lead + 8 * (line - 1))


cdef void tile_of_rows(const so_rows* rows, so_blocks blocks, Py_ssize_t d, Py_ssize_t lead, Py_ssize_t line,
                       Py_ssize_t end, Py_ssize_t q0, Py_ssize_t q1, so_v8* acc, char* work,
                       double* out) noexcept nogil:
    """Sketch lines line .. end of eight columns; the last one may be moved left to end with the matrix."""
    cdef Py_ssize_t B = <Py_ssize_t> 1 << rows.lg, part = so_padded(B), t = line, stop, start, first
    memset(<void*> acc, 0, part * LINE * (end - line))
    while t < end:  # lines side by side in one call
        start = min(line_start(t, lead), d - 8)
        stop = t + 1
        while stop < end and (t > 0 or lead == 0) and line_start(stop, lead) + 8 <= d:
            stop += 1
        blocks(rows, start, <int> (stop - t), q0, q1, acc + (t - line) * part, work)
        t = stop
    for t in range(line, end):
        first = line_start(t, lead)
        start = min(first, d - 8)  # the columns before `first` belong to the line before
        scatter(<double*> acc + 8 * (t - line) * part, B, first - start, min(line_start(t + 1, lead), d) - first,
                out + first, d)


def walsh_hadamard(X, int n_threads=1):
    """Transform, in place, axis 1 of a C-contiguous array of shape (outer, 2^k, inner), float32 or float64."""
    cdef Py_ssize_t outer = X.shape[0], n = X.shape[1], inner = X.shape[2], item = X.itemsize
    if X.dtype not in (np.float64, np.float32) or not X.flags.c_contiguous or n < 1 or n & (n - 1):
        raise ValueError(f"cannot transform {X.dtype} {X.shape}")
    if outer == 0 or inner == 0:
        return
    cdef int lg = n.bit_length() - 1
    cdef bint single = X.dtype == np.float32
    cdef char* data = <char*> <size_t> X.__array_interface__["data"][0]
    cdef Py_ssize_t tiles = (inner + 7) // 8, k
    cdef bint failed = False
    cdef char* memory
    with nogil:
        for k in prange(outer * tiles, schedule="static", num_threads=n_threads):
            memory = <char*> malloc(n * LINE + LINE)
            if memory == NULL:
                failed = True
            else:
                transform_tile(data + k // tiles * n * inner * item, n, inner, lg, single, k % tiles * 8,
                               <double*> aligned(memory))
                free(memory)
    if failed:
        raise MemoryError


cdef void transform_tile(char* data, Py_ssize_t n, Py_ssize_t inner, int lg, bint single, Py_ssize_t first,
                         double* buf) noexcept nogil:
    cdef Py_ssize_t width = min(<Py_ssize_t> 8, inner - first), i, c
    for i in range(n):
        for c in range(width):
            buf[8 * i + c] = (<float*> data)[i * inner + first + c] if single else \
                (<double*> data)[i * inner + first + c]
        for c in range(width, 8):
            buf[8 * i + c] = 0.0
    LOOPS.levels(<so_v8*> buf, lg)
    for i in range(n):
        for c in range(width):
            if single:
                (<float*> data)[i * inner + first + c] = <float> buf[8 * i + c]
            else:
                (<double*> data)[i * inner + first + c] = buf[8 * i + c]
