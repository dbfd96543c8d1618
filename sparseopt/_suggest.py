"""What a mistyped name may have meant."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ", did you mean X?" when something known is close, else nothing.

    Examples
    --------
    >>> suggestion("lasocv", ["Lasso", "LassoCV"]), suggestion("xyz", ["Lasso"])
    (', did you mean LassoCV?', '')
    """
    import difflib  # here, because only mistakes need it

    lower = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    return f", did you mean {lower[close[0]]}?" if close else ""
