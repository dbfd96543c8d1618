"""``||y - Xw||^2 / (2n) + alpha ||w||_1`` at one alpha: no intercept, X as stored."""

import numpy as np
from benchmark_utils.certificates import alpha_max, lasso_gaps, null_objective
from benchopt import BaseObjective


class Objective(BaseObjective):
    """One Lasso fit at a fraction of the smallest alpha that gives the empty model."""

    name = "lasso"
    url = "sparseopt/lasso"
    requirements = ["numpy", "scipy", "scikit-learn"]
    min_benchopt_version = "1.10"
    sampling_strategy = "tolerance"
    test_dataset_name = "tiny"
    parameters = {"reg": [0.1, 0.01]}
    targets = (1e-6, 1e-10)

    @property
    def label(self):
        return f"max/{1 / self.reg:g}"

    def set_data(self, X, y):
        self.X, self.y = X, y
        self.alpha = self.reg * alpha_max(X, y)
        self.null = null_objective(y)

    def get_objective(self):
        return dict(X=self.X, y=self.y, alpha=self.alpha)

    def evaluate_result(self, coef, duals=None):
        objectives, gaps = lasso_gaps(self.X, self.y, self.alpha, coef, duals)
        return dict(
            value=float(objectives[0]),
            gap=float(gaps[0]) / self.null,
            n_nonzero=int(np.count_nonzero(coef)),
        )

    def get_one_result(self):
        return dict(coef=np.zeros(self.X.shape[1]))
