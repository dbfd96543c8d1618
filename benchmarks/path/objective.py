"""The Lasso path: ``||y - Xw||^2 / (2n) + alpha ||w||_1`` for a whole grid of alphas."""

import numpy as np
from benchmark_utils.certificates import alpha_max, lasso_gaps, null_objective
from benchopt import BaseObjective


class Objective(BaseObjective):
    """A grid of alphas, geometric, from the largest useful one down; the worst gap counts."""

    name = "path"
    url = "sparseopt/path"
    requirements = ["numpy", "scipy", "scikit-learn"]
    min_benchopt_version = "1.10"
    sampling_strategy = "tolerance"
    test_dataset_name = "tiny"
    parameters = {"n_alphas": [100], "ratio": [0.01]}
    targets = (1e-6, 1e-10)
    weight = 3  # a path takes longer than a fit, and gets more of the time

    @property
    def label(self):
        return f"{self.n_alphas} alphas to max/{1 / self.ratio:g}"

    def set_data(self, X, y):
        self.X, self.y = X, y
        largest = alpha_max(X, y)
        self.alphas = np.geomspace(largest, largest * self.ratio, self.n_alphas)
        self.null = null_objective(y)

    def get_objective(self):
        return dict(X=self.X, y=self.y, alphas=self.alphas)

    def evaluate_result(self, coef, duals=None):
        objectives, gaps = lasso_gaps(self.X, self.y, self.alphas, coef, duals)
        return dict(
            value=float(objectives.mean()),
            gap=float(gaps.max()) / self.null,
            n_nonzero=int(np.count_nonzero(coef[-1])),
        )

    def get_one_result(self):
        return dict(coef=np.zeros((self.n_alphas, self.X.shape[1])))
