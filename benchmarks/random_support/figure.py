"""Prediction error on dependent designs, growth in n and d, phase diagrams.

Errors are relative: mean squared distance of the fit to the true signal, over the mean square of the signal.
"""

import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import rsr_real as real  # noqa: E402
from common.figures import geometric_mean, main, verdict  # noqa: E402
from rsr_families import FAMILIES  # noqa: E402
from rsr_families import draw as instance  # noqa: E402
from rsr_methods import HINDSIGHT, METHODS, OWN, available, charged_for_sets, ours, stepwise  # noqa: E402
from rsr_numpy import in_numpy  # noqa: E402

QUICK = {
    "families": ("gaussian", "latent, mixed scales", "nested groups", "tree"),
    "methods": (
        "sparseopt", "sparseopt, one round", "OMP", "stepwise + swaps", "abess", "factor-adjusted", "PCR",
        "true support",
    ),
    "seeds": 2,
    "growth": [(200, 500), (200, 1000), (200, 2000), (400, 1000)],
    "phase": {"n": (60, 120, 240), "k": (2, 6, 12), "seeds": 1},
}  # fmt: skip
FULL = {
    "families": tuple(FAMILIES),
    "methods": tuple(METHODS),
    "seeds": 20,
    "growth": [(1000, d) for d in (1250, 2500, 5000, 10_000, 20_000)] + [(n, 10_000) for n in (250, 500, 2000)],
    "phase": {"n": (60, 90, 130, 200, 300, 400), "k": (2, 4, 6, 8, 12, 16), "seeds": 5},
}
PHASE_METHODS = ("sparseopt", "stepwise + swaps", "factor-adjusted")
PHASE_FAMILY = "nested groups"
GROWTH_FAMILIES = ("toeplitz", "nested groups")
IN_NUMPY = ((1000, 1250), (1000, 10_000))


BASELINES = {
    name: {"LassoCV": "scikit-learn", "Lasso exact*": "scikit-learn", "abess": "abess", "abess*": "abess"}.get(name)
    for name in METHODS
    if name not in OWN
}


def pieces(quick=False, seed=0):
    """Yield (name, function) of parts; rows have kind "error", "order", "growth", "phase", "level" or "real"."""
    plan = QUICK if quick else FULL
    installed = available()
    methods = [name for name in plan["methods"] if name in installed]
    for s in range(seed, seed + plan["seeds"]):
        for family in plan["families"]:
            for part, names in (
                ("ours", [name for name in methods if name in OWN]),
                ("others", [name for name in methods if name not in OWN]),
            ):
                yield f"error, seed {s}, {family}, {part}", partial(errors, family, s, names)
    for family in plan["families"] if not quick else ():
        for s in range(seed, seed + plan["seeds"]):
            yield f"order, {family}, seed {s}", partial(order, family, s)
    for family in GROWTH_FAMILIES:
        for n, d in plan["growth"]:
            yield f"growth, {family}, {n} x {d}", partial(growth, family, n, d, seed)
    phase = plan["phase"]
    for n in phase["n"]:
        for k in phase["k"]:
            yield f"phase, {n} samples, support {k}", partial(phases, n, k, range(seed, seed + phase["seeds"]))
    yield "levels", partial(levels, seed)
    for name in real.DATA if not quick else ():
        if real.there(name):
            for method in real.METHODS:
                yield f"real, {name}, {method}", partial(real.errors, name, method, seed)


def compute(quick: bool = False, seed: int = 0):
    """Yield the rows of all pieces."""
    for _, run in pieces(quick, seed):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from run()


def errors(family, s, names):
    """Rows of several methods on one instance."""
    one = instance(family, 5000 + s)
    for name in names:
        yield dict(kind="error", problem=f"{family}, seed {s}", family=family, **measure(name, one))


def order(family, s):
    """What charging greedy selection for its order does, on designs of their own."""
    X, y, signal, support = instance(family, 9000 + s)
    for name, method in (
        ("for the order", ours(n_draws=0)), ("for the set", charged_for_sets), ("stepwise + swaps", stepwise)
    ):  # fmt: skip
        error = float(np.mean((method(X, y, signal, support) - signal) ** 2) / np.mean(signal**2))
        yield dict(kind="order", problem=f"{family}, seed {s}", family=family, solver=name, error=error)


