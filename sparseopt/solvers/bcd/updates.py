"""How a block moves when the objective is smooth: gradient, matrix, Newton, exact, message passing."""

from __future__ import annotations

import numpy as np

from .blocks import factor
from .line_search import backtrack

EXACT_STEPS = 50


class Update:
    """Base: an update proposes a move of a block, and `apply` takes it.

    Parameters
    ----------
    state : State
        What the driver shares: smooth part, penalty, partition.
    """

    def __init__(self, state) -> None:
        self.state, self.smooth = state, state.smooth

    def constants(self):
        """Return the Lipschitz constants of the fixed blocks, infinite for blocks that cannot move."""
        constants = self.state.block_constants()
        return np.where(constants > 0.0, constants, np.inf)

    def propose(self, b, index):
        """Return (move, step, new objective); the move is None when the block stays."""
        raise NotImplementedError  # pragma: no cover - abstract

    def apply(self, b, index) -> float:
        """Move a block; return the step length taken."""
        move, step, _ = self.propose(b, index)
        if move is None or step == 0.0:
            return 0.0
        self.smooth.commit(move, step)
        return step


class Gradient(Update):
    """d = -g / L_b with the global Lipschitz constant of the block."""

    def propose(self, b, index):
        g = self.smooth.block_gradient(b)
        L = self.state.lipschitz(b, index)
        if not L > 0.0 or not np.any(g):
            return None, 0.0, self.smooth.value
        move = self.smooth.along(b, -g / L)
        return move, 1.0, move.value(1.0)


class Backtrack(Update):
    """d = -g / L with a constant that each fixed block learns: doubled until progress is made, never lowered."""

    def __init__(self, state) -> None:
        super().__init__(state)
        # any valid constant is at least the largest of the coordinates, which for many losses is pessimistic
        largest = [float(np.max(self.smooth.curvature[b], initial=0.0)) for b in state.partition.blocks]
        self.learnt = np.maximum(np.array(largest) / 16.0, 1e-300)

    def constants(self):
        return self.learnt

    def propose(self, b, index):
        g = self.smooth.block_gradient(b)
        square = float(g @ g)
        if square == 0.0:
            return None, 0.0, self.smooth.value
        for _ in range(200):
            L = self.learnt[index]
            move = self.smooth.along(b, -g / L)
            new = move.value(1.0)
            if new <= self.smooth.value - 0.5 * square / L:
                return move, 1.0, new
            if 0.5 * square / L <= 1e-15 * abs(self.smooth.value):
                break  # rounding hides the progress
            self.learnt[index] *= 2.0
        return None, 0.0, self.smooth.value


class Matrix(Update):
    """d = -H_b^-1 g with the Hessian bound of the block: exact when the function is quadratic."""

    def __init__(self, state) -> None:
        super().__init__(state)
        self.factors: dict = {}

    def solver(self, b, index):
        if index is None:
            return factor(self.smooth.bound(b))
        if index not in self.factors:
            self.factors[index] = factor(self.smooth.bound(b))
        return self.factors[index]

    def propose(self, b, index):
        g = self.smooth.block_gradient(b)
        if not np.any(g):
            return None, 0.0, self.smooth.value
        move = self.smooth.along(b, -self.solver(b, index)(g))
        return move, 1.0, move.value(1.0)


class Newton(Matrix):
    """d = -(Hessian of the block)^-1 g with a line search; on quadratics the matrix update."""

    def direction(self, b, g):
        return -factor(self.smooth.hessian(b))(g)

    def propose(self, b, index):
        if self.smooth.quadratic:
            return super().propose(b, index)
        g = self.smooth.block_gradient(b)
        move = self.smooth.along(b, self.direction(b, g))
        step, new = backtrack(move.value, self.smooth.value, move.slope)
        return move, step, new


class Exact(Newton):
    """The minimiser over the block: the matrix update on quadratics, else Newton until nothing is gained."""

    def propose(self, b, index):
        if self.smooth.quadratic:
            return super().propose(b, index)
        start, total = self.smooth.x[b].copy(), np.zeros(len(b))
        held = self.smooth.x, self.smooth.value
        moves = []
        for _ in range(EXACT_STEPS):
            move, step, new = Newton.propose(self, b, index)
            if step == 0.0 or self.smooth.value - new <= 1e-15 * abs(held[1]):
                break
            self.smooth.commit(move, step)
            moves.append((move, step))
            total = self.smooth.x[b] - start
        new = self.smooth.value
        for move, step in reversed(moves):  # a proposal leaves the point where it was
            self.smooth.commit(self.smooth.along(b, move.direction), -step)
        if not moves:
            return None, 0.0, self.smooth.value
        return self.smooth.along(b, total), 1.0, new


class Message(Newton):
    """Newton on a forest: a linear system in time proportional to the block."""

    def direction(self, b, g):
        return -self.smooth.forest_solve(b, g)

    def propose(self, b, index):
        g = self.smooth.block_gradient(b)
        if not np.any(g):
            return None, 0.0, self.smooth.value
        move = self.smooth.along(b, self.direction(b, g))
        if self.smooth.quadratic:
            return move, 1.0, move.value(1.0)
        step, new = backtrack(move.value, self.smooth.value, move.slope)
        return move, step, new
