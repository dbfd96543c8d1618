"""
An image from far fewer measurements than pixels
================================================

Four handwritten digits lie on a dark canvas of 32 by 32 pixels. A camera without lenses sees random mixtures of all
pixels: 230 numbers with noise for 1024 unknowns. Most pixels are dark, and those that are not touch each other. The
Lasso knows the first of this; :class:`~sparseopt.TurboVBIRegressor` with a grid for the support knows both, and says
how sure it is of every pixel.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import sparseopt as so
from sparseopt.exceptions import ConvergenceWarning

side, measurements = 32, 230
digits = load_digits().images / 16.0
image = np.zeros((side, side))
for k, (i, j) in enumerate([(2, 3), (5, 20), (20, 7), (18, 22)]):
    image[i : i + 8, j : j + 8] = np.where(digits[k] > 0.3, digits[k], 0.0)

rng = np.random.default_rng(0)
X = rng.standard_normal((measurements, side * side)) / np.sqrt(measurements)
clean = X @ image.ravel()
y = clean + 0.05 * clean.std() * rng.standard_normal(measurements)
print(f"{np.count_nonzero(image)} of {image.size} pixels are not dark")

# %%
# Three fits: the Lasso, and the Bayesian model without and with a structure of the support. Without, there are too few
# measurements, and the iteration does not come to rest.

warnings.simplefilter("ignore", ConvergenceWarning)
models = {
    "Lasso": so.LassoCV(n_alphas=30, fit_intercept=False),
    "every pixel by itself": so.TurboVBIRegressor(structure="iid", fit_intercept=False),
    "a grid of pixels": so.TurboVBIRegressor(structure="grid", shape=(side, side), fit_intercept=False),
}
for name, model in models.items():
    model.fit(X, y)
    error = np.sum((model.coef_ - image.ravel()) ** 2) / np.sum(image**2)
    print(f"{name:22s} {10 * np.log10(error):6.1f} dB")

# %%
# The standard deviation is that of the noise on the strokes, and largest where the support is in doubt.

best = models["a grid of pixels"]
panels = {"the image": image, **{name: model.coef_.reshape(side, side) for name, model in models.items()},
          "probability of not dark": best.support_prob_.reshape(side, side),
          "standard deviation": best.coef_std_.reshape(side, side)}  # fmt: skip
figure, axes = plt.subplots(2, 3, figsize=(9, 6.2), layout="constrained")
for ax, (name, values) in zip(axes.flat, panels.items(), strict=True):
    shown = ax.imshow(values, cmap="gray", vmin=0.0, vmax=values.max() if "deviation" in name else 1.0)
    ax.set(xticks=[], yticks=[], title=name)
figure.colorbar(shown, ax=axes[-1, -1], shrink=0.8)
plt.show()
