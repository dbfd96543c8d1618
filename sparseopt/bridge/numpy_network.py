"""Networks of plain arrays: a list of layers, or named arrays with a function that runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..exceptions import InvalidProblemError
from .layer import Layer
from .network import Network
from .single import check_weight

ACTIVATIONS: dict[str, Callable[[NDArray], NDArray]] = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0.0),
    "tanh": np.tanh,
    "logistic": special.expit,
    "gelu": lambda z: z * special.ndtr(z),
    "softmax": lambda z: special.softmax(z, axis=1),
}


class NumpyNetwork(Network):
    """A feed-forward network as a list of ``(weight, bias, activation)``.

    Parameters
    ----------
    model : list of tuple
        For every layer the weight (out, in), the bias (out,) or None, and the activation: None, a name among
        identity, relu, tanh, logistic, gelu, softmax, or a function of an array. Layers are called "0", "1", ...

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import as_network
    >>> net = as_network([(np.eye(2), None, "relu"), (np.ones((1, 2)), np.array([1.0]), None)])
    >>> net.outputs(np.array([[1.0, -2.0]]))
    array([[2.]])
    """

    def __init__(self, model: Iterable) -> None:
        self._parts: list[list] = []
        for number, part in enumerate(model):
            if not isinstance(part, (tuple, list)) or len(part) != 3:
                raise TypeError(
                    f"layer {number} of model must be (weight, bias, activation), got {type(part).__name__}"
                )
            self._parts.append(self._checked(number, *part))
        if not self._parts:
            raise InvalidProblemError("model has no layers")
        self._kind: Any = type(model)

    def _checked(self, number: int, weight: Any, bias: Any, activation: Any) -> list:
        weight = np.array(check_weight(weight, f"the weight of layer {number}"))
        if self._parts and self._parts[-1][0].shape[0] != weight.shape[1]:
            raise InvalidProblemError(
                f"layer {number} takes {weight.shape[1]} inputs, the one before has {self._parts[-1][0].shape[0]} units"
            )
        if bias is not None:
            bias = np.array(bias, dtype=weight.dtype)
            if bias.shape != weight.shape[:1] or not np.isfinite(bias).all():
                raise InvalidProblemError(f"the bias of layer {number} must be finite with shape {weight.shape[:1]}")
        if activation is not None and activation not in ACTIVATIONS and not callable(activation):
            raise ValueError(f"activation must be None, a function or one of {sorted(ACTIVATIONS)}, got {activation!r}")
        return [weight, bias, activation]

    @property
    def model(self) -> Any:
        """A list, or tuple, of layers as it was given."""
        return self._kind(tuple(part) for part in self._parts)

    def layers(self) -> list[Layer]:
        """Return the layers, first to last."""
        return [
            Layer(str(number), "linear", weight, bias, weight.shape)
            for number, (weight, bias, _) in enumerate(self._parts)
        ]

    def _forward(self, batch: Any, last: int):
        """Yield what flows into every layer up to `last`, and into what would follow."""
        h = check_rows(batch, self._parts[0][0].shape[1])
        for weight, bias, activation in self._parts[: last + 1]:
            yield h
            h = h @ weight.T
            if bias is not None:
                h = h + bias
            if activation is not None:
                h = activation(h) if callable(activation) else ACTIVATIONS[activation](h)
        yield h

    def inputs(self, names: Iterable[str], batch: Any) -> dict[str, NDArray]:
        """Return what flows into layers."""
        wanted = {int(name) for name in names}
        if not wanted:
            return {}
        flow = self._forward(batch, max(wanted) - 1)
        return {str(number): h for number, h in enumerate(flow) if number in wanted}

    def outputs(self, batch: Any) -> NDArray:
        """Return what the last layer answers."""
        *_, h = self._forward(batch, len(self._parts))
        return h

    def set_weight(self, name: str, weight: NDArray, bias: NDArray | None = None) -> None:
        """Replace a matrix, in the type it has."""
        part = self._parts[int(name)]
        part[0] = np.array(weight, dtype=part[0].dtype)
        if bias is not None:
            part[1] = np.array(bias, dtype=part[0].dtype)

    def producer(self, name: str) -> tuple[str, int] | None:
        """Return the layer before, where the activation between the two works on single units."""
        number = int(name)
        if number == 0 or not isinstance(self._parts[number - 1][2], (str, type(None))):
            return None
        return None if self._parts[number - 1][2] == "softmax" else (str(number - 1), 1)

    def remove_units(self, name: str, keep: NDArray) -> None:
        """Make this layer and the one before smaller."""
        after, before = self._parts[int(name)], self._parts[int(name) - 1]
        after[0] = np.ascontiguousarray(after[0][:, keep])
        before[0] = np.ascontiguousarray(before[0][keep])
        if before[1] is not None:
            before[1] = before[1][keep]


class ArraysNetwork(Network):
    """Named arrays with a function that runs the network.

    Parameters
    ----------
    model : dict of str to ndarray
        The weights of the layers, (out, in) or with more axes behind the first; other arrays are passed along.
    forward : callable, optional
        ``forward(arrays, batch, record)`` returns the outputs and calls ``record(name, rows)`` with what flows into
        each layer. Without it, ready Grams must take the place of calibration data.
    layers : list of str, optional
        Which arrays are layers; None: all float arrays with two or more axes.
    """

    def __init__(self, model: Mapping[str, NDArray], forward: Callable | None = None, layers: Any = None) -> None:
        self._arrays = {str(name): np.array(value) for name, value in model.items()}
        if forward is not None and not callable(forward):
            raise TypeError(f"forward must be callable, got {forward!r}")
        self._function = forward
        if layers is None:
            layers = [name for name, value in self._arrays.items() if value.ndim >= 2 and value.dtype.kind == "f"]
        for name in layers:
            if name not in self._arrays:
                raise ValueError(f"there is no array {name!r}; the arrays are {list(self._arrays)}")
            value = self._arrays[name]
            check_weight(value.reshape(len(value), -1) if value.ndim >= 2 else value, f"array {name!r}")
        self._names = list(layers)

    @property
    def model(self) -> dict[str, NDArray]:
        """All arrays."""
        return dict(self._arrays)

    def layers(self) -> list[Layer]:
        """Return the layers in the order of the dict."""
        found = []
        for name in self._names:
            value = self._arrays[name]
            kind = "linear" if value.ndim == 2 else "conv"
            found.append(Layer(name, kind, value.reshape(len(value), -1), None, value.shape))
        return found

    def inputs(self, names: Iterable[str], batch: Any) -> dict[str, NDArray]:
        """Run the function and keep what it records."""
        wanted, seen = set(names), {}  # type: set[str], dict[str, list[NDArray]]

        def record(name: str, rows: NDArray) -> None:
            if name in wanted:
                seen.setdefault(name, []).append(rows)

        self._run(batch, record)
        return {name: rows[0] if len(rows) == 1 else np.concatenate(rows) for name, rows in seen.items()}

    def outputs(self, batch: Any) -> NDArray:
        """Run the function."""
        return self._run(batch, lambda name, rows: None)

    def _run(self, batch: Any, record: Callable) -> NDArray:
        if self._function is None:
            raise InvalidProblemError(
                "arrays alone cannot run: pass forward=, or a dict of Grams as calibration, or connect the arrays of a "
                "file with as_network(file, layers=...)"
            )
        return self._function(self._arrays, batch, record)

    def set_weight(self, name: str, weight: NDArray, bias: NDArray | None = None) -> None:
        """Replace an array, in the shape and type it has."""
        old = self._arrays[name]
        self._arrays[name] = np.array(weight, dtype=old.dtype).reshape(old.shape)

    def arrays(self) -> dict[str, NDArray]:
        """Return all arrays."""
        return dict(self._arrays)

    def set_arrays(self, arrays: Mapping[str, NDArray]) -> None:
        """Replace all arrays."""
        if set(arrays) != set(self._arrays):
            raise InvalidProblemError(f"the file and the model differ in {sorted(set(arrays) ^ set(self._arrays))}")
        self._arrays = {name: np.array(value) for name, value in arrays.items()}


def check_rows(batch: Any, n: int) -> NDArray:
    """Return a batch of rows with n columns, or say what it is instead."""
    rows = np.asarray(batch)
    if rows.ndim != 2 or rows.shape[1] != n or rows.dtype.kind not in "fiub":
        raise InvalidProblemError(
            f"calibration must be rows of {n} numbers, as the network takes, got {rows.dtype} with shape {rows.shape}"
        )
    return rows
