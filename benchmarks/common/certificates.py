"""The certificate every solver of a topic is judged by, in float64 and plain numpy.

Nothing here knows which solver made the coefficients, and nothing here is inside a timer.
"""

import numpy as np
from scipy import sparse


def null_objective(y):
    """Value of ``||y - Xw||^2 / (2n)`` at ``w = 0``; gaps are reported relative to it."""
    return float(y @ y) / (2 * len(y))


def alpha_max(X, y):
    """Smallest alpha for which ``w = 0`` is a solution."""
    return float(np.abs(X.T @ y).max()) / X.shape[0]


def lasso_gaps(X, y, alphas, coefs, duals=None):
    """Objectives and duality gaps of Lasso solutions, one row of ``coefs`` an alpha.

    The problem is ``||y - Xw||^2 / (2n) + alpha ||w||_1``. Its dual, with ``theta`` the dual
    point, is ``(||y||^2 - ||y - theta||^2) / (2n)`` subject to ``|X' theta| <= n alpha``. The
    residual ``r``, scaled by the best feasible factor, is such a point; so ``primal - dual`` is
    never smaller than the distance to the optimum, whoever made ``w``. A solver that has better
    dual points of its own may hand them in; they are scaled in the same way and the better counts.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, p)
    y : ndarray of shape (n,)
    alphas : array-like of shape (k,) or float
    coefs : array-like of shape (k, p) or (p,)
    duals : array-like of shape (k, n), optional
        Dual points of the solver, in any scale.

    Returns
    -------
    objectives, gaps : ndarray of shape (k,)
    """
    coefs = np.atleast_2d(np.asarray(coefs, dtype=np.float64))
    alphas = np.atleast_1d(np.asarray(alphas, dtype=np.float64))
    n = X.shape[0]
    y = np.asarray(y, dtype=np.float64)
    active = np.flatnonzero(np.any(coefs != 0, axis=0))
    fitted = X[:, active] @ coefs[:, active].T  # (n, k): only the columns that matter are read
    residuals = y[:, None] - (fitted.toarray() if sparse.issparse(fitted) else fitted)
    objectives = np.einsum("ij,ij->j", residuals, residuals) / (2 * n)
    objectives += alphas * np.abs(coefs).sum(axis=1)
    best = _dual_values(X, y, alphas, residuals)
    if duals is not None:
        best = np.maximum(best, _dual_values(X, y, alphas, np.asarray(duals, dtype=float).T))
    gaps = np.maximum(objectives - best, 0.0)
    gaps[~np.isfinite(coefs).all(axis=1)] = np.inf
    return objectives, gaps


def _dual_values(X, y, alphas, points):
    """Dual objective at each column of ``points``, scaled by its best feasible factor."""
    n = X.shape[0]
    tiny = np.finfo(float).tiny
    largest = np.empty(points.shape[1])
    for block in np.array_split(np.arange(points.shape[1]), max(1, points.shape[1] // 20)):
        product = np.abs(X.T @ np.ascontiguousarray(points[:, block]))  # X is read once a block
        largest[block] = product.max(axis=0)
    square = np.maximum(np.einsum("ij,ij->j", points, points), tiny)
    product = y @ points
    limit = n * alphas / np.maximum(largest, tiny)
    scale = np.clip(product / square, -limit, limit)
    # ||y||^2 - ||y - s u||^2 without the cancellation of two large squares
    return (2 * scale * product - scale**2 * square) / (2 * n)
