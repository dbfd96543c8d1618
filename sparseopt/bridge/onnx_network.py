"""Networks in ONNX: initializers of Gemm, MatMul, Conv and Gather nodes, run by the reference evaluator of onnx."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation import short
from ..exceptions import InvalidProblemError, MissingDependencyError
from .im2col import im2col
from .layer import Layer
from .network import Network
from .onnx_units import OnnxUnits


def load_onnx() -> Any:
    """Return onnx, or raise MissingDependencyError with the command that installs it."""
    try:
        import onnx
        import onnx.checker
        import onnx.numpy_helper
        import onnx.reference
    except ImportError as error:
        raise MissingDependencyError("pip install onnx") from error
    return onnx


@dataclass(eq=False)
class Use:
    """An initializer that is the weight of nodes."""

    name: str
    kind: str
    transposed: bool  # stored as (in, out)
    nodes: list = field(default_factory=list)
    bias: str | None = None
    group: int | None = None


class OnnxNetwork(Network):
    """A copy of an ONNX model. Layers are called as their initializers.

    Parameters
    ----------
    model : onnx.ModelProto, or path of a .onnx file
        Checked before anything is run.
    """

    def __init__(self, model: Any) -> None:
        onnx = load_onnx()
        if isinstance(model, (str, Path)):
            try:
                self._proto = onnx.load(str(model))
            except FileNotFoundError:
                raise
            except Exception as error:  # protobuf and onnx raise several types on damaged files
                raise InvalidProblemError(f"{model}: no valid ONNX file ({_line(error)})") from error
        else:
            self._proto = type(model)()
            self._proto.CopyFrom(model)
        try:
            onnx.checker.check_model(self._proto)
        except Exception as error:
            raise InvalidProblemError(f"model is no valid ONNX model ({_line(error)})") from error
        self._evaluator: Any = None
        self._uses = {use.name: use for use in _find_uses(onnx, self._proto.graph)}

    def __deepcopy__(self, memo: dict) -> OnnxNetwork:
        return OnnxNetwork(self._proto)

    @property
    def model(self) -> Any:
        """A ModelProto with the present weights."""
        copy = type(self._proto)()
        copy.CopyFrom(self._proto)
        return copy

    def layers(self) -> list[Layer]:
        """Return the layers in the order of the graph, which is that of the forward pass."""
        return [self._layer(use) for use in self._uses.values()]

    def _layer(self, use: Use) -> Layer:
        weight = self._group(self._value(use.name.rpartition(".group")[0] if use.group is not None else use.name), use)
        shape = weight.shape
        matrix = weight.T if use.transposed else weight.reshape(len(weight), -1)
        bias = None if use.bias is None else self._group(self._value(use.bias), use)
        return Layer(use.name, use.kind, _single(matrix), None if bias is None else _single(bias), shape)

    def inputs(self, names: Iterable[str], batch: Any) -> dict[str, NDArray]:
        """Return what flows into layers, read off the inner results of the evaluator."""
        uses = [self._use(name) for name in names]
        places = [[_place(use, node) for node in use.nodes] for use in uses]
        wanted = list(dict.fromkeys(place for part in places for place in part))
        found = dict(zip(wanted, self._run(batch, wanted), strict=True))
        rows: dict[str, NDArray] = {}
        for use, part in zip(uses, places, strict=True):
            pieces = [
                _rows(use, node, found[place], self._shape(node)) for node, place in zip(use.nodes, part, strict=True)
            ]
            rows[use.name] = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return rows

    def outputs(self, batch: Any) -> NDArray:
        """Return the first output of the graph, one row a sample."""
        first = np.asarray(self._run(batch, [self._proto.graph.output[0].name])[0])
        return first.reshape(len(first), -1) if first.ndim else first.reshape(1, 1)

    def set_weight(self, name: str, weight: NDArray, bias: NDArray | None = None) -> None:
        """Replace an initializer, and that of the bias."""
        use = self._use(name)
        old = self._layer(use)
        matrix = np.asarray(weight)
        if matrix.shape != old.weight.shape:
            raise InvalidProblemError(f"layer {name!r} has a matrix {old.weight.shape}, got {matrix.shape}")
        if bias is not None and use.bias is None:
            raise InvalidProblemError(f"layer {name!r} has no bias, got one")
        stored = (matrix.T if use.transposed else matrix).reshape(old.shape)
        self._put(use.name.rpartition(".group")[0] if use.group is not None else use.name, stored, use)
        if bias is not None:
            assert use.bias is not None
            self._put(use.bias, np.asarray(bias), use)

    def _left_alone(self) -> dict[str, str]:
        matrices = {entry.name for entry in self._proto.graph.initializer if len(entry.dims) > 1}
        used = {use.name.rpartition(".group")[0] if use.group is not None else use.name for use in self._uses.values()}
        graph = self._proto.graph.node
        return {name: node.op_type for node in graph for name in node.input if name in matrices - used}

    def producer(self, name: str) -> tuple[str, int] | None:
        """Return the layer whose units are the inputs of this one, as the graph says."""
        return OnnxUnits(self._proto.graph, self._uses, self._value).producer(name)

    def remove_units(self, name: str, keep: NDArray) -> None:
        """Make a layer and the one that feeds it smaller, and normalisations and sums in between too."""
        units = OnnxUnits(self._proto.graph, self._uses, self._value)
        if units.producer(name) is None:
            raise InvalidProblemError(f"no units can be removed before layer {name!r}: no single layer feeds it")
        for array, values in units.without(name, keep).items():
            self._write(array, values)
        del self._proto.graph.value_info[:]  # sizes that were true before
        self._evaluator = None

    def arrays(self) -> dict[str, NDArray]:
        """Return all initializers."""
        return {entry.name: self._value(entry.name) for entry in self._proto.graph.initializer}

    def set_arrays(self, arrays: Mapping[str, NDArray]) -> None:
        """Put initializers back, perhaps smaller."""
        own = {entry.name for entry in self._proto.graph.initializer}
        if own != set(arrays):
            raise InvalidProblemError(f"the file and the model differ in the arrays {short(sorted(own ^ set(arrays)))}")
        for name in own:
            self._write(name, arrays[name])
        del self._proto.graph.value_info[:]
        self._evaluator = None

    def _use(self, name: str) -> Use:
        if name not in self._uses:
            raise ValueError(f"there is no layer {name!r}; the layers are {list(self._uses)}")
        return self._uses[name]

    def _entry(self, name: str) -> Any:
        return next(entry for entry in self._proto.graph.initializer if entry.name == name)

    def _value(self, name: str) -> NDArray:
        return load_onnx().numpy_helper.to_array(self._entry(name))

    def _shape(self, node: Any) -> tuple[int, ...]:
        return tuple(self._entry(node.input[1]).dims) if node.op_type == "Conv" else ()

    def _group(self, value: NDArray, use: Use) -> NDArray:
        if use.group is None:
            return value
        each = len(value) // _attributes(use.nodes[0]).get("group", 1)
        return value[use.group * each : (use.group + 1) * each]

    def _put(self, name: str, part: NDArray, use: Use) -> None:
        value = np.array(self._value(name))
        self._group(value, use)[...] = part
        self._write(name, value)

    def _write(self, name: str, value: NDArray) -> None:
        entry = self._entry(name)
        old = self._value(name)
        entry.CopyFrom(load_onnx().numpy_helper.from_array(np.ascontiguousarray(value, dtype=old.dtype), name))
        self._evaluator = None

    def _run(self, batch: Any, names: list[str]) -> list[Any]:
        if self._evaluator is None:
            self._evaluator = load_onnx().reference.ReferenceEvaluator(self._proto)
        initial = {entry.name for entry in self._proto.graph.initializer}
        wanted = [entry.name for entry in self._proto.graph.input if entry.name not in initial]
        if isinstance(batch, Mapping):
            feeds = {name: np.asarray(batch[name]) for name in wanted if name in batch}
        else:
            parts = batch if isinstance(batch, (tuple, list)) else [batch]
            feeds = dict(zip(wanted, map(np.asarray, parts), strict=False))
        if len(feeds) < len(wanted):
            raise InvalidProblemError(f"the model takes the inputs {wanted}, the batch gives {list(feeds)}")
        for name, value in feeds.items():  # numpy makes float64 where the graph asks for float32
            kind = next(entry for entry in self._proto.graph.input if entry.name == name).type.tensor_type.elem_type
            asked = load_onnx().helper.tensor_dtype_to_np_dtype(kind)
            if value.dtype != asked and value.dtype.kind == np.dtype(asked).kind:
                feeds[name] = value.astype(asked)
        with np.errstate(all="ignore"):  # infinities are found, and named, where rows are summed up
            try:
                return self._evaluator.run(names, feeds)
            except (ValueError, TypeError, RuntimeError, IndexError) as error:
                shapes = " and ".join(str(list(value.shape)) for value in feeds.values())
                reason = f"calibration of shape {shapes} does not run through the model: {_line(error)}"
                raise InvalidProblemError(reason) from error


def _find_uses(onnx: Any, graph: Any) -> list[Use]:
    """Return the initializers that are weights, unless a node uses them otherwise."""
    floats = {}
    for entry in graph.initializer:
        if entry.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16):
            floats[entry.name] = tuple(entry.dims)
    outside = {entry.name for entry in graph.output}
    uses: dict[str, Use] = {}
    spoiled: set[str] = set()
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name not in floats:
                continue
            use = _use_of(node, position, name, floats)
            if use is None or name in outside or any(attribute.g.node for attribute in node.attribute):
                spoiled.add(name)
            elif name not in uses:
                uses[name] = use
            elif (uses[name].kind, uses[name].transposed) == (use.kind, use.transposed) and use.kind != "conv":
                uses[name].nodes.append(node)
                uses[name].bias = None  # there may be two
            else:
                spoiled.add(name)
    found = []
    for name, use in uses.items():
        if name in spoiled:
            continue
        groups = _attributes(use.nodes[0]).get("group", 1) if use.kind == "conv" else 1
        if groups == 1:
            found.append(use)
        elif floats[name][1] > 1:  # depthwise ones have no inputs to choose from
            found += [Use(f"{name}.group{g}", "conv", False, use.nodes, use.bias, g) for g in range(groups)]
    return found


def _use_of(node: Any, position: int, name: str, floats: dict) -> Use | None:
    shape = floats[name]
    options = _attributes(node)
    if node.op_type == "Gemm" and position == 1 and not options.get("transA", 0):
        named = len(node.input) > 2 and floats.get(node.input[2]) == (shape[0 if options.get("transB", 0) else 1],)
        bias = node.input[2] if named and options.get("beta", 1.0) == options.get("alpha", 1.0) == 1.0 else None
        return Use(name, "linear", not options.get("transB", 0), [node], bias)
    if node.op_type == "MatMul" and position == 1 and len(shape) == 2:
        return Use(name, "linear", True, [node])
    if node.op_type == "Conv" and position == 1 and len(shape) in (3, 4):
        bias = node.input[2] if len(node.input) > 2 and node.input[2] in floats else None
        return Use(name, "conv", False, [node], bias)
    if node.op_type == "Gather" and position == 0 and len(shape) == 2 and options.get("axis", 0) == 0:
        return Use(name, "embedding", True, [node])
    return None


def _attributes(node: Any) -> dict[str, Any]:
    return {entry.name: load_onnx().helper.get_attribute_value(entry) for entry in node.attribute}


def _place(use: Use, node: Any) -> str:
    return node.input[1] if use.kind == "embedding" else node.input[0]


def _rows(use: Use, node: Any, value: NDArray, shape: tuple[int, ...]) -> NDArray:
    """Return what flows into a node as rows."""
    value = np.asarray(value)
    if use.kind == "embedding":
        return value.ravel()
    if use.kind == "linear":
        return value.reshape(-1, value.shape[-1])
    options, axes = _attributes(node), len(shape) - 2
    kernel, strides = shape[2:], options.get("strides", [1] * axes)
    dilations, pads = options.get("dilations", [1] * axes), options.get("pads", [0] * 2 * axes)
    auto = options.get("auto_pad", b"NOTSET").decode()
    if auto.startswith("SAME"):
        totals = [
            max((-(-size // stride) - 1) * stride + (k - 1) * d + 1 - size, 0)
            for size, stride, k, d in zip(value.shape[2:], strides, kernel, dilations, strict=True)
        ]
        low = [total // 2 if auto == "SAME_UPPER" else total - total // 2 for total in totals]
        pads = [*low, *(total - part for total, part in zip(totals, low, strict=True))]
    elif auto == "VALID":
        pads = [0] * 2 * axes
    if use.group is not None:
        each = shape[1]
        value = value[:, use.group * each : (use.group + 1) * each]
    return im2col(value, kernel, strides, pads, dilations)


def _single(value: NDArray) -> NDArray:
    return value.astype(np.float32) if value.dtype.itemsize < 4 else value


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
