"""
How many measurements a structure saves
=======================================

Whether a sparse signal can be found depends on two ratios: measurements over coefficients, and non-zeros over
measurements. Between what is found and what is not there is a sharp border. Signals whose non-zeros come in runs are
drawn for all pairs of ratios; a model that takes every coefficient by itself and one that knows of runs get the same
data.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import sparseopt as so

warnings.simplefilter("ignore")  # beyond the border nothing converges
n, trials, ratios = 100, 3, np.linspace(0.15, 0.9, 6)
models = {
    "every coefficient by itself": so.TurboVBIRegressor(structure="iid", fit_intercept=False, max_iter=80),
    "runs": so.TurboVBIRegressor(structure="chain", fit_intercept=False, max_iter=80),
}
found = {name: np.zeros((len(ratios), len(ratios))) for name in models}


def draw(rng, m, k):
    """A signal with k non-zeros in runs of about six, and m measurements of it."""
    x, runs = np.zeros(n), max(1, round(k / 6))
    inner = np.sort(rng.choice(np.arange(1, k), runs - 1, replace=False)) if runs > 1 else []
    gaps = rng.multinomial(n - k, np.ones(runs + 1) / (runs + 1))
    at = 0
    for length, gap in zip(np.diff([0, *inner, k]), gaps, strict=False):
        at += gap
        x[at : at + length] = rng.standard_normal(length)
        at += length
    X = rng.standard_normal((m, n)) / np.sqrt(m)
    y = X @ x
    return X, y + 0.01 * y.std() * rng.standard_normal(m), x


# %%
# A signal is found when the squared error is below a hundredth of its energy.

for i, sparsity in enumerate(ratios):
    for j, undersampling in enumerate(ratios):
        rng, m = np.random.default_rng([i, j]), round(undersampling * n)
        for _ in range(trials):
            X, y, x = draw(rng, m, max(2, round(sparsity * m)))
            for name, model in models.items():
                error = np.sum((model.fit(X, y).coef_ - x) ** 2)
                found[name][i, j] += (error < 0.01 * np.sum(x**2)) / trials

figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), sharey=True, layout="constrained")
for ax, (name, share) in zip(axes, found.items(), strict=True):
    shown = ax.pcolormesh(ratios, ratios, share, vmin=0.0, vmax=1.0, shading="nearest")
    ax.set(xlabel="measurements / coefficients", title=name)
axes[0].set_ylabel("non-zeros / measurements")
figure.colorbar(shown, ax=axes, label="share found")
for name, share in found.items():
    print(f"{name}: {share.mean():.0%} of all signals")
plt.show()
