"""IRS-aided MIMO channel estimation on the published setting: error, symbol errors, time; and off the grid.

6 antennas at the mobile station, 16 at the base station, 256 elements, 18 grid points, 3 pilots under 6 configurations;
pilots and configurations are drawn anew every ten channels. Hollow marks are the published values (50 trials).
"""

import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "kronecker_sbl")]

from common.blocks import blocks, combine  # noqa: E402
from common.curves import decibel, lines  # noqa: E402
from common.figures import main, versus  # noqa: E402
from numpy_solvers import majorise  # noqa: E402
from published_channel import PUBLISHED, PUBLISHED_4_10  # noqa: E402

import sparseopt as so  # noqa: E402
from sparseopt.solvers.sbl import solve_kronecker  # noqa: E402

ch = so.channel
SETTINGS = {  # pilots x configurations
    "3 x 6": dict(size=(3, 6), snrs=(4, 8, 12, 16, 20), trials=100),
    "4 x 10": dict(size=(4, 10), snrs=(5, 10, 15, 20, 25, 30), trials=50),
}
SNRS = SETTINGS["3 x 6"]["snrs"]
BASELINES = {"numpy": None, "svd": None, "am": None, "pc": None, "on grid": None}
AS_PUBLISHED = dict(normalize=False, max_iter=150, prune_absolute=1e-4)


GRIDS = [so.channel.angle_grid(18) + shift for shift in (1.0, 0.0, 0.0)]


def dictionaries(pilots, phases):
    """Of the surface, the mobile station and the base station."""
    return [
        phases.T @ np.exp(-1j * np.pi * np.multiply.outer(np.arange(256), GRIDS[0])) / 256,
        pilots.T @ ch.steering_vector(6, GRIDS[1]).conj(),
        ch.steering_vector(16, GRIDS[2]),
    ]


class Published:
    """A published algorithm with the settings of its authors."""

    def __init__(self, solver, noise_variance):
        prune = {"am": (1e-2, 1e-1, 1e-3), "pc": (1e-2, 1e-1, 1e-2), "svd": 0.0}[solver]
        self.options = dict(AS_PUBLISHED, solver=solver, prune=prune, noise_variance=noise_variance)
        if solver == "pc":
            self.options["coupling"] = (0.8, None, 0.8)

    def fit(self, Y, pilots, phases):
        """Solve; angles and gains go into an estimator that knows how to make channels of them."""
        self.model = so.channel.IRSChannelEstimator(max_iter=1).fit(Y, pilots, phases)
        factors = dictionaries(pilots, phases)
        start = time.perf_counter()
        result = solve_kronecker(factors, Y.reshape(1, 1, -1), **self.options)[0]
        self.seconds = time.perf_counter() - start
        self.model.angles_ = dict(
            zip(("irs", "ms", "bs"), (g[s] for g, s in zip(GRIDS, result.support, strict=True)), strict=True)
        )
        self.model.gains_ = result.mean[0]
        return self

    def predict_channel(self, phases):
        return self.model.predict_channel(phases)


def methods(s2):
    """Estimators by name."""
    new = so.channel.IRSChannelEstimator
    return {
        "mm": new(noise_variance=s2),
        "mm, one start": new(noise_variance=s2, n_init=1),
        "mm, noise learned": new(),
        "mm, coupled": new(noise_variance=s2, coupling=(0.8, None, 0.8)),
        "decompose": new(solver="decompose"),
        "svd": Published("svd", s2), "am": Published("am", s2), "pc": Published("pc", s2),
    }  # fmt: skip


def pieces(quick=True, seed=0):
    """Yield (name, function) of parts that can run by themselves; rows have panel "irs", "time" or "angles"."""
    for setting in ("3 x 6",) if quick else SETTINGS:
        for block in blocks(2 if quick else SETTINGS[setting]["trials"]):
            for snr in SETTINGS[setting]["snrs"][:: 2 if quick else 1]:
                name = f"irs, {setting}, draws from {block[0]}, SNR {snr} dB"
                yield name, partial(errors, setting, snr, block, seed)
    for snr in (4, 20) if quick else SETTINGS["3 x 6"]["snrs"]:
        yield f"time, SNR {snr} dB", partial(times, snr, 2 if quick else 10, seed)
    for block in blocks(2 if quick else 40, size=10):
        for snr in (5, 25) if quick else (0, 5, 10, 15, 20, 25):
            yield f"angles, draws from {block[0]}, SNR {snr} dB", partial(angles, snr, block, seed)


