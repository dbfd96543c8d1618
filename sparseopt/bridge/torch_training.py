"""Training torch models on what compression left: weights under masks, N:M patterns that may still move."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation import check_scalar, short
from ..exceptions import InvalidProblemError
from ._torch import load_torch
from .patterns import NM
from .torch_network import TorchNetwork

LOSSES = ("cross_entropy", "mse")


class FineTune:
    """Train a compressed torch model on data, for ``compress(..., fine_tune=FineTune(X, y))``.

    Trained are the weights that compression left, and all that it did not touch: biases, normalisations, other layers.

    Parameters
    ----------
    X : array, tensor or iterable of (inputs, targets)
        Samples; or batches of samples with their targets, such as a DataLoader, and then `y` is None.
    y : array or tensor, optional
        Targets.
    loss : {"cross_entropy", "mse"} or callable, default="cross_entropy"
        ``loss(outputs, targets)`` returns a scalar tensor.
    epochs : int, default=2
    batch_size : int, default=128
    lr : float, default=3e-4
        Of Adam; falls to zero along a cosine.
    pattern : str, optional
        N:M, such as "2:4": the forward pass uses the N largest of every M weights, gradients are taken there and given
        to all weights, and those outside of the pattern decay by `decay` (SR-STE), so that the pattern may change.
    decay : float, default=2e-4
    random_state : int, default=0
    n_threads : int, optional
        Of torch while it trains; None leaves torch's own number.

    Attributes
    ----------
    losses_ : list of float
        Mean loss of each epoch.
    flips_ : list of int
        With `pattern`: how many entries of the masks changed in each epoch.

    References
    ----------
    A. Zhou et al., "Learning N:M fine-grained structured sparse neural networks from scratch", ICLR 2021 (SR-STE).
    """

    def __init__(
        self, X: Any, y: Any = None, *, loss: str | Callable = "cross_entropy", epochs: int = 2, batch_size: int = 128,
        lr: float = 3e-4, pattern: str | None = None, decay: float = 2e-4, random_state: int = 0,
        n_threads: int | None = None,
    ) -> None:  # fmt: skip
        check_scalar("epochs", epochs, Integral, low=1)
        check_scalar("batch_size", batch_size, Integral, low=1)
        check_scalar("lr", lr, low=0.0, closed="neither")
        check_scalar("decay", decay, low=0.0)
        check_scalar("n_threads", n_threads, Integral, low=1, allow_none=True)
        check_scalar("random_state", random_state, Integral, low=0)
        if not callable(loss) and loss not in LOSSES:
            raise ValueError(f"loss must be a function or one of {list(LOSSES)}, got {loss!r}")
        if pattern is not None and not (isinstance(pattern, str) and re.fullmatch(r"\d{1,4}:\d{1,4}", pattern)):
            raise ValueError(f"pattern must be None or N:M such as '2:4', got {pattern!r}")
        self.X, self.y, self.loss, self.epochs, self.batch_size, self.lr = X, y, loss, epochs, batch_size, lr
        self.pattern, self.decay, self.random_state, self.n_threads = pattern, decay, random_state, n_threads

    def __call__(self, network: Any, masks: dict[str, NDArray]) -> None:
        """Train the model of a network in place, on the masks, which follow the weights where `pattern` moves them."""
        if not isinstance(network, TorchNetwork):
            raise TypeError(f"fine_tune: FineTune trains torch models, got a {type(network).__name__}")
        trainer = Trainer(network, masks, self.loss, self.lr, self.n_threads)
        if self.pattern is not None:
            n, m = map(int, self.pattern.split(":"))
            trainer.follow(NM(n, m), self.decay)
        steps = Batches(self.X, self.y, self.batch_size, self.random_state, network.model)
        self.losses_ = trainer.run(steps, self.epochs)
        self.flips_ = trainer.flips
        masks.update(trainer.masks())


class Batches:
    """Batches of samples in a new order every epoch, of the type that a model takes."""

    def __init__(self, X: Any, y: Any, size: int, random_state: int, model: Any) -> None:
        torch = load_torch()
        self.size, self.rng = size, np.random.default_rng(random_state)
        self.given: Iterable | None = None
        self.n_steps: int | None = None
        if y is None:
            if not isinstance(X, Iterable) or isinstance(X, (np.ndarray, torch.Tensor)):
                raise InvalidProblemError("training needs targets y, or batches (inputs, targets) in place of X")
            self.given, self.n_steps = X, len(X) if isinstance(X, Sized) else None
            return
        like = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
        self.X, self.y = _tensor(torch, "X", X, like), _tensor(torch, "y", y)
        if len(self.X) != len(self.y) or len(self.X) == 0:
            raise InvalidProblemError(f"X has {len(self.X)} samples, y has {len(self.y)}")
        self.n_steps = -(-len(self.X) // size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        if self.given is not None:
            n = 0
            for batch in self.given:
                n += 1
                yield batch[0], batch[1]
            if n == 0:
                raise InvalidProblemError(
                    "there are no batches to train on; an iterator can be read only once, pass a list"
                )
            return
        order = load_torch().from_numpy(self.rng.permutation(len(self.X)))
        for start in range(0, len(order), self.size):
            index = order[start : start + self.size]
            yield self.X[index], self.y[index]

    def sample(self, n: int, seed: int) -> Iterator[tuple[Any, Any]]:
        """Yield batches of n samples, or of all where there are fewer."""
        order = np.sort(np.random.default_rng(seed).permutation(len(self.X))[:n])
        index = load_torch().from_numpy(order)
        for start in range(0, len(index), self.size):
            part = index[start : start + self.size]
            yield self.X[part], self.y[part]


def _tensor(torch: Any, name: str, value: Any, like: Any = None) -> Any:
    """Return a finite tensor; float64 of numpy becomes float32, and all floats what `like` says."""
    if not isinstance(value, torch.Tensor):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise InvalidProblemError(f"{name} must hold numbers, got {array.dtype}: {short(value)}")
        array = array.astype(np.float32) if array.dtype == np.float64 else np.require(array, requirements=["C", "W"])
        value = torch.from_numpy(array)
    if value.is_floating_point():
        if not torch.isfinite(value).all():
            raise InvalidProblemError(f"{name} contains NaN or infinity")
        value = value if like is None else value.to(like)
    return value


def loss_of(model: Any, loss: Callable, inputs: Any, targets: Any) -> Any:
    """Return the loss of a batch, a tensor with one number, or say why there is none."""
    try:
        outputs = model(inputs)
        value = loss(getattr(outputs, "logits", outputs), targets)
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        if "memory" in str(error):
            raise
        reason = f"training on inputs {_kind(inputs)} with targets {_kind(targets)} fails: {short(str(error))}"
        raise InvalidProblemError(reason) from error
    if not isinstance(value, load_torch().Tensor) or value.numel() != 1 or not value.requires_grad:
        raise InvalidProblemError(f"loss must return a tensor with one number that weights move, got {short(value)}")
    return value


def _kind(value: Any) -> str:
    return f"of {value.dtype} with shape {list(value.shape)}" if hasattr(value, "shape") else type(value).__name__


class Trainer:
    """Adam on the model of a network, with some weights held at zero.

    Parameters
    ----------
    network : TorchNetwork
    masks : dict of str to ndarray of bool
        By layer, (out, in).
    loss : str or callable
    lr : float
    n_threads : int or None
    """

    def __init__(self, network: TorchNetwork, masks: dict, loss: Any, lr: float, n_threads: int | None) -> None:
        torch = load_torch()
        self.model, self.lr, self.n_threads = network.model, lr, n_threads
        functional = torch.nn.functional
        self.loss = loss if callable(loss) else {"cross_entropy": functional.cross_entropy, "mse": _mse(torch)}[loss]
        self.flips: list[int] = []
        self._views = {name: network.weight_view(name) for name in masks}
        self._held: dict[Any, Any] = {}
        self.hold(masks)
        self._pattern: NM | None = None
        self._decay = 0.0
        trained = [p for p in self.model.parameters() if p.requires_grad]
        if not trained:
            raise InvalidProblemError("no parameter of the model may be trained: all have requires_grad=False")
        self.optimizer = torch.optim.Adam(trained, lr=lr)
        self._shrink: dict[Any, Any] = {}
        self._flips: list[int] = []  # of each step
        self._draws = 0

    def hold(self, masks: Mapping[str, NDArray]) -> None:
        """Hold the weights off these masks at zero from now on."""
        for parameter, values in self._parameters(masks, 1.0).items():
            self._held[parameter] = values

    def penalise(self, precisions: Mapping[str, NDArray]) -> None:
        """Add 1/2 sum of precision times squared weight to the loss from now on; an empty dict ends it."""
        self._shrink = self._parameters(precisions, 0.0)

    def _parameters(self, matrices: Mapping[str, NDArray], rest: float) -> dict[Any, Any]:
        """Return matrices in the shape of the parameters, all groups of one convolution together."""
        torch = load_torch()
        found: dict[Any, Any] = {}
        for name, matrix in matrices.items():
            parameter, part, to_shape = self._views[name]
            values = found.setdefault(parameter, torch.full_like(parameter, rest))
            values[part] = torch.from_numpy(np.array(to_shape(matrix))).to(values.dtype).to(values.device)
        return found

    def follow(self, pattern: NM, decay: float) -> None:
        """Let masks follow the N largest of every M weights."""
        for name in self._views:
            n = self._matrix(name).shape[1]
            if n % pattern.m:
                raise InvalidProblemError(
                    f"pattern {pattern}: {pattern.m} does not divide the {n} inputs of layer {name!r}"
                )
        self._pattern, self._decay = pattern, decay
        for name in self._views:
            self._project(name)

    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """Return the masks by layer."""
        torch = load_torch()
        found = {}
        for name, (parameter, part, to_shape) in self._views.items():
            held = self._held[parameter][part].detach().cpu().to(torch.float32).numpy() != 0
            found[name] = to_shape.inverse(held)
        return found

    def _matrix(self, name: str) -> Any:
        parameter, part, to_shape = self._views[name]
        return to_shape.inverse(parameter.detach()[part].float().cpu().numpy())

    def _project(self, name: str) -> int:
        torch = load_torch()
        parameter, part, to_shape = self._views[name]
        weight = self._matrix(name)
        assert self._pattern is not None
        mask = self._pattern.mask(np.square(weight, dtype=np.float64), 0)
        new = torch.from_numpy(np.array(to_shape(mask))).to(self._held[parameter].dtype)
        changed = int((new != self._held[parameter][part]).sum())
        self._held[parameter][part] = new
        return changed

    def run(self, batches: Batches, epochs: int, last_lr: float = 0.0) -> list[float]:
        """Train, and return the mean loss of every epoch; modes, threads and gradients are put back."""
        total = None if batches.n_steps is None else epochs * batches.n_steps
        rates = _cosine(self.lr, last_lr, total) if total is not None else itertools.repeat(self.lr)
        losses = []
        for _ in range(epochs):
            flips = len(self._flips)
            losses.append(self.train(iter(batches), rates))
            self.flips.append(sum(self._flips[flips:]))
        self.project()
        return losses

    def train(self, batches: Iterable[tuple[Any, Any]], rates: Iterable[float]) -> float:
        """Take one step for each batch as long as there are both, and return the mean loss."""
        torch = load_torch()
        modes = [(module, module.training) for module in self.model.modules()]
        threads = torch.get_num_threads()
        seen, n = 0.0, 0
        try:
            if self.n_threads is not None:
                torch.set_num_threads(self.n_threads)
            self.model.train()
            with torch.enable_grad(), torch.random.fork_rng(devices=[]):
                torch.manual_seed(self._draws)  # dropout
                self._draws += 1
                for (inputs, targets), rate in zip(batches, rates, strict=False):
                    for group in self.optimizer.param_groups:
                        group["lr"] = rate
                    value = self._step(torch, inputs, targets)
                    if not np.isfinite(value):
                        raise InvalidProblemError(f"the loss became {value}; choose a smaller lr than {self.lr}")
                    if self._pattern is not None:
                        self._flips.append(sum(self._project(name) for name in self._views))
                    seen, n = seen + value, n + 1
        finally:
            torch.set_num_threads(threads)
            self.optimizer.zero_grad(set_to_none=True)
            for module, mode in modes:
                module.training = mode
        return seen / n if n else math.nan

    def project(self) -> None:
        """Set the weights off the masks to zero."""
        with load_torch().no_grad():
            for parameter, held in self._held.items():
                parameter.mul_(held)

    def _step(self, torch: Any, inputs: Any, targets: Any) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        dense = {}
        with torch.no_grad():
            for parameter, held in self._held.items():
                if self._pattern is not None:
                    dense[parameter] = parameter.detach().clone()
                parameter.mul_(held)
        loss = loss_of(self.model, self.loss, inputs, targets)
        loss.backward()
        with torch.no_grad():
            for parameter, held in self._held.items():
                if parameter.grad is None:
                    continue
                if self._pattern is None:
                    parameter.grad.mul_(held)
                else:  # the gradient at the projection, given to all weights, and decay where the pattern is not
                    parameter.copy_(dense[parameter])
                    parameter.grad.add_((1.0 - held) * parameter, alpha=self._decay)
        self.optimizer.step()
        if self._shrink:
            self._shrink_steps(torch)
        return float(loss.detach())

    def _shrink_steps(self, torch: Any) -> None:
        """Apply the penalty exactly, in the metric of the step: large precisions cannot make training unstable."""
        group = self.optimizer.param_groups[0]
        beta, eps = group["betas"][1], group["eps"]
        with torch.no_grad():
            for parameter, precision in self._shrink.items():
                state = self.optimizer.state[parameter]
                size = (state["exp_avg_sq"] / (1.0 - beta ** float(state["step"]))).sqrt_().add_(eps)
                parameter.div_(1.0 + group["lr"] * precision / size)


def _cosine(first: float, last: float, n: int) -> Iterator[float]:
    return (last + 0.5 * (first - last) * (1.0 + math.cos(math.pi * step / n)) for step in range(n))


def _mse(torch: Any) -> Callable:
    def loss(outputs: Any, targets: Any) -> Any:
        return torch.nn.functional.mse_loss(outputs, targets.to(outputs.dtype).reshape(outputs.shape))

    return loss
