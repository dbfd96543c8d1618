"""``mean log(1 + exp(-y Xw)) + alpha ||w||_1`` at one alpha: no intercept, X as stored; y is split in two."""

import numpy as np
from benchmark_utils.class_certificates import class_alpha_max, classes_of, softmax_gap
from benchopt import BaseObjective


class Objective(BaseObjective):
    """One fit at a fraction of the smallest alpha that gives the empty model."""

    name = "logistic"
    url = "sparseopt/logistic"
    requirements = ["numpy", "scipy", "scikit-learn"]
    min_benchopt_version = "1.10"
    sampling_strategy = "tolerance"
    test_dataset_name = "tiny"
    parameters = {"reg": [0.1, 0.01]}
    targets = (1e-4, 1e-6)

    @property
    def label(self):
        return f"max/{1 / self.reg:g}"

    def set_data(self, X, y):
        self.X, self.codes = X, classes_of(y, most=2)
        self.alpha = self.reg * class_alpha_max(X, self.codes, one_column=True)
        self.null = float(np.log(self.codes.max() + 1))

    def get_objective(self):
        return dict(X=self.X, y=2.0 * self.codes - 1.0, alpha=self.alpha)

    def evaluate_result(self, coef):
        value, gap = softmax_gap(self.X, self.codes, self.alpha, coef)
        return dict(value=value, gap=gap / self.null, n_nonzero=int(np.count_nonzero(coef)))

    def get_one_result(self):
        return dict(coef=np.zeros(self.X.shape[1]))
