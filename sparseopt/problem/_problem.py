"""The composite problem: design, target, loss, penalty, sample weights, intercept."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .._ranks import ALONE, Ranks
from ..exceptions import IncompatibleError, InvalidProblemError
from ._null_model import fit_unpenalised, repair_dual, without_columns
from .certificates import best_dual, dual_value
from .design import as_design
from .losses import as_loss
from .penalties import L1, ElasticNet


class Problem:
    r"""Minimise a weighted mean loss plus a penalty.

    .. math:: \min_{w, b} \frac{1}{\sum_i s_i} \sum_i s_i\, \ell(y_i, x_i^\top w + b) + g(w)

    A problem states facts; it never changes, and solvers never write to it.

    Parameters
    ----------
    design : Design or array-like of shape (n, p)
        See :func:`sparseopt.designs.as_design`. Not copied.
    y : array-like of shape (n,) or (n, K)
        Several columns for the squared loss only; what else a loss asks of y is in its documentation.
    loss : str or loss object, default="squared"
        "squared", "logistic", "multinomial", "poisson", "huber", or an object as in :mod:`sparseopt.losses`.
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

    Notes
    -----
    In the methods, `w` are coefficients of shape `coef_shape`, that is (p,) or (p, K), and `b` an intercept, a number
    or of shape (K,); None stands for the best one. `r` and `eta` hold one entry (or row) a sample.

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

    ranks: Ranks = ALONE
    _across: tuple = ()

    def __init__(self, design, y, loss="squared", penalty=None, sample_weight=None, fit_intercept=True):
        self.design = as_design(design)
        n, p = self.design.shape
        self.ranks = self.design.ranks
        if self.ranks.several:  # else a loss written by a user need not know about ranks
            self._across = (self.ranks,)
        if self.design.n_total == 0 or p == 0:
            raise InvalidProblemError(f"the design must have rows and columns, has shape {self.design.shape}")
        self.loss = as_loss(loss)
        self.y = self.loss.check_target(y, n)
        if self.ranks.several:
            self.loss = self.loss.settled(self.y, self.ranks)
        self.n_outputs = self.loss.n_outputs(self.y)
        self.eta_shape = self.loss.eta_shape(self.y)
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
            least, most = self.ranks.range(s)
            if not np.isfinite(most) or not least >= 0.0 or most == 0.0:
                raise InvalidProblemError("sample_weight must be finite, >= 0 and not all zero")
            if least < most:
                self.sample_weight = s
        # equal weights cancel in the mean: they are no weights
        if self.fit_intercept:
            self.loss.check_null(self.y, self.sample_weight, *self._across)

    @property
    def coef_shape(self) -> tuple[int, ...]:
        """(p,), or (p, K) where eta has K columns."""
        return (self.design.n_features, *self.eta_shape[1:])

    def check_range(self) -> None:
        """Raise InvalidProblemError when squares of y overflow."""
        with np.errstate(over="ignore", invalid="ignore"):
            r = self.y - self.y_offset
            if not np.isfinite(self.ranks.total(float(np.vdot(r, self.weighted(r))))):
                size = self.ranks.largest(np.abs(self.y))
                raise InvalidProblemError(f"y is too large: its squares overflow (largest size {size:.3g}); rescale y")

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

    @cached_property
    def total_weight(self) -> float:
        """Sum of the sample weights (n without weights)."""
        s = self.sample_weight
        return float(self.design.n_total if s is None else self.ranks.total(float(s.sum())))

    def weighted(self, r):
        """Return s * r, or r itself without weights."""
        if self.sample_weight is None:
            return r
        return self.sample_weight * r if r.ndim == 1 else self.sample_weight[:, None] * r

    @cached_property
    def y_offset(self):
        """The best constant prediction (in the unit of eta), or 0 without intercept; (K,) for K outputs."""
        if not self.fit_intercept:
            return 0.0 if len(self.eta_shape) == 1 else np.zeros(self.n_outputs)
        return self.loss.best_constant(self.y, self.sample_weight, *self._across)

    @property
    def _squared(self) -> bool:
        return self.loss.name == "squared"

    @property
    def _plain(self) -> bool:
        """Whether this is the one-output squared loss with an L1 or elastic-net penalty."""
        return self._squared and self.y.ndim == 1 and isinstance(self.penalty, ElasticNet)

    def mean_loss(self, eta) -> float:
        """Return the weighted mean loss at these predictions."""
        return float(self.ranks.mean(self.loss.values(self.y, eta), self.sample_weight))

    @cached_property
    def null_objective(self) -> float:
        """Objective at w = 0 with the best intercept: the scale of `tol`."""
        if not self._squared:
            return self.mean_loss(np.full(self.eta_shape, self.y_offset))
        r = self.y - self.y_offset
        return 0.5 * self.ranks.total(float(np.vdot(r, self.weighted(r)))) / self.total_weight

    def intercept(self, w):
        """Return the best b for these coefficients."""
        if not self.fit_intercept:
            return 0.0 if len(self.eta_shape) == 1 else np.zeros(self.n_outputs)
        return self._best_intercept(self.design.matvec(w))

    def _best_intercept(self, eta):
        if not self.fit_intercept:
            return 0.0 if eta.ndim == 1 else np.zeros(eta.shape[1])
        return self.loss.best_intercept(self.y, eta, self.sample_weight, *self._across)

    def predictor(self, w, b=None):
        """Return eta = X w + b; b None: the best one."""
        eta = self.design.matvec(w)
        return eta + (self._best_intercept(eta) if b is None else b)

    def objective(self, w, b=None) -> float:
        """Return the objective at (w, b); b None: the best one."""
        return self.mean_loss(self.predictor(w, b)) + self.penalty.value(w)

    def gradient(self, w, b=None):
        """Return the gradient of the mean loss in w, of the shape of w."""
        u = self.loss.gradient(self.y, self.predictor(w, b))
        return self.design.rmatvec(self.weighted(u)) / self.total_weight

    def violation(self, w, b=None) -> float:
        """Return the largest distance of minus the gradient to the subdifferential of the penalty.

        It is zero exactly at the stationary points, whether or not the problem is convex.
        """
        w = np.asarray(w, dtype=np.float64)
        u = self.weighted(self.loss.gradient(self.y, self.predictor(w, b)))
        distance = self.penalty.distance(w, self.design.rmatvec(u) / self.total_weight)
        if not self.fit_intercept:
            return float(np.max(distance, initial=0.0))
        slope = self.ranks.total(u.sum(axis=0))
        return max(float(np.max(distance, initial=0.0)), float(np.max(np.abs(slope))) / self.total_weight)

    def duality_gap(self, w, b=None) -> float:
        """Return an upper bound of objective(w, b) - minimum, in units of the objective, computed from X itself.

        b None: the best one. nan where no feasible dual point is known: for a penalty that is not convex, a loss
        without conjugate, or unpenalised columns with coefficients that must not be negative. `violation` judges those.
        """
        w = np.asarray(w, dtype=np.float64)
        total = self.total_weight
        if b is None and self._plain:
            return self._plain_gap(w)
        if not getattr(self.penalty, "convex", False) or not hasattr(self.penalty, "conjugate"):
            return np.nan
        eta = self.predictor(w, b)
        primal = self.mean_loss(eta) + self.penalty.value(w)
        u = self.loss.gradient(self.y, eta)
        if self.fit_intercept:
            u = self.loss.balance(self.y, u, self.sample_weight, *self._across)
        free = self.penalty.unpenalised()
        if free.size:
            if self.penalty.positive:
                return np.nan
            u = without_columns(self, u, free) if self._squared else repair_dual(self, eta, u, free)
            if u is None:
                return np.nan
        C = -self.design.rmatvec(self.weighted(u)) / total
        return max(primal - dual_value(self, u, C), 0.0)

    def _plain_gap(self, w) -> float:
        total, r = self.total_weight, self.y - self.design.matvec(w)
        if self.fit_intercept:
            r -= self.ranks.mean(r, self.sample_weight)
        lam, mu = self.levels()
        primal = 0.5 * self.ranks.total(float(r @ self.weighted(r))) / total + self.penalty.value(w)
        if mu == 0.0 and np.ndim(lam):
            r = without_columns(self, r, np.flatnonzero(lam == 0.0))
        theta = self.weighted(r)
        centred = self.y - self.y_offset
        y_theta, rr = self.ranks.total((float(centred @ theta), float(r @ theta)))
        dual, _ = best_dual(self.design.rmatvec(theta), y_theta, rr, lam, mu, self.penalty.positive)
        return max(primal - dual / total, 0.0)

    def levels(self, alpha=None):
        """Return the levels (lam, mu) of the L1 and the ridge part in units of the summed loss."""
        alpha = float(self.penalty.alpha if alpha is None else alpha)
        total, rho, omega = self.total_weight, self.penalty.l1_ratio, self.penalty.l1_weights()
        lam = total * alpha * rho
        return (lam if omega is None else lam * omega), total * alpha * (1.0 - rho)

    def alpha_max(self, two_sided: bool = False) -> float:
        """Return the smallest alpha at which every penalised coefficient is zero.

        Columns of weight zero are fitted first; with a ridge part, without it. `two_sided` takes coefficients as free
        although they must not be negative.
        """
        if not hasattr(self.penalty, "critical_alpha"):
            raise IncompatibleError(f"penalty {self.penalty!r} has no critical_alpha()")
        if self._plain:
            return self._plain_alpha_max(two_sided)
        free = self.penalty.free_at_zero()
        if self._squared:
            u = -without_columns(self, self.y - self.y_offset, free)
        else:
            u = self.loss.gradient(self.y, fit_unpenalised(self, free))
        C = -self.design.rmatvec(self.weighted(u)) / self.total_weight
        refuse_infinite(C)
        with np.errstate(over="ignore", invalid="ignore"):
            highest = self.penalty.critical_alpha(C)
        if np.isnan(highest) or np.isinf(highest) and np.abs(C).max() > 1e150:
            raise InvalidProblemError(
                f"X or y is too large: squares of X'y overflow (largest size {np.abs(C).max():.3g}); rescale them"
            )
        return highest

    def _plain_alpha_max(self, two_sided: bool) -> float:
        r = self.y - self.y_offset
        lam, _ = self.levels(alpha=1.0)
        if np.ndim(lam):
            r = without_columns(self, r, np.flatnonzero(lam == 0.0))
        c = self.design.rmatvec(self.weighted(r))
        if not np.all(np.isfinite(c)):
            self.check_range()
            refuse_infinite(c)
        size = c if self.penalty.positive and not two_sided else np.abs(c)
        if np.ndim(lam):
            size = np.divide(size, lam, out=np.zeros_like(size), where=lam > 0.0)
            return float(size.max(initial=0.0))
        return float(size.max(initial=0.0) / lam)


def refuse_infinite(C) -> None:
    """Raise InvalidProblemError when X'theta is not finite, naming the column."""
    bad = ~np.isfinite(C) if C.ndim == 1 else ~np.all(np.isfinite(C), axis=1)
    if bad.any():
        j = int(np.argmax(bad))
        raise InvalidProblemError(f"Input X contains NaN, infinity or a value too large, in column {j}")
