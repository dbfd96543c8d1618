"""Losses: value and derivatives of the data fit, facts without algorithms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import lazy_names
from ._base import Loss, PlainLoss

_HOME = {
    "Huber": ".huber",
    "Logistic": ".logistic",
    "Multinomial": ".multinomial",
    "Poisson": ".poisson",
    "Quadratic": ".quadratic",
    "Squared": ".squared",
}
_BY_NAME = {name.lower(): name for name in _HOME if name != "Quadratic"}  # which needs its matrix

__all__ = ["Huber", "Logistic", "Multinomial", "Poisson", "Quadratic", "Squared", "as_loss"]

if TYPE_CHECKING:
    from .huber import Huber
    from .logistic import Logistic
    from .multinomial import Multinomial
    from .poisson import Poisson
    from .quadratic import Quadratic
    from .squared import Squared


def as_loss(loss):
    """Return the loss object for a name or an object.

    Parameters
    ----------
    loss : str or loss object
        "squared", "logistic", "multinomial", "poisson" or "huber", or an object with `values` and `gradient`.

    Returns
    -------
    loss object

    Examples
    --------
    >>> from sparseopt.losses import as_loss
    >>> as_loss("squared")
    Squared()
    """
    if isinstance(loss, str):
        if loss not in _BY_NAME:
            raise ValueError(f"unknown loss {loss!r}; available: {sorted(_BY_NAME)}")
        return _named(_BY_NAME[loss])()
    if isinstance(loss, type) or not hasattr(loss, "values") or not hasattr(loss, "gradient"):
        raise TypeError(f"loss must be a name or a loss object, got {loss!r}")
    return loss if isinstance(loss, Loss) else PlainLoss(loss)


__getattr__ = _named = lazy_names(globals(), _HOME)
