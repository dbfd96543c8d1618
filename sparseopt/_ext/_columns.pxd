cdef class Columns:
    # x_ij of the matrix is factor_j * (stored_ij - center_j)
    cdef readonly Py_ssize_t n_rows, n_cols
    cdef readonly bint centered, scaled
    cdef const double[::1] center
    cdef const double[::1] factor

    cdef double _center(self, Py_ssize_t j) noexcept nogil
    cdef double _factor(self, Py_ssize_t j) noexcept nogil
    cdef double entries(self, Py_ssize_t count) noexcept nogil
    cdef int team(self, double work, int n_threads) noexcept nogil
    # products with stored (neither centred nor scaled) columns
    cdef double dot(self, Py_ssize_t j, const double* r) noexcept nogil
    cdef void axpy(self, Py_ssize_t j, double a, double* r) noexcept nogil
    cdef void axpy_weighted(self, Py_ssize_t j, double a, const double* s, double* r) noexcept nogil
    cdef void dot_tile(self, const Py_ssize_t* cols, Py_ssize_t first, Py_ssize_t count, const double* r,
                       double* out) noexcept nogil
    cdef int block_tile(self, Py_ssize_t first, Py_ssize_t count, const double* R, Py_ssize_t m,
                        double* out) noexcept nogil
    cdef void moments_tile(self, Py_ssize_t first, Py_ssize_t count, const double* s, const double* t,
                           Py_ssize_t reference, double* out) noexcept nogil
    cdef double reference_value(self, Py_ssize_t j, Py_ssize_t reference) noexcept nogil
    # the same for other kernels, with the columns as they are transformed; indices are checked by the caller
    cdef double stored(self, Py_ssize_t j) noexcept nogil
    cdef void products(self, const Py_ssize_t* cols, Py_ssize_t count, const double* r, double* out,
                       int n_threads) noexcept nogil
    cdef int take_away(self, const Py_ssize_t* cols, Py_ssize_t count, const double* w, double* r,
                       int n_threads) noexcept nogil
    cdef int form_gram(self, const Py_ssize_t* cols, Py_ssize_t old, Py_ssize_t total, const double* s, double* G,
                       Py_ssize_t ld, int n_threads) noexcept nogil
