"""What nominal 90% intervals of Turbo-VBI hold on chains drawn from the model, by density and measurements.

Nothing is given to the estimator: noise, active variance and transitions are learned. `--keep` keeps the rows for the
pages.
"""

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[2]))  # for a package that is built in place

import numpy as np
from common.figures import keep
from turbo_signals import LEAVE, chain_support, error, normal, observe
from turbo_tables import NEW, covered

import sparseopt as so

N, DRAWS, SNR = 256, 40, 25.0
DENSITIES = (0.05, 0.1, 0.15, 0.2)  # of non-zeros, in the mean
MEASUREMENTS = (96, 128, 160, 192)


def rows(seed):
    """One row for each density and number of measurements."""
    for density in DENSITIES:
        for m in MEASUREMENTS:
            lines = [one(density, m, seed, number) for number in range(DRAWS)]
            total = {name: sum(line[name] for line in lines) for name in lines[0]}
            yield dict(
                problem=f"{m} of {N}", solver="extrinsic", density=density, trials=DRAWS, seed=seed,
                coverage=total["inside"] / total["active"], coverage_found=total["held"] / max(total["found"], 1),
                coverage_new=total["predicted"] / (NEW * DRAWS), failures=total["failed"] / DRAWS,
            )  # fmt: skip


def one(density, m, seed, number):
    """Counts of one draw."""
    rng = np.random.default_rng([seed, round(1000 * density), m, number])
    s = chain_support(rng, N, N, enter=LEAVE * density / (1.0 - density))
    A, y, x, noise = observe(rng, s, m, SNR)
    new = normal(rng, NEW, N) / np.sqrt(m)
    fresh = new @ x + np.sqrt(noise) * normal(rng, NEW)
    model = so.TurboVBIRegressor(fit_intercept=False).fit(A, y)
    counts = covered(model, x, s, new, fresh, model.support_prob_ > 0.5)
    return dict(counts, failed=int(error(model.coef_, x) > 0.1))


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=2027)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = []
    for row in rows(options.seed):
        found.append(row)
        print(row, flush=True)
    if options.keep:
        command = "python benchmarks/turbo_vbi/turbo_intervals.py --keep"
        print(keep("turbo_vbi", found, command, run="intervals", seed=options.seed))


if __name__ == "__main__":
    main()
