"""
Completing digits: many targets, few common columns
===================================================

The lower half of a digit, 32 pixels, is predicted from the upper half. The multitask Lasso chooses pixels of the upper
half that serve all 32 targets at once. Fitted one by one, targets choose their own, and though each needs fewer, all of
them together look at twice as many. That matters when every column has to be measured.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import sparseopt as so

pixels = load_digits().data / 16.0
train, test = train_test_split(pixels, test_size=0.3, random_state=0)
upper, lower = slice(0, 32), slice(32, 64)

together = so.MultiTaskLasso(alpha=0.04).fit(train[:, upper], train[:, lower])
apart = so.Lasso(alpha=0.008).fit(train[:, upper], train[:, lower])
for name, model in (("together", together), ("one by one", apart)):
    print(f"{name}: {model.support_.size} pixels, {np.count_nonzero(model.coef_) / 32:.1f} for each target, "
          f"R2 {model.score(test[:, upper], test[:, lower]):.2f}")

# %%
# Pixels in use are outlined.

shown = test[[3, 8, 14, 20, 33, 41, 57, 60]]
figure, axes = plt.subplots(3, len(shown), figsize=(11, 4.4), layout="constrained")
for axis, digit in zip(axes[0], shown, strict=True):
    axis.imshow(digit.reshape(8, 8), cmap="gray_r")
    axis.axhline(3.5, color="tab:blue")
for row, model in zip(axes[1:], (together, apart), strict=True):
    for axis, digit in zip(row, shown, strict=True):
        completed = np.concatenate([digit[upper], model.predict(digit[None, upper])[0]])
        axis.imshow(completed.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        for j in model.support_:
            axis.add_patch(plt.Rectangle((j % 8 - 0.5, j // 8 - 0.5), 1, 1, fill=False, ec="tab:orange", lw=0.8))
        axis.axhline(3.5, color="tab:blue")
for axis in axes.ravel():
    axis.set(xticks=[], yticks=[])
labels = "truth", f"together\n{together.support_.size} pixels", f"one by one\n{apart.support_.size} pixels"
for row, label in zip(axes, labels, strict=True):
    row[0].set_ylabel(label)
plt.show()
