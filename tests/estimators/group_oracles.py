"""Objectives, gaps and optima of group problems in plain numpy and cvxpy."""

import cvxpy
import numpy as np


def labelled(groups):
    """Column numbers of each group, for labels."""
    return [np.flatnonzero(np.asarray(groups) == g) for g in np.unique(groups)]


def objective(X, y, w, b, alpha, groups, weights=None, l1=0.0, ridge=0.0, s=None):
    """Mean loss + alpha (l1 |w|_1 + (1 - l1 - ridge) sum omega_g ||w_g|| + ridge / 2 w'w)."""
    s = np.ones(len(y)) if s is None else s
    r = y - X @ w - b
    omega = [np.sqrt(len(g)) for g in groups] if weights is None else weights
    norms = sum(o * np.linalg.norm(w[g]) for o, g in zip(omega, groups, strict=True) if np.any(w[g] != 0))
    value = np.sum(s * (r * r if r.ndim == 1 else (r * r).sum(axis=1))) / (2 * s.sum())
    return value + alpha * (l1 * np.abs(w).sum() + (1 - l1 - ridge) * norms + ridge / 2 * (w * w).sum())


def optimum(X, y, alpha, groups, weights=None, l1=0.0, ridge=0.0, s=None, intercept=True):
    """The least objective by an interior-point solver."""
    n, p = X.shape
    s = np.ones(n) if s is None else s
    omega = [np.sqrt(len(g)) for g in groups] if weights is None else weights
    w, b = cvxpy.Variable(p), cvxpy.Variable()
    fit = cvxpy.sum_squares(cvxpy.multiply(np.sqrt(s), y - X @ w - (b if intercept else 0.0))) / (2 * s.sum())
    norms = sum(o * cvxpy.norm(w[g]) for o, g in zip(omega, groups, strict=True) if np.isfinite(o))
    keep = [w[g] == 0 for o, g in zip(omega, groups, strict=True) if np.isinf(o)]
    value = fit + alpha * (l1 * cvxpy.norm1(w) + (1 - l1 - ridge) * norms + ridge / 2 * cvxpy.sum_squares(w))
    problem = cvxpy.Problem(cvxpy.Minimize(value), keep)
    return problem.solve(solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)


def gap(X, y, w, alpha, groups, s=None, intercept=True, ridge=0.0):
    """Duality gap of a group lasso from the residual scaled to be feasible; without any code of the package."""
    s = np.ones(len(y)) if s is None else s
    total = s.sum()
    r, yc = y - X @ w, y
    if intercept:
        r = r - np.average(r, axis=0, weights=s)
        yc = y - np.average(y, axis=0, weights=s)
    weighted = s * r if r.ndim == 1 else s[:, None] * r
    c = X.T @ weighted
    level = total * alpha * (1 - ridge)
    sizes = np.array([np.linalg.norm(c[g]) / np.sqrt(len(g)) for g in groups])
    t = 1.0 if ridge else min(1.0, level / sizes.max())
    dual = t * np.sum(yc * weighted) - t * t / 2 * np.sum(r * weighted)
    if ridge:
        over = np.array([max(np.linalg.norm(c[g]) - level * np.sqrt(len(g)), 0.0) for g in groups])
        dual -= np.sum(over**2) / (2 * total * alpha * ridge)
    norms = sum(np.sqrt(len(g)) * np.linalg.norm(w[g]) for g in groups)
    primal = np.sum(r * weighted) / 2 + level * norms + total * alpha * ridge / 2 * np.sum(w * w)
    return (primal - dual) / total


def make_data(n=50, p=60, size=4, seed=0, n_outputs=None):
    """A design with groups of `size` columns, three of which matter."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.5 * rng.standard_normal((n, 1))
    w = np.zeros((p, n_outputs or 1))
    w[: 3 * size] = rng.standard_normal((3 * size, n_outputs or 1))
    y = X @ w + 0.3 * rng.standard_normal((n, n_outputs or 1)) + 2.0
    return X, y if n_outputs else y[:, 0]
