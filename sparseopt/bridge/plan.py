"""Steps of a compression: which layers, how many weights each keeps, one layer, and what gets smaller afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from ..exceptions import InvalidProblemError
from .allocate import Curve, allocate, removal_curve
from .gram import Gram
from .layer import Layer
from .methods import Method, Removals, Settings
from .network import Network
from .patterns import NM, Neuron, Pattern, Unstructured
from .problem import LayerProblem, layer_problem
from .report import LayerReport, count_clusters
from .single import LayerResult, check_weight, solve_diagonal, solve_layer
from .storage import stored_bytes

TRIALS = 12  # solves in the search for an error


@dataclass(frozen=True)
class Target:
    """One of the three."""

    sparsity: float | None = None
    budget: int | None = None
    error: float | None = None


@dataclass(frozen=True)
class Step:
    """What to do with one layer."""

    layer: Layer
    pattern: Pattern
    k: int
    removals: Removals | None = None


def choose_layers(network: Network, layers: Iterable[str] | None, exclude: Iterable[str]) -> list[Layer]:
    """Return the layers that names, or patterns of names, choose."""
    there = network.layers()
    if not there:
        others = [f"{name!r} ({kind})" for name, kind in network._left_alone().items()]
        has = f"; it has {', '.join(others[:5])}" if others else ""
        raise ValueError(f"the network has no layers to compress: no linear, convolution or embedding of floats{has}")
    chosen = {layer.name for layer in there} if layers is None else _matching("layers", layers, network)
    chosen -= _matching("exclude", exclude, network)
    todo = [layer for layer in there if layer.name in chosen]
    if not todo:
        raise ValueError(f"no layers are left to compress; the network has {[layer.name for layer in there]}")
    for layer in todo:
        check_weight(layer.weight, f"the weight of layer {layer.name!r}")
    return todo


def _matching(what: str, names: Iterable[str], network: Network) -> set[str]:
    """Return the layers that names, or patterns of names, stand for."""
    if not isinstance(names, Iterable):
        raise TypeError(f"{what} must be names, got {names!r}")
    there = [layer.name for layer in network.layers()]
    found: set[str] = set()
    for name in [names] if isinstance(names, str) else names:
        if not isinstance(name, str):
            raise TypeError(f"{what} must be names, got {name!r}; as_network(file, layers=...) connects a file")
        hits = {known for known in there if known == name or fnmatchcase(known, name)}
        if not hits and name in (others := network._left_alone()):
            raise ValueError(f"{what}: {name!r} is a {others[name]}, which is never compressed; the layers are {there}")
        if not hits:
            raise ValueError(f"{what}: there is no layer {name!r}; the layers are {there}")
        found |= hits
    return found


def layer_patterns(network: Network, todo: Sequence[Layer], pattern: Pattern) -> dict[str, Pattern]:
    """Return the pattern of every layer; "neuron" leaves layers out whose inputs are no units of another layer."""
    patterns: dict[str, Pattern] = {}
    for layer in todo:
        if isinstance(pattern, Neuron):
            producer = network.producer(layer.name)
            if producer is None:
                continue
            patterns[layer.name] = Neuron(producer[1])
        else:
            patterns[layer.name] = pattern
        patterns[layer.name].check((layer.weight.shape[0], layer.weight.shape[1]))
    if not patterns:
        raise ValueError(
            f"pattern {pattern}: none of the layers {[layer.name for layer in todo]} takes units of another"
        )
    return patterns


def check_reached(todo: Sequence[Layer], grams: Mapping[str, Gram]) -> None:
    """Raise for layers without calibration data, and warn of too little."""
    missing = [layer.name for layer in todo if layer.name not in grams]
    if missing:
        raise InvalidProblemError(f"calibration never reaches the layers {missing}; leave them out with exclude=")
    short = [
        layer for layer in todo if 0 < grams[layer.name].n_rows < layer.weight.shape[1] and layer.kind != "embedding"
    ]
    if short:
        rows, n = grams[short[0].name].n_rows, short[0].weight.shape[1]
        warnings.warn(
            f"{len(short)} layers have fewer calibration rows than inputs, the first is {short[0].name!r} with {rows} "
            f"rows for {n} inputs; results improve with more",
            UserWarning,
            stacklevel=3,
        )


def make_plan(
    todo: Sequence[Layer], grams: Mapping[str, Gram], patterns: Mapping[str, Pattern], target: Target, rule: str,
    method: Method, name: str, damp: float, settings: Settings, keep_paths: bool = True,
) -> list[Step]:  # fmt: skip
    """Share the weights out over the layers; `keep_paths` lets "obc" use the removals that its curves come from."""
    if target.error is not None:
        return [Step(layer, patterns[layer.name], layer.size) for layer in todo]
    total = sum(layer.size for layer in todo)
    if target.budget is not None and not len(todo) <= target.budget < total:
        raise ValueError(f"budget must be at least {len(todo)} and less than the {total} weights, got {target.budget}")
    sparsity = target.sparsity if target.budget is None else 1.0 - target.budget / total
    assert sparsity is not None
    fixed = any(isinstance(pattern, NM) for pattern in patterns.values())
    curves = {}
    if not fixed:
        for layer in todo:
            curves[layer.name] = _curve(layer, grams[layer.name], patterns[layer.name], rule, damp, settings)
    counts = {} if fixed else allocate(curves, sparsity, rule)
    plan = []
    for layer in todo:
        pattern, shape = patterns[layer.name], (layer.weight.shape[0], layer.weight.shape[1])
        if fixed or method.factors:
            k = pattern.count(shape, sparsity) if fixed else counts[layer.name]
        elif isinstance(pattern, Unstructured):
            k = counts[layer.name]
        else:
            k = pattern.count(shape, 1.0 - counts[layer.name] / layer.size)
        known = (
            curves[layer.name].removals if name == "obc" and keep_paths and isinstance(pattern, Unstructured) else None
        )
        plan.append(Step(layer, pattern, k, known))
    return plan


def _curve(layer: Layer, gram: Gram, pattern: Pattern, rule: str, damp: float, settings: Settings) -> Curve:
    shape = (layer.weight.shape[0], layer.weight.shape[1])
    if rule not in ("relerr", "knapsack"):
        return Curve(shape, np.zeros(0), 1.0, np.sort(np.abs(layer.weight).ravel()))
    if gram.matrix.ndim == 1:
        cost = np.square(layer.weight.astype(np.float64)) * gram.matrix
        return Curve(shape, np.sort(cost.ravel()) / (cost.sum() or 1.0), 1.0, np.sort(np.abs(layer.weight).ravel()))
    return removal_curve(layer_problem(layer.weight, gram, damp), pattern, settings)


def solve_step(
    step: Step, gram: Gram, method: str, target: Target, damp: float, refit: bool, settings: Settings
) -> LayerResult:
    """Solve one layer, for a number of weights or for an error."""
    if gram.matrix.ndim == 1 and target.error is None:
        return solve_diagonal(step.layer.weight, gram, step.pattern, step.k, damp)
    if gram.matrix.ndim == 1:
        gram = replace(gram, matrix=np.diag(gram.matrix))
    problem = layer_problem(step.layer.weight, gram, damp)
    known = {} if step.removals is None else {"known": step.removals}
    if target.error is None:
        return solve_layer(problem, method, step.pattern, step.k, refit, settings, **known)
    return _solve_to_error(problem, step.pattern, method, target.error, refit, settings)


def _solve_to_error(
    problem: LayerProblem, pattern: Pattern, method: str, error: float, refit: bool, settings
) -> LayerResult:
    """Search the smallest number of weights whose error is at most `error`, by bisection of its logarithm."""
    size = problem.W.size
    low, high, best = 0.0, np.log(size), None
    for _ in range(TRIALS):
        middle = 0.5 * (low + high)
        k = pattern.count(problem.shape, 1.0 - np.exp(middle) / size)
        result = solve_layer(problem, method, pattern, k, refit, settings)
        if result.relerr <= error:
            if best is None or result.n_nonzero <= best.n_nonzero:
                best = result
            high = middle
        else:
            low = middle
        if high - low < 0.01:
            break
    return best if best is not None else solve_layer(problem, method, pattern, size, refit, settings)


def layer_report(step: Step, result: LayerResult, gram: Gram, method: str, seconds: float) -> LayerReport:
    """Return the line of one layer."""
    weight = step.layer.weight
    parts: tuple = (result.W,) if result.factors is None else result.factors
    if step.layer.kind == "embedding":  # stored as the model has it, one row a word
        parts = tuple(part.T for part in parts)
    return LayerReport(
        name=step.layer.name,
        kind=step.layer.kind,
        method=method,
        pattern=str(step.pattern),
        shape=(weight.shape[0], weight.shape[1]),
        n_weights=weight.size,
        n_nonzero=result.n_nonzero,
        error_mask=result.relerr_mask,
        error=result.relerr,
        stationarity=result.stationarity,
        objective=result.objective,
        lower_bound=result.lower_bound,
        n_clusters=count_clusters(result.mask, getattr(step.pattern, "grid", None)),
        bytes_dense=weight.nbytes,
        bytes=sum(stored_bytes(part.astype(weight.dtype)) for part in parts),
        n_rows=gram.n_rows,
        n_iter=result.n_iter,
        converged=result.converged,
        seconds=seconds,
    )


def shrink(
    network: Network, plan: Sequence[Step], results: Mapping[str, LayerResult], rows: Sequence[LayerReport]
) -> list[LayerReport]:
    """Take away the units that nothing reads any more; return the lines with the sizes that are left."""
    for step in plan:
        pattern = step.pattern
        assert isinstance(pattern, Neuron)
        used = results[step.layer.name].mask.any(axis=0)
        if not used.all():
            network.remove_units(step.layer.name, np.flatnonzero(used.reshape(-1, pattern.size).any(axis=1)))
    left = {layer.name: layer.weight for layer in network.layers()}
    return [
        replace(
            row,
            shape=left[row.name].shape,
            n_nonzero=int(np.count_nonzero(left[row.name])),
            bytes=left[row.name].size * left[row.name].dtype.itemsize,
        )
        for row in rows
    ]


def progress(plan: Sequence[Step], verbose: int) -> Iterator[Step]:
    """Yield the steps under a progress bar."""
    if verbose != 1:
        yield from plan
        return
    from tqdm.auto import tqdm

    with tqdm(plan, unit="layer", desc="sparseopt compress", leave=False) as bar:
        for step in bar:
            bar.set_postfix_str(step.layer.name)
            yield step
