"""Factors of a sketch (or of the Gram matrix, or of the data) that make least squares well conditioned."""

from __future__ import annotations

import numpy as np
from scipy import linalg

UNIT = np.finfo(np.float64).eps / 2
SINGLE_UNIT = 2.0**-24
GRAM_COND = 1e5  # condition numbers up to which R'R stands for itself where five digits are enough
CHOLESKY_RCOND = 1e-9  # condition numbers of the columns up to 3e4: half the digits of the factor are right
TRUNCATE = 60 * UNIT


class Preconditioner:
    """P with A P nearly orthonormal: P = diag(1/scale) T, T the inverse of a triangle or a truncated basis.

    Attributes
    ----------
    scale : ndarray of shape (p,)
        Lengths of the columns, by which they are divided first.
    cond : float
        Estimate of the condition number of the scaled columns.
    rank : int
    distortion : float
        Bound of ``||(P' A' A P)^-1 - I||``.
    rho : float
        Of a sketch of `sketched` rows: lengths of A P y are between those of y, divided by 1 + rho and 1 - rho.
    """

    rho, sketched = 1.0, 0

    def __init__(self, scale, R, *, distortion=0.0, truncate=True):
        self.scale, self.R, self.distortion = scale, R, distortion
        self.basis = self.values = self.rows = self.gram = None
        p = len(scale)
        self.norm = float(np.linalg.norm(R))  # Frobenius norm of the scaled columns
        rcond = linalg.lapack.dtrcon(R, norm="1", uplo="U")[0] if p and np.all(np.diag(R)) else 0.0
        self.cond = 1.0 / rcond if rcond > 0 else np.inf
        self.rank = p
        if truncate and rcond < 1e-11:
            _, s, Vt = linalg.svd(np.triu(R))
            self.rank = int(np.sum(s > TRUNCATE * s[0])) if s.size and s[0] > 0 else 0
            self.values, self.vectors = s, Vt.T
            self.basis = Vt[: self.rank].T / s[: self.rank]
            self.cond = s[0] / s[-1] if s.size and s[-1] > 0 else np.inf

    @classmethod
    def of_sketch(cls, SA, SB, ridge, distortion):
        """Factor a sketch and return (preconditioner, its least-squares solution, its residual sums of squares)."""
        p = SA.shape[1]
        scale = np.sqrt(np.einsum("ij,ij->j", SA, SA) + ridge)
        scale[scale == 0.0] = 1.0
        As = SA / scale
        G = As.T @ As
        G[np.diag_indices(p)] += ridge / scale**2
        R, info = linalg.lapack.dpotrf(G, lower=0, clean=1)
        if info == 0 and linalg.lapack.dpocon(R, np.abs(G).sum(axis=0).max(), uplo="U")[0] > CHOLESKY_RCOND:
            P = cls(scale, R, distortion=distortion)
            P.gram = G
            x = P(P.T(SA.T @ SB))
            for _ in range(2):
                x += P(P.T(SA.T @ (SB - SA @ x) - ridge[:, None] * x))
        else:
            extra = np.diag(np.sqrt(ridge) / scale)[ridge > 0]
            M = np.vstack([np.hstack([As, SB]), np.hstack([extra, np.zeros((len(extra), SB.shape[1]))])])
            full = linalg.qr(M, mode="r", overwrite_a=True, check_finite=False)[0]
            P = cls(scale, np.asfortranarray(full[:p, :p]), distortion=distortion)
            x = P.least_squares(full[:p, p:])
        residual = SB - SA @ x
        return P, x, np.einsum("ij,ij->j", residual, residual)

    @classmethod
    def of_single_sketch(cls, AS, SB, ridge):
        """Do the same for a sketch in float32, turned and times the root of m; None where it has too few digits."""
        p, m = AS.shape
        G = (AS @ AS.T).astype(np.float64)
        G /= m
        squares = np.diag(G)
        if not (np.isfinite(G).all() and np.all(squares > 1e-20) and np.all(squares < 1e20)):
            return None
        G[np.diag_indices(p)] += ridge
        P = cls.of_gram(G, SINGLE_UNIT)
        if P is None:
            return None
        x, root = np.zeros((p, SB.shape[1])), m**-0.5
        for _ in range(2):  # products in float32; x comes out of range where columns are tiny
            xs = x.T.astype(np.float32)
            residual = SB - root * (xs @ AS).T
            x = x + P(P.T(root * (AS @ residual.astype(np.float32)).astype(np.float64) - ridge[:, None] * x))
        residual = SB - root * (x.T.astype(np.float32) @ AS).T
        return (P, x, np.einsum("ij,ij->j", residual, residual)) if np.isfinite(x).all() else None

    @classmethod
    def of_gram(cls, G, relative_error=2 * UNIT):
        """Factor a Gram matrix; None where the columns are too dependent for its accuracy."""
        scale = np.sqrt(np.maximum(np.diag(G), 0.0))
        if not np.all(scale > 0.0):
            return None
        Gs = G / np.outer(scale, scale)
        R, info = linalg.lapack.dpotrf(Gs, lower=0, clean=1)
        if info != 0:
            return None
        rcond = linalg.lapack.dpocon(R, np.abs(Gs).sum(axis=0).max(), uplo="U")[0]
        distortion = 8 * relative_error * len(scale) ** 0.5 / rcond if rcond > 0 else np.inf
        if distortion > 0.05:
            return None
        P = cls(scale, R, distortion=distortion, truncate=False)
        P.gram = Gs
        return P

    @classmethod
    def of_matrix(cls, A):
        """Factor all rows."""
        scale = np.linalg.norm(A, axis=0)
        scale[scale == 0.0] = 1.0
        R = linalg.qr(A / scale, mode="r", overwrite_a=True, check_finite=False)[0]
        p = A.shape[1]
        square = np.zeros((p, p), order="F")
        square[: R.shape[0]] = R[:p]
        return cls(scale, square)

    def __call__(self, Y):
        """Return P Y."""
        Z = self.basis @ Y if self.basis is not None else self._triangle(Y)
        return Z / self.scale[:, None]

    def T(self, G):
        """Return P' G."""
        G = G / self.scale[:, None]
        return self.basis.T @ G if self.basis is not None else self._triangle(G, "T")

    def least_squares(self, QB):
        """Return the minimiser when the triangle comes from Q R and QB = Q' B."""
        if self.basis is None:
            return self._triangle(QB) / self.scale[:, None]
        U = linalg.svd(np.triu(self.R))[0][:, : self.rank]
        return self(U.T @ QB)

    def _triangle(self, Y, trans="N"):
        if not len(Y):
            return Y.copy()
        return linalg.lapack.dtrtrs(self.R, Y, lower=0, trans=trans == "T")[0]

    def row_norms(self):
        """Return the lengths of the rows of P: roots of the diagonal of the inverse Gram matrix."""
        if self.rows is None:
            T = self.basis if self.basis is not None else linalg.lapack.dtrtri(self.R, lower=0)[0]
            self.rows = np.linalg.norm(np.atleast_2d(T), axis=1) / self.scale
        return self.rows

    def shorten(self, X, n_penalised):
        """Of all solutions that fit as well as X, return those of smallest coefficients (the intercept is free)."""
        if self.rank == len(self.scale):
            return X
        null = (self.vectors[:, self.rank :]) / self.scale[:, None]
        part = linalg.lstsq(null[:n_penalised], X[:n_penalised], lapack_driver="gelsd")[0]
        return X - null @ part

    def weigh(self, G, tau):
        """Return || (A'A + tau I)^(-1/2) G || in scaled variables, for one target."""
        g = G / self.scale
        if self.values is not None:
            return float(np.linalg.norm((self.vectors.T @ g) / np.sqrt(self.values**2 + tau + 1e-300)))
        p = len(g)
        if self.gram is not None and self.cond < GRAM_COND:
            shifted = self.gram.copy()
            shifted[np.diag_indices(p)] += tau
            R, info = linalg.lapack.dpotrf(shifted, lower=0, clean=0, overwrite_a=1)
            if info == 0:
                return float(np.linalg.norm(linalg.lapack.dtrtrs(R, g, lower=0, trans=1)[0]))
        stacked = np.vstack([np.triu(self.R), np.sqrt(tau) * np.eye(p)])
        R = linalg.qr(stacked, mode="r", overwrite_a=True, check_finite=False)[0][:p]
        return float(np.linalg.norm(linalg.solve_triangular(R, g, trans="T", check_finite=False)))
