"""What the parts of one run share."""

from __future__ import annotations

import numpy as np

from ..._ext._bcd import RULES, scores, scores_at, violations
from .blocks import largest_eigenvalue
from .message_passing import Dependencies
from .partition import Partition
from .separable import Separable
from .smooth import Smooth


class State:
    """Smooth part, penalty, partition, generator, and constants of blocks.

    Parameters
    ----------
    smooth : Smooth
    penalty : Separable
    partition : Partition
    rng : numpy.random.RandomState
    diag : {"lipschitz", "sirt"}
    """

    def __init__(self, smooth: Smooth, penalty: Separable, partition: Partition, rng, diag: str = "lipschitz") -> None:
        self.smooth, self.penalty, self.partition, self.rng = smooth, penalty, partition, rng
        self.usable = np.flatnonzero((smooth.curvature > 0.0) & (penalty.low < penalty.high))
        self._diag = diag
        self._constants: dict[int, float] = {}
        self._dependencies: Dependencies | None = None
        self.tree_blocks = False  # whether variable blocks must be forests

    @property
    def diagonal(self):
        """The diagonal that scores coordinates: their constants, or the SIRT row sums."""
        return self.smooth.curvature if self._diag == "lipschitz" else self.smooth.sirt()

    @property
    def dependencies(self) -> Dependencies:
        """The graph of the Hessian."""
        if self._dependencies is None:
            self._dependencies = Dependencies(self.smooth.graph())
        return self._dependencies

    def lipschitz(self, b, index=None) -> float:
        """Return the Lipschitz constant of a block; kept for fixed ones."""
        if index is None:
            return largest_eigenvalue(self.smooth.bound(b))
        if index not in self._constants:
            self._constants[index] = largest_eigenvalue(self.smooth.bound(b))
        return self._constants[index]

    def block_constants(self):
        """Return the Lipschitz constants of all fixed blocks."""
        return np.array([self.lipschitz(b, k) for k, b in enumerate(self.partition.blocks)])

    def score(self, rule: str, d, out, cols=None) -> None:
        """Write scores of all coordinates, or of some, to `out`."""
        smooth, penalty = self.smooth, self.penalty
        if cols is not None:
            args = (smooth.x, smooth.gradient(), d, penalty.lam, penalty.low, penalty.high, out)
            scores_at(RULES[rule], cols, *args)
            return
        rows, steps = smooth.take_pending()
        scores(RULES[rule], smooth.x, smooth.gradient(), d, penalty.lam, penalty.low, penalty.high, out, rows, steps)

    def objective(self) -> float:
        """Return the objective at the current point."""
        return self.smooth.value + self.penalty.value(self.smooth.x)

    def violation(self) -> float:
        """Return the largest distance of minus the gradient to the subdifferential of the penalty."""
        penalty = self.penalty
        distance = violations(self.smooth.x, self.smooth.gradient(), penalty.lam, penalty.low, penalty.high)
        return float(np.max(distance[self.usable], initial=0.0))

    def free(self):
        """Return, as int8, which coordinates sit off the kinks of their penalty."""
        return (~self.penalty.at_kink(self.smooth.x)).view(np.int8)
