"""Labels spread over a graph: a quadratic on the unlabelled nodes, solved by message passing on forests."""

from __future__ import annotations

import warnings
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._validation import check_compressed, check_option, check_scalar
from ..exceptions import ConvergenceWarning, InvalidProblemError
from ..solvers.bcd.message_passing import ForestSolver
from ..solvers.monitor import logger
from ._tables import validate_data

SMALLEST, LARGEST = 1e-140, 1e140  # entries between which squares of distances are numbers


class GraphLabelPropagation(ClassifierMixin, BaseEstimator):
    r"""Semi-supervised classification: labels spread along the edges of a graph.

    For every class, labelled nodes hold 1 (theirs) or 0, and the others minimise

    .. math:: \tfrac12 \sum_{i<j} W_{ij} (f_i - f_j)^2,

    so that each value is the weighted mean of its neighbours'. The systems are solved by message passing on forests
    that cover the graph, sweep after sweep, accelerated by conjugate gradients. For the plain block coordinate descent
    of [2]_ see :func:`sparseopt.block_coordinate_descent` with ``update="message"``.

    Parameters
    ----------
    n_neighbors : int, default=7
        Neighbours of a point in the graph, and those that vote in `predict`.
    affinity : {"knn", "precomputed"}, default="knn"
        "knn": the symmetrised graph of nearest neighbours, every edge of weight one. "precomputed": X is a symmetric
        matrix of non-negative weights, sparse or dense, whose diagonal does not matter; `predict` then takes the
        weights between new and fitted points.
    tol : float, default=1e-6
        A class is solved when the largest residual of its system is at most `tol` times that at zero.
    max_iter : int, default=1000
        Largest number of sweeps over the forests for a class.
    verbose : int, default=0
        0 silent, 1 or more: a log line for each class (logger "sparseopt").

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    label_distributions_ : ndarray of shape (n, n_classes)
        Share of each class in each fitted point; rows sum to one. Points that no label reaches have the shares of the
        classes among the labelled.
    transduction_ : ndarray of shape (n,)
        Class of each fitted point.
    violation_ : float
        The certificate: the largest residual of the systems, in units of `tol`'s scale.
    n_iter_ : int
        Sweeps, for all classes together.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        When X had names.

    Notes
    -----
    In `y`, -1 (or "-1" among strings) marks points without label. Only when fewer than two classes would remain is -1
    taken for a class and every point for labelled.

    References
    ----------
    .. [1] X. Zhu, Z. Ghahramani, J. Lafferty, "Semi-supervised learning using Gaussian fields and harmonic functions",
       ICML 2003.
    .. [2] J. Nutini, I. Laradji, M. Schmidt, "Let's make block coordinate descent converge faster", JMLR 23, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> X = np.array([[0.0], [1.0], [2.0], [8.0], [9.0], [10.0]])
    >>> model = so.GraphLabelPropagation(n_neighbors=1).fit(X, [0, -1, -1, 1, -1, -1])
    >>> model.transduction_
    array([0, 0, 0, 1, 1, 1])
    >>> model.predict([[3.0], [7.0]])
    array([0, 1])
    """

    def __init__(
        self, n_neighbors=7, *, affinity="knn", tol=1e-6, max_iter=1000, verbose=0,
    ):  # fmt: skip
        self.n_neighbors = n_neighbors
        self.affinity = affinity
        self.tol = tol
        self.max_iter = max_iter
        self.verbose = verbose

    def fit(self, X, y):
        """Spread the labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p), or (n, n) weights when precomputed
        y : array-like of shape (n,)
            Classes; -1 where there is no label.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            When a parameter or the data are not what they should be; the message says which and what is allowed.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` was reached before `tol`.
        """
        self._check_parameters()
        check_compressed("X", X)
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
        check_classification_targets(y)
        labelled = _labelled(y)
        self.classes_, codes = np.unique(y[labelled], return_inverse=True)
        if self.classes_.size < 2:
            raise InvalidProblemError(
                f"at least two classes must have labels, y has only one class: {self.classes_.tolist()}"
            )
        W = self._weights(X)
        known = np.zeros((len(y), self.classes_.size))
        known[labelled, codes] = 1.0
        self._solve(W, known, labelled)
        self.transduction_ = self.classes_[np.argmax(self.label_distributions_, axis=1)]
        return self

    def _check_parameters(self):
        check_scalar("n_neighbors", self.n_neighbors, Integral, low=1)
        check_option("affinity", self.affinity, ("knn", "precomputed"))
        check_scalar("tol", self.tol, Real, low=0.0, closed="neither")
        check_scalar("max_iter", self.max_iter, Integral, low=1)
        check_scalar("verbose", self.verbose, Integral, low=0)

    def _weights(self, X):
        """Return the symmetric weights between fitted points, without loops."""
        n = X.shape[0]
        if self.affinity == "knn":
            from sklearn.neighbors import NearestNeighbors  # loads half of scikit-learn

            values = X.data if sparse.issparse(X) else X
            largest = float(np.abs(values).max(initial=0.0))
            if largest > 0.0 and not SMALLEST < largest < LARGEST:
                raise InvalidProblemError(
                    f"X is too {'large' if largest > 1.0 else 'small'}: squares of distances leave the range "
                    f"of float64 (the largest entry is {largest:.3g}); rescale X"
                )
            k = min(int(self.n_neighbors), n - 1)
            self._index = NearestNeighbors(n_neighbors=max(k, 1)).fit(X)
            W = sparse.csr_array(self._index.kneighbors_graph())
            W = W + W.T
            W.data[:] = 1.0
            return sparse.csr_array(W)
        if X.shape[0] != X.shape[1]:
            raise InvalidProblemError(f"a precomputed affinity must be square, X has shape {X.shape}")
        W = sparse.csr_array(X, dtype=np.float64)
        if W.nnz and W.data.min() < 0.0:
            raise InvalidProblemError(f"a precomputed affinity must be >= 0, the smallest weight is {W.data.min()}")
        W = W - sparse.diags_array(W.diagonal())
        if abs(W - W.T).max() > 1e-10 * max(float(np.abs(W.data).max(initial=0.0)), 1e-300):
            raise InvalidProblemError("a precomputed affinity must be symmetric")
        W = sparse.csr_array(W)
        W.eliminate_zeros()
        return W

    def _solve(self, W, known, labelled):
        n, n_classes = known.shape
        shares = known.sum(axis=0) / labelled.sum()
        values = known.copy()
        values[~labelled] = shares
        _, component = sparse.csgraph.connected_components(W, directed=False)
        reached = np.isin(component, component[labelled])
        free = np.flatnonzero(~labelled & reached)
        self.n_iter_, self.violation_ = 1, 0.0
        if free.size:
            degree = np.asarray(W.sum(axis=1)).ravel()
            rows = W[free]
            A = sparse.csr_array(sparse.diags_array(degree[free]) - rows[:, free])
            sources = np.asarray(rows[:, np.flatnonzero(labelled)] @ known[labelled])
            solver = ForestSolver(A)
            self.n_iter_ = 0
            for k in range(n_classes - 1):  # the values of one point add to one: the last class follows
                scale = float(np.abs(sources[:, k]).max(initial=0.0)) or 1.0
                start = np.full(free.size, shares[k])
                values[free, k], rest, n_iter = solver.solve(sources[:, k], start, self.tol, int(self.max_iter), scale)
                self.n_iter_ += n_iter
                self.violation_ = max(self.violation_, rest / scale)
                if self.verbose:
                    logger.info("class %r: %d sweeps, residual %.2e", self.classes_[k], n_iter, rest / scale)
            values[free, -1] = 1.0 - values[free, : n_classes - 1].sum(axis=1)
            self.n_iter_ = max(1, self.n_iter_)
            self._warn()
        values = np.clip(values, 0.0, None)
        self.label_distributions_ = values / values.sum(axis=1, keepdims=True)

    def _warn(self):
        if self.violation_ > self.tol * (1.0 + 1e-9):
            warnings.warn(
                f"did not converge: the largest residual is {self.violation_:.2e} of that at zero, tol={self.tol:g} "
                f"was asked. Increase max_iter (now {self.max_iter}) or tol.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def predict_proba(self, X):
        """Return the shares of the classes, averaged over the nearest fitted points (closer ones count more).

        Parameters
        ----------
        X : array-like or sparse matrix of shape (m, p), or (m, n) weights when precomputed

        Returns
        -------
        ndarray of shape (m, n_classes)
            A fitted point gets its own shares.
        """
        check_is_fitted(self)
        check_compressed("X", X)
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32])
        values = self.label_distributions_
        if self.affinity == "precomputed":
            W = sparse.csr_array(X, dtype=np.float64)
            if W.nnz and W.data.min() < 0.0:
                raise InvalidProblemError(f"weights must be >= 0, the smallest is {W.data.min()}")
            total = np.asarray(W.sum(axis=1)).ravel()[:, None]
            mean = np.asarray(W @ values)
            return np.divide(mean, total, out=np.broadcast_to(values.mean(axis=0), mean.shape).copy(), where=total > 0)
        distance, near = self._index.kneighbors(X)
        same = distance[:, :1] <= 1e-12 * (1.0 + distance[:, -1:])
        with np.errstate(divide="ignore"):
            weight = np.where(same, distance <= 1e-12 * (1.0 + distance[:, -1:]), 1.0 / distance)
        weight = weight / weight.sum(axis=1, keepdims=True)
        return np.einsum("mk,mkc->mc", weight, values[near])

    def predict(self, X):
        """Return the class with the largest share.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (m, p), or (m, n) weights when precomputed

        Returns
        -------
        ndarray of shape (m,)
        """
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.pairwise = self.affinity == "precomputed"
        return tags


def _labelled(y):
    """Return which entries of y are labels."""
    if y.dtype.kind in "iuf":
        marked = y == -1
    elif y.dtype.kind in "US":
        marked = y == "-1"
    else:
        marked = np.array([value == -1 or value == "-1" for value in y], dtype=bool)
    if np.any(marked) and np.all(marked):
        raise InvalidProblemError("y holds no labels: all entries are -1, which marks points without label")
    if np.unique(y[~marked]).size < 2:  # then -1 must be a class
        marked = np.zeros(len(y), dtype=bool)
    return ~marked
