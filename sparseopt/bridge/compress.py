"""Compress a network: calibrate, share the budget out, solve layer by layer, report."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from .._threads import resolve_n_threads
from .._validation import check_flag, check_option, check_scalar
from .allocate import RULES
from .checkpoint import Checkpoint
from .gram import as_calibration, as_grams, collect_gram, collect_pair
from .methods import Settings, method_for, pattern_for
from .network import Network, as_network
from .patterns import NM, Neuron, Pattern, as_pattern
from .plan import (
    Target,
    check_reached,
    choose_layers,
    layer_patterns,
    layer_report,
    make_plan,
    progress,
    shrink,
    solve_step,
)
from .report import CompressionReport
from .single import check_options, check_sparsity


@dataclass(frozen=True, eq=False)
class CompressionResult:
    """A compressed network.

    Attributes
    ----------
    model : object
        Of the type that was given; weights that are gone are zero, or the layers smaller.
    report : CompressionReport
    network : Network
        The adapter around the model.
    masks : dict of str to ndarray of bool
    factors : dict of str to tuple of ndarray
        (left, right) of the layers that are stored as two factors.
    """

    model: Any
    report: CompressionReport
    network: Network = field(repr=False)
    masks: dict[str, NDArray[np.bool_]] = field(repr=False)
    factors: dict[str, tuple[NDArray, NDArray]] = field(repr=False)


def compress(
    model: Any, calibration: Any, *, method: str = "admm", sparsity: float | None = None, budget: int | None = None,
    error: float | None = None, pattern: str | Pattern = "unstructured", allocate: str = "relerr",
    layers: Iterable[str] | None = None, exclude: Iterable[str] = (), sequential: bool = False, refit: bool = False,
    damp: float = 0.01, sketch: int | None = None, batch_size: int = 256, max_iter: int | None = None,
    random_state: int = 0, n_threads: int | None = None, verbose: int = 0, checkpoint: str | Path | None = None,
    fine_tune: Callable[[Network, dict[str, NDArray]], None] | None = None, **adapter: Any,
) -> CompressionResult:  # fmt: skip
    """Compress a trained network layer by layer, without training.

    Every layer becomes a least-squares problem: keep its output on calibration data with few weights.

    Parameters
    ----------
    model : torch.nn.Module, ONNX model, scikit-learn MLP, list of layers, dict of arrays, path, or Network
        See :func:`as_network`. It is not changed.
    calibration : ndarray of shape (n, ...), iterable of batches, or dict of Grams
        A few hundred samples like those the network will see; a data frame counts as an array.
    method : str, default="admm"
        "magnitude", "wanda", "wina", "random", "erk": masks without a solve. "refit": magnitude, then the exact
        minimiser on the mask. "sparsegpt": one sweep. "admm": near the best everywhere. "obc": exact greedy removal,
        the best for layers of at most about 1,000 inputs. "iht", "srste", "bcd": thresholding. "best_subset": exchanges
        after greedy removal. "l1": the Lasso. "group": the group Lasso over neurons or blocks (unstructured: neurons).
        "random_support", "turbo_vbi": rows as regressions, for small layers. "dictionary", "low_rank": two factors.
    sparsity : float in [0, 1), optional
        Share of the weights that goes, over all layers; default 0.5.
    budget : int, optional
        Number of weights that stay instead.
    error : float, optional
        Instead: in every layer as few weights as this relative error of its output allows.
    pattern : str or Pattern, default="unstructured"
        "unstructured", "row" (as many in each row), "2:4" or any N:M, "block" or "block:4x4", "neuron" (inputs of a
        layer with the units that feed them, so that both layers get smaller), "cluster" or "cluster:28x28".
    allocate : str, default="relerr"
        How layers share the weights; see :func:`allocate`. N:M leaves no choice.
    layers, exclude : iterable of str, optional
        Names, or patterns such as "encoder.*", of layers to compress and to leave.
    sequential : bool, default=False
        Give every layer the inputs that the layers compressed before it produce, with the outputs of the dense
        network as targets. One more pass over the calibration data for each layer.
    refit : bool, default=False
        End with the exact minimiser on the mask, also for methods that do not by themselves.
    damp : float, default=0.01
        Added to the diagonal of the second moments, in units of its mean.
    sketch : int, optional
        Rows of a sketch of the inputs, instead of exact second moments.
    batch_size : int, default=256
    max_iter : int, optional
        Of iterative methods.
    random_state : int, default=0
    n_threads : int, optional
    verbose : int, default=0
        1: a progress bar over layers.
    checkpoint : path, optional
        A folder for finished layers. A run with the same data and parameters starts where another one stopped.
    fine_tune : callable, optional
        ``fine_tune(network, masks)`` is called at the end and may change weights on the masks.
    **adapter
        For the adapter of the model, such as ``forward=`` for a dict of arrays.

    Returns
    -------
    CompressionResult

    Raises
    ------
    ValueError, TypeError
        For parameters out of range, unknown layers, NaN activations, layers that calibration does not reach.

    Warns
    -----
    UserWarning
        When a layer has fewer calibration rows than inputs.
    ConvergenceWarning
        When a layer was stopped by `max_iter`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sparseopt.bridge import compress
    >>> X, y = load_digits(return_X_y=True)
    >>> net = MLPClassifier((32,), max_iter=60, random_state=0).fit(X[:1000], y[:1000])
    >>> result = compress(net, X[:1000], sparsity=0.7)
    >>> round(result.report.sparsity, 2)
    0.7
    """
    start = time.perf_counter()
    pattern = pattern_for(method, as_pattern(pattern))
    chosen_method = method_for(method, pattern)
    check_option("allocate", allocate, RULES)
    check_options(damp, refit, max_iter, random_state)
    check_flag("sequential", sequential)
    target = _target(sparsity, budget, error, pattern)
    calibration = as_calibration(calibration)
    if fine_tune is not None and not callable(fine_tune):
        raise TypeError(f"fine_tune must be callable, such as a FineTune, got {fine_tune!r}")
    settings = Settings(int(random_state), resolve_n_threads(n_threads), max_iter)
    rule = "erk" if method == "erk" and allocate == "relerr" else allocate
    asked = dict(
        method=method, sparsity=sparsity, budget=budget, error=error, pattern=str(pattern), allocate=rule,
        sequential=sequential, refit=refit, damp=damp, sketch=sketch, max_iter=max_iter, random_state=random_state,
    )  # fmt: skip
    store = Checkpoint(checkpoint, asked)
    network = as_network(model, **adapter)
    network = deepcopy(network) if network is model else network
    todo = choose_layers(network, layers, exclude)
    if isinstance(calibration, Mapping):
        grams = as_grams(calibration, todo)
        if sequential:
            raise ValueError("sequential=True needs calibration data, not Grams")
    else:
        names = [layer.name for layer in todo]
        grams = collect_gram(
            network, calibration, layers=names, batch_size=batch_size, sketch=sketch, random_state=settings.random_state
        )
    patterns = layer_patterns(network, todo, pattern)  # after calibration, which shows what feeds what
    todo = [layer for layer in todo if layer.name in patterns]
    check_reached(todo, grams)
    plan = make_plan(todo, grams, patterns, target, rule, chosen_method, method, damp, settings, not sequential)
    dense = deepcopy(network) if sequential else None
    results, rows = {}, []
    for step in progress(plan, verbose):
        begin = time.perf_counter()
        gram = grams[step.layer.name]
        if dense is not None and step.layer.kind != "embedding":
            pair = collect_pair(dense, network, step.layer.name, calibration, batch_size)
            gram = gram if pair is None else pair
        path = store.path(step.layer.name, step.layer.weight, gram, step.k)
        result = store.load(path)
        if result is None:
            result = solve_step(step, gram, method, target, damp, refit, settings)
            store.save(path, result)
        network.set_weight(step.layer.name, result.W.astype(step.layer.weight.dtype))
        results[step.layer.name] = result
        rows.append(layer_report(step, result, gram, method, time.perf_counter() - begin))
    if isinstance(pattern, Neuron):
        rows = shrink(network, plan, results, rows)
    masks = {name: result.mask for name, result in results.items()}
    if fine_tune is not None:
        fine_tune(network, masks)
    report = CompressionReport(rows, asked, time.perf_counter() - start)
    stopped = [row.name for row in rows if not row.converged]
    if stopped:
        warnings.warn(
            f"{len(stopped)} of {len(rows)} layers were stopped by max_iter before their supports settled, the first "
            f"is {stopped[0]!r}; increase max_iter",
            ConvergenceWarning,
            stacklevel=2,
        )
    factors = {name: result.factors for name, result in results.items() if result.factors is not None}
    return CompressionResult(network.model, report, network, masks, factors)


def _target(sparsity: Any, budget: Any, error: Any, pattern: Pattern) -> Target:
    """Return what was asked for: exactly one of a share, a number and an error."""
    asked = dict(sparsity=sparsity, budget=budget, error=error)
    given = [name for name, value in asked.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"give one of sparsity, budget and error, got {given}")
    if isinstance(pattern, NM):
        fixed = 1.0 - pattern.n / pattern.m
        if budget is not None or error is not None or (sparsity is not None and abs(sparsity - fixed) > 1e-9):
            raise ValueError(f"pattern {pattern} fixes the sparsity at {fixed:g}, got {given[0]}={asked[given[0]]!r}")
        return Target(sparsity=fixed)
    check_scalar("budget", budget, Integral, low=1, allow_none=True)
    check_scalar("error", error, low=0.0, high=1.0, closed="neither", allow_none=True)
    if budget is None and error is None:
        return Target(sparsity=check_sparsity(0.5 if sparsity is None else sparsity))
    return Target(budget=budget, error=error)
