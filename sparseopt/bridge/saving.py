"""Compressed networks in files: safetensors with every matrix in its smallest format. Loading one runs no code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .._validation import short
from ..exceptions import InvalidProblemError
from .network import as_network
from .safetensors_file import read_safetensors, write_safetensors
from .sparse_linear import SparseLinear
from .storage import Stored, restore, store

_KEY = "sparseopt"
_VERSION = 1


def save(path: str | Path, model: Any, *, report: Any = None, format: str | None = None) -> int:
    """Write a compressed model to a safetensors file.

    Every matrix is stored in the format that takes the fewest bytes: dense, compressed rows (CSR), runs of
    neighbours in a row (start, length, values), blocks (BSR) or one bit a weight and the values that are not zero.
    Nothing is rounded.

    Parameters
    ----------
    path : str or Path
    model : result of `compress`, or any model that `compress` takes
    report : object, optional
        Written along as JSON; None: that of the result.
    format : {"dense", "csr", "runs", "bsr", "bitmask"}, optional
        The same format for all matrices; None: the smallest for each.

    Returns
    -------
    int
        Size of the file in bytes.

    See Also
    --------
    load

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from sparseopt.bridge import load, save
    >>> W = np.zeros((64, 100), dtype=np.float32)
    >>> W[:, :5] = 1.0
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = save(f"{folder}/small.safetensors", [(W, None, "relu")])
    ...     again = load(f"{folder}/small.safetensors")
    ...     np.array_equal(again["0.weight"], W), size < W.nbytes / 10
    (True, True)
    """
    if not isinstance(path, str | Path):
        raise TypeError(f"save(path, model): the path comes first, got {short(path)}")
    if hasattr(model, "model") and hasattr(model, "report"):
        report = model.report if report is None else report
        model = model.model
    arrays, layers = {}, {}
    seen: dict[int, str] = {}
    aliases = {}
    for name, array in as_network(model).arrays().items():
        if id(array) in seen:  # one array under two names
            aliases[name] = seen[id(array)]
            continue
        seen[id(array)] = name
        if array.ndim < 2 or array.dtype.kind != "f" or not array.size:
            arrays[name] = array
            continue
        stored = store(array.reshape(len(array), -1), format)
        if stored.format == "dense":
            arrays[name] = array
            continue
        layers[name] = {"format": stored.format, "shape": list(array.shape)}
        arrays |= {f"{name}:{part}": values for part, values in stored.arrays.items()}
    facts: dict[str, Any] = {"version": _VERSION, "layers": layers, "aliases": aliases}
    if report is not None:
        facts["report"] = json.loads(report.to_json()) if hasattr(report, "to_json") else report
    return write_safetensors(path, arrays, {_KEY: json.dumps(facts)})


class SavedModel(Mapping):
    """What a file holds: dense arrays by name; matrices also as they are stored.

    Parameters
    ----------
    arrays : dict of str to ndarray
        What is stored as it is.
    stored : dict of str to Stored
    shapes : dict of str to tuple of int
        The shapes that the stored matrices get back.
    aliases : dict of str to str
        Names that stand for others: shared weights.
    report : object or None

    Attributes
    ----------
    stored : dict of str to Stored
        The matrices in their formats.
    report : object or None
        What was written along.
    """

    def __init__(self, arrays: dict[str, NDArray], stored: dict[str, Stored], shapes: dict, aliases: dict, report: Any):
        self._arrays, self._shapes, self._aliases = arrays, shapes, aliases
        self.stored, self.report = stored, report

    def __getitem__(self, name: str) -> NDArray:
        name = self._aliases.get(name, name)
        if name in self.stored:
            return self.stored[name].dense().reshape(self._shapes[name])
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._arrays, *self.stored, *self._aliases])

    def __len__(self) -> int:
        return len(self._arrays) + len(self.stored) + len(self._aliases)

    def __repr__(self) -> str:
        return f"SavedModel({', '.join(self)})"

    def linear(self, name: str, bias: str | None = None) -> SparseLinear:
        """Return a matrix as a layer that multiplies with what is not zero.

        Parameters
        ----------
        name : str
            Of the matrix.
        bias : str, optional
            Name of its bias.

        Returns
        -------
        SparseLinear
        """
        name = self._aliases.get(name, name)
        matrix = self.stored[name] if name in self.stored else store(self._arrays[name], "dense")
        return SparseLinear(matrix, None if bias is None else self[bias])


def load(path: str | Path, model: Any = None) -> Any:
    """Read a file that `save` wrote, or any safetensors file.

    Parameters
    ----------
    path : str or Path
    model : object, optional
        A model of the architecture that was saved, compressed or not.

    Returns
    -------
    SavedModel, or a model
        Without `model`, the arrays by name. Else a copy of `model` with the weights of the file, whose layers are
        smaller where neurons had been removed.

    Raises
    ------
    InvalidProblemError
        When the file is damaged, was made to mislead, or does not fit the model.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from sparseopt.bridge import compress, load, save
    >>> net = [(np.array([[2.0, 0.1], [0.1, 1.0]]), None, None)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save(f"{folder}/small.safetensors", compress(net, np.eye(2), sparsity=0.5, damp=0.0))
    ...     load(f"{folder}/small.safetensors", net)[0][0]
    array([[2., 0.],
           [0., 1.]])
    """
    saved = _read(Path(path))
    if model is None:
        return saved
    network = as_network(model)
    network.set_arrays(saved)
    return network.model


def _read(path: Path) -> SavedModel:
    arrays, metadata = read_safetensors(path)
    try:
        facts = json.loads(metadata.get(_KEY, '{"version": 1, "layers": {}, "aliases": {}}'))
        version, layers, aliases = facts["version"], dict(facts["layers"]), dict(facts["aliases"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidProblemError(f"{path}: the description of the layers is damaged") from error
    if version != _VERSION:
        raise InvalidProblemError(f"{path}: version {short(version)} of the format, this program reads {_VERSION}")
    stored, shapes = {}, {}
    for name, entry in layers.items():
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not isinstance(shape, list) or len(shape) < 2 or not all(type(n) is int and n > 0 for n in shape):
            raise InvalidProblemError(f"{path}: layer {short(name)} has no valid shape")
        parts = {}
        for part in ("values", "columns", "counts", "mask", "starts", "lengths"):
            if f"{name}:{part}" in arrays:
                parts[part] = arrays.pop(f"{name}:{part}")
        if "values" not in parts or name in arrays:
            raise InvalidProblemError(f"{path}: layer {short(name)} has no values, or is there twice")
        inner = 1
        for n in shape[1:]:
            inner *= n
        stored[name] = restore(entry.get("format"), (shape[0], inner), parts, name)
        shapes[name] = tuple(shape)
    for alias, name in aliases.items():
        if alias in arrays or alias in stored or (name not in arrays and name not in stored):
            raise InvalidProblemError(f"{path}: {short(alias)} cannot be another name of {short(name)}")
    return SavedModel(arrays, stored, shapes, aliases, facts.get("report"))
