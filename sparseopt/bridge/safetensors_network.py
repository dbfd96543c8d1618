"""Networks in safetensors files, which hold arrays and no architecture: the user says how they are connected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import InvalidProblemError
from .numpy_network import ACTIVATIONS, ArraysNetwork, check_rows
from .saving import load


class SafetensorsNetwork(ArraysNetwork):
    """The arrays of a file, dense or as `save` wrote them.

    Parameters
    ----------
    path : str or Path
    layers : list of tuple, or list of str, optional
        Tuples ``(weight, bias, activation)`` with the names of two arrays, of which the bias may be None, and an
        activation as in a list of layers: a feed-forward network. Names: which arrays are layers, see ``forward``.
    forward : callable, optional
        ``forward(arrays, batch, record)``, as for a dict of arrays. Without it and without tuples the network cannot
        run, and takes Grams for calibration data.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from sparseopt.bridge import as_network
    >>> from sparseopt.bridge.safetensors_file import write_safetensors
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_safetensors(f"{folder}/net.safetensors", {"w": np.array([[1.0, -1.0]]), "b": np.array([0.5])})
    ...     network = as_network(f"{folder}/net.safetensors", layers=[("w", "b", "relu")])
    >>> network.outputs(np.array([[2.0, 1.0]]))
    array([[1.5]])
    """

    def __init__(self, path: str | Path, layers: Sequence | None = None, forward: Callable | None = None) -> None:
        arrays = {name: _wide(array) for name, array in load(path).items()}
        names: Any = layers
        if layers is not None and any(not isinstance(entry, str) for entry in layers):
            if forward is not None:
                raise ValueError("give layers as tuples or forward=, not both")
            chain = [_checked(arrays, number, entry) for number, entry in enumerate(layers)]
            names, forward = [weight for weight, _, _ in chain], _runner(chain)
        super().__init__(arrays, forward=forward, layers=names)


def _wide(array: NDArray) -> NDArray:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _checked(arrays: dict[str, NDArray], number: int, entry: Any) -> tuple[str, str | None, Any]:
    if not isinstance(entry, (tuple, list)) or len(entry) != 3:
        raise TypeError(f"entry {number} of layers must be (weight, bias, activation), got {entry!r}")
    weight, bias, activation = entry
    for name in [weight] if bias is None else [weight, bias]:
        if name not in arrays:
            raise ValueError(f"layers: there is no array {name!r} in the file; it holds {list(arrays)}")
    if arrays[weight].ndim != 2:
        raise InvalidProblemError(f"layers: {weight!r} has the shape {arrays[weight].shape}, a matrix was expected")
    if bias is not None and arrays[bias].shape != arrays[weight].shape[:1]:
        raise InvalidProblemError(
            f"layers: {bias!r} has the shape {arrays[bias].shape}, expected {arrays[weight].shape[:1]}"
        )
    if activation is not None and not callable(activation) and activation not in ACTIVATIONS:
        raise ValueError(f"activation must be None, a function or one of {sorted(ACTIVATIONS)}, got {activation!r}")
    return weight, bias, activation


def _runner(chain: list[tuple[str, str | None, Any]]) -> Callable:
    def forward(arrays: dict[str, NDArray], batch: Any, record: Callable) -> NDArray:
        h = check_rows(batch, arrays[chain[0][0]].shape[1])
        for weight, bias, activation in chain:
            record(weight, h)
            h = h @ arrays[weight].T
            h = h if bias is None else h + arrays[bias]
            if activation is not None:
                h = activation(h) if callable(activation) else ACTIVATIONS[activation](h)
        return h

    return forward
