"""
A regression on all pixels of a photograph, from a sketch
==========================================================

Each pixel is predicted from the 24 around it, in three colors: 72 columns and a quarter of a million rows. A sketch of
a few thousand combinations of rows gives coefficients that are off by a known amount. The bound, which holds for every
single coefficient with probability 99%, is compared with the truth for growing sketches.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

import sparseopt as so

image = load_sample_image("flower.jpg").astype(np.float32) / 255.0
rows, columns = image.shape[0] - 4, image.shape[1] - 4
around = [(i, j) for i in range(5) for j in range(5) if (i, j) != (2, 2)]
X = np.empty((rows * columns, 72), dtype=np.float32, order="F")
for k, (i, j) in enumerate(around):
    X[:, 3 * k : 3 * k + 3] = image[i : i + rows, j : j + columns].reshape(-1, 3)
y = image[2:-2, 2:-2, 0].ravel()  # red
exact = so.SketchedRegressor(solver="lapack").fit(X, y)
print(X.shape, f"R2 {exact.score(X, y):.4f}")

# %%
# One pass each: no refinement, so that the error of the sketch itself is seen.

sizes = 2 ** np.arange(9, 16)
worst, bound = [], []
for m in sizes:
    model = so.SketchedRegressor(solver="sketch_solve", m=int(m), random_state=0).fit(X, y)
    worst.append(np.max(np.abs(model.coef_ - exact.coef_) / exact.stderr_))
    bound.append(np.max(model.coef_error_bound_ / exact.stderr_))
refined = so.SketchedRegressor(solver="heavy_ball", random_state=0).fit(X, y)
print(f"refined: {refined.n_passes_} passes, within "
      f"{np.max(np.abs(refined.coef_ - exact.coef_) / exact.stderr_):.3f} standard errors")

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", width_ratios=(1.1, 1))
left.loglog(sizes, bound, color="0.4", ls="--", label="bound, with probability 99%")
left.loglog(sizes, worst, "o-", color="tab:blue", label="worst coefficient, one pass")
left.axhline(0.05, color="tab:orange", label="where the default stops to refine")
left.axhline(1.0, color="0.8", lw=1)
left.set(xlabel="rows of the sketch", ylabel="error, in standard errors of the regression")
left.legend(frameon=False)
residual = (y - refined.predict(X)).reshape(rows, columns)
shown = right.imshow(residual, cmap="RdBu_r", vmin=-0.08, vmax=0.08)
right.set(xticks=[], yticks=[], title="what its neighbors do not say about a pixel")
figure.colorbar(shown, ax=right, shrink=0.8)
plt.show()
