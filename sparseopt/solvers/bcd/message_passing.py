"""Sparse dependency graphs: colourings, forests, and the orders in which they are built.

Variables i and j are neighbours when the Hessian entry (i, j) can be non-zero. A block without neighbours has a
diagonal Hessian (a colour); one without cycles is a forest, on which a linear system costs as much as writing it down.
"""

from __future__ import annotations

import numpy as np

from ..._ext._forest import Graph


class Dependencies:
    """The graph of the Hessian, checked once.

    Parameters
    ----------
    pattern : sparse matrix of shape (n, n)
        Symmetric CSR; only where entries are stored counts.
    """

    def __init__(self, pattern) -> None:
        self.graph = Graph(pattern.indptr, pattern.indices)
        self.n = pattern.shape[0]

    def colours(self, order) -> list:
        """Return blocks without neighbours: two where the graph is bipartite, else greedily in this order."""
        label = self.graph.two_colours()
        if label is None:
            label = self.graph.colours(order)
        return by_label(label)

    def forests(self, order) -> list:
        """Return blocks without cycles: each variable joins the first that accepts it."""
        return by_label(self.graph.forests(order))

    def tree(self, order, limit=None):
        """Return one maximal block without cycles that takes variables in this order, at most `limit` of them."""
        return self.graph.grow(order, -1 if limit is None else limit)

    def is_forest(self, block) -> bool:
        """Whether a block has no cycle."""
        return self.graph.is_forest(block)


def by_label(label) -> list:
    """Return the index arrays of equal labels, in the order of the labels."""
    order = np.argsort(label, kind="stable")
    ends = np.flatnonzero(np.diff(label[order])) + 1
    return np.split(order, ends)


def comb(row, column) -> list:
    """Return the two combs of a lattice: forests that together cover it and lie close to each other everywhere.

    Parameters
    ----------
    row, column : array-like of int, shape (n,)
        Where each variable lies; some nodes of the lattice may be missing.

    Returns
    -------
    list of two index arrays
        The first row and the even columns without their last node; and the rest.

    Examples
    --------
    >>> from sparseopt.solvers.bcd.message_passing import comb
    >>> comb([0, 0, 1, 1], [0, 1, 0, 1])
    [array([0, 1]), array([2, 3])]
    """
    row, column = np.asarray(row), np.asarray(column)
    first = (row == row.min()) | ((column % 2 == column.min() % 2) & (row < row.max()))
    return [np.flatnonzero(first), np.flatnonzero(~first)]


class ForestSolver:
    """Linear systems with a sparse positive definite matrix: conjugate gradients preconditioned by sweeps over forests.

    A sweep solves on every forest of a partition in turn, forwards and then backwards, which is symmetric. Block
    descent alone needs as many sweeps as labels must travel steps, squared; conjugate gradients take the root of that.

    Parameters
    ----------
    A : sparse matrix of shape (n, n)
        Symmetric positive definite CSR.
    """

    def __init__(self, A) -> None:
        self.A = A
        dependencies = Dependencies(A)
        self.graph = dependencies.graph
        # high degrees first: what is left then splits into few forests
        self.blocks = dependencies.forests(np.argsort(-A.diagonal(), kind="stable"))
        self.rows = [A[b].T.tocsr() for b in self.blocks]

    def sweep(self, r):
        """Return M r, where M is one forward and backward sweep from zero."""
        x, r = np.zeros_like(r), r.copy()
        for k in (*range(len(self.blocks)), *range(len(self.blocks) - 2, -1, -1)):
            b = self.blocks[k]
            step = np.ascontiguousarray(r[b]).reshape(-1, 1)
            self.graph.solve(self.A.data, b, step)
            step = step.ravel()
            x[b] += step
            r -= self.rows[k] @ step
        return x

    def solve(self, c, start, tol: float, max_iter: int, scale: float):
        """Return (x, largest residual, iterations) with residual at most tol * scale where that was reached.

        Parameters
        ----------
        c, start : ndarray of shape (n,)
        tol : float
        max_iter : int
        scale : float
        """
        x = start.copy()
        r = c - self.A @ x
        d, old, n_iter = np.zeros_like(x), 0.0, 0
        while n_iter < max_iter and np.abs(r).max(initial=0.0) > tol * scale:
            z = self.sweep(r)
            new = float(r @ z)
            d = z + (new / old if old else 0.0) * d
            image = self.A @ d
            bend = float(d @ image)
            if not bend > 0.0:
                break
            x += (new / bend) * d
            n_iter += 1
            if n_iter % 50 == 0:
                r = c - self.A @ x  # against rounding drift
            else:
                r -= (new / bend) * image
            old = new
        return x, float(np.abs(c - self.A @ x).max(initial=0.0)), n_iter
