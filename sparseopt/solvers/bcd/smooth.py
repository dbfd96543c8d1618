"""The smooth part of an objective as block coordinate descent sees it: values, gradients and Hessians of blocks.

Variables are numbered 0..n-1; for several outputs K, variable j K + k is the coefficient of feature j for output k.
A `Smooth` holds the current point and everything that must follow it, and moves only by `commit`.
"""

from __future__ import annotations

import numpy as np

from ...exceptions import IncompatibleError


class Move:
    """A direction on a block: `value(a)` is the smooth objective after the step a; `slope` its derivative at 0."""

    def __init__(self, smooth, block, direction, image, slope):
        self.smooth, self.block, self.direction = smooth, block, direction
        self.image, self.slope = image, slope
        self.target = None  # exact new values, where an update knows them better than x + d

    def value(self, a: float) -> float:
        """Return the smooth objective at x + a d."""
        return self.smooth.value_along(self, a)


class Smooth:
    """Base: what does not depend on the loss.

    Attributes
    ----------
    x : ndarray of shape (n,)
        The current point.
    value : float
        Smooth objective there.
    curvature : ndarray of shape (n,)
        Lipschitz constant of every partial derivative; inf where there is none.
    quadratic : bool
        Whether the function is quadratic, so that `hessian` does not depend on the point.
    sparse_updates : bool
        Whether a step changes few entries of the gradient, which `take_touched` then lists.
    """

    x: np.ndarray
    curvature: np.ndarray
    value: float
    quadratic = False
    bounded = True
    sparse_updates = False
    touched_per_variable = np.inf
    n_groups = 0

    @property
    def n(self) -> int:
        return self.x.size

    def gradient(self):
        """Return the whole gradient."""
        raise NotImplementedError  # pragma: no cover - abstract

    def block_gradient(self, b):
        """Return the gradient on a block."""
        return self.gradient()[b]

    def hessian(self, b):
        """Return the Hessian on a block at the current point."""
        raise NotImplementedError  # pragma: no cover - abstract

    def bound(self, b):
        """Return a matrix that bounds the Hessian on a block everywhere."""
        return self.hessian(b)

    def sirt(self):
        """Return the row sums of absolute values of the Hessian bound: the SIRT diagonal."""
        raise NotImplementedError  # pragma: no cover - abstract

    def product(self, d):
        """Return the Hessian bound times a vector."""
        raise NotImplementedError  # pragma: no cover - abstract

    def take_pending(self):
        """Return (rows, steps) that the caller adds to what `gradient` returns from now on, or (None, None)."""
        return None, None

    def take_touched(self):
        """Return the variables whose gradient changed since the last call; None: any may have."""
        return None

    def graph(self):
        """Return the pattern of the Hessian as CSR; raise IncompatibleError when it is not sparse."""
        raise IncompatibleError(self.not_sparse)

    not_sparse = (
        "partitions 'colour' and 'forest' and update 'message' need a sparse Hessian: Problem.quadratic with a sparse "
        "A, or a sparse design whose rows have few entries; use partition 'sort' or 'variable' and update 'matrix' or "
        "'newton' here"
    )

    def forest_solve(self, b, rhs):
        """Return H_bb^-1 rhs for a block that induces a forest."""
        raise IncompatibleError(self.not_sparse)

    def along(self, b, d) -> Move:
        """Return the move along d on a block."""
        raise NotImplementedError  # pragma: no cover - abstract

    def value_along(self, move: Move, a: float) -> float:
        raise NotImplementedError  # pragma: no cover - abstract

    def commit(self, move: Move, a: float = 1.0) -> None:
        """Step to x + a d."""
        raise NotImplementedError  # pragma: no cover - abstract

    def refresh(self) -> None:
        """Recompute what is kept up to date by increments, to remove rounding drift."""

    def coef(self):
        """Return the point in the shape that users know."""
        return self.x.copy()

    def largest_curvature(self) -> float:
        """Return a bound of the largest eigenvalue of the Hessian bound: power iteration plus its residual."""
        v = np.random.RandomState(0).standard_normal(self.n)
        v /= np.linalg.norm(v)
        for _ in range(60):
            image = self.product(v)
            size = np.linalg.norm(image)
            if size == 0.0:
                return 0.0
            rest = np.linalg.norm(image - (v @ image) * v)
            v = image / size
        return float(1.0001 * size + rest)
