from libc.stdint cimport uint64_t


cdef extern from "hadamard.h" nogil:
    ctypedef struct so_v8:
        pass
    ctypedef struct so_rows:
        const void* data
        Py_ssize_t n, ld, row0
        int lg, row_signs
        uint64_t seed
        const double* scale
    ctypedef void (*so_blocks)(const so_rows*, Py_ssize_t, int, Py_ssize_t, Py_ssize_t, so_v8*, char*) noexcept nogil
    ctypedef void (*so_singles)(const so_rows*, Py_ssize_t, int, Py_ssize_t, Py_ssize_t, float*, float*) noexcept nogil
    ctypedef struct so_hadamard:
        so_blocks c_f64, c_f32, f_f64, f_f32
        so_singles s_f64, s_f32
        void (*levels)(so_v8*, int) noexcept nogil
    so_hadamard so_hadamard_choose() noexcept
    Py_ssize_t so_padded(Py_ssize_t r) noexcept
    Py_ssize_t so_place(Py_ssize_t r) noexcept
    uint64_t so_word(uint64_t seed, uint64_t stream, uint64_t w) noexcept
    Py_ssize_t so_single_place(Py_ssize_t r) noexcept
    Py_ssize_t so_single_part(Py_ssize_t B) noexcept
