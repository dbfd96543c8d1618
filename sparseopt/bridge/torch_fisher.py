"""The diagonal of the empirical Fisher information: mean squares of the gradients of single samples."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import IncompatibleError, InvalidProblemError
from ._torch import load_torch
from .torch_layers import Slot
from .torch_network import TorchNetwork
from .torch_training import loss_of


def fisher_diagonal(
    network: TorchNetwork, names: Iterable[str], batches: Iterable[tuple[Any, Any]], loss: Callable
) -> dict[str, NDArray[np.float64]]:
    """Return for every weight of these layers the mean over samples of its squared gradient, (out, in).

    Parameters
    ----------
    network : TorchNetwork
    names : iterable of str
        Linear layers and convolutions whose weight no other layer shares.
    batches : iterable of (inputs, targets)
    loss : callable
        ``loss(outputs, targets)``, a mean over samples.

    Raises
    ------
    IncompatibleError
        For embeddings and shared weights.
    InvalidProblemError
        When there are no batches, or a gradient is not finite.
    """
    torch = load_torch()
    slots = [network._slot(name) for name in names]
    for slot in slots:
        if slot.kind == "embedding" or len(slot.sharing) > 1:
            why = "is an embedding" if slot.kind == "embedding" else "shares its weight"
            raise IncompatibleError(f"layer {slot.name!r} {why}, so it has no Fisher diagonal; leave it out (exclude=)")
    sums: dict[str, Any] = {}
    model, n = network.model, 0
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()  # samples do not meet in normalisations
        with contextlib.ExitStack() as stack, torch.enable_grad():
            for slot in slots:
                stack.callback(slot.module.register_forward_hook(_watch(torch, slot, sums)).remove)
            for inputs, targets in batches:
                value = loss_of(model, loss, inputs, targets) * len(targets)
                torch.autograd.grad(value, [slot.module.weight for slot in slots], allow_unused=True)
                n += len(targets)
    finally:
        for module, mode in modes:
            module.training = mode
    if n == 0:
        raise InvalidProblemError("there are no batches to take gradients from")
    found = {}
    for slot in slots:
        if slot.name not in sums:
            raise InvalidProblemError(f"the loss does not depend on layer {slot.name!r}; leave it out (exclude=)")
        found[slot.name] = sums[slot.name].double().cpu().numpy() / n
        if not np.isfinite(found[slot.name]).all():
            raise InvalidProblemError(f"gradients of layer {slot.name!r} are not finite")
    return found


def _watch(torch: Any, slot: Slot, sums: dict[str, Any]) -> Callable:
    """Return a hook that adds the squared gradients of the samples of a batch to `sums` on the way back."""

    def hook(module, args, output):
        rows = slot.positions(args[0].detach())  # (samples, positions, in)

        def back(gradient):
            d = slot.slopes(gradient)
            with torch.no_grad():
                if rows.shape[1] == 1:
                    squares = (d[:, 0] ** 2).T @ (rows[:, 0] ** 2)
                else:
                    squares = sum((part**2).sum(dim=0) for part in _outer(d, rows))
            sums[slot.name] = sums[slot.name] + squares if slot.name in sums else squares

        output.register_hook(back)

    return hook


def _outer(d: Any, rows: Any, size: int = 16) -> Iterable[Any]:
    """Yield gradients of some samples at a time."""
    for start in range(0, len(d), size):
        yield d[start : start + size].transpose(1, 2) @ rows[start : start + size]
