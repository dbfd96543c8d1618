"""How good a fit is, provably: the duality gap and what it is measured against."""

from __future__ import annotations

import numpy as np

from .._ranks import ALONE, Ranks


def certificate(estimator, y, warned: bool, ranks: Ranks = ALONE) -> dict[str, object]:
    """Return objective, gap, relative gap, tolerance, convergence, iterations and passes.

    Parameters
    ----------
    estimator : fitted estimator
    y : ndarray
        The target that it was fitted to, of this rank.
    warned : bool
        Whether a ConvergenceWarning was given. It decides only where the estimator does not say
        itself, because it may come from another fold or another alpha than the final one.
    """
    facts = {
        "objective": _worst(estimator, "objective_"),
        "gap": _worst(estimator, "dual_gap_"),
        "violation": _worst(estimator, "violation_"),
        "n_iter": _worst(estimator, "n_iter_"),
        "n_passes": _worst(estimator, "n_passes_"),
        "tol": getattr(estimator, "tol", None),
    }
    facts = {name: value for name, value in facts.items() if value is not None}
    facts["converged"] = bool(getattr(estimator, "converged_", not warned))
    squared = not hasattr(estimator, "classes_") and getattr(estimator, "loss", "squared") in (None, "squared")
    if "gap" in facts and squared:
        null = np.atleast_1d(null_objective(estimator, y, ranks))
        gap = np.atleast_1d(np.asarray(estimator.dual_gap_, dtype=np.float64))
        relative = np.divide(gap, null, out=gap.copy(), where=null > 0)
        facts["null_objective"] = float(null.max())
        facts["relative_gap"] = float(relative.max())
    return facts


def null_objective(estimator, y, ranks: Ranks = ALONE) -> np.ndarray:
    """The objective at zero coefficients, one value a target (squared loss)."""
    y = np.asarray(y, dtype=np.float64)
    center = ranks.mean(y) if getattr(estimator, "fit_intercept", True) else 0.0
    return 0.5 * np.asarray(ranks.mean((y - center) ** 2))


def _worst(estimator, name: str):
    """The largest over targets, as a plain number."""
    value = getattr(estimator, name, None)
    if value is None or np.size(value) == 0:
        return None
    return np.max(value).item() if isinstance(value, np.ndarray | np.generic | list) else value
