"""Turbo-VBI for the weights of a network under its own likelihood.

Near a trained point the likelihood of a weight is a Gaussian whose precision is its Fisher information. Together with
the present prior N(0, D) it makes the posterior that training with the quadratic penalty w^2 / (2 D) ends at. So
training and this module take turns: training finds means, this module answers with supports and new prior variances.
The likelihood is taken to lie at the mean that training found: evidence counts what the prior has pushed to zero as
zero, unless training brought it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...exceptions import InvalidProblemError
from .evidence import cavity_llr, mixture_update
from .gram import largest
from .supports import Support
from .supports._base import LIMIT, Messages

FLAT = 1e-3  # least precision of the likelihood, in units of the active prior's: weights that the data do not see
STEPS = 30  # halvings of the interval in which the shift of log-odds lies


@dataclass(frozen=True)
class _Cavity:
    cavity_precision: NDArray
    cavity_mean: NDArray


@dataclass(eq=False)
class WeightPosterior:
    """Posterior of one weight matrix.

    Attributes
    ----------
    support : Support
        The prior, with what was learned.
    s1 : float
        Prior variance of weights that are not zero.
    D : ndarray
        Prior variance of every weight, in C order: 1 / D is the penalty to train with.
    prob, log_odds, mean, variance : ndarray
        Of every weight to be non-zero; posterior moments.
    """

    support: Support
    s1: float
    D: NDArray
    prob: NDArray
    log_odds: NDArray
    mean: NDArray
    variance: NDArray
    active_moment: NDArray
    moments: _Cavity
    messages: Messages | None = field(default=None, repr=False)


class NetworkPosterior:
    """Supports and prior variances of all weight matrices of a network.

    Parameters
    ----------
    weights : dict of str to ndarray
        Of the trained network.
    supports : dict of str to Support
        A prior for every matrix, of its entries in C order.
    inactive_ratio : float, default=1e-5
        Prior variance of zero weights over that of the others.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.solvers.turbo_vbi import NetworkPosterior
    >>> from sparseopt.supports import IIDSupport
    >>> w = {"layer": np.array([[1.0, 0.1], [0.05, -2.0]])}
    >>> posterior = NetworkPosterior(w, {"layer": IIDSupport()})
    >>> posterior.update(w, {"layer": np.full((2, 2), 1e3)}, n_active=2)
    >>> posterior.largest(2)["layer"].tolist()
    [[True, False], [False, True]]
    """

    def __init__(
        self, weights: Mapping[str, NDArray], supports: Mapping[str, Support], inactive_ratio: float = 1e-5
    ) -> None:
        self.shapes = {name: np.shape(weight) for name, weight in weights.items()}
        self.ratio = inactive_ratio
        self.shift = 0.0
        self.parts: dict[str, WeightPosterior] = {}
        for name, weight in weights.items():
            flat = np.asarray(weight, dtype=np.float64).ravel()
            s1 = 4.0 * float(np.mean(flat**2)) or 1.0  # a network with few weights has larger ones
            start = np.full(flat.size, s1)
            none = np.zeros(flat.size)
            self.parts[name] = WeightPosterior(
                supports[name].bind(flat.size), s1, start, none + 1.0, none, flat, none, none, _Cavity(none, none)
            )

    @property
    def n_weights(self) -> int:
        """Number of all weights."""
        return sum(part.D.size for part in self.parts.values())

    @property
    def n_active(self) -> float:
        """Expected number of weights that are not zero."""
        return float(sum(part.prob.sum() for part in self.parts.values()))

    def update(
        self, weights: Mapping[str, NDArray], information: Mapping[str, NDArray], n_active: float | None = None,
        n_threads: int = 1,
    ) -> None:  # fmt: skip
        """Infer supports, and set prior variances to those of the posterior.

        Parameters
        ----------
        weights : dict of str to ndarray
            Where training with the penalty w^2 / (2 D) ended.
        information : dict of str to ndarray
            Precision that the data give every weight: number of samples times Fisher information.
        n_active : float, optional
            Expected number of weights that shall not be zero, over all matrices. All log-odds are shifted alike to make
            it so (a multiplier for the budget). None: as many as prior and data say.
        n_threads : int, default=1
        """
        odds = {}
        for name, part in self.parts.items():
            precision = np.maximum(np.asarray(information[name], dtype=np.float64).ravel(), FLAT / part.s1)
            mean = np.asarray(weights[name], dtype=np.float64).ravel()
            if precision.shape != part.D.shape or mean.shape != part.D.shape:
                raise InvalidProblemError(
                    f"{name!r} has {part.D.size} weights, got {mean.size} and {precision.size} precisions"
                )
            if not (np.isfinite(precision).all() and np.isfinite(mean).all()):
                raise InvalidProblemError(f"weights or precisions of {name!r} are not finite")
            # The cavity's mean would be mean * (1 + 1 / (precision D)). Training never quite comes to rest, and its
            # noise, blown up by that factor where D is small, would bring weights back at random.
            part.moments = _Cavity(precision, mean)
            odds[name] = cavity_llr(part.moments, part.s1, self.ratio * part.s1, 0.5)
        self.shift = 0.0 if n_active is None else self._shift(odds, n_active, n_threads)
        for name, part in self.parts.items():
            llr = odds[name] + self.shift
            part.messages = part.support.messages(llr, part.messages, n_threads)
            part.log_odds = part.messages.ext + llr
            mixture_update(part, part.messages.prob, self.ratio * part.s1)
            part.support = part.support.learned(part.messages)
            weight = float(part.prob.sum())
            if weight > 1e-6:
                part.s1 = max(float(part.prob @ part.active_moment) / weight, 1e-12 * part.s1)

    def _shift(self, odds: Mapping[str, NDArray], n_active: float, n_threads: int) -> float:
        """Return the shift of log-odds with which so many weights are expected to be active, by bisection."""
        low, high = -2.0 * LIMIT, 2.0 * LIMIT
        for _ in range(STEPS):
            middle = 0.5 * (low + high)
            count = sum(
                float(part.support.messages(odds[name] + middle, part.messages, n_threads).prob.sum())
                for name, part in self.parts.items()
            )
            low, high = (middle, high) if count < n_active else (low, middle)
        return 0.5 * (low + high)

    def precisions(self) -> dict[str, NDArray[np.float64]]:
        """Return 1 / D of every matrix."""
        return {name: (1.0 / part.D).reshape(self.shapes[name]) for name, part in self.parts.items()}

    def largest(self, k: int) -> dict[str, NDArray[np.bool_]]:
        """Return masks of the k weights with the largest log-odds over all matrices; among equals the first."""
        every = np.concatenate([part.log_odds for part in self.parts.values()])
        return split(largest(every, k), self.shapes)


def split(flat: NDArray, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray]:
    """Cut a vector into arrays of these shapes."""
    found, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        found[name] = flat[start : start + size].reshape(shape)
        start += size
    return found
