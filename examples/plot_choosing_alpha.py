"""
Choosing alpha: the smallest error, and the one-standard-error rule
====================================================================

Ten measurements of 442 patients, their squares and products: 65 columns. Cross-validation draws a curve with a flat
valley. Its minimum is where the error happens to be smallest; the one-standard-error rule takes the sparsest model that
cannot be told from it.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import RepeatedKFold
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import sparseopt as so

X, y = load_diabetes(return_X_y=True, as_frame=True)
X = PolynomialFeatures(2, include_bias=False).set_output(transform="pandas").fit_transform(X)
X = StandardScaler().set_output(transform="pandas").fit_transform(X)

folds = RepeatedKFold(n_splits=10, n_repeats=3, random_state=0)
models = {rule: so.LassoCV(cv=folds, selection_rule=rule).fit(X, y) for rule in ("min", "1se")}
for rule, model in models.items():
    print(f"{rule}: alpha {model.alpha_:.1f}, {model.support_.size} columns")

# %%
# Every point of the curve is 30 fits, each with a duality gap. The path below shows the same alphas on all rows;
# columns of the sparser model have names.

error = models["min"].mse_path_.mean(axis=1) / y.var()
spread = models["min"].mse_se_ / y.var()
path = so.solution_path(X, y, alphas=models["min"].alphas_)
colors = {"min": "tab:blue", "1se": "tab:orange"}

figure, (top, bottom) = plt.subplots(2, 1, figsize=(7.5, 7.5), sharex=True, layout="constrained")
top.plot(path.alphas, error, color="0.25")
top.fill_between(path.alphas, error - spread, error + spread, color="0.85")
top.set_ylabel("squared error over variance")
named = set(models["1se"].support_)
order = sorted(named, key=lambda j: path.coefs[-1, j])
shades = dict(zip(order, plt.cm.viridis(np.linspace(0.0, 0.9, len(order))), strict=True))
for j in range(X.shape[1]):
    bottom.plot(path.alphas, path.coefs[:, j], color=shades.get(j, "0.8"), lw=1.8 if j in named else 0.8,
                label=X.columns[j] if j in named else None, zorder=3 if j in named else 1)
bottom.set_ylabel("coefficient")
bottom.set_xlabel("alpha")
bottom.legend(frameon=False, ncols=2, fontsize=8)
for axis in (top, bottom):
    for rule, model in models.items():
        axis.axvline(model.alpha_, color=colors[rule], ls="--", label=rule)
top.legend(*[part[-2:] for part in top.get_legend_handles_labels()], frameon=False)
bottom.set_xscale("log")
bottom.invert_xaxis()
plt.show()
