"""Best subsets of a known size: the objective reached against time, for sparseopt, abess and matching pursuit.

    OMP_NUM_THREADS=1 python benchmarks/best_subset/figure.py [--quick] [--out best_subset.png]

The objective is the mean squared error on k columns (no intercept; columns of mean zero and variance one), computed
here from the coefficients. It has no certificate, so the question is who finds the lowest, and how fast.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.simulated import markov_columns, respond, standardize
from common.timing import importable, in_turns

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

    return so.BestSubsetRegressor(problem["k"], fit_intercept=False).fit(problem["X"], problem["y"]).coef_


def by_abess(problem):
    import abess

    model = abess.LinearRegression(support_size=problem["k"], fit_intercept=False, thread=1)
    return model.fit(problem["X"], problem["y"]).coef_


def by_omp(problem):
    from sklearn.linear_model import OrthogonalMatchingPursuit

    model = OrthogonalMatchingPursuit(n_nonzero_coefs=problem["k"], fit_intercept=False)
    return model.fit(problem["X"], problem["y"]).coef_


SOLVERS = {"sparseopt": ("sparseopt", by_sparseopt), "abess": ("abess", by_abess), "OMP": ("sklearn", by_omp)}


def compute(quick=False, repeats=3):
    """Return one row a problem and solver."""
    rows = []
    for setting in QUICK if quick else FULL:
        problem = draw_problem(*setting)
        X, y = problem["X"], problem["y"]
        for name, (coef, wall, cpu) in in_turns(importable(SOLVERS), problem, repeats).items():
            used = np.flatnonzero(coef)
            rows.append(dict(
                setting=setting, solver=name, seconds=wall, cpu_seconds=cpu, n_nonzero=used.size,
                mse=float(np.mean((y - X[:, used] @ coef[used]) ** 2)),
                found=int(np.isin(problem["support"], used).sum()),
            ))  # fmt: skip
            assert used.size <= problem["k"], name
    return rows


def table(rows):
    """Lines of text: every problem, then the means."""
    yield f"{'problem':38} {'solver':10} {'CPU s':>8} {'MSE':>9} {'true':>6}"
    for row in rows:
        n, p, rho, k, _, seed = row["setting"]
        where = f"{n} x {p}, rho {rho}, k {k}, seed {seed}"
        mse, found = row["mse"], row["found"]
        yield f"{where:38} {row['solver']:10} {row['cpu_seconds']:8.4f} {mse:9.5f} {found:3d}/{k}"
    ours = {row["setting"]: row for row in rows if row["solver"] == "sparseopt"}
    for peer in sorted({row["solver"] for row in rows} - {"sparseopt"}):
        theirs = [row for row in rows if row["solver"] == peer]
        ratios = [row["cpu_seconds"] / ours[row["setting"]]["cpu_seconds"] for row in theirs]
        quality = [ours[row["setting"]]["mse"] / row["mse"] for row in theirs]
        mean = math.exp(math.fsum(map(math.log, ratios)) / len(ratios))
        yield (
            f"{peer}: its CPU time over ours, geometric mean {mean:.2f} (from {min(ratios):.2f} to {max(ratios):.2f}); "
            f"our MSE over its, from {min(quality):.4f} to {max(quality):.6f}"
        )


def draw(rows, path):
    """Draw excess over the lowest known objective against time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    best = {}
    for row in rows:
        best[row["setting"]] = min(best.get(row["setting"], np.inf), row["mse"])
    figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, marker in (("sparseopt", "o"), ("abess", "s"), ("OMP", "^")):
        mine = [row for row in rows if row["solver"] == name]
        excess = [100 * (row["mse"] / best[row["setting"]] - 1) for row in mine]
        axis.scatter([row["seconds"] for row in mine], excess, marker=marker, label=name, alpha=0.75)
    axis.set_xscale("log")
    axis.set_yscale("symlog", linthresh=0.1)
    axis.set_ylim(bottom=-0.02)
    axis.set_xlabel("seconds")
    axis.set_ylabel("MSE above the lowest found, %")
    axis.set_title("Best subset of a known size: down and to the left is better")
    axis.legend(frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", default="best_subset.png")
    options = parser.parse_args()
    results = compute(options.quick)
    print("\n".join(table(results)))
    draw(results, options.out)
