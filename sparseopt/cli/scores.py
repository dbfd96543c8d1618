"""How well a model predicts rows that it was not fitted to."""

from __future__ import annotations

import numpy as np

from .._ranks import ALONE, Ranks


def held_out(estimator, table, ranks: Ranks = ALONE) -> dict:
    """Score on the rows that were held back."""
    n = ranks.place(table.X.shape[0])[1]
    predicted = estimator.predict(table.X) if table.X.shape[0] else np.empty(np.shape(table.y))
    if hasattr(estimator, "classes_"):
        return {"n_samples": n, "accuracy": float(ranks.mean(predicted == table.y))}
    errors = np.asarray(ranks.mean((table.y - predicted) ** 2))
    spread = np.asarray(ranks.mean((table.y - ranks.mean(table.y)) ** 2))
    explained = np.where(spread > 0, 1.0 - errors / np.where(spread > 0, spread, 1.0), errors == 0)
    return {"n_samples": n, "r2": float(explained.mean()), "mse": float(errors.mean())}


def cross_validated(estimator, table, folds) -> dict:
    """Score by scikit-learn's cross-validation, for estimators without a CV form."""
    from sklearn.base import is_classifier
    from sklearn.model_selection import cross_val_score

    values = cross_val_score(estimator, table.X, table.y, cv=folds)
    name = "accuracy" if is_classifier(estimator) else "r2"
    return {"n_folds": values.size, name: float(values.mean()), f"{name}_std": float(values.std())}


def chosen(estimator, n_folds: int | None) -> dict:
    """What a CV estimator chose and the error it saw there; None folds: as many as it took by itself."""
    scored = np.asarray(getattr(estimator, "mse_path_", getattr(estimator, "score_path_", 0.0)))
    facts: dict[str, object] = {"n_folds": n_folds or (scored.shape[-1] if scored.ndim > 1 else None)}
    for name in ("alpha", "l1_ratio"):
        if hasattr(estimator, f"{name}_"):
            facts[name] = float(getattr(estimator, f"{name}_"))
    if hasattr(estimator, "mse_path_"):
        facts["mse"] = float(np.mean(estimator.mse_path_, axis=-1).min())
    if hasattr(estimator, "score_path_"):
        facts["score"] = float(np.mean(estimator.score_path_, axis=-1).max())
    return facts
