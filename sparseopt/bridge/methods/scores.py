"""Masks from scores, without solving anything: the baselines, and the supports that a refit starts from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..patterns import Pattern
from ..problem import LayerProblem
from ._found import Found, Settings


def magnitude(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Keep the largest weights."""
    return _kept(problem, pattern.mask(np.square(problem.W), k))


def wanda(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Keep the largest |W_ij| rms(h_j) (Sun, Liu, Bair, Kolter, ICLR 2024; theirs is pattern="row")."""
    return _kept(problem, pattern.mask(np.square(problem.W) * _moments(problem), k))


def wina(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Keep the inputs with the largest rms(h_j) |W_:j| (Chen et al., arXiv 2505.19427, and R-Sparse, 2504.19449)."""
    score = _moments(problem) * np.square(problem.W).sum(axis=0)
    # within an input, whose weights share the score, the larger ones go first
    share = np.square(problem.W) / max(float(np.square(problem.W).max(initial=0.0)), np.finfo(float).tiny)
    order = np.argsort(np.argsort(score, kind="stable"), kind="stable")
    return _kept(problem, pattern.mask(order + 0.5 * share, k))


def random(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Keep weights at random: what every method has to beat."""
    rng = np.random.default_rng(settings.random_state)
    return _kept(problem, pattern.mask(rng.random(problem.shape), k))


def posterior_scores(mean: NDArray, std: NDArray, kind: str = "snr_abs") -> NDArray[np.float64]:
    r"""Return how surely weights with Gaussian posteriors are not zero; small ones are pruned first.

    Parameters
    ----------
    mean, std : ndarray
        Of the posterior; std > 0.
    kind : {"snr_abs", "mean_abs", "snr", "abs"}
        E|w| / std|w|, which is 1.3236 at mean 0 for every std; E|w|; \|mean\| / std; \|mean\|.

    Returns
    -------
    ndarray

    References
    ----------
    Li, Miao, Qiu, Zhang, "Training Bayesian neural networks with sparse subspace variational inference", ICLR 2024,
    section 3.3.

    Examples
    --------
    >>> from sparseopt.bridge import posterior_scores
    >>> posterior_scores([0.0, 1.0], [1.0, 0.1]).round(4)
    array([ 1.3236, 10.    ])
    """
    mean, std = np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)
    if kind not in ("snr_abs", "mean_abs", "snr", "abs"):
        raise ValueError(f"kind must be one of 'snr_abs', 'mean_abs', 'snr', 'abs', got {kind!r}")
    if not np.all(std > 0.0):
        raise ValueError("std must be > 0")
    if kind == "abs":
        return np.abs(mean)
    ratio = mean / std
    if kind == "snr":
        return np.abs(ratio)
    size = ratio * special.erf(ratio / np.sqrt(2.0)) + np.sqrt(2.0 / np.pi) * np.exp(-0.5 * np.square(ratio))
    return std * size if kind == "mean_abs" else size / np.sqrt(1.0 + np.square(ratio) - np.square(size))


def _moments(problem: LayerProblem) -> NDArray[np.float64]:
    return np.maximum(np.diagonal(problem.G) - problem.damping, 0.0) * ~problem.dead


def _kept(problem: LayerProblem, mask: NDArray) -> Found:
    return Found(np.where(mask, problem.W, 0.0), mask)
