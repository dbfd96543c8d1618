"""Solutions along a grid of alphas: solve many on predicted working sets, certify them together, repeat.

Reading X is what costs, so X is read once for a whole batch of alphas:

1. predict which columns the next alphas of the grid will use, by extrapolating c(alpha) = X'theta, which is piecewise
   linear along the path, from the last two alphas whose c is known;
2. solve those alphas on the working set, without X, each warm-started from its larger neighbour;
3. read X once, for X' times all their residuals together, which gives every alpha its own duality gap;
4. alphas whose gap is too large stay in the batch; the columns that violate their optimality condition join.

The Gram matrix of all columns ever used grows along the path and is never computed twice.
"""

from __future__ import annotations

import numpy as np

from .._threads import resolve_n_threads, serial_blas
from ..exceptions import IncompatibleError
from ..problem import Problem
from ..problem.certificates import best_dual, unpenalised_excess
from ..problem.penalties import L1
from ._gram_set import GramSet
from ._newton_path import newton_path
from ._quadratic import Quadratic
from .monitor import PathProgress
from .prox_newton import accepts as accepts_smooth
from .registry import check_stopping, warn_not_converged
from .result import PathResult
from .working_set import FLOOR, accepts

BATCH = 20  # alphas certified by one reading of X
DAMPING = 0.85  # of the extrapolation of c: the whole of it lets too many columns join
LEAST = 100  # columns that may join by prediction, at least; at most as many as are active
MAX_COMPLETE = 3000  # columns up to which the set may be completed to all of X


def alpha_grid(alpha_max: float, n_alphas: int = 100, eps: float = 1e-2):
    """Return `n_alphas` values from `alpha_max` down to ``eps * alpha_max``, evenly spaced in the logarithm."""
    if alpha_max <= 0.0:
        alpha_max = np.finfo(float).tiny ** 0.5  # nothing to select: any positive alphas will do
    return np.geomspace(alpha_max, alpha_max * eps, n_alphas)


