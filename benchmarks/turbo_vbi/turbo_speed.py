"""Time and memory of Turbo-VBI: beside the formulas as they are written, and on a long chain with a sparse design.

`--only NAME` measures one part; rows go to `--pieces FILE` and are kept with `--keep`.
"""

import argparse
import json
import resource
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[2]))

import numpy as np
from common.figures import keep
from scipy import sparse
from turbo_signals import chain_support, error, observe

import sparseopt as so

DRAWS, ROWS, COLUMNS, REPEATS = 5, 384, 1024, 3
LONG, STORED = 100_000, 20  # columns of the sparse design, and entries of each


def textbook(A, y, ratio=1e-4, max_iter=150, tol=1e-5):
    """The prototype of the method: dense inverses of the m x m matrix, prior variances the second moments.

    Messages along the chain are those of the package, so that only the posterior differs.
    """
    m, n = A.shape
    prior = so.supports.ChainSupport()
    power = y @ y
    s1, kappa = power / (prior.density * np.sum(A**2)), 100.0 * m / power
    rho, last = np.full(n, 1.0 / (prior.density * s1)), np.zeros(n)
    for iteration in range(max_iter):
        D = 1.0 / rho
        inverse = np.linalg.inv(np.eye(m) / kappa + (A * D) @ A.T)
        T = inverse @ A
        mu = D * (T.T @ y)
        diagonal = np.maximum(D - D**2 * np.einsum("ij,ij->j", A, T), 1e-300)
        trace = np.sum(1.0 - rho * diagonal) / kappa
        v = 1.0 / np.maximum(1.0 / diagonal - rho, 1e-6 / s1)
        mean, s0 = mu / diagonal * v, ratio * s1
        llr = 0.5 * (np.log((v + s0) / (v + s1)) + mean**2 * (1.0 / (v + s0) - 1.0 / (v + s1)))
        messages = prior.messages(llr)
        v1, v0, m1, m0 = v * s1 / (v + s1), v * s0 / (v + s0), mean * s1 / (v + s1), mean * s0 / (v + s0)
        p = messages.prob
        rho = 1.0 / (p * (v1 + m1**2) + (1.0 - p) * (v0 + m0**2))
        kappa = min(m / (np.sum((y - A @ mu) ** 2) + trace), 1e8 * m / power)
        if iteration >= 10:
            s1 = np.sum(p * (v1 + m1**2)) / np.sum(p)
        if iteration >= 5:
            prior = prior.learned(messages)
        if iteration > 5 and np.linalg.norm(mu - last) < tol * np.linalg.norm(mu):
            break
        last = mu
    return p * m1 + (1.0 - p) * m0, iteration + 1


def package(A, y, tol=1e-5):
    """The estimator."""
    model = so.TurboVBIRegressor(fit_intercept=False, tol=tol).fit(A, y)
    return model.coef_, model.n_iter_


METHODS = {
    "sparseopt": package,
    "sparseopt, tol=1e-3": lambda A, y: package(A, y, tol=1e-3),
    "numpy, formulas": textbook,
}


def beside_the_formulas():
    """One row for each draw and method."""
    package(*observe(np.random.default_rng(0), chain_support(np.random.default_rng(0), 64, 20), 40, 25.0)[:2])
    for number in range(DRAWS):
        rng = np.random.default_rng([3, number])
        s = chain_support(rng, COLUMNS, 0.9 * ROWS)
        A, y, x, _ = observe(rng, s, ROWS, 25.0)
        for name, solve in METHODS.items():
            times = []
            for _ in range(REPEATS):
                start = time.perf_counter()
                coef, iterations = solve(A, y)
                times.append(time.perf_counter() - start)
            yield dict(
                problem=f"{ROWS} x {COLUMNS}", solver=name, draw=number, nonzeros=int(s.sum()), iterations=iterations,
                seconds=float(np.median(times)), error_db=10 * np.log10(error(coef, x)),
            )  # fmt: skip


def long_chain(columns=LONG):
    """One fit of a long chain: a sparse design with half as many rows as columns, and 20 entries a column."""
    rng = np.random.default_rng(7)
    rows = columns // 2
    s = chain_support(rng, columns, columns)
    x = s * rng.standard_normal(columns)
    at = rng.integers(0, rows, (columns, STORED))
    values = rng.standard_normal(columns * STORED) / np.sqrt(STORED)
    A = sparse.csc_matrix((values, at.ravel(), np.arange(0, columns * STORED + 1, STORED)), shape=(rows, columns))
    A.sum_duplicates()
    clean = A @ x
    y = clean + np.sqrt(np.mean(clean**2) * 10**-2.5) * rng.standard_normal(rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    model = so.TurboVBIRegressor(fit_intercept=False).fit(A, y)
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    yield dict(
        problem=f"{rows} x {columns}, sparse", solver="sparseopt", nonzeros=int(s.sum()), iterations=model.n_iter_,
        converged=model.converged_, seconds=seconds, memory_mb=memory, error_db=10 * np.log10(error(model.coef_, x)),
    )  # fmt: skip


PARTS = {"formulas": beside_the_formulas, "long": long_chain}


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--pieces", type=Path, default=Path("turbo_speed.jsonl"))
    parser.add_argument("--keep", action="store_true", help="keep the rows of --pieces, measure nothing")
    options = parser.parse_args()
    if options.keep:
        rows = [json.loads(line) for line in options.pieces.read_text().splitlines()]
        print(keep("turbo_vbi", rows, "python benchmarks/turbo_vbi/turbo_speed.py", run="speed", seed=3))
        return
    warnings.simplefilter("ignore")
    for name in PARTS if options.only is None else [options.only]:
        rows = list(PARTS[name]())
        with options.pieces.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        for row in rows:
            print(row)


if __name__ == "__main__":
    main()
