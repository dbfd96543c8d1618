"""Sparse dependency graphs: colourings, forests, and the orders in which they are built.

Variables i and j are neighbours when the Hessian entry (i, j) can be non-zero. A block without neighbours has a diagonal
Hessian (a colour); one without cycles is a forest, on which a linear system costs as much as writing it down.
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