def compute(quick=True, seed=0):
    """Yield the rows of all pieces."""
    for _, run in pieces(quick, seed):
        yield from run()


def draw_data(setting, snr, t, seed):
    """A channel, what is received, and the true responses; pilots and configurations change every ten channels."""
    slots, configurations = SETTINGS[setting]["size"]
    drawn = 900 + 1000 * seed + t // 10
    pilots = ch.pilot_symbols(6, slots, random_state=drawn)
    phases = ch.irs_configurations(256, configurations, random_state=drawn)
    channel = ch.IRSChannel(random_state=7000 + 1000 * seed + t)
    data = ch.simulate_pilots(channel, pilots=pilots, phases=phases, snr_db=snr, random_state=t)
    return data, channel.response(phases)


MEASURES = ("nmse", "aggregated", "ser", "efficiency")


def errors(setting, snr, block, seed):
    """One row for each method, with the values of all channels of a block."""
    found: dict = {}
    for t in block:
        data, truth = draw_data(setting, snr, t, seed)
        for name, model in methods(data.noise_variance).items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                H = model.fit(*data[:3]).predict_channel(data.phases)
            row = found.setdefault(name, {measure: [] for measure in MEASURES})
            row["nmse"].append(float(ch.nmse(H, truth, aggregated=False).mean()))
            row["aggregated"].append(float(ch.nmse(H, truth)))
            row["ser"].append(float(ch.symbol_error_rate(H, truth, snr_db=snr, n_symbols=2000, random_state=t)))
            row["efficiency"].append(float(ch.spectral_efficiency(H, truth, snr_db=snr)))
    for name, row in found.items():
        yield dict(panel="irs", problem=f"{setting}, SNR {snr} dB", setting=setting, x=snr, solver=name,
                   block=block[0], **row)  # fmt: skip


def averages(rows):
    """One row for each point and method: means and medians over all channels."""
    found = combine([r for r in rows if r["panel"] == "irs"], MEASURES)
    for row in found:
        row.update(
            nmse_mean=np.mean(row["nmse"]), nmse_median=np.median(row["nmse"]),
            nmse_aggregated=np.mean(row["aggregated"]), ser=np.mean(row["ser"]),
            efficiency=np.mean(row["efficiency"]),
        )  # fmt: skip
    return found


def times(snr, trials, seed):
    """One row for each method: median time of a fit, the solver alone for the published ones and for numpy."""
    found: dict = {}
    for t in range(trials):
        data, _ = draw_data("3 x 6", snr, t, seed)
        factors = dictionaries(*data[1:3])
        runs = {**methods(data.noise_variance), "numpy": None}
        for name, model in runs.items():
            seconds = np.inf
            for _ in range(3 if name in ("mm", "numpy") else 1):
                start = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    if model is None:
                        majorise(factors, data.Y, data.noise_variance)
                    else:
                        model.fit(*data[:3])
                seconds = min(seconds, getattr(model, "seconds", time.perf_counter() - start))
            found.setdefault(name, []).append(seconds)
    for name, seconds in found.items():
        yield dict(panel="time", problem=f"time, SNR {snr} dB", x=snr, solver=name, seconds=np.median(seconds),
                   ratio=np.median(found["numpy"]) / np.median(seconds), trials=trials)  # fmt: skip


def angles(snr, block, seed):
    """Rows of errors of angles off the grid, on a grid and with refinement."""
    found: dict = {name: dict(angles=[], nmse=[]) for name in ("on grid", "off grid")}
    for t in block:
        channel = ch.IRSChannel(off_grid=True, random_state=1000 * seed + t)
        data = ch.simulate_pilots(channel, 6, 20, snr_db=snr, kind="phase", random_state=t)
        truth = channel.response(data.phases)
        for name, row in found.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = ch.IRSChannelEstimator(
                    grid=(256, 18, 18), off_grid=name == "off grid", noise_variance=data.noise_variance
                ).fit(*data[:3])
            gaps = [np.min(np.abs((model.angles_["bs"] - a + 1) % 2 - 1)) for a in channel.angles["aoa_bs"]]
            row["angles"].append(float(np.median(gaps)))
            row["nmse"].append(float(ch.nmse(model.predict_channel(data.phases), truth)))
    for name, row in found.items():
        yield dict(panel="angles", problem=f"off the grid, SNR {snr} dB", x=snr, solver=name, block=block[0], **row)


