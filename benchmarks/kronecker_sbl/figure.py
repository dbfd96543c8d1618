"""Kronecker-structured sparse recovery on the published synthetic setting: error, support, time.

Dictionaries are Gaussian, (M_1, 12, 15) measurements, 15 atoms a factor, K active ones in each. Values on the support
are independent ("iid"), or a Kronecker product themselves as in the paper ("product"). Hollow marks are the published
averages (which are of norms, not of squares; they are shown squared).
"""

import sys
import time
import warnings
from functools import reduce
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.curves import decibel, lines, summary  # noqa: E402
from common.figures import main, versus  # noqa: E402

import sparseopt as so  # noqa: E402

# arXiv 2307.14719 v1, read from its figures: mean of |error| / |signal|, support recovery rate
PUBLISHED = {
    ("SNR", "am"): {5: (.342, .033), 10: (.218, .144), 15: (.094, .587), 20: (.061, .732), 25: (.054, .735),
                    30: (.057, .738)},
    ("SNR", "svd"): {5: (.128, .539), 10: (.074, .718), 15: (.045, .836), 20: (.028, .886), 25: (.022, .899),
                     30: (.017, .901)},
    ("SNR", "classic SBL"): {5: (.545, .103), 10: (.296, .217), 15: (.150, .435), 20: (.103, .587), 25: (.080, .655),
                             30: (.083, .662)},
    ("M_1", "am"): {6: (.263, .602), 8: (.061, .748), 10: (.041, .755), 12: (.038, .763), 14: (.037, .763)},
    ("M_1", "svd"): {6: (.231, .728), 8: (.038, .883), 10: (.013, .903), 12: (.012, .904), 14: (.011, .909)},
    ("K", "am"): {2: (.022, .825), 3: (.081, .756), 4: (.144, .639), 5: (.393, .477), 6: (.526, .396)},
    ("K", "svd"): {2: (.0073, .933), 3: (.045, .910), 4: (.135, .769), 5: (.314, .620), 6: (.447, .483)},
}  # fmt: skip
BASELINES = {"am": None, "svd": None, "KroneckerOMP": None, "oracle": None}
SWEEPS = {
    "SNR": [dict(snr=snr) for snr in (5, 10, 15, 20, 25, 30)],
    "M_1": [dict(m1=m) for m in (6, 8, 10, 12, 14)],
    "K": [dict(active=k) for k in (2, 3, 4, 5, 6)],
}
KEYS = {"SNR": "snr", "M_1": "m1", "K": "active"}


def simulate(seed, snr=25, m1=8, active=3, values="iid"):
    """Dictionaries, signal, noisy measurements, noise variance, support."""
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal((m, 15)) for m in (m1, 12, 15)]
    support = [np.sort(rng.choice(15, active, replace=False)) for _ in factors]
    x = np.zeros((15, 15, 15))
    if values == "iid":
        x[np.ix_(*support)] = rng.standard_normal((active,) * 3)
    else:
        x[np.ix_(*support)] = reduce(np.multiply.outer, rng.standard_normal((3, active)))
    y = np.einsum("ia,jb,kc,abc->ijk", *factors, x, optimize=True)
    s2 = np.mean(y**2) / 10 ** (snr / 10)
    return factors, x.ravel(), y + np.sqrt(s2) * rng.standard_normal(y.shape), s2, support


def oracle(factors, y, support):
    """Least squares on the true support."""
    parts = [np.linalg.pinv(H[:, s]) for H, s in zip(factors, support, strict=True)]
    x = np.zeros((15, 15, 15))
    x[np.ix_(*support)] = np.einsum("ai,bj,ck,ijk->abc", *parts, y, optimize=True)
    return x.ravel()


def methods(s2, values):
    """Estimators by name; the published algorithms as they were published."""
    table = {
        "mm": so.KroneckerSBL(noise_variance=s2),
        "mm, 5 starts": so.KroneckerSBL(noise_variance=s2, n_init=5, random_state=0),
        "mm, noise learned": so.KroneckerSBL(),
        "am": so.KroneckerSBL(solver="am", noise_variance=s2, normalize=False, max_iter=150),
        "svd": so.KroneckerSBL(solver="svd", noise_variance=s2, normalize=False, max_iter=150),
        "KroneckerOMP": so.KroneckerOMP(noise_variance=s2),
    }
    if values == "product":
        table["decompose"] = so.KroneckerSBL(solver="decompose")
    return table


