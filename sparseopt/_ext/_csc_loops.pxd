"""Loops over the entries of one sparse column, for any of two value and two index types."""

from libc.stdint cimport int32_t, int64_t

ctypedef fused value_t:
    float
    double

ctypedef fused index_t:
    int32_t
    int64_t


cdef inline double _dot(const value_t* v, const index_t* i, Py_ssize_t lo, Py_ssize_t hi,
                        const double* r) noexcept nogil:
    cdef double a = 0.0, b = 0.0, c = 0.0, d = 0.0
    cdef Py_ssize_t k = lo
    while k + 4 <= hi:  # four chains hide the latency of the additions
        a += v[k] * r[i[k]]
        b += v[k + 1] * r[i[k + 1]]
        c += v[k + 2] * r[i[k + 2]]
        d += v[k + 3] * r[i[k + 3]]
        k += 4
    while k < hi:
        a += v[k] * r[i[k]]
        k += 1
    return (a + c) + (b + d)


cdef inline void _axpy(const value_t* v, const index_t* i, Py_ssize_t lo, Py_ssize_t hi, double a,
                       double* r) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(lo, hi):
        r[i[k]] += a * v[k]


cdef inline void _axpy_weighted(const value_t* v, const index_t* i, Py_ssize_t lo, Py_ssize_t hi, double a,
                                const double* s, double* r) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(lo, hi):
        r[i[k]] += a * s[i[k]] * v[k]


cdef inline void _block(const value_t* v, const index_t* i, Py_ssize_t lo, Py_ssize_t hi, const double* R,
                        Py_ssize_t m, double* acc) noexcept nogil:
    cdef Py_ssize_t k, c
    cdef double a
    cdef const double* row
    for c in range(m):
        acc[c] = 0.0
    for k in range(lo, hi):
        a = v[k]
        row = R + i[k] * m
        for c in range(m):
            acc[c] += a * row[c]


cdef inline void _spread(const value_t* v, const index_t* i, Py_ssize_t lo, Py_ssize_t hi, const double* w,
                         Py_ssize_t m, double* R) noexcept nogil:
    """R[i] -= v_i w for the rows of the column."""
    cdef Py_ssize_t k, c
    cdef double a
    cdef double* row
    for k in range(lo, hi):
        a = v[k]
        row = R + i[k] * m
        for c in range(m):
            row[c] -= a * w[c]


cdef inline void _moments(const value_t* v, const index_t* i, Py_ssize_t lo, Py_ssize_t hi, const double* s,
                          const double* t, double* out) noexcept nogil:
    cdef Py_ssize_t k
    cdef double a, b
    for k in range(lo, hi):
        a = v[k]
        b = a * s[i[k]] if s != NULL else a
        out[0] += b
        out[1] += b * a
        out[2] += a * t[i[k]]


cdef inline void _rows(const value_t* v, const index_t* i, Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t position,
                       Py_ssize_t* cursor, int32_t* where, double* value) noexcept nogil:
    """Append the column's entries to the rows they lie in."""
    cdef Py_ssize_t k, at
    for k in range(lo, hi):
        at = cursor[i[k]]
        cursor[i[k]] = at + 1
        where[at] = <int32_t> position
        value[at] = v[k]


cdef inline void _count(const index_t* i, Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t* counts) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(lo, hi):
        counts[i[k]] += 1


cdef inline void _meet(const value_t* v, const index_t* i, Py_ssize_t lo, Py_ssize_t hi, const double* s,
                       const Py_ssize_t* row_start, const int32_t* where, const double* value,
                       double* out) noexcept nogil:
    """out[position] += s_i v_i value for everything that shares a row with the column."""
    cdef Py_ssize_t k, at
    cdef double a
    for k in range(lo, hi):
        a = v[k]
        if s != NULL:
            a = a * s[i[k]]
        for at in range(row_start[i[k]], row_start[i[k] + 1]):
            out[where[at]] += a * value[at]


cdef inline bint _inside(const index_t* i, Py_ssize_t count, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k
    cdef index_t low = 0, high = 0
    for k in range(count):
        low = min(low, i[k])
        high = max(high, i[k])
    return count == 0 or (low >= 0 and high < n)
