"""Slow exact answers, and data drawn from the model."""

import itertools

import numpy as np


def enumerate_support(weight, llr):
    """Posterior log-odds, log Z and joint probabilities by summing over all supports; `weight(s)` is p(s)."""
    n = len(llr)
    states = np.array(list(itertools.product((0, 1), repeat=n)))
    joint = np.array([weight(s) for s in states]) * np.exp(states @ llr)
    total = joint.sum()
    on = np.array([joint[states[:, i] == 1].sum() for i in range(n)])
    return np.log(on) - np.log(total - on), np.log(total), states, joint / total


def chain_weight(p01, p10):
    """p(s) of one stationary chain."""
    first = p01 / (p01 + p10)
    P = np.array([[1 - p01, p01], [p10, 1 - p10]])

    def weight(s):
        value = first if s[0] else 1 - first
        for a, b in itertools.pairwise(s):
            value *= P[a, b]
        return value

    return weight


def draw_chain(rng, n, p01=0.02, p10=0.1, low=3, high=None):
    """A support drawn from a chain, with a number of non-zeros in a range."""
    while True:
        s = np.zeros(n, dtype=bool)
        s[0] = rng.random() < p01 / (p01 + p10)
        for i in range(1, n):
            s[i] = rng.random() < (1 - p10 if s[i - 1] else p01)
        if low <= s.sum() and (high is None or s.sum() < high):
            return s


def draw_data(rng, n, m, snr=25.0, kind="real", share=0.9):
    """X, y, coefficients, support, noise variance: a Gaussian design, a chain with at most share * m non-zeros."""
    s = draw_chain(rng, n, high=int(share * m))

    def normal(*shape):
        if kind == "real":
            return rng.standard_normal(shape)
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)

    X, coef = normal(m, n) / np.sqrt(m), s * normal(n)
    clean, noise = X @ coef, normal(m)
    noise *= np.linalg.norm(clean) / np.linalg.norm(noise) * 10 ** (-snr / 20)
    return X, clean + noise, coef, s, np.mean(np.abs(noise) ** 2)


def nmse(found, truth):
    """Squared error over squared norm."""
    return np.sum(np.abs(found - truth) ** 2) / np.sum(np.abs(truth) ** 2)
