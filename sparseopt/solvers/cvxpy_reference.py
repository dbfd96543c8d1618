"""Any convex problem handed to CVXPY: slow, general, and independent of every other solver of the package."""

from __future__ import annotations

import numpy as np

from ..exceptions import IncompatibleError, MissingDependencyError
from ..problem.penalties import Box, Group, RowGroup
from .result import Result


def cvxpy_objective(problem, cp, W, b):
    """Return the objective as a CVXPY expression of W (p, K) and b (K,); a user may add constraints to it."""
    design, y, loss, K = problem.design, problem.y, problem.loss, problem.n_outputs
    X = getattr(design, "array", getattr(design, "matrix", None))
    if X is None:
        X = design.matvec(np.eye(design.n_features))
    ones = np.ones((len(y), 1))
    eta = X.astype(np.float64) @ W + ones @ cp.reshape(b, (1, K), order="C")
    s = (np.ones(len(y)) if problem.sample_weight is None else problem.sample_weight) / problem.total_weight
    if loss.name == "squared":
        fit = 0.5 * cp.sum(cp.multiply(s[:, None], cp.square(y.reshape(len(y), K) - eta)))
    elif loss.name == "huber":
        fit = 0.5 * cp.sum(cp.multiply(s, cp.huber(y - eta[:, 0], loss.delta)))
    elif loss.name == "logistic":
        fit = cp.sum(cp.multiply(s, cp.logistic(cp.multiply(-y, eta[:, 0]))))
    elif loss.name == "poisson":
        constant = float(s @ loss.values(y, np.zeros(len(y))) - s.sum())
        fit = cp.sum(cp.multiply(s, cp.exp(eta[:, 0]) - cp.multiply(y, eta[:, 0]))) + constant
    else:
        own = np.zeros((len(y), K))
        own[np.arange(len(y)), y.astype(np.intp)] = s
        fit = cp.sum(cp.multiply(s, cp.log_sum_exp(eta, axis=1))) - cp.sum(cp.multiply(own, eta))
    return fit + _penalty(problem.penalty, cp, W, K)


def _penalty(penalty, cp, W, K):
    if hasattr(penalty, "cvxpy_expression"):
        return penalty.cvxpy_expression(cp, W)
    if isinstance(penalty, Box):
        return 0.0  # bounds are constraints
    if isinstance(penalty, Group):
        return _group_penalty(penalty, cp, W)
    omega = np.ones(W.shape[0]) if penalty.weights is None else penalty.l1_weights()
    omega = np.where(np.isfinite(omega), omega, 0.0)  # excluded features are constrained to zero
    if isinstance(penalty, RowGroup) and K > 1:
        sparse = omega @ cp.norm(W, 2, axis=1)
    else:
        sparse = cp.sum(cp.multiply(omega[:, None], cp.abs(W)))
    return penalty.alpha * (penalty.l1_ratio * sparse + 0.5 * (1.0 - penalty.l1_ratio) * cp.sum_squares(W))


def _group_penalty(penalty, cp, W):
    groups = penalty.partition(W.shape[0])
    l1, level, mu = penalty.shares(groups)
    norms = [
        level[g] * cp.norm(W[groups.members(np.array([g]))], "fro")
        for g in np.flatnonzero(np.isfinite(level) & (level > 0.0))
    ]
    return penalty.alpha * (l1 * cp.sum(cp.abs(W)) + sum(norms) + 0.5 * mu * cp.sum_squares(W))


def _excluded(penalty, p):
    """Return the features that a weight of infinity excludes."""
    weights = getattr(penalty, "weights", None)
    if weights is None:
        return np.empty(0, dtype=np.intp)
    infinite = np.flatnonzero(np.isinf(np.asarray(weights, dtype=np.float64)))
    return penalty.partition(p).members(infinite) if isinstance(penalty, Group) else infinite


def solve_cvxpy(problem, *, init=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0):
    """Solve one problem by CVXPY's conic solvers; return (Result, False). `init` and `n_threads` have no use here."""
    try:
        import cvxpy as cp
    except ImportError as error:
        raise MissingDependencyError('solver "cvxpy" needs CVXPY: pip install "sparseopt[cvxpy]"') from error
    p, K = problem.design.n_features, problem.n_outputs
    W, b = cp.Variable((p, K)), cp.Variable(K)
    constraints = [] if problem.fit_intercept else [b == 0]
    penalty = problem.penalty
    if getattr(penalty, "positive", False):
        constraints.append(W >= 0)
    low, high = penalty.bounds(p) if isinstance(penalty, Box) else (np.full(p, -np.inf), np.full(p, np.inf))
    for bound, sign in ((low, 1.0), (high, -1.0)):
        at = np.flatnonzero(np.isfinite(bound))
        if at.size:
            constraints.append(sign * W[at] >= sign * np.repeat(bound[at, None], K, axis=1))
    excluded = _excluded(penalty, p)
    if excluded.size:
        constraints.append(W[excluded] == 0)
    program = cp.Problem(cp.Minimize(cvxpy_objective(problem, cp, W, b)), constraints)
    accuracy = min(tol, 1e-8)
    options = dict(tol_gap_abs=1e-2 * accuracy, tol_gap_rel=1e-2 * accuracy, tol_feas=1e-2 * accuracy)
    program.solve(solver=cp.CLARABEL, verbose=verbose >= 2, **options)
    if W.value is None:
        raise IncompatibleError(f"CVXPY ended with status {program.status!r}")
    coef = np.array(W.value, dtype=np.float64)
    if getattr(penalty, "positive", False):
        np.maximum(coef, 0.0, out=coef)
    coef[excluded] = 0.0
    coef[np.abs(coef) <= 1e-9 * max(np.abs(coef).max(initial=0.0), 1e-300)] = 0.0  # interior points never reach zero
    coef = np.clip(coef, low[:, None], high[:, None]).reshape(problem.coef_shape)
    gap, null = problem.duality_gap(coef), problem.null_objective
    result = Result(
        coef=coef, intercept=problem.intercept(coef), converged=bool(np.isnan(gap) or gap <= max(tol, 1e-12) * null),
        gap=gap, objective=problem.objective(coef), null_objective=null, violation=problem.violation(coef), n_iter=1,
        n_passes=0.0, solver="cvxpy",
    )  # fmt: skip
    return result, False
