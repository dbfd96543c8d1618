"""``||y - Xw||^2 / (2n) + alpha sum_g sqrt(10) ||w_g||``: consecutive groups of ten, no intercept, X as stored."""

import numpy as np
from benchmark_utils.certificates import null_objective
from benchopt import BaseObjective

SIZE = 10


def norms(values):
    """Norm of each group over the root of its size."""
    return np.sqrt((values.reshape(-1, SIZE) ** 2).sum(axis=1) / SIZE)


class Objective(BaseObjective):
    """One fit at a fraction of the smallest alpha that gives the empty model."""

    name = "group_lasso"
    url = "sparseopt/group_lasso"
    requirements = ["numpy", "scipy"]
    min_benchopt_version = "1.10"
    sampling_strategy = "tolerance"
    test_dataset_name = "tiny"
    parameters = {"reg": [0.1, 0.01]}
    targets = (1e-6, 1e-10)

    @property
    def label(self):
        return f"max/{1 / self.reg:g}"

    def set_data(self, X, y):
        p = X.shape[1] // SIZE * SIZE
        self.X, self.y = X[:, :p], y
        self.alpha = self.reg * norms(self.X.T @ y).max() / len(y)
        self.null = null_objective(y)

    def get_objective(self):
        return dict(X=self.X, y=self.y, alpha=self.alpha, size=SIZE)

    def evaluate_result(self, coef):
        """Objective and duality gap from the residual, scaled by its best feasible factor."""
        if not np.isfinite(coef).all():
            return dict(value=np.inf, gap=np.inf, n_nonzero=0)
        n = len(self.y)
        r = self.y - self.X @ coef
        primal = r @ r / (2 * n) + self.alpha * SIZE * norms(coef).sum()
        tiny = np.finfo(float).tiny
        limit = n * self.alpha / max(norms(self.X.T @ r).max(), tiny)
        t = np.clip(self.y @ r / max(r @ r, tiny), -limit, limit)
        dual = (2 * t * (self.y @ r) - t**2 * (r @ r)) / (2 * n)
        gap = max(primal - dual, 0.0) / self.null
        return dict(value=float(primal), gap=float(gap), n_nonzero=int(np.count_nonzero(coef)))

    def get_one_result(self):
        return dict(coef=np.zeros(self.X.shape[1]))
