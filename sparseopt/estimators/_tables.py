"""scikit-learn's check of the input, with the columns of a table named where they hold text or dates."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils import validation

from ..exceptions import InvalidProblemError

_SHOWN = 5  # columns named in one message


def validate_data(estimator, X, y="no_validation", **options):
    """Do what `sklearn.utils.validation.validate_data` does; an error about text says in which columns it is.

    Dates are refused, which numpy would turn into nanoseconds since 1970, and so is text in the target of a regression,
    a sparse target, and a masked array some of whose entries are masked: numpy would use what lies under the mask.
    """
    reason = dates_in(X) or (dates_in_target(y) if options.get("y_numeric") else None)
    reason = reason or masked_in("X", X) or masked_in("y", y)
    if reason is None and sparse.issparse(y):
        reason = "y must be dense, got a sparse matrix; use y.toarray()"
    if reason is not None:
        raise InvalidProblemError(reason)
    try:
        checked = validation.validate_data(estimator, X, y, **options)
        if options.get("y_numeric"):
            reason = text_in_target(checked[1])
            if reason is not None:
                raise InvalidProblemError(reason)
        return checked
    except InvalidProblemError:
        raise
    except (ValueError, TypeError) as error:
        reason = text_in(X) or (None if isinstance(y, str) else _text_in_target(y, error))
        if reason is None:
            raise
        raise InvalidProblemError(reason) from error


def masked_in(name, array) -> str | None:
    """Say how many entries of an array are masked, or None."""
    count = int(np.ma.count_masked(array)) if isinstance(array, np.ma.MaskedArray) else 0
    return f"{name} has {count} masked entries; fill them in, or drop their rows" if count else None


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
    return (
        f"text in column {_listed(found)}: make it numbers, for example with "
        "sklearn.preprocessing.OneHotEncoder, or drop the column"
    )


def dates_in(X) -> str | None:
    """Say which columns of a table hold dates or times, or None."""
    if not hasattr(X, "columns"):
        return "X holds dates or times: make them numbers" if _is_time(X) else None
    found = [repr(name) for name, dtype in zip(X.columns, getattr(X, "dtypes", ()), strict=False) if _is_time(dtype)]
    if not found:
        return None
    return (
        f"dates or times in column {_listed(found)}: make them numbers, for example years or days since a first day, "
        "or drop the column"
    )


def _listed(found: list[str]) -> str:
    """Return the first few, and how many more there are."""
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more


def dates_in_target(y) -> str | None:
    """Say that a regression was asked to predict dates, or None."""
    return "y holds dates or times: make them numbers, for example days since a first day" if _is_time(y) else None


def _is_time(holder) -> bool:
    """Whether an array, a column or a dtype is of dates or durations, in numpy's or pandas' types."""
    return getattr(getattr(holder, "dtype", holder), "kind", None) in ("M", "m")


def _text_in_target(y, error) -> str | None:
    return text_in_target(y) if "convert string" in str(error) else None


def text_in_target(y) -> str | None:
    """Say that a regression was asked to predict text, or None."""
    example = _first_text(y)
    if example is None:
        return None
    return f"y holds text ({example[:20]!r}), and a regression wants numeric ones; for classes there are classifiers"


def _first_text(column) -> str | None:
    values = np.asarray(column).ravel()
    if values.dtype.kind not in "OUT":
        return None
    return next((str(value) for value in values if isinstance(value, str) and not _is_number(value)), None)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
