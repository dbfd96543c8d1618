"""Quadratic functions 1/2 x'Ax - c'x with sparse or dense A; the gradient follows every step."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ..._ext._bcd import add_rows
from ..._ext._forest import Graph
from ...exceptions import IncompatibleError
from .smooth import Move, Smooth


class _Quadratic(Smooth):
    quadratic = True

    def __init__(self, problem, ridge, x):
        self.A, self.c, self.ridge = problem.A, problem.c, ridge
        self.x = x
        self.curvature = self.A.diagonal() + ridge
        self.refresh()

    def refresh(self):
        self.g = self.A @ self.x - self.c + self.ridge * self.x
        self.value = 0.5 * float(self.x @ (self.g - self.c))

    def gradient(self):
        return self.g

    def product(self, d):
        return self.A @ d + self.ridge * d

    def sirt(self):
        return np.asarray(abs(self.A).sum(axis=1)).ravel() + self.ridge

    def along(self, b, d):
        return Move(self, b, d, None, float(self.block_gradient(b) @ d))

    def _bend(self, move):
        raise NotImplementedError  # pragma: no cover - abstract

    def value_along(self, move, a):
        if move.image is None:
            move.image = self._bend(move)
        return self.value + a * move.slope + 0.5 * a * a * move.image


class DenseQuadratic(_Quadratic):
    """Dense A: the rows of a step are added to the gradient while the next scores are computed."""

    def __init__(self, problem, ridge, x):
        self._pending = (None, None)
        super().__init__(problem, ridge, x)

    def gradient(self):
        rows, steps = self.take_pending()
        if rows is not None:
            self.g += steps @ rows
        return self.g

    def take_pending(self):
        pending, self._pending = self._pending, (None, None)
        return pending

    def refresh(self):
        self._pending = (None, None)
        super().refresh()

    def hessian(self, b):
        H = self.A[np.ix_(b, b)]
        if self.ridge:
            H[np.diag_indices(len(b))] += self.ridge
        return H

    def _bend(self, move):
        return float(move.direction @ self.hessian(move.block) @ move.direction)

    def commit(self, move, a=1.0):
        value = self.value_along(move, a)
        self.gradient()
        step = a * move.direction
        self.x[move.block] += step
        if self.ridge:
            self.g[move.block] += self.ridge * step
        self._pending = (np.ascontiguousarray(self.A[move.block]), np.ascontiguousarray(step))
        self.value = value


class SparseQuadratic(_Quadratic):
    """Sparse A: a step costs the entries of its rows, and forests are solved by message passing."""

    def __init__(self, problem, ridge, x):
        super().__init__(problem, ridge, x)
        A = self.A
        self._graph = None
        self._mark = np.zeros(self.n, dtype=np.int8)
        self._list = np.empty(self.n, dtype=np.intp)
        self._touched = None
        self.touched_per_variable = A.nnz / self.n
        self.sparse_updates = True

    def _entries(self):
        return self.A.indptr, self.A.indices, self.A.data

    def graph(self):
        return self.A

    def hessian(self, b):
        H = self.A[b][:, b].toarray()
        if self.ridge:
            H[np.diag_indices(len(b))] += self.ridge
        return H

    def forest_solve(self, b, rhs):
        if self._graph is None:
            # a ridge needs the diagonal to be stored, so a stored matrix with it is kept
            self._shifted = sparse.csr_array(self.A + self.ridge * sparse.eye_array(self.n)) if self.ridge else self.A
            self._graph = Graph(self._shifted.indptr, self._shifted.indices)
        out = np.array(rhs, dtype=np.float64).reshape(len(b), -1)
        self._graph.solve(self._shifted.data, b, out)
        return out.ravel()

    def _bend(self, move):
        image = self.A[move.block] @ self._scatter(move)
        return float(move.direction @ image) + self.ridge * float(move.direction @ move.direction)

    def _scatter(self, move):
        full = np.zeros(self.n)
        full[move.block] = move.direction
        return full

    def commit(self, move, a=1.0):
        step = np.ascontiguousarray(a * move.direction)
        old = self.g[move.block].copy()
        indptr, indices, data = self._entries()
        count = add_rows(indptr, indices, data, move.block, step, self.g, self._mark, self._list)
        if self.ridge:
            self.g[move.block] += self.ridge * step
        self.x[move.block] += step
        # for a quadratic the change is the mean of the old and the new slope
        self.value += 0.5 * float(step @ (old + self.g[move.block]))
        self._touched = self._list[:count] if self._touched is None else None

    def take_touched(self):
        touched, self._touched = self._touched, None
        return touched

    def refresh(self):
        self._touched = None
        super().refresh()


def quadratic_smooth(problem, ridge, x):
    """Return the smooth part of a problem made by `Problem.quadratic`."""
    if not hasattr(problem, "A"):
        raise IncompatibleError("the quadratic loss needs a problem made by Problem.quadratic(A, c)")
    return (SparseQuadratic if sparse.issparse(problem.A) else DenseQuadratic)(problem, ridge, x)
