"""How far coefficients are from the exact ones, and when that is near enough."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from .preconditioner import UNIT

STATISTICAL = 0.05  # of a standard error
ACCEPTED = 10 * UNIT
WANTED = 4 * UNIT


@dataclass
class Certificate:
    """What the gradient at some coefficients says about their errors.

    Attributes
    ----------
    bound : ndarray of shape (p, k)
        Bounds of the errors of the coefficients.
    stderr : ndarray of shape (p, k)
        Estimated standard errors of least squares.
    gap : ndarray of shape (k,)
        Bound of the excess of the objective.
    backward_error : ndarray of shape (k,)
        Relative to the data: the coefficients solve a problem whose columns differ by no more.
    shift : ndarray of shape (p, k)
        Estimated error.
    spread : ndarray of shape (k,)
        Bound of the error of that estimate, along P' z for any fixed direction z, over the length of P' z.
    """

    bound: np.ndarray
    stderr: np.ndarray
    gap: np.ndarray
    backward_error: np.ndarray
    shift: np.ndarray
    spread: np.ndarray


class Judge:
    """Certificates and the stopping rule.

    Parameters
    ----------
    rows : Rows
    P : Preconditioner
    tol : "statistical", "machine" or float
    inflation : float
        Factor of the row lengths of P that makes the standard errors unbiased.
    delta : float
        Probability with which bounds of `corrected` may fail.
    """

    def __init__(self, rows, P, tol, inflation=1.0, delta=0.01):
        self.rows, self.P, self.tol, self.inflation, self.delta = rows, P, tol, inflation, delta
        self.degrees = rows.n_used - P.rank

    def size(self, x):
        """Return sqrt(||b||^2 + ||A||^2 ||x||^2) in scaled variables."""
        xs = np.einsum("ij,ij->j", x * self.P.scale[:, None], x * self.P.scale[:, None])
        return np.sqrt(self.rows.target_squares + self.P.norm**2 * xs)

    def stderr(self, rss):
        """Return estimated standard errors, NaN without degrees of freedom."""
        if self.degrees <= 0:
            return np.full((self.rows.p, len(rss)), np.nan)
        return self.inflation * self.P.row_norms()[:, None] * np.sqrt(np.maximum(rss, 0.0) / self.degrees)

    def spread(self, x, c, rss):
        """Return bounds, for c = P' A'(b - A x), of || P^-1 (x* - x - P c) ||; rounding included."""
        rounding = 4 * UNIT * (self.size(x) + self.P.cond * np.sqrt(np.maximum(rss, 0.0)))
        return self.P.distortion * np.linalg.norm(c, axis=0) + rounding

    def bound(self, x, c, rss):
        """Return bounds of |x - x*|; infinite where the columns are dependent."""
        if self.P.rank < self.rows.p:
            return np.full(x.shape, np.inf)
        return np.abs(self.P(c)) + self.P.row_norms()[:, None] * self.spread(x, c, rss)

    def gap(self, c):
        """Return bounds of the excess of the objective, in its units."""
        return 0.5 * (1.0 + self.P.distortion) * np.einsum("ij,ij->j", c, c) / self.rows.total_weight

    def backward_error(self, x, G, c, rss, *, exact=True):
        """Return the Karlson-Walden estimate (or a bound of it), relative to the norm of the scaled columns."""
        size = self.size(x)
        size[size == 0.0] = 1.0
        g = np.linalg.norm(G / self.P.scale[:, None], axis=0)
        tau = self.P.norm**2 * rss / size**2
        with np.errstate(divide="ignore", invalid="ignore"):
            by_tau = np.where(tau > 0.0, g / np.sqrt(tau), np.inf)
        lengths = np.minimum(np.linalg.norm(c, axis=0), by_tau) if self.P.rank == self.rows.p else by_tau
        result = np.where(g == 0.0, 0.0, lengths) / size
        if exact and np.any(result > WANTED):
            result = np.array([self.P.weigh(G[:, j], tau[j]) for j in range(x.shape[1])]) / size
        return result

    def near(self, x, c, rss):
        """Whether an iterate is good enough, judged from c alone."""
        lengths = np.linalg.norm(c, axis=0)
        if self.tol == "machine":
            return bool(np.all(lengths <= 2 * UNIT * self.size(x)))
        if self.tol == "statistical":
            if self.degrees <= 0 or self.P.rank < self.rows.p:
                return bool(np.all(lengths <= 4 * UNIT * self.size(x)))
            floor = 8 * UNIT * self.P.row_norms()[:, None] * (self.size(x) + self.P.cond * np.sqrt(np.maximum(rss, 0)))
            return bool(np.all(self.bound(x, c, rss) <= np.maximum(STATISTICAL * self.stderr(rss), floor)))
        floor = (16 * UNIT * self.size(x)) ** 2 / self.rows.total_weight
        wanted = 0.5 * self.tol * self.rows.null_squares / self.rows.total_weight
        return bool(np.all(self.gap(c) <= np.maximum(wanted, floor)))

    def judge(self, x, G, c, rss):
        """Return (certificate, whether it meets the tolerance)."""
        machine = self.tol == "machine"
        done = not machine and self.near(x, c, rss)
        backward = self.backward_error(x, G, c, rss, exact=machine or done)  # else nothing depends on it
        dependent = self.P.rank < self.rows.p
        spread = np.full(len(rss), np.inf) if dependent else self.spread(x, c, rss)
        result = Certificate(self.bound(x, c, rss), self.stderr(rss), self.gap(c), backward, self.P(c), spread)
        return result, bool(np.all(backward <= WANTED)) if machine else done

    def corrected(self, x, c, rss, law):
        """Return (x after one more step, its certificate, whether it meets the tolerance), without reading the data.

        With P from a sketch, K = (A P)' A P has its eigenvalues between (1 + rho)^-2 and (1 - rho)^-2, so that
        x + (1 - rho^2) P c is nearer than 2 rho ||c||, in || A . ||. Where `law` holds, what is left has a direction
        that does not depend on the columns: a coordinate of a random unit vector in p dimensions is at most
        sqrt(2 log(2 p k / delta) / p), for all coefficients and targets at once.
        """
        p, k = x.shape
        rho, t = self.P.rho, 2.0 * log(2.0 * p * k / self.delta)
        share = min(1.0, sqrt(t / p)) if law else 1.0
        lengths = np.linalg.norm(c, axis=0)
        away = 2.0 * rho * lengths
        rounding = 4 * UNIT * (self.size(x) + self.P.cond * np.sqrt(np.maximum(rss, 0.0)))
        per = (1.0 + min(rho, sqrt(t / self.P.sketched))) * self.P.row_norms()[:, None]
        bound, stderr = per * (share * away + rounding), self.stderr(rss)
        gap = 0.5 * (away + rounding) ** 2 / self.rows.total_weight
        x = x + (1.0 - rho**2) * self.P(c)
        size = self.size(x)
        size[size == 0.0] = 1.0
        spread = (1.0 + rho) * away + rounding
        certificate = Certificate(bound, stderr, gap, away / (1.0 - rho) / size, np.zeros_like(x), spread)
        if self.tol == "statistical":
            enough = np.maximum(STATISTICAL * stderr, 2.0 * per * rounding)
            return x, certificate, self.degrees > 0 and bool(np.all(bound <= enough))
        floor = (16 * UNIT * size) ** 2 / self.rows.total_weight
        wanted = 0.5 * self.tol * self.rows.null_squares / self.rows.total_weight
        return x, certificate, bool(np.all(gap <= np.maximum(wanted, floor)))

    def accepted(self, certificate, done):
        """Whether a certificate that can no longer be improved is good enough."""
        return done or (self.tol == "machine" and bool(np.all(certificate.backward_error <= ACCEPTED)))
