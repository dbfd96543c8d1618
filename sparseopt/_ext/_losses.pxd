cdef extern from "losses.h" nogil:
    ctypedef struct so_losses:
        void (*logistic_value)(const double*, const double*, double*, Py_ssize_t) noexcept nogil
        void (*logistic_slope)(const double*, const double*, double*, Py_ssize_t) noexcept nogil
        void (*logistic_conjugate)(const double*, const double*, double*, Py_ssize_t) noexcept nogil
        void (*logistic_bend)(const double*, double*, Py_ssize_t) noexcept nogil
        void (*exponential)(const double*, double*, Py_ssize_t) noexcept nogil
        void (*log_plus_one)(const double*, double*, Py_ssize_t) noexcept nogil
        void (*entropy)(const double*, double*, Py_ssize_t) noexcept nogil
        void (*entropy_below_one)(const double*, double*, Py_ssize_t) noexcept nogil
    so_losses so_losses_choose() noexcept
