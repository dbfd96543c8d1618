"""Errors by coordinate of sketched coefficients: dense sketches spread them, sparse ones put them on one coordinate.

Run ``python benchmarks/sketch_guarantee/figure.py --out DIR [--quick]``.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import stats

from sparseopt.solvers.sketch.kinds import apply_sketch, sparse_signs

SKETCHES = {
    "block-sum": ("blocksum", 1),
    "SRHT": ("srht", 1),
    "Gaussian": ("gaussian", 1),
    "sparse, 8 a column": ("sjlt", 8),
    "sparse, sqrt(m)": ("sjlt", None),
    "CountSketch": ("countsketch", 1),
}


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
    """Return rows: design, sketch, quantiles of eps_inf and of the l_2 error, coverage, errors by coordinate."""
    n, d, m, trials = (1 << 12, 32, 512, 20) if quick else (1 << 14, 64, 1024, 200)
    rows = []
    for design, A, b in designs(n, d, np.random.default_rng(seed)):
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
        x = Vt.T @ ((U.T @ b) / s)
        residual = np.linalg.norm(b - A @ x)
        c = np.linalg.norm(Vt.T / s, axis=1)
        M = np.column_stack([A, b])
        used = np.flatnonzero(np.any(M != 0.0, axis=1))
        for name, (kind, nonzeros) in SKETCHES.items():
            nonzeros = nonzeros or int(np.sqrt(m))
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
            facts = dict(design=design, sketch=name, d=d, m=m, eps=q, l2=np.median(length), worst=worst)
            rows.append(facts | dict(coverage=np.mean(covered)))
            print(f"{design:22s} {name:20s} eps_inf {q[0]:.2f} {q[1]:.2f} {q[2]:.2f}  l2 {np.median(length):.2f}  "
                  f"coverage {np.mean(covered):.2f}", flush=True)  # fmt: skip
    return rows


def draw(rows):
    """Return figures: the errors of all coordinates in the worst trial, dense against sparse."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(r["design"] for r in rows))
    kinds = ["block-sum", "sparse, 8 a column", "CountSketch"]
    figure, axes = plt.subplots(len(kinds), len(names), figsize=(3.4 * len(names), 6.2), sharex=True, sharey="col")
    for j, design in enumerate(names):
        for i, kind in enumerate(kinds):
            row = next(r for r in rows if r["design"] == design and r["sketch"] == kind)
            limit = np.sqrt(2 * np.log(2 * row["d"] / 0.01) / (row["m"] - row["d"] - 1))
            axes[i, j].vlines(np.arange(row["d"]), 0, row["worst"], color="C0" if i == 0 else "C3", lw=1.5)
            axes[i, j].axhline(limit, color="0.4", lw=0.9, ls="--")
            axes[i, j].set_title(f"{design}: {kind}", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("coordinate")
    for axis in axes[:, 0]:
        axis.set_ylabel("error / (||r|| c_j)")
    figure.suptitle("Worst of all trials; dashed: the guarantee of a dense sketch (99%)", fontsize=10)
    figure.tight_layout()
    return {"error_by_coordinate": figure}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, figure in draw(compute(options.quick)).items():
        figure.savefig(options.out / f"{name}.png", dpi=110)
