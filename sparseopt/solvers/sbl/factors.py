"""Kronecker dictionaries H_1 x ... x H_I and data on them: shapes, products, scales."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from ..._ext import _kron_sbl
from ...exceptions import InvalidProblemError

MAX_FACTOR_EXPONENT = 150  # of entries of a factor, so that sums of their squares are numbers
MAX_EXPONENT = 140  # of norms of columns of the Kronecker matrix: variances are in units of their squares


def outer(vectors):
    """Return the outer product of vectors, one axis each."""
    return reduce(np.multiply.outer, vectors)


def mode_products(tensor, matrices, first=0):
    """Multiply axis first + i of a tensor by matrices[i]."""
    for axis, matrix in enumerate(matrices, start=first):
        tensor = np.moveaxis(np.tensordot(matrix, tensor, axes=(1, axis)), 0, axis)
    return tensor


@dataclass(frozen=True)
class Scaled:
    """Problems in units of their own: unit columns, data of mean square one.

    Attributes
    ----------
    factors : list of ndarray of shape (M_i, N_i), Fortran order
    Y : ndarray of shape (n_problems, snapshots, prod M_i)
    columns : list of ndarray of shape (N_i,)
        What the columns were divided by; 0 where a column is zero.
    power : ndarray of shape (n_problems,)
        What |y|^2 was divided by.
    """

    factors: list
    Y: np.ndarray
    columns: list
    power: np.ndarray

    @property
    def shape(self):
        """Number of atoms of each factor."""
        return tuple(H.shape[1] for H in self.factors)


def scale(factors, Y, normalize=True):
    """Return the problems in units of their own (`normalize`), or as they are.

    Parameters
    ----------
    factors : list of ndarray of shape (M_i, N_i)
    Y : ndarray of shape (n_problems, snapshots, prod M_i)
    normalize : bool
    """
    dtype = np.result_type(np.float64, Y, *factors)
    columns, scaled = [], []
    with np.errstate(over="ignore", under="ignore"):
        all_norms = [np.sqrt(np.einsum("ij,ij->j", H, H.conj()).real) for H in factors]
    if not all(1e-8 < norms.min() and norms.max() < 1e8 for norms in all_norms):  # a rough and cheap look first
        check_reach(factors)
    for H, norms in zip(factors, all_norms, strict=True):
        size = norms if normalize else (norms > 0).astype(float)
        scaled.append(np.asfortranarray(H / np.where(size > 0, size, 1.0), dtype=dtype))
        columns.append(size)
    with np.errstate(over="ignore", under="ignore"):
        power = mean_square(Y)
    nonzero = np.any(Y, axis=(1, 2))
    if not np.all(np.isfinite(power)) or np.any(nonzero & (power < 1e-307)):
        largest = np.abs(Y).max()
        raise InvalidProblemError(f"squares of y (up to {largest:.3g}) leave the range of numbers: rescale y")
    power = np.where(power > 0, power, 1.0) if normalize else np.ones(len(Y))
    return Scaled(scaled, np.ascontiguousarray(Y / np.sqrt(power)[:, None, None], dtype=dtype), columns, power)


def check_reach(factors):
    """Raise InvalidProblemError when squares of columns of a factor, or of the Kronecker matrix, are no numbers."""
    exponents = np.array([_exponents(H) for H in factors])
    low, high = exponents.sum(axis=0)
    if np.abs([low, high]).max() > MAX_EXPONENT or np.abs(exponents).max() > MAX_FACTOR_EXPONENT:
        raise InvalidProblemError(
            f"entries of the dictionary reach from 1e{low:.0f} to 1e{high:.0f} in size (of the factors: "
            f"{', '.join(f'1e{a:.0f} to 1e{b:.0f}' for a, b in exponents)}), and squares of columns leave the range of "
            "numbers: rescale the factors"
        )


def _exponents(H):
    """Return the decimal exponents of the sizes of the smallest and the largest column that is not zero."""
    sizes = np.abs(H).max(axis=0, initial=0.0)
    sizes = np.log10(sizes[sizes > 0.0])
    return np.array([sizes.min(), sizes.max()]) if sizes.size else np.zeros(2)


def mean_square(Y):
    """Return the mean of |y|^2 of each problem; Y is (n_problems, snapshots, measurements)."""
    flat = Y.reshape(len(Y), -1)
    return np.einsum("ij,ij->i", flat, flat.conj()).real / flat.shape[1]


def energy_start(problem, s2, coupling):
    """Return starting variances, one (n_problems, N_i) array a factor.

    All nonzero atoms of a factor are alike, and the last factor is such that the model explains the energy of the data
    beyond the noise (at least a thousandth of it).
    """
    n = len(problem.Y)
    total = mean_square(problem.Y) * problem.Y.shape[2]
    energy = np.maximum(total - problem.Y.shape[2] * s2, 1e-3 * total)
    start = [np.repeat((c > 0).astype(float)[None], n, axis=0) for c in problem.columns]
    for H, g, beta in zip(problem.factors, start, coupling, strict=True):
        norms = np.einsum("ij,ij->j", H, H.conj()).real
        energy = energy / max(norms @ neighbours(g[0], beta), 1e-300)
    start[-1] *= energy[:, None]
    return start


def neighbours(g, beta):
    """Return the variances g_a + beta (g_(a-1) + g_(a+1))."""
    out = g.copy()
    if beta:
        out[..., 1:] += beta * g[..., :-1]
        out[..., :-1] += beta * g[..., 1:]
    return out


def block_posterior(problem, gamma, noise, threads=1):
    """Return means and variances on the kept blocks, offsets of the blocks, and (cost, residual, trace) rows."""
    sizes = np.prod([np.count_nonzero(g, axis=1) for g in gamma], axis=0)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
    mean = np.empty(offsets[-1] * problem.Y.shape[1], dtype=problem.Y.dtype)
    variance = np.empty(offsets[-1])
    gamma = [np.ascontiguousarray(g) for g in gamma]
    noise, some = np.ascontiguousarray(noise), min(threads, len(problem.Y))  # no thread without a problem
    facts = _kron_sbl.posterior(problem.factors, problem.Y, gamma, noise, offsets, mean, variance, some)
    return mean, variance, offsets, facts
