"""Mean losses of linear predictors, one output or several; intercepts are kept at their best."""

from __future__ import annotations

import numpy as np

from ..._ext._bcd import add_rows
from ..._ext._forest import Graph
from ...exceptions import IncompatibleError
from ...problem.design import Standardized
from .columns import absolute_gram_sums, means_and_squares, rows_of, take
from .smooth import Move, Smooth

LARGEST_GRAPH = 5e7  # entries of X'X, counted with repetition, that are worth listing


class LinearSmooth(Smooth):
    """sum_i s_i loss(y_i, x_i'w + b) + ridge/2 ||w||^2 with one number eta_i a sample; s sums to one."""

    coupled = False

    def __init__(self, problem, ridge, x, n_threads=1):
        self.problem, self.loss, self.ridge, self.n_threads = problem, problem.loss, ridge, n_threads
        n = problem.design.n_samples
        weights = problem.sample_weight
        self.s = np.full(n, 1.0 / n) if weights is None else weights / weights.sum()
        self.quadratic = self.loss.name == "squared"
        mean, about = means_and_squares(problem.design, self.s)
        self.y = problem.y
        self.design = problem.design
        self.free_intercept = problem.fit_intercept and not self.quadratic
        squares = about + mean * mean
        if problem.fit_intercept and self.quadratic:
            # the best intercept is known in closed form: centre, and forget it
            self.design = Standardized(self.design, center=mean)
            self.y = self.y - self.s @ self.y
            squares = about
        self.outputs = 1 if self.y.ndim == 1 and not self.coupled else self._n_outputs()
        self.bounded = np.isfinite(self.loss.curvature)
        self._squares = squares
        self.curvature = np.repeat(self._entry_bound() * squares if self.bounded else squares, self.outputs) + ridge
        self.x = x
        self.b = 0.0
        self._held = (None, None)
        self._rows = None
        self._setup_increments()
        self.refresh()

    def _n_outputs(self):
        return self.y.shape[1]

    def _entry_bound(self):
        return self.loss.curvature

    @property
    def n_groups(self):
        return self.design.n_features if self.outputs > 1 else 0

    # ---------------------------------------------------------------- the point

    def _setup_increments(self):
        """Keep the gradient by increments where a step changes few of its entries."""
        self._g = None
        X = None
        if self.outputs == 1 and not self.free_intercept and not isinstance(self.design, Standardized):
            X = rows_of(self.design) if self.design.is_sparse else None
        if X is None:
            return
        n, p = X.shape
        row, col = X.nnz / n, X.nnz / p
        self.sparse_updates = row * col < p / 200.0
        if self.sparse_updates:
            self.touched_per_variable = row * col
            self._rows = X
            self._mark, self._list = np.zeros(p, dtype=np.int8), np.empty(p, dtype=np.intp)
            self._touched = None

    def refresh(self):
        self.eta = self.design.matvec(self.x) if self.outputs == 1 else self._full_image()
        self.eta = self.eta + self.b
        self._best_intercept()
        self.u = self._slopes(self.eta)
        self._g = None
        self._touched = None
        self.value = self._mean(self.eta) + 0.5 * self.ridge * float(self.x @ self.x)

    def _full_image(self):
        W = self.x.reshape(-1, self.outputs)
        return np.column_stack([self.design.matvec(np.ascontiguousarray(w)) for w in W.T])

    def _mean(self, eta):
        return float(self.s @ self.loss.values(self.y, eta))

    def _slopes(self, eta):
        u = self.loss.gradient(self.y, eta)
        return self.s * u if u.ndim == 1 else self.s[:, None] * u

    def _best_intercept(self):
        if self.free_intercept:
            shift = self.loss.best_intercept(self.y, self.eta, self.s)
            self.b = self.b + shift
            self.eta = self.eta + shift

    # ---------------------------------------------------------------- derivatives

    def gradient(self):
        if self._g is None:
            kernel = self.design.columns()
            if self.outputs == 1:
                g = kernel.rmatvec(np.ascontiguousarray(self.u), n_threads=self.n_threads)
            else:
                g = kernel.rmatmat(self.u, self.n_threads).T.ravel()
            self._g = np.ascontiguousarray(g) + self.ridge * self.x if self.ridge else np.ascontiguousarray(g)
        return self._g

    def _columns(self, b):
        """Return the dense columns of the features of a block, and where each variable of it finds its own."""
        if self._held[0] is not b:
            if self.outputs == 1:
                features, place = b, slice(None)
            else:
                features, place = np.unique(b // self.outputs, return_inverse=True)
            self._held = (b, (take(self.design, features), place))
        return self._held[1]

    def block_gradient(self, b):
        if self._g is not None:
            return self._g[b]
        X, place = self._columns(b)
        g = X.T @ self.u
        if self.outputs > 1:
            g = g[place, b % self.outputs]
        return g + self.ridge * self.x[b]

    def _weighted_gram(self, b, weights):
        X, place = self._columns(b)
        H = (X * weights[:, None]).T @ X
        return H if self.outputs == 1 else H[np.ix_(place, place)]

    def hessian(self, b):
        if self.outputs == 1:
            H = self._weighted_gram(b, self.s * self.loss.hessian(self.y, self.eta))
        else:
            H = self._by_class(b, self.loss.hessian(self.y, self.eta))
        H[np.diag_indices(len(b))] += self.ridge
        return H

    def _by_class(self, b, bend):
        """Return the Hessian of uncoupled outputs: blocks for variables of the same output."""
        X, place = self._columns(b)
        outputs = b % self.outputs
        H = np.zeros((len(b), len(b)))
        for k in np.unique(outputs):
            mine = np.flatnonzero(outputs == k)
            Z = X[:, place[mine]]
            H[np.ix_(mine, mine)] = (Z * (self.s * bend[:, k])[:, None]).T @ Z
        return H

    def bound(self, b):
        self._need_bound()
        H = self._weighted_gram(b, self.s)
        H *= self._coupling(b)
        H[np.diag_indices(len(b))] += self.ridge
        return H

    def _need_bound(self):
        if not self.bounded:
            raise IncompatibleError(
                f"loss {self.loss!r} has no Lipschitz constants; use update 'newton', 'backtrack', 'prox-newton' or "
                "'tmp', and selection 'gs' or 'gs-s' or one without scores"
            )

    def _coupling(self, b):
        """Return the factor of the Gram entries in the Hessian bound."""
        if self.outputs == 1:
            return self.loss.curvature
        outputs = b % self.outputs
        return self.loss.curvature * (outputs[:, None] == outputs)

    def sirt(self):
        self._need_bound()
        sums = absolute_gram_sums(self.design, self.s, self.n_threads)
        return np.repeat(self._coupling_sum() * sums, self.outputs) + self.ridge

    def _coupling_sum(self):
        return self.loss.curvature

    def product(self, d):
        image = self.design.columns().rmatvec(self.s * self.design.matvec(d), n_threads=self.n_threads)
        return self.loss.curvature * image + self.ridge * d

    # ---------------------------------------------------------------- moves

    def along(self, b, d):
        X, place = self._columns(b)
        if self.outputs == 1:
            image = X @ d
        else:
            D = np.zeros((X.shape[1], self.outputs))
            D[place, b % self.outputs] = d
            image = X @ D
        return Move(self, b, d, image, float(self.block_gradient(b) @ d))

    def value_along(self, move, a):
        value = self._mean(self.eta + a * move.image)
        if self.ridge:
            x, d = self.x[move.block], move.direction
            rest = float(self.x @ self.x) + a * float(d @ (2.0 * x + a * d))
            value += 0.5 * self.ridge * rest
        return value

    def commit(self, move, a=1.0):
        self.x[move.block] += a * move.direction
        self.eta = self.eta + a * move.image
        self._best_intercept()
        old, self.u = self.u, self._slopes(self.eta)
        self.value = self._mean(self.eta)
        if self.ridge:
            self.value += 0.5 * self.ridge * float(self.x @ self.x)
        if self.sparse_updates and self._g is not None:
            rows = np.flatnonzero(move.image)
            X = self._rows
            change = np.ascontiguousarray(self.u[rows] - old[rows])
            count = add_rows(X.indptr, X.indices, X.data, rows, change, self._g, self._mark, self._list)
            if self.ridge:
                self._g[move.block] += self.ridge * a * move.direction
            self._touched = self._list[:count]
        else:
            self._g = None
            self._touched = None

    def take_touched(self):
        touched, self._touched = self._touched, None
        return touched

    # ---------------------------------------------------------------- sparse Hessians

    def graph(self):
        X = rows_of(self.design)
        if X is None or self.outputs > 1 or self.free_intercept:
            raise IncompatibleError(self.not_sparse)
        if float(np.sum(np.diff(X.indptr).astype(float) ** 2)) > LARGEST_GRAPH:
            raise IncompatibleError(self.not_sparse)
        ones = X.copy()
        ones.data = np.ones_like(ones.data)
        return (ones.T @ ones).tocsr()

    def forest_solve(self, b, rhs):
        X = self.design.matrix[:, b].tocsr()
        weights = self.s * self.loss.hessian(self.y, self.eta)
        H = (X.T @ X.multiply(weights[:, None])).tocsr()
        if self.ridge:
            H = H + self.ridge * np.eye(len(b))
        H.sort_indices()
        out = np.array(rhs, dtype=np.float64).reshape(len(b), 1)
        Graph(H.indptr, H.indices).solve(np.asarray(H.data, dtype=np.float64), np.arange(len(b)), out)
        return out.ravel()

    def coef(self):
        return self.x.copy() if self.outputs == 1 else self.x.reshape(-1, self.outputs).copy()
