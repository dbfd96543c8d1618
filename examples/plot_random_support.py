"""
Columns that hide each other
============================

Five hundred columns share factors at four scales: groups inside groups. A signal of size one needs coefficients of a
million that cancel, and the Lasso, which must keep coefficients small, predicts no better than zero. Taking common
directions out, level after level, leaves columns among which a random support is harmless.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparseopt as so

X, y, truth = so.datasets.make_nested_groups(random_state=3)
signal = X @ truth
model = so.RandomSupportRegressor(random_state=0).fit(X, y)
lasso = so.LassoCV(eps=1e-4).fit(X, y)
for name, fitted in (("LassoCV", lasso), ("RandomSupportRegressor", model)):
    left_over = np.mean((fitted.predict(X) - signal - np.mean(y - signal)) ** 2) / signal.var()
    print(f"{name}: error {left_over:.3f} of the signal")
print("largest coefficient of the truth:", f"{np.abs(truth).max():.0e}", " directions taken out:", model.dims_)

# %%
# Left: sums of supports, eight columns drawn at random, and their smallest singular value before and after. Right: the
# predictions.

rng = np.random.default_rng(0)
units = (X - X.mean(axis=0)) / np.linalg.norm(X - X.mean(axis=0), axis=0)
peeling = so.SpectralPeeling().fit(X)
after = peeling.transform(X)[:, sum(peeling.dims_) :]
after = after / np.linalg.norm(after, axis=0)
drawn = [rng.choice(X.shape[1], 8, replace=False) for _ in range(300)]
smallest = [[np.linalg.svd(Z[:, s], compute_uv=False)[-1] for s in drawn] for Z in (units, after)]

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
bins = np.geomspace(1e-8, 1.0, 60)
for values, name, color in zip(smallest, ("as they are", "after peeling"), ("tab:orange", "tab:blue"), strict=True):
    left.hist(values, bins=bins, color=color, alpha=0.8, label=name)
left.set(xscale="log", xlabel="smallest singular value of eight random columns", ylabel="supports")
left.legend(frameon=False)
right.plot([-3, 3], [-3, 3], color="0.7", lw=1)
right.scatter(signal, lasso.predict(X), s=10, color="tab:orange", label="LassoCV")
right.scatter(signal, model.predict(X), s=10, color="tab:blue", label="RandomSupportRegressor")
right.set(xlabel="true signal", ylabel="prediction", xlim=(-3, 3), ylim=(-3, 3))
right.legend(frameon=False)
plt.show()
