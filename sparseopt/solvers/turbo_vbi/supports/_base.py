"""The interface of a support prior, what inference returns, and priors by name."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...._validation import check_flag, check_option, check_scalar, short
from ....exceptions import InvalidProblemError

STRUCTURES = ("chain", "grid", "groups", "iid")
LIMIT = 60.0  # of log-odds: as good as certain, and its exponential is far from overflow


@dataclass(frozen=True)
class Messages:
    """What a support prior answers to evidence.

    Attributes
    ----------
    ext : ndarray of shape (n,)
        Log-odds of every node from all but its own evidence.
    prob : ndarray of shape (n,)
        Posterior probability of every node.
    log_z : float
        ``log sum_s p(s) exp(sum_i llr_i s_i)``; nan where it is not known (grids).
    state : object
        For the next call (grids start from their last messages) and for `learned`.
    """

    ext: NDArray[np.float64]
    prob: NDArray[np.float64]
    log_z: float
    state: Any = field(repr=False, default=None)


class Support:
    """A distribution of binary vectors s: which coefficients are not zero.

    Objects are never changed: `learned` returns a new one. A prior of one's own needs `n_nodes`, `density`, `messages`,
    `learned` and `parameters`.

    Examples
    --------
    >>> import sparseopt as so
    >>> prior = so.supports.ChainSupport()
    >>> isinstance(prior, so.supports.Support), prior.n_nodes is None, round(prior.density, 3)
    (True, True, 0.167)
    """

    n_nodes: int | None  # None: any number

    @property
    def density(self) -> float:
        """Prior probability of a node."""
        raise NotImplementedError  # pragma: no cover - abstract

    def bind(self, n: int) -> Support:
        """Return the prior for n coefficients, or raise InvalidProblemError when it is for another number."""
        size = self.n_nodes
        if size is not None and size != n:
            raise InvalidProblemError(f"{self} is a prior of {size} coefficients, X has {n} columns")
        return self

    def messages(self, llr: NDArray[np.float64], previous: Messages | None = None, n_threads: int = 1) -> Messages:
        """Return the posterior under evidence ``llr_i = log L(s_i = 1) / L(s_i = 0)``."""
        raise NotImplementedError  # pragma: no cover - abstract

    def learned(self, messages: Messages) -> Support:
        """Return the prior with the parameters that a step of expectation-maximisation gives."""
        raise NotImplementedError  # pragma: no cover - abstract

    def parameters(self) -> dict[str, float]:
        """Return the parameters that `learned` changes."""
        raise NotImplementedError  # pragma: no cover - abstract

    def __repr__(self) -> str:
        values = ", ".join(f"{k}={short(v)}" for k, v in vars(self).items() if not k.startswith("_"))
        return f"{type(self).__name__}({values})"

    def __eq__(self, other) -> bool:
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def _with(self, **values):
        new = copy.copy(self)
        for name, value in values.items():
            setattr(new, name, value)
        return new


def check_probability(name, value):
    """Return a probability strictly between 0 and 1 as float, or raise."""
    return float(check_scalar(name, value, Real, low=0.0, high=1.0, closed="neither"))


def check_shape(shape, least, most):
    """Return a shape as a tuple of positive integers, or raise."""
    sizes = tuple(shape) if isinstance(shape, (tuple, list, np.ndarray)) and np.ndim(shape) else None
    if sizes is None or not least <= len(sizes) <= most:
        count = f"{least} to {most}" if least < most else f"{least}"
        raise InvalidProblemError(f"shape must be a tuple of {count} positive integers, got {short(shape)}")
    for size in sizes:
        if isinstance(size, (bool, np.bool_)) or not isinstance(size, Integral) or size < 1:
            raise InvalidProblemError(f"shape must hold positive integers, got {short(shape)}")
    return tuple(int(size) for size in sizes)


def check_learn(learn):
    """Return the flag, or raise TypeError."""
    return check_flag("learn", learn)


def as_support(structure, n, *, shape=None, groups=None, learn=True) -> Support:
    """Return the support prior that a name or an object stands for, bound to n coefficients.

    Parameters
    ----------
    structure : {"iid", "chain", "grid", "groups"} or Support
    n : int
    shape : tuple of int, optional
        For "chain" (whose last axis is the chain) and "grid" (whose last two axes are the grid).
    groups : array-like, optional
        For "groups"; None: every coefficient its own group.
    learn : bool
        For names: whether parameters are learned.
    """
    from .chain import ChainSupport
    from .grid import GridSupport
    from .groups import GroupSupport
    from .iid import IIDSupport

    if isinstance(structure, Support):
        if shape is not None or groups is not None:
            extra = "shape" if shape is not None else "groups"
            raise InvalidProblemError(f"{extra} goes with a structure given by name; {structure} has its own")
        return structure.bind(n)
    if not isinstance(structure, str):
        raise TypeError(f"structure must be one of {list(STRUCTURES)} or a support prior, got {short(structure)}")
    check_option("structure", structure, STRUCTURES)
    if shape is not None and structure not in ("chain", "grid"):
        raise InvalidProblemError(f"shape goes with structure='chain' or 'grid', not with {structure!r}")
    if groups is not None and structure != "groups":
        raise InvalidProblemError(f"groups goes with structure='groups', not with {structure!r}")
    if structure == "iid":
        return IIDSupport(learn=learn).bind(n)
    if structure == "chain":
        return ChainSupport(shape=shape, learn=learn).bind(n)
    if structure == "grid":
        if shape is None:
            raise InvalidProblemError("structure='grid' needs shape=(height, width)")
        return GridSupport(shape, learn=learn).bind(n)
    return GroupSupport(np.arange(n) if groups is None else groups, learn=learn).bind(n)
