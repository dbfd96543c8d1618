"""How a block moves when the penalty has kinks or bounds: proximal gradient, proximal Newton, two-metric projection."""

from __future__ import annotations

import numpy as np

from ..._ext._bcd import prox_steps
from .blocks import factor, solve_block
from .line_search import ARMIJO, TRIALS
from .updates import EXACT_STEPS, Update

NEAR = 0.01  # a bound is near when its distance is below this share of the proximal step


class ProxUpdate(Update):
    """Base: proposals are new values z of the block."""

    def parts(self, b):
        penalty = self.state.penalty
        return penalty.lam[b], penalty.low[b], penalty.high[b]

    def judge(self, b, z):
        """Return (move, new objective) for the block going to z, in objectives with the penalty's change."""
        x = self.smooth.x[b]
        move = self.smooth.along(b, z - x)
        lam = self.state.penalty.lam[b]
        return move, move.value(1.0) + float(lam @ (np.abs(z) - np.abs(x)))

    def apply(self, b, index):
        move, step, _ = self.propose(b, index)
        if move is None or step == 0.0:
            return 0.0
        target = self.smooth.x[b] + move.direction if move.target is None else move.target
        self.smooth.commit(move, 1.0)
        self.smooth.x[b] = target  # exactly: zeros stay zeros, bounds stay bounds
        return step

    def target(self, move, z):
        move.target = z
        return move


class ProxGradient(ProxUpdate):
    """z = prox(x - g / L_b)."""

    def propose(self, b, index):
        lam, low, high = self.parts(b)
        x, g = self.smooth.x[b], self.smooth.block_gradient(b)
        L = self.state.lipschitz(b, index)
        d = prox_steps(x, g, np.full(len(b), L), lam, low, high)
        if not np.any(d):
            return None, 0.0, self.smooth.value
        z = np.clip(x + d, low, high)
        move, new = self.judge(b, z)
        return self.target(move, z), 1.0, new


class ProxNewton(ProxGradient):
    """z minimises the quadratic model of the block plus the penalty, with the metric scaled until it descends.

    Searching over the scale of the metric, not along the segment, keeps kinks and bounds exact.
    """

    def propose(self, b, index):
        lam, low, high = self.parts(b)
        x, g = self.smooth.x[b], self.smooth.block_gradient(b)
        H = self.smooth.hessian(b)
        alpha = 1.0
        for _ in range(1 if self.smooth.quadratic else TRIALS):
            z = solve_block(H / alpha, g, x, lam, low, high)
            d = z - x
            if not np.any(d):
                return None, 0.0, self.smooth.value
            move, new = self.judge(b, z)
            promised = float(g @ d) + float(lam @ (np.abs(z) - np.abs(x)))
            if new <= self.smooth.value + ARMIJO * min(promised, 0.0):
                return self.target(move, z), alpha, new
            alpha *= 0.5
        return self.fallback(b, index)

    def fallback(self, b, index):
        """Return the proximal gradient step, which always descends, where the loss has Lipschitz constants."""
        if not self.smooth.bounded:
            return None, 0.0, self.smooth.value
        move, step, new = ProxGradient.propose(self, b, index)
        return (move, step, new) if new < self.smooth.value else (None, 0.0, self.smooth.value)


class ProxExact(ProxNewton):
    """The minimiser over the block: one proximal Newton step on quadratics, else as many as gain something."""

    def propose(self, b, index):
        if self.smooth.quadratic:
            return super().propose(b, index)
        smooth, start = self.smooth, self.smooth.x[b].copy()
        first, z, best = smooth.value, start, smooth.value
        lam = self.state.penalty.lam[b]
        for _ in range(EXACT_STEPS):
            move, step, new = ProxNewton.propose(self, b, index)
            # `new` counts the change of the penalty from the current values of the block
            gain = smooth.value - new
            if step == 0.0 or gain <= 1e-15 * abs(first):
                break
            z = move.target
            smooth.commit(move, 1.0)
            smooth.x[b] = z
        best = smooth.value + float(lam @ (np.abs(z) - np.abs(start)))
        if z is start:
            return None, 0.0, smooth.value
        smooth.commit(smooth.along(b, start - z), 1.0)  # a proposal leaves the point where it was
        smooth.x[b] = start
        move, _ = self.judge(b, z)
        return self.target(move, z), 1.0, best


class TwoMetric(ProxNewton):
    """A Newton step on the coordinates free to move, a scaled gradient step on those about to be bound, projected.

    One linear solve in place of a block problem. Each coordinate stays in the orthant it is in, or moves into the one
    that its gradient points to; the projection sets to the kink or bound what would leave.
    """

    def propose(self, b, index):
        smooth = self.smooth
        lam, low, high = self.parts(b)
        x, g = smooth.x[b], smooth.block_gradient(b)
        L = np.ascontiguousarray(smooth.curvature[b])
        side = np.where(x != 0.0, np.sign(x), -np.sign(np.where(np.abs(g) > lam, g, 0.0)))
        slope = np.where((x != 0.0) | (np.abs(g) > lam), g + lam * side, 0.0)
        floor = np.where((lam > 0.0) & (side >= 0.0), np.maximum(low, 0.0), low)
        roof = np.where((lam > 0.0) & (side <= 0.0), np.minimum(high, 0.0), high)
        slope[((x <= floor) & (slope > 0.0)) | ((x >= roof) & (slope < 0.0))] = 0.0
        if not np.any(slope):
            return None, 0.0, smooth.value
        z = np.clip(x - slope / np.where(L > 0.0, L, 1.0), floor, roof)
        root = np.sqrt(np.where(L > 0.0, L, 1.0))
        reach = NEAR * float(np.linalg.norm(root * (z - x)))
        bound = ((z <= floor) & (root * (x - floor) <= reach)) | ((z >= roof) & (root * (roof - x) <= reach))
        bound &= slope != 0.0
        free = (slope != 0.0) & ~bound
        d = np.zeros(len(b))
        d[bound] = -slope[bound] / max(float(L[bound].sum()), 1e-300) if np.any(bound) else 0.0
        if np.any(free):
            H = smooth.hessian(b)
            d[free] = -factor(H[np.ix_(free, free)])(slope[free])
            # a coordinate that enters must move the way its slope says
            wrong = free & (d * slope > 0.0) & ((x <= floor) | (x >= roof))
            d[wrong] = 0.0
        alpha = 1.0
        for _ in range(TRIALS):
            z = np.clip(x + alpha * d, floor, roof)
            if not np.any(z != x):
                break
            move, new = self.judge(b, z)
            promised = float(slope @ (z - x))
            if new <= smooth.value + ARMIJO * promised and promised < 0.0:
                return self.target(move, z), alpha, new
            alpha *= 0.5
        return self.fallback(b, index)
