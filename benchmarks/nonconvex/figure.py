"""MCP regression: the objective reached and the time it took, for sparseopt and skglm.

Both end at local minima that need not be the same, so two numbers are shown: time, at the same tolerance of
stationarity, and the objective, computed here from the coefficients. No intercept; columns of mean zero and variance
one.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.figures import main, versus
from common.simulated import markov_columns, respond, standardize
from common.timing import importable, in_turns
from common.values import draw_excess

BASELINES = {"skglm": "skglm", "skglm, path": "skglm"}

GAMMA = 3.0
TOL = 1e-5  # largest distance to the subdifferential, over alpha
# n, p, correlation of neighbours, non-zeros, alpha over the largest, seed
QUICK = [(200, 1000, rho, 10, share, 0) for rho in (0.5, 0.9) for share in (0.2, 0.05)]
FULL = [
    *((500, 5000, rho, 20, share, seed) for rho in (0.5, 0.9) for share in (0.2, 0.05) for seed in (0, 1)),
    *((2000, 1000, 0.7, 30, share, 0) for share in (0.2, 0.02)),
    *((1000, 10_000, 0.7, 40, share, 0) for share in (0.2, 0.05)),
]


def draw_problem(n, p, rho, k, share, seed):
    rng = np.random.default_rng(seed)
    X = standardize(markov_columns(n, p, rho, rng))
    y = respond(X, rng.choice(p, k, replace=False), rng.choice([-1.0, 1.0], k), 5.0, rng)
    return dict(X=X, y=y, alpha=share * float(np.abs(X.T @ y).max()) / n)


def by_sparseopt(problem):
    import sparseopt as so

    X, y, alpha = problem["X"], problem["y"], problem["alpha"]
    tol = TOL * alpha / np.sqrt(np.mean(y**2))  # in our units: a violation over sqrt(2 L objective(0))
    return so.MCPRegressor(alpha, gamma=GAMMA, fit_intercept=False, tol=tol).fit(X, y)


def by_skglm(problem):
    import skglm

    X, y, alpha = problem["X"], problem["y"], problem["alpha"]
    model = skglm.MCPRegression(alpha, gamma=GAMMA, fit_intercept=False, tol=TOL * alpha, max_iter=200)
    return model.fit(X, y)


def by_skglm_path(problem):
    """Warm-started through twenty larger alphas, as its users do for better minima."""
    import skglm

    X, y, alpha = problem["X"], problem["y"], problem["alpha"]
    largest = float(np.abs(X.T @ y).max()) / len(y)
    model = skglm.MCPRegression(alpha, gamma=GAMMA, fit_intercept=False, tol=TOL * alpha, max_iter=200)
    return model.path(X, y, np.geomspace(0.95 * largest, alpha, 20))[1][:, -1]


SOLVERS = {
    "sparseopt": ("sparseopt", by_sparseopt),
    "skglm": ("skglm", by_skglm),
    "skglm, path": ("skglm", by_skglm_path),
}


def judge(problem, coef):
    """The objective, and the largest distance of minus the gradient to the subdifferential over alpha."""
    X, y, alpha = problem["X"], problem["y"], problem["alpha"]
    r = y - X @ coef
    a = np.abs(coef)
    value = np.where(a < GAMMA * alpha, alpha * a - a**2 / (2 * GAMMA), 0.5 * GAMMA * alpha**2).sum()
    c = X.T @ r / len(y)
    slope = np.sign(coef) * np.maximum(alpha - a / GAMMA, 0.0)
    distance = np.where(coef == 0, np.maximum(np.abs(c) - alpha, 0.0), np.abs(c - slope))
    return float(r @ r / (2 * len(y)) + value), float(distance.max() / alpha)


def compute(quick=False, seed=0, repeats=3):
    """Yield one row a problem and solver."""
    for setting in QUICK if quick else FULL:
        n, p, rho, k, share, draw_seed = setting
        problem = draw_problem(n, p, rho, k, share, draw_seed + 100 * seed)
        for name, (found, times) in in_turns(importable(SOLVERS), problem, repeats).items():
            coef = getattr(found, "coef_", found)
            objective, violation = judge(problem, coef)
            yield dict(
                problem=f"{n} x {p}, rho {rho}, alpha max/{1 / share:g}, seed {draw_seed + 100 * seed}", solver=name,
                **times, objective=objective, certificate=violation, n_nonzero=int(np.count_nonzero(coef)),
                passes=getattr(found, "n_passes_", None),
            )  # fmt: skip


def verdicts(rows):
    """Whose minimum is lower, and who is faster."""
    found = (
        versus(rows, "objective of the minimum found", "objective", peers=BASELINES),
        versus(rows, "time to stationarity", "seconds", peers=BASELINES, timing=True),
    )
    return [line for line in found if line]


def draw(rows):
    """Excess over the lowest objective found against time."""
    return {"nonconvex": draw_excess(rows, "objective", "MCP regression: down and to the left is better")}


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
