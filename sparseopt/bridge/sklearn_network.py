"""Multi-layer perceptrons of scikit-learn."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .numpy_network import NumpyNetwork


class SklearnNetwork(NumpyNetwork):
    """A fitted MLPClassifier or MLPRegressor; layers are called "0", "1", ...

    Parameters
    ----------
    model : sklearn.neural_network.MLPClassifier or MLPRegressor
    """

    def __init__(self, model: Any) -> None:
        check_is_fitted(model)
        last = len(model.coefs_) - 1
        names = [model.activation] * last + [model.out_activation_]
        parts = zip(model.coefs_, model.intercepts_, names, strict=True)
        super().__init__([(np.ascontiguousarray(W.T), b, name) for W, b, name in parts])
        self._estimator = deepcopy(model)

    @property
    def model(self) -> Any:
        """The estimator with the present weights."""
        estimator = deepcopy(self._estimator)
        estimator.coefs_ = [np.ascontiguousarray(part[0].T) for part in self._parts]
        estimator.intercepts_ = [part[1] for part in self._parts]
        widths = [len(part[0]) for part in self._parts[:-1]]
        if widths != [len(b) for b in self._estimator.intercepts_[:-1]]:
            estimator.hidden_layer_sizes = tuple(widths)
        return estimator
