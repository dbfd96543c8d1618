r"""The Gaussian posterior of x for given prior variances D and noise precision kappa (module A).

.. math:: \Sigma = (\kappa A^H A + D^{-1})^{-1}, \quad \mu = \kappa \Sigma A^H y

Nothing is divided by a prior variance in the factorisations: they are of I + kappa D^1/2 A^H A D^1/2 ("full"), of
I + kappa A D A^H ("woodbury"), or of the first for the columns with a variance worth mentioning ("active"). With
C = I / kappa + A D A^H, q_i = a_i^H C^-1 a_i and b_i = a_i^H C^-1 y the cavity of coefficient i (its posterior without
its own prior) has precision t_i = q_i / (1 - D_i q_i) and mean b_i / q_i. A prior N(c, D) with a mean is the same for
x - c and y - A c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_blas_funcs

from ..sbl.columns import adjoint_product
from .column_pool import DensePool, GramPool
from .triangles import cholesky, diagonal, factor, lower_solve, solve_inverse, square_sums, whiten_rows, whitener

SMALLEST = 1e-300
THRESHOLD = 1e-3  # of the active variance: below, a column is not in the active set
SHARE, STAY = 0.75, 0.9  # of rows or columns: with a larger active set than that, the exact formulas are as fast
LEAVE = 0.25  # of the threshold: a column that is in leaves below
ROUGH_CALLS, ROUGH = 5, 1e3  # single precision: so many first calls, up to this ratio of signal and noise
SETTLED = 25  # calls after which columns only join, so that the set comes to rest
AGE, FEW, NEAR = 10, .1, 1.5  # what is expensive is kept for so many calls, while set and noise hardly change


@dataclass
class Moments:
    """Moments of every coefficient, and what the noise and the evidence bound need.

    Attributes
    ----------
    mean : ndarray of shape (n,)
    variance, cavity_precision : ndarray of shape (n,)
    cavity_mean : ndarray of shape (n,)
    residual2 : float
        ``|y - A mean|^2`` (nan from a Gram matrix).
    trace : float
        ``tr(A Sigma A^H)``.
    log_det : float
        ``log det Sigma`` (nan for an active set).
    """

    mean: NDArray
    variance: NDArray[np.float64]
    cavity_precision: NDArray[np.float64]
    cavity_mean: NDArray
    residual2: float
    trace: float
    log_det: float


def norm2(v):
    """Return the squared norm of a vector."""
    return float(np.vdot(v, v).real)


class Posterior:
    """A solver: call it with (D, kappa, active variance, prior mean or None)."""

    stale = False  # whether the last answer used old numbers

    def refresh(self):
        """Use no old numbers in the next call."""


class Full(Posterior):
    """Factor the n x n matrix."""

    def __init__(self, system, y=None, adjoint=None):
        self.system, self.y = system, y
        self.adjoint = system.adjoint(y) if adjoint is None else adjoint
        self.dtype = np.result_type(system.dtype, self.adjoint)

    def __call__(self, D, kappa, active_variance=None, center=None):
        """Return the moments."""
        root = np.sqrt(kappa * D)
        L, inverse = factor(self.system.gram(), root)
        adjoint = self.adjoint if center is None else self.adjoint - self.system.gram() @ center
        mean, beta = solve_inverse(inverse, root, adjoint)
        shrink = np.maximum(1.0 - beta, 0.0)
        precision = shrink / np.maximum(beta * D, SMALLEST)
        log_det = float(np.sum(np.log(np.maximum(D, SMALLEST))) - 2.0 * np.sum(np.log(np.diagonal(L).real)))
        cavity_mean = divide(mean, shrink)
        mean, cavity_mean = shifted(center, mean, cavity_mean)
        return Moments(
            mean, D * beta, precision, cavity_mean, self._residual2(mean), float(np.sum(shrink)) / kappa, log_det
        )

    def _residual2(self, mean):
        return np.nan if self.y is None else self.system.norm2(self.y - self.system.forward(mean))

    def spread(self, D, kappa, variance):
        """Return (diagonal, factor, columns, sign): Sigma is diagonal + sign * factor^H factor on the columns."""
        root = np.sqrt(kappa * D)
        _, inverse = factor(self.system.gram(), root)
        return np.zeros(len(D)), inverse * np.sqrt(D), np.arange(len(D)), 1.0


class Woodbury(Posterior):
    """Factor the m x m matrix."""

    def __init__(self, system, y):
        self.system, self.y = system, y
        self.dtype = np.result_type(system.dtype, y)

    def __call__(self, D, kappa, active_variance=None, center=None, rough=False):
        """Return the moments; `rough` ones may be of single precision, for iterations that are far from the end."""
        found = self._centred(self.y if center is None else self.y - self.system.forward(center), D, kappa, rough)
        found.mean, found.cavity_mean = shifted(center, found.mean, found.cavity_mean)
        return found

    def _centred(self, y, D, kappa, rough):
        root = np.sqrt(kappa * D)
        if rough and self.system.whole is not None and kappa * (D @ self.system.norms2) < ROUGH * self.system.total:
            V = self.system.single * root.astype(np.float32)
            product = get_blas_funcs("herk" if V.dtype.kind == "c" else "syrk", dtype=V.dtype)
            C = product(1.0, V, lower=1)
            diagonal(C)[:] += 1.0
            return self._moments(y, D, kappa, root, cholesky(C), [(slice(0, len(D)), V)])
        scaled = ((part, block * root[part]) for part, block in self.system.blocks())
        return self._moments(y, D, kappa, root, self._factor(root), scaled)

    def _moments(self, y, D, kappa, root, L, scaled):
        """Return the moments from the factor and blocks of the scaled columns."""
        n = self.system.n_cols
        whiten = whitener(L)
        u = lower_solve(L, y.astype(np.result_type(L, np.complex64) if y.dtype.kind == "c" else L.dtype))
        energy, inner = np.empty(n), np.empty(n, dtype=self.dtype)
        for part, block in scaled:
            V = whiten(block)
            energy[part] = square_sums(V)
            inner[part] = adjoint_product(V, u)
        mean = root * inner
        left = np.maximum(1.0 - energy, SMALLEST)
        residual = lower_solve(L, u, adjoint=True)
        log_det = float(np.sum(np.log(np.maximum(D, SMALLEST))) - 2.0 * np.sum(np.log(np.diagonal(L).real)))
        return Moments(
            mean, D * left, divide(energy, D * left), divide(mean, energy), norm2(residual),
            float(np.sum(energy)) / kappa, log_det,
        )  # fmt: skip

    def _factor(self, root):
        C = self.system.outer(root)
        diagonal(C)[:] += 1.0
        return cholesky(C)

    def spread(self, D, kappa, variance):
        """Return (diagonal, factor, columns, sign): Sigma is diagonal + sign * factor^H factor on the columns."""
        root = np.sqrt(kappa * D)
        L = self._factor(root)
        whiten = whitener(L)
        V = np.empty((self.system.n_rows, self.system.n_cols), dtype=self.system.dtype)
        for part, block in self.system.blocks():
            V[:, part] = whiten(block * root[part]) * np.sqrt(D[part])
        return D, V, np.arange(len(D)), -1.0


class Active(Full):
    """Factor the k x k matrix of the columns whose variance is above a threshold.

    The rest sees the exact posterior of these, and enters as a diagonal; to these it is noise, of the same size in all
    directions. With threshold 0 nothing is approximated.

    What the rest sees has an expensive part, q, which hardly changes towards the end: it is kept for a few calls
    (`stale`) until `refresh` is called, and products with the design are updated from the last ones there.
    """

    def __init__(self, system, y=None, adjoint=None, threshold=THRESHOLD, exact=None):
        super().__init__(system, y, adjoint)
        self.threshold, self.exact = threshold, exact
        dense = y is not None and system.n_rows < system.n_cols and not system.ranks.several
        dense = dense and system.whole is not None and not system.prepared
        self.pool = DensePool(system, y) if dense else GramPool(system, y, self.adjoint)
        self.chosen = np.zeros(system.n_cols, dtype=bool)
        self.n_calls, self.switched = 0, exact is None
        self.on = np.arange(0)
        self.age, self.stale, self._must = AGE, False, False

    def refresh(self):
        """Keep nothing in the next call."""
        self._must = True

    def _choose(self, D, active_variance):
        """Update the active set, without flutter."""
        size = D * self.system.norms2
        cut = self.threshold * active_variance
        leaving = size < cut * LEAVE if self.n_calls < SETTLED else np.zeros(len(D), dtype=bool)
        chosen = (size >= cut) | (self.chosen & ~leaving)
        if not chosen.any():
            chosen[np.argmax(size)] = True
        self.n_calls += 1
        if self.exact is not None:
            share = STAY if self.switched else SHARE
            self.switched = chosen.sum() < share * min(self.system.total, self.system.n_cols)
        moved = np.count_nonzero(chosen != self.chosen)
        if not moved and len(self.on):
            return
        if moved > FEW * chosen.sum():
            self._must = True
        self.chosen = chosen
        if self.switched:
            self.on = np.flatnonzero(chosen)
            self.inside = self.pool.choose(self.on)
        else:
            self.on = np.arange(0)

    def _precision(self, D, kappa):
        """Return the precision of the noise together with what is not in the active set."""
        hidden = float(D[~self.chosen] @ self.system.norms2[~self.chosen]) / self.system.total
        return kappa / (1.0 + kappa * hidden)

    def __call__(self, D, kappa, active_variance=1.0, center=None):
        """Return the moments."""
        self._choose(D, active_variance)
        if not self.switched:
            self.stale = False
            if self.n_calls <= ROUGH_CALLS and isinstance(self.exact, Woodbury):
                return self.exact(D, kappa, center=center, rough=True)
            return self.exact(D, kappa, center=center)
        on, precision = self.on, self._precision(D, kappa)
        root = np.sqrt(precision * D[on])
        L, inverse = factor(self.inside, root)
        self.age += 1
        if self._must or self.age >= AGE or not 1.0 / NEAR < precision / self._at < NEAR:
            self.age, self._must, self._at = 0, False, precision
        self.stale = self.age > 0
        mean_on, beta = solve_inverse(inverse, root, self.pool.start(center, not self.stale))
        if not self.stale:
            W = whiten_rows(L, inverse, root, self.pool.cross())  # in single precision, enough for what is approximate
            self._left = np.maximum(self.system.norms2 - square_sums(W), 0.0)
        q = precision * self._left
        b = precision * self.pool.rest(mean_on)
        gain = 1.0 + D * q
        mean, variance = D * b / gain, D / gain
        cavity, cavity_mean, shrink = q, divide(b, q), D * q / gain
        mean[on], variance[on] = mean_on, D[on] * beta
        shrink[on] = np.maximum(1.0 - beta, 0.0)
        cavity[on] = divide(shrink[on], D[on] * beta)
        cavity_mean[on] = divide(mean_on, shrink[on])
        self._left[on] = cavity[on] / precision  # should it leave
        residual2 = self.pool.residual2(mean)
        mean, cavity_mean = shifted(center, mean, cavity_mean)
        return Moments(mean, variance, cavity, cavity_mean, residual2, float(np.sum(shrink)) / kappa, np.nan)

    def spread(self, D, kappa, variance):
        """Return (diagonal, factor, columns, sign): Sigma is diagonal + sign * factor^H factor on the columns."""
        if not self.switched:
            return self.exact.spread(D, kappa, variance)
        _, inverse = factor(self.inside, np.sqrt(self._precision(D, kappa) * D[self.on]))
        return np.where(self.chosen, 0.0, variance), inverse * np.sqrt(D[self.on]), self.on, 1.0


class Cavi(Posterior):
    """Independent coefficients, one sweep over them a call, forwards and backwards in turn."""

    def __init__(self, system, y):
        self.system = system
        self.dtype = np.result_type(system.dtype, y)
        self.state = system.start_sweeps(y)
        self.mean = np.zeros(system.n_cols, dtype=self.dtype)
        self.backward = False

    def __call__(self, D, kappa, active_variance=None, center=None):
        """Return the moments."""
        norms2 = self.system.norms2
        moved = self.mean if center is None else self.mean - center  # the residual is the same
        self.state = self.system.sweep(self.state, moved, 1.0 / D, kappa, self.backward)
        self.backward = not self.backward
        variance = D / (1.0 + kappa * norms2 * D)
        cavity = kappa * norms2
        self.mean, cavity_mean = shifted(center, moved, divide(moved, variance * cavity))
        return Moments(
            self.mean.copy(), variance, cavity, cavity_mean,
            norm2(self.system.residual(self.state)), float(norms2 @ variance), float(np.sum(np.log(variance))),
        )  # fmt: skip

    def spread(self, D, kappa, variance):
        """Return (diagonal, factor, columns, sign): Sigma is diagonal + sign * factor^H factor on the columns."""
        return variance, np.zeros((0, 0)), np.arange(0), 1.0


def shifted(center, *means):
    """Return means of x from those of x - center."""
    return means if center is None else tuple(mean + center for mean in means)


def divide(a, b):
    """Return a / b, and 0 where b vanishes."""
    return np.where(b > SMALLEST, a / np.maximum(b, SMALLEST), 0.0)
