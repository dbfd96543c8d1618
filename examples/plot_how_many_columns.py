"""
How many columns? Criteria for best subset
==========================================

Best subset regression gives the best model of every size. Which size to take is another question, and criteria answer
it differently: AIC and cross-validation ask for good predictions, BIC for the right model, EBIC for the right model
when there are many columns to choose from. The data are 30 measurements of 569 tumors, with the diagnosis, 0 or 1, for
the target.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

import sparseopt as so

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X = StandardScaler().set_output(transform="pandas").fit_transform(X)
models = {
    name: so.BestSubsetRegressor(criterion=name, max_nonzero_coefs=25, cv=10).fit(X, y)
    for name in ("ebic", "bic", "aic", "cv")
}
for name, model in models.items():
    print(f"{name}: {model.n_nonzero_coefs_} columns, no exchange gains more than {model.exchange_gain_:.0e}")

# %%
# Right: which columns the best model of each size uses. A good column comes early and stays.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained", width_ratios=(1, 1.3))
for (name, model), color in zip(models.items(), ("tab:blue", "tab:green", "tab:red", "tab:orange"), strict=True):
    scores = model.score_path_ - model.score_path_.min()
    left.plot(model.sizes_, scores / scores[1:].max(), color=color, label=f"{name.upper()}: {model.n_nonzero_coefs_}")
    left.axvline(model.n_nonzero_coefs_, color=color, ls=":", lw=1)
left.set(xlabel="columns", ylabel="criterion, scaled", ylim=(-0.03, 1.03))
left.legend(frameon=False)
path = models["bic"].path_coefs_[1:16]
used = np.flatnonzero(np.any(path != 0, axis=0))
used = used[np.argsort([np.flatnonzero(path[:, j])[0] for j in used])]
scale = np.abs(path).max()
where = (0.5, 15.5, used.size - 0.5, -0.5)
right.imshow(path[:, used].T, aspect="auto", cmap="RdBu_r", vmin=-scale, vmax=scale, extent=where)
right.set_yticks(np.arange(used.size), X.columns[used], fontsize=8)
right.set(xlabel="columns in the model", title="coefficients of the best model of each size")
plt.show()