def off_grid(rows):
    """One row for each point: medians over all channels."""
    found = combine([r for r in rows if r["panel"] == "angles"], ("angles", "nmse"))
    for row in found:
        row.update(angle=np.median(row["angles"]), nmse_aggregated_median=np.median(row["nmse"]))
    return found


def verdicts(rows):
    """The error and the time beside the best of the published algorithms; angles beside the grid."""
    peers = ("svd", "am", "pc")
    irs, times_ = averages(rows), [row for row in rows if row["panel"] == "time"]
    found = (
        versus(irs, "squared error, relative", "nmse_aggregated", ours="mm", peers=peers),
        versus(irs, "symbol error rate", "ser", ours="mm, coupled", peers=peers, floor=1e-5),
        versus(times_, "time of a fit", "seconds", ours="mm", peers=peers, timing=True),
        versus(off_grid(rows), "error of angles off the grid", "angle", ours="off grid", peers=("on grid",)),
    )
    return [line for line in found if line]


def draw(rows):
    """Return figures by name."""
    import matplotlib.pyplot as plt

    irs, times_, angles_ = averages(rows), [row for row in rows if row["panel"] == "time"], off_grid(rows)
    more = [row for row in irs if row["setting"] == "4 x 10"]
    irs = [row for row in irs if row["setting"] == "3 x 6"]
    marks = {
        key: {m: dict(zip(SNRS, v[key], strict=True)) for m, v in PUBLISHED.items()}
        for key in ("mean", "median", "ser", "seconds")
    }
    figure, axes = plt.subplots(2, 3, figsize=(13, 8), constrained_layout=True)
    lines(axes[0, 0], irs, "x", "nmse_mean", transform=decibel, published=marks["mean"])
    lines(axes[0, 1], irs, "x", "nmse_median", transform=decibel, published=marks["median"])
    lines(axes[0, 2], irs, "x", "nmse_aggregated", transform=decibel)
    lines(axes[1, 0], irs, "x", "ser", transform=lambda v: np.maximum(v, 1e-5),
          published={m: {k: max(v, 1e-5) for k, v in d.items()} for m, d in marks["ser"].items()})  # fmt: skip
    lines(axes[1, 1], irs, "x", "efficiency")
    lines(
        axes[1, 2],
        times_,
        "x",
        "seconds",
        transform=lambda s: 1e3 * s,
        published={m: {k: 1e3 * v for k, v in d.items()} for m, d in marks["seconds"].items()},
    )
    names = (
        "mean NMSE over configurations [dB]",
        "its median [dB]",
        "aggregated NMSE, mean [dB]",
        "symbol error rate",
        "spectral efficiency [bit/s/Hz]",
        "time [ms]",
    )
    for ax, label in zip(axes.flat, names, strict=True):
        ax.set(ylabel=label, xlabel="SNR [dB]")
    for ax in (axes[1, 0], axes[1, 2]):
        ax.set_yscale("log")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncol=7, frameon=False)
    figure.suptitle(f"IRS channel, 3 pilots x 6 configurations ({irs[0]['trials']} trials; hollow: published)")
    grid, axes = plt.subplots(1, 2, figsize=(9, 3.8), constrained_layout=True)
    lines(axes[0], angles_, "x", "angle")
    axes[0].axhline(1 / 18, color="#111111", lw=0.8, ls=":")
    axes[0].annotate("half a step of the grid", (0, 1 / 18), xytext=(0, 3), textcoords="offset points", fontsize=8)
    axes[0].set(yscale="log", xlabel="SNR [dB]", ylabel="median error of the cosine at the BS")
    lines(axes[1], angles_, "x", "nmse_aggregated_median", transform=decibel)
    axes[1].set(xlabel="SNR [dB]", ylabel="median aggregated NMSE [dB]")
    axes[1].legend(frameon=False)
    grid.suptitle("Angles off the grid: 6 pilots x 20 configurations")
    figures = {"channel": figure, "channel_off_grid": grid}
    if more:
        figures["channel_4_10"], ax = plt.subplots(figsize=(6, 4.2), constrained_layout=True)
        known = {m: dict(zip(SETTINGS["4 x 10"]["snrs"], v, strict=True)) for m, v in PUBLISHED_4_10.items()}
        lines(ax, more, "x", "nmse_mean", transform=decibel, published=known)
        ax.set(xlabel="SNR [dB]", ylabel="mean NMSE over configurations [dB]", title="4 pilots x 10 configurations")
        ax.legend(frameon=False, fontsize=8)
    return figures


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
