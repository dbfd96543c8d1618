"""scikit-learn's check of the input, with the columns of a table named where they hold text."""

from __future__ import annotations

import numpy as np
from sklearn.utils import validation

from ..exceptions import InvalidProblemError

_SHOWN = 5  # columns named in one message


def validate_data(estimator, X, y="no_validation", **options):
    """Do what `sklearn.utils.validation.validate_data` does; an error about text says in which columns it is."""
    try:
        return validation.validate_data(estimator, X, y, **options)
    except (ValueError, TypeError) as error:
        reason = text_in(X) or (None if isinstance(y, str) else text_in_target(y, error))
        if reason is None:
            raise
        raise InvalidProblemError(reason) from error


def text_in(X) -> str | None:
    """Say which columns of a table hold text, or None; only tables with names are looked at."""
    if not hasattr(X, "columns") or not hasattr(X, "__getitem__"):
        return None
    found = []
    for name in X.columns:
        example = _first_text(X[name])
        if example is not None:
            found.append(f"{name!r} ({example[:20]!r})")
    if not found:
        return None
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"text in column {', '.join(found[:_SHOWN])}{more}: make it numbers, for example with "
        "sklearn.preprocessing.OneHotEncoder, or drop the column"
    )


def text_in_target(y, error) -> str | None:
    """Say that a regression was asked to predict text, where that was the error."""
    example = _first_text(y) if "convert string" in str(error) else None
    if example is None:
        return None
    return f"y holds text ({example[:20]!r}), and a regression wants numbers; for classes there are classifiers"


def _first_text(column) -> str | None:
    values = np.asarray(column)
    if values.ndim != 1 or values.dtype.kind not in "OUT":
        return None
    return next((str(value) for value in values if isinstance(value, str) and not _is_number(value)), None)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
