"""Model files: .npz archives of arrays and plain text; loading one cannot run code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
    """

    coef: np.ndarray
    intercept: np.ndarray
    feature_names: Sequence
    estimator: str
    parameters: dict
    certificate: dict
    sparseopt_version: str


def save(path: Path, model: Model) -> None:
    """Write the file, whole or not at all. Unnamed features are stored as their numbers."""
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
        )


def load(path: Path) -> Model:
    """Read a file that `save` wrote; anything else is refused in one line."""
    if not path.is_file():
        raise WrongUse(f"{path}: no such model file")
    try:
        with np.load(path, allow_pickle=False) as archive:
            parts = {name: archive[name] for name in _ARRAYS + _TEXTS}
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
    )
    if not fits:
        raise WrongUse(f"{path}: not a model file written by sparseopt fit (its arrays disagree)")
    return Model(
        coef, intercept, _names(names), texts["estimator"], parameters, certificate,
        texts["sparseopt_version"],
    )  # fmt: skip


def _names(stored: np.ndarray) -> Sequence:
    if stored.dtype.kind != "U" and np.all(np.diff(stored) == 1):
        return range(int(stored[0]), int(stored[0]) + stored.size)
    return stored.tolist()
