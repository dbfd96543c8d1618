"""
A path of the group lasso
=========================

Twelve groups of five features, three of which matter. As alpha falls, groups enter as a whole: each line is the norm
of a group's coefficients. The Lasso, on the right, picks single features, also from groups that do not matter. The
dashed line is the alpha that cross-validation chooses by the rule of one standard error.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparseopt as so

rng = np.random.default_rng(0)
n, n_groups, size = 80, 12, 5
common = rng.standard_normal((n, n_groups, 1))
X = (0.6 * common + rng.standard_normal((n, n_groups, size))).reshape(n, -1)
w = np.zeros((n_groups, size))
w[[1, 4, 9]] = rng.uniform(0.3, 1.0, (3, size)) * rng.choice([-1, 1], (3, size))
y = X @ w.ravel() + 2.0 * rng.standard_normal(n)

models = {
    "group lasso": (so.penalties.Group(groups=size), so.GroupLassoCV(groups=size, selection_rule="1se").fit(X, y)),
    "Lasso": (so.penalties.L1(), so.LassoCV(selection_rule="1se").fit(X, y)),
}
figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for axis, (name, (penalty, chosen)) in zip(axes, models.items(), strict=True):
    path = so.solution_path(X, y, penalty=penalty, n_alphas=100, eps=0.01)
    norms = np.linalg.norm(path.coefs.reshape(len(path.alphas), n_groups, size), axis=2)
    matters = np.any(w != 0, axis=1)
    noise = axis.plot(path.alphas, norms[:, ~matters], color="0.7", lw=1)
    signal = axis.plot(path.alphas, norms[:, matters], lw=2.5)
    axis.axvline(chosen.alpha_, color="k", ls="--", lw=1)
    wrong = np.setdiff1d(np.unique(chosen.support_ // size), np.flatnonzero(matters)).size
    axis.set_title(f"{name}: {wrong} of {np.sum(~matters)} groups of noise chosen")
    axis.set_xscale("log")
    axis.invert_xaxis()
    axis.set_xlabel("alpha")
    labels = [f"group {g}" for g in np.flatnonzero(matters)]
    axis.legend([*signal, noise[0]], [*labels, "noise"], frameon=False, loc="upper left")
axes[0].set_ylabel("norm of the group's coefficients")
plt.show()
