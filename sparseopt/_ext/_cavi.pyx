"""Sweeps of coordinate-wise variational inference: one coefficient after the other, the residual kept up to date.

For column a_i of squared norm n_i and prior precision rho_i,

    mu_i <- kappa (a_i^H r + n_i mu_i) / (kappa n_i + rho_i),    r <- r - a_i (change of mu_i)
"""

from sparseopt._ext._fused_linalg cimport conj, scalar

ctypedef fused value:
    double
    float

ctypedef fused index:
    int
    long long


def sweep_dense(const scalar[::1, :] A, const double[::1] norms2, const double[::1] rho, double kappa, scalar[::1] mu,
                scalar[::1] r, bint backward=False):
    """Update mu and the residual r in place, for all columns of a dense matrix in Fortran order."""
    cdef Py_ssize_t m = A.shape[0], n = A.shape[1], i, j, k
    cdef scalar g, delta
    if norms2.shape[0] != n or rho.shape[0] != n or mu.shape[0] != n or r.shape[0] != m:
        raise ValueError(f"shapes disagree with a matrix of {m} x {n}")
    with nogil:
        for k in range(n):
            i = n - 1 - k if backward else k
            g = norms2[i] * mu[i]
            for j in range(m):
                g = g + conj(A[j, i]) * r[j]
            delta = kappa * g / (kappa * norms2[i] + rho[i]) - mu[i]
            if delta != 0.0:
                for j in range(m):
                    r[j] = r[j] - A[j, i] * delta
                mu[i] = mu[i] + delta


def sweep_csc(const value[::1] data, const index[::1] indices, const index[::1] indptr, const double[::1] center,
              const double[::1] weights, const double[::1] norms, const double[::1] norms2, const double[::1] rho,
              double kappa, double[::1] mu, double[::1] u, double shift, bint backward=False):
    """The same for columns ``roots (x_i - center_i) / norms_i`` of a sparse matrix, roots the square root of weights.

    The residual is r = u / roots + shift roots. It is orthogonal to roots, since the columns and the data are centred
    (or center is zero): so a_i' r needs only the entries that are stored. Returns the new shift.
    """
    cdef Py_ssize_t m = u.shape[0], n = mu.shape[0], i, k, e
    cdef double g, delta, step, total = 0.0
    if (indptr.shape[0] != n + 1 or center.shape[0] != n or weights.shape[0] != m or norms.shape[0] != n
            or norms2.shape[0] != n or rho.shape[0] != n):
        raise ValueError(f"shapes disagree with a matrix of {m} x {n}")
    if indptr[0] != 0 or indptr[n] > indices.shape[0] or indptr[n] > data.shape[0]:
        raise ValueError("the sparse structure is broken")
    for i in range(n):
        if indptr[i + 1] < indptr[i]:
            raise ValueError("the sparse structure is broken")
    for e in range(indptr[n]):
        if not 0 <= indices[e] < m:
            raise ValueError("the sparse structure is broken")
    for k in range(m):
        total += weights[k]
    with nogil:
        for k in range(n):
            i = n - 1 - k if backward else k
            g = shift * center[i] * total
            for e in range(indptr[i], indptr[i + 1]):
                g += data[e] * u[indices[e]]
            g = g / norms[i] + norms2[i] * mu[i]
            delta = kappa * g / (kappa * norms2[i] + rho[i]) - mu[i]
            if delta != 0.0:
                step = delta / norms[i]
                for e in range(indptr[i], indptr[i + 1]):
                    u[indices[e]] -= step * weights[indices[e]] * data[e]
                shift += step * center[i]
                mu[i] += delta
    return shift
