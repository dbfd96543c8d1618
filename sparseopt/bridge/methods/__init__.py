"""All methods behind one signature: ``method(problem, pattern, k, settings) -> Found``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..._validation import check_option
from ...exceptions import IncompatibleError
from ..patterns import NM, Block, Grouped, Neuron, Pattern, PerRow, Unstructured
from . import admm, bayes, factors, obc, regression, scores, sweep, thresholding
from ._found import Found, Settings, refit
from .obc import Removals, removals, remove_units
from .scores import posterior_scores

__all__ = [
    "METHODS",
    "Found",
    "Method",
    "Removals",
    "Settings",
    "method_for",
    "pattern_for",
    "posterior_scores",
    "refit",
    "removals",
    "remove_units",
]

_ANY: tuple[type, ...] = (Pattern,)


@dataclass(frozen=True)
class Method:
    """A method and what it can do.

    Attributes
    ----------
    solve : callable
    refits : bool
        Whether it ends with the exact minimiser on its support.
    patterns : tuple of type
        Patterns that it knows.
    factors : bool
        Whether it returns two factors instead of a sparse matrix.
    """

    solve: Callable[..., Found]
    refits: bool = True
    patterns: tuple[type, ...] = _ANY
    factors: bool = False


METHODS = {
    "magnitude": Method(scores.magnitude, refits=False),
    "wanda": Method(scores.wanda, refits=False),
    "wina": Method(scores.wina, refits=False),
    "random": Method(scores.random, refits=False),
    "erk": Method(scores.random, refits=False),
    "refit": Method(scores.magnitude),
    "sparsegpt": Method(sweep.sparsegpt, refits=False, patterns=(Unstructured, PerRow, NM, Block)),
    "admm": Method(admm.admm),
    "obc": Method(obc.obc, patterns=(Unstructured, PerRow, NM, Neuron)),
    "iht": Method(thresholding.iht),
    "srste": Method(thresholding.srste),
    "bcd": Method(thresholding.bcd),
    "best_subset": Method(regression.best_subset, patterns=(Unstructured, PerRow)),
    "l1": Method(regression.l1),
    "group": Method(regression.group, patterns=(Grouped,)),
    "random_support": Method(regression.random_support, patterns=(Unstructured, PerRow)),
    "turbo_vbi": Method(bayes.turbo_vbi),
    "dictionary": Method(factors.dictionary, patterns=(Unstructured,), factors=True),
    "low_rank": Method(factors.low_rank, patterns=(Unstructured,), factors=True),
}


def pattern_for(name: str, pattern: Pattern) -> Pattern:
    """Return the pattern, or neurons for the method that knows only groups where none was asked for."""
    return Neuron() if name == "group" and isinstance(pattern, Unstructured) else pattern


def method_for(name: str, pattern: Pattern) -> Method:
    """Return a method, or raise when there is none of this name or it cannot make the pattern."""
    method = METHODS[check_option("method", name, METHODS)]
    if not isinstance(pattern, method.patterns):
        able = sorted(key for key, other in METHODS.items() if isinstance(pattern, other.patterns))
        raise IncompatibleError(f"method {name!r} cannot make the pattern {str(pattern)!r}; these can: {able}")
    return method
