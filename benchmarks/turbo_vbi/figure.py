"""Recovery of signals whose non-zeros come in runs: error and support against the measurements, and phases."""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import time

import numpy as np
from common import curves
from common.figures import main, versus
from turbo_signals import chain_support, error, f1, observe

BASELINES = {"SBL": "sparseopt", "LassoCV": "sparseopt", "OMP, true size": "scikit-learn", "mean field": "sparseopt"}
FAILED, RECOVERED = 1e-1, 1e-2  # relative squared errors above and below
N, SNR = 256, 25.0  # coefficients of a chain, and decibels
PHASE_N, RUN = 128, 8.0  # of the phases: coefficients, and the mean length of a run


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


def compute(quick, seed):
    """Yield one row for each number of measurements and method, then the phases."""
    for m in (64, 96, 128):
        trials, errors, scores, times = 4 if quick else 50, {}, {}, {}
        rng = np.random.default_rng([seed, m])
        for _ in range(trials):
            A, y, x, _ = observe(rng, chain_support(rng, N, 0.9 * m), m, SNR)
            for name, model in methods(min(np.count_nonzero(x), m)).items():
                start = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # hard draws need not converge
                    coef = model.fit(A, y).coef_
                times.setdefault(name, []).append(time.perf_counter() - start)
                errors.setdefault(name, []).append(error(coef, x))
                large = np.abs(coef) > 0.05 * np.abs(coef).max()
                scores.setdefault(name, []).append(f1(large & (coef != 0.0), x != 0.0))
        for name, values in errors.items():
            yield dict(
                problem=f"chain, {m} of {N}", solver=name, measurements=m, error=float(np.median(values)),
                mean_error=float(np.mean(values)), failures=float(np.mean(np.array(values) > FAILED)), trials=trials,
                f1=float(np.mean(scores[name])), seconds=float(np.median(times[name])),
            )  # fmt: skip
    yield from phases(quick, seed)


def phases(quick, seed):
    """Yield the share of recovered signals over measurements and non-zeros, one row a method and place."""
    import sparseopt as so

    models = {
        "sparseopt": so.TurboVBIRegressor(fit_intercept=False),
        "iid": so.TurboVBIRegressor(structure="iid", fit_intercept=False),
        "SBL": so.SBLRegressor(fit_intercept=False),
        "Lasso": so.LassoCV(n_alphas=30, tol=1e-4, fit_intercept=False),
    }
    steps, trials = (3, 2) if quick else (9, 10)
    for m in np.linspace(0.1, 0.9, steps):
        rows = round(m * PHASE_N)
        for share in np.linspace(0.1, 0.9, steps):
            density = share * rows / PHASE_N
            enter = density / (1.0 - density) / RUN
            rng, hits = np.random.default_rng([seed, rows, round(100 * share)]), dict.fromkeys(models, 0)
            for _ in range(trials):
                s = chain_support(rng, PHASE_N, rows, enter=enter, leave=1.0 / RUN)
                A, y, x, _ = observe(rng, s, rows, 40.0)
                for name, model in models.items():
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # beyond the phase nothing converges
                        hits[name] += error(model.fit(A, y).coef_, x) < RECOVERED
            for name, count in hits.items():
                yield dict(problem="phases", solver=name, undersampling=float(m), nonzeros=float(share),
                           recovered=count / trials, trials=trials)  # fmt: skip


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

    curve_rows = [row for row in rows if row["problem"] != "phases"]
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    panels = (("error", "median relative error, dB", curves.decibel), ("failures", "share above -10 dB", None),
              ("f1", "F1 of the support", None))  # fmt: skip
    for ax, (field, label, transform) in zip(axes, panels, strict=True):
        curves.lines(ax, curve_rows, "measurements", field, transform=transform)
        ax.set(xlabel="measurements", ylabel=label)
    axes[0].legend(fontsize=8, frameon=False)
    return {"turbo_vbi": figure, "phases": draw_phases([row for row in rows if row["problem"] == "phases"])}


def draw_phases(rows):
    """A panel for each method: measurements over coefficients, non-zeros over measurements, share recovered."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(row["solver"] for row in rows))
    figure, axes = plt.subplots(1, len(names), figsize=(3.1 * len(names), 3.3), sharey=True, layout="constrained")
    for ax, name in zip(axes, names, strict=True):
        mine = [row for row in rows if row["solver"] == name]
        x, y = (sorted({row[field] for row in mine}) for field in ("undersampling", "nonzeros"))
        share = np.full((len(y), len(x)), np.nan)
        for row in mine:
            share[y.index(row["nonzeros"]), x.index(row["undersampling"])] = row["recovered"]
        shown = ax.pcolormesh(x, y, share, vmin=0.0, vmax=1.0, cmap="viridis", shading="nearest")
        ax.set(xlabel="measurements / coefficients", title=name)
    axes[0].set_ylabel("non-zeros / measurements")
    figure.colorbar(shown, ax=axes[-1], label="share recovered")
    return figure


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
