"""Trees: a coefficient depends on its parent, as wavelet coefficients do."""

from __future__ import annotations

import numpy as np

from ...._ext._support_messages import tree
from ....exceptions import InvalidProblemError
from ._base import Messages, Support, check_learn, check_probability
from .chain import LEAST01, LEAST10, MOST01, MOST10, PRIOR_COUNT


class TreeSupport(Support):
    """Every coefficient depends on its parent; inference is exact.

    Parameters
    ----------
    parents : array-like of int, shape (n,)
        Parent of each coefficient, -1 for roots.
    p01 : float, default=0.02
        Probability of a non-zero below a zero.
    p10 : float, default=0.3
        Probability of a zero below a non-zero.
    learn : bool, default=True
        Whether both probabilities are learned from the data.

    Examples
    --------
    >>> import sparseopt as so
    >>> prior = so.supports.TreeSupport([-1, 0, 0], p01=0.05, p10=0.2)
    >>> prior.messages([0.0, 4.0, 0.0]).prob.round(2).tolist()
    [0.75, 0.93, 0.61]
    """

    def __init__(self, parents, p01=0.02, p10=0.3, *, learn=True):
        self.parents = np.array(parents)
        if self.parents.ndim != 1 or self.parents.dtype.kind not in "iu" or not self.parents.size:
            raise InvalidProblemError("parents must hold one integer for each coefficient, -1 for roots")
        self.parents = self.parents.astype(np.intp)
        n = len(self.parents)
        bad = (self.parents < -1) | (self.parents >= n)
        if bad.any():
            raise InvalidProblemError(f"parents must lie in -1..{n - 1}, got {self.parents[bad][0]}")
        self._order = _topological(self.parents)
        self.p01 = check_probability("p01", p01)
        self.p10 = check_probability("p10", p10)
        self.learn = check_learn(learn)
        self._start = (self.p01, self.p10)
        self.parents.flags.writeable = False

    @property
    def n_nodes(self):
        """Number of coefficients."""
        return len(self.parents)

    @property
    def density(self):
        """Prior probability of a node."""
        return self.p01 / (self.p01 + self.p10)

    def messages(self, llr, previous=None, n_threads=1):
        """Return the posterior under evidence `llr`."""
        llr = np.ascontiguousarray(llr, dtype=np.float64)
        ext, prob, up = np.empty((3, llr.size))
        stats = np.zeros(5)
        tree(llr, self.parents, self._order, ext, prob, up, stats, self.p01, self.p10, self.density)
        return Messages(ext, prob, float(stats[4]), stats[:4])

    def learned(self, messages):
        """Return the tree whose transitions are those expected under the posterior."""
        if not self.learn:
            return self
        n00, n01, n10, n11 = messages.state
        p01 = (n01 + PRIOR_COUNT * self._start[0]) / (n00 + n01 + PRIOR_COUNT)
        p10 = (n10 + PRIOR_COUNT * self._start[1]) / (n10 + n11 + PRIOR_COUNT)
        return self._with(p01=float(np.clip(p01, LEAST01, MOST01)), p10=float(np.clip(p10, LEAST10, MOST10)))

    def parameters(self):
        """Return both transition probabilities."""
        return {"p01": self.p01, "p10": self.p10}


def _topological(parents):
    """Return the nodes with parents before children, or raise where there is a cycle."""
    n = len(parents)
    depth = np.where(parents < 0, 0, -1)
    above = parents
    for level in range(1, n + 1):
        open_nodes = np.flatnonzero(depth < 0)
        if not open_nodes.size:
            return np.argsort(depth, kind="stable").astype(np.intp)
        reached = open_nodes[depth[above[open_nodes]] == level - 1]
        if not reached.size:
            raise InvalidProblemError(f"parents have a cycle: node {open_nodes[0]} leads to no root")
        depth[reached] = level
    return np.argsort(depth, kind="stable").astype(np.intp)
