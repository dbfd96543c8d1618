"""What all losses share; a new loss needs `values` and `gradient`, and the rest where it has a closed form."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from ..._ranks import ALONE
from ...exceptions import InvalidProblemError

NEWTON_STEPS = 200


class Loss(BaseEstimator):
    """Base of the losses, for one output per sample unless a loss says otherwise.

    Attributes
    ----------
    name : str
    curvature : float
        Supremum of the second derivative in eta; inf where there is none.
    any_multiple : bool
        Whether every multiple of a point of the conjugate's domain belongs to it; else multiples in [0, 1] do.
    classifies : bool
        Whether targets are classes.
    """

    name = ""
    curvature = np.inf
    any_multiple = False
    classifies = False

    def __repr__(self, **options):
        return super().__repr__(**options) if vars(self) else f"{type(self).__name__}()"  # a signature is slow to read

    def values(self, y, eta):
        """Loss of each sample, shape (n,)."""
        raise NotImplementedError  # pragma: no cover - abstract

    def gradient(self, y, eta):
        """Derivative in eta of each sample's loss, shape of eta."""
        raise NotImplementedError  # pragma: no cover - abstract

    def hessian(self, y, eta):
        """Second derivative (the diagonal of it) in eta, shape of eta; by differences unless overridden."""
        eta = np.asarray(eta, dtype=np.float64)
        h = 1e-5 * np.maximum(1.0, np.abs(eta))
        return (self.gradient(y, eta + h) - self.gradient(y, eta - h)) / (2.0 * h)

    def hessian_product(self, y, eta, direction):
        """Second derivative times a direction of the shape of eta."""
        return self.hessian(y, eta) * direction

    def touching_curvature(self, y, eta):
        """Curvature of a parabola that touches each sample's loss at eta and lies nowhere below it, shape of eta."""
        return np.full_like(np.asarray(eta, dtype=np.float64), self.curvature)

    def conjugate(self, y, u):
        """Convex conjugate in eta, at u, of each sample's loss, shape (n,); nan where it is not known."""
        return np.full(len(u), np.nan)

    @property
    def has_conjugate(self) -> bool:
        """Whether the conjugate is known: without one no point has a duality gap."""
        return getattr(self.conjugate, "__func__", None) is not Loss.conjugate

    def check_target(self, y, n_samples: int):
        """Return y as float64 in the coding of this loss, or raise InvalidProblemError."""
        return as_target(y, n_samples)

    def n_outputs(self, y) -> int:
        """How many numbers eta has for each sample."""
        return 1 if y.ndim == 1 else y.shape[1]

    def eta_shape(self, y) -> tuple[int, ...]:
        """Shape of eta."""
        return y.shape

    def check_null(self, y, sample_weight, ranks=ALONE) -> None:
        """Raise InvalidProblemError when no constant prediction is best (with an intercept)."""

    def best_intercept(self, y, eta, sample_weight=None, ranks=ALONE):
        """Return the constant that, added to eta, minimises the weighted loss: Newton between brackets."""
        low, high, b, unit = -np.inf, np.inf, 0.0, 1.0
        s = 1.0 if sample_weight is None else sample_weight
        for _ in range(NEWTON_STEPS):
            u = s * self.gradient(y, eta + b)
            slope, size, bend = ranks.total((float(np.sum(u)), float(np.sum(np.abs(u))), self._bend(y, eta + b, s)))
            if abs(slope) <= 1e-16 * size:
                break
            low, high = (low, b) if slope > 0.0 else (b, high)
            step = -slope / bend if bend > 0.0 else -np.sign(slope) * np.inf
            if not np.isfinite(high - low):
                if not abs(step) <= unit:
                    step, unit = -np.sign(slope) * unit, 2.0 * unit
            elif not low < b + step < high:
                step = 0.5 * (low + high) - b
            if b + step == b:
                break
            b += step
        return b

    def _bend(self, y, eta, s) -> float:
        return float(np.sum(s * self.hessian(y, eta)))

    def best_constant(self, y, sample_weight=None, ranks=ALONE):
        """Return the best constant prediction of the targets."""
        return self.best_intercept(y, np.zeros(self.eta_shape(y)), sample_weight, ranks)

    def settled(self, y, ranks) -> Loss:
        """Return this loss with everything stated that it would else read off y, which lies on several ranks."""
        return self

    def balance(self, y, u, sample_weight=None, ranks=ALONE):
        """Return a point near u of the conjugate's domain whose weighted sum is zero: shrink the heavier sign."""
        v = u if sample_weight is None else sample_weight * u
        up, down = ranks.total((float(np.sum(v[v > 0.0])), -float(np.sum(v[v < 0.0]))))
        if up == down:
            return u
        u = np.array(u)
        if up > down:
            u[u > 0.0] *= down / up
        else:
            u[u < 0.0] *= up / down
        return u


def as_target(y, n_samples: int, several: bool = False):
    """Return y as a contiguous float64 array of n_samples finite entries (rows where several outputs are allowed)."""
    y = np.ascontiguousarray(y, dtype=np.float64)
    if y.shape != (n_samples,) and not (several and y.ndim == 2 and y.shape[0] == n_samples and y.shape[1] > 0):
        raise InvalidProblemError(f"y has shape {y.shape}, expected ({n_samples},) as X has {n_samples} rows")
    if not np.all(np.isfinite(y)):
        raise InvalidProblemError("y must be finite, contains NaN or infinity")
    return y


class PlainLoss(Loss):
    """An object with `values` and `gradient` written by a user, completed by what the base class derives from them.

    Parameters
    ----------
    inner : loss object
    """

    def __init__(self, inner):
        self.inner = inner
        for name in dir(Loss):
            if not name.startswith(("_", "get_", "set_")) and hasattr(inner, name):
                setattr(self, name, getattr(inner, name))

    def __sklearn_clone__(self):
        return PlainLoss(self.inner)
