cdef extern from "simd.h" nogil:
    ctypedef struct so_simd:
        double (*dot_f64)(const double*, const double*, Py_ssize_t) noexcept nogil
        double (*dot_f32)(const float*, const double*, Py_ssize_t) noexcept nogil
        void (*dot4_f64)(const double**, const double*, Py_ssize_t, double*) noexcept nogil
        void (*dot4_f32)(const float**, const double*, Py_ssize_t, double*) noexcept nogil
        void (*axpy_f64)(double, const double*, double*, Py_ssize_t) noexcept nogil
        void (*axpy_f32)(double, const float*, double*, Py_ssize_t) noexcept nogil
        void (*axpy4_f64)(const double*, const double**, double*, Py_ssize_t) noexcept nogil
        void (*axpy4_f32)(const double*, const float**, double*, Py_ssize_t) noexcept nogil
        void (*moments_f64)(const double*, const double*, const double*, Py_ssize_t, double, double*) noexcept nogil
        void (*moments_f32)(const float*, const double*, const double*, Py_ssize_t, double, double*) noexcept nogil
        void (*scale_shift_f64)(const double*, double, double, const double*, double*, Py_ssize_t) noexcept nogil
        void (*scale_shift_f32)(const float*, double, double, const double*, double*, Py_ssize_t) noexcept nogil
    so_simd so_simd_choose() noexcept
    const char* so_simd_name() noexcept
