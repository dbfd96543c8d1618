"""The model without penalised columns: intercept and unpenalised columns only."""

from __future__ import annotations

import numpy as np

NEWTON_STEPS = 100


def gather(problem, cols):
    """Return the columns as a dense array."""
    X = np.empty((problem.design.n_samples, len(cols)))
    unit = np.zeros(problem.design.n_features)
    for k, j in enumerate(cols):
        unit[j] = 1.0
        X[:, k] = problem.design.matvec(unit)
        unit[j] = 0.0
    return X


def without_columns(problem, r, cols):
    """Return the residual of the weighted least-squares fit of r on unpenalised columns (and the intercept)."""
    if len(cols) == 0:
        return r
    X = gather(problem, cols)
    if problem.fit_intercept:
        X -= problem.ranks.mean(X, problem.sample_weight)
    root = np.ones(1) if problem.sample_weight is None else np.sqrt(problem.sample_weight)
    rooted = X * root[:, None]
    root = root[:, None] if r.ndim == 2 else root
    if problem.ranks.several:
        return r - X @ _from_moments(problem, rooted, root * r)
    if problem.penalty.positive and r.ndim == 1:
        from scipy.optimize import nnls

        return r - X @ nnls(rooted, root * r)[0]
    return r - X @ np.linalg.lstsq(rooted, root * r, rcond=None)[0]


def repair_dual(problem, eta, u, cols):
    """Return a dual point near u that is orthogonal to unpenalised columns (and the intercept), or None.

    With H the second derivative of the losses at eta, u - H X a with X'S(u - H X a) = 0 is a Newton step for those
    columns seen from the dual side. It stays in the domain of the conjugates of logistic, multinomial and Poisson
    losses whenever no entry of X a exceeds one: their bounds are approached in proportion to H.
    """
    if problem.penalty.positive:
        return None
    loss, y, ranks = problem.loss, problem.y, problem.ranks
    X = gather(problem, cols)
    if problem.fit_intercept:
        X = np.column_stack([X, np.ones(len(X))])
    size = ranks.total(np.abs(X).T @ np.abs(problem.weighted(u)))
    for _ in range(3):  # the first step is exact but for rounding
        slope = ranks.total(X.T @ problem.weighted(u))
        u = u - loss.hessian_product(y, eta, X @ _newton_step(problem, eta, X, slope))
    if not np.all(np.abs(ranks.total(X.T @ problem.weighted(u))) <= 1e-9 * size):
        return None
    for left in (0.0, 1e-12, 1e-9, 1e-6, 1e-3):  # smaller multiples are as orthogonal, and may be back in the domain
        if not ranks.any(not np.all(np.isfinite(loss.conjugate(y, (1.0 - left) * u)))):
            return (1.0 - left) * u
    return None


def _from_moments(problem, A, b):
    """Return the least-squares fit of b on A whose rows lie on several ranks: few columns, by their moments."""
    G, moments = problem.ranks.total(A.T @ A), problem.ranks.total(A.T @ b)
    if problem.penalty.positive and b.ndim == 1:
        from scipy.optimize import nnls

        values, V = np.linalg.eigh(G)
        kept = values > 1e-14 * max(float(values[-1]), 0.0)
        half = V[:, kept] * np.sqrt(values[kept])
        return nnls(half.T, (V[:, kept].T @ moments) / np.sqrt(values[kept]))[0]
    return np.linalg.lstsq(G, moments, rcond=None)[0]


def fit_unpenalised(problem, cols):
    """Return the predictions of the best model of these columns and the intercept, for any smooth loss."""
    loss, y = problem.loss, problem.y
    eta = np.array(np.broadcast_to(problem.y_offset, problem.eta_shape), dtype=np.float64)
    if len(cols) == 0:
        return eta
    X = gather(problem, cols)
    if problem.fit_intercept:
        X = np.column_stack([X, np.ones(len(X))])
    if problem.penalty.positive:
        return _fit_positive(problem, X)
    value = problem.mean_loss(eta)
    for _ in range(NEWTON_STEPS):
        slope = problem.ranks.total(X.T @ problem.weighted(loss.gradient(y, eta)))
        step = _newton_step(problem, eta, X, slope)
        move, drop, scale = X @ step, float(np.vdot(step, slope)), 1.0
        if drop <= 1e-28 * max(value, 1.0):
            break
        while scale > 1e-8 and not problem.mean_loss(eta - scale * move) < value:
            scale *= 0.5
        if scale <= 1e-8:
            break
        eta = eta - scale * move
        value = problem.mean_loss(eta)
    return eta


def _newton_step(problem, eta, X, slope):
    loss, y, s = problem.loss, problem.y, problem.sample_weight
    k = X.shape[1]
    each = np.ones(len(X)) if s is None else s
    if eta.ndim == 1:
        bend = problem.ranks.total(X.T @ ((each * loss.hessian(y, eta))[:, None] * X))
        return np.linalg.lstsq(bend, slope, rcond=None)[0]
    K = eta.shape[1]
    bend = np.empty((k, K, k, K))
    for c in range(K):
        unit = np.zeros_like(eta)
        unit[:, c] = 1.0
        bend[:, :, :, c] = np.einsum("ia,ib,il->alb", X, X, each[:, None] * loss.hessian_product(y, eta, unit))
    bend = problem.ranks.total(bend.reshape(k * K, k * K))
    return np.linalg.lstsq(bend, slope.ravel(), rcond=None)[0].reshape(k, K)


def _fit_positive(problem, X):
    from scipy.optimize import minimize

    loss, y, shape = problem.loss, problem.y, (X.shape[1], *problem.eta_shape[1:])

    def value_and_slope(v):
        eta = X @ v.reshape(shape)
        slope = problem.ranks.total(X.T @ problem.weighted(loss.gradient(y, eta))) / problem.total_weight
        return problem.mean_loss(eta), slope.ravel()

    bounds = np.full((*shape, 2), [0.0, np.inf])
    if problem.fit_intercept:
        bounds[-1, ..., 0] = -np.inf
    end = minimize(value_and_slope, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", bounds=bounds.reshape(-1, 2),
                   options={"ftol": 1e-16, "gtol": 1e-12, "maxiter": 10_000})
    return X @ end.x.reshape(shape)
