"""How well a model predicts rows that it was not fitted to."""

from __future__ import annotations

import numpy as np


def held_out(estimator, table) -> dict:
    """Score on the rows that were held back."""
    residual = table.y - estimator.predict(table.X)
    return {
        "n_samples": table.X.shape[0],
        "r2": float(estimator.score(table.X, table.y)),
        "mse": float(np.mean(residual**2)),
    }


def cross_validated(estimator, table, folds) -> dict:
    """Score by scikit-learn's cross-validation, for estimators without a CV form."""
    from sklearn.model_selection import cross_val_score

    values = cross_val_score(estimator, table.X, table.y, cv=folds)
    return {"n_folds": values.size, "r2": float(values.mean()), "r2_std": float(values.std())}


def chosen(estimator, n_folds: int) -> dict:
    """What a CV estimator chose and the error it saw there."""
    facts: dict[str, object] = {"n_folds": n_folds}
    for name in ("alpha", "l1_ratio"):
        if hasattr(estimator, f"{name}_"):
            facts[name] = float(getattr(estimator, f"{name}_"))
    if hasattr(estimator, "mse_path_"):
        facts["mse"] = float(np.mean(estimator.mse_path_, axis=-1).min())
    return facts
