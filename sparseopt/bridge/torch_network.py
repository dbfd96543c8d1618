"""Networks of torch: any nn.Module, those of transformers included."""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation import short
from ..exceptions import InvalidProblemError
from ._torch import load_torch
from .layer import Layer
from .network import Network
from .numpy_network import ArraysNetwork
from .torch_layers import Reshaping, Slot, find_slots, left_alone, name_sizes
from .torch_units import UnitChains


class TorchNetwork(Network):
    """A copy of a module.

    Linear layers, one- and two-dimensional convolutions (group by group; depthwise ones are left alone), embeddings and
    the ``Conv1D`` of GPT-2 are listed. Weights that several of them share are listed once, with the inputs of all. The
    output layer of ``nn.MultiheadAttention`` is left alone, since torch never calls it.

    Parameters
    ----------
    model : torch.nn.Module
        Copied, never changed.
    forward : callable, optional
        ``forward(model, batch)`` runs one batch. None: tensors and arrays are passed as they are, dicts as keyword
        arguments, and of tuples and lists as many items as ``model.forward`` needs.
    """

    def __init__(self, model: Any, forward: Callable | None = None) -> None:
        if forward is not None and not callable(forward):
            raise TypeError(f"forward must be callable, got {forward!r}")
        find_slots(model)  # so that a model that cannot be compressed is refused before it is copied
        try:
            self._model = copy.deepcopy(model)
        except Exception as error:
            raise InvalidProblemError(f"the model cannot be copied ({short(str(error))}); remove its hooks") from error
        self._forward = forward
        self._slots: dict[str, Slot] = {slot.name: slot for slot in find_slots(self._model)}
        self._order: list[str] = []  # as the batches came by
        self._chains: UnitChains | None = None
        self._example: Any = None

    @property
    def model(self) -> Any:
        """The module, in the mode (training or not) that it had."""
        return self._model

    def layers(self) -> list[Layer]:
        """Return the layers: in the order of the forward pass once `inputs` has run, of definition before."""
        rank = {name: position for position, name in enumerate(self._order)}
        names = sorted(self._slots, key=lambda name: rank.get(name, len(rank)))
        return [self._slots[name].layer() for name in names]

    def inputs(self, names: Iterable[str], batch: Any) -> dict[str, NDArray]:
        """Return what flows into layers, in the order in which they are reached."""
        torch = load_torch()
        self._example = batch
        keep = _mask(torch, batch)
        found: dict[str, list[NDArray]] = {}

        def hook(slot: Slot) -> Callable:
            def see(module, args, kwargs):
                x = args[0] if args else next(iter(kwargs.values()))
                found.setdefault(slot.name, []).append(slot.rows(x.detach(), keep))

            return see

        with contextlib.ExitStack() as stack:
            for name in dict.fromkeys(names):
                slot = self._slot(name)
                for module in slot.sharing:
                    handle = module.register_forward_pre_hook(hook(slot), with_kwargs=True)
                    stack.callback(handle.remove)
            self._run(batch)
        self._order += [name for name in found if name not in self._order]
        return {name: rows[0] if len(rows) == 1 else np.concatenate(rows) for name, rows in found.items()}

    def outputs(self, batch: Any) -> NDArray:
        """Return the first tensor that the model answers, one row a sample."""
        answer = _first_tensor(load_torch(), self._run(batch))
        answer = answer.detach()
        answer = answer.float() if answer.itemsize < 4 else answer
        return answer.reshape(len(answer), -1).cpu().numpy() if answer.ndim else answer.reshape(1, 1).cpu().numpy()

    def set_weight(self, name: str, weight: NDArray, bias: NDArray | None = None) -> None:
        """Write a matrix into the module, in its own shape and type."""
        self._slot(name).write(weight, bias)

    def batches(self, calibration: Any, size: int) -> Iterator[Any]:
        """Yield slices of an array or a tensor; items of anything else, such as a DataLoader or a list of dicts."""
        for batch in self._batches(calibration, size):
            self._example = batch
            yield batch

    def _batches(self, calibration: Any, size: int) -> Iterator[Any]:
        torch = load_torch()
        if isinstance(calibration, (np.ndarray, torch.Tensor)):
            for start in range(0, len(calibration), size):
                yield calibration[start : start + size]
        else:
            yield from calibration

    def _left_alone(self) -> dict[str, str]:
        return left_alone(self._model, self._slots.values())

    def producer(self, name: str) -> tuple[str, int] | None:
        """Return the layer that feeds this one unit by unit, found by watching one batch flow through the model."""
        chains = self._watched()
        return None if chains is None else chains.producer(name)

    def remove_units(self, name: str, keep: NDArray) -> None:
        """Make a layer and the one that feeds it smaller, and normalisations in between too."""
        chains = self._watched()
        if chains is None or chains.producer(name) is None:
            raise InvalidProblemError(
                f"no units can be removed before layer {name!r}: what feeds it is no single layer, or is used elsewhere"
            )
        chains.remove(name, keep)

    def arrays(self) -> dict[str, NDArray]:
        """Return parameters and buffers; those that are shared are one array under all their names."""
        seen: dict[int, NDArray] = {}
        found = {}
        for name, value in self._model.state_dict(keep_vars=True).items():
            if id(value) not in seen:
                plain = value.detach()
                plain = plain.float() if plain.is_floating_point() and plain.itemsize < 4 else plain
                seen[id(value)] = plain.cpu().numpy()
            found[name] = seen[id(value)]
        return found

    def set_arrays(self, arrays: Mapping[str, NDArray]) -> None:
        """Put arrays into parameters and buffers; a module whose array has another shape takes that shape."""
        torch = load_torch()
        own = self._model.state_dict(keep_vars=True)
        if missing := sorted(set(own) - set(arrays)):
            raise InvalidProblemError(f"the file lacks arrays of the model: {short(missing)}")
        if extra := sorted(set(arrays) - set(own)):
            raise InvalidProblemError(f"the file has arrays that the model lacks: {short(extra)}")
        sizes = {slot.module: slot for slot in self._slots.values()}
        for name, old in own.items():
            new = torch.from_numpy(np.array(arrays[name])).to(dtype=old.dtype, device=old.device)
            if new.shape != old.shape and new.ndim != old.ndim:
                raise InvalidProblemError(
                    f"{name} has the shape {tuple(new.shape)} in the file, {tuple(old.shape)} here"
                )
            old.data = new
        for module in [*sizes, *(m for m in self._model.modules() if hasattr(m, "num_features"))]:
            name_sizes(module)
        self._chains = None

    def weight_view(self, name: str) -> tuple[Any, Any, Reshaping]:
        """Return (parameter, which part of it, matrix <-> part) of a layer, for whoever trains the model."""
        slot = self._slot(name)
        part = slice(None) if slot.group is None else slot.channels()
        return slot.module.weight, part, Reshaping(tuple(slot.parameter.shape), slot.transposed)

    def _slot(self, name: str) -> Slot:
        if name not in self._slots:
            raise ValueError(f"there is no layer {name!r}; the layers are {list(self._slots)}")
        return self._slots[name]

    def _watched(self) -> UnitChains | None:
        if self._chains is None and self._example is not None:
            self._chains = UnitChains(self._model, list(self._slots.values()), lambda: self._run(self._example))
        return self._chains

    def _run(self, batch: Any) -> Any:
        """Run one batch without gradients and in evaluation mode, and put every module back into its own mode."""
        torch, model = load_torch(), self._model
        modes = [(module, module.training) for module in model.modules()]
        fast = torch.backends.mha.get_fastpath_enabled()
        try:
            model.eval()
            torch.backends.mha.set_fastpath_enabled(False)  # it computes encoders without calling their layers
            with torch.no_grad():
                if self._forward is not None:
                    return self._forward(model, batch)
                return _call(torch, model, batch)
        except (RuntimeError, IndexError) as error:
            if "memory" in str(error):
                raise
            shape = list(getattr(batch, "shape", ()))
            reason = f"calibration of shape {shape} does not run through the model: {error}"
            raise InvalidProblemError(reason) from error
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            for module, mode in modes:
                module.training = mode


