"""Losses: value and derivatives of the data fit, facts without algorithms."""

from .quadratic import Quadratic
from .squared import Squared

__all__ = ["Quadratic", "Squared", "as_loss"]

_BY_NAME = {"squared": Squared}


def as_loss(loss):
    """Return the loss object for a name or an object.

    Parameters
    ----------
    loss : str or loss object
        "squared", or an object with `values` and `gradient`.

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
    if not hasattr(loss, "values") or not hasattr(loss, "gradient"):
        raise TypeError(f"loss must be a name or a loss object, got {loss!r}")
    return loss
