"""How well a model predicts rows that it was not fitted to."""

from __future__ import annotations

import numpy as np


def held_out(estimator, table) -> dict:
    """Score on the rows that were held back."""
    if hasattr(estimator, "classes_"):
        return {"n_samples": table.X.shape[0], "accuracy": float(estimator.score(table.X, table.y))}
    residual = table.y - estimator.predict(table.X)
    return {
        "n_samples": table.X.shape[0],
        "r2": float(estimator.score(table.X, table.y)),
        "mse": float(np.mean(residual**2)),
    }


def cross_validated(estimator, table, folds) -> dict:
    """Score by scikit-learn's cross-validation, for estimators without a CV form."""
    from sklearn.base import is_classifier
    from sklearn.model_selection import cross_val_score

    values = cross_val_score(estimator, table.X, table.y, cv=folds)
    name = "accuracy" if is_classifier(estimator) else "r2"
    return {"n_folds": values.size, name: float(values.mean()), f"{name}_std": float(values.std())}


def chosen(estimator, n_folds: int) -> dict:
    """What a CV estimator chose and the error it saw there."""
    facts: dict[str, object] = {"n_folds": n_folds}
    for name in ("alpha", "l1_ratio"):
        if hasattr(estimator, f"{name}_"):
            facts[name] = float(getattr(estimator, f"{name}_"))
    if hasattr(estimator, "mse_path_"):
        facts["mse"] = float(np.mean(estimator.mse_path_, axis=-1).min())
    if hasattr(estimator, "score_path_"):
        facts["score"] = float(np.mean(estimator.score_path_, axis=-1).max())
    return facts