def _call(torch: Any, model: Any, batch: Any) -> Any:
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(()))

    def ready(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in "fiubc":
                raise InvalidProblemError(f"calibration must hold numbers, got {value.dtype}: {short(value)}")
            value = torch.from_numpy(np.array(value))
        if not isinstance(value, torch.Tensor):
            return value
        return value.to(device=like.device, dtype=like.dtype if value.is_floating_point() else None)

    if isinstance(batch, Mapping):
        return model(**{key: ready(value) for key, value in batch.items()})
    if isinstance(batch, (tuple, list)):
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        needed = [
            p for p in inspect.signature(model.forward).parameters.values()
            if p.kind in positional and p.default is inspect.Parameter.empty
        ]  # fmt: skip
        inputs = batch[: max(1, len(needed))]
        if not inputs or isinstance(inputs[0], (bool, int, float, str)):
            raise TypeError(f"a batch that is a {type(batch).__name__} must hold tensors or arrays, got {short(batch)}")
        return model(*(ready(value) for value in inputs))
    if not isinstance(batch, (np.ndarray, torch.Tensor)):
        raise TypeError(f"a batch must be a tensor, an array, a dict, a tuple or a list, got {type(batch).__name__}")
    return model(ready(batch))


def _mask(torch: Any, batch: Any) -> Any:
    """Return which positions of a batch of texts are no padding, or None."""
    mask = batch.get("attention_mask") if isinstance(batch, Mapping) else None
    return None if mask is None else torch.as_tensor(np.asarray(mask)) != 0


def _first_tensor(torch: Any, answer: Any) -> Any:
    if isinstance(answer, torch.Tensor):
        return answer
    parts = list(answer.values()) if isinstance(answer, Mapping) else answer
    if isinstance(parts, (tuple, list)):
        for part in parts:
            if isinstance(part, torch.Tensor):
                return part
    raise InvalidProblemError(f"the model answers with {type(answer).__name__}, in which there is no tensor")


def read_torch_file(path: str | Path, allow_pickle: bool = False, **options: Any) -> ArraysNetwork:
    """Read the tensors of a .pt file, for `as_network`; refused unless the user allows it.

    Parameters
    ----------
    path : str or Path
    allow_pickle : bool, default=False
        Such files are pickles, which can run code when they are read. True: read them with torch's restricted reader,
        which takes nothing but tensors and plain containers.
    **options
        See ``ArraysNetwork``.
    """
    if allow_pickle is not True:
        raise InvalidProblemError(
            f"{path}: a pickle file, which could run code when it is read; save the weights as safetensors, or pass "
            "allow_pickle=True to read its tensors with torch.load(weights_only=True)"
        )
    torch = load_torch()
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types on damaged files
        reason = " ".join(str(error).split())[:200]
        raise InvalidProblemError(f"{path}: torch.load(weights_only=True) refuses it ({reason})") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    tensors = {k: v for k, v in content.items() if isinstance(v, torch.Tensor)} if isinstance(content, dict) else {}
    if not tensors:
        raise InvalidProblemError(f"{path}: holds no dict of tensors")
    arrays = {
        str(k): (v.float() if v.is_floating_point() and v.itemsize < 4 else v).numpy() for k, v in tensors.items()
    }
    return ArraysNetwork(arrays, **options)
