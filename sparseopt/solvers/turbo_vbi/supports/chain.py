"""Runs: Markov chains along an axis."""

from __future__ import annotations

from math import prod

import numpy as np

from ...._ext._support_messages import chains
from ._base import Messages, Support, check_learn, check_probability, check_shape

LEAST01, MOST01, LEAST10, MOST10 = 1e-4, 0.5, 1e-3, 0.9  # learned probabilities stay inside
PRIOR_COUNT = 1.0  # transitions that the starting values count for


class ChainSupport(Support):
    """Non-zeros come in runs: stationary Markov chains, each along one axis of the coefficients.

    Inference is exact (forward-backward) and takes time proportional to the number of coefficients.

    Parameters
    ----------
    p01 : float, default=0.02
        Probability that a run starts after a zero.
    p10 : float, default=0.1
        Probability that a run ends after a non-zero: runs have 1 / p10 coefficients on average.
    shape : tuple of int, optional
        The coefficients in C order have this shape. None: one chain.
    axis : int, default=-1
        The axis of `shape` along which chains run: -1, rows of a matrix; 0, its columns.
    learn : bool, default=True
        Whether both probabilities are learned from the data.

    Examples
    --------
    >>> import sparseopt as so
    >>> prior = so.supports.ChainSupport(p01=0.02, p10=0.1)
    >>> prior.messages([5.0, 0.0, 5.0, -5.0]).prob.round(2).tolist()  # the second lies between two likely ones
    [1.0, 0.99, 0.98, 0.06]
    """

    def __init__(self, p01=0.02, p10=0.1, *, shape=None, axis=-1, learn=True):
        self.p01 = check_probability("p01", p01)
        self.p10 = check_probability("p10", p10)
        self.shape = None if shape is None else check_shape(shape, 1, 8)
        if shape is None and axis not in (-1, 0):
            raise ValueError(f"axis must be -1 or 0 when shape is None, got {axis!r}")
        if self.shape is not None and (isinstance(axis, bool) or axis not in range(-len(self.shape), len(self.shape))):
            raise ValueError(f"axis must be an axis of shape {self.shape}, got {axis!r}")
        self.axis = axis
        self.learn = check_learn(learn)
        self._start = (self.p01, self.p10)

    @property
    def n_nodes(self):
        """Number of coefficients, or None."""
        return None if self.shape is None else prod(self.shape)

    @property
    def density(self):
        """Prior probability of a node."""
        return self.p01 / (self.p01 + self.p10)

    def messages(self, llr, previous=None, n_threads=1):
        """Return the posterior under evidence `llr`."""
        llr = np.ascontiguousarray(llr, dtype=np.float64)
        shape = self.shape or (llr.size,)
        return run_chains(llr, shape, self.axis, self.p01, self.p10, self.density, n_threads)

    def learned(self, messages):
        """Return the chain whose transitions are those expected under the posterior."""
        if not self.learn:
            return self
        n00, n01, n10, n11 = messages.state
        start01, start10 = self._start
        p01 = (n01 + PRIOR_COUNT * start01) / (n00 + n01 + PRIOR_COUNT)
        p10 = (n10 + PRIOR_COUNT * start10) / (n10 + n11 + PRIOR_COUNT)
        return self._with(
            p01=float(min(max(p01, LEAST01), MOST01)), p10=float(min(max(p10, LEAST10), MOST10))
        )

    def parameters(self):
        """Return both transition probabilities."""
        return {"p01": self.p01, "p10": self.p10}


def run_chains(llr, shape, axis, p01, p10, first, n_threads=1):
    """Return messages of chains along an axis of nodes in C order; the state is the expected transitions."""
    axis %= len(shape)
    length, step = shape[axis], prod(shape[axis + 1 :])
    ext, prob = np.empty(llr.size), np.empty(llr.size)
    stats = np.zeros((llr.size // max(length, 1), 5))
    if llr.size:
        chains(llr.ravel(), ext, prob, stats, length, step, p01, p10, first, n_threads)
    totals = stats.sum(axis=0)
    return Messages(ext, prob, float(totals[4]), totals[:4])
