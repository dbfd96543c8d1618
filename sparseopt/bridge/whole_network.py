"""Sparse training of whole networks: all layers at once, under the network's own loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import repeat
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._threads import resolve_n_threads
from .._validation import check_option, check_scalar
from ..exceptions import IncompatibleError, InvalidProblemError
from ..solvers.turbo_vbi import NetworkPosterior
from ..solvers.turbo_vbi.network import split
from .layer import Layer
from .methods.bayes import support_prior
from .network import Network, as_network
from .patterns import Pattern, Unstructured, as_pattern, largest
from .plan import choose_layers
from .single import check_sparsity
from .torch_fisher import fisher_diagonal
from .torch_network import TorchNetwork
from .torch_training import LOSSES, Batches, Trainer

METHODS = ("fisher", "magnitude", "turbo_vbi")


@dataclass(frozen=True, eq=False)
class SparseTraining:
    """A network that was trained to be sparse.

    Attributes
    ----------
    model : torch.nn.Module
    network : Network
        The adapter around the model.
    masks : dict of str to ndarray of bool
        The weights that are left, by layer, (out, in).
    scores : dict of str to ndarray
        What they were chosen by: log-odds of the posterior, squares of weights, or these times Fisher information.
    history : list of dict
        A row for each round: "loss", its mean over the training before the round's choice; "n_active", how many weights
        were to stay.
    """

    model: Any
    network: Network = field(repr=False)
    masks: dict[str, NDArray[np.bool_]] = field(repr=False)
    scores: dict[str, NDArray] = field(repr=False)
    history: list[dict[str, float]] = field(repr=False)


def train_sparse(
    model: Any, X: Any, y: Any, *, method: str = "turbo_vbi", sparsity: float | None = None, budget: int | None = None,
    pattern: str | Pattern | Mapping[str, str | Pattern] = "unstructured", loss: str | Callable = "cross_entropy",
    epochs: float = 14.0, rounds: int = 10, tuning: float = 0.4, batch_size: int = 128, lr: float = 1e-3,
    n_fisher: int = 10_000, temperature: float = 0.01, inactive_ratio: float = 1e-5,
    layers: Iterable[str] | None = None, exclude: Iterable[str] = (), random_state: int = 0,
    n_threads: int | None = None,
) -> SparseTraining:  # fmt: skip
    """Train a torch model while its weights go, all layers under one budget.

    Training is divided into rounds. After each of them all weights are judged anew and fewer of them are to stay, along
    a cubic that ends at the budget; what is left of the epochs trains the weights that stay for good.

    Parameters
    ----------
    model : torch.nn.Module or TorchNetwork
        Trained. It is not changed.
    X, y : array or tensor
        Training samples and their targets.
    method : {"turbo_vbi", "fisher", "magnitude"}, default="turbo_vbi"
        "magnitude" and "fisher" set weights to zero after each round: those with the smallest w^2, or the smallest
        w^2 F, where F is the diagonal of the empirical Fisher information. "turbo_vbi" infers with which probability
        each weight is needed, under a prior that may know which weights go together, sets those to zero that are needed
        least, and trains the others with the penalty w^2 / (2 D), where D is their variance in this posterior.
    sparsity : float in [0, 1), optional
        Share of the weights that goes; default 0.9.
    budget : int, optional
        Number of weights that stay instead.
    pattern : str, Pattern or dict, default="unstructured"
        Of "turbo_vbi": which weights its prior takes for neighbours. "cluster" (runs along a row of weights),
        "cluster:28x28" (patches of an image of inputs), "neuron", "block:4x4" (groups, which need not go as a whole);
        a dict gives it by names, or patterns of names, of layers. The `strength` of a :class:`Cluster` says how
        much runs hold together.
    loss : {"cross_entropy", "mse"} or callable, default="cross_entropy"
        A mean over samples.
    epochs : float, default=14
        Of all rounds and the tuning after them.
    rounds : int, default=10
        1: weights go at once, and the rest is tuning.
    tuning : float in (0, 1), default=0.4
        Share of the epochs after the last round.
    batch_size : int, default=128
    lr : float, default=1e-3
        Of Adam; falls to zero along a cosine while tuning.
    n_fisher : int, default=10,000
        Samples for the Fisher information. They cost each round as much training as passing them once.
    temperature : float, default=0.01
        Of "turbo_vbi": the likelihood is taken to the power of its inverse. At 1 the information that a well-trained
        network leaves in its gradients says too little about single weights. The higher, the more neighbours count.
    inactive_ratio : float, default=1e-5
        Of "turbo_vbi": prior variance of zero weights over that of the others.
    layers, exclude : iterable of str, optional
        As in :func:`compress`.
    random_state : int, default=0
    n_threads : int, optional
        Of torch while it trains, and of the inference of supports.

    Returns
    -------
    SparseTraining

    Raises
    ------
    ValueError, TypeError
        For parameters out of range, unknown layers, a loss that is not finite.
    MissingDependencyError
        When torch is not installed.

    See Also
    --------
    compress, FineTune

    References
    ----------
    C. Xia, D. H. K. Tsang, V. K. N. Lau, "Structured Bayesian compression for deep neural networks based on the
    Turbo-VBI approach", IEEE Transactions on Signal Processing 71, 2023 (the prior; evidence and schedule are others).
    """
    check_option("method", method, METHODS)
    network = deepcopy(model) if isinstance(model, Network) else as_network(model)
    if not isinstance(network, TorchNetwork):
        raise TypeError(f"train_sparse trains torch models, got a {type(network).__name__}")
    for name, value in dict(epochs=epochs, lr=lr, temperature=temperature).items():
        check_scalar(name, value, low=0.0, closed="neither")
    for name, value in dict(tuning=tuning, inactive_ratio=inactive_ratio).items():
        check_scalar(name, value, low=0.0, high=1.0, closed="neither")
    for name, value in dict(rounds=rounds, batch_size=batch_size, n_fisher=n_fisher).items():
        check_scalar(name, value, Integral, low=1)
    check_scalar("random_state", random_state, Integral, low=0)
    if not callable(loss) and loss not in LOSSES:
        raise ValueError(f"loss must be a function or one of {list(LOSSES)}, got {loss!r}")
    threads = resolve_n_threads(n_threads)
    todo = choose_layers(network, layers, exclude)
    patterns = _patterns(pattern, todo, method)
    for layer in todo:
        if not network.weight_view(layer.name)[0].requires_grad:
            raise InvalidProblemError(f"layer {layer.name!r} has requires_grad=False; leave it out (exclude=)")
    total = sum(layer.size for layer in todo)
    k = _budget(sparsity, budget, total)
    if y is None:
        raise InvalidProblemError("train_sparse needs samples X with their targets y, got y=None")
    batches = Batches(X, y, batch_size, random_state, network.model)
    n_steps = batches.n_steps
    assert n_steps is not None  # since there are targets
    whole = {layer.name: np.ones(layer.weight.shape, dtype=bool) for layer in todo}
    trainer = Trainer(network, whole, loss, lr, n_threads)
    rule: _Rule = _Masks(trainer, method)
    if method == "turbo_vbi":
        posterior = _posterior(todo, patterns, k / total, inactive_ratio)
        rule = _Bayes(trainer, posterior, len(batches.X) / temperature, threads)
    stream, steps = _forever(batches), max(1, round(epochs * n_steps))
    early = 0 if rounds == 1 else round((1.0 - tuning) * steps)
    history = []
    for number in range(rounds):
        here = early * number // rounds, early * (number + 1) // rounds
        value = trainer.train(stream, repeat(lr, here[1] - here[0]))
        weights = {layer.name: layer.weight for layer in network.layers() if layer.name in whole}
        information = {}
        if method != "magnitude":
            some = batches.sample(n_fisher, random_state + number)
            information = fisher_diagonal(network, weights, some, trainer.loss)
        left = k + (total - k) * (1.0 - (number + 1) / rounds) ** 3
        rule.judge({name: weights[name] for name in whole}, information, left)
        history.append({"loss": value, "n_active": left, **rule.facts()})
    masks, scores = rule.end(k)
    trainer.hold(masks)
    trainer.project()
    trainer.train(stream, (0.5 * lr * (1.0 + math.cos(math.pi * i / (steps - early))) for i in range(steps - early)))
    trainer.project()
    return SparseTraining(network.model, network, masks, scores, history)


class _Rule:
    """How weights are judged between rounds."""

    def judge(self, weights: dict, information: dict, left: float) -> None:
        """Look at weights, about `left` of which are to stay, and prepare the next round."""
        raise NotImplementedError  # pragma: no cover - abstract

    def end(self, k: int) -> tuple[dict, dict]:
        """Return masks of k weights, and scores."""
        raise NotImplementedError  # pragma: no cover - abstract

    def facts(self) -> dict[str, float]:
        """Return what the history says of a round."""
        return {}


class _Masks(_Rule):
    """Weights with small scores are zero from then on."""

    def __init__(self, trainer: Trainer, method: str) -> None:
        self.trainer, self.method = trainer, method

    def judge(self, weights, information, left):
        self.scores = {name: np.square(weight, dtype=np.float64) for name, weight in weights.items()}
        if self.method == "fisher":
            self.scores = {name: score * information[name] for name, score in self.scores.items()}
        self.trainer.hold(self._masks(round(left)))
        self.trainer.project()

    def end(self, k):
        return self._masks(k), self.scores

    def _masks(self, k):
        every = np.concatenate([score.ravel() for score in self.scores.values()])
        return split(largest(every, k), {name: score.shape for name, score in self.scores.items()})


class _Bayes(_Rule):
    """Weights have a posterior; the next round trains under the variances that it gives them."""

    def __init__(self, trainer: Trainer, posterior: NetworkPosterior, samples: float, n_threads: int) -> None:
        self.trainer, self.posterior, self.samples, self.n_threads = trainer, posterior, samples, n_threads

    def judge(self, weights, information, left):
        data = {name: self.samples * value for name, value in information.items()}
        self.posterior.update(weights, data, left, self.n_threads)
        self.trainer.hold(self.posterior.largest(round(left)))  # penalties alone let too much through: a cut at the end
        self.trainer.project()
        self.trainer.penalise({name: v / self.samples for name, v in self.posterior.precisions().items()})

    def end(self, k):
        self.trainer.penalise({})
        shapes = self.posterior.shapes
        parts = self.posterior.parts.items()
        return self.posterior.largest(k), {name: part.log_odds.reshape(shapes[name]) for name, part in parts}

    def facts(self):
        """Return the expected number of weights, and what the budget added to all log-odds."""
        return {"expected": self.posterior.n_active, "shift": self.posterior.shift}


def _posterior(todo: list[Layer], patterns: dict[str, Pattern], density: float, ratio: float) -> NetworkPosterior:
    supports = {  # the budget moves all log-odds; a density learned beside it would empty whole layers
        layer.name: support_prior(patterns[layer.name], (layer.weight.shape[0], layer.weight.shape[1]), density, False)
        for layer in todo
    }
    return NetworkPosterior({layer.name: layer.weight for layer in todo}, supports, ratio)


def _budget(sparsity: Any, budget: Any, total: int) -> int:
    if sparsity is not None and budget is not None:
        raise ValueError("give one of sparsity and budget")
    if budget is not None:
        check_scalar("budget", budget, Integral, low=1, high=total)
        return int(budget)
    return max(1, round(total * (1.0 - check_sparsity(0.9 if sparsity is None else sparsity))))


def _patterns(given: Any, todo: list[Layer], method: str) -> dict[str, Pattern]:
    """Return the pattern of every layer."""
    found: dict[str, Pattern] = {}
    names = [layer.name for layer in todo]
    if isinstance(given, Mapping):
        for key, value in given.items():
            hits = [name for name in names if name == key or fnmatchcase(name, key)]
            if not hits:
                raise ValueError(f"pattern: there is no layer {key!r}; the layers are {names}")
            for name in hits:  # a name counts for more than a pattern of names, and among these the first
                if name == key or name not in found:
                    found[name] = as_pattern(value)
    else:
        found = dict.fromkeys(names, as_pattern(given))
    for layer in todo:
        pattern = found.setdefault(layer.name, Unstructured())
        pattern.check((layer.weight.shape[0], layer.weight.shape[1]))
        if method != "turbo_vbi" and not isinstance(pattern, Unstructured):
            raise IncompatibleError(f"method {method!r} knows no pattern {str(pattern)!r}; 'turbo_vbi' does")
    return found


def _forever(batches: Batches) -> Iterator[tuple[Any, Any]]:
    while True:
        yield from batches
