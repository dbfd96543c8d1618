"""Errors by coordinate of sketched coefficients: dense sketches spread them, sparse ones put them on one coordinate.

Errors are in units of ||r|| c_j, with r the residual and c_j the norm of row j of the pseudo-inverse: in these units
the guarantee is the same for every coordinate.
"""

import sys
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.figures import COLOURS, main, versus

from sparseopt.solvers.sketch.kinds import apply_sketch, sparse_signs

SKETCHES = {
    "block-sum": ("blocksum", 1),
    "SRHT": ("srht", 1),
    "Gaussian": ("gaussian", 1),
    "sparse, 8 a column": ("sjlt", 8),
    "sparse, sqrt(m)": ("sjlt", None),
    "CountSketch": ("countsketch", 1),
}
BASELINES = {"SRHT": None, "Gaussian": None, "sparse, 8 a column": None, "sparse, sqrt(m)": None, "CountSketch": None}


def designs(n, d, rng):
    A = rng.standard_normal((n, d))
    yield "Gaussian", A, A.sum(axis=1) + rng.standard_normal(n)
    A = rng.standard_cauchy((n, d))
    yield "Cauchy", A, A.sum(axis=1) + rng.standard_cauchy(n)
    A = np.zeros((n, d))
    A[rng.choice(n, d, replace=False), np.arange(d)] = 1.0
    b = np.zeros(n)
    b[rng.choice(n, 1)] = 1.0
    yield "unit rows, one spike", A, b


def compute(quick=False, seed=0):
    """Yield rows: design, sketch, quantiles of eps_inf and of the l_2 error, coverage, errors by coordinate."""
    for _, run in pieces(quick, seed):
        yield from run()


def pieces(quick=False, seed=0):
    """Yield (name, function that returns one row) for each design and sketch; see benchmarks/pieces.py."""
    n, d, m, trials = (1 << 12, 32, 512, 20) if quick else (1 << 14, 64, 1024, 200)
    for design, A, b in designs(n, d, np.random.default_rng(seed)):
        for name in SKETCHES:
            yield f"{design}: {name}", lambda a=(design, A, b, name, m, trials): [errors_of(*a)]


def errors_of(design, A, b, name, m, trials):
    """Return the row of one sketch of one design, over seeds 0, 1, .. of the sketch."""
    n, d = A.shape
    kind, nonzeros = SKETCHES[name]
    nonzeros = nonzeros or int(np.sqrt(m))
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    x = Vt.T @ ((U.T @ b) / s)
    residual = np.linalg.norm(b - A @ x)
    c = np.linalg.norm(Vt.T / s, axis=1)
    M = np.column_stack([A, b])
    used = np.flatnonzero(np.any(M != 0.0, axis=1))
    eps, length, covered, worst = [], [], [], None
    for trial in range(trials):
        if kind in ("sjlt", "countsketch") and len(used) < n // 2:
            S = sparse_signs(m, n, nonzeros, trial).tocsc()[:, used]
            SM = S @ M[used]
        else:
            SM = apply_sketch(kind, M, m, trial, nonzeros=nonzeros)
        SA, Sb = SM[:, :d], SM[:, d]
        found, *_ = np.linalg.lstsq(SA, Sb)
        error = np.abs(found - x) / (residual * c)
        inverse = np.linalg.pinv(SA.T @ SA)
        finite = (n - m) / (n - d) if kind in ("blocksum", "srht") else 1.0
        unit = np.sqrt(finite * np.sum((Sb - SA @ found) ** 2) / (m - d) * np.diag(inverse))
        covered.append(np.all(np.abs(found - x) <= stats.t.ppf(1 - 0.025 / d, m - d) * unit + 1e-13))
        eps.append(error.max() * np.sqrt(d))
        length.append(np.linalg.norm(error))
        if worst is None or error.max() > worst.max():
            worst = error
    q = np.quantile(eps, [0.5, 0.9, 0.99])
    return dict(
        problem=design, solver=name, d=d, m=m, eps_median=q[0], eps_90=q[1], eps_99=q[2], l2=np.median(length),
        coverage=np.mean(covered), worst=worst,
    )  # fmt: skip


def verdicts(rows):
    """The largest error of a coordinate beside the sparse sketches, which are as fast."""
    peers = ("sparse, 8 a column", "CountSketch")
    found = (
        versus(rows, "error of the worst coordinate, worst design", "eps_99", ours="block-sum", peers=peers,
               combine=max),
        versus(rows, "coverage of 95% intervals, worst design", "coverage", ours="block-sum", peers=peers,
               better="higher", combine=min),
    )  # fmt: skip
    return [line for line in found if line]


def draw(rows):
    """Return figures: the errors of all coordinates in the worst trial, dense against sparse."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(r["problem"] for r in rows))
    kinds = ["block-sum", "sparse, 8 a column", "CountSketch"]
    figure = Figure(figsize=(3.4 * len(names), 6.2), layout="constrained")
    axes = figure.subplots(len(kinds), len(names), sharex=True, sharey="col", squeeze=False)
    for j, design in enumerate(names):
        for i, kind in enumerate(kinds):
            row = next(r for r in rows if r["problem"] == design and r["solver"] == kind)
            limit = np.sqrt(2 * np.log(2 * row["d"] / 0.01) / (row["m"] - row["d"] - 1))
            axes[i, j].vlines(np.arange(row["d"]), 0, row["worst"], color=COLOURS[1] if i == 0 else COLOURS[0], lw=1.5)
            axes[i, j].axhline(limit, color="0.4", lw=0.9, ls="--")
            axes[i, j].set_title(f"{design}: {kind}", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("coordinate")
    for axis in axes[:, 0]:
        axis.set_ylabel("error / (||r|| c_j)")
    figure.suptitle("Worst of all trials; dashed: the guarantee of a dense sketch (99%)", fontsize=10)
    return {"error_by_coordinate": figure}


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
