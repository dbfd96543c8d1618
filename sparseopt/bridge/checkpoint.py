"""Finished layers on disk, so that an interrupted run goes on where it stopped. Loading them runs no code."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .gram import Gram
from .single import LayerResult

_NUMBERS = ("relerr", "relerr_mask", "stationarity", "objective", "lower_bound", "n_iter", "converged")


class Checkpoint:
    """A folder with one .npz file for each finished layer; None keeps nothing.

    A file counts only for the same weights, moments and settings, which its name holds a digest of.
    """

    def __init__(self, folder: str | Path | None, settings: dict[str, Any]) -> None:
        self.folder = None if folder is None else Path(folder)
        self.text = json.dumps(settings, sort_keys=True, default=str)
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = f"checkpoint must be a folder that can be written, got {str(folder)!r} ({error.strerror})"
                raise ValueError(reason) from error

    def path(self, name: str, W: np.ndarray, gram: Gram, k: int) -> Path | None:
        """Return the file of a layer."""
        if self.folder is None:
            return None
        digest = hashlib.sha256(f"{self.text}|{name}|{k}".encode())
        for array in (W, gram.matrix, gram.cross):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return self.folder / f"{digest.hexdigest()[:32]}.npz"

    def load(self, path: Path | None) -> LayerResult | None:
        """Return what a file holds, or None when there is none or it is damaged."""
        if path is None or not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as archive:
                numbers = json.loads(str(archive["numbers"].item()))
                factors = (archive["left"], archive["right"]) if "left" in archive else None
                return LayerResult(W=archive["W"], mask=archive["mask"], factors=factors, **numbers)
        except Exception:  # a file cut short by what interrupted the run: solve the layer again
            return None

    def save(self, path: Path | None, result: LayerResult) -> None:
        """Write a file, whole or not at all."""
        if path is None:
            return
        numbers = json.dumps({name: getattr(result, name) for name in _NUMBERS})
        arrays: dict[str, Any] = {"W": result.W, "mask": result.mask, "numbers": np.asarray(numbers)}
        if result.factors is not None:
            arrays |= {"left": result.factors[0], "right": result.factors[1]}
        part = path.with_suffix(f".{os.getpid()}.part")
        with open(part, "wb") as file:
            np.savez(file, **arrays)
        os.replace(part, path)
