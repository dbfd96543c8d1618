"""Coefficients that know nothing of each other."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from ._base import LIMIT, Messages, Support, check_learn, check_probability


class IIDSupport(Support):
    """Every coefficient is non-zero with the same probability, independently.

    Parameters
    ----------
    density : float, default=0.1
        That probability.
    learn : bool, default=True
        Whether the density is learned from the data.

    Examples
    --------
    >>> import sparseopt as so
    >>> so.supports.IIDSupport(density=0.2).messages([0.0, 3.0]).prob.round(2).tolist()
    [0.2, 0.83]
    """

    n_nodes = None

    def __init__(self, density=0.1, *, learn=True):
        self._density = check_probability("density", density)
        self.learn = check_learn(learn)

    def __repr__(self):
        return f"IIDSupport(density={self._density:.6g}, learn={self.learn})"

    @property
    def density(self):
        """Prior probability of a node."""
        return self._density

    def messages(self, llr, previous=None, n_threads=1):
        """Return the posterior under evidence `llr`."""
        llr = np.clip(np.asarray(llr, dtype=np.float64), -LIMIT, LIMIT)
        ext = np.full(llr.shape, logit(self._density))
        log_z = np.sum(np.logaddexp(np.log1p(-self._density), np.log(self._density) + llr))
        return Messages(ext, expit(ext + llr), float(log_z))

    def learned(self, messages):
        """Return the prior whose density is the mean posterior probability."""
        if not self.learn or not messages.prob.size:
            return self
        return self._with(_density=float(np.clip(messages.prob.mean(), 1e-4, 1.0 - 1e-4)))

    def parameters(self):
        """Return the density."""
        return {"density": self._density}
