"""Groups of K consecutive coefficients on a Gram matrix: block coordinate descent.

    minimise over w   -c'(w - w0) + 1/2 (w - w0)'G(w - w0) + sum_j lam_j ||w_j||_2 + mu/2 ||w||^2

Each update minimises a bound of the objective over one group, with the largest eigenvalue of its diagonal block (bounded
by its largest row sum) as the curvature in all directions.
"""

from libc.math cimport fabs, sqrt

import numpy as np

from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()


cdef class RowGroups:
    """Solver for groups of K coefficients."""

    cdef readonly Py_ssize_t K, sweeps

    def __init__(self, Py_ssize_t K):
        if K < 1:
            raise ValueError(f"K must be >= 1, got {K}")
        self.K = K

    def solve(self, const double[:, ::1] G, double[::1] w, double[::1] q, const double[::1] lam, double mu, double tol,
              Py_ssize_t max_sweeps):
        """Change w, and q = c - G (w - w0), in place until a sweep promises less than `tol`; return that."""
        cdef Py_ssize_t K = self.K, total = w.shape[0], g, a, b, i, _sweep
        cdef double norm, size, shrink, moved = 0.0, d, row
        if total % K or G.shape[0] < total or G.shape[1] < total or q.shape[0] != total or lam.shape[0] * K != total:
            raise ValueError(f"shapes disagree: G {G.shape[0]} x {G.shape[1]}, w {total}, q {q.shape[0]}, "
                             f"lam {lam.shape[0]}, K {K}")
        if total == 0:
            return 0.0
        cdef double[::1] top = np.zeros(total // K)
        cdef double[::1] step = np.zeros(K)
        with nogil:
            for g in range(total // K):
                for a in range(K):
                    row = 0.0
                    for b in range(K):
                        row += fabs(G[g * K + a, g * K + b])
                    top[g] = max(top[g], row)
            for _sweep in range(max_sweeps):
                moved = 0.0
                for g in range(total // K):
                    if top[g] <= 0.0:
                        continue
                    norm = 0.0
                    for a in range(K):
                        i = g * K + a
                        step[a] = q[i] + top[g] * w[i]
                        norm += step[a] * step[a]
                    norm = sqrt(norm)
                    shrink = (1.0 - lam[g] / norm) / (top[g] + mu) if norm > lam[g] else 0.0
                    size = 0.0
                    for a in range(K):
                        i = g * K + a
                        d = step[a] * shrink - w[i]
                        if d != 0.0:
                            w[i] += d
                            SIMD.axpy_f64(-d, &G[i, 0], &q[0], total)
                            size += d * d
                    moved += size * (top[g] + mu)
                self.sweeps += 1
                if moved <= tol:
                    break
        return moved
