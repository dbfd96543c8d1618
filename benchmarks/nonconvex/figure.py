"""MCP regression: the objective reached and the time it took, for sparseopt and skglm.

    OMP_NUM_THREADS=1 python benchmarks/nonconvex/figure.py [--quick] [--out nonconvex.png]

Both end at local minima that need not be the same, so two numbers are shown: time, at the same tolerance of
stationarity, and the objective, computed here from the coefficients. No intercept; columns of mean zero and variance
one.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.simulated import markov_columns, respond, standardize
from common.timing import importable, in_turns

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
    return so.MCPRegressor(alpha, gamma=GAMMA, fit_intercept=False, tol=tol).fit(X, y).coef_


def by_skglm(problem):
    import skglm

    X, y, alpha = problem["X"], problem["y"], problem["alpha"]
    model = skglm.MCPRegression(alpha, gamma=GAMMA, fit_intercept=False, tol=TOL * alpha, max_iter=200)
    return model.fit(X, y).coef_


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


def compute(quick=False, repeats=3):
    """Return one row a problem and solver."""
    rows = []
    for setting in QUICK if quick else FULL:
        problem = draw_problem(*setting)
        for name, (coef, wall, cpu) in in_turns(importable(SOLVERS), problem, repeats).items():
            objective, violation = judge(problem, coef)
            rows.append(dict(
                setting=setting, solver=name, seconds=wall, cpu_seconds=cpu, objective=objective, violation=violation,
                n_nonzero=int(np.count_nonzero(coef)),
            ))  # fmt: skip
    return rows


def table(rows):
    """Lines of text: every problem, then the means."""
    yield f"{'problem':42} {'solver':12} {'CPU s':>8} {'objective':>10} {'violation':>9} {'size':>5}"
    for row in rows:
        n, p, rho, _, share, seed = row["setting"]
        where = f"{n} x {p}, rho {rho}, alpha max/{1 / share:g}, seed {seed}"
        yield (
            f"{where:42} {row['solver']:12} {row['cpu_seconds']:8.4f} {row['objective']:10.6f} "
            f"{row['violation']:9.1e} {row['n_nonzero']:5d}"
        )
    ours = {row["setting"]: row for row in rows if row["solver"] == "sparseopt"}
    for peer in sorted({row["solver"] for row in rows} - {"sparseopt"}):
        theirs = [row for row in rows if row["solver"] == peer]
        ratios = [row["cpu_seconds"] / ours[row["setting"]]["cpu_seconds"] for row in theirs]
        quality = [ours[row["setting"]]["objective"] / row["objective"] for row in theirs]
        mean, level = (math.exp(math.fsum(map(math.log, v)) / len(v)) for v in (ratios, quality))
        yield (
            f"{peer}: its CPU time over ours, geometric mean {mean:.2f} (from {min(ratios):.2f} to {max(ratios):.2f}); "
            f"our objective over its {level:.4f} (from {min(quality):.4f} to {max(quality):.4f})"
        )


def draw(rows, path):
    """Draw excess over the lowest objective found against time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    best = {}
    for row in rows:
        best[row["setting"]] = min(best.get(row["setting"], np.inf), row["objective"])
    figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, marker in zip(SOLVERS, "os^", strict=False):
        mine = [row for row in rows if row["solver"] == name]
        excess = [100 * (row["objective"] / best[row["setting"]] - 1) for row in mine]
        axis.scatter([row["seconds"] for row in mine], excess, marker=marker, label=name, alpha=0.75)
    axis.set_xscale("log")
    axis.set_yscale("symlog", linthresh=0.1)
    axis.set_ylim(bottom=-0.02)
    axis.set_xlabel("seconds")
    axis.set_ylabel("objective above the lowest found, %")
    axis.set_title("MCP regression: down and to the left is better")
    axis.legend(frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", default="nonconvex.png")
    options = parser.parse_args()
    results = compute(options.quick)
    print("\n".join(table(results)))
    draw(results, options.out)
