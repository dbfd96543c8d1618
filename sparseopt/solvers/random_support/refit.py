"""Least squares on a few unit columns: coefficients, and residual sums of squares of all prefixes at once."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lstsq, qr, solve_triangular

DEPENDENT = 1e-13  # diagonal of R, relative: below, columns are dependent and the pseudo-inverse decides
RCOND = 1e-14


def least_squares(A, y):
    """Return (coefficients, residual sum of squares) by Householder QR, or by the SVD when columns are dependent."""
    if A.shape[1] == 0:
        return np.zeros(0), float(y @ y)
    if A.shape[1] <= A.shape[0]:
        Q, R = qr(A, mode="economic", check_finite=False)
        diagonal = np.abs(np.diag(R))
        if diagonal.min() > DEPENDENT * diagonal.max():
            inside = Q.T @ y
            rest = y - Q @ inside
            return solve_triangular(R, inside, check_finite=False), float(rest @ rest)
    coef = lstsq(A, y, cond=RCOND, check_finite=False)[0]
    rest = y - A @ coef
    return coef, float(rest @ rest)


def prefix_rss(A, y):
    """Return the residual sums of squares of y on the first s columns of A, s = 0, ..., k; one QR serves all."""
    k = A.shape[1]
    if k == 0:
        return np.array([float(y @ y)])
    Q, R = qr(A, mode="economic", check_finite=False)
    if k > A.shape[0] or np.abs(np.diag(R)).min() <= DEPENDENT:
        return np.array([least_squares(A[:, :s], y)[1] for s in range(k + 1)])
    inside = Q.T @ y
    rest = y - Q @ inside
    # added from the end: differences of nearly equal sums would cancel
    return float(rest @ rest) + np.concatenate([np.cumsum(inside[::-1] ** 2)[::-1], [0.0]])
