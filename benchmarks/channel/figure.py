"""IRS-aided MIMO channel estimation on the published setting: error, symbol errors, time; and off the grid.

6 antennas at the mobile station, 16 at the base station, 256 elements, 18 grid points, 3 pilots under 6 configurations;
pilots and configurations are drawn anew every ten channels. Hollow marks are the published values (50 trials).
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.curves import decibel, lines  # noqa: E402
from common.figures import main, versus  # noqa: E402

import sparseopt as so  # noqa: E402
from sparseopt.solvers.sbl import solve_kronecker  # noqa: E402

SNRS = (4, 8, 12, 16, 20)
# stored results of arXiv 2307.14719: mean NMSE over configurations [dB], its median, symbol error rate, seconds
PUBLISHED = {
    "svd": dict(mean=(-2.2, -5.2, -7.1, -9.1, -9.8), median=(-3.7, -10.4, -19.9, -24.2, -28.9),
                ser=(.25, .14, .092, .060, .060), seconds=(30, 10, 6.4, 5.7, 5.7)),
    "am": dict(mean=(-1.5, -4.9, -7.1, -8.6, -11.6), median=(-0.2, -8.1, -16.4, -22.9, -29.2),
               ser=(.24, .071, .027, .0039, 0), seconds=(44, 20, 12, 12.5, 12)),
    "pc": dict(mean=(-5.1, -8.8, -13.1, -20.5, -25.3), median=(-9.0, -14.3, -19.2, -23.8, -28.2),
               ser=(.13, .017, 5e-4, 0, 0), seconds=(27, 14, 9.8, 8.0, 7.4)),
}  # fmt: skip
BASELINES = {"svd": None, "am": None, "pc": None, "on grid": None}
AS_PUBLISHED = dict(normalize=False, max_iter=150, prune_absolute=1e-4)


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
        grids = [so.channel.angle_grid(18) + shift for shift in (1.0, 0.0, 0.0)]
        factors = [
            phases.T @ np.exp(-1j * np.pi * np.multiply.outer(np.arange(256), grids[0])) / 256,
            pilots.T @ so.channel.steering_vector(6, grids[1]).conj(),
            so.channel.steering_vector(16, grids[2]),
        ]
        start = time.perf_counter()
        result = solve_kronecker(factors, Y.reshape(1, 1, -1), **self.options)[0]
        self.seconds = time.perf_counter() - start
        self.model.angles_ = dict(
            zip(("irs", "ms", "bs"), (g[s] for g, s in zip(grids, result.support, strict=True)), strict=True)
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
        "mm, noise learned": new(),
        "mm, coupled": new(noise_variance=s2, coupling=(0.8, None, 0.8)),
        "decompose": new(solver="decompose"),
        "svd": Published("svd", s2), "am": Published("am", s2), "pc": Published("pc", s2),
    }  # fmt: skip


def compute(quick=True, seed=0):
    """Yield one row for each SNR and method (panel "irs"), and of angle errors (panel "angles")."""
    ch = so.channel
    trials = 4 if quick else 50
    for snr in SNRS:
        found: dict = {}
        for t in range(trials):
            draw_seed = 900 + 1000 * seed + t // 10
            pilots, phases = (
                ch.pilot_symbols(6, 3, random_state=draw_seed),
                ch.irs_configurations(256, 6, random_state=draw_seed),
            )
            channel = ch.IRSChannel(random_state=7000 + 1000 * seed + t)
            data = ch.simulate_pilots(channel, pilots=pilots, phases=phases, snr_db=snr, random_state=t)
            truth = channel.response(phases)
            for name, model in methods(data.noise_variance).items():
                start = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model.fit(*data[:3])
                seconds = getattr(model, "seconds", time.perf_counter() - start)
                H = model.predict_channel(phases)
                found.setdefault(name, []).append((
                    ch.nmse(H, truth, aggregated=False).mean(), ch.nmse(H, truth), seconds,
                    ch.symbol_error_rate(H, truth, snr_db=snr, n_symbols=2000, random_state=t),
                    ch.spectral_efficiency(H, truth, snr_db=snr),
                ))  # fmt: skip
        for name, runs in found.items():
            runs = np.array(runs)
            yield dict(
                panel="irs", problem=f"SNR {snr} dB", x=snr, solver=name,
                nmse_mean=runs[:, 0].mean(), nmse_median=np.median(runs[:, 0]),
                nmse_aggregated=runs[:, 1].mean(), nmse_aggregated_median=np.median(runs[:, 1]),
                seconds=np.median(runs[:, 2]), ser=runs[:, 3].mean(), efficiency=runs[:, 4].mean(),
                trials=trials,
            )  # fmt: skip
    yield from angle_rows(quick, seed)


def angle_rows(quick, seed):
    """Yield errors of angles off the grid, on a grid and with refinement."""
    ch = so.channel
    for snr in (0, 5, 10, 15, 20, 25):
        found: dict = {"on grid": [], "off grid": []}
        for t in range(4 if quick else 30):
            channel = ch.IRSChannel(off_grid=True, random_state=1000 * seed + t)
            data = ch.simulate_pilots(channel, 6, 20, snr_db=snr, kind="phase", random_state=t)
            truth = channel.response(data.phases)
            for name, errors in found.items():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model = ch.IRSChannelEstimator(
                        grid=(256, 18, 18), off_grid=name == "off grid", noise_variance=data.noise_variance
                    ).fit(*data[:3])
                gaps = [np.min(np.abs((model.angles_["bs"] - a + 1) % 2 - 1)) for a in channel.angles["aoa_bs"]]
                errors.append((np.median(gaps), ch.nmse(model.predict_channel(data.phases), truth)))
        for name, errors in found.items():
            angle, nmse = np.median(errors, axis=0)
            yield dict(panel="angles", problem=f"off the grid, SNR {snr} dB", x=snr, solver=name, angle=angle,
                       nmse_aggregated_median=nmse, trials=len(errors))  # fmt: skip


def verdicts(rows):
    """The error and the time beside the best of the published algorithms; angles beside the grid."""
    peers = ("svd", "am", "pc")
    found = (
        versus(rows, "squared error, relative", "nmse_aggregated", ours="mm", peers=peers),
        versus(rows, "symbol error rate", "ser", ours="mm, coupled", peers=peers, floor=1e-5),
        versus(rows, "time of a fit", "seconds", ours="mm", peers=peers, timing=True),
        versus(rows, "error of angles off the grid", "angle", ours="off grid", peers=("on grid",)),
    )
    return [line for line in found if line]


def draw(rows):
    """Return figures by name."""
    import matplotlib.pyplot as plt

    irs, angles = ([row for row in rows if row["panel"] == panel] for panel in ("irs", "angles"))
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
        irs,
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
    lines(axes[0], angles, "x", "angle")
    axes[0].axhline(1 / 18, color="#111111", lw=0.8, ls=":")
    axes[0].annotate("half a step of the grid", (0, 1 / 18), xytext=(0, 3), textcoords="offset points", fontsize=8)
    axes[0].set(yscale="log", xlabel="SNR [dB]", ylabel="median error of the cosine at the BS")
    lines(axes[1], angles, "x", "nmse_aggregated_median", transform=decibel)
    axes[1].set(xlabel="SNR [dB]", ylabel="median aggregated NMSE [dB]")
    axes[1].legend(frameon=False)
    grid.suptitle("Angles off the grid: 6 pilots x 20 configurations")
    return {"channel": figure, "channel_off_grid": grid}


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
