"""Speed of sketched least squares: time, backward error and error in standard errors, against what people use.

Run ``python benchmarks/sketch_speed/figure.py --out DIR [--quick] [--bandwidth]``; prints the table, draws accuracy
against time. The peers get the same data in C order; each time is the best of a few.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy import linalg

import sparseopt as so
from sparseopt._ext import _sketch, _sweep

SIZES = [(1 << 18, 50), (1 << 18, 100), (1 << 17, 256), (1 << 16, 512), (1 << 16, 1000)]


def make(n, d, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d)) * np.logspace(0, -3, d)
    return A, A @ rng.standard_normal(d) + rng.standard_normal(n)


def cholesky(A, b):
    G = A.T @ A
    scale = np.sqrt(np.diag(G))
    factor = linalg.cho_factor(G / np.outer(scale, scale))
    return linalg.cho_solve(factor, (A.T @ b) / scale) / scale


def qr(A, b):
    Q, R = linalg.qr(A, mode="economic", check_finite=False)
    return linalg.solve_triangular(R, Q.T @ b)


def sklearn_ols(A, b):
    from sklearn.linear_model import LinearRegression

    return LinearRegression(fit_intercept=False).fit(A, b).coef_


def ours(solver, tol):
    def solve(A, b):
        m = 8 * A.shape[1] if solver == "sketch_solve" else "auto"
        return so.lstsq_sketched(A, b, solver=solver, tol=tol, m=m, random_state=0).x

    return solve


def refined(A, b, x):
    """Correct x by a gradient in extended precision, so that no solver is measured against itself."""
    g = np.zeros(A.shape[1], dtype=np.longdouble)
    for start in range(0, len(A), 2048):
        piece = A[start : start + 2048].astype(np.longdouble)
        g += piece.T @ (b[start : start + 2048] - piece @ x)
    return x + np.linalg.solve(A.T @ A, g.astype(np.float64))


def solvers():
    """name -> (solver, whether it is slow)."""
    return {
        "sparseopt auto, machine": (ours("auto", "machine"), False),
        "sparseopt auto, statistical": (ours("auto", "statistical"), False),
        "sparseopt spir, machine": (ours("spir", "machine"), False),
        "sparseopt heavy_ball, statistical": (ours("heavy_ball", "statistical"), False),
        "sparseopt sketch_solve": (ours("sketch_solve", "statistical"), False),
        "Cholesky": (cholesky, False),
        "numpy lstsq": (lambda A, b: np.linalg.lstsq(A, b)[0], True),
        "scipy gelsd": (lambda A, b: linalg.lstsq(A, b, lapack_driver="gelsd")[0], True),
        "scipy gelsy": (lambda A, b: linalg.lstsq(A, b, lapack_driver="gelsy")[0], True),
        "scipy QR": (qr, True),
        "scikit-learn": (sklearn_ols, True),
    }


def compute(quick=False, seed=0, sizes=None):
    """Return one row (a dict) for each size and solver."""
    rows = []
    for n, d in sizes or ([(1 << 15, 50), (1 << 14, 128)] if quick else SIZES):
        A, b = make(n, d, seed)
        certified = so.lstsq_sketched(A, b, solver="csne", tol="machine")
        exact = refined(A, b, certified.x)
        _, s, Vt = np.linalg.svd(np.linalg.cholesky(A.T @ A).T)
        for name, (solve, slow) in solvers().items():
            seconds, cpu = [], []
            for _ in range(1 if slow and n * d > 10**7 else 3):
                start, start_cpu = time.perf_counter(), time.process_time()
                x = solve(A, b)
                seconds.append(time.perf_counter() - start)
                cpu.append(time.process_time() - start_cpu)
            r = b - A @ x
            g = A.T @ r
            # Karlson-Walden
            tau = (r @ r) / (x @ x)
            backward = np.linalg.norm((Vt @ g) / np.sqrt(s**2 + tau)) / np.linalg.norm(x) / np.linalg.norm(s)
            error = np.max(np.abs(x - exact) / certified.stderr)
            rows.append(dict(n=n, d=d, solver=name, seconds=min(seconds), cpu=min(cpu), backward_error=backward,
                             standard_errors=error))  # fmt: skip
            print(f"{n:8d} {d:5d} {name:36s} {min(seconds):8.3f} s, cpu {min(cpu):8.3f} s", end="  ")
            print(f"backward {backward:.1e}  error/se {error:.1e}", flush=True)
    return rows


def bandwidth(n=1 << 19, d=128, threads=(1, 2)):
    """Return rows with the fraction of the rate of reading that the sketch reaches, by block, order and threads."""
    rows = []
    for order in "CF":
        X = np.empty((n, d), order=order)
        X[:] = np.random.default_rng(0).standard_normal((1, d))
        flat = X.ravel(order="K")
        for count in threads:
            read = _best(lambda flat=flat, count=count: _sweep.sweep(flat.reshape(-1, 1 << 10), None, None, np.zeros(
                (1, 1 << 10)), np.zeros(1), count))  # fmt: skip
            total = _best(lambda flat=flat: flat.sum())
            for lg in (10, 11, 12):
                out = np.zeros((1 << lg, d))
                seconds = _best(lambda out=out, X=X, count=count: _sketch.block_sum(X, out, 1, 0, None, True, count))
                rows.append(dict(order=order, threads=count, block=1 << lg, gb=X.nbytes / seconds / 1e9,
                                 sum_gb=X.nbytes / total / 1e9, sweep_gb=X.nbytes / read / 1e9))  # fmt: skip
                print(rows[-1], flush=True)
    return rows


def _best(call, times=4):
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def draw(rows):
    """Return figures: accuracy against time, one panel a size."""
    import matplotlib.pyplot as plt

    sizes = list(dict.fromkeys((r["n"], r["d"]) for r in rows))
    figure, axes = plt.subplots(1, len(sizes), figsize=(3.4 * len(sizes) + 2.4, 3.8), sharey=True, squeeze=False)
    names = list(dict.fromkeys(r["solver"] for r in rows))
    colours = plt.get_cmap("tab20").colors
    for axis, (n, d) in zip(axes[0], sizes, strict=True):
        for k, name in enumerate(names):
            row = next(r for r in rows if (r["n"], r["d"], r["solver"]) == (n, d, name))
            mark = "o" if name.startswith("sparseopt") else "s"
            axis.loglog(row["seconds"], max(row["standard_errors"], 1e-16), mark, color=colours[k], ms=8, label=name)
        axis.axhline(0.05, color="0.7", lw=0.8, ls="--")
        axis.set(title=f"{n:,} x {d}", xlabel="seconds")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("largest error / standard error")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="center right", fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0, 1 - 2.4 / (3.4 * len(sizes) + 2.4), 1))
    return {"accuracy_against_time": figure}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--bandwidth", action="store_true")
    parser.add_argument("--size", type=int, action="append", help="index of a size, to run it alone")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.bandwidth:
        bandwidth()
    else:
        found = compute(options.quick, 0, [SIZES[i] for i in options.size] if options.size else None)
        for name, figure in draw(found).items():
            figure.savefig(options.out / f"{name}.png", dpi=110)