def growth(family, n, d, seed):
    """The time of a fit (the second of two), and of the same phases in numpy."""
    one = instance(family, 5000 + seed, n=n, d=d)
    where = dict(kind="growth", problem=f"{family}, {n} x {d}", family=family, n=n, d=d)
    for name in ("sparseopt", "numpy"):
        if name == "sparseopt" or (n, d) in IN_NUMPY:
            row = measure(name, one)
            yield where | (row if name == "numpy" else measure(name, one))


def phases(n, k, seeds):
    """Rows of one point of the phase diagrams."""
    for s in seeds:
        one = instance(PHASE_FAMILY, 7000 + s, n=n, k=k)
        for name in PHASE_METHODS:
            yield dict(kind="phase", problem=f"{PHASE_FAMILY}, {n} samples, support {k}, seed {s}", n=n, k=k,
                       **measure(name, one))  # fmt: skip


def measure(name, one):
    """Run one method on one instance."""
    X, y, signal, support = one
    start = time.perf_counter()
    fit = (in_numpy if name == "numpy" else METHODS[name])(X, y, signal, support)
    seconds = time.perf_counter() - start
    return dict(solver=name, error=float(np.mean((fit - signal) ** 2) / np.mean(signal**2)), seconds=seconds)


def levels(seed):
    """Yield what each level of one nested-groups design looks like: residual norms, random supports' conditioning."""
    import sparseopt as so

    X = instance("nested groups", 5000 + seed)[0]
    for level in range(5):
        peeler = so.SpectralPeeling(max_rounds=level, center=False).fit(X)
        if peeler.n_rounds_ < level:
            break
        sigma = peeler.random_support_certificate(8, random_state=0).sigma
        norms = peeler.residual_norms_
        yield dict(kind="level", problem=f"nested groups, level {level}", solver="sparseopt", level=level,
                   dims=sum(peeler.dims_), norms=norms.tolist(), sigma=sigma.tolist(),
                   certificate=float(np.quantile(sigma, 0.01)))  # fmt: skip


def verdicts(rows):
    """Mean errors, geometrically over the families, beside the best method that a user could have run."""
    table = summary(rows)
    found = []
    names = [name for name in dict.fromkeys(m for _, m in table) if name not in OWN + HINDSIGHT]
    families = list(dict.fromkeys(f for f, _ in table))
    for which, chosen in ((f"{len(families)} families", families), ("nested groups", ["nested groups"])):
        means = {m: geometric_mean([table[f, m][0] for f in chosen]) for m in ("sparseopt", *names)}
        peer = min(names, key=means.get)
        found.append(verdict(f"relative prediction error, {which}", means["sparseopt"], means[peer], peer,
                             problems=len(chosen)))  # fmt: skip
    return found


def draw(rows):
    """Return {name: figure}."""
    from matplotlib.figure import Figure

    figures = {"errors": _errors(Figure, rows), "growth": _growth(Figure, rows), "phase": _phase(Figure, rows)}
    figures["levels"] = _levels(Figure, rows)
    return figures


def summary(rows):
    """Return {(family, method): (mean, median, median seconds)} of the errors."""
    found = {}
    for row in rows:
        if row["kind"] == "error":
            found.setdefault((row["family"], row["solver"]), []).append((row["error"], row["seconds"]))
    return {
        key: (np.mean([e for e, _ in v]), np.median([e for e, _ in v]), np.median([t for _, t in v]))
        for key, v in found.items()
    }


