"""OpenMP for kernels: cimport it only from here, since the header also serves builds without OpenMP."""

cdef extern from "openmp_guard.h" nogil:
    const int SO_OPENMP
    int omp_get_max_threads() noexcept
    int omp_get_thread_num() noexcept
    int omp_in_parallel() noexcept
