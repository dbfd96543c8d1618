"""One layer as a least-squares problem.

    minimise over V in a pattern   f(V) = E|W g - V h|^2 + d |V - W|_F^2 = tr(V G V') - 2 tr(V B') + f(0)

with G = E[h h'] + d I and B = W E[g h'] + d W; g = h unless the layers before have been compressed. Rows of V are
independent given their supports, and G is all that a solver needs of the data.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning

from ..exceptions import InvalidProblemError
from .gram import Gram

_MORE = 3  # times that the damping may grow tenfold


@dataclass(frozen=True, eq=False)
class LayerProblem:
    """What a method minimises; see the module.

    Attributes
    ----------
    W, B : ndarray of shape (out, in)
    G : ndarray of shape (in, in), positive definite
    at_zero : float
        f(0), damping included.
    energy : float
        E|W g|^2, the unit of errors.
    damping : float
        d.
    dead : ndarray of bool, shape (in,)
        Inputs that calibration never moves; their weights are zero here.
    n_rows : int
    asymmetric : bool
        Whether the targets come from another network than the inputs.
    """

    W: NDArray[np.float64]
    G: NDArray[np.float64]
    B: NDArray[np.float64]
    at_zero: float
    energy: float
    damping: float
    dead: NDArray[np.bool_]
    n_rows: int = 0
    asymmetric: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(out, in)."""
        return self.W.shape[0], self.W.shape[1]

    def objective(self, V: NDArray) -> float:
        """Return f(V), at least 0."""
        return max(0.0, float(np.vdot(V, V @ self.G - 2.0 * self.B)) + self.at_zero)

    def error(self, V: NDArray) -> float:
        """Return E|W g - V h|^2 / E|W g|^2, without damping."""
        D = V - self.W
        plain = self.objective(V) - self.damping * float(np.vdot(D, D))
        return max(0.0, plain) / self.energy if self.energy > 0.0 else 0.0

    def stationarity(self, V: NDArray, mask: NDArray) -> float:
        """Return the largest slope of f on the support, in units of the slopes at zero, with inputs of unit size."""
        slopes = np.abs(V @ self.G - self.B) / self.scale
        size = np.abs(self.B / self.scale).max(initial=0.0)
        return float(slopes[mask].max(initial=0.0) / size) if size > 0.0 else 0.0

    @cached_property
    def scale(self) -> NDArray[np.float64]:
        """Root mean square of every input, damping included."""
        return np.sqrt(np.diagonal(self.G))

    @cached_property
    def unit(self) -> LayerProblem:
        """The same problem with inputs of unit size: its V is ours times `scale`."""
        s = self.scale
        G = self.G / np.outer(s, s)
        return LayerProblem(
            self.W * s, G, self.B / s, self.at_zero, self.energy, 0.0, self.dead, self.n_rows, self.asymmetric
        )

    @cached_property
    def inverse(self) -> NDArray[np.float64]:
        """The inverse of G."""
        inverse, failed = linalg.lapack.dpotri(self.factor, lower=1)
        if failed:
            raise InvalidProblemError("the Gram matrix of a layer is not positive definite")
        return np.tril(inverse) + np.tril(inverse, -1).T

    @cached_property
    def factor(self) -> NDArray[np.float64]:
        """Lower triangular L with L L' = G."""
        return np.tril(linalg.cholesky(self.G, lower=True))

    @cached_property
    def free(self) -> NDArray[np.float64]:
        """The minimiser without a pattern: W itself where g = h."""
        return self.B @ self.inverse if self.asymmetric else self.W

    def lower_bound(self, n_kept: int) -> float:
        """Return a bound that f / E|W g|^2 respects for every V with at most `n_kept` non-zeros.

        Removing a set R of weights of a row costs u_R' ([G^-1]_RR)^-1 u_R with u the unconstrained minimiser. That is
        at least the cost of any single weight of R alone, and at least the smallest eigenvalue of G times |u_R|^2,
        both with inputs of unit size.
        """
        removed = self.W.size - n_kept
        if removed <= 0 or self.energy <= 0.0:
            return 0.0
        u = np.square(self.unit.free).ravel()
        smallest = linalg.eigvalsh(self.unit.G, subset_by_index=[0, 0])[0]
        spread = max(0.0, float(smallest)) * float(np.partition(u, removed - 1)[:removed].sum())
        single = np.square(self.unit.free) / np.diagonal(self.unit.inverse)
        one = float(np.partition(single.ravel(), removed - 1)[removed - 1])
        rest = max(0.0, self.objective(self.free)) if self.asymmetric else 0.0
        return (max(spread, one) + rest) / self.energy


def layer_problem(W: NDArray, gram: Gram, damp: float = 0.01, B: NDArray | None = None) -> LayerProblem:
    """Build the problem of a layer from its weights and its moments.

    Parameters
    ----------
    W : ndarray of shape (out, in)
    gram : Gram
    damp : float, default=0.01
        Damping in units of the mean of the diagonal of G.
    B : ndarray of shape (out, in), optional
        Moments of targets with inputs that are not W g. The unit of errors is then what inputs can explain of them.
    """
    W = np.array(W, dtype=np.float64)
    G = np.array(gram.matrix, dtype=np.float64)
    G = 0.5 * (G + G.T)
    dead = np.diagonal(G) <= 0.0
    W[:, dead] = 0.0
    mean = float(np.mean(np.diagonal(G)))
    cross = G if gram.cross is None else gram.cross
    dense = G if gram.energy is None else gram.energy
    energy = float(np.vdot(W, W @ dense))
    base = W @ cross if B is None else B * ~dead
    share = damp
    for grown in range(_MORE + 1):
        damping = share * mean
        damped = G.copy()
        damped.flat[:: len(G) + 1] += np.where(dead, 1.0, damping)
        if not np.any(np.isnan(damped)) and _is_definite(damped):
            break
        share = max(10.0 * share, 1e-6)
        if grown == _MORE:
            raise InvalidProblemError(f"the Gram matrix is not positive definite even with damp={share:g}")
    if share != damp:
        warnings.warn(
            f"the Gram matrix is not positive definite with damp={damp:g}; used damp={share:g}. Give more calibration "
            "rows or a larger damp.",
            ConvergenceWarning,
            stacklevel=4,
        )
    moments = base + damping * W
    at_zero = energy + damping * float(np.vdot(W, W))
    if B is not None:
        at_zero = float(np.vdot(moments, linalg.solve(damped, moments.T, assume_a="pos").T))
        energy = max(0.0, at_zero - damping * float(np.vdot(W, W)))
    asymmetric = B is not None or gram.cross is not None
    return LayerProblem(W, damped, moments, at_zero, energy, damping, dead, gram.n_rows, asymmetric)


def _is_definite(A: NDArray) -> bool:
    _, failed = linalg.lapack.dpotrf(A, lower=1)
    return failed == 0
