"""Best subsets of a known size: the objective reached against time, for sparseopt, abess and matching pursuit.

The objective is the mean squared error on k columns (no intercept; columns of mean zero and variance one), computed
here from the coefficients. It has no certificate, so the question is who finds the lowest, and how fast.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.figures import main, versus
from common.simulated import markov_columns, respond, standardize
from common.timing import importable, in_turns
from common.values import draw_excess

BASELINES = {"abess": "abess", "OMP": "scikit-learn"}

# n, p, correlation of neighbours, k, signal to noise, seed
QUICK = [(300, 1000, rho, 10, 5.0, seed) for rho in (0.5, 0.7, 0.9) for seed in (0, 1)]
FULL = [
    *((500, 5000, rho, 20, 5.0, seed) for rho in (0.5, 0.7, 0.8, 0.9) for seed in (0, 1, 2)),
    *((5000, 1000, rho, 30, 1.0, seed) for rho in (0.7, 0.9) for seed in (0, 1)),
    (1000, 20_000, 0.5, 50, 5.0, 0),
    (1000, 20_000, 0.9, 50, 5.0, 0),
]


def draw_problem(n, p, rho, k, snr, seed):
    """Evenly spread coefficients of plus or minus one on a chain of correlated columns."""
    rng = np.random.default_rng(seed)
    X = standardize(markov_columns(n, p, rho, rng))
    support = np.arange(k) * (p // k) + p // (2 * k)
    return dict(X=X, y=respond(X, support, rng.choice([-1.0, 1.0], k), snr, rng), k=k, support=support)


def by_sparseopt(problem):
    import sparseopt as so

    return so.BestSubsetRegressor(problem["k"], fit_intercept=False).fit(problem["X"], problem["y"])


def by_abess(problem):
    import abess

    model = abess.LinearRegression(support_size=problem["k"], fit_intercept=False, thread=1)
    return model.fit(problem["X"], problem["y"])


def by_omp(problem):
    from sklearn.linear_model import OrthogonalMatchingPursuit

    model = OrthogonalMatchingPursuit(n_nonzero_coefs=problem["k"], fit_intercept=False)
    return model.fit(problem["X"], problem["y"])


SOLVERS = {"sparseopt": ("sparseopt", by_sparseopt), "abess": ("abess", by_abess), "OMP": ("sklearn", by_omp)}


def compute(quick=False, seed=0, repeats=3):
    """Yield one row a problem and solver."""
    for setting in QUICK if quick else FULL:
        n, p, rho, k, snr, draw_seed = setting
        problem = draw_problem(n, p, rho, k, snr, draw_seed + 100 * seed)
        X, y = problem["X"], problem["y"]
        for name, (model, times) in in_turns(importable(SOLVERS), problem, repeats).items():
            used = np.flatnonzero(model.coef_)
            assert used.size <= k, name
            yield dict(
                problem=f"{n} x {p}, rho {rho}, k {k}, seed {draw_seed + 100 * seed}", solver=name, **times,
                n_nonzero=used.size, mse=float(np.mean((y - X[:, used] @ model.coef_[used]) ** 2)),
                found=int(np.isin(problem["support"], used).sum()),
                passes=getattr(model, "n_passes_", None), certificate=getattr(model, "exchange_gain_", None),
            )  # fmt: skip


def verdicts(rows):
    """Who finds the lowest objective, and the time beside abess."""
    found = (
        versus(rows, "mean squared error at the same size", "mse", peers=BASELINES),
        versus(rows, "time", "seconds", peers=("abess",), timing=True),
    )
    return [line for line in found if line]


def draw(rows):
    """Excess over the lowest objective found against time."""
    return {"best_subset": draw_excess(rows, "mse", "Best subset of a known size: down and to the left is better")}


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
