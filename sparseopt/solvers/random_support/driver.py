"""Regression on random supports, from a checked X and y to a model with its certificate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._ranks import current_ranks
from .average import Average, averaged, weigh
from .candidates import Candidate, Scorer, choose, polish_best, propose
from .certificate import SupportCertificate, as_generator, certify
from .cross_validation import cross_validate
from .levels import LevelPath, default_max_support, fit_levels, select_with_atoms
from .null_sets import NullSets, find_null_sets, no_sets
from .peeling import Peeling, PeelingRule
from .predictor import Model, fit_with_residual, predictor
from .prepare import UnitColumns, unit_columns


@dataclass(frozen=True)
class Settings:
    """Parameters of phase 2; see :class:`sparseopt.RandomSupportRegressor`."""

    base: str = "ols"
    refit: str = "auto"
    gamma: float = 1.0
    max_support: int | None = None
    n_nonzero: int | None = None
    polish: bool = True
    average: bool = False
    n_draws: int = 199
    null_tol: float = 0.1
    n_threads: int = 1
    n_jobs: int | None = None
    verbose: int = 0


@dataclass
class Outcome:
    """What a fit found."""

    unit: UnitColumns
    peeling: Peeling
    paths: list[LevelPath]
    candidates: list[Candidate]
    chosen: Candidate
    weights: NDArray[np.float64]
    model: Model | Average
    mean: float
    scale: float
    noise_variance: float
    certificate: SupportCertificate | None
    support_sigma: float
    null: NullSets

    @property
    def coef(self) -> NDArray[np.float64]:
        """Return the coefficients on the columns as they were given."""
        return self.model.coef / self.unit.scale * self.scale


def solve_random_support(
    X, y, sample_weight=None, *, center=True, rule=None, settings=None, folds=None, random_state=None
) -> Outcome:
    """Peel, select at every level, choose by EBIC or, with `folds`, by cross-validation.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, d)
    y : ndarray of shape (n,)
    sample_weight : ndarray of shape (n,), optional
        Numbers of repetitions.
    center : bool
    rule : PeelingRule, optional
    settings : Settings, optional
    folds : list of (train, test), optional
    random_state : optional
        Of the certificate's draws.
    """
    rule = PeelingRule() if rule is None else rule
    settings = Settings() if settings is None else settings
    n_threads = settings.n_threads
    unit = unit_columns(X, sample_weight, center=center, ranks=current_ranks())
    target, mean = unit.vector(y, center)
    scale = float(np.abs(target).max(initial=0.0)) or 1.0
    target = target / scale  # squares of huge targets would overflow
    d = unit.n_features
    most = settings.n_nonzero or settings.max_support or default_max_support(unit.total, d)
    peeling, paths = fit_levels(unit, target, rule, settings.base, most, n_threads, settings.verbose)
    rng = as_generator(random_state)
    tol = settings.null_tol
    null = find_null_sets(peeling.residual, tol, rng, n_threads, unit.ranks) if tol > 0.0 else no_sets()
    if null.sets and folds is None and settings.refit != "none":
        paths.append(select_with_atoms(peeling, unit, target, null, most, n_threads))
    score = Scorer(target, unit.total, d, settings.gamma)
    candidates = propose(paths, score, settings.refit, settings.n_nonzero)
    if folds is not None:
        scaled = (np.asarray(y, dtype=np.float64) - mean) / scale
        candidates = cross_validate(
            X, scaled, sample_weight, folds, center, rule, settings.base, most, candidates, settings.n_jobs, n_threads
        )
    elif settings.polish and settings.refit in ("auto", "sparse"):
        keep_size = settings.n_nonzero is not None
        candidates += polish_best(candidates, unit, target, score, keep_size=keep_size, n_threads=n_threads)
    chosen = choose(candidates)
    weights = np.array([one is chosen for one in candidates], dtype=np.float64)
    model: Model | Average
    if settings.average:
        weights = weigh(candidates)
        fits = [
            fit_with_residual(unit, peeling, paths[one.level], target, one.kind, one.support)
            for one, weight in zip(candidates, weights, strict=True)
            if weight > 0.0
        ]
        model = averaged([fit for fit, _ in fits], [left for _, left in fits], weights[weights > 0.0])
    else:
        model = predictor(unit, peeling, paths[chosen.level], target, chosen.kind, chosen.support, chosen.index)
    free = unit.total - model.n_parameters - (1 if center else 0)
    with np.errstate(over="ignore"):
        noise = float(np.square(scale) * model.rss) / free if free > 0 else np.nan
    certificate, sigma = _certify(unit, peeling, chosen, settings.n_draws, rng)
    return Outcome(
        unit, peeling, paths, candidates, chosen, weights, model, mean, scale, noise, certificate, sigma, null
    )


def _certify(unit, peeling, chosen, n_draws, rng):
    """Return the certificate at the last level for supports as large as the chosen one, and that one's own value."""
    if n_draws == 0:
        return None, np.nan
    level = len(peeling.rounds)
    size = max(1, chosen.size)
    certificate = certify(
        peeling.residual, size, level=level, dim=peeling.dim(level), n_draws=n_draws, random_state=rng,
        ranks=unit.ranks,
    )  # fmt: skip
    support = np.array(chosen.support, dtype=np.intp)
    alive = support[unit.ranks.of_all_columns(peeling.norms[level])[support] > 0.0]
    if alive.size == 0:
        return certificate, np.nan
    own = peeling.take(alive)
    return certificate, float(np.linalg.svd(own, compute_uv=False)[-1]) if alive.size <= own.shape[0] else 0.0
