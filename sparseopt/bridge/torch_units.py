"""Which layer feeds which one unit by unit, found by watching one batch flow through a model; and taking units away.

Every operation of the forward pass reports its input and output tensors. A layer feeds another when from its output to
the other's input there are only operations that treat channels one by one, and nothing else reads what lies between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import InvalidProblemError
from ._torch import load_torch
from .torch_layers import Slot, name_sizes

# operations that compute every entry from that entry alone, or every channel from that channel alone
_BY_ENTRY = {
    "relu", "relu_", "gelu", "silu", "silu_", "tanh", "tanh_", "sigmoid", "sigmoid_", "leaky_relu", "leaky_relu_",
    "elu", "elu_", "hardtanh", "hardtanh_", "hardswish", "hardswish_", "hardsigmoid", "softplus", "mish",
    "log_sigmoid_forward", "clone", "detach", "_to_copy", "contiguous",
}  # fmt: skip
_BY_CHANNEL = {
    "max_pool2d_with_indices", "avg_pool2d", "_adaptive_avg_pool2d", "max_pool1d_with_indices", "avg_pool1d",
    "native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm",
}  # fmt: skip
_SHAPE = {"view", "_unsafe_view", "reshape", "alias", "squeeze", "unsqueeze"}


class UnitChains:
    """The chains of one model.

    Parameters
    ----------
    model : torch.nn.Module
    slots : list of Slot
    run : callable
        Runs one batch.
    """

    def __init__(self, model: Any, slots: list[Slot], run: Callable[[], Any]) -> None:
        torch = load_torch()
        events: list[tuple] = []  # (operation, input tensors, output tensors, modules that are running)
        running: list[Any] = []
        self._entered: dict[Any, list] = {}
        self._left: dict[Any, list] = {}

        class Watch(torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[name-defined]
            def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
                out = operation(*args, **(kwargs or {}))
                events.append((operation, _tensors(torch, (args, kwargs)), _tensors(torch, out), tuple(running)))
                return out

        def enter(module, args, kwargs):
            running.append(module)
            self._entered.setdefault(module, []).append(args[0] if args else next(iter(kwargs.values()), None))

        def leave(module, args, out):
            running.pop()
            self._left.setdefault(module, []).append(out)

        watched = {module for slot in slots for module in slot.sharing}
        watched |= {module for module in model.modules() if hasattr(module, "running_mean")}
        handles = [module.register_forward_pre_hook(enter, with_kwargs=True) for module in watched]
        handles += [module.register_forward_hook(leave) for module in watched]
        try:
            with Watch():
                run()
        finally:
            for handle in handles:
                handle.remove()
        self._slots = {slot.name: slot for slot in slots if slot.group is None and len(slot.sharing) == 1}
        self._norms: dict[str, list[Any]] = {}
        self._found = self._follow(events)
        del self._entered, self._left  # the tensors, which were kept so that their addresses stay theirs

    def producer(self, name: str) -> tuple[str, int] | None:
        """Return the layer whose units are the inputs of this one and the number of inputs per unit, or None."""
        return self._found.get(name)

    def _follow(self, events: list[tuple]) -> dict[str, tuple[str, int]]:
        readers: dict[int, list[tuple]] = {}
        for event in events:
            for tensor in {id(tensor): tensor for tensor in event[1]}:
                readers.setdefault(tensor, []).append(event)
        calls = {module: len(times) for module, times in self._entered.items()}
        once = {
            name: slot for name, slot in self._slots.items() if calls.get(slot.module) == 1 and slot.kind != "embedding"
        }
        consumers: dict[int, list[str]] = {}
        for name, slot in once.items():
            consumers.setdefault(id(self._entered[slot.module][0]), []).append(name)
        found: dict[str, tuple[str, int]] = {}
        for name, slot in once.items():
            end = self._chain(slot, readers, consumers)
            if end is not None:
                found[end] = (name, _per_unit(self._slots[end], slot))
        return {end: pair for end, pair in found.items() if pair[1] > 0}

    def _chain(self, slot: Slot, readers: dict, consumers: dict) -> str | None:
        """Walk from the output of a layer to the layer that it feeds, or return None."""
        tensor = self._left[slot.module][0]
        norms: list[Any] = []
        axis = 1 if slot.kind == "conv" else tensor.ndim - 1  # along which the units lie
        while True:
            reads = [event for event in readers.get(id(tensor), []) if slot.module not in event[3]]
            names = consumers.get(id(tensor), [])
            over = [event for event in reads if any(out is tensor for out in event[2])]  # written where it was read
            if not all(_name(event) in _BY_ENTRY for event in over):
                return None
            reads = [event for event in reads if event not in over]
            if names:
                end = self._slots[names[0]]
                alone = len(names) == 1 and all(end.module in event[3] for event in reads)
                if not alone or axis != (1 if end.kind == "conv" else tensor.ndim - 1):
                    return None
                self._norms[names[0]] = norms
                return names[0]
            if len(reads) != 1:
                return None
            _, _, outputs, modules = reads[0]
            kind = _name(reads[0])
            if kind in _SHAPE:
                moved = _moved(tensor.shape, axis, outputs[0].shape)
                if moved is None:
                    return None
                axis = moved
            elif not (kind in _BY_ENTRY or (kind in _BY_CHANNEL and axis == 1)):
                return None
            norms += [module for module in modules if hasattr(module, "running_mean")]
            tensor = outputs[0]

    def remove(self, name: str, keep: NDArray) -> None:
        """Keep some units of the producer of a layer, given as a mask or as numbers."""
        before, per_unit = self._found[name]
        producer, consumer = self._slots[before].module, self._slots[name].module
        n = self._slots[before].layer().weight.shape[0]
        index = np.flatnonzero(keep) if np.asarray(keep).dtype == bool else np.asarray(keep)
        if index.size == 0 or index.min() < 0 or index.max() >= n:
            raise InvalidProblemError(f"keep must name at least one of the {n} units of layer {before!r}")
        units = load_torch().from_numpy(index.astype(np.int64))
        out_axis = 1 if self._slots[before].transposed else 0
        _select(producer, "weight", units, out_axis)
        _select(producer, "bias", units, 0)
        for norm in self._norms.get(name, []):
            for part in ("weight", "bias", "running_mean", "running_var"):
                _select(norm, part, units, 0)
        weight = consumer.weight
        if weight.ndim > 2:
            _select(consumer, "weight", units, 1)
        else:
            inputs = (units[:, None] * per_unit + load_torch().arange(per_unit)).reshape(-1)
            _select(consumer, "weight", inputs, 0 if self._slots[name].transposed else 1)
        for module in (producer, consumer, *self._norms.get(name, [])):
            name_sizes(module)


def _select(module: Any, part: str, index: Any, axis: int) -> None:
    value = getattr(module, part, None)
    if value is not None:
        value.data = value.data.index_select(axis, index.to(value.device)).contiguous()
        if value.grad is not None:
            value.grad = None


def _per_unit(consumer: Slot, producer: Slot) -> int:
    """Inputs of the consumer, as columns of its matrix, that one unit feeds; 0: they do not go up."""
    units = producer.layer().weight.shape[0]
    n = consumer.layer().weight.shape[1]
    if consumer.kind == "conv" and consumer.module.in_channels != units:
        return 0
    return n // units if n % units == 0 else 0


def _name(event: tuple) -> str:
    return event[0].overloadpacket.__name__


def _moved(before: tuple, axis: int, after: tuple) -> int | None:
    """Return the axis of the units after a change of shape: alone, or flattened with all axes behind; None: neither."""
    lead, rest = int(np.prod(before[:axis])), int(np.prod(before[axis:]))
    for place in range(len(after)):
        if int(np.prod(after[:place])) == lead:
            if after[place] == before[axis] or (after[place] == rest and place == len(after) - 1):
                return place
    return None


def _tensors(torch: Any, value: Any) -> list[Any]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in _tensors(torch, part)]
    return []
