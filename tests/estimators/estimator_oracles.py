"""Independent references for the tests of the estimators: plain numpy, and scikit-learn run to the end."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import sparse
from scipy.optimize import minimize_scalar
from sklearn import linear_model
from sklearn.exceptions import ConvergenceWarning

import sparseopt as so

SINGLE = {"lasso": so.Lasso, "elastic_net": so.ElasticNet}
CROSS_VALIDATED = {"lasso_cv": so.LassoCV, "elastic_net_cv": so.ElasticNetCV}
EVERY = {**SINGLE, **CROSS_VALIDATED}


def make_data(n=60, p=90, seed=0, n_targets=None, density=None):
    """Correlated Gaussian columns off the origin, ten true coefficients, noise; optionally sparse."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.5 * rng.standard_normal((n, 1)) + rng.uniform(-1.0, 1.0, p)
    if density is not None:
        X *= rng.random((n, p)) < density
    shape = p if n_targets is None else (p, n_targets)
    w = np.zeros(shape)
    w[:10] = rng.uniform(1.0, 3.0, w[:10].shape) * rng.choice([-1.0, 1.0], w[:10].shape)
    Y = X @ w
    return np.asfortranarray(X), Y + 0.5 * rng.standard_normal(Y.shape) + 3.0


def dense(X):
    """X as a float64 numpy array, whatever it is."""
    return np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=np.float64)


def alpha_max(X, y, sample_weight=None, fit_intercept=True, positive=False):
    """The smallest alpha at which the lasso is zero."""
    X, y = dense(X), np.asarray(y, dtype=float)
    s = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if fit_intercept:
        y = y - np.average(y, weights=s)
    c = X.T @ (s * y)
    return (c if positive else np.abs(c)).max() / s.sum()


def null_objective(y, sample_weight=None, fit_intercept=True):
    """The objective at zero coefficients."""
    y = np.asarray(y, dtype=float)
    centre = np.average(y, weights=sample_weight) if fit_intercept else 0.0
    return 0.5 * np.average((y - centre) ** 2, weights=sample_weight)


def objective_and_gap(
    X, y, coef, intercept, alpha, l1_ratio=1.0, weights=None, sample_weight=None, fit_intercept=True, positive=False
):
    """Objective and duality gap, from the definitions: the dual point is the best multiple of the residual."""
    X, y = dense(X), np.asarray(y, dtype=float)
    n, p = X.shape
    s = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    total = s.sum()
    lam = alpha * l1_ratio * (np.ones(p) if weights is None else np.asarray(weights, dtype=float))
    mu = alpha * (1.0 - l1_ratio)
    r = y - X @ coef - intercept
    used = coef != 0.0
    objective = 0.5 * s @ r**2 / total + lam[used] @ np.abs(coef[used]) + 0.5 * mu * coef @ coef
    if fit_intercept:
        r = r - np.average(r, weights=s)  # the dual variable has to be orthogonal to the constant
    free = lam == 0.0
    if mu == 0.0 and free.any():  # and to the columns without any penalty
        Z = X[:, free] - (np.average(X[:, free], axis=0, weights=s) if fit_intercept else 0.0)
        root = np.sqrt(s)
        r = r - Z @ np.linalg.lstsq(Z * root[:, None], root * r, rcond=None)[0]
    u = s * r / total
    c = X.T @ u
    size = c if positive else np.abs(c)
    if mu == 0.0:
        bound = np.where(free, np.inf, lam)
        with np.errstate(divide="ignore", invalid="ignore"):
            limit = np.min(np.where(size > 0.0, bound / size, np.inf), initial=np.inf)
        best = (y @ u) / (r @ u) if r @ u > 0.0 else 1.0
        t = min(best, limit)
        dual = t * (y @ u) - 0.5 * t**2 * (r @ u)
    else:

        def negative_dual(t):
            excess = np.maximum((t * c if positive else np.abs(t * c)) - lam, 0.0)
            return -(t * (y @ u) - 0.5 * t**2 * (r @ u) - 0.5 * excess @ excess / mu)

        best = minimize_scalar(negative_dual, bounds=(0.0, 2.0), method="bounded", options={"xatol": 1e-12}).fun
        dual = -min(best, negative_dual(1.0))
    return objective, objective - dual


def sklearn_fit(X, y, alpha, l1_ratio=1.0, sample_weight=None, **parameters):
    """Scikit-learn's estimator, run until nothing moves."""
    model = linear_model.ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-16, max_iter=100_000, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, sample_weight=sample_weight)


def assert_same_coefficients(model, coef, intercept=None, rtol=1e-8):
    """Compare coefficients relative to the largest."""
    scale = np.abs(coef).max()
    assert scale > 0.0, "the reference is zero: the test would show nothing"
    np.testing.assert_allclose(model.coef_, coef, rtol=0, atol=rtol * scale)
    if intercept is not None:
        np.testing.assert_allclose(model.intercept_, intercept, rtol=rtol, atol=rtol * scale)
