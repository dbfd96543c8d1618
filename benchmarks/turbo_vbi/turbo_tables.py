"""Recovery of runs and patches by all methods, real and complex: errors, failures, support, intervals.

`--pieces FILE` appends one line a draw and method and goes on where a former run stopped; `--keep` keeps it for
the pages.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[2]))  # for a package that is built in place

import numpy as np
from common.figures import keep
from turbo_signals import (
    SIDE,
    amp,
    as_real,
    chain_support,
    error,
    f1,
    least_squares,
    normal,
    observe,
    omp,
    patches,
)  # fmt: skip

import sparseopt as so

N, FAILED, SHARE = 256, 0.1, 0.9  # coefficients of a chain; errors that count as failures; non-zeros over measurements
Z90, NEW = 1.6448536269514722, 50  # half a nominal 90% interval in standard deviations; new observations a draw
SETTINGS = {  # name: (structure, kind, measurements, decibels)
    **{f"chain, {m} of 256, {snr} dB": ("chain", "real", m, snr)
       for m, snr in ((64, 25), (96, 25), (128, 25), (160, 25), (128, 15), (96, 40))},
    **{f"complex chain, {m} of 256, 20 dB": ("chain", "complex", m, 20) for m in (64, 80, 96, 128)},
    **{f"patches, {m} of 576, {snr} dB": ("grid", "real", m, snr) for m, snr in ((110, 25), (150, 25), (150, 15))},
}  # fmt: skip


def draw(name, number, seed):
    """Return (A, y, x, support, noise variance) of one draw; each has its own stream of random numbers."""
    structure, kind, m, snr = SETTINGS[name]
    rng = np.random.default_rng([seed, sorted(SETTINGS).index(name), number])
    s = patches(rng) if structure == "grid" else chain_support(rng, N, SHARE * m)
    A, y, x, noise = observe(rng, s, m, snr, kind)
    return A, y, x, s, noise, rng


def penalised(A, y, label):
    """Lasso of single coefficients (complex ones: of moduli), or of groups, the penalty by cross-validation."""
    options = dict(cv=5, n_alphas=40, tol=1e-4, fit_intercept=False)
    if A.dtype.kind != "c":
        model = so.LassoCV(**options) if label is None else so.GroupLassoCV(groups=label, **options)
        return model.fit(A, y).coef_
    label = np.arange(A.shape[1]) if label is None else label
    coef = so.GroupLassoCV(groups=np.tile(label, 2), **options).fit(*as_real(A, y)).coef_
    return coef[: A.shape[1]] + 1j * coef[A.shape[1] :]


def blocks(structure, n):
    """Labels of groups of eight neighbours, or of three by three."""
    if structure == "chain":
        return np.arange(n) // 8
    i, j = np.divmod(np.arange(n), SIDE)
    return (i // 3) * (SIDE // 3) + j // 3


def estimators(structure):
    """Estimators with standard deviations, by name."""
    where = dict(structure="grid", shape=(SIDE, SIDE)) if structure == "grid" else {}
    turbo = {e: so.TurboVBIRegressor(evidence=e, fit_intercept=False, **where)
             for e in ("extrinsic", "joint", "mean_field")}  # fmt: skip
    return {
        **turbo,
        "extrinsic, iid": so.TurboVBIRegressor(structure="iid", fit_intercept=False),
        "SBL": so.SBLRegressor(fit_intercept=False),
    }


def prior(structure):
    """The support prior that the default takes."""
    return so.supports.GridSupport((SIDE, SIDE)) if structure == "grid" else so.supports.ChainSupport()


def others(structure, A, y, s):
    """Functions by name; each returns coefficients, and the support or None."""
    return {
        "AMP": lambda: amp(A, y, so.supports.IIDSupport()),
        "turbo AMP": lambda: amp(A, y, prior(structure)),
        "OMP, true size": lambda: (omp(A, y, min(s.sum(), A.shape[0])), None),
        "Lasso": lambda: (penalised(A, y, None), None),
        "group Lasso": lambda: (penalised(A, y, blocks(structure, A.shape[1])), None),
        "oracle": lambda: (least_squares(A, y, np.flatnonzero(s)), None),
    }


METHODS = (*estimators("chain"), *others("chain", None, None, None))


def judge(name, number, seed, wanted=METHODS):
    """Yield one row for each method on one draw."""
    A, y, x, s, noise, rng = draw(name, number, seed)
    structure, kind, *_ = SETTINGS[name]
    new = normal(rng, NEW, x.size, kind=kind) / np.sqrt(A.shape[0])
    fresh = new @ x + np.sqrt(noise) * normal(rng, NEW, kind=kind)
    models, functions = estimators(structure), others(structure, A, y, s)
    for method in wanted:
        row, start = dict(setting=name, draw=number, seed=seed, method=method), time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hard draws need not converge
            if method in models:
                model = models[method].fit(A, y)
                coef, found = model.coef_, None
            else:
                coef, found = functions[method]()
        row["seconds"] = time.perf_counter() - start
        if method in models:
            if method != "SBL":
                found = model.support_prob_ > 0.5
            row.update(iterations=int(model.n_iter_), **covered(model, x, s, new, fresh, found))
        if found is None:
            found = coef != 0.0 if method in ("OMP, true size", "oracle") else np.abs(coef) > 0.1 * np.abs(coef).max()
        yield dict(row, error=error(coef, x), f1=f1(found, s))


def covered(model, x, s, new, fresh, found):
    """How many coefficients that are active, or found to be, and new observations nominal 90% intervals hold."""
    mean, std = model.predict(new, return_std=True)
    z = Z90 if x.dtype.kind != "c" else np.sqrt(np.log(10.0))  # a circle holds 90% of a complex number
    inside = np.abs(model.coef_ - x) <= z * model.coef_std_
    found = model.coef_ != 0.0 if found is None else found
    return dict(
        inside=int(inside[s].sum()), active=int(s.sum()), held=int(inside[found].sum()), found=int(found.sum()),
        predicted=int(np.sum(np.abs(fresh - mean) <= z * std)),
    )  # fmt: skip


def summary(lines):
    """One row for each setting and method, over the draws that all methods of the setting have."""
    grouped, draws = {}, {}
    for line in lines:
        draws.setdefault(line["setting"], {}).setdefault(line["method"], set()).add(line["draw"])
    common = {setting: set.intersection(*by_method.values()) for setting, by_method in draws.items()}
    for line in lines:
        if line["draw"] in common[line["setting"]] and len(draws[line["setting"]]) > 1:
            grouped.setdefault((line["setting"], line["method"]), []).append(line)
    order = {name: k for k, name in enumerate(SETTINGS)}, {name: k for k, name in enumerate(METHODS)}
    for (setting, method), mine in sorted(grouped.items(), key=lambda kv: (order[0][kv[0][0]], order[1][kv[0][1]])):
        errors = np.array([line["error"] for line in mine])
        row = dict(
            problem=setting, solver=method, trials=len(mine), measurements=SETTINGS[setting][2], seed=mine[0]["seed"],
            median_db=10 * np.log10(np.median(errors)), mean_db=10 * np.log10(np.mean(errors)),
            failures=float(np.mean(errors > FAILED)), f1=float(np.mean([line["f1"] for line in mine])),
        )  # fmt: skip
        if "inside" in mine[0]:
            row["coverage"] = sum(line["inside"] for line in mine) / sum(line["active"] for line in mine)
            if all("held" in line for line in mine):
                row["coverage_found"] = sum(line["held"] for line in mine) / max(sum(line["found"] for line in mine), 1)
            row["coverage_new"] = sum(line["predicted"] for line in mine) / (NEW * len(mine))
            row["iterations"] = float(np.mean([line["iterations"] for line in mine]))
        yield row


def run(pieces, draws, seed, wanted, settings):
    """Append what is missing; draws go around the settings, so that early stops leave all of them."""
    done = set()
    if pieces.exists():
        for text in pieces.read_text().splitlines():
            line = json.loads(text)
            done.add((line["setting"], line["draw"], line["method"]))
    with pieces.open("a") as file:
        for number in range(draws):
            for name in settings:
                missing = [m for m in wanted if (name, number, m) not in done]
                for row in judge(name, number, seed, missing) if missing else ():
                    file.write(json.dumps(row) + "\n")
                file.flush()


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=Path, default=Path("turbo_pieces.jsonl"))
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--methods", nargs="*", default=METHODS)
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS))
    parser.add_argument("--report", action="store_true", help="print the summary of the pieces, and run nothing")
    parser.add_argument("--keep", action="store_true", help="keep the summary of the pieces, and run nothing")
    options = parser.parse_args()
    if not options.report and not options.keep:
        run(options.pieces, options.draws, options.seed, options.methods, options.settings)
    rows = list(summary([json.loads(text) for text in options.pieces.read_text().splitlines()]))
    if options.keep:
        print(keep("turbo_vbi", rows, "python benchmarks/turbo_vbi/turbo_tables.py", run="tables", seed=options.seed))
    for row in rows:
        print(" | ".join(f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()))


if __name__ == "__main__":
    main()
