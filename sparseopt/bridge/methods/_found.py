"""What a method returns, and what every method is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._ext._prune_rows import refit_rows
from ..._threads import serial_blas
from ...exceptions import InvalidProblemError
from ..problem import LayerProblem


@dataclass(frozen=True, eq=False)
class Found:
    """A compressed layer.

    Attributes
    ----------
    weight : ndarray of shape (out, in)
    mask : ndarray of bool, shape (out, in)
    n_iter : int
    converged : bool
    factors : tuple of ndarray, optional
        (left (out, k), right (k, in)) with weight = left @ right, where the layer is stored so.
    """

    weight: NDArray[np.float64]
    mask: NDArray[np.bool_]
    n_iter: int = 0
    converged: bool = True
    factors: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


@dataclass(frozen=True)
class Settings:
    """What does not depend on the layer."""

    random_state: int = 0
    n_threads: int = 1
    max_iter: int | None = None


def refit(problem: LayerProblem, mask: NDArray, n_threads: int = 1) -> NDArray[np.float64]:
    """Return the minimiser with this support: a Cholesky factorization for every row."""
    unit = problem.unit
    V = np.empty(unit.shape)
    with serial_blas():
        singular = refit_rows(
            unit.G, np.ascontiguousarray(unit.B), np.ascontiguousarray(mask, dtype=np.uint8), V, n_threads
        )
    if singular:
        raise InvalidProblemError(f"the Gram matrix of {singular} supports is singular; increase damp")
    return V / problem.scale
