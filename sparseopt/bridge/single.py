"""Compress one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._threads import resolve_n_threads
from .._validation import check_flag, check_numbers, check_scalar
from ..exceptions import InvalidProblemError
from .gram import Gram, check_gram
from .methods import Found, Settings, method_for, pattern_for
from .methods import refit as refit_support
from .patterns import Pattern, as_pattern
from .problem import LayerProblem, layer_problem


@dataclass(frozen=True, eq=False)
class LayerResult:
    """A compressed matrix and how good it is.

    Attributes
    ----------
    W : ndarray of shape (out, in)
    mask : ndarray of bool, shape (out, in)
    relerr : float
        E|W g - V h|^2 / E|W g|^2.
    relerr_mask : float
        The same before the refit: the old weights on the mask.
    stationarity : float
        Largest slope on the support in units of the slopes at zero; about 1e-15 says that no weights with this support
        are better.
    objective, lower_bound : float
        The relative error with damping, and a bound that no matrix with as few non-zeros can beat.
    n_iter : int
    converged : bool
    factors : tuple of ndarray or None
        (left, right) with W = left @ right, where the layer is stored so.
    """

    W: NDArray
    mask: NDArray[np.bool_]
    relerr: float
    relerr_mask: float
    stationarity: float
    objective: float
    lower_bound: float
    n_iter: int
    converged: bool
    factors: tuple[NDArray, NDArray] | None = None

    @property
    def n_nonzero(self) -> int:
        """Numbers that must be stored: non-zeros, of both factors where there are two."""
        return sum(int(np.count_nonzero(part)) for part in self.factors or (self.W,))


def compress_layer(
    W: Any, G: Any, *, B: Any = None, method: str = "admm", sparsity: float | None = None, k: int | None = None,
    pattern: str | Pattern = "unstructured", damp: float = 0.01, refit: bool = False, max_iter: int | None = None,
    random_state: int = 0, n_threads: int | None = None,
) -> LayerResult:  # fmt: skip
    """Compress one matrix W so that V h stays near W h for inputs h with second moments G.

    Parameters
    ----------
    W : array-like of shape (out, in)
    G : array-like of shape (in, in), or (in,) if diagonal
        E[h h'].
    B : array-like of shape (out, in), optional
        E[t h'] with targets t; default W G, for t = W h. With targets, errors are in units of E|t|^2, which is bounded
        from B and G.
    method : str, default="admm"
        See :func:`compress`.
    sparsity : float in [0, 1), optional
        Share of weights that goes; default 0.5. Patterns N:M say it themselves.
    k : int, optional
        Number of weights that stay, instead.
    pattern : str or Pattern, default="unstructured"
    damp : float, default=0.01
        Added to the diagonal of G, in units of its mean.
    refit : bool, default=False
        Whether methods that only choose a mask, or repair it in one sweep, end with the exact minimiser on it.
    max_iter : int, optional
    random_state : int, default=0
    n_threads : int, optional

    Returns
    -------
    LayerResult

    References
    ----------
    Frantar and Alistarh, "Optimal brain compression", NeurIPS 2022, equation 1, for the problem.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import compress_layer
    >>> result = compress_layer(np.array([[3.0, 0.1, 1.0, 0.2]]), np.eye(4), sparsity=0.5)
    >>> result.W
    array([[3., 0., 1., 0.]])
    >>> round(result.relerr, 4)
    0.005
    """
    W = check_weight(W)
    pattern = pattern_for(method, as_pattern(pattern))
    pattern.check(W.shape)
    method_for(method, pattern)
    gram = Gram(check_gram(G, W.shape[1]), 0)
    if B is not None:
        B = check_numbers("B", B)
        if B.shape != W.shape or not np.isfinite(B).all():
            raise InvalidProblemError(f"B must be finite with shape {W.shape}, got shape {B.shape}")
    settings = Settings(random_state, resolve_n_threads(n_threads), max_iter)
    count = how_many(W.shape, pattern, sparsity, k)
    check_options(damp, refit, max_iter, random_state)
    if gram.matrix.ndim == 1 and B is not None:
        gram = Gram(np.diag(gram.matrix), 0)
    if gram.matrix.ndim == 1:
        return solve_diagonal(W, gram, pattern, count, damp)
    return solve_layer(layer_problem(W, gram, damp, B), method, pattern, count, refit, settings)


def solve_layer(problem: LayerProblem, method: str, pattern: Pattern, k: int, refits: bool,
                settings: Settings, **known: Any) -> LayerResult:  # fmt: skip
    """Run a method on a problem, refit where asked, and certify."""
    chosen = method_for(method, pattern)
    found = chosen.solve(problem, pattern, k, settings, **known)
    if method == "refit" or (refits and not chosen.refits):
        V = refit_support(problem, found.mask, settings.n_threads)
        found = Found(V, found.mask, found.n_iter, found.converged)
    V = found.weight
    if not np.isfinite(V).all():
        raise InvalidProblemError(f"method {method!r} overflowed; weights or activations are too large")
    seen = np.where(problem.dead, 0.0, V)  # what calibration can tell of
    energy = problem.energy
    count = int(found.mask.sum())
    return LayerResult(
        V,
        found.mask,
        problem.error(seen),
        problem.error(np.where(found.mask, problem.W, 0.0)),
        problem.stationarity(seen, found.mask),
        problem.objective(seen) / energy if energy > 0.0 else 0.0,
        problem.lower_bound(count),
        found.n_iter,
        found.converged,
        found.factors,
    )


def solve_diagonal(W: NDArray, gram: Gram, pattern: Pattern, k: int, damp: float) -> LayerResult:
    """Return the exact answer where inputs are one-hot: then the projection is the minimiser, for every method."""
    W = np.asarray(W, dtype=np.float64)
    weight = gram.matrix + damp * gram.matrix.mean()
    cost = np.square(W) * weight
    mask = pattern.mask(cost, k)
    V = np.where(mask, W, 0.0)
    energy = float((np.square(W) * gram.matrix).sum())
    lost = float((np.square(W - V) * gram.matrix).sum()) / energy if energy > 0.0 else 0.0
    damped = float(cost[~mask].sum()) / energy if energy > 0.0 else 0.0
    return LayerResult(V, mask, lost, lost, 0.0, damped, damped, 1, True)


def how_many(shape: tuple[int, int], pattern: Pattern, sparsity: Any, k: Any = None) -> int:
    """Return how many weights stay, from a share that goes or from a number that stays."""
    if k is not None:
        if sparsity is not None:
            raise ValueError("give sparsity or k, not both")
        check_scalar("k", k, Integral, low=1, high=shape[0] * shape[1])
        return int(k)
    return pattern.count(shape, check_sparsity(0.5 if sparsity is None else sparsity))


def check_sparsity(sparsity: Any) -> float:
    """Return a share of weights that goes, or raise ValueError."""
    return float(check_scalar("sparsity", sparsity, low=0.0, high=1.0, closed="left"))


def check_options(damp: Any, refit: Any, max_iter: Any, random_state: Any) -> None:
    """Raise for values out of range."""
    check_scalar("damp", damp, low=0.0)
    check_scalar("max_iter", max_iter, Integral, low=1, allow_none=True)
    check_flag("refit", refit)
    check_scalar("random_state", random_state, Integral, low=0)


def check_weight(W: Any, what: str = "W") -> NDArray:
    """Return a matrix of weights, or say what is wrong with it."""
    W = np.asarray(W)
    if W.dtype.kind != "f" or W.dtype.itemsize < 4:
        raise TypeError(f"{what} must be float32 or float64, got {W.dtype}; quantized weights cannot be compressed")
    if W.ndim != 2 or W.size == 0:
        raise InvalidProblemError(f"{what} must be a matrix (out, in) that is not empty, got shape {W.shape}")
    if not np.isfinite(W).all():
        raise InvalidProblemError(f"{what} contains NaN or infinity")
    return W
