"""Signals with runs or patches of non-zeros, methods that recover them, and what is counted."""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import expit

ENTER, LEAVE = 0.02, 0.1  # of the chain: a run starts, a run ends
SIDE, PATCHED = 24, 58  # of the picture with patches, and its non-zeros


def normal(rng, *shape, kind="real"):
    """Standard normal numbers, real or circular complex."""
    if kind == "real":
        return rng.standard_normal(shape)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2.0)


def chain_support(rng, n, most, enter=ENTER, leave=LEAVE):
    """A stationary Markov chain with at least 3 and fewer than `most` non-zeros."""
    while True:
        u, s = rng.random(n), np.zeros(n, dtype=bool)
        s[0] = u[0] < enter / (enter + leave)
        for i in range(1, n):
            s[i] = u[i] >= leave if s[i - 1] else u[i] < enter
        if 3 <= s.sum() < most:
            return s


def patches(rng):
    """The largest values of blurred noise: patches that no model here has drawn."""
    field = gaussian_filter(rng.standard_normal((SIDE, SIDE)), 2.0).ravel()
    return field >= np.sort(field)[-PATCHED]


def observe(rng, s, m, snr, kind="real"):
    """Return (A, y, x, noise variance): Gaussian A, unit-variance non-zeros, and noise of exactly `snr` decibels."""
    A = normal(rng, m, s.size, kind=kind) / np.sqrt(m)
    x = s * normal(rng, s.size, kind=kind)
    clean, noise = A @ x, normal(rng, m, kind=kind)
    noise *= np.linalg.norm(clean) / np.linalg.norm(noise) * 10 ** (-snr / 20)
    return A, clean + noise, x, float(np.mean(np.abs(noise) ** 2))


def error(found, x):
    """Squared error, relative."""
    return float(np.sum(np.abs(found - x) ** 2) / np.sum(np.abs(x) ** 2))


def f1(found, true):
    """Harmonic mean of precision and recall of the support."""
    both = np.count_nonzero(found & true)
    return 2.0 * both / max(np.count_nonzero(found) + np.count_nonzero(true), 1)


def least_squares(A, y, cols):
    """Least squares on some columns, zero elsewhere."""
    x = np.zeros(A.shape[1], dtype=np.result_type(A, y))
    x[cols] = np.linalg.lstsq(A[:, cols], y, rcond=None)[0]
    return x


def omp(A, y, k):
    """Orthogonal matching pursuit with k columns, real or complex."""
    cols, residual = [], y
    for _ in range(k):
        gains = np.abs(A.conj().T @ residual) / np.linalg.norm(A, axis=0)
        gains[cols] = -1.0
        cols.append(int(np.argmax(gains)))
        coef = np.linalg.lstsq(A[:, cols], y, rcond=None)[0]
        residual = y - A[:, cols] @ coef
    return least_squares(A, y, cols)


def amp(A, y, support, damping=0.6, iterations=200, tol=1e-6):
    """Approximate message passing with a Bernoulli-Gaussian prior, everything learned; `support` is any prior of it."""
    h = 1.0 if np.iscomplexobj(A) or np.iscomplexobj(y) else 0.5
    m, n = A.shape
    A2, power = np.abs(A) ** 2, np.vdot(y, y).real / m
    s1, noise = power * m / (support.density * A2.sum()), 0.01 * power
    x, s = np.zeros(n, dtype=np.result_type(A, y)), np.zeros(m, dtype=np.result_type(A, y))
    variance = np.full(n, support.density * s1)
    messages = None
    for iteration in range(iterations):
        spread = A2 @ variance
        new = (y - A @ x + spread * s) / (spread + noise)
        s = new if iteration == 0 else damping * new + (1.0 - damping) * s
        v = 1.0 / (A2.T @ (1.0 / (spread + noise)))
        r = x + v * (A.conj().T @ s)
        llr = h * (np.log(v / (v + s1)) + np.abs(r) ** 2 * (1.0 / v - 1.0 / (v + s1)))
        messages = support.messages(llr, messages)
        if iteration > 3:
            support = support.learned(messages)
        prob = expit(np.clip(messages.ext + llr, -60.0, 60.0))
        mean, left = r * s1 / (s1 + v), s1 * v / (s1 + v)
        second, new = prob * (left + np.abs(mean) ** 2), prob * mean
        step, last = damping if iteration else 1.0, x
        x = step * new + (1.0 - step) * x
        variance = np.maximum(step * (second - np.abs(new) ** 2) + (1.0 - step) * variance, 1e-14)
        s1 = max(second.sum() / max(prob.sum(), 1e-6), 1e-12 * power)
        noise = max(np.mean(np.abs(y - A @ x) ** 2 + A2 @ variance), 1e-10 * power)
        if not np.all(np.isfinite(x)):
            return np.zeros(n), np.zeros(n, dtype=bool)
        if iteration > 10 and np.linalg.norm(x - last) < tol * np.linalg.norm(last):
            break
    return x, prob > 0.5


def as_real(A, y):
    """The same equations in real numbers: columns are real parts, then imaginary parts."""
    return np.block([[A.real, -A.imag], [A.imag, A.real]]), np.concatenate([y.real, y.imag])
