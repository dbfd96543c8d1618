"""Kronecker-structured sparse recovery on the published synthetic setting: error, support, time.

Dictionaries are Gaussian, (M_1, 12, 15) measurements, 15 atoms a factor, K active ones in each. Values on the support
are independent ("iid"), or a Kronecker product themselves as in the paper ("product"). Hollow marks are the published
averages (which are of norms, not of squares; they are shown squared).
"""

import sys
import time
import warnings
from functools import cache, partial, reduce
from pathlib import Path
from statistics import fmean, median

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from common.blocks import blocks, combine  # noqa: E402
from common.curves import decibel, lines  # noqa: E402
from common.figures import main, versus  # noqa: E402
from numpy_solvers import classic, majorise  # noqa: E402
from published_recovery import PUBLISHED  # noqa: E402

import sparseopt as so  # noqa: E402

BASELINES = {name: None for name in ("am", "svd", "KroneckerOMP", "oracle", "numpy", "classic SBL")}
SWEEPS = {
    "SNR": [dict(snr=snr) for snr in (5, 10, 15, 20, 25, 30)],
    "M_1": [dict(m1=m) for m in (6, 8, 10, 12, 14)],
    "K": [dict(active=k) for k in (2, 3, 4, 5, 6)],
}
KEYS = {"SNR": "snr", "M_1": "m1", "K": "active"}
DEFAULTS = dict(snr=25, m1=8, active=3)


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
        "mm, one start": so.KroneckerSBL(noise_variance=s2, n_init=1),
        "mm, noise learned": so.KroneckerSBL(),
        "am": so.KroneckerSBL(solver="am", noise_variance=s2, normalize=False, max_iter=150),
        "svd": so.KroneckerSBL(solver="svd", noise_variance=s2, normalize=False, max_iter=150),
        "KroneckerOMP": so.KroneckerOMP(noise_variance=s2),
    }
    if values == "product":
        table["decompose"] = so.KroneckerSBL(solver="decompose")
    return table


def pieces(quick=True, seed=0):
    """Yield (name, function) of parts that can run by themselves; rows have kind "error", "time" or "users"."""
    for block in blocks(2 if quick else 100):
        for values in ("iid", "product"):
            for sweep, points in SWEEPS.items():
                for point in points[::2] if quick else points:
                    name = f"{values}, {sweep} = {point[KEYS[sweep]]}"
                    yield f"error, draws from {block[0]}, {name}", partial(errors, values, sweep, point, block, seed)
    for values in ("iid", "product"):
        for point in SWEEPS["SNR"][::4] if quick else SWEEPS["SNR"]:
            name = f"{values}, SNR = {point['snr']}"
            yield f"time, {name}", partial(times, values, point, 1 if quick else 9, seed)
    if not quick:
        yield "classic, product, SNR = 25", partial(classic_times, seed)
    for number in (100,) if quick else (1000,):
        yield f"users, {number}", partial(users, number, seed)


def compute(quick=True, seed=0):
    """Yield the rows of all pieces."""
    for _, run in pieces(quick, seed):
        yield from run()


def errors(values, sweep, point, block, seed):
    """One row for each method, with the values of all draws of a block."""
    x = point[KEYS[sweep]]
    for row in draws(values, tuple(sorted({**DEFAULTS, **point}.items())), block, seed):
        yield dict(row, kind="error", problem=f"{values}, {sweep} = {x}", values=values, sweep=sweep, x=x)


@cache
def draws(values, setting, block, seed):
    """Squared errors relative to the signal, its squares, support recovery rates; the sweeps share a setting."""
    found: dict = {}
    for t in block:
        factors, x, y, s2, support = simulate(1000 * (seed + 1) + t, values=values, **dict(setting))
        estimates = {"oracle": oracle(factors, y, support)}
        for name, model in methods(s2, values).items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                estimates[name] = model.fit(factors, y).coef_
        for name, estimate in estimates.items():
            row = found.setdefault(name, dict(solver=name, block=block[0], nmse=[], signal=[], srr=[]))
            row["signal"].append(float(np.sum(x**2)))
            row["nmse"].append(float(np.sum((estimate - x) ** 2)) / row["signal"][-1])
            row["srr"].append(float(so.channel.support_recovery_rate(estimate, x)))
    return list(found.values())


def averages(rows):
    """One row for each point and method: means and medians over all draws."""
    found = combine([r for r in rows if r["kind"] == "error"], ("nmse", "signal", "srr"))
    for row in found:
        lost = sum(e * s for e, s in zip(row["nmse"], row["signal"], strict=True))
        row.update(
            nmse_mean=fmean(row["nmse"]), nmse_median=median(row["nmse"]), nmse_aggregated=lost / sum(row["signal"]),
            srr=fmean(row["srr"]),
        )  # fmt: skip
    return found


def times(values, point, trials, seed):
    """One row for each method: median time of a fit; our solver and numpy's take turns on the same draws."""
    found: dict = {}
    for t in range(trials):
        factors, _, y, s2, _ = simulate(1000 * (seed + 1) + t, values=values, **point)
        runs = {name: partial(model.fit, factors, y) for name, model in methods(s2, values).items()}
        runs["numpy"] = partial(majorise, factors, y, s2)
        for name, run in runs.items():
            found.setdefault(name, []).append(quickest(run))
    for name, seconds in found.items():
        yield dict(
            kind="time", problem=f"time, {values}, SNR = {point['snr']}", values=values, sweep="SNR", x=point["snr"],
            solver=name, seconds=float(np.median(seconds)), ratio=float(np.median(found["numpy"]) / np.median(seconds)),
            trials=trials,
        )  # fmt: skip


