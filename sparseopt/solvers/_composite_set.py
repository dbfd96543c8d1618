"""A smooth loss plus any penalty on a set of columns: accelerated proximal-gradient steps that never rise."""

from __future__ import annotations

import numpy as np

from ..problem.penalties import Group

CHECK = 10  # steps between two looks at the certificate
ROUNDING = 2e-15  # of an objective, a sum of many terms
SMALLEST_STEP = 1e-18  # relative; a majorisation that fails even here is rounding


class Composite:
    """The problem as the proximal-gradient solver sees it: compiled products, centred when there is an intercept.

    With K outputs coefficients have shape (p, K), predictions (n, K) and the intercept (K,).

    Attributes
    ----------
    columns : compiled columns
    means, norms : ndarray of shape (p,)
        Weighted means, and mean squares of the (centred) columns.
    passes : float
        How many times X was read so far.
    """

    def __init__(self, problem, n_threads: int) -> None:
        self.problem, self.loss, self.penalty = problem, problem.loss, problem.penalty
        self.n_threads = n_threads
        s = problem.sample_weight
        self.share = (np.full(problem.design.n_samples, 1.0) if s is None else s) / problem.total_weight
        zeros = np.zeros(problem.design.n_samples)
        reference = 0 if s is None or not s.size else int(np.argmax(s > 0))
        plain = problem.design.columns()
        with np.errstate(over="ignore", invalid="ignore"):
            means, squares, _ = np.ascontiguousarray(plain.moments(s, zeros, reference, n_threads))
        norms = squares / problem.total_weight
        if not problem.fit_intercept:
            norms, means = norms + means * means, np.zeros_like(means)
        self.means, self.norms = means, norms
        self.columns = problem.design.columns(center=means if np.any(means) else None)
        self.passes = 1.0

    def count(self, cols) -> None:
        """Count a reading of these columns."""
        design = self.problem.design
        self.passes += design.column_counts(cols) / max(design.n_stored, 1)

    def predict(self, w, b):
        """Return X w + b."""
        rows = w.reshape(len(w), -1)
        support = np.flatnonzero(np.any(rows != 0.0, axis=1))
        out = np.empty((self.share.size, rows.shape[1]), order=self.columns.block_order)
        out[:] = b
        self.columns.subtract(support, -np.ascontiguousarray(rows[support].T), out, n_threads=self.n_threads)
        self.count(support)
        return out.ravel() if w.ndim == 1 else out

    def fit(self, eta) -> float:
        """Return the mean loss."""
        with np.errstate(over="ignore", invalid="ignore"):
            value = self.problem.ranks.total(float(self.share @ self.loss.values(self.problem.y, eta)))
        return value if np.isfinite(value) else np.inf

    def slope(self, eta):
        """Return the derivative of the mean loss in every prediction."""
        u = np.asarray(self.loss.gradient(self.problem.y, eta), dtype=np.float64)
        return np.ascontiguousarray(self.share * u if u.ndim == 1 else self.share[:, None] * u)

    def gradient(self, u, cols=None):
        """Return X'u on some columns, or on all."""
        if cols is None:
            self.passes += 1.0
        else:
            self.count(cols)
        if u.ndim == 1:
            return self.columns.rmatvec(u, cols, n_threads=self.n_threads)
        if cols is None:
            return np.ascontiguousarray(self.columns.rmatmat(u, n_threads=self.n_threads).T)
        each = [self.columns.rmatvec(np.ascontiguousarray(v), cols, n_threads=self.n_threads) for v in u.T]
        return np.stack(each, axis=1)

    def bend(self, eta) -> float:
        """Return a bound or, where the loss states none, an estimate of its second derivative."""
        stated = getattr(self.loss, "curvature", None)
        if stated is not None and np.isfinite(stated) and stated > 0.0:
            return float(stated)
        y, ranks = self.problem.y, self.problem.ranks
        h = 1e-4 * max(1.0, ranks.largest(np.abs(eta)))
        with np.errstate(over="ignore", invalid="ignore"):
            bends = np.abs(self.loss.gradient(y, eta + h) - self.loss.gradient(y, eta - h)) / (2.0 * h)
        most = ranks.largest(np.where(np.isfinite(bends), bends, 0.0))
        return most if most > 0.0 else 1.0

    def violations(self, w, g, step: float):
        """Return how far every coefficient (of several outputs: the worst) is from stationarity, as a gradient.

        The distance of minus the gradient to the subdifferential where the penalty states it; where it does not, or
        where it is not convex, (also) how far a proximal step of length `step` moves, over that length.
        """
        moved = by_feature(np.abs(np.asarray(self.penalty.prox(w - step * g, step)) - w) / step)
        if not hasattr(self.penalty, "distance"):
            return moved
        distance = by_feature(np.asarray(self.penalty.distance(w, g), dtype=np.float64))
        if isinstance(self.penalty, Group):  # one distance a group: it is that of each of its features
            distance = self.penalty.partition(w.shape[0]).spread(distance)
        return distance if getattr(self.penalty, "convex", False) else np.maximum(distance, moved)


