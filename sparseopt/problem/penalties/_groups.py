"""A partition of the features into groups, from any of the forms that users write it in."""

from __future__ import annotations

from functools import lru_cache
from numbers import Integral

import numpy as np

from ..._ext._group_norms import norms
from ..._validation import short
from ...exceptions import InvalidProblemError

FORMS = "an array with one label per feature, a list of lists of column numbers, a group size, or None"


class Groups:
    """Every feature in exactly one group.

    Attributes
    ----------
    of : ndarray of intp, shape (p,)
        The number of each feature's group.
    order : ndarray of intp, shape (p,), or None
        Features sorted by group; None when they lie so already.
    starts : ndarray of intp, shape (n_groups + 1,)
        Group g has the features ``order[starts[g]:starts[g + 1]]``.
    sizes : ndarray of intp, shape (n_groups,)
    """

    def __init__(self, of, n_groups: int) -> None:
        self.of = of
        self.sizes = np.bincount(of, minlength=n_groups)
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.intp)
        self.order = None if np.all(of[1:] >= of[:-1]) else np.argsort(of, kind="stable")

    def __len__(self) -> int:
        return self.sizes.size

    def members(self, chosen):
        """Return the features of the chosen groups, group after group."""
        if self.sizes.size == self.of.size:
            at = self.starts[chosen]
        else:
            sizes = self.sizes[chosen]
            ends = np.cumsum(sizes)
            at = np.arange(sizes.sum()) + np.repeat(self.starts[chosen] - ends + sizes, sizes)
        return at if self.order is None else self.order[at]

    def total(self, values):
        """Return the sum over each group of values of shape (p,) or, over outputs too, (p, n_outputs)."""
        if values.ndim == 2:
            values = values.sum(axis=1)
        if self.order is not None:
            values = values[self.order]
        return values if self.sizes.size == values.size else np.add.reduceat(values, self.starts[:-1])

    def norms(self, values):
        """Return the Euclidean norm of each group, over outputs too."""
        if values.ndim == 2:
            if values.shape[1] > 1:
                values = norms(np.ascontiguousarray(values).ravel(), np.arange(0, values.size + 1, values.shape[1]))
            else:
                values = values[:, 0]
        if self.order is not None:
            values = values[self.order]
        return norms(np.ascontiguousarray(values, dtype=np.float64), self.starts)

    def spread(self, per_group, like=None):
        """Return the value of each feature's group, in a shape that meets `like` of shape (p,) or (p, n_outputs)."""
        values = per_group[self.of]
        return values if like is None or like.ndim == 1 else values[:, None]


def as_groups(groups, n_features: int) -> Groups:
    """Return the partition that `groups` describes.

    Parameters
    ----------
    groups : None, int, array-like of shape (p,) or list of lists of int
        None: every feature its own group. An integer: consecutive groups of that size. An array of labels (numbers or
        strings): groups in the order of the sorted labels. Lists of column numbers: groups in the order of the list.
    n_features : int

    Returns
    -------
    Groups

    Raises
    ------
    InvalidProblemError
        When a group is empty, or a column is in two groups or in none.
    """
    if groups is None:
        return _consecutive(1, n_features)
    if isinstance(groups, (bool, np.bool_, str, bytes, dict)):
        raise TypeError(f"groups must be {FORMS}, got {groups!r}")
    if isinstance(groups, Integral):
        if groups < 1 or n_features % groups:
            raise InvalidProblemError(
                f"groups={groups} must be a size >= 1 that divides the number of features, which is {n_features}"
            )
        return _consecutive(int(groups), n_features)
    try:
        listed = list(groups)
    except TypeError:
        raise TypeError(f"groups must be {FORMS}, got {groups!r}") from None
    if listed and all(isinstance(member, (list, tuple, range, np.ndarray)) and np.ndim(member) == 1
                      for member in listed):  # fmt: skip
        return _from_lists(listed, n_features)
    return _from_labels(groups, n_features)


@lru_cache(maxsize=2)  # checks and solvers ask for the same ones; nothing changes them
def _consecutive(size, n_features):
    return Groups(np.arange(n_features) // size, n_features // size)


def _from_labels(groups, n_features):
    try:
        labels = np.asarray(groups)
    except ValueError:
        labels = np.empty((0, 0))
    if labels.ndim != 1 or labels.dtype.kind == "c":
        raise InvalidProblemError(f"groups must be {FORMS}, got {short(groups)}")
    if labels.size != n_features:
        raise InvalidProblemError(
            f"groups has {labels.size} labels for {n_features} features; one per feature is needed: {short(groups)}"
        )
    if labels.dtype.kind == "f" and np.any(np.isnan(labels)):
        raise InvalidProblemError(f"groups has no label (NaN) for column {int(np.argmax(np.isnan(labels)))}")
    try:
        names, of = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise InvalidProblemError(f"groups mixes labels that cannot be compared: {short(groups)}") from error
    return Groups(of.astype(np.intp, copy=False), names.size)


def _from_lists(listed, n_features):
    of = np.full(n_features, -1, dtype=np.intp)
    for g, member in enumerate(listed):
        cols = np.asarray(member)
        if cols.size == 0:
            raise InvalidProblemError(f"groups[{g}] is empty; every group needs at least one column")
        if cols.dtype.kind not in "iu":
            raise InvalidProblemError(f"groups[{g}] must hold column numbers (integers), got {short(member)}")
        outside = (cols < 0) | (cols >= n_features)
        if outside.any():
            raise InvalidProblemError(
                f"groups[{g}] names column {cols[outside][0]}, which is outside 0..{n_features - 1}"
            )
        values, counts = np.unique(cols, return_counts=True)
        if counts.max() > 1:
            raise InvalidProblemError(f"groups[{g}] names column {values[np.argmax(counts)]} twice")
        taken = of[cols] >= 0
        if taken.any():
            j = cols[taken][0]
            raise InvalidProblemError(f"groups overlap: column {j} is in groups[{of[j]}] and in groups[{g}]")
        of[cols] = g
    if np.any(of < 0):
        missing = np.flatnonzero(of < 0)
        raise InvalidProblemError(
            f"groups leave out {missing.size} of {n_features} columns, the first is {missing[0]}; every column must be "
            "in a group"
        )
    return Groups(of, len(listed))
