"""How the kernels were compiled."""

from sparseopt._ext._openmp cimport SO_OPENMP, omp_get_max_threads


cdef extern from "build_facts.h":
    int SO_DEBUG
    const char* SO_COMPILER
    const char* SPARSEOPT_BUILD_FLAGS
    unsigned int CYTHON_HEX_VERSION


def openmp_enabled():
    """Whether the kernels were built with OpenMP."""
    return bool(SO_OPENMP)


def max_threads():
    """How many threads OpenMP would use; 1 without it."""
    return omp_get_max_threads()


def compiler():
    """Name and version of the compiler."""
    return SO_COMPILER.decode()


def flags():
    """Flags given to the compiler beyond Python's own."""
    return SPARSEOPT_BUILD_FLAGS.decode()


def debug():
    """Whether bounds are checked."""
    return bool(SO_DEBUG)


def cython_version():
    """Version of Cython that wrote the C code."""
    return ".".join(str((CYTHON_HEX_VERSION >> shift) & 0xFF) for shift in (24, 16, 8))
