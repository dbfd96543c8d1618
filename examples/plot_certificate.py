"""
What a certificate is worth
===========================

Solvers stop when they believe that they are done. Here is how far they really are: the objective above its true
minimum, which one normally does not know, beside what a solver says about itself. Ours says its duality gap, which is a
bound. Proximal gradient steps with the common rule "stop when a step gains less than 1e-5" say nothing about the
distance that is left.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import sparseopt as so

data = load_breast_cancer()
X = StandardScaler().fit_transform(PolynomialFeatures(2, include_bias=False).fit_transform(data.data))
X, y = np.asfortranarray(X), data.target - data.target.mean()
alpha = 0.003 * np.abs(X.T @ y).max() / len(y)
problem = so.Problem(X, y, penalty=so.penalties.L1(alpha=alpha), fit_intercept=False)
minimum = so.solve(problem, tol=1e-14).objective
null = problem.null_objective

# %%
# Our solver reads all of X once a round; rounds are few, so we look at each.

objectives, passes = [], []
result = so.solve(problem, tol=1e-10, callback=lambda w: objectives.append(problem.objective(w)))
gaps = [(entry["n_passes"], entry["gap"] / null) for entry in result.history]

# %%
# Proximal gradient: two readings an iteration.

step = len(y) / np.linalg.norm(X, 2) ** 2
w = np.zeros(X.shape[1])
trace, stopped = [(1, (null - minimum) / null)], None
for iteration in range(1, 1501):
    v = w + step * X.T @ (y - X @ w) / len(y)
    w = np.sign(v) * np.maximum(np.abs(v) - step * alpha, 0.0)
    trace.append((2 * iteration, (problem.objective(w) - minimum) / null))
    if stopped is None and trace[-2][1] - trace[-1][1] < 1e-5:
        stopped = trace[-1]
print(f"proximal gradient stops after {stopped[0]} readings, {stopped[1]:.0e} above the minimum")
print(f"ours ends after {result.n_passes:.0f} readings, certified to {result.relative_gap:.0e}")

# %%
# The bound (line) never lies below the truth (dots).

figure, axis = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
axis.plot(*zip(*trace, strict=True), color="tab:orange", label="proximal gradient: truth")
axis.plot(*stopped, "o", color="tab:orange", ms=9, label='where it stops: a step gained less than 1e-5')
axis.plot(*zip(*gaps, strict=True), color="tab:blue", label="sparseopt: its duality gap")
truth = np.maximum((np.array([entry["objective"] for entry in result.history]) - minimum) / null, 1e-16)
axis.plot([n for n, _ in gaps], truth, "o", color="tab:blue", ms=4, label="sparseopt: truth")
axis.set(xscale="log", yscale="log", ylim=(1e-12, 2), xlabel="readings of X",
         ylabel="objective above its minimum,\nover the objective at zero")
axis.legend(frameon=False)
plt.show()
