"""Which layer of an ONNX graph feeds which one unit by unit, and the arrays that are left without some units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# nodes that compute every entry, or every channel, from itself alone
_BY_ENTRY = {
    "Relu", "Gelu", "Tanh", "Sigmoid", "LeakyRelu", "Elu", "Selu", "HardSigmoid", "HardSwish", "Softplus", "Softsign",
    "Mish", "Swish", "Identity", "Dropout", "Clip", "Erf",
}  # fmt: skip
_BY_CHANNEL = {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization"}


class OnnxUnits:
    """The chains of a graph.

    Parameters
    ----------
    graph : onnx.GraphProto
    uses : dict of str to Use
    value : callable
        ``value(name)`` returns an initializer.
    """

    def __init__(self, graph: Any, uses: Mapping[str, Any], value: Callable[[str], NDArray]) -> None:
        self._uses, self._value = uses, value
        self._makers = {name: node for node in graph.node for name in node.output}
        self._readers: dict[str, int] = {}
        for node in graph.node:
            for name in node.input:
                self._readers[name] = self._readers.get(name, 0) + 1
        self._initial = {entry.name for entry in graph.initializer}
        self._outside = {entry.name for entry in graph.output}
        self._layers = {id(node): use for use in uses.values() for node in use.nodes}

    def producer(self, name: str) -> tuple[str, int] | None:
        """Return the layer that feeds this one and the number of inputs per unit, or None."""
        found = self._walk(name)
        if found is None:
            return None
        producer, _ = found
        units, n = self._sizes(producer.name)[0], self._sizes(name)[1]
        return (producer.name, n // units) if n % units == 0 else None

    def without(self, name: str, keep: NDArray) -> dict[str, NDArray]:
        """Return the initializers that change when only some units of the producer stay."""
        found = self._walk(name)
        assert found is not None
        producer, between = found
        units, n = self._sizes(producer.name)[0], self._sizes(name)[1]
        mask = np.zeros(units, dtype=bool)
        mask[np.asarray(keep)] = True
        inputs = np.repeat(mask, n // units)
        consumer = self._uses[name]
        weight = self._value(producer.name)
        changed = {producer.name: weight[:, mask] if producer.transposed else weight[mask]}
        for array in [*([producer.bias] if producer.bias else []), *between]:
            changed[array] = self._value(array)[mask]
        weight = self._value(name)
        if consumer.kind == "conv":
            changed[name] = weight[:, mask]
        else:
            changed[name] = weight[inputs] if consumer.transposed else weight[:, inputs]
        return changed

    def _sizes(self, name: str) -> tuple[int, int]:
        use, weight = self._uses[name], self._value(name)
        matrix = weight.T if use.transposed else weight.reshape(len(weight), -1)
        return matrix.shape

    def _alone(self, name: str) -> bool:
        return self._readers.get(name) == 1 and name not in self._outside

    def _walk(self, name: str) -> tuple[Any, list[str]] | None:
        """Walk back from a layer to the one that feeds it: (its use, vectors in between that units have entries of)."""
        use = self._uses[name]
        if use.kind == "embedding" or use.group is not None or len(use.nodes) != 1 or not self._alone(name):
            return None
        place, flat = use.nodes[0].input[0], False
        between: list[str] = []
        while True:
            node = self._makers.get(place)
            if node is None or not self._alone(place):
                return None
            if id(node) in self._layers:
                maker = self._layers[id(node)]
                good = (
                    maker.group is None
                    and len(maker.nodes) == 1
                    and maker.kind != "embedding"
                    and self._alone(maker.name)
                )
                # units of a convolution lie on the second axis, which a linear layer reads only when flattened
                fits = use.kind == maker.kind or (maker.kind == "conv" and use.kind == "linear" and flat)
                return (maker, between) if good and fits and self._all_biases(maker, node) else None
            if node.op_type == "Flatten" and not flat and all(a.name != "axis" or a.i == 1 for a in node.attribute):
                flat = True
            elif node.op_type == "Add":
                vectors = [part for part in node.input if part in self._initial]
                if len(vectors) != 1 or self._value(vectors[0]).ndim != 1 or not self._alone(vectors[0]):
                    return None
                source = next(part for part in node.input if part not in self._initial)
                if (
                    id(self._makers.get(source)) not in self._layers
                    or self._layers[id(self._makers[source])].kind == "conv"
                ):
                    return None  # only the bias of a matrix product is known to run along its units
                between.append(vectors[0])
                place = source
                continue
            elif node.op_type == "BatchNormalization":
                if not all(part in self._initial and self._alone(part) for part in node.input[1:]):
                    return None
                between += list(node.input[1:])
            elif node.op_type not in _BY_ENTRY and node.op_type not in _BY_CHANNEL:
                return None
            place = node.input[0]

    def _all_biases(self, maker: Any, node: Any) -> bool:
        """Whether the bias of a layer, if it has one, is a vector that only this layer reads."""
        if len(node.input) < 3 or not node.input[2]:
            return True
        return maker.bias == node.input[2] and self._alone(maker.bias)