class _Path:
    """The state between rounds: the working set, and for every alpha its coefficients and its gap."""

    def __init__(self, quadratic: Quadratic, alphas, tol: float) -> None:
        problem = quadratic.problem
        self.problem, self.quadratic, self.alphas = problem, quadratic, alphas
        self.gram = GramSet(quadratic)
        self.target = max(tol, FLOOR) * quadratic.null
        with np.errstate(divide="ignore"):
            self.reach = 1.0 / np.sqrt(quadratic.curvature)
        self.positive = problem.penalty.positive
        self.coefs: list = [None] * alphas.size  # each on the leading columns of the set
        self.gaps = np.full(alphas.size, np.inf)
        self.primals = np.full(alphas.size, np.nan)
        self.active = 0
        self.usable = quadratic.curvature > 0.0
        lam, _ = self.levels(0)
        if np.ndim(lam):
            self.usable &= np.isfinite(lam)
            self.gram.add(np.flatnonzero((lam == 0.0) & self.usable))
        self.free = self.gram.cols
        self.known: list = [(np.inf, quadratic.gradient)]  # the last alphas whose c is known, with c

    def levels(self, i):
        return self.problem.levels(self.alphas[i])

    def size(self, c):
        return c if self.positive else np.abs(c)

    def predict(self, last: int) -> None:
        """Let the columns join that alphas down to `last` will need, by (damped) linear extrapolation of c."""
        lam, _ = self.levels(last)
        alpha, c = self.known[-1]
        if len(self.known) > 1:
            before, c_before = self.known[-2]
            c = c + DAMPING * ((self.alphas[last] - alpha) / (alpha - before)) * (c - c_before)
        with np.errstate(invalid="ignore"):
            over = (self.size(c) - lam) * self.reach
        new = np.flatnonzero((over > 0.0) & self.usable & ~self.gram.member)
        most = max(LEAST, self.active)
        if new.size > most:
            new = new[np.argpartition(-over[new], most)[:most]]
        self.gram.add(new)
        n_usable = int(np.count_nonzero(self.usable))
        if len(self.gram) > 0.3 * n_usable and n_usable <= min(MAX_COMPLETE, self.problem.design.n_samples):
            self.gram.add(np.flatnonzero(self.usable))  # from here on, the Gram matrix is all of X

    def solve(self, i: int, start):
        """Solve alpha i on the set, from its own last coefficients or its neighbour's."""
        start = start if self.coefs[i] is None else self.coefs[i]
        w = np.zeros(len(self.gram))
        if start is not None:
            w[: start.size] = start
        lam, mu = self.levels(i)
        support = np.flatnonzero(w)
        theta = None
        if not self.gram.prefers_gram(support.size):
            r = self.quadratic.residual(self.gram.cols[support], w[support])
            theta = self.problem.weighted(r)
        self.gram.solve(w, lam, mu, self.positive, 0.3 * self.target, theta)
        self.coefs[i] = w
        return w

    def certify(self, batch) -> None:
        """Compute the gap of every alpha of the batch; violators of those not good enough join."""
        W = np.zeros((len(batch), len(self.gram)))
        for k, i in enumerate(batch):
            W[k, : self.coefs[i].size] = self.coefs[i]
        self.active = int(np.count_nonzero(W[-1]))
        complete = len(self.gram) == np.count_nonzero(self.usable) and self.gram.formed
        C, rr, y_theta = self._products_from_gram(W) if complete else self._products(W)
        violating = np.zeros(self.usable.size, dtype=bool)
        for k, i in enumerate(batch):
            lam, mu = self.levels(i)
            w = W[k]
            primal = 0.5 * rr[k] + float(self.gram.levels(lam) @ np.abs(w)) + 0.5 * mu * float(w @ w)
            value, _ = best_dual(C[k], y_theta[k], rr[k], lam, mu, self.positive)
            gap = max(primal - value, 0.0)
            if self.free.size and mu == 0.0:  # the free columns are the first members of the set
                curvature = self.quadratic.curvature[self.free]
                gap += unpenalised_excess(C[k, self.free], w[: self.free.size], curvature, self.positive)
            self.primals[i], self.gaps[i] = primal, gap
            if self.gaps[i] > self.target:
                violating |= self.size(C[k]) > lam
        self.known = [(self.alphas[i], C[k]) for k, i in enumerate(batch)][-2:]
        self.gram.add(np.flatnonzero(violating & self.usable))

    def _products(self, W):
        """Read X once: X' times all residuals, and the inner products of the dual points."""
        q = self.quadratic
        used = np.flatnonzero(np.any(W != 0.0, axis=0))
        R = np.empty((q.y.size, W.shape[0]), order=q.columns.block_order)
        R[:] = q.y[:, None]
        q.columns.subtract(self.gram.cols[used], np.ascontiguousarray(W[:, used]), R, n_threads=q.n_threads)
        q.count(self.gram.cols[used])
        theta = R if q.s is None else np.asarray(R * q.s[:, None], order=q.columns.block_order)
        C = q.columns.rmatmat(theta, n_threads=q.n_threads)
        q.passes += 1.0
        C[:, ~self.usable] = 0.0
        return C, np.einsum("ij,ij->j", R, theta), q.y @ theta

    def _products_from_gram(self, W):
        """The same without X, once the set holds every column."""
        q, cols = self.quadratic, self.gram.cols
        C = np.zeros((W.shape[0], self.usable.size))
        rr, y_theta = np.empty(W.shape[0]), np.empty(W.shape[0])
        for k, w in enumerate(W):
            c = self.gram.gradient(w)
            C[k, cols] = c
            y_theta[k] = 2.0 * q.null - float(w @ self.gram.at_zero)
            rr[k] = max(y_theta[k] - float(w @ c), 0.0)
        return C, rr, y_theta

    def run(self, max_iter: int, on_round) -> int:
        """Certify batch after batch; return the number of rounds."""
        pending = list(range(self.alphas.size))
        n_iter = 0
        while pending and n_iter < max_iter:
            n_iter += 1
            batch = pending[:BATCH]
            self.predict(batch[-1])
            start = self.coefs[batch[0] - 1] if batch[0] > 0 else None
            for i in batch:
                start = self.solve(i, start)
            self.certify(batch)
            pending = [i for i in pending if self.gaps[i] > self.target]
            if on_round(n_iter, self.alphas.size - len(pending)):
                break
        return n_iter


def solve_path(
    problem, alphas=None, *, n_alphas=100, eps=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0
) -> PathResult:
    """Solve a problem for every alpha of a grid; the alpha of its penalty is ignored.

    Parameters
    ----------
    problem : Problem
        Any loss with an L1, elastic-net or row-group penalty.
    alphas : array-like of shape (k,), optional
        Positive and strictly decreasing. Default: `n_alphas` values from the smallest alpha with zero
        coefficients down to `eps` times that.
    n_alphas : int, default=100
    eps : float, optional
        Default: 1e-2 when n < p, else 1e-3.
    tol : float, default=1e-6
        Every alpha ends with a duality gap of at most ``tol`` times the objective at zero.
    max_iter : int, default=100
        Largest number of rounds of certification, one reading of X each.
    n_threads : int, optional
        OpenMP threads. The result does not depend on it.
    callback : callable, optional
        ``callback(n_done)`` is called after every round; a true value stops.
    verbose : int, default=0
        0 silent, 1 progress bar, 2 a log line for each round.

    Returns
    -------
    PathResult

    Warns
    -----
    ConvergenceWarning
        When some alpha was not certified within `max_iter` rounds.
    """
    reason = accepts(problem)
    if reason is not None and accepts_smooth(problem) is not None:
        raise IncompatibleError(f"solve_path: {accepts_smooth(problem)}")
    check_stopping(tol, max_iter)
    alphas = check_grid(alphas, n_alphas, eps)
    total = problem.total_weight
    if reason is not None:
        if alphas is None:
            alphas = alpha_grid(problem.alpha_max(), n_alphas, default_eps(problem) if eps is None else eps)
        result, stopped = newton_path(problem, alphas, tol, max_iter, n_threads, callback, verbose)
        if not result.converged.all() and not stopped:
            reached = np.nanmax(result.gaps) / (result.null_objective or 1.0)
            warn_not_converged(reached, tol, max_iter, f" for {np.sum(~result.converged)} of {alphas.size} alphas")
        return result
    with serial_blas():
        quadratic = Quadratic(problem, resolve_n_threads(n_threads))
        if alphas is None:
            alphas = alpha_grid(_alpha_max(quadratic), n_alphas, default_eps(problem) if eps is None else eps)
        path = _Path(quadratic, alphas, tol)
        progress = PathProgress(alphas.size, callback, verbose)
        try:
            n_iter = path.run(max_iter, lambda n_iter, n_done: progress(n_iter, n_done, quadratic.passes))
        finally:
            progress.close()
    coefs = np.zeros((alphas.size, problem.design.n_features))
    for i, w in enumerate(path.coefs):
        if w is not None:
            coefs[i, path.gram.cols[: w.size]] = w
    converged = path.gaps <= path.target
    if not converged.all() and not progress.stopped:
        reached = path.gaps.max() / (quadratic.null or 1.0)
        warn_not_converged(reached, tol, max_iter, f" for {np.sum(~converged)} of {alphas.size} alphas")
    return PathResult(
        alphas=alphas,
        coefs=coefs,
        intercepts=problem.y_offset - coefs @ quadratic.means,
        gaps=path.gaps / total,
        objectives=path.primals / total,
        converged=converged,
        null_objective=quadratic.null / total,
        n_passes=quadratic.passes,
        n_iter=n_iter,
    )


