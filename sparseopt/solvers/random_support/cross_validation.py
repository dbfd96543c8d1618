"""Level, kind and size by cross-validation: both phases run anew on the training rows of every fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from joblib import Parallel, delayed

from .levels import fit_levels
from .predictor import predictor
from .prepare import unit_columns


def cross_validate(X, y, sample_weight, folds, center, rule, base, max_support, candidates, n_jobs, n_threads):
    """Return the candidates with their criterion replaced by the mean squared error on held-out rows.

    A model stands for "level, kind, size": what a fold selects at that level with that many columns is scored. A level
    that a fold does not reach is its last one. Models without a counterpart in some fold score infinity.
    """
    scored = Parallel(n_jobs=n_jobs, prefer="threads", require="sharedmem")(
        delayed(_fold)(X, y, sample_weight, train, test, center, rule, base, max_support, candidates, n_threads)
        for train, test in folds
    )
    errors, weights = np.array([e for e, _ in scored]), np.array([w for _, w in scored])
    means = errors.sum(axis=0) / weights.sum()
    return [replace(one, criterion=float(mean)) for one, mean in zip(candidates, means, strict=True)]


def _fold(X, y, sample_weight, train, test, center, rule, base, max_support, candidates, n_threads):
    """Return (weighted sum of squared errors for every candidate, weight of the held-out rows)."""
    weights = None if sample_weight is None else sample_weight[train]
    held = np.ones(len(test)) if sample_weight is None else sample_weight[test]
    if weights is not None and not np.any(weights > 0.0):
        return np.zeros(len(candidates)), 0.0
    unit = unit_columns(X[train], weights, center=center)
    target, mean = unit.vector(y[train], center)
    peeling, paths = fit_levels(unit, target, rule, base, max_support, n_threads)
    rows = unit.scaled(X[test])
    wanted = y[test] - mean
    errors, known = np.empty(len(candidates)), {}
    for i, one in enumerate(candidates):
        path = paths[min(one.level, len(paths) - 1)]
        key = (one.kind, path.level, min(one.size, len(path.order)), one.index)
        if key not in known:
            known[key] = np.inf
            index = one.index
            if one.kind != "lasso" or index < len(path.coefs):
                support = path.order[: key[2]]
                model = predictor(unit, peeling, path, target, one.kind, support, index)
                known[key] = float(np.sum(held * (model(rows.copy(order="F")) - wanted) ** 2))
        errors[i] = known[key]
    return errors, float(held.sum())
