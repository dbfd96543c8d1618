"""Phase 1: spectral peeling, a change of basis in which most sparse combinations do not cancel.

Each round takes the leading principal subspace of the re-normalised columns out and scales what is left of every
column to unit norm. Everything is linear in X, so that X w keeps its support: with Q the projection off all that was
taken out, Q X w = Z (a * scale * w), Z the final unit columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from ..._ext import _peeling
from ..._ranks import ALONE, Ranks

Array = NDArray[np.float64]
EDGE = 1e-8  # relative: an eigenvalue this close below the threshold counts, whatever the BLAS


@dataclass(frozen=True)
class PeelingRule:
    """When a round happens and what it takes out; see :class:`sparseopt.SpectralPeeling`."""

    eig_factor: float = 2.0
    eig_threshold: float | None = None
    rho: float = 0.5
    min_frac: float = 0.02
    rank_tol: float = 1e-12
    max_rounds: int = 60
    max_dim: float = 0.5

    def threshold(self, n_left: float, n_alive: int) -> float:
        """Return the smallest eigenvalue that is taken out: a multiple of the edge for columns of pure noise.

        `n_alive` independent unit columns in `n_left` dimensions have their largest eigenvalue of R R'/n_alive near
        (1 + sqrt(n_left / n_alive))^2 / n_left (Marchenko and Pastur).
        """
        if self.eig_threshold is not None:
            return self.eig_threshold
        return self.eig_factor * (1.0 + np.sqrt(n_left / n_alive)) ** 2 / n_left


@dataclass
class Round:
    """One round as a linear map: P = R from_columns, R <- (R - P to_columns) * inverse."""

    from_columns: Array
    to_columns: Array
    inverse: Array
    eigenvalues: Array
    fraction: float


@dataclass
class Peeling:
    """What was taken out, and the residual columns of the last round.

    Attributes
    ----------
    basis : ndarray of shape (m, D)
        U, orthonormal; the columns of one round lie together.
    residual : ndarray of shape (m, d)
        Z: unit columns, or zero where nothing was left.
    norms : list of ndarray of shape (d,)
        For every level, the norm of what is left of each unit column.
    rounds : list of Round
    stopped_by : str
        "clean": too few columns lie in a leading subspace; "max_dim", "max_rounds": a limit was met first;
        "exhausted": nothing is left.
    """

    basis: Array
    residual: Array
    norms: list[Array]
    rounds: list[Round] = field(default_factory=list)
    stopped_by: str = "clean"
    ranks: Ranks = ALONE

    def take(self, numbers):
        """Return some of the residual columns of all ranks."""
        return self.ranks.take_columns(self.residual, numbers)

    def complete(self) -> None:
        """Let every rank have what the rounds do to all columns; the residual columns stay where they are."""
        of_all = self.ranks.of_all_columns
        self.norms = [of_all(a) for a in self.norms]
        self.rounds = [
            Round(
                of_all(one.from_columns), of_all(one.to_columns.T).T, of_all(one.inverse), one.eigenvalues, one.fraction
            )
            for one in self.rounds
        ]
        self.ranks = ALONE

    @property
    def dims(self) -> list[int]:
        """Return how many directions each round took out."""
        return [one.eigenvalues.size for one in self.rounds]

    def dim(self, level: int) -> int:
        """Return how many directions were taken out before a level."""
        return sum(self.dims[:level])

    def project_off(self, y, level: int):
        """Return (U'y, y - U U'y) with the directions of a level."""
        U = self.basis[:, : self.dim(level)]
        inside = U.T @ y
        rest = y - U @ inside
        rest -= U @ (U.T @ rest)
        return inside, rest

    def residual_columns(self, columns, level: int):
        """Return the residual columns of a level for some of the unit columns that were peeled."""
        Z = np.array(columns)
        ends = np.cumsum([0, *self.dims])
        for t in range(level):
            V, U = self.basis[:, ends[t] : ends[t + 1]], self.basis[:, : ends[t + 1]]
            for off in ((V, V), (U,)):  # as a round does: twice off the new directions, clean at the new scale
                for part in off:
                    Z -= part @ (part.T @ Z)
                norms = np.linalg.norm(Z, axis=0)
                Z /= np.where(norms > 0.0, norms, 1.0)
        return Z

    def transform(self, rows, level: int):
        """Return (coordinates in U, residual columns) of scaled rows (overwritten) at a level."""
        parts = []
        for one in self.rounds[:level]:
            P = rows @ one.from_columns
            parts.append(P)
            rows -= P @ one.to_columns
            rows *= one.inverse
        return (np.hstack(parts) if parts else np.zeros((rows.shape[0], 0))), rows

    def pull_back(self, inside, outside, level: int):
        """Return the coefficients on unit columns that equal those on (U, Z) of a level."""
        ends = np.cumsum([0, *self.dims])
        first, _ = self.ranks.place_columns(self.norms[0].size)
        coef = np.array(outside[first : first + self.norms[0].size], dtype=np.float64)
        for t in reversed(range(level)):
            one = self.rounds[t]
            coef *= one.inverse
            carried = self.ranks.total_of_columns(one.to_columns @ coef)
            coef += one.from_columns @ (inside[ends[t] : ends[t + 1]] - carried)
        return self.ranks.of_all_columns(coef)


def peel_levels(
    columns, total: float, rule: PeelingRule, n_threads: int = 1, ranks: Ranks = ALONE
) -> Iterator[Peeling]:
    """Yield the same `Peeling` at every level, from none taken out to the last; `residual` holds that level's columns.

    Parameters
    ----------
    columns : ndarray of shape (m, d), Fortran order
        Unit or zero columns; not written to.
    total : float
        Number of samples, m unless rows carry weights.
    rule : PeelingRule
    n_threads : int
    ranks : Ranks
        Where other columns are.
    """
    m, d = columns.shape
    a = np.ones(d)
    a[~columns.any(axis=0)] = 0.0
    state = Peeling(np.empty((m, 0), order="F"), columns, [a], ranks=ranks)
    yield state
    while True:
        found = _leading(state, total, rule, n_threads)
        if found is None:
            return
        values, V, P, fraction = found
        if state.residual is columns:
            state.residual = columns.copy(order="F")
        alive = int(ranks.total_of_columns(float(np.count_nonzero(state.norms[-1]))))
        from_columns = P.T / (alive * values)
        inverse = np.empty(d)
        a = state.norms[-1].copy()
        state.basis = np.asfortranarray(np.hstack([state.basis, V]))
        _peeling.peel(V, state.basis, state.residual, P, a, inverse, rule.rank_tol, n_threads)
        state.norms.append(a)
        state.rounds.append(Round(from_columns, P, inverse, values, fraction))
        yield state


def _leading(state: Peeling, total, rule: PeelingRule, n_threads):
    """Return (eigenvalues, V, V'R, fraction of columns inside) of the next round, or None when there is none."""
    R, a = state.residual, state.norms[-1]
    m, d = R.shape
    alive = a > 0.0
    ranks = state.ranks
    n_alive, taken = int(ranks.total_of_columns(float(np.count_nonzero(alive)))), state.basis.shape[1]
    if n_alive < 2 or total - taken < 3 or m - taken < 1:
        state.stopped_by = "exhausted" if state.rounds else "clean"
        return None
    values, V = leading_subspace(R, n_alive, rule.threshold(total - taken, n_alive), n_threads, ranks)
    if values.size == 0:
        state.stopped_by = "clean"
        return None
    P = np.empty((values.size, d), order="F")
    energy = np.empty(d)
    _peeling.coordinates(V, R, P, energy, n_threads)
    inside, d = ranks.total_of_columns(np.array([np.count_nonzero(alive & (energy >= 1.0 - rule.rho**2)), float(d)]))
    fraction = float(inside / d)
    if fraction < rule.min_frac:
        state.stopped_by = "clean"
        return None
    if taken + values.size > int(rule.max_dim * total):
        state.stopped_by = "max_dim"
        return None
    if len(state.rounds) >= rule.max_rounds:
        state.stopped_by = "max_rounds"
        return None
    return values, V, P, fraction


def leading_subspace(R, n_alive: int, threshold: float, n_threads: int = 1, ranks: Ranks = ALONE):
    """Return the eigenvalues of R R'/n_alive from `threshold` on, decreasing, and their eigenvectors."""
    m, d = R.shape
    by_rows = m <= d or ranks.size > 1
    size = m if by_rows else d
    M = np.empty((size, size), order="F")
    _peeling.gram(R, by_rows, 1.0 / n_alive, M, n_threads)
    M = np.asfortranarray(ranks.total_of_columns(M))
    values, V = eigh(M, subset_by_value=(threshold * (1.0 - EDGE), np.inf), driver="evr", overwrite_a=True)
    values, V = values[::-1], V[:, ::-1]
    if not by_rows:
        V = R @ V
        V /= np.linalg.norm(V, axis=0)
    signs = np.sign(V[np.abs(V).argmax(axis=0), np.arange(V.shape[1])])  # else they depend on the LAPACK
    return values.copy(), np.asfortranarray(V * signs)
