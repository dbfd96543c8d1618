"""Several good models at once, each with the weight that the criterion gives it.

EBIC is -2 times a log-probability of the model given the data, but for a constant that all models share, so that
exp(-EBIC / 2) weighs them as Bayesian model averaging does (A. E. Raftery, "Bayesian model selection in social
research", Sociological Methodology 25, 1995).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .candidates import Candidate
from .predictor import Model

NEGLIGIBLE = 1e-4  # weight, relative to the best model's, below which a model is left out


def weigh(candidates: list[Candidate]) -> NDArray[np.float64]:
    """Return weights that add up to one; a model that was proposed more than once counts once."""
    criterion = np.array([one.criterion for one in candidates])
    weights = np.exp(-0.5 * (criterion - criterion.min()))
    weights[~(weights >= NEGLIGIBLE)] = 0.0
    met = set()
    for i in np.lexsort((np.arange(criterion.size), criterion)):
        one = candidates[i]
        # the same columns are the same fit at every level, unless directions of that level are part of it
        key = (one.kind, one.level if one.kind == "dictionary" else 0, frozenset(one.support))
        if key in met:
            weights[i] = 0.0
        met.add(key)
    return weights / weights.sum()


@dataclass
class Average:
    """Models with weights, with the attributes of one :class:`Model`.

    Attributes
    ----------
    members : list of Model
    weights : ndarray of shape (n_models,)
        Positive; their sum is one.
    rss : float
        Of the averaged fit.
    """

    members: list[Model]
    weights: NDArray[np.float64]
    rss: float

    @property
    def coef(self) -> NDArray[np.float64]:
        """Return the averaged coefficients."""
        return sum(w * one.coef for w, one in zip(self.weights, self.members, strict=True))

    @property
    def violation(self) -> float:
        """Return the largest violation of a member, each of its own conditions."""
        return max(one.violation for one in self.members)

    @property
    def n_parameters(self) -> float:
        """Return the averaged number of parameters."""
        return float(sum(w * one.n_parameters for w, one in zip(self.weights, self.members, strict=True)))

    @property
    def peeling(self):
        """Return the peeling of a member that predicts by it, None if all predict by coefficients."""
        return next((one.peeling for one in self.members if one.peeling is not None), None)

    def __call__(self, rows):
        """Predict for scaled rows, which are overwritten."""
        last = len(self.members) - 1
        return sum(
            w * one(rows if i == last else rows.copy(order="K"))
            for i, (w, one) in enumerate(zip(self.weights, self.members, strict=True))
        )


def averaged(models, residuals, weights) -> Average:
    """Return the average of fitted models; `residuals` are what each leaves of y."""
    rest = sum(w * r for w, r in zip(weights, residuals, strict=True))
    return Average(list(models), np.asarray(weights), float(rest @ rest))
