"""Which parts of a torch module are layers, and what flows into them as rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import InvalidProblemError
from ._torch import load_torch
from .layer import Layer


@dataclass(frozen=True)
class Reshaping:
    """From the matrix (out, in) of a layer to the shape in which its module stores it, and back."""

    shape: tuple[int, ...]
    transposed: bool

    def __call__(self, matrix: NDArray) -> NDArray:
        """Return what the module stores."""
        return (matrix.T if self.transposed else matrix).reshape(self.shape)

    def inverse(self, stored: NDArray) -> NDArray:
        """Return the matrix."""
        return stored.T if self.transposed else stored.reshape(len(stored), -1)


@dataclass(eq=False)
class Slot:
    """One layer: a module, or a group of channels of one, and the names of modules that share its weight."""

    name: str
    kind: str
    module: Any
    transposed: bool = False  # the weight is stored as (in, out)
    group: int | None = None
    sharing: list = field(default_factory=list)  # modules, itself included

    @property
    def parameter(self) -> Any:
        """The part of the weight that belongs to the layer, as a view."""
        weight = self.module.weight.detach()
        return weight if self.group is None else weight[self.channels()]

    def channels(self) -> slice:
        """Return the output channels of the group."""
        assert self.group is not None
        each = self.module.out_channels // self.module.groups
        return slice(self.group * each, (self.group + 1) * each)

    def layer(self) -> Layer:
        """Return the layer with its present weight."""
        weight = self.parameter.float() if self.parameter.itemsize < 4 else self.parameter
        stored = weight.cpu().numpy().copy()
        shape = stored.shape
        matrix = Reshaping(shape, self.transposed).inverse(stored)
        bias = None
        if self.kind != "embedding" and self.module.bias is not None:
            values = self.module.bias.detach()
            values = values if self.group is None else values[self.channels()]
            bias = values.float().cpu().numpy().copy() if values.itemsize < 4 else values.cpu().numpy().copy()
        return Layer(self.name, self.kind, matrix, bias, shape)

    def write(self, weight: NDArray, bias: NDArray | None) -> None:
        """Replace the weight, and the bias unless it is None, in place: whoever shares them sees it."""
        torch, target = load_torch(), self.parameter
        matrix = np.asarray(weight)
        matrix = matrix.T if self.transposed else matrix
        if matrix.size != target.numel() or matrix.shape[0] != target.shape[0]:
            raise InvalidProblemError(
                f"layer {self.name!r} has a weight of shape {tuple(target.shape)}, got a matrix of {np.shape(weight)}"
            )
        with torch.no_grad():
            target.copy_(torch.from_numpy(np.array(matrix)).reshape(target.shape))
            if bias is not None:
                old = self.module.bias
                if old is None:
                    raise InvalidProblemError(f"layer {self.name!r} has no bias, got one")
                old = old.detach() if self.group is None else old.detach()[self.channels()]
                old.copy_(torch.from_numpy(np.array(bias)))

    def rows(self, x: Any, keep: Any) -> NDArray:
        """Return what flows in as rows; `keep` marks the positions of a text that are no padding, or is None."""
        if self.kind == "embedding":
            return (x[keep] if keep is not None and keep.shape == x.shape else x).reshape(-1).cpu().numpy()
        if self.kind == "conv":
            x = unfold(self.module, x, self.group)
        elif keep is not None and keep.shape == x.shape[:-1]:
            x = x[keep]
        x = x.reshape(-1, x.shape[-1])
        return (x.float() if x.itemsize < 4 else x).cpu().numpy()

    def positions(self, x: Any) -> Any:
        """Return what flows into a layer other than an embedding as (samples, positions, in)."""
        x = x.float() if x.itemsize < 4 else x
        return unfold(self.module, x, self.group) if self.kind == "conv" else x.reshape(len(x), -1, x.shape[-1])

    def slopes(self, gradient: Any) -> Any:
        """Return the gradient by what flows out, as (samples, positions, out)."""
        gradient = gradient.float() if gradient.itemsize < 4 else gradient
        if self.kind != "conv":
            return gradient.reshape(len(gradient), -1, gradient.shape[-1])
        flat = gradient.reshape(len(gradient), gradient.shape[1], -1).transpose(1, 2)
        return flat if self.group is None else flat[:, :, self.channels()]


def unfold(module: Any, x: Any, group: int | None) -> Any:
    """Return the patches that a convolution multiplies with its kernels: (samples * positions, channels * kh * kw)."""
    torch = load_torch()
    functional = torch.nn.functional
    one = module.weight.ndim == 3
    if x.ndim == module.weight.ndim - 1:  # one sample without a batch axis
        x = x[None]
    if module.padding_mode == "zeros":
        x = functional.pad(x, module._reversed_padding_repeated_twice)
    else:
        x = functional.pad(x, module._reversed_padding_repeated_twice, mode=module.padding_mode)
    if group is not None:
        each = module.in_channels // module.groups
        x = x[:, group * each : (group + 1) * each]
    kernel, dilation, stride = module.kernel_size, module.dilation, module.stride
    if one:
        x, kernel, dilation, stride = x[:, :, None], (1, *kernel), (1, *dilation), (1, *stride)
    half = x.itemsize < 4 and x.is_floating_point()
    patches = functional.unfold(x.float() if half else x, kernel, dilation=dilation, stride=stride)
    return patches.transpose(1, 2)


def find_slots(model: Any) -> list[Slot]:
    """Return the layers of a module, in the order of its definition.

    Raises
    ------
    InvalidProblemError
        When a weight is quantised, has no data, or is computed from others.
    """
    torch = load_torch()
    nn = torch.nn
    inside_attention = set()
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):  # uses the weight of its output layer without calling the layer
            inside_attention |= {id(child) for child in module.modules()}
    slots: dict[int, Slot] = {}
    kinds: dict[int, set[str]] = {}
    for name, module in model.named_modules():
        kind, transposed = _kind(nn, module)
        if kind is None or id(module) in inside_attention:
            continue
        _check(torch, name, module)
        if module.weight.numel() == 0:  # of a layer without units, or without inputs
            continue
        key = id(module.weight)
        kinds.setdefault(key, set()).add(kind)
        if key in slots:
            slots[key].sharing.append(module)
        else:
            slots[key] = Slot(name, kind, module, transposed, sharing=[module])
    found: list[Slot] = []
    for key, slot in slots.items():
        if len(kinds[key]) > 1:  # an embedding and the output layer, say: no one regression has both inputs
            continue
        groups = getattr(slot.module, "groups", 1)
        if groups == 1:
            found.append(slot)
        elif groups < slot.module.in_channels:
            found += [
                Slot(f"{slot.name}.group{g}", "conv", slot.module, group=g, sharing=slot.sharing) for g in range(groups)
            ]
    return found


def left_alone(model: Any, slots: Iterable[Slot]) -> dict[str, str]:
    """Return modules with weights that are no layers: transposed convolutions, recurrent and quantised layers, ..."""
    layers = {module for slot in slots for module in slot.sharing}
    found = {}
    for name, module in model.named_modules():
        own = any(parameter.ndim > 1 for parameter in module._parameters.values() if parameter is not None)
        if (own or hasattr(module, "_packed_params")) and module not in layers:
            found[name] = type(module).__name__
    return found


def _kind(nn: Any, module: Any) -> tuple[str | None, bool]:
    if isinstance(module, nn.Linear):
        return "linear", False
    if isinstance(module, (nn.Conv1d, nn.Conv2d)):
        return "conv", False
    if isinstance(module, nn.Embedding):
        return "embedding", True
    if type(module).__name__ == "Conv1D" and hasattr(module, "nf"):  # of GPT-2: a linear layer that stores (in, out)
        return "linear", True
    return None, False


def _check(torch: Any, name: str, module: Any) -> None:
    if "weight" not in module._parameters:
        raise InvalidProblemError(
            f"the weight of layer {name!r} is computed from other arrays; make it plain first, with "
            "torch.nn.utils.prune.remove or torch.nn.utils.parametrize.remove_parametrizations"
        )
    weight = module.weight
    if isinstance(weight, torch.nn.parameter.UninitializedParameter) or weight.is_meta:
        raise InvalidProblemError(f"layer {name!r} has no weights yet: run the model once, or load its weights")
    if not weight.is_floating_point():
        raise InvalidProblemError(f"layer {name!r} has weights of type {weight.dtype}; only floats can be compressed")
    if not torch.isfinite(weight.detach()).all():
        raise InvalidProblemError(f"layer {name!r} has weights that are NaN or infinite")


def name_sizes(module: Any) -> None:
    """Make the sizes that a module states those of its weight."""
    weight = module.weight if getattr(module, "weight", None) is not None else getattr(module, "running_mean", None)
    if weight is None:
        return
    if hasattr(module, "num_features"):
        module.num_features = len(weight)
    elif hasattr(module, "in_features"):
        module.out_features, module.in_features = weight.shape
    elif hasattr(module, "in_channels"):
        module.out_channels, module.in_channels = len(weight), weight.shape[1] * module.groups
    elif hasattr(module, "num_embeddings"):
        module.num_embeddings, module.embedding_dim = weight.shape
    elif hasattr(module, "nf"):
        module.nf = weight.shape[1]
