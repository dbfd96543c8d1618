"""Patches: a grid whose neighbours go together."""

from __future__ import annotations

import warnings
from math import prod
from numbers import Real

import numpy as np
from scipy.special import expit, logit

from ...._ext._support_messages import flood
from ...._validation import check_option, check_scalar
from ._base import LIMIT, Messages, Support, check_learn, check_probability, check_shape
from .chain import run_chains

ORDERS = 0.45  # couplings above may fill or empty a whole grid: with four neighbours the limit is about 1/3
SWEEPS, DAMPING = 8, 0.3  # of flooding, a call
ROUNDS = 2  # of rows then columns, a call


class GridSupport(Support):
    """Non-zeros come in patches of a grid: every node goes with its four neighbours.

    Inference is loopy belief propagation, approximate where there are loops; calls go on from the messages of the last
    one. A grid with one row (or column) is a chain, and exact.

    Parameters
    ----------
    shape : tuple of int
        (height, width), or (n_grids, height, width) for several grids that do not touch. Coefficients lie in C order.
    density : float, default=0.1
        Probability of a non-zero.
    coupling : float, default=0.37
        Correlation of neighbours. Above about 1/3 belief propagation starts to order itself and fills or empties the
        grid whatever the data say; above 0.45 there is a warning.
    schedule : {"rowcol", "flooding"}, default="rowcol"
        Exact sweeps along rows and columns in turn, or damped messages everywhere at once. Both end at the same point.
    learn : bool, default=True
        Whether the density is learned from the data. The coupling never is: it would order itself.

    Examples
    --------
    >>> import sparseopt as so
    >>> prior = so.supports.GridSupport((3, 3))
    >>> prob = prior.messages([0, 4, 0, 4, 0, 4, 0, 4, 0]).prob
    >>> bool(prob[4] > 0.9)  # the centre, amid four likely ones
    True
    """

    def __init__(self, shape, density=0.1, coupling=0.37, *, schedule="rowcol", learn=True):
        self.shape = check_shape(shape, 2, 3)
        self._density = check_probability("density", density)
        self.coupling = float(check_scalar("coupling", coupling, Real, low=0.0, high=1.0, closed="left"))
        self.schedule = check_option("schedule", schedule, ("flooding", "rowcol"))
        self.learn = check_learn(learn)
        if self.coupling > ORDERS:
            warnings.warn(
                f"coupling={self.coupling:g} lets a grid order itself: the support may fill or vanish whatever the "
                "data say; values up to about 0.4 are safe",
                UserWarning,
                stacklevel=2,
            )

    def __repr__(self):
        return (
            f"GridSupport({self.shape}, density={self._density:.6g}, coupling={self.coupling:.6g}, "
            f"schedule={self.schedule!r}, learn={self.learn})"
        )

    @property
    def n_nodes(self):
        """Number of coefficients."""
        return prod(self.shape)

    @property
    def density(self):
        """Prior probability of a node."""
        return self._density

    def _transitions(self):
        """Return p01 and p10 of a chain with this density and correlation."""
        return (1.0 - self.coupling) * self._density, (1.0 - self.coupling) * (1.0 - self._density)

    def messages(self, llr, previous=None, n_threads=1):
        """Return the posterior under evidence `llr`."""
        llr = np.clip(np.asarray(llr, dtype=np.float64), -LIMIT, LIMIT)
        state = None if previous is None else previous.state
        sweep = self._rows_and_columns if self.schedule == "rowcol" else self._flood
        ext, state = sweep(llr, state, n_threads)
        return Messages(ext, expit(ext + llr), np.nan, state)

    def _rows_and_columns(self, llr, columns, n_threads):
        """Exchange what rows and columns say beyond the density."""
        columns = np.zeros(llr.size) if columns is None else columns
        bias, (p01, p10) = logit(self._density), self._transitions()
        for _ in range(ROUNDS):
            rows = run_chains(llr + columns, self.shape, -1, p01, p10, self._density, n_threads).ext - bias
            columns = run_chains(llr + rows, self.shape, -2, p01, p10, self._density, n_threads).ext - bias
        return bias + rows + columns, columns

    def _flood(self, llr, old, n_threads):
        """Send damped messages over all edges at once, a number of times."""
        cube = np.ascontiguousarray(llr.reshape((-1, *self.shape[-2:])))
        old = np.zeros((4, *cube.shape)) if old is None else old.copy()
        new = np.empty_like(old)
        on, (_, p10) = self._density, self._transitions()
        # P(u, v) / (P(u) P(v)), so that the density stays that of every node
        weights = np.array([(1.0 - p10) / on, p10 / (1.0 - on), (1.0 - on - on * p10) / (1.0 - on) ** 2])
        bias = logit(on)
        for _ in range(SWEEPS):
            flood(cube, old, new, bias, weights, DAMPING, n_threads)
            old, new = new, old
        return bias + old.sum(axis=0).ravel(), old

    def learned(self, messages):
        """Return the grid whose density is the mean posterior probability."""
        if not self.learn:
            return self
        return self._with(_density=float(np.clip(messages.prob.mean(), 5e-3, 0.5)))

    def parameters(self):
        """Return the density."""
        return {"density": self._density}
