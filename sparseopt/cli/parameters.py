"""From `--param name=value` to an estimator."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from .._suggest import suggestion
from .failures import WrongUse
from .registry import cv_sibling, estimator_class

_WORDS = {
    "true": True, "false": False, "none": None, "null": None, "inf": float("inf"),
}  # fmt: skip


def parsed(pairs: Iterable[str]) -> dict[str, object]:
    """Read `name=value` pairs; values are Python literals, or else strings."""
    params: dict[str, object] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise WrongUse(f"--param {pair!r}: write name=value, for example alpha=0.1")
        if name in params:
            raise WrongUse(f"--param {name} is given twice")
        params[name] = _value(text.strip())
    return params


def _value(text: str):
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def build(name: str, params: dict[str, object], *, cv=None, threads: int | None = None):
    """Return the estimator that was asked for, its parameter names checked.

    With `cv`, an estimator that has a cross-validated sibling is replaced by it; one without is
    returned as it is, and the caller scores it.
    """
    cls = estimator_class(name)
    if cv is not None and "cv" not in cls().get_params(deep=False):
        cls = cv_sibling(name) or cls
    known = cls().get_params(deep=False)
    for given in params:
        if given not in known:
            raise WrongUse(_unknown(given, name, cls.__name__, known))
        if isinstance(known[given], bool) and not isinstance(params[given], bool):
            raise WrongUse(f"--param {given}: True or False is wanted, got {params[given]!r}")
    extra: dict[str, object] = {}
    if threads is not None:
        if "n_threads" in params:
            raise WrongUse("--threads and --param n_threads say the same; give one of them")
        if "n_threads" not in known:
            raise WrongUse(f"--threads does not apply to {cls.__name__}")
        extra["n_threads"] = threads
    if cv is not None and "cv" in known:
        if "cv" in params:
            raise WrongUse("--cv and --param cv say the same; give one of them")
        extra["cv"] = cv
    return cls(**params, **extra)


def _unknown(given: str, asked: str, used: str, known) -> str:
    if used != asked and given in estimator_class(asked)().get_params(deep=False):
        return f"--param {given}: --cv makes this a {used}, which chooses {given}; give one of them"
    there = ", ".join(sorted(known))
    return f"{used} has no parameter {given!r}{suggestion(given, known)}; it has {there}"
