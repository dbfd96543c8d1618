"""Recovery of signals whose non-zeros come in runs: error and support against the number of measurements."""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import time

import numpy as np
from common import curves
from common.figures import main, versus

BASELINES = {"SBL": "sparseopt", "LassoCV": "sparseopt", "OMP, true size": "scikit-learn", "mean field": "sparseopt"}
FAILED = 10.0 ** (-1.0)  # relative squared errors above it
N, ENTER, LEAVE, SNR = 256, 0.02, 0.1, 25.0  # of the chain, and in decibels


def draw_signal(rng, m):
    """Return (A, y, x) with a Markov chain for the support."""
    s = np.zeros(N, dtype=bool)
    s[0] = rng.random() < ENTER / (ENTER + LEAVE)
    for i in range(1, N):
        s[i] = rng.random() > LEAVE if s[i - 1] else rng.random() < ENTER
    if not s.any():
        s[N // 2] = True
    x = np.where(s, rng.standard_normal(N), 0.0)
    A = rng.standard_normal((m, N)) / np.sqrt(m)
    clean = A @ x
    y = clean + np.sqrt(np.mean(clean**2) * 10 ** (-SNR / 10)) * rng.standard_normal(m)
    return A, y, x


def methods(k):
    """Return the estimators by name."""
    from sklearn.linear_model import OrthogonalMatchingPursuit

    import sparseopt as so

    plain = dict(fit_intercept=False)
    return {
        "sparseopt": so.TurboVBIRegressor(**plain),
        "joint": so.TurboVBIRegressor(evidence="joint", **plain),
        "mean field": so.TurboVBIRegressor(evidence="mean_field", **plain),
        "iid": so.TurboVBIRegressor(structure="iid", **plain),
        "SBL": so.SBLRegressor(**plain),
        "LassoCV": so.LassoCV(cv=5, n_alphas=50, **plain),
        "OMP, true size": OrthogonalMatchingPursuit(n_nonzero_coefs=k, **plain),
    }


def f1(found, true):
    """Return the harmonic mean of precision and recall of the support."""
    both = np.count_nonzero(found & true)
    return 2.0 * both / max(np.count_nonzero(found) + np.count_nonzero(true), 1)


def compute(quick, seed):
    """Yield one row for each number of measurements and method."""
    for m in (64, 96, 128):
        trials, errors, scores, times = 6 if quick else 50, {}, {}, {}
        rng = np.random.default_rng([seed, m])
        for _ in range(trials):
            A, y, x = draw_signal(rng, m)
            for name, model in methods(min(np.count_nonzero(x), m)).items():
                start = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # hard draws need not converge
                    coef = model.fit(A, y).coef_
                times.setdefault(name, []).append(time.perf_counter() - start)
                errors.setdefault(name, []).append(np.sum((coef - x) ** 2) / np.sum(x**2))
                large = np.abs(coef) > 0.05 * np.abs(coef).max()
                scores.setdefault(name, []).append(f1(large & (coef != 0.0), x != 0.0))
        for name, values in errors.items():
            yield dict(
                problem=f"chain, {m} of {N}", solver=name, measurements=m, error=float(np.median(values)),
                mean_error=float(np.mean(values)), failures=float(np.mean(np.array(values) > FAILED)), trials=trials,
                f1=float(np.mean(scores[name])), seconds=float(np.median(times[name])),
            )  # fmt: skip


def verdicts(rows):
    """The default beside methods without a structure."""
    found = (
        versus(rows, "squared error, relative, median", "error", peers=BASELINES),
        versus(rows, "F1 of the support", "f1", peers=BASELINES, better="higher"),
        versus(rows, "time of a fit", "seconds", peers=("SBL", "LassoCV"), timing=True),
    )
    return [line for line in found if line]


def draw(rows):
    """Error, failures and support against measurements."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    panels = (("error", "median relative error, dB", curves.decibel), ("failures", "share above -10 dB", None),
              ("f1", "F1 of the support", None))  # fmt: skip
    for ax, (field, label, transform) in zip(axes, panels, strict=True):
        curves.lines(ax, rows, "measurements", field, transform=transform)
        ax.set(xlabel="measurements", ylabel=label)
    axes[0].legend(fontsize=8, frameon=False)
    return {"turbo_vbi": figure}


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
