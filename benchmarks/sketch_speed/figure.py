"""Speed of sketched least squares: time, backward error and error in standard errors, against what people use.

The peers get the same data in C order; each time is the best of a few. The certificate is the backward error, computed
here. Normal equations alone are less accurate than the rest: "Cholesky, refined" corrects them until the backward error
is that of QR, and is what "machine" has to be compared with. Rows named "reading" tell how fast the sketch reads the
data, beside a pass over them that only adds.
"""

import sys
import time
from pathlib import Path

import numpy as np
from scipy import linalg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.figures import COLOURS, main, versus

import sparseopt as so
from sparseopt._ext import _sketch, _sweep

BASELINES = {
    "Cholesky": "scipy", "Cholesky, refined": "scipy",
    "numpy lstsq": "numpy", "scipy gelsd": "scipy", "scipy gelsy": "scipy", "scipy QR": "scipy",
    "scikit-learn": "scikit-learn", "pass that adds": None,
}  # fmt: skip
ACCURATE = 10 * np.finfo(float).eps / 2  # backward error
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


def cholesky_refined(A, b):
    """Corrections by the same factor, as many as it takes: one or two where the columns are not nearly dependent."""
    G = A.T @ A
    scale = np.sqrt(np.diag(G))
    factor = linalg.cho_factor(G / np.outer(scale, scale))
    x = linalg.cho_solve(factor, (A.T @ b) / scale) / scale
    size = np.sqrt(b @ b + len(x) * np.sum((scale * x) ** 2))
    for _ in range(10):
        r = b - A @ x
        g = (A.T @ r) / scale
        if np.linalg.norm(linalg.solve_triangular(factor[0], g, trans="T")) <= ACCURATE * size:
            break
        x = x + linalg.cho_solve(factor, g) / scale
    return x


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
        "Cholesky, refined": (cholesky_refined, False),
        "numpy lstsq": (lambda A, b: np.linalg.lstsq(A, b)[0], True),
        "scipy gelsd": (lambda A, b: linalg.lstsq(A, b, lapack_driver="gelsd")[0], True),
        "scipy gelsy": (lambda A, b: linalg.lstsq(A, b, lapack_driver="gelsy")[0], True),
        "scipy QR": (qr, True),
        "scikit-learn": (sklearn_ols, True),
    }


def compute(quick=False, seed=0):
    """Yield one row for each size and solver."""
    for _, run in pieces(quick, seed):
        yield from run()


def pieces(quick=False, seed=0):
    """Yield (name, function that yields rows), see benchmarks/pieces.py; the large sizes take a minute or two each."""
    for n, d in [(1 << 15, 50), (1 << 14, 128)] if quick else SIZES:
        yield f"{n} x {d}", lambda n=n, d=d: race(n, d, seed)
    yield "reading", lambda: bandwidth(*((1 << 16, 128) if quick else (1 << 19, 128)))


def race(n, d, seed):
    """Yield one row for each solver."""
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
        yield dict(problem=f"{n:,} x {d}", solver=name, seconds=min(seconds), cpu_seconds=min(cpu),
                   certificate=backward, standard_errors=error)  # fmt: skip


def bandwidth(n, d):
    """Yield rows with the rate at which the sketch reads the data, by order, block and number of threads."""
    for order in "CF":
        X = np.empty((n, d), order=order)
        X[:] = np.random.default_rng(0).standard_normal((1, d))
        flat = X.ravel(order="K").reshape(-1, 1 << 10)
        for threads in (1, 2):
            sums, total = np.zeros((1, 1 << 10)), np.zeros(1)
            calls = {
                "pass that adds": (
                    lambda X=flat, sums=sums, zero=total, k=threads: _sweep.sweep(X, None, None, sums, zero, k)
                )
            }
            for lg in (10, 11, 12):
                out = np.zeros((1 << lg, d))
                calls[f"sparseopt block sum, {1 << lg} rows"] = (
                    lambda X=X, out=out, k=threads: _sketch.block_sum(X, out, 1, 0, None, True, k)
                )
            for name, call in calls.items():
                seconds = _best(call)
                yield dict(problem=f"reading {n:,} x {d}, order {order}, {threads} thread{'s' * (threads > 1)}",
                           solver=name, seconds=seconds, gb_per_second=X.nbytes / seconds / 1e9)  # fmt: skip


def _best(call, times=4):
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def verdicts(rows):
    """Time to the same use: within a twentieth of a standard error, and to machine precision."""
    accurate = [row for row in rows if row.get("certificate", 1.0) <= ACCURATE]
    good = [row for row in rows if row.get("standard_errors", 1.0) <= 0.05]
    peers = tuple(name for name in BASELINES if name != "pass that adds")
    found = (
        versus(good, "time to a twentieth of a standard error", "seconds", ours="sparseopt auto, statistical",
               peers=peers, timing=True),
        versus(accurate, "time to machine precision", "seconds", ours="sparseopt auto, machine", peers=peers,
               timing=True),
        versus(rows, "rate of reading", "gb_per_second", ours="sparseopt block sum, 1024 rows",
               peers=("pass that adds",), better="higher", timing=True, unit="GB/s"),
    )  # fmt: skip
    return [line for line in found if line]


def draw(rows):
    """Return the figure: accuracy against time, one panel a size."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    rows = [row for row in rows if "standard_errors" in row]
    sizes = list(dict.fromkeys(row["problem"] for row in rows))
    figure = Figure(figsize=(3.4 * len(sizes) + 2.4, 3.8), layout="constrained")
    axes = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    names = list(dict.fromkeys(row["solver"] for row in rows))
    for axis, size in zip(axes, sizes, strict=True):
        for k, name in enumerate(names):
            row = next(r for r in rows if (r["problem"], r["solver"]) == (size, name))
            mark = "o" if name.startswith("sparseopt") else "sD"[k // len(COLOURS)]
            axis.loglog(row["seconds"], max(row["standard_errors"], 1e-16), mark, color=COLOURS[k % len(COLOURS)], ms=8,
                        label=name)  # fmt: skip
        axis.axhline(0.05, color="0.7", lw=0.8, ls="--")
        axis.set(title=size, xlabel="seconds")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axis.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
        axis.xaxis.set_minor_locator(NullLocator())
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("largest error / standard error")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8, frameon=False)
    return {"accuracy_against_time": figure}


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
