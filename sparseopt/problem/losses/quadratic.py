"""A quadratic function of the coefficients themselves."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ...exceptions import IncompatibleError, InvalidProblemError
from ._base import Loss


class Quadratic(Loss):
    r"""Quadratic function :math:`\tfrac12 w^\top A w - c^\top w` with a symmetric positive semidefinite A.

    There is no design: the coefficients are the variables. See :meth:`sparseopt.Problem.quadratic`.

    Parameters
    ----------
    A : array-like or sparse matrix of shape (p, p)
        Symmetric. Sparse ones stay sparse: a graph whose edges say which variables interact.
    c : array-like of shape (p,)

    Examples
    --------
    >>> from sparseopt.losses import Quadratic
    >>> Quadratic([[2.0, 0.0], [0.0, 4.0]], [2.0, 4.0]).objective([1.0, 1.0])
    -3.0
    """

    name = "quadratic"
    curvature = 1.0

    def __init__(self, A, c):
        self.A = A
        self.c = c

    def arrays(self):
        """Return A (CSR with sorted indices, or dense) and c in float64, after checking them."""
        A = self.A
        if sparse.issparse(A):
            A = sparse.csr_array(A, dtype=np.float64)
            if not A.has_canonical_format:
                A = A.copy()
                A.sum_duplicates()
            entries = A.data
        else:
            A = np.ascontiguousarray(A, dtype=np.float64)
            entries = A
        if A.ndim != 2 or A.shape[0] != A.shape[1] or A.shape[0] == 0:
            raise InvalidProblemError(f"A must be square and not empty, has shape {A.shape}")
        c = np.ascontiguousarray(self.c, dtype=np.float64)
        if c.shape != (A.shape[0],):
            raise InvalidProblemError(f"c has shape {c.shape}, expected ({A.shape[0]},)")
        if not np.all(np.isfinite(entries)) or not np.all(np.isfinite(c)):
            raise InvalidProblemError("A and c must be finite, contain NaN or infinity")
        size = float(np.max(np.abs(entries), initial=0.0))
        if abs(A - A.T).max() > 1e-10 * size:
            raise InvalidProblemError("A must be symmetric")
        if np.any(A.diagonal() < 0.0):
            j = int(np.argmin(A.diagonal()))
            raise InvalidProblemError(f"A must be positive semidefinite, its diagonal entry {j} is {A.diagonal()[j]}")
        return A, c

    def objective(self, w) -> float:
        """Return the value at w."""
        w = np.asarray(w, dtype=np.float64)
        return float(0.5 * (w @ (self.A @ w)) - np.asarray(self.c, dtype=np.float64) @ w)

    def slope(self, w):
        """Return the gradient at w, A w - c."""
        return self.A @ np.asarray(w, dtype=np.float64) - self.c

    def check_target(self, y, n_samples: int):
        """Refuse a design: the quadratic function is one of the coefficients, not a sum over samples."""
        raise IncompatibleError("the quadratic loss has no design and no y; use Problem.quadratic(A, c)")
