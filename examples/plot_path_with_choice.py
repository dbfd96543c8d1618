"""
A path with the chosen model: lasso, MCP and best subset
========================================================

Forty correlated measurements, five of which matter. The lasso must shrink the five to keep others out, and pays with
an error in the coefficients and a sixth that is not there. The minimax concave penalty (MCP) stops shrinking once a
coefficient is clearly there: along a whole stretch of its path the fit is the least-squares fit of the five, and an
information criterion chooses it. Best subset regression asks for the number of coefficients directly.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import binom

import sparseopt as so

rng = np.random.default_rng(3)
n, p = 120, 40
X = rng.standard_normal((n, p))
for j in range(1, p):
    X[:, j] = 0.6 * X[:, j - 1] + 0.8 * X[:, j]
truth = np.zeros(p)
truth[[3, 11, 18, 26, 34]] = [2.0, -1.5, 1.0, 1.5, -0.8]
y = X @ truth + rng.standard_normal(n)

# %%
# Both paths run from the smallest alpha with an empty model down to a hundredth of it. Every lasso solution carries its
# duality gap; MCP solutions, whose problem is not convex, the proof that no change of one coefficient helps.

paths = {
    "lasso": so.solution_path(X, y, penalty=so.penalties.L1(), n_alphas=60, eps=0.01),
    "MCP": so.solution_path(X, y, penalty=so.penalties.MCP(gamma=3.0), n_alphas=60, eps=0.01),
}


def ebic(path):
    """The extended Bayesian information criterion of every model on a path."""
    residuals = y[:, None] - X @ path.coefs.T - path.intercepts
    sizes = np.count_nonzero(path.coefs, axis=1)
    return n * np.log(np.mean(residuals**2, axis=0)) + sizes * np.log(n) + 2.0 * np.log(binom(p, sizes))


subset = so.BestSubsetRegressor(criterion="ebic").fit(X, y)

# %%
# Coefficients that belong to the model are colored, the others gray; short dashes at the right are the true values.
# The vertical lines mark the models that the criterion chooses.

colors = dict(zip(np.flatnonzero(truth), plt.cm.viridis(np.linspace(0.0, 0.9, 5)), strict=True))
figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), sharey=True, layout="constrained")
for axis, (name, path) in zip(axes, paths.items(), strict=False):
    share = path.alphas / path.alphas[0]
    for j in range(p):
        axis.plot(share, path.coefs[:, j], color=colors.get(j, "0.75"), lw=1.8 if j in colors else 0.8)
    chosen = int(np.argmin(ebic(path)))
    size = np.count_nonzero(path.coefs[chosen])
    error = np.linalg.norm(path.coefs[chosen] - truth)
    axis.axvline(share[chosen], color="k", ls="--", lw=1)
    axis.set_xscale("log")
    axis.invert_xaxis()
    axis.set_xlabel("alpha over the largest")
    axis.set_title(f"{name}: {size} chosen, error {error:.2f}")
axes[0].set_ylabel("coefficient")
sizes = subset.sizes_[:13]
for j in range(p):
    axes[2].plot(sizes, subset.path_coefs_[sizes, j], color=colors.get(j, "0.75"), lw=1.8 if j in colors else 0.8)
error = np.linalg.norm(subset.coef_ - truth)
axes[2].axvline(subset.n_nonzero_coefs_, color="k", ls="--", lw=1)
axes[2].set_xlabel("number of coefficients")
axes[2].set_title(f"best subset: {subset.n_nonzero_coefs_} chosen, error {error:.2f}")
for axis in axes:
    for j, color in colors.items():
        axis.plot([1.0, 1.04], [truth[j]] * 2, color=color, lw=3, transform=axis.get_yaxis_transform(), clip_on=False)
    axis.axhline(0.0, color="0.6", lw=0.6)
plt.show()
