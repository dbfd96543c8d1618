"""
Two moons from a handful of labels
==================================

Six labels, three for each class, spread along the edges of a graph of nearest neighbors until every point has its
share of both classes.
"""

# %%
# Points lie on two interleaved half circles; all but six have the label -1, which means none.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

import sparseopt as so

X, truth = make_moons(600, noise=0.07, random_state=0)
y = np.full(600, -1)
rng = np.random.default_rng(0)
for k in (0, 1):
    y[rng.choice(np.flatnonzero(truth == k), 3, replace=False)] = k

# %%
# The fit solves a linear system on the graph, by message passing on forests.

model = so.GraphLabelPropagation(n_neighbors=7).fit(X, y)
print(f"{np.mean(model.transduction_ == truth):.1%} right, residual {model.violation_:.1e}")

# %%
# Before and after; new points are classified by their nearest neighbors.

grid = np.stack(np.meshgrid(np.linspace(-1.5, 2.5, 200), np.linspace(-1.0, 1.5, 140)), axis=-1)
share = model.predict_proba(grid.reshape(-1, 2))[:, 1].reshape(grid.shape[:2])

fig, (before, after) = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
before.scatter(*X[y == -1].T, s=10, color="0.75")
after.pcolormesh(grid[..., 0], grid[..., 1], share, cmap="RdBu_r", vmin=0, vmax=1, alpha=0.35, shading="auto")
after.scatter(*X.T, s=10, c=model.label_distributions_[:, 1], cmap="RdBu_r", vmin=0, vmax=1)
for ax, title in ((before, "six labels"), (after, "after propagation")):
    for k, color in ((0, "#2166ac"), (1, "#b2182b")):
        ax.scatter(*X[y == k].T, s=110, color=color, edgecolor="black", zorder=3, label=f"label {k}")
    ax.set_title(title)
before.legend(frameon=False, loc="lower left")
plt.show()
