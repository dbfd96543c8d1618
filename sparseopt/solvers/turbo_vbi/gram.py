"""Rows of a layer: least squares known by a Gram matrix, under a support prior of the whole weight matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._validation import check_numbers, check_scalar
from ...exceptions import InvalidProblemError
from .evidence import cavity_llr, mixture_update
from .posterior import Active, Full
from .supports._base import Messages, Support


@dataclass
class GramResult:
    """Posterior of the weights of a layer.

    Attributes
    ----------
    coef : ndarray of shape (n_rows, n)
        Posterior means; refitted on the largest log-odds where `n_nonzero` was given.
    log_odds : ndarray of shape (n_rows, n)
        Of every weight to be non-zero: rank by these.
    prob : ndarray of shape (n_rows, n)
    std : ndarray of shape (n_rows, n)
        Posterior standard deviations.
    support : Support
        The prior, with what was learned.
    active_variance : float
    n_iter : int
    converged : bool
    change : float
        Last relative change of the mean.
    """

    coef: NDArray[np.float64]
    log_odds: NDArray[np.float64]
    prob: NDArray[np.float64]
    std: NDArray[np.float64]
    support: Support
    active_variance: float
    n_iter: int
    converged: bool
    change: float


class _Row:
    """State of one row."""

    def __init__(self, system, adjoint, D, s1):
        self.posterior = Active(system, adjoint=adjoint, exact=Full(system, adjoint=adjoint))
        self.D, self.s1 = D, s1


class _Gram:
    """A Gram matrix as a linear system; what is hidden from the active set is no noise."""

    def __init__(self, gram):
        self._gram = gram
        self.n_cols = len(gram)
        self.dtype = gram.dtype
        self.norms2 = np.diagonal(gram).copy()
        self.n_rows = self.total = np.inf

    def gram(self):
        return self._gram

    def gram_rows(self, cols):
        return self._gram[cols]


def solve_gram(gram, b, support, *, noise_variance, active_variance=None, inactive_ratio=1e-4, n_nonzero=None,
               max_iter=12, tol=1e-3, n_threads=1):  # fmt: skip
    """Infer the rows w of a matrix from ``1/2 w' gram w - b'w`` under a support prior of all of it.

    The likelihood of a row is ``exp(-(1/2 w' gram w - b'w) / noise_variance)``: with ``gram = X'X / n`` and ``b = w0
    gram`` it says how well the row reproduces the outputs of w0, and `noise_variance` sets how many weights remain
    (larger: fewer). Evidence is extrinsic; rows share the active variance.

    Parameters
    ----------
    gram : ndarray of shape (n, n)
        Symmetric, positive semidefinite.
    b : ndarray of shape (n_rows, n)
    support : Support
        Prior of n_rows * n weights, in C order.
    noise_variance : float
        In units of the output's variance.
    active_variance : float or None
        Prior variance of weights that are not zero. None: learned, from the mean square of ``pinv(gram) b``.
    inactive_ratio : float
        Prior variance of zero weights over that.
    n_nonzero : int or None
        Keep this many weights of the whole matrix, those with the largest log-odds, and refit the rows on them by
        least squares. None: `coef` is the posterior mean.
    max_iter, tol : int, float
        The end: no iteration left, or the relative change of the mean is below `tol`.
    n_threads : int
        Of the messages.

    Returns
    -------
    GramResult

    Raises
    ------
    ValueError, TypeError
        When shapes do not fit, or values are not finite or out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.solvers.turbo_vbi import solve_gram
    >>> from sparseopt.supports import ChainSupport
    >>> X = np.random.default_rng(0).standard_normal((200, 8))
    >>> W = np.array([[1.0, 2.0, 1.5, 0.01, 0.0, 0.02, 0.0, 0.01]])
    >>> gram = X.T @ X / 200
    >>> found = solve_gram(gram, W @ gram, ChainSupport(shape=(1, 8)), noise_variance=0.01, n_nonzero=3)
    >>> np.flatnonzero(found.coef[0]).tolist()
    [0, 1, 2]
    """
    gram, b = _check(gram, b)
    n_rows, n = b.shape
    check_scalar("noise_variance", noise_variance, low=0.0, closed="neither")
    check_scalar("active_variance", active_variance, low=0.0, closed="neither", allow_none=True)
    check_scalar("inactive_ratio", inactive_ratio, low=0.0, high=1.0, closed="neither")
    if n_nonzero is not None and not 0 <= n_nonzero <= b.size:
        raise InvalidProblemError(f"n_nonzero must lie in 0..{b.size}, got {n_nonzero}")
    support = support.bind(b.size)
    system, kappa = _Gram(gram), 1.0 / noise_variance
    s1 = _scale(gram, b, support.density) if active_variance is None else float(active_variance)
    start = np.full(n, s1 * support.density)
    rows = [_Row(system, adjoint, start, s1) for adjoint in b]
    messages: Messages | None = None
    mean, llr = np.zeros(b.shape), np.empty(b.shape)
    change, converged, iteration = np.inf, False, 0
    for iteration in range(1, max_iter + 1):
        last, s0 = mean, inactive_ratio * s1
        for k, row in enumerate(rows):
            row.s1 = s1
            row.moments = row.posterior(row.D, kappa, s1)
            llr[k] = cavity_llr(row.moments, s1, s0, 0.5)
        messages = support.messages(llr.ravel(), messages, n_threads)
        for row, prob in zip(rows, messages.prob.reshape(b.shape), strict=True):
            mixture_update(row, prob, s0)
        mean = np.array([row.mean for row in rows])
        size = np.linalg.norm(mean)
        change = float(np.linalg.norm(mean - last) / size) if size > 0.0 else 0.0
        converged = iteration > 2 and change < tol
        if converged:
            break
        support = support.learned(messages)
        if active_variance is None:
            weight = sum(row.prob.sum() for row in rows)
            moment = sum(float(row.prob @ row.active_moment) for row in rows)
            s1 = max(moment / weight, 1e-12 * s1) if weight > 1e-6 else s1
    log_odds = (messages.ext + llr.ravel()).reshape(b.shape)
    std = np.sqrt(np.array([row.variance for row in rows]))
    prob = messages.prob.reshape(b.shape)
    coef = mean if n_nonzero is None else refit_rows(gram, b, largest(log_odds, n_nonzero))
    return GramResult(coef, log_odds, prob, std, support, s1, iteration, bool(converged), change)


def largest(log_odds, k):
    """Return a mask of the k largest entries; among equal ones the first win."""
    mask = np.zeros(log_odds.size, dtype=bool)
    mask[np.argsort(-log_odds.ravel(), kind="stable")[:k]] = True
    return mask.reshape(log_odds.shape)


def refit_rows(gram, b, mask):
    """Return least squares of every row on its mask."""
    coef = np.zeros(b.shape)
    for k, chosen in enumerate(mask):
        on = np.flatnonzero(chosen)
        if on.size:
            coef[k, on] = np.linalg.lstsq(gram[np.ix_(on, on)], b[k, on], rcond=None)[0]
    return coef


def _scale(gram, b, density):
    """Return the mean square of weights that explain b, were only a share `density` of them not zero."""
    damped = gram + 0.01 * np.mean(np.diagonal(gram)) * np.eye(len(gram))
    weights = np.linalg.solve(damped, b.T) if np.any(gram) else np.ones_like(b.T)
    return max(float(np.mean(weights**2)) / density, 1e-300)


def _check(gram, b):
    gram, b = check_numbers("gram", gram), check_numbers("b", b)
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or gram.size == 0:
        raise InvalidProblemError(f"gram must be square and not empty, got shape {gram.shape}")
    if b.ndim != 2 or b.shape[1] != len(gram) or len(b) == 0:
        raise InvalidProblemError(f"b must have shape (n_rows, {len(gram)}), got {b.shape}")
    if not (np.all(np.isfinite(gram)) and np.all(np.isfinite(b))):
        raise InvalidProblemError("gram and b must not contain NaN or infinity")
    if not np.allclose(gram, gram.T, rtol=1e-8, atol=1e-8 * np.abs(gram).max()):
        raise InvalidProblemError("gram must be symmetric")
    return np.ascontiguousarray(gram), b
