"""Losses: value and derivatives of the data fit, facts without algorithms."""

from ._base import Loss, PlainLoss
from .huber import Huber
from .logistic import Logistic
from .multinomial import Multinomial
from .poisson import Poisson
from .quadratic import Quadratic
from .squared import Squared

__all__ = ["Huber", "Logistic", "Multinomial", "Poisson", "Quadratic", "Squared", "as_loss"]

_BY_NAME = {
    "huber": Huber, "logistic": Logistic, "multinomial": Multinomial, "poisson": Poisson, "squared": Squared,
}  # fmt: skip


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
        return _BY_NAME[loss]()
    if isinstance(loss, type) or not hasattr(loss, "values") or not hasattr(loss, "gradient"):
        raise TypeError(f"loss must be a name or a loss object, got {loss!r}")
    return loss if isinstance(loss, Loss) else PlainLoss(loss)