def exponent(sizes, seconds):
    """Slope of log seconds against log size."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def _errors(Figure, rows):
    table = summary(rows)
    families = list(dict.fromkeys(f for f, _ in table))
    methods = list(dict.fromkeys(m for _, m in table))
    values = np.array([[table[f, m][0] for m in methods] for f in families])
    figure = Figure(figsize=(1.6 + 0.62 * len(methods), 1.6 + 0.36 * len(families)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(np.log10(values), cmap="viridis_r", vmin=-2.3, vmax=0.0, aspect="auto")
    for i, j in np.ndindex(values.shape):
        dark = np.log10(values[i, j]) > -0.9
        text = f"{values[i, j]:.3f}".lstrip("0") if values[i, j] < 0.9995 else f"{values[i, j]:.1f}"
        axes.text(j, i, text, ha="center", va="center", fontsize=7, color="white" if dark else "black")
    axes.set_xticks(range(len(methods)), methods, rotation=40, ha="right", fontsize=8)
    axes.set_yticks(range(len(families)), families, fontsize=8)
    for label in axes.get_xticklabels():
        if label.get_text() in OWN:
            label.set_weight("bold")
        elif label.get_text() in HINDSIGHT:
            label.set_style("italic")
    axes.set_title("mean relative prediction error (italic: chosen knowing the truth)", fontsize=9)
    bar = figure.colorbar(image, ax=axes, ticks=[-2, -1, 0])
    bar.ax.set_yticklabels(["1%", "10%", "100%"])
    return figure


def _growth(Figure, rows):
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    growth = [row for row in rows if row["kind"] == "growth"]
    common_n = max({r["n"] for r in growth}, key=lambda n: sum(r["n"] == n for r in growth))
    common_d = max({r["d"] for r in growth}, key=lambda d: len({r["n"] for r in growth if r["d"] == d}))
    for axes, free, fixed, value in ((left, "d", "n", common_n), (right, "n", "d", common_d)):
        for family, solver in dict.fromkeys((r["family"], r["solver"]) for r in growth):
            mine = [r for r in growth if (r["family"], r["solver"]) == (family, solver)]
            part = sorted((r[free], r["seconds"]) for r in mine if r[fixed] == value)
            if len(part) > 1:
                x, y = np.array(part).T
                style, name = ("o--", f"{family}, numpy") if solver == "numpy" else ("o-", family)
                axes.loglog(x, y, style, label=f"{name}: {free}^{exponent(x, y):.2f}")
        axes.set_xlabel({"d": "features", "n": "samples"}[free] + f" ({fixed} = {value})")
        axes.set_ylabel("seconds")
        axes.grid(alpha=0.3, which="both")
        axes.legend(fontsize=8)
    return figure


def _phase(Figure, rows):
    phase = [row for row in rows if row["kind"] == "phase"]
    ns, ks = sorted({r["n"] for r in phase}), sorted({r["k"] for r in phase})
    methods = list(dict.fromkeys(r["solver"] for r in phase))
    figure = Figure(figsize=(3.0 * len(methods) + 0.8, 3.2), layout="constrained")
    panels = figure.subplots(1, len(methods), sharey=True, squeeze=False)[0]
    for axes, method in zip(panels, methods, strict=True):
        share = np.array(
            [[np.mean([r["error"] < 0.2 for r in phase if (r["solver"], r["n"], r["k"]) == (method, n, k)]) for n in ns]
             for k in ks]
        )  # fmt: skip
        image = axes.imshow(share, origin="lower", vmin=0, vmax=1, cmap="viridis", aspect="auto")
        axes.set_xticks(range(len(ns)), ns)
        axes.set_yticks(range(len(ks)), ks)
        axes.set_xlabel("samples")
        axes.set_title(method, fontsize=9)
    panels[0].set_ylabel("size of the support")
    figure.colorbar(image, ax=panels, label="share of fits with error below 20%")
    return figure


def _levels(Figure, rows):
    found = [row for row in rows if row["kind"] == "level"]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for row in found:
        label = f"level {row['level']}: {row['dims']} directions out"
        norms, sigma = np.sort(row["norms"]), np.sort(row["sigma"])
        left.semilogy(np.linspace(0, 1, norms.size), np.maximum(norms, 1e-13), label=label)
        right.semilogy(np.linspace(0, 1, sigma.size), np.maximum(sigma, 1e-13), label=label)
    left.set_ylabel("what is left of a unit column")
    left.set_xlabel("share of columns")
    right.set_ylabel("smallest singular value")
    right.set_xlabel("share of random supports of 8")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=7)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
