"""BLAS and LAPACK by scipy's bundled library, with sizes as Py_ssize_t and Fortran order throughout."""

from scipy.linalg.cython_blas cimport dgemm, dsyrk
from scipy.linalg.cython_lapack cimport dpotrf, dpotrs, dsyev


cdef inline void gemm(char transa, char transb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, double alpha,
                      const double* A, Py_ssize_t lda, const double* B, Py_ssize_t ldb, double beta,
                      double* C, Py_ssize_t ldc) noexcept nogil:
    """C <- alpha op(A) op(B) + beta C, with op(A) m x k and op(B) k x n."""
    cdef int m_ = <int> m, n_ = <int> n, k_ = <int> k, lda_ = <int> lda, ldb_ = <int> ldb, ldc_ = <int> ldc
    dgemm(&transa, &transb, &m_, &n_, &k_, &alpha, <double*> A, &lda_, <double*> B, &ldb_, &beta, C, &ldc_)


cdef inline void add_gram(Py_ssize_t n, Py_ssize_t k, const double* A, Py_ssize_t lda, double beta, double* C,
                          Py_ssize_t ldc) noexcept nogil:
    """C <- A'A + beta C in the upper triangle, with A k x n."""
    cdef int n_ = <int> n, k_ = <int> k, lda_ = <int> lda, ldc_ = <int> ldc
    cdef char uplo = b"U", trans = b"T"
    cdef double one = 1.0
    dsyrk(&uplo, &trans, &n_, &k_, &one, <double*> A, &lda_, &beta, C, &ldc_)


cdef inline void subtract_outer(Py_ssize_t n, Py_ssize_t k, const double* A, Py_ssize_t lda, double* C,
                                Py_ssize_t ldc) noexcept nogil:
    """C <- C - A A' in the upper triangle, with A n x k."""
    cdef int n_ = <int> n, k_ = <int> k, lda_ = <int> lda, ldc_ = <int> ldc
    cdef char uplo = b"U", trans = b"N"
    cdef double minus = -1.0, one = 1.0
    dsyrk(&uplo, &trans, &n_, &k_, &minus, <double*> A, &lda_, &one, C, &ldc_)


cdef inline int cholesky(Py_ssize_t n, double* A, Py_ssize_t lda) noexcept nogil:
    """Overwrite the lower triangle of A with its Cholesky factor; nonzero when A is not positive definite."""
    cdef int n_ = <int> n, lda_ = <int> lda, info = 0
    cdef char uplo = b"L"
    dpotrf(&uplo, &n_, A, &lda_, &info)
    return info


cdef inline void cholesky_solve(Py_ssize_t n, const double* L, Py_ssize_t lda, double* b) noexcept nogil:
    """Overwrite b with the solution of L L' x = b."""
    cdef int n_ = <int> n, lda_ = <int> lda, one = 1, info = 0
    cdef char uplo = b"L"
    dpotrs(&uplo, &n_, &one, <double*> L, &lda_, b, &n_, &info)


cdef inline int symmetric_eigen(Py_ssize_t n, double* A, Py_ssize_t lda, double* values, double* work,
                                Py_ssize_t n_work) noexcept nogil:
    """Overwrite symmetric A with its eigenvectors, one a column, and values with the eigenvalues, ascending."""
    cdef int n_ = <int> n, lda_ = <int> lda, n_work_ = <int> n_work, info = 0
    cdef char job = b"V", uplo = b"L"
    dsyev(&job, &uplo, &n_, A, &lda_, values, work, &n_work_, &info)
    return info
