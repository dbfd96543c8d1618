"""Proximal Newton steps where rows lie on several ranks: few numbers are sent, in few messages.

Serial steps form second derivatives anew when these have changed, which here would send a Gram matrix. It is kept
instead, over steps and over alphas, and

- holds only entries that are, or want to be, different from zero; those that join send their rows of it;
- is corrected by the changes of the gradient (`_secants.py`), which are read anyway;
- is formed anew when steps get so slow that those still to come would send more; of the Huber loss, whose second
  derivatives jump between zero and a bound, it is that of the bound and never changes.

A step reads the gradient on the working set at its end before it is known to be taken: products, loss and slopes of the
intercepts are one message, and only a step that has to be cut costs more. Between certificates gaps are estimated from
the first two derivatives of the dual value in the multiple of the dual point.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._ext._gram_lasso import GramLasso
from ._newton_model import MAX_SUPPORT, minimise_on_gram
from ._secants import Secants
from .prox_newton import EASIER, FAR, HARDER, IDLE, LEAST_SHARE, LITTLE, LOST, STALE, STEPS, ProxNewton

NEAR = 0.9  # of a level: entries that are read at the end of a step
EAGER = 0.98  # of a level: entries that join the Gram matrix
MESSAGE = 100  # numbers that a message counts for, beside those that it has
USUAL = 2  # steps for an alpha that any matrix would need
PATIENCE = 6  # steps of which the last did not help
LAST = 3e-5  # of the gap that certifies: the least that is asked of steps, where coefficients have to be exact
ROUGH_END = 1e-6  # relative gap from which on models are solved to the last digit, where coefficients have to be exact
CUTS = 2.0 ** -np.arange(1.0, 31.0)
CENTRE_STEPS = 6  # Newton steps to the best intercept, from the last one


class SpreadNewton(ProxNewton):
    """The working set and a Gram matrix of some of its entries, which outlives both."""

    b: Any = 0.0  # before the first search

    def __init__(self, problem, n_threads, init=None):
        self.secants = Secants(problem.design.n_features * problem.n_outputs)
        super().__init__(problem, n_threads, init)

    def _empty(self):
        super()._empty()
        self.model.steady = self.problem.loss.name == "huber"
        self.secants.forget()

    def kept(self) -> dict:
        """Return what a fit needs, beside its coefficients, to go on from here as this one does."""
        facts = dict(members=self.members, b=self.b, formed=self.formed, fresh=self.fresh,
                     share=np.nan if self.share is None else self.share)  # fmt: skip
        if self.formed:
            w, b, share = self.origin
            facts |= dict(cols=self.model.cols, origin=w, origin_b=b, origin_share=share, spent=self.spent,
                          square=self.square, **self.secants.state())  # fmt: skip
        return facts

    def resume(self, kept) -> None:
        """Become the state that `kept` tells of, from that of its coefficients; the Gram matrix is formed anew."""
        super().resume(kept)
        self.b = np.array(kept["b"]) if self.several else float(kept["b"])
        self._derivatives()
        self.share = None if np.isnan(kept["share"]) else float(kept["share"])
        self.fresh, self.formed = bool(kept["fresh"]), bool(kept["formed"])
        if self.formed:
            self.origin = kept["origin"], kept["origin_b"], float(kept["origin_share"])
            eta = self.problem.design.matvec(kept["origin"].reshape(self.problem.coef_shape)) + kept["origin_b"]
            self.model.restart(eta, self.origin[2])
            self.model.extend(kept["cols"])
            self.spent, self.square = float(kept["spent"]), float(kept["square"])
            self.secants.restore(kept)

    def _start_set(self, support):
        """Read only what is near its level; the Gram matrix stays."""
        self.members = np.empty(0, dtype=np.intp)
        self.member[:] = False
        self.join(self._rows_of(np.union1d(support, self.secants.moved())))

    def _rows_of(self, entries):
        return self._whole_rows(entries) if self.rows else entries

    def screen(self) -> None:
        """Leave nothing out: a path certifies every alpha about once, with all columns."""

    def _near(self, entries, c, share):
        """Return which of some entries (all of a row together) have slopes of at least a share of their level."""
        lam = self._levels(entries)
        slope = c - self.mu * self.w[entries] if self.mu > 0.0 else c
        if not self.rows:
            return self._sizes(slope) >= share * lam
        return np.repeat(self._sizes(slope) >= share * lam[:: self.K], self.K)

    def _together(self, flags, entries):
        """Return flags of whole rows: set where any of the row is."""
        return np.repeat(flags.reshape(-1, self.K).any(axis=1), self.K) if self.rows else flags

    def _admit(self) -> int:
        """Let the most promising entries join; return how many violate their condition."""
        return super().select()

    def select(self) -> int:
        violators = self._admit()
        support = self.w[self.members] != 0.0
        keep = self._together(self._near(self.members, self.c[self.members], NEAR) | support, self.members)
        keep |= np.isin(self.members, self._rows_of(self.secants.moved()))
        self.member[self.members[~keep]] = False
        self.members = self.members[keep]
        every = np.arange(self.w.size)
        self.left_out = bool(np.any(self._near(every, self.c, 1.0) & ~self.member & self.usable))
        return violators

    def _unsettled(self, violators: int) -> bool:
        """Whether some that want to be different from zero are not in the set."""
        return self.left_out

    # the intercept

    def _center(self):
        """Find the best intercept from the last one, each Newton step with all that is to be known at its end."""
        if self.several or not self.problem.fit_intercept:
            eta = self.eta + self.b
            self.b = self.b + self.problem._best_intercept(eta)
            self._derivatives()
            return
        ranks, s = self.problem.ranks, self.problem.sample_weight
        for _ in range(CENTRE_STEPS):
            eta = self.eta + self.b
            u = self.loss.gradient(self.y, eta)
            su, bend = self.problem.weighted(u), self.problem.weighted(self.loss.hessian(self.y, eta))
            values = self.loss.values(self.y, eta)
            fit = float(values.sum() if s is None else values[s > 0.0] @ s[s > 0.0])
            up = float(su[su > 0.0].sum())
            slope, bend, up, fit = ranks.total((float(su.sum()), float(bend.sum()), up, fit))
            down = up - slope
            step = -slope / bend if bend > 0.0 else np.inf
            if abs(slope) <= 1e-16 * (up + down) or self.b + step == self.b:
                break
            if not abs(step) <= 1.0:
                break
            self.b += step
        else:
            step = np.inf
        if not abs(step) <= 1e-8:
            self.b = self.b + self.problem._best_intercept(self.eta + self.b)
        self._derivatives()

    def eta_offset(self):
        """Return the intercept, which was found for the predictions of these very coefficients."""
        return self.b

    # steps

    def improve(self, goal):
        """Newton steps on the working set until its gap is about `goal` (see the base class)."""
        exact, goal = not goal > 0.0, max(goal, LAST * self.target)
        members, self.moved, self.lost = self.members, False, False
        c, slope = self.c[members], np.zeros(self.K if self.problem.fit_intercept else 0)
        self.wanted = np.zeros(members.size, dtype=bool)
        left, share, idle, steps, lefts = self.gap, 1.0, 0, 0, []
        for _ in range(STEPS):
            if left <= goal or idle == IDLE or self.lost:
                break
            # a gap is of second order: near the end models are solved until nothing changes, where that is asked
            tol = -1.0 if exact and left <= ROUGH_END * self.null else max(self.model.inner * left, 0.1 * goal)
            found = self._step_on_gram(members, c, slope, share * tol)
            if found is None:
                if self.still and share > LEAST_SHARE:
                    share *= 1e-3  # the model is solved where it stands, to a gap that is too large
                elif not self.fresh or self.secants.kept:
                    self._renew()
                    share = 1.0
                elif share > LEAST_SHARE:
                    share *= 1e-3
                elif self.share < 1.0:
                    self.share, share = 1.0, 1.0
                    self._renew()
                else:
                    break
                continue
            gain, c, slope = found
            steps += 1
            fresh, self.fresh = self.fresh, False
            before, left = left, self._estimate(c, slope, members)
            progress = gain or left < 0.9 * before
            self.moved, idle = self.moved or progress, 0 if progress else idle + 1
            lefts.append(left)
            if steps > USUAL:
                self.spent += members.size + MESSAGE
            if left > max(goal, STALE * before):
                if fresh and share > LEAST_SHARE and self.cut == 1.0:
                    share *= 1e-3
                if self.cut < 0.25 or self._slow(lefts, goal):
                    self._renew()
        if steps:
            self.eta = self.problem.design.matvec(self.w.reshape(self.problem.coef_shape))  # without rounding of steps
            self._center()
            self.read = False

    def _slow(self, lefts, goal) -> bool:
        """Whether a new Gram matrix pays: it sends less than slow steps have sent, or would at the rate of the last."""
        if self.model.steady:
            return False
        k = int(np.count_nonzero(self.wanted))
        cost = 0.5 * k * k + 2 * MESSAGE
        if self.spent > cost:
            return True
        if len(lefts) < 3:
            return False
        rate = (lefts[-1] / lefts[-3]) ** 0.5
        if rate >= 1.0:
            return len(lefts) >= PATIENCE and lefts[-1] >= 0.9 * min(lefts[:-3])
        return (self.members.size + MESSAGE) * np.log(goal / lefts[-1]) < cost * np.log(rate)

    def _bounded(self, c, entries):
        """Return the sizes of slopes on some entries, and their bounds."""
        return np.maximum(self._sizes(c), 0.0), self._levels(entries)[:: self.K if self.rows else 1]

    def _estimate(self, c, slope, members) -> float:
        """Return about the gap of the problem restricted to the working set."""
        w = self.w[members]
        size, lam_here = self._bounded(c, members)
        over = np.divide(size, lam_here, out=np.zeros_like(size), where=lam_here > 0.0).max(initial=0.0)
        limit, cw = 1.0 / over if over > 1.0 else 1.0, float(c @ w)
        gap = self._penalty(w, members)
        # a gap may be of second order in what is missing: also what is of first order has to vanish
        short = np.abs(w) * np.abs(c - self._pull(w, members) - self.mu * w)
        if self.mu == 0.0:
            gap -= limit * cw - 0.5 * (1.0 - limit) ** 2 * self.square
        else:
            gap += min(0.5 * float(np.square(np.maximum(t * size - lam_here, 0.0)).sum()) / self.mu - t * cw
                       for t in (1.0, limit, 0.5 * (1.0 + limit)))
        if self.formed and slope.size:
            gap += 0.5 * float(slope @ np.linalg.pinv(self._mass()) @ slope)
        return max(gap, float(short[w != 0.0].sum()))

    def _pull(self, w, entries):
        """Return the slope of the penalty without its ridge part, zero for zero rows and entries."""
        lam = self._levels(entries)
        if not self.rows:
            return lam * np.sign(w)
        w = w.reshape(-1, self.K)
        size = np.linalg.norm(w, axis=1, keepdims=True)
        return lam * np.divide(w, size, out=np.zeros_like(w), where=size > 0.0).ravel()

    def _mass(self):
        """Return the block of the intercepts, of the model."""
        if not self.problem.fit_intercept:
            return np.zeros((0, 0))
        return np.linalg.pinv(self.model.root) if self.several else np.array([[self.model.mass]])

    def _centres(self):
        if not self.problem.fit_intercept:
            return np.zeros((0, self.model.cols.size))
        return self.model.root @ self.model.cross if self.several else self.model.center[self.model.cols][None, :]

    def _renew(self):
        """Forget the Gram matrix; the next step forms it of second derivatives here."""
        if self.model.steady and self.secants.kept:
            self.secants.forget()
            self.fresh = True
        else:
            self.formed = False

    def _places(self, members, c):
        """Let entries join that want to be different from zero; return places in the Gram matrix, and in the set."""
        self.wanted |= self._together(self._near(members, c, EAGER) | (self.w[members] != 0.0), members)
        if not self.formed:
            if self.share is None:
                self.share = self.model.first_share(self.eta + self.b)
            self.model.restart(self.eta + self.b, self.share)
            self.origin = self.w.copy(), self.b, self.share
            self.secants.forget()
            self.spent = 0.0
            self.square = self.model.square(self.theta)
            self.formed = self.fresh = True
        elif self.secants.kept:
            self.wanted |= np.isin(members, self._rows_of(self.secants.moved()))
        chosen = np.flatnonzero(self.wanted)
        place = np.full(self.w.size, -1, dtype=np.intp)
        place[self.model.cols] = np.arange(self.model.cols.size)
        new = members[chosen[place[members[chosen]] < 0]]
        if new.size:
            place[new] = self.model.cols.size + np.arange(new.size)
            self.model.extend(new)
        return place[members[chosen]], chosen

    def _minimise(self, B, entries, w, pull, tol):
        """Return the minimiser from w of the model B with gradient -pull there, and the penalty on some entries."""
        lam = self._levels(entries)
        if self.rows:
            return self.model.groups.minimise(B, w, pull, lam[:: self.K], self.mu, tol)
        return minimise_on_gram(GramLasso(MAX_SUPPORT), B, w, pull, self.square, lam, self.mu, self.positive, tol)

    def _step_on_gram(self, members, c, slope, tol):
        """Minimise the model, go as far as the objective falls; return (gain, c, slope) there, None without a step."""
        at, chosen = self._places(members, c)
        entries, C, M = members[chosen], self._centres()[:, at], self._mass()
        B, B0, B00 = self.secants.corrected(self.model.gram[np.ix_(at, at)], M, C, entries)
        pull = c[chosen] - slope @ C
        if slope.size:
            root = np.linalg.pinv(B00, hermitian=True)
            pull, B = pull - slope @ root @ B0, B - B0.T @ root @ B0
        w = self.w[entries]
        z = self._minimise(np.ascontiguousarray(B), entries, w, pull, tol)
        move = z - w
        self.still = not np.any(move)
        if self.still:
            return None
        full = np.zeros(self.model.cols.size)
        full[at] = move
        v = self.model.direction(full)
        change = np.zeros(self.K)
        if slope.size:
            aside = root @ (slope - B0 @ move)
            v, change = v + (aside if self.several else aside[0]), aside - C @ move
        now = self._penalty(w, entries)
        rising = -float(c[chosen] @ move) - float(slope @ change[: slope.size]) + self._penalty(z, entries) - now
        start = self.data_fit + now
        noise = 4.0 * np.finfo(float).eps * max(start, self.null)
        if not rising < noise:
            return None
        base, a = self.eta + self.b, 1.0
        fit, after_c, after_slope = self._look(base + v, members)
        after = fit + self._penalty(z, entries)
        if not after <= start + 1e-4 * min(rising, 0.0) + noise:
            trials = w + CUTS[:, None] * move
            s = self.problem.sample_weight
            fits = self.problem.ranks.total(np.array([self._local_sum(self.loss.values(self.y, base + t * v), s)
                                                      for t in CUTS]))
            good = [i for i, t in enumerate(CUTS) if fits[i] + self._penalty(trials[i], entries)
                    <= start + 1e-4 * t * min(rising, 0.0)]
            a = CUTS[good[0]] if good else 0.0
        self.cut = a
        self.lost = a < LOST and self.detour > FAR
        if a < 0.25:
            self.share = min(1.0, max(HARDER * self.share, 1e-3))
        elif a == 1.0 and self.share > 0.0 and self.fresh:
            self.share = EASIER * self.share if self.share > LITTLE else 0.0
        if a == 0.0:
            return None
        if a < 1.0:
            z = trials[good[0]]
            fit, after_c, after_slope = self._look(base + a * v, members)
            after = fit + self._penalty(z, entries)
        self.secants.add(entries, z - w, a * change[: slope.size], members, c, after_c, slope - after_slope)
        self.w[entries] = z
        self.b, self.data_fit = self.b + a * (change if self.several else change[0]), fit
        self.eta = base + a * v - self.b
        return after < start - noise, after_c, after_slope

    def _local_sum(self, values, s):
        return float(values.sum() if s is None else values[s > 0.0] @ s[s > 0.0])

    def _look(self, eta, members):
        """Return the loss, the products of the members and the slopes of the intercepts, in one message."""
        u = self.loss.gradient(self.y, eta)
        theta = np.ascontiguousarray(-self.problem.weighted(u))
        fit = self._local_sum(self.loss.values(self.y, eta), self.problem.sample_weight)
        K = self.K
        features, at = np.unique(members // K, return_inverse=True)
        self.count(features)
        ranks = self.problem.ranks
        columns = self.plain.local if ranks.several else self.plain
        if self.several:
            c = np.empty(members.size)
            for k in range(K):
                mine = np.flatnonzero(members % K == k)
                if mine.size:
                    each = columns.rmatvec(np.ascontiguousarray(theta[:, k]), features, n_threads=self.n_threads)
                    c[mine] = each[at[mine]]
            slopes = theta.sum(axis=0)
        else:
            c, slopes = columns.rmatvec(theta, members, n_threads=self.n_threads), [theta.sum()]
        square = theta.T * theta.T / (self.model.scale if self.several else self.model.d)
        packed = np.concatenate([c, np.atleast_1d(slopes), [square.sum(), fit]])
        packed = ranks.total(packed, "products") if ranks.several else packed
        self.square = float(packed[-2])
        slopes = packed[members.size : -2] if self.problem.fit_intercept else np.empty(0)
        return float(packed[-1]), packed[: members.size], slopes
