"""The composite problem: design, target, loss, penalty, sample weights, intercept."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..exceptions import IncompatibleError, InvalidProblemError
from .certificates import best_dual
from .design import as_design
from .losses import as_loss
from .penalties import L1


class Problem:
    r"""Minimise a weighted mean loss plus a penalty.

    .. math:: \min_{w, b} \frac{1}{\sum_i s_i} \sum_i s_i\, \ell(y_i, x_i^\top w + b) + g(w)

    A problem states facts; it never changes, and solvers never write to it.

    Parameters
    ----------
    design : Design or array-like of shape (n, p)
        See :func:`sparseopt.designs.as_design`. Not copied.
    y : array-like of shape (n,)
    loss : str or loss object, default="squared"
    penalty : penalty object, optional
        Default: ``L1()``.
    sample_weight : array-like of shape (n,), optional
        Non-negative and not all zero. Rows of weight zero are as good as absent.
    fit_intercept : bool, default=True
        Whether there is a b, which is never penalised.

    Raises
    ------
    InvalidProblemError
        When shapes disagree or values are out of range.
    IncompatibleError
        When the penalty lacks what solvers need.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> problem = so.Problem(X, [2.0, 0.0, 2.0], penalty=so.penalties.L1(alpha=0.1))
    >>> result = so.solve(problem)
    >>> result.coef.round(2)
    array([1.55, 0.  ])
    >>> bool(result.gap <= 1e-6 * problem.null_objective)
    True
    """

    def __init__(self, design, y, loss="squared", penalty=None, sample_weight=None, fit_intercept=True):
        self.design = as_design(design)
        n, p = self.design.shape
        if n == 0 or p == 0:
            raise InvalidProblemError(f"the design must have rows and columns, has shape {self.design.shape}")
        self.y = np.ascontiguousarray(y, dtype=np.float64)
        if self.y.shape != (n,):
            raise InvalidProblemError(f"y has shape {self.y.shape}, expected ({n},) as X has {n} rows")
        if not np.all(np.isfinite(self.y)):
            raise InvalidProblemError("y must be finite, contains NaN or infinity")
        self.loss = as_loss(loss)
        self.penalty = L1() if penalty is None else penalty
        if not hasattr(self.penalty, "prox") or not hasattr(self.penalty, "value"):
            raise IncompatibleError(f"penalty {self.penalty!r} has no value() and prox()")
        if hasattr(self.penalty, "check"):
            self.penalty.check(p)
        self.fit_intercept = bool(fit_intercept)
        self.sample_weight = None
        if sample_weight is not None:
            s = np.ascontiguousarray(sample_weight, dtype=np.float64)
            if s.shape != (n,):
                raise InvalidProblemError(f"sample_weight has shape {s.shape}, expected ({n},)")
            if not np.all(np.isfinite(s)) or np.any(s < 0) or not np.any(s > 0):
                raise InvalidProblemError("sample_weight must be finite, >= 0 and not all zero")
            if np.any(s != s[0]):
                self.sample_weight = s
        # equal weights cancel in the mean: they are no weights

    @staticmethod
    def quadratic(A, c, penalty=None) -> Problem:
        """Return the problem of minimising w'Aw / 2 - c'w plus a penalty, which has no design.

        Parameters
        ----------
        A : array-like or sparse matrix of shape (p, p)
            Symmetric positive semidefinite.
        c : array-like of shape (p,)
        penalty : penalty object, optional
            Default: none.

        Returns
        -------
        Problem

        Examples
        --------
        >>> import sparseopt as so
        >>> problem = so.Problem.quadratic([[2.0, -1.0], [-1.0, 2.0]], [1.0, 0.0])
        >>> so.block_coordinate_descent(problem, block_size=2).coef.round(6)
        array([0.666667, 0.333333])
        """
        from ._quadratic_problem import QuadraticProblem
        from .losses.quadratic import Quadratic

        return QuadraticProblem(Quadratic(A, c), penalty)

    @property
    def total_weight(self) -> float:
        """Sum of the sample weights (n without weights)."""
        return float(self.design.n_samples if self.sample_weight is None else self.sample_weight.sum())

    def weighted(self, r):
        """Return s * r, or r itself without weights."""
        return r if self.sample_weight is None else self.sample_weight * r

    @cached_property
    def y_offset(self) -> float:
        """The best constant prediction: the weighted mean of y, or 0 without intercept."""
        if not self.fit_intercept:
            return 0.0
        if self.sample_weight is None:
            return float(np.mean(self.y))
        return float(np.average(self.y, weights=self.sample_weight))

    @cached_property
    def null_objective(self) -> float:
        """Objective at w = 0 with the best intercept: the scale of `tol`."""
        r = self.y - self.y_offset
        return float(0.5 * (r @ self.weighted(r)) / self.total_weight)

    def intercept(self, w) -> float:
        """Return the best b for these coefficients."""
        if not self.fit_intercept:
            return 0.0
        return float(np.average(self.y - self.design.matvec(w), weights=self.sample_weight))

    def objective(self, w, b=None) -> float:
        """Return the objective at (w, b); b None: the best one."""
        eta = self.design.matvec(w)
        if b is None:
            b = float(np.average(self.y - eta, weights=self.sample_weight)) if self.fit_intercept else 0.0
        return float(np.average(self.loss.values(self.y, eta + b), weights=self.sample_weight)) + self.penalty.value(w)

    def duality_gap(self, w) -> float:
        """Return an upper bound of objective(w) - minimum, in units of the objective, computed from X itself."""
        w = np.asarray(w, dtype=np.float64)
        total, r = self.total_weight, self.y - self.design.matvec(w)
        if self.fit_intercept:
            r -= np.average(r, weights=self.sample_weight)
        lam, mu = self.levels()
        primal = 0.5 * float(r @ self.weighted(r)) / total + self.penalty.value(w)
        if mu == 0.0 and np.ndim(lam):
            r = without_columns(self, r, np.flatnonzero(lam == 0.0))
        theta = self.weighted(r)
        centred = self.y - self.y_offset
        dual, _ = best_dual(self.design.rmatvec(theta), float(centred @ theta), float(r @ theta), lam, mu,
                            self.penalty.positive)
        return max(primal - dual / total, 0.0)

    def levels(self, alpha=None):
        """Return the levels (lam, mu) of the L1 and the ridge part in units of the summed loss."""
        alpha = self.penalty.alpha if alpha is None else alpha
        total, rho, omega = self.total_weight, self.penalty.l1_ratio, self.penalty.l1_weights()
        lam = total * alpha * rho
        return (lam if omega is None else lam * omega), total * alpha * (1.0 - rho)

    def alpha_max(self) -> float:
        """Return the smallest alpha at which every penalised coefficient is zero.

        Columns of weight zero are fitted first; with a ridge part, without it.
        """
        r = self.y - self.y_offset
        lam, _ = self.levels(alpha=1.0)
        if np.ndim(lam):
            r = without_columns(self, r, np.flatnonzero(lam == 0.0))
        c = self.design.rmatvec(self.weighted(r))
        if not np.all(np.isfinite(c)):
            j = int(np.argmin(np.isfinite(c)))
            raise InvalidProblemError(f"Input X contains NaN, infinity or a value too large, in column {j}")
        size = c if self.penalty.positive else np.abs(c)
        if np.ndim(lam):
            size = np.divide(size, lam, out=np.zeros_like(size), where=lam > 0.0)
            return float(size.max(initial=0.0))
        return float(size.max(initial=0.0) / lam)


def without_columns(problem: Problem, r, cols):
    """Return the residual of the weighted least-squares fit of r on unpenalised columns (and the intercept)."""
    if len(cols) == 0:
        return r
    unit = np.zeros(problem.design.n_features)
    X = np.empty((problem.design.n_samples, len(cols)))
    for k, j in enumerate(cols):
        unit[j] = 1.0
        X[:, k] = problem.design.matvec(unit)
        unit[j] = 0.0
    if problem.fit_intercept:
        X -= np.average(X, axis=0, weights=problem.sample_weight)
    root = 1.0 if problem.sample_weight is None else np.sqrt(problem.sample_weight)
    rooted = X * root[:, None] if np.ndim(root) else X
    if problem.penalty.positive:
        from scipy.optimize import nnls

        return r - X @ nnls(rooted, root * r)[0]
    return r - X @ np.linalg.lstsq(rooted, root * r, rcond=None)[0]