def by_feature(values):
    """Return the largest value over outputs for every feature."""
    return values if values.ndim == 1 else values.max(axis=1)


class Steps:
    """Accelerated steps on some columns, from (w, b); the objective never rises.

    Attributes
    ----------
    step : float
        Length that the last majorisation allowed.
    """

    def __init__(self, composite: Composite, w, b, eta, step: float) -> None:
        self.c = composite
        self.w, self.b, self.eta, self.step = w, b, eta, step
        self.fit = composite.fit(eta)
        self.value = self.fit + composite.penalty.value(w)

    def run(self, cols, tol: float, max_steps: int) -> int:
        """Step until no coefficient among `cols` violates stationarity by more than `tol`; return the steps made."""
        c, fit_intercept, ranks = self.c, self.c.problem.fit_intercept, self.c.problem.ranks
        scale = max(float(c.norms[cols].mean()) if cols.size else 1.0, 1e-300)  # the intercept's step, in their units
        z, zb, ez, momentum = self.w, self.b, self.eta, 1.0
        for count in range(1, max_steps + 1):
            u = c.slope(ez)
            g = c.gradient(u, cols)
            gb = ranks.total(u.sum(axis=0)) if fit_intercept else np.zeros(u.shape[1:])
            at_z = c.fit(ez)
            while True:
                point = np.array(z)
                point[cols] -= self.step * g
                wn = z.copy()
                wn[cols] = np.asarray(c.penalty.prox(point, self.step), dtype=np.float64)[cols]
                bn = zb - self.step * scale * gb
                en = c.predict(wn, bn)
                d, db = wn[cols] - z[cols], bn - zb
                bound = at_z + float(np.vdot(g, d) + np.vdot(gb, db))
                bound += 0.5 * float(np.vdot(d, d) + np.vdot(db, db) / scale) / self.step
                fit = c.fit(en)
                if fit <= bound + 1e-14 * abs(at_z) or self.step * scale < SMALLEST_STEP:
                    break
                self.step *= 0.5
            value = fit + c.penalty.value(wn)
            rises = not value <= self.value + ROUNDING * abs(self.value)
            if rises and momentum > 1.0:  # extrapolated too far: go on from the last point
                z, zb, ez, momentum = self.w, self.b, self.eta, 1.0
                continue
            if rises:
                return count
            turned = float(np.vdot(z - wn, wn - self.w)) > 0.0
            following = 1.0 if turned else 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum) ** 0.5)
            beta = 0.0 if turned else (momentum - 1.0) / following
            z, zb, ez = wn + beta * (wn - self.w), bn + beta * (bn - self.b), en + beta * (en - self.eta)
            if not np.isfinite(c.penalty.value(z)):  # outside the domain, or too many coefficients
                z, zb, ez, following = wn, bn, en, 1.0
            moved = float(np.abs(wn - self.w).max(initial=0.0))
            self.w, self.b, self.eta, self.value, momentum = wn, bn, en, value, following
            if count % CHECK == 0 or moved == 0.0:
                full = np.zeros_like(self.w)
                u = c.slope(self.eta)
                full[cols] = c.gradient(u, cols)
                worst = c.violations(self.w, full, self.step)[cols].max(initial=0.0)
                loose = float(np.abs(ranks.total(u.sum(axis=0))).max()) * scale**0.5 if fit_intercept else 0.0
                if max(worst, loose) <= tol or moved == 0.0:
                    return count
                self.step *= 1.1  # losses flatten: let steps grow where the majorisation allows
        return max_steps
