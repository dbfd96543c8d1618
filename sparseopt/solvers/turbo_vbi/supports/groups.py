"""Groups that are zero together, for instance the weights of one neuron."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from ....problem.penalties._groups import as_groups
from ._base import LIMIT, Messages, Support, check_learn, check_probability


class GroupSupport(Support):
    """A group is off, or on; in a group that is on every coefficient is non-zero with the same probability.

    A tree of depth two for each group, on which inference is exact.

    Parameters
    ----------
    groups : array-like
        One label for each coefficient, or lists of column numbers, or the size of consecutive groups.
    density : float, default=0.1
        Probability that a group is on.
    inside : float, default=0.9
        Probability of a non-zero in a group that is on. Learned values stay below 0.999.
    learn : bool, default=True
        Whether both probabilities are learned from the data.

    Examples
    --------
    >>> import sparseopt as so
    >>> prior = so.supports.GroupSupport(["a", "a", "b", "b"])
    >>> prior.messages([6.0, 1.0, -2.0, 1.0]).prob.round(2).tolist()
    [0.99, 0.95, 0.03, 0.06]
    """

    def __init__(self, groups, density=0.1, inside=0.9, *, learn=True):
        self.groups = groups
        self.group_density = check_probability("density", density)
        self.inside = check_probability("inside", inside)
        self.learn = check_learn(learn)
        self._partition = None

    @property
    def n_nodes(self):
        """Number of coefficients, or None before `bind`."""
        return None if self._partition is None else len(self._partition.of)

    def bind(self, n):
        """Return the prior for n coefficients, or raise InvalidProblemError when the groups do not fit."""
        return self._with(_partition=as_groups(self.groups, n))

    @property
    def density(self):
        """Prior probability of a node."""
        return self.group_density * self.inside

    def messages(self, llr, previous=None, n_threads=1):
        """Return the posterior under evidence `llr`."""
        llr = np.clip(np.asarray(llr, dtype=np.float64), -LIMIT, LIMIT)
        partition = self._partition or as_groups(self.groups, llr.size)
        of = partition.of
        up = np.logaddexp(np.log1p(-self.inside), np.log(self.inside) + llr)  # log L(on) / L(off), from one member
        total = logit(self.group_density) + np.bincount(of, up, minlength=len(partition))
        cavity = total[of] - up
        # odds of a node: inside P(on) against (1 - inside) P(on) + P(off)
        ext = np.log(self.inside) - np.logaddexp(np.log1p(-self.inside), -cavity)
        log_z = np.sum(np.logaddexp(0.0, total) + np.log1p(-self.group_density))
        return Messages(ext, expit(ext + llr), float(log_z), (expit(total), partition.sizes))

    def learned(self, messages):
        """Return the prior whose probabilities are those expected under the posterior."""
        if not self.learn:
            return self
        on, sizes = messages.state
        inside = (messages.prob.sum() + 0.9) / (on @ sizes + 1.0)
        return self._with(
            group_density=float(np.clip(on.mean(), 1e-4, 1.0 - 1e-4)), inside=float(np.clip(inside, 0.01, 0.999))
        )

    def parameters(self):
        """Return both probabilities."""
        return {"density": self.group_density, "inside": self.inside}
