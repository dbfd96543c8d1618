"""
Which pixels tell digits apart
==============================

Multinomial regression on images of digits, with two penalties of the same strength. The L1 penalty picks pixels for
each class by itself. The group penalty picks a pixel for all classes or for none, so that fewer pixels are looked at.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import sparseopt as so

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16.0, y, test_size=0.4, random_state=0)

models = {
    "L1": so.SparseLogisticRegression(alpha=0.006, penalty="l1").fit(X_train, y_train),
    "group": so.SparseLogisticRegression(alpha=0.015, penalty="group").fit(X_train, y_train),
}
for name, model in models.items():
    print(f"{name}: {model.support_.size} pixels, {np.count_nonzero(model.coef_)} coefficients, "
          f"accuracy {model.score(X_test, y_test):.3f}, gap {model.dual_gap_ / model.objective_:.0e}")

# %%
# Red votes for the digit, blue against it. Pixels that no class uses are hatched.

figure, axes = plt.subplots(2, 10, figsize=(11, 2.9), layout="constrained")
for row, (name, model) in zip(axes, models.items(), strict=True):
    scale = np.abs(model.coef_).max()
    unused = np.ones(64)
    unused[model.support_] = np.nan
    for digit, axis in enumerate(row):
        axis.imshow(model.coef_[digit].reshape(8, 8), cmap="RdBu_r", vmin=-scale, vmax=scale)
        hatched = np.where(np.isnan(unused), 0, 1).reshape(8, 8)
        axis.contourf(hatched, levels=[0.5, 1.5], colors="none", hatches=["////"])
        axis.set(xticks=[], yticks=[])
        if row is axes[0]:
            axis.set_title(digit)
    row[0].set_ylabel(f"{name}\n{model.support_.size} pixels")
plt.show()
