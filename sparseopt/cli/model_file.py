"""Model files: .npz archives of arrays and plain text; loading one cannot run code."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .failures import WrongUse
from .json_text import to_json
from .output import written_whole

_ARRAYS = ("coef", "intercept", "feature_names")
_TEXTS = ("estimator", "parameters", "certificate", "sparseopt_version")


@dataclass(frozen=True)
class Model:
    """What a model file holds.

    Attributes
    ----------
    coef : ndarray of shape (p,) or (t, p)
    intercept : ndarray of shape () or (t,)
    feature_names : list of str, or column numbers (a range, where none is left out)
    estimator : str
    parameters, certificate : dict
    sparseopt_version : str
    classes : ndarray, optional
        Labels, of a classifier.
    """

    coef: np.ndarray
    intercept: np.ndarray
    feature_names: Sequence
    estimator: str
    parameters: dict
    certificate: dict
    sparseopt_version: str
    classes: np.ndarray | None = None

    def predict(self, eta: np.ndarray) -> np.ndarray:
        """Turn ``X coef' + intercept`` into what is predicted: numbers, expected counts, or labels."""
        if self.classes is not None:
            one = eta.ndim == 1 or eta.shape[1] == 1
            return self.classes[(eta.ravel() > 0.0).astype(np.intp) if one else np.argmax(eta, axis=1)]
        return np.exp(eta) if self.parameters.get("loss") == "poisson" else eta


def save(path: Path, model: Model) -> None:
    """Write the file, whole or not at all. Unnamed features are stored as their numbers."""
    labels: dict[str, Any] = {} if model.classes is None else {"classes": model.classes}
    with written_whole(path) as file:
        np.savez_compressed(
            file,
            coef=model.coef,
            intercept=model.intercept,
            feature_names=np.asarray(model.feature_names),
            estimator=np.asarray(model.estimator),
            parameters=np.asarray(to_json(model.parameters, indent=None)),
            certificate=np.asarray(to_json(model.certificate, indent=None)),
            sparseopt_version=np.asarray(model.sparseopt_version),
            **labels,
        )


def load(path: Path) -> Model:
    """Read a file that `save` wrote; anything else is refused in one line."""
    if not path.is_file():
        raise WrongUse(f"{path}: no such model file")
    if not zipfile.is_zipfile(path):
        raise WrongUse(f"{path}: not a model file written by sparseopt fit; the model comes first, then the data")
    try:
        with np.load(path, allow_pickle=False) as archive:
            parts = {name: archive[name] for name in _ARRAYS + _TEXTS}
            classes = archive["classes"] if "classes" in archive else None
        texts = {name: str(parts[name].item()) for name in _TEXTS}
        parameters, certificate = json.loads(texts["parameters"]), json.loads(texts["certificate"])
    except Exception as error:  # numpy and zipfile raise a dozen types on broken archives
        reason = " ".join(str(error).split())[:150] or type(error).__name__
        raise WrongUse(f"{path}: not a model file written by sparseopt fit ({reason})") from error
    coef, intercept, names = (parts[name] for name in _ARRAYS)
    fits = (
        coef.dtype.kind == "f"
        and intercept.dtype.kind == "f"
        and coef.ndim in (1, 2)
        and intercept.shape == coef.shape[:-1]
        and coef.size
        and names.shape == coef.shape[-1:]
        and names.dtype.kind in "Uiu"
        and _labels_fit(classes, coef)
    )
    if not fits:
        raise WrongUse(f"{path}: not a model file written by sparseopt fit (its arrays disagree)")
    return Model(
        coef, intercept, _names(names), texts["estimator"], parameters, certificate,
        texts["sparseopt_version"], classes,
    )  # fmt: skip


def _labels_fit(classes, coef) -> bool:
    if classes is None:
        return True
    n_outputs = 1 if coef.ndim == 1 else coef.shape[0]
    wanted = (2,) if n_outputs == 1 else (n_outputs,)
    return classes.shape == wanted and classes.dtype.kind in "biufU"


def _names(stored: np.ndarray) -> Sequence:
    if stored.dtype.kind != "U" and np.all(np.diff(stored) == 1):
        return range(int(stored[0]), int(stored[0]) + stored.size)
    return stored.tolist()