def quickest(run, repeats=3):
    """The shortest of some times."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run()
        best = min(best, time.perf_counter() - start)
    return best


def classic_times(seed):
    """Classic sparse Bayesian learning on the Kronecker matrix, once, beside ours on the same draw."""
    factors, x, y, s2, _ = simulate(1000 * (seed + 1), values="product")
    start = time.perf_counter()
    estimate = classic(factors, y, s2)
    seconds = time.perf_counter() - start
    model = so.KroneckerSBL(noise_variance=s2)
    own = quickest(lambda: model.fit(factors, y))
    for name, found, taken in (("classic SBL", estimate, seconds), ("mm", model.coef_, own)):
        yield dict(
            kind="classic", problem="classic", values="product", solver=name, seconds=taken, ratio=seconds / taken,
            nmse=float(np.sum((found - x) ** 2) / np.sum(x**2)),
        )  # fmt: skip


def users(number, seed):
    """Throughput of many users on one dictionary: one call beside loops."""
    rng = np.random.default_rng(seed)
    factors = simulate(1000 * (seed + 1))[0]
    Y, s2 = [], 0.0
    for _ in range(number):
        x = np.zeros((15, 15, 15))
        x[np.ix_(*(rng.choice(15, 3, replace=False) for _ in range(3)))] = rng.standard_normal((3, 3, 3))
        clean = np.einsum("ia,jb,kc,abc->ijk", *factors, x, optimize=True)
        noise = np.sqrt(np.mean(clean**2) / 10**2.5)
        Y.append((clean + noise * rng.standard_normal(clean.shape)).ravel())
    Y, s2 = np.array(Y), np.mean(np.square(Y), axis=1) / (1 + 10**2.5)
    coder = so.KroneckerSBLCoder(factors, noise_variance=s2).fit(Y)
    some = max(number // 20, 1)
    runs = {
        "one call": (number, lambda: coder.solve(Y)),
        "one call, codes": (number, lambda: coder.transform(Y)),
        "loop over KroneckerSBL.fit": (
            number, lambda: [so.KroneckerSBL(noise_variance=v).fit(factors, y) for y, v in zip(Y, s2, strict=True)],
        ),
        "loop over numpy": (some, lambda: [majorise(factors, y, v) for y, v in zip(Y[:some], s2, strict=False)]),
    }  # fmt: skip
    found = {name: quickest(run, 2) / n for name, (n, run) in runs.items()}
    for name, seconds in found.items():
        yield dict(kind="users", problem=f"{number} users", solver=name, seconds=seconds, users=number,
                   ratio=seconds / found["one call"])  # fmt: skip


def verdicts(rows):
    """The error, the support and the time beside the best of the published algorithms."""
    peers = ("am", "svd")
    errors_, times_ = averages(rows), [row for row in rows if row["kind"] == "time"]
    found = (
        versus(errors_, "median squared error, relative", "nmse_median", ours="mm", peers=peers, floor=1e-8),
        versus(errors_, "support recovery rate", "srr", ours="mm", peers=peers, better="higher", floor=0.01),
        versus(times_, "time of a fit", "seconds", ours="mm", peers=peers, timing=True),
        versus(times_, "time of a fit beside numpy", "seconds", ours="mm", peers=("numpy",), timing=True),
    )
    return [line for line in found if line]


TITLES = {"iid": "independent values on a Kronecker support", "product": "values that are a product"}


def draw(rows):
    """Return figures by name."""
    import matplotlib.pyplot as plt

    figures, found = {}, averages(rows)
    for values, title in TITLES.items():
        figure, axes = plt.subplots(3, 3, figsize=(12, 10), sharex="col", constrained_layout=True)
        for column, (sweep, label) in enumerate(
            (("SNR", "SNR [dB]"), ("M_1", "measurements $M_1$"), ("K", "active atoms $K$"))
        ):
            mine = [r for r in found if r["sweep"] == sweep and r["values"] == values]
            known = {m: v for (s, m), v in PUBLISHED.items() if s == sweep} if values == "product" else {}
            squared = {m: {k: decibel(a**2) for k, (a, _) in v.items()} for m, v in known.items()}
            rates = {m: {k: b for k, (_, b) in v.items()} for m, v in known.items()}
            lines(axes[0, column], mine, "x", "nmse_mean", transform=decibel, published=squared)
            lines(axes[1, column], mine, "x", "nmse_median", transform=decibel)
            lines(axes[2, column], mine, "x", "srr", published=rates)
            axes[2, column].set_xlabel(label)
        for ax, label in zip(axes[:, 0], ("mean NMSE [dB]", "median NMSE [dB]", "support recovery rate"), strict=True):
            ax.set_ylabel(label)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncol=7, frameon=False)
        figure.suptitle(f"Kronecker-structured recovery: {title} ({found[0]['trials']} trials; hollow: published)")
        figures[f"kronecker_sbl_{values}"] = figure
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, constrained_layout=True)
    for ax, (values, title) in zip(axes, TITLES.items(), strict=True):
        mine = [r for r in rows if r["kind"] == "time" and r["values"] == values]
        lines(ax, mine, "x", "seconds", transform=lambda s: 1e3 * s)
        ax.set(yscale="log", xlabel="SNR [dB]", title=title)
    axes[0].set_ylabel("time of a fit [ms]")
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncol=7, frameon=False)
    figures["kronecker_sbl_time"] = figure
    return figures


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
