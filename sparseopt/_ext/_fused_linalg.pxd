"""BLAS and LAPACK for real and complex numbers through one name each; Fortran order throughout."""

from scipy.linalg.cython_blas cimport dgemm, zgemm
from scipy.linalg.cython_lapack cimport dgeqrf, dgesdd, dorgqr, dsyevd, zgeqrf, zgesdd, zheevd, zungqr

ctypedef fused scalar:
    double
    double complex

cdef enum:  # how a matrix enters a product, as BLAS spells it
    PLAIN = 78
    TRANSPOSED = 84
    ADJOINT = 67


cdef inline double sqmod(scalar x) noexcept nogil:
    """|x|^2."""
    if scalar is double:
        return x * x
    else:
        return x.real * x.real + x.imag * x.imag


cdef inline scalar conj(scalar x) noexcept nogil:
    """Complex conjugate."""
    if scalar is double:
        return x
    else:
        return x.conjugate()


cdef inline double dot_conj(scalar x, scalar y) noexcept nogil:
    """Real part of x times the conjugate of y."""
    if scalar is double:
        return x * y
    else:
        return x.real * y.real + x.imag * y.imag


cdef inline void matmul(int opa, int opb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, scalar* A, Py_ssize_t lda,
                        scalar* B, Py_ssize_t ldb, double beta, scalar* C, Py_ssize_t ldc) noexcept nogil:
    """C <- op(A) op(B) + beta C, with op(A) m x k and op(B) k x n."""
    cdef int m_ = <int> m, n_ = <int> n, k_ = <int> k, lda_ = <int> lda, ldb_ = <int> ldb, ldc_ = <int> ldc
    cdef char transa = <char> opa, transb = <char> opb
    cdef scalar one = 1.0, beta_ = beta
    if scalar is double:
        dgemm(&transa, &transb, &m_, &n_, &k_, &one, A, &lda_, B, &ldb_, &beta_, C, &ldc_)
    else:
        zgemm(&transa, &transb, &m_, &n_, &k_, &one, A, &lda_, B, &ldb_, &beta_, C, &ldc_)


cdef inline Py_ssize_t work_size(Py_ssize_t m, Py_ssize_t n) noexcept nogil:
    """Entries of workspace (of each kind) that the routines below need for an m x n matrix."""
    cdef Py_ssize_t low = min(m, n), high = max(m, n)
    return 64 + 8 * low * low + 2 * low * high + 70 * high


cdef inline int eigh(Py_ssize_t n, scalar* A, double* d, scalar* work, double* rwork, int* iwork,
                     Py_ssize_t size) noexcept nogil:
    """Overwrite the Hermitian A (lower triangle) with its eigenvectors, d with ascending eigenvalues."""
    cdef int n_ = <int> n, size_ = <int> size, info = 0
    cdef char jobz = b"V", uplo = b"L"
    if n == 1:
        if scalar is double:
            d[0] = A[0]
        else:
            d[0] = A[0].real
        A[0] = 1.0
        return 0
    if scalar is double:
        dsyevd(&jobz, &uplo, &n_, A, &n_, d, work, &size_, iwork, &size_, &info)
    else:
        zheevd(&jobz, &uplo, &n_, A, &n_, d, work, &size_, rwork, &size_, iwork, &size_, &info)
    return info


cdef inline int left_svd(Py_ssize_t m, Py_ssize_t n, scalar* A, double* s, scalar* U, scalar* V, scalar* work,
                         double* rwork, int* iwork, Py_ssize_t size) noexcept nogil:
    """Left singular vectors U (m x m) and singular values of A (m x n, m <= n); A and V (m x n) are scratch."""
    cdef int m_ = <int> m, n_ = <int> n, size_ = <int> size, info = 0
    cdef char jobz = b"S"
    if scalar is double:
        dgesdd(&jobz, &m_, &n_, A, &m_, s, U, &m_, V, &m_, work, &size_, iwork, &info)
    else:
        zgesdd(&jobz, &m_, &n_, A, &m_, s, U, &m_, V, &m_, work, &size_, rwork, iwork, &info)
    return info


cdef inline int full_qr(Py_ssize_t m, Py_ssize_t n, scalar* A, scalar* Q, scalar* tau, scalar* work,
                        Py_ssize_t size) noexcept nogil:
    """A (m x n, n < m) becomes its R (n x n, packed); Q is all m columns of the orthogonal factor."""
    cdef int m_ = <int> m, n_ = <int> n, size_ = <int> size, info = 0
    cdef Py_ssize_t i, j
    if scalar is double:
        dgeqrf(&m_, &n_, A, &m_, tau, work, &size_, &info)
    else:
        zgeqrf(&m_, &n_, A, &m_, tau, work, &size_, &info)
    if info != 0:
        return info
    for j in range(n):
        for i in range(m):
            Q[j * m + i] = A[j * m + i]
    for j in range(n * m, m * m):
        Q[j] = 0.0
    if scalar is double:
        dorgqr(&m_, &m_, &n_, Q, &m_, tau, work, &size_, &info)
    else:
        zungqr(&m_, &m_, &n_, Q, &m_, tau, work, &size_, &info)
    for j in range(n):  # pack R
        for i in range(n):
            if i <= j:
                A[j * n + i] = A[j * m + i]
            else:
                A[j * n + i] = 0.0
    return info
