"""How the kernels were compiled."""

cdef extern from "build_facts.h":
    int SO_OPENMP
    int SO_DEBUG
    const char* SO_COMPILER
    int so_max_threads()
    unsigned int CYTHON_HEX_VERSION


def openmp_enabled():
    """Whether the kernels were built with OpenMP."""
    return bool(SO_OPENMP)


def max_threads():
    """How many threads OpenMP would use; 1 without it."""
    return so_max_threads()


def compiler():
    """Name and version of the compiler."""
    return SO_COMPILER.decode()


def debug():
    """Whether bounds are checked."""
    return bool(SO_DEBUG)


def cython_version():
    """Version of Cython that wrote the C code."""
    return ".".join(str((CYTHON_HEX_VERSION >> shift) & 0xFF) for shift in (24, 16, 8))
