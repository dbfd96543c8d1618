"""Which losses have a compiled form, in which whole Newton steps run (see ``_ext/_scalar_losses.pyx``)."""

from __future__ import annotations

from .._ext._scalar_losses import HuberLoss, LogisticLoss, PoissonLoss
from ..problem.losses import Huber, Logistic, Poisson


def compiled_loss(problem):
    """Return the compiled loss of a problem with one output whose samples and columns lie in this process, or None."""
    if not problem.design.sweeps or problem.ranks.several:
        return None
    kind, facts = type(problem.loss), (problem.y, problem.sample_weight, problem.fit_intercept)
    if kind is Logistic:
        return LogisticLoss(*facts)
    if kind is Poisson:
        return PoissonLoss(*facts)
    if kind is Huber:
        return HuberLoss(*facts, float(problem.loss.delta))
    return None
