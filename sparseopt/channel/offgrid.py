"""Angles off the grid: maximise the evidence over the angles and variances of the atoms that were found."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from ..solvers.sbl import solve_kronecker
from ..solvers.sbl.factors import mode_products, outer


def evidence_gradient(factors, gamma, s2, Y):
    """Return the cost, its gradients by each H_i H_i^H-weighted covariance (M_i x M_i), and by the noise variance.

    The cost depends on factor i through K_i = H_i diag(gamma_i) H_i^H alone; the change for dK is ``tr(F_i dK)``.

    Parameters
    ----------
    factors : list of ndarray of shape (M_i, n_i)
    gamma : list of ndarray of shape (n_i,)
    s2 : float
    Y : ndarray of shape (L, M_1, ..., M_I)
    """
    values, bases = [], []
    for H, g in zip(factors, gamma, strict=True):
        d, U = np.linalg.eigh((H * g) @ H.conj().T)
        values.append(np.maximum(d, 0.0))
        bases.append(U)
    w = 1.0 / (s2 + outer(values))
    P = mode_products(Y, [U.conj().T for U in bases], first=1)
    energy = np.abs(P) ** 2
    cost = -len(Y) * np.sum(np.log(w)) + np.sum(energy * w)
    by_noise = len(Y) * np.sum(w) - np.sum(energy * w**2)
    P = P * w
    forces = []
    for i, U in enumerate(bases):
        m = len(U)
        rest = outer([d for k, d in enumerate(values) if k != i]).ravel() if len(values) > 1 else np.ones(1)
        trace = np.moveaxis(w, i, 0).reshape(m, -1) @ rest
        R = np.moveaxis(P, i + 1, 0).reshape(m, len(Y), -1)
        A = (R * rest).reshape(m, -1) @ R.reshape(m, -1).conj().T
        forces.append(U @ (np.diag(len(Y) * trace) - A) @ U.conj().T)
    return cost, forces, by_noise


def refine_angles(manifolds, angles, gamma, s2, Y, cells, learn_noise, max_iter=200):
    """Maximise the evidence over angles, variances and (if asked) noise, from where they are.

    Parameters
    ----------
    manifolds : list of Manifold
    angles, gamma : list of ndarray of shape (n_i,)
    s2 : float
    Y : ndarray of shape (L, M_1, ..., M_I)
    cells : list of float
        No angle moves further than its cell.
    learn_noise : bool
    max_iter : int

    Returns
    -------
    angles, gamma, s2
    """
    sizes = [len(a) for a in angles]
    cuts = np.cumsum(sizes)[:-1]
    start = np.concatenate(angles)
    width = np.concatenate([np.full(n, c) for n, c in zip(sizes, cells, strict=True)])
    k = len(start)
    power = float(np.mean(np.abs(Y) ** 2))
    Y = Y / np.sqrt(power)
    gamma = [g.copy() for g in gamma]
    gamma[-1] = gamma[-1] / power

    def unpack(x):
        place = np.split(start + width * x[:k], cuts)
        return place, np.split(np.exp(x[k : 2 * k]), cuts), np.exp(x[2 * k]) if learn_noise else s2 / power

    def objective(x):
        place, variances, noise = unpack(x)
        factors = [m.atoms(a) for m, a in zip(manifolds, place, strict=True)]
        cost, forces, by_noise = evidence_gradient(factors, variances, noise, Y)
        by_angle, by_variance = [], []
        for m, a, H, g, F in zip(manifolds, place, factors, variances, forces, strict=True):
            pull = F @ H
            by_variance.append(g * np.sum(H.conj() * pull, axis=0).real)
            by_angle.append(2.0 * g * np.sum(m.derivatives(a).conj() * pull, axis=0).real)
        pieces = [width * np.concatenate(by_angle), *by_variance]
        if learn_noise:
            pieces.append(np.array([noise * by_noise]))
        return cost, np.concatenate(pieces)

    x0 = np.concatenate([np.zeros(k), np.log(np.maximum(np.concatenate(gamma), 1e-300))])
    bounds = [(-1.0, 1.0)] * k + [(v - 12.0, v + 12.0) for v in x0[k:]]
    if learn_noise:
        x0 = np.append(x0, np.log(s2 / power))
        bounds.append((x0[-1] - 12.0, x0[-1] + 12.0))
    found = minimize(objective, x0, jac=True, bounds=bounds, method="L-BFGS-B",
                     options=dict(maxiter=max_iter, ftol=1e-13, gtol=1e-7))  # fmt: skip
    place, variances, noise = unpack(found.x)
    variances[-1] = variances[-1] * power
    return place, variances, float(noise * power)


def merge_close(angles, gamma, distance, period):
    """Replace angles nearer to each other than `distance` by the stronger of the two, with the variance of both."""
    order = np.argsort(-gamma)
    kept: list = []
    weight: list = []
    for a in order:
        gaps = [abs((angles[a] - angles[b] + period / 2) % period - period / 2) for b in kept]
        if gaps and min(gaps) < distance:
            weight[int(np.argmin(gaps))] += gamma[a]
        else:
            kept.append(a)
            weight.append(gamma[a])
    back = np.argsort(angles[kept])
    return angles[kept][back], np.array(weight)[back]


def solve_off_grid(manifolds, angles, gamma, s2, Y, cells, periods, options, max_rounds=6):
    """Alternate moving the angles and dropping atoms by evidence, until no atom is dropped any more.

    Parameters
    ----------
    manifolds, angles, gamma, s2, Y, cells
        As in :func:`refine_angles`.
    periods : list of float
        Of the angles.
    options : dict
        Of :func:`sparseopt.solvers.sbl.solve_kronecker`.
    max_rounds : int

    Returns
    -------
    angles : list of ndarray
    result : KroneckerResult
    """
    learn = options.get("noise_variance") is None
    for _ in range(max_rounds):
        angles, gamma, s2 = refine_angles(manifolds, angles, gamma, s2, Y, cells, learn)
        count = sum(map(len, angles))
        merged = [
            merge_close(a, g, 0.02 * c, p) for a, g, c, p in zip(angles, gamma, cells, periods, strict=True)
        ]
        angles = [a for a, _ in merged]
        factors = [m.atoms(a) for m, a in zip(manifolds, angles, strict=True)]
        settings = dict(options, solver="mm", coupling=None, refine_support=True, n_init=1)
        result = solve_kronecker(factors, Y.reshape(1, len(Y), -1), **settings)[0]
        angles = [a[s] for a, s in zip(angles, result.support, strict=True)]
        gamma = [g[s] for g, s in zip(result.gamma, result.support, strict=True)]
        s2 = result.noise_variance
        if any(a.size == 0 for a in angles) or sum(map(len, angles)) == count:
            break
    return angles, result