def default_eps(problem) -> float:
    """Return the ratio of the smallest alpha of a path to the largest."""
    n, p = problem.design.shape
    return 1e-2 if n < p else 1e-3


def _alpha_max(quadratic: Quadratic) -> float:
    """Return the smallest alpha with zero coefficients, from what the first pass over X told."""
    problem = quadratic.problem
    lam, _ = problem.levels(1.0)
    if np.ndim(lam) and np.any(lam == 0.0):
        return problem.alpha_max()
    size = quadratic.gradient if problem.penalty.positive else np.abs(quadratic.gradient)
    return float(np.max(size / lam, initial=0.0))


def check_grid(alphas, n_alphas, eps):
    """Return alphas as float64 (None stays None), or raise ValueError saying what is wrong."""
    if alphas is None:
        if isinstance(n_alphas, bool) or not isinstance(n_alphas, (int, np.integer)) or n_alphas < 1:
            raise ValueError(f"n_alphas must be an integer >= 1, got {n_alphas!r}")
        if eps is not None and not 0.0 < eps < 1.0:
            raise ValueError(f"eps must be between 0 and 1, got {eps!r}")
        return None
    alphas = np.array(alphas, dtype=np.float64)
    if alphas.ndim != 1 or alphas.size == 0:
        raise ValueError(f"alphas must be a non-empty one-dimensional array, got shape {alphas.shape}")
    if not np.all(np.isfinite(alphas)) or alphas.min() <= 0.0:
        raise ValueError(f"alphas must be finite and > 0, the smallest is {alphas.min()}")
    if np.any(np.diff(alphas) >= 0.0):
        raise ValueError("alphas must be strictly decreasing")
    return alphas


def solution_path(
    X,
    y,
    *,
    loss="squared",
    penalty=None,
    alphas=None,
    n_alphas=100,
    eps=None,
    fit_intercept=True,
    sample_weight=None,
    tol=1e-6,
    max_iter=100,
    n_threads=None,
    verbose=0,
) -> PathResult:
    """Compute solutions along a grid of alphas, each with its own duality gap.

    Parameters
    ----------
    X : array-like, sparse matrix or Design of shape (n, p)
    y : array-like of shape (n,) or (n, K)
    loss : str or loss object, default="squared"
    penalty : penalty object, optional
        Its alpha is ignored. Default: ``L1()``.
    alphas : array-like of shape (k,), optional
        Positive and strictly decreasing. Default: `n_alphas` values from the smallest alpha with zero
        coefficients down to `eps` times that.
    n_alphas : int, default=100
    eps : float, optional
        Default: 1e-2 when n < p, else 1e-3.
    fit_intercept : bool, default=True
    sample_weight : array-like of shape (n,), optional
    tol, max_iter, n_threads, verbose
        See :func:`solve_path`.

    Returns
    -------
    PathResult

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((50, 200))
    >>> path = so.solution_path(X, X[:, :3] @ [3.0, -2.0, 1.0], n_alphas=20)
    >>> path.coefs.shape, bool(path.converged.all())
    ((20, 200), True)
    """
    problem = Problem(X, y, loss=loss, penalty=L1() if penalty is None else penalty, sample_weight=sample_weight,
                      fit_intercept=fit_intercept)
    return solve_path(
        problem, alphas, n_alphas=n_alphas, eps=eps, tol=tol, max_iter=max_iter, n_threads=n_threads, verbose=verbose
    )
