"""
Which block to move next
========================

Block coordinate descent chooses a block of variables, moves it, and starts again. How fast it converges depends on
three independent choices: how blocks are made, which one moves, and how. Here are some of them on one least-squares
problem whose columns have very different scales.
"""

# %%
# A sparse design with 300 rows and 3000 columns; each column is scaled by its own random number.

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse

import sparseopt as so

rng = np.random.default_rng(0)
n, p = 300, 3000
X = sparse.random_array((n, p), density=0.1, rng=rng, data_sampler=rng.standard_normal)
X = sparse.csc_array(X @ sparse.diags_array(10.0 * rng.standard_normal(p)))
y = X @ (rng.standard_normal(p) * (rng.random(p) < 0.1)) + rng.standard_normal(n)
problem = so.Problem(X, y, penalty=so.penalties.Box(), fit_intercept=False)

# %%
# Random, then greedy with ever better scores, then with a better step.

runs = {
    "random blocks, gradient step": dict(selection="random", update="gradient"),
    "largest gradients, gradient step": dict(selection="gs", update="gradient"),
    "fixed blocks, largest gradient over its constant": dict(partition="sort", selection="gsl", update="gradient"),
    "largest gradients, matrix step": dict(selection="gs", update="matrix"),
    "largest scaled gradients, matrix step": dict(selection="gsd", update="matrix"),
}
fig, ax = plt.subplots(figsize=(8, 4.6), layout="constrained")
for label, rules in runs.items():
    result = so.block_coordinate_descent(
        problem, block_size=10, max_iter=150, tol=0, track="objective", random_state=0, **rules
    )
    ax.semilogy(result.objectives / result.objectives[0], label=label, linewidth=1.8)
ax.set(xlabel="block updates (10 variables each)", ylabel="objective, share of the first")
ax.grid(alpha=0.25)
ax.legend(frameon=False, fontsize=9)
plt.show()
