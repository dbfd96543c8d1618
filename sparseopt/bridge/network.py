"""What the bridge needs of a network, and the choice of the adapter that supplies it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import IncompatibleError
from .layer import Layer

# suffix of a file, or name of a class anywhere among the ancestors of the model -> adapter
ADAPTERS = {
    "torch.nn.modules.module.Module": "torch_network:TorchNetwork",
    "onnx.onnx_ml_pb2.ModelProto": "onnx_network:OnnxNetwork",
    ".onnx": "onnx_network:OnnxNetwork",
    ".pt": "torch_network:read_torch_file",
    ".pth": "torch_network:read_torch_file",
    ".bin": "torch_network:read_torch_file",
    ".safetensors": "safetensors_network:SafetensorsNetwork",
    "sklearn.neural_network._multilayer_perceptron.BaseMultilayerPerceptron": "sklearn_network:SklearnNetwork",
    "builtins.list": "numpy_network:NumpyNetwork",
    "builtins.tuple": "numpy_network:NumpyNetwork",
    "builtins.dict": "numpy_network:ArraysNetwork",
}


class Network(ABC):
    """A trained network: its matrices, what flows into them, and a way to change them.

    Holds a copy of the user's model; what was passed in is never changed.
    """

    @property
    @abstractmethod
    def model(self) -> Any:
        """The model in its present state, of the type that the user passed."""

    @abstractmethod
    def layers(self) -> list[Layer]:
        """Return the layers in the order of the forward pass, with their present weights."""

    @abstractmethod
    def inputs(self, names: Iterable[str], batch: Any) -> dict[str, NDArray]:
        """Return what flows into layers for one batch: (rows, in), or (rows,) integers into an embedding.

        A layer that the batch does not reach is left out.
        """

    @abstractmethod
    def outputs(self, batch: Any) -> NDArray:
        """Return what the network answers to one batch."""

    @abstractmethod
    def set_weight(self, name: str, weight: NDArray, bias: NDArray | None = None) -> None:
        """Replace the matrix of a layer, given as (out, in); None leaves the bias as it is."""

    def batches(self, calibration: Any, size: int) -> Iterator[Any]:
        """Yield batches of the user's calibration data: slices of an array of rows, items of anything else.

        Yields
        ------
        object
            What `inputs` and `outputs` take.
        """
        if isinstance(calibration, np.ndarray):
            for start in range(0, len(calibration), size):
                yield calibration[start : start + size]
        else:
            yield from calibration

    def producer(self, name: str) -> tuple[str, int] | None:
        """Return (layer whose units are the inputs of this layer, inputs per unit), or None.

        There is one when only functions of single units (activations, normalisation by channel, flattening) lie
        between the two layers and nothing else reads the producer. Inputs `unit * per_unit ... + per_unit - 1` belong
        to one unit.
        """
        return None

    def remove_units(self, name: str, keep: NDArray) -> None:
        """Keep only some units of the producer of a layer, and only the inputs of the layer that they feed."""
        raise IncompatibleError(f"{type(self).__name__} cannot make layers smaller; use another pattern than 'neuron'")

    def _left_alone(self) -> dict[str, str]:
        """Return the parts with matrices of their own that are no layers here, and what they are."""
        return {}

    def arrays(self) -> dict[str, NDArray]:
        """Return all that a file must hold to restore the network into a model of the same architecture."""
        found = {}
        for layer in self.layers():
            weight = layer.weight.T if layer.kind == "embedding" else layer.weight
            found[f"{layer.name}.weight"] = weight.reshape(layer.shape)
            if layer.bias is not None:
                found[f"{layer.name}.bias"] = layer.bias
        return found

    def set_arrays(self, arrays: Mapping[str, NDArray]) -> None:
        """Put back what `arrays` returned, perhaps of a network whose layers had been made smaller."""
        for layer in self.layers():
            name = f"{layer.name}.weight"
            if name not in arrays:
                raise ValueError(f"there is no array {name!r} in the file; it holds {list(arrays)}")
            weight = arrays[name]
            matrix = weight.T if layer.kind == "embedding" else weight.reshape(len(weight), -1)
            self.set_weight(layer.name, matrix, arrays.get(f"{layer.name}.bias"))


def as_network(model: Any, **options: Any) -> Network:
    """Return the adapter for a model, holding a copy of it.

    Parameters
    ----------
    model : torch.nn.Module, list, dict, scikit-learn MLP, ONNX model, path of a file, or Network
    **options
        For the adapter, for example ``forward=`` for a dict of arrays or ``layers=`` for a safetensors file.

    Returns
    -------
    Network

    Raises
    ------
    TypeError
        When no adapter knows the type.
    MissingDependencyError
        When the adapter needs a package that is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import as_network
    >>> network = as_network([(np.ones((2, 3)), None, "relu"), (np.ones((1, 2)), None, None)])
    >>> [(layer.name, layer.kind, layer.shape) for layer in network.layers()]
    [('0', 'linear', (2, 3)), ('1', 'linear', (1, 2))]
    """
    if isinstance(model, Network):
        if options:
            raise TypeError(f"unknown parameter {next(iter(options))!r}")
        return model
    if isinstance(model, (str, Path)):
        names = [Path(model).suffix.lower()]
    else:
        names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(model).__mro__]
    for name in names:
        if name in ADAPTERS:
            module, _, attribute = ADAPTERS[name].partition(":")
            adapter = getattr(import_module(f".{module}", __package__), attribute)
            takes = list(signature(adapter).parameters)[1:]
            if unknown := [option for option in options if option not in takes and "options" not in takes]:
                raise TypeError(f"unknown parameter {unknown[0]!r}; of its own this kind of model takes {takes}")
            return adapter(model, **options)
    known = (
        "a torch.nn.Module, an ONNX model, a scikit-learn MLP, a list of layers, a dict of arrays, .onnx, .safetensors"
    )
    raise TypeError(f"model must be one of {known}, got {names[0] or type(model).__name__}")