def compute(quick=True, seed=0):
    """Yield one row for each sweep, point and method."""
    trials = 4 if quick else 100
    for values in ("iid", "product"):
        for sweep, points in SWEEPS.items():
            for point in points:
                found: dict = {}
                for t in range(trials):
                    factors, x, y, s2, support = simulate(1000 * (seed + 1) + t, values=values, **point)
                    for name, model in methods(s2, values).items():
                        start = time.perf_counter()
                        with warnings.catch_warnings():
                            warnings.simplefilter("ignore")
                            model.fit(factors, y)
                        seconds = time.perf_counter() - start
                        found.setdefault(name, []).append((model.coef_, x, seconds))
                    found.setdefault("oracle", []).append((oracle(factors, y, support), x, None))
                for name, runs in found.items():
                    errors = [np.sum((a - b) ** 2) / np.sum(b**2) for a, b, _ in runs]
                    stats = summary(errors)
                    times = [s for _, _, s in runs if s is not None]
                    x_value = point[KEYS[sweep]]
                    yield dict(
                        problem=f"{values}, {sweep} = {x_value}", values=values, sweep=sweep, x=x_value, solver=name,
                        nmse_mean=stats["mean"], nmse_median=stats["median"],
                        nmse_aggregated=float(
                            sum(np.sum((a - b) ** 2) for a, b, _ in runs) / sum(np.sum(b**2) for _, b, _ in runs)
                        ),
                        srr=float(np.mean([so.channel.support_recovery_rate(a, b) for a, b, _ in runs])),
                        seconds=float(np.median(times)) if times else None, trials=trials,
                    )  # fmt: skip


def verdicts(rows):
    """The error, the support and the time beside the best of the published algorithms."""
    peers = ("am", "svd")
    found = (
        versus(rows, "squared error, relative", "nmse_aggregated", ours="mm", peers=peers, floor=1e-8),
        versus(rows, "support recovery rate", "srr", ours="mm", peers=peers, better="higher", floor=0.01),
        versus(rows, "time of a fit", "seconds", ours="mm", peers=peers, timing=True),
    )
    return [line for line in found if line]


def draw(rows):
    """Return figures by name."""
    import matplotlib.pyplot as plt

    figures = {}
    for values, title in (
        ("iid", "independent values on a Kronecker support"),
        ("product", "values that are a product"),
    ):
        figure, axes = plt.subplots(4, 3, figsize=(12, 13), sharex="col", constrained_layout=True)
        for column, (sweep, label) in enumerate(
            (("SNR", "SNR [dB]"), ("M_1", "measurements $M_1$"), ("K", "active atoms $K$"))
        ):
            mine = [row for row in rows if row["sweep"] == sweep and row["values"] == values]
            known = {m: v for (s, m), v in PUBLISHED.items() if s == sweep} if values == "product" else {}
            squared = {m: {k: decibel(a**2) for k, (a, _) in v.items()} for m, v in known.items()}
            rates = {m: {k: b for k, (_, b) in v.items()} for m, v in known.items()}
            lines(axes[0, column], mine, "x", "nmse_mean", transform=decibel, published=squared)
            lines(axes[1, column], mine, "x", "nmse_median", transform=decibel)
            lines(axes[2, column], mine, "x", "srr", published=rates)
            lines(axes[3, column], mine, "x", "seconds", transform=lambda s: 1e3 * s)
            axes[3, column].set_yscale("log")
            axes[3, column].set_xlabel(label)
        for ax, label in zip(
            axes[:, 0], ("mean NMSE [dB]", "median NMSE [dB]", "support recovery rate", "time [ms]"), strict=True
        ):
            ax.set_ylabel(label)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncol=7, frameon=False)
        figure.suptitle(f"Kronecker-structured recovery: {title} ({rows[0]['trials']} trials; hollow: published)")
        figures[f"kronecker_sbl_{values}"] = figure
    return figures


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
