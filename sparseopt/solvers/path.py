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
from ..problem import Problem
from ..problem.certificates import best_dual
from ..problem.penalties import ElasticNet, L1
from ._gram_set import GramSet
from ._quadratic import Quadratic
from .registry import check_stopping, warn_not_converged
from .result import PathResult
from .working_set import FLOOR

BATCH = 20  # alphas certified by one reading of X


def alpha_grid(alpha_max: float, n_alphas: int = 100, eps: float = 1e-2):
    """Return `n_alphas` values from `alpha_max` down to ``eps * alpha_max``, evenly spaced in the logarithm."""
    if alpha_max <= 0.0:
        alpha_max = np.finfo(float).tiny ** 0.5  # nothing to select: any positive alphas will do
    return np.geomspace(alpha_max, alpha_max * eps, n_alphas)


class _Path:
    def __init__(self, problem, alphas, tol, n_threads):
        self.problem, self.alphas = problem, alphas
        self.quadratic = q = Quadratic(problem, n_threads)
        self.gram = GramSet(q)
        self.target = max(tol, FLOOR) * q.null
        self.norms = np.sqrt(q.curvature)
        self.norms[self.norms == 0.0] = np.inf
        self.positive = problem.penalty.positive
        k = alphas.size
        self.coefs = [None] * k  # on the leading columns of the set
        self.gaps = np.full(k, np.inf)
        self.primals = np.full(k, np.nan)
        lam, _ = problem.levels(alphas[0])
        if np.ndim(lam):
            self.gram.add(np.flatnonzero(lam == 0.0))
        # the last two alphas whose c is known; alpha = inf is w = 0
        self.known = [(None, q.gradient)]

    def level(self, i):
        return self.problem.levels(self.alphas[i])

    def predict(self, last):
        """Return the columns that alphas down to `last` will need, by linear extrapolation of c."""
        alpha = self.alphas[last]
        lam, _ = self.level(last)
        a1, c1 = self.known[-1]
        if len(self.known) > 1 and self.known[-2][0] is not None and self.known[-2][0] > a1:
            a0, c0 = self.known[-2]
            c = c1 + (c1 - c0) * ((alpha - a1) / (a1 - a0))
        else:
            c = c1
        size = c if self.positive else np.abs(c)
        over = size - lam
        over[self.gram.member] = -np.inf
        return np.flatnonzero(over > 0.0), over

    def solve(self, i, start):
        w = np.zeros(len(self.gram))
        if self.coefs[i] is not None:
            start = self.coefs[i]
        if start is not None:
            w[: start.size] = start
        lam, mu = self.level(i)
        gap, q, rr = self.gram.solve_by_gram(w, lam, mu, self.positive, 0.3 * self.target)
        self.coefs[i] = w
        return w

    def certify(self, batch):
        q, gram, m = self.quadratic, self.gram, len(batch)
        W = np.zeros((m, len(gram)))
        for k, i in enumerate(batch):
            W[k, : self.coefs[i].size] = self.coefs[i]
        used = np.flatnonzero(np.any(W != 0.0, axis=0))
        R = np.empty((q.y.size, m), order=q.columns.block_order)
        R[:] = q.y[:, None]
        q.columns.subtract(gram.cols[used], np.ascontiguousarray(W[:, used]), R, n_threads=q.n_threads)
        q.count(gram.cols[used])
        theta = R if q.s is None else np.asarray(R * q.s[:, None], order=q.columns.block_order)
        C = q.columns.rmatmat(theta, n_threads=q.n_threads)
        q.passes += 1.0
        C[:, q.curvature == 0.0] = 0.0
        wanted = np.zeros(q.curvature.size, dtype=bool)
        done = 0
        for k, i in enumerate(batch):
            lam, mu = self.level(i)
            r, t, w = R[:, k], theta[:, k], W[k]
            rr = float(r @ t)
            levels = gram.levels(lam)
            self.primals[i] = 0.5 * rr + float(levels @ np.abs(w)) + 0.5 * mu * float(w @ w)
            value, _ = best_dual(C[k], float(q.y @ t), rr, lam, mu, self.positive)
            self.gaps[i] = max(self.primals[i] - value, 0.0)
            if self.gaps[i] > self.target:
                size = C[k] if self.positive else np.abs(C[k])
                wanted |= size > lam
            else:
                done += 1
        new = np.flatnonzero(wanted & ~gram.member)
        self.known = [(self.alphas[i], C[k]) for k, i in enumerate(batch)][-2:]
        return new

    def run(self, max_iter, verbose=0):
        pending = list(range(self.alphas.size))
        n_iter = 0
        while pending and n_iter < max_iter:
            n_iter += 1
            batch = pending[:BATCH]
            new, over = self.predict(batch[-1])
            self.gram.add(new)
            previous = batch[0] - 1
            start = self.coefs[previous] if previous >= 0 else None
            for i in batch:
                start = self.solve(i, start)
            size = len(self.gram)
            new = self.certify(batch)
            self.gram.add(new)
            if verbose:
                print(n_iter, 'batch', batch[0], batch[-1], 'set', size, 'nnz', np.count_nonzero(start), 'viol', new.size, 'passes', round(self.quadratic.passes, 2), 'done', sum(self.gaps[i] <= self.target for i in batch))
            pending = [i for i in pending if self.gaps[i] > self.target]
        return n_iter


def solve_path(problem, alphas, *, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0) -> PathResult:
    """Solve a problem for every alpha of a grid; the alpha of its penalty is ignored.

    Parameters
    ----------
    problem : Problem
        Squared loss with an L1 or elastic-net penalty.
    alphas : array-like of shape (k,)
        Positive and strictly decreasing.
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
    check_stopping(tol, max_iter)
    alphas = check_alphas(alphas)
    q = problem.design.n_features
    with serial_blas():
        path = _Path(problem, alphas, tol, resolve_n_threads(n_threads))
        n_iter = path.run(max_iter, 0)
    total = problem.total_weight
    coefs = np.zeros((alphas.size, q))
    for i, w in enumerate(path.coefs):
        if w is not None:
            coefs[i, path.gram.cols[: w.size]] = w
    converged = path.gaps <= path.target
    result = PathResult(
        alphas=alphas,
        coefs=coefs,
        intercepts=problem.y_offset - coefs @ path.quadratic.means,
        gaps=path.gaps / total,
        objectives=path.primals / total,
        converged=converged,
        null_objective=path.quadratic.null / total,
        n_passes=path.quadratic.passes,
        n_iter=n_iter,
    )
    if not converged.all():
        scale = path.quadratic.null or 1.0
        warn_not_converged(path.gaps.max() / scale, tol, max_iter, f" for {np.sum(~converged)} of {alphas.size} alphas")
    return result


def check_alphas(alphas):
    """Return alphas as float64, or raise ValueError saying what is wrong with them."""
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
    y : array-like of shape (n,)
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
    if alphas is None:
        n, p = problem.design.shape
        eps = (1e-2 if n < p else 1e-3) if eps is None else eps
        if isinstance(n_alphas, bool) or not isinstance(n_alphas, (int, np.integer)) or n_alphas < 1:
            raise ValueError(f"n_alphas must be an integer >= 1, got {n_alphas!r}")
        if not 0.0 < eps < 1.0:
            raise ValueError(f"eps must be between 0 and 1, got {eps!r}")
        alphas = alpha_grid(problem.alpha_max(), n_alphas, eps)
    return solve_path(problem, alphas, tol=tol, max_iter=max_iter, n_threads=n_threads, verbose=verbose)
