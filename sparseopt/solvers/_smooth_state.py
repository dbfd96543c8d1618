"""A point of a smooth loss with an L1, elastic-net or row-group penalty: its derivatives, certificate and result.

Everything is in units of the summed loss. Entry (j, k), feature j for output k, has the number j K + k.
"""

from __future__ import annotations

import numpy as np

from ..exceptions import InvalidProblemError
from ..problem._null_model import repair_dual
from ..problem.penalties import RowGroup
from ._scalar_losses import compiled_loss
from .result import Result

FLOOR = 64 * np.finfo(float).eps
SLACK = 1e-12  # of a level: what rounding may do to a screening test
KNOWN = 0.05  # products are not computed again when they are more than this share of those needed
WORTHWHILE = 0.7  # columns are left out when no more than this share of those read so far stay


class SmoothState:
    """The state between rounds, and between the alphas of a path.

    Attributes
    ----------
    w : ndarray of shape (p * K,)
    b : float or ndarray of shape (K,)
    c : ndarray of shape (p * K,)
        X'theta, theta minus the gradient of the summed loss; not up to date for columns that are screened out.
    gap, primal, passes : float
    proven : bool
        Whether the gap is a bound: it is an estimate where no dual point is orthogonal to unpenalised columns.
    by_kernel : bool
        Whether losses that have a compiled form are taken in it.
    """

    by_kernel = True

    def __init__(self, problem, n_threads, init=None):
        self.problem, self.loss, self.y = problem, problem.loss, problem.y
        self.n_threads = n_threads
        self.total = problem.total_weight
        self.null = problem.null_objective * self.total
        p = problem.design.n_features
        self.several = len(problem.eta_shape) > 1
        self.K = problem.n_outputs
        self.rows = self.several and isinstance(problem.penalty, RowGroup)
        self.positive = problem.penalty.positive
        self.w = np.zeros(p * self.K) if init is None else np.array(init).ravel()
        if self.positive:
            np.maximum(self.w, 0.0, out=self.w)
        self.noise = self._rounding()
        self.plain = problem.design.columns()
        self.compiled = compiled_loss(problem) if self.by_kernel else None
        self.passes = 1.0
        self.c = np.zeros(p * self.K)
        self.alive = None  # features that may be in the model: None for all
        self.read = False  # whether c belongs to the current point
        self.known = np.empty(0, dtype=np.intp)  # entries of c that do, although not all are read
        self.proven = True
        if init is None:
            self.eta, self.b = np.zeros(problem.eta_shape), problem.y_offset
            self._derivatives()
            self._norms()
            return
        self._norms()
        self.w[~self.usable] = 0.0
        self.eta = problem.design.matvec(self.w.reshape(problem.coef_shape))
        self.count(np.unique(np.flatnonzero(self.w) // self.K))
        self._center()

    def _rounding(self) -> float:
        """Return what rounding may leave of the objective at zero where the constant is right for every sample."""
        sizes = getattr(self.loss, "term_sizes", None)
        if sizes is None:
            return 0.0
        constant = np.full(self.problem.eta_shape, self.problem.y_offset)
        return 4.0 * np.finfo(float).eps * self._sum(sizes(self.y, constant))

    def tolerated(self, tol) -> float:
        """Return the gap that counts as none: `tol` of the objective at zero, or rounding."""
        return max(max(tol, FLOOR) * self.null, self.noise)

    def count(self, features) -> None:
        """Count a reading of these columns of X."""
        design = self.problem.design
        self.passes += design.column_counts(features) / max(design.n_stored, 1)

    def _norms(self):
        """Curvature of each feature: sum of s x^2 (about the mean) times that of the loss.

        The same reading of X gives X'theta at the start, when there is one output and a start at zero.
        """
        problem, s = self.problem, self.problem.sample_weight
        reference = 0 if s is None or not s.size else int(np.argmax(s > 0))
        at_zero = hasattr(self, "theta") and not self.several
        theta = self.theta if at_zero else np.zeros(problem.design.n_samples)
        with np.errstate(over="ignore", invalid="ignore"):
            means, squares, c = self.plain.moments(s, theta, reference, self.n_threads)
            if not problem.fit_intercept:
                squares = squares + self.total * means * means
        if not np.isfinite(squares).all():
            j = int(np.argmin(np.isfinite(squares)))
            raise InvalidProblemError(f"Input X contains NaN, infinity or a value too large, in column {j}")
        bound = self.loss.curvature
        self.bounded = np.isfinite(bound)
        if not self.bounded:
            bound = float(problem.ranks.mean(self.loss.hessian(self.y, np.zeros(problem.eta_shape)), s))
        self.curvature = squares * bound
        self.usable = squares > 0.0
        if self.K > 1:
            self.usable = np.repeat(self.usable, self.K)
        omega = self.weights()
        if omega is not None:
            self.usable &= np.repeat(np.isfinite(omega), self.K)
        if at_zero and (omega is None or np.all(omega > 0.0)):
            self.c, self.dual_u, self.read = np.where(self.usable, c, 0.0), self.u, True

    def weights(self):
        """Return the weights of the features in the penalty, or None when all are one."""
        return self.problem.penalty.l1_weights()

    def levels(self, alpha=None):
        """Return what `set_levels` takes for an alpha."""
        return self.problem.levels(alpha)

    def set_levels(self, lam, mu) -> None:
        """Take the levels of an alpha: every column may be in the model again."""
        self.lam, self.mu, self.even = lam, mu, np.ndim(lam) == 0
        every = np.arange(self.w.size)
        self.all_lam = np.where(self.usable, self._levels(every), np.inf)
        self.free = np.empty(0, dtype=np.intp)
        if not self.even and mu == 0.0:
            self.free = np.flatnonzero((self._levels(every) == 0.0) & self.usable)
        self.read, self.alive = self.read and self.alive is None, None

    def _center(self):
        """Find the best intercept for the current predictions without one, then the derivatives."""
        if self.compiled is None:
            self.b = self.problem._best_intercept(self.eta)
            self._derivatives()
        else:
            self._settle(*self.compiled.point(self.eta))

    def _settle(self, eta, u, theta, data_fit):
        """Take a point whose predictions hold their best intercept."""
        self.eta, self.b, self.u, self.theta, self.data_fit = eta, 0.0, u, theta, data_fit
        self.known = self.known[:0]

    def _derivatives(self):
        if self.compiled is not None:
            self._settle(*self.compiled.point(self.eta + self.b, shift=False))
            return
        eta = self.eta + self.b
        u = self.loss.gradient(self.y, eta)
        if self.problem.fit_intercept:
            u = self.loss.balance(self.y, u, self.problem.sample_weight, *self.problem._across)
        self.u, self.known = u, self.known[:0]
        self.theta = np.ascontiguousarray(-self.problem.weighted(u))
        self.data_fit = self._fit(eta)

    def _fit(self, eta) -> float:
        return self._sum(self.loss.values(self.y, eta))

    def _sum(self, values) -> float:
        """Sum over samples with their weights; what has no weight counts nothing even where it is infinite."""
        s = self.problem.sample_weight
        here = float(values.sum() if s is None else values @ s)
        if s is not None and not np.isfinite(here):
            here = float(values[s > 0.0] @ s[s > 0.0])
        return self.problem.ranks.total(here)

    def _levels(self, entries):
        """L1 levels of entries."""
        if self.even:
            return np.full(entries.size, float(self.lam))
        return self.lam[entries // self.K]

    def _sizes(self, values):
        """What is compared with the levels: norms of rows, or sizes of entries."""
        if self.rows:
            values = values.reshape(-1, self.K)
            return np.sqrt(np.einsum("jk,jk->j", values, values))
        return values if self.positive else np.abs(values)

    def _penalty(self, w, entries) -> float:
        if self.rows:
            l1 = float(self._levels(entries)[:: self.K] @ self._sizes(w))
        elif self.even:
            l1 = float(self.lam) * float(np.abs(w).sum())
        else:
            used = np.flatnonzero(w)  # levels may be infinite
            l1 = float(self._levels(entries[used]) @ np.abs(w[used]))
        return l1 + 0.5 * self.mu * float(w @ w) if self.mu > 0.0 else l1

    def _whole_rows(self, entries):
        return self.entries_of(np.unique(entries // self.K))

    def entries_of(self, features):
        """Return the entries of features, output after output."""
        if self.K == 1:
            return features
        return (features[:, None] * self.K + np.arange(self.K)).ravel()

    def _dual(self, c, lam, u=None):
        """Best dual value (a lower bound of the objective) for a dual point, given X'theta on entries."""
        u = self.u if u is None else u
        if self.compiled is not None:
            return self.compiled.dual(u, c, lam, self.mu, self.positive)
        return self._best_multiple(np.maximum(self._sizes(c), 0.0), lam[:: self.K] if self.rows else lam, u)

    def _best_multiple(self, size, lam, u):
        """Return the best dual value among multiples of u, given sizes and what bounds them, and the multiple."""
        over = np.divide(size, lam, out=np.zeros_like(size), where=lam > 0.0).max(initial=0.0)
        limit = 1.0 / over if over > 1.0 else 1.0

        def value(t):
            dual = -self._sum(self.loss.conjugate(self.y, t * u))
            if self.mu > 0.0:
                rest = np.maximum(t * size - lam, 0.0)
                dual -= 0.5 * float(rest @ rest) / self.mu
            return dual

        if self.mu == 0.0:
            return value(limit), limit
        candidates = {1.0, limit, 0.5 * (1.0 + limit)}
        return max((value(t), t) for t in candidates)

    def products(self, theta, features):
        """Return X'theta for all entries of some features (None: of all)."""
        if features is not None:
            self.count(features)
        else:
            self.passes += 1.0
        if not self.several:
            return self.plain.rmatvec(theta, features, n_threads=self.n_threads)
        if features is None:
            return self.plain.rmatmat(theta, n_threads=self.n_threads).T.ravel()
        each = [self.plain.rmatvec(np.ascontiguousarray(v), features, n_threads=self.n_threads) for v in theta.T]
        return np.stack(each, axis=1).ravel()

    def _alive_entries(self):
        return slice(None) if self.alive is None else self.entries_of(self.alive)

    def certify(self):
        """Read the columns of X that may be in the model once; set the gap."""
        at = self._alive_entries()
        if not self.read:
            self.dual_u, theta = self.u, self.theta
            if self.free.size:
                u = repair_dual(self.problem, self.eta + self.b, self.u, np.unique(self.free // self.K))
                self.proven = u is not None
                if self.proven:
                    self.dual_u, theta = u, np.ascontiguousarray(-self.problem.weighted(u))
            features, fresh = self._unknown(), at
            if features is not self.alive:
                fresh = features
            c = self.products(theta, features)
            self.c[fresh], self.read = np.where(self.usable[fresh], c, 0.0), True
        value, self.multiple = self._dual(self.c[at], self.all_lam[at], self.dual_u)
        support = np.flatnonzero(self.w)
        if self.rows:
            support = self._whole_rows(support)
        self.primal = self.data_fit + self._penalty(self.w[support], support)
        self.gap = max(self.primal - value, 0.0)
        if not self.proven:
            self.gap = max(self.primal - value + self._unfitted(self.free, self.c[self.free], self.multiple), 0.0)

    def _unknown(self):
        """Return the features to read for a certificate: without those whose products are known, if these are many."""
        if self.known.size <= KNOWN * (self.curvature.size if self.alive is None else self.alive.size):
            return self.alive
        unknown = np.zeros(self.curvature.size, dtype=bool)
        unknown[slice(None) if self.alive is None else self.alive] = True
        unknown[self.known] = False
        return np.flatnonzero(unknown)

    def _unfitted(self, entries, slope, multiple) -> float:
        """Estimate what steps on unpenalised entries would gain; the dual point is feasible only without any slope.

        Until then their products with it are no part of a bound either, and could make it exceed the objective.
        """
        if entries.size == 0:
            return 0.0
        w = self.w[entries]
        part = multiple * float(np.sum(np.maximum(w * slope, 0.0)))
        if self.positive:
            slope = np.where(w > 0.0, slope, np.maximum(slope, 0.0))
        return part + 0.5 * float(np.sum(slope * slope / self.curvature[entries // self.K]))

    def screen(self) -> None:
        """Leave out the features that the gap of this very dual point proves to be zero at the optimum.

        With f'' <= a in every direction, theta lies within sqrt(2 gap) of its optimum in the norm of 1 / (a s)
        (Ndiaye, Fercoq, Gramfort, Salmon, JMLR 18, 2017). Poisson has no such bound: nothing is screened then.
        """
        if not self.bounded or self.free.size:
            return
        at, features = self._alive_entries(), slice(None) if self.alive is None else self.alive
        size, lam = self._sizes(self.c[at]), self.all_lam[at]
        if self.K > 1 and not self.rows:
            size = size.reshape(-1, self.K).max(axis=1)
        reach = self.multiple * size + np.sqrt(2.0 * self.gap * self.curvature[features])
        keep = reach >= lam[:: self.K] * (1.0 - SLACK)
        if np.count_nonzero(keep) < WORTHWHILE * keep.size:
            keep |= np.any(self.w[at].reshape(-1, self.K) != 0.0, axis=1)
            self.alive = np.flatnonzero(keep) if self.alive is None else self.alive[keep]

    def complete(self) -> None:
        """Certify with every column: read those that were screened out."""
        if self.alive is not None:
            out = np.ones(self.curvature.size, dtype=bool)
            out[self.alive] = False
            out = np.flatnonzero(out)
            entries = self.entries_of(out)
            self.c[entries] = np.where(self.usable[entries], self.products(self.theta, out), 0.0)
            self.alive = None
            self.certify()

    def eta_offset(self):
        """The intercept, recomputed from X itself so that no rounding of the iterations stays in it."""
        if not self.problem.fit_intercept:
            return self.problem.intercept(self.w)
        self.count(np.unique(np.flatnonzero(self.w) // self.K))
        coef = self.w.reshape(self.problem.coef_shape)
        if self.compiled is None:
            return self.problem.intercept(coef)
        return self.compiled.shift(self.problem.design.matvec(coef))

    def _violations(self) -> float:
        slope = self.c - self.mu * self.w
        if self.free.size:  # the dual point was made orthogonal to these
            features = np.unique(self.free // self.K)
            slope[self.entries_of(features)] = self.products(self.theta, features)
        slope = slope.reshape(-1, self.K)
        w, lam = self.w.reshape(-1, self.K), self.all_lam.reshape(-1, self.K)
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.rows:
                size = np.sqrt(np.einsum("jk,jk->j", w, w))
                away = np.linalg.norm(slope - lam * w / size[:, None], axis=1)
                at_zero = np.maximum(np.linalg.norm(slope, axis=1) - lam[:, 0], 0.0)
                return float(np.where(size == 0.0, at_zero, away).max(initial=0.0))
            at_zero = np.maximum((slope if self.positive else np.abs(slope)) - lam, 0.0)
            return float(np.where(w == 0.0, at_zero, np.abs(slope - lam * np.sign(w))).max(initial=0.0))

    def result(self, n_iter, tol, history=()) -> Result:
        """The solution with its certificate, from the last certification."""
        problem = self.problem
        coef = self.w.reshape(problem.coef_shape)
        return Result(
            coef=coef,
            intercept=self.eta_offset(),
            converged=bool(self.gap <= self.tolerated(tol)),
            gap=self.gap / self.total if self.proven else float("nan"),
            objective=self.primal / self.total,
            null_objective=self.null / self.total,
            violation=self._violations() / self.total,
            n_iter=max(n_iter, 1),
            n_passes=self.passes,
            history=list(history),
            solver="prox_newton",
            relative_violation=float("nan") if self.proven else self.gap / (self.null or 1.0),
            certificate="gap" if self.proven else "violation",
        )
