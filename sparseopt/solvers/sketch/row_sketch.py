"""The sketch of a stream of rows."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_is_fitted, validate_data

from ..._threads import resolve_n_threads
from ..._validation import check_sample_weight, check_scalar
from ...exceptions import InvalidProblemError
from ._options import as_rows, as_targets, check_kind_and_size, draw_seed
from .kinds import apply_sketch, default_nonzeros
from .size import power_of_two, sketch_size


class RowSketch(BaseEstimator):
    r"""Random combinations of the rows of a matrix, made in one pass, in pieces if need be.

    ``sketch_`` is S X with a random matrix S of few rows and ``E[S' S] = I``. Rows are numbered through the whole
    data, and S depends on these numbers and the seed alone: chunks, threads and processes do not change it.

    Parameters
    ----------
    m : "auto" or int, default="auto"
        Rows of the sketch; "auto" takes :func:`sketch_size`, "blocksum" the next power of two.
    eps, delta : float
        Error and probability for ``m="auto"``.
    sketch : {"blocksum", "srht", "gaussian", "sjlt", "countsketch"}
        "blocksum": blocks of m rows, each with random signs, a Hadamard transform and random signs again, are added;
        fast and dense. "srht": rows of one Hadamard transform of everything. "gaussian": slow. "sjlt": a sparse S with
        `nonzeros` entries a column. "countsketch": one entry, which gives no guarantee for coefficients.
    nonzeros : "auto" or int
        For "sjlt". "auto" takes about the square root of m, which the guarantee needs.
    row_offset : int, default=0
        Number of the first row, where other processes hold the rows before.
    random_state : int, RandomState or None
    n_threads : int, optional
        As in :class:`Lasso`.

    Attributes
    ----------
    sketch_ : ndarray of shape (m, d)
    target_sketch_ : ndarray of shape (m,) or (m, k)
        When y was given.
    seed_ : int
    n_rows_ : int
        Rows seen.
    ranges_ : list of (int, int)
        Their numbers.
    n_features_in_ : int
        d.
    feature_names_in_ : ndarray of shape (d,)
        When X had names.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> X = np.random.default_rng(0).standard_normal((10_000, 5))
    >>> whole = so.RowSketch(m=1024, random_state=0).fit(X)
    >>> parts = so.RowSketch(m=1024, random_state=0).partial_fit(X[:3000]).partial_fit(X[3000:])
    >>> np.allclose(whole.sketch_, parts.sketch_)
    True
    >>> bool(np.linalg.norm(whole.sketch_.T @ whole.sketch_ - X.T @ X, 2) < 0.3 * np.linalg.norm(X.T @ X, 2))
    True
    """

    def __init__(self, m="auto", *, eps=0.5, delta=0.01, sketch="blocksum", nonzeros="auto", row_offset=0,
                 random_state=None, n_threads=None):  # fmt: skip
        self.m = m
        self.eps = eps
        self.delta = delta
        self.sketch = sketch
        self.nonzeros = nonzeros
        self.row_offset = row_offset
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X, y=None, sample_weight=None):
        """Sketch X, forgetting what was sketched before.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, d)
        y : array-like of shape (n,) or (n, k), optional
        sample_weight : array-like of shape (n,), optional
            Rows are multiplied by its square root.

        Returns
        -------
        self
        """
        for name in ("seed_", "sketch_", "target_sketch_", "ranges_", "n_rows_"):
            self.__dict__.pop(name, None)
        return self._add(X, y, sample_weight, least=1)

    def partial_fit(self, X, y=None, sample_weight=None):
        """Add the next rows.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; here X may have no rows.

        Returns
        -------
        self
        """
        if self.sketch == "srht" and hasattr(self, "sketch_"):
            raise InvalidProblemError("sketch='srht' needs all rows at once; use sketch='blocksum' for streams")
        return self._add(X, y, sample_weight)

    def merge(self, other):
        """Add the sketch of other rows, made with the same parameters and seed.

        Parameters
        ----------
        other : RowSketch

        Returns
        -------
        self
        """
        check_is_fitted(self)
        check_is_fitted(other)
        same = [("seed_", self.seed_, other.seed_), ("sketch", self.sketch, other.sketch),
                ("shape", self.sketch_.shape, other.sketch_.shape), ("nonzeros", self.nonzeros_, other.nonzeros_),
                ("targets", self._target_width(), other._target_width())]  # fmt: skip
        for name, mine, its in same:
            if mine != its:
                raise InvalidProblemError(f"sketches can be added only with the same {name}: {mine!r} and {its!r}")
        if self.sketch == "srht":
            raise InvalidProblemError("sketches of kind 'srht' are of all rows and cannot be added; use 'blocksum'")
        ranges = sorted(self.ranges_ + other.ranges_)
        for (_, stop), (start, _) in zip(ranges[:-1], ranges[1:], strict=True):
            if start < stop:
                raise InvalidProblemError(
                    f"row {start} is in both sketches: give each process its row_offset, or the errors are the same "
                    "ones and add up"
                )
        self.sketch_ = self.sketch_ + other.sketch_
        if self._target_width():
            self.target_sketch_ = self.target_sketch_ + other.target_sketch_
        self.ranges_ = _joined(ranges)
        self.n_rows_ += other.n_rows_
        return self

    def apply(self, X):
        """Return S X for other columns of the rows that were sketched.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, d)
            Its rows are numbered from `row_offset`.

        Returns
        -------
        ndarray of shape (m, d)
        """
        check_is_fitted(self)
        X = as_rows(X)
        return self._apply(X, None, int(self.row_offset))

    def _add(self, X, y, sample_weight, least=0):
        names, X = X, as_rows(X, least=least)
        n, d = X.shape
        Y = None if y is None else as_targets(y, n)
        weights = check_sample_weight(sample_weight, n)
        if not hasattr(self, "sketch_"):
            validate_data(self, names, skip_check_array=True)
            self._start(n, d, 0 if Y is None else Y.shape[1])
        else:
            validate_data(self, names, reset=False, skip_check_array=True)
        if (0 if Y is None else Y.shape[1]) != self._target_width():
            raise InvalidProblemError("give y with all chunks or with none, always with the same number of targets")
        row0 = self.ranges_[-1][1] if self.ranges_ else int(self.row_offset)
        scale = None if weights is None else np.sqrt(weights)
        part = self._apply(X, scale, row0)
        if not np.isfinite(part).all():  # a sum of signed rows hides no NaN and no infinity
            assert_all_finite(X.data if hasattr(X, "indptr") else X, input_name="X")
            raise InvalidProblemError("sums over the rows of X overflow: divide it by its largest magnitude")
        self.sketch_ = self.sketch_ + part
        if Y is not None:
            total = self._apply(Y, scale, row0)
            self.target_sketch_ = self.target_sketch_ + total.reshape(self.target_sketch_.shape)
        self.n_rows_ += n
        self.ranges_ = _joined([*self.ranges_, (row0, row0 + n)])
        return self

    def _start(self, n, d, k):
        check_kind_and_size(self.sketch, self.m, self.eps, self.delta)
        check_scalar("row_offset", self.row_offset, Integral, low=0, high=2**62)
        if self.nonzeros != "auto":
            check_scalar("nonzeros", self.nonzeros, int, low=1)
        m = sketch_size(d, self.eps, self.delta, max(1, k), self.sketch) if self.m == "auto" else int(self.m)
        if self.sketch == "blocksum":
            m = power_of_two(m)
        s = 1
        if self.sketch in ("sjlt", "countsketch"):
            s = default_nonzeros(self.sketch, m, d, self.delta, coordinates=True)
            if self.nonzeros != "auto" and self.sketch == "sjlt":
                s = int(self.nonzeros)
            if s > m:
                raise InvalidProblemError(f"nonzeros must be at most m = {m}, got {s}")
            m = -(-m // s) * s
        self.seed_ = draw_seed(self.random_state)
        self.nonzeros_ = s
        self.sketch_ = np.zeros((m, d))
        if k:
            self.target_sketch_ = np.zeros(m) if k == 1 else np.zeros((m, k))
        self.ranges_, self.n_rows_ = [], 0

    def _apply(self, X, scale, row0):
        total = row0 + X.shape[0]
        return apply_sketch(self.sketch, X, self.sketch_.shape[0], self.seed_, row0=row0, scale=scale, total=total,
                            nonzeros=self.nonzeros_, n_threads=resolve_n_threads(self.n_threads))  # fmt: skip

    def _target_width(self):
        target = getattr(self, "target_sketch_", None)
        return 0 if target is None else target.reshape(len(target), -1).shape[1]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "sketch_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _joined(ranges):
    """Return ranges with neighbours made one."""
    joined = []
    for start, stop in ranges:
        if start == stop:
            continue
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return joined
