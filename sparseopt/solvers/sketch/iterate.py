"""Solvers that read X once an iteration: heavy ball, and iterative refinement around conjugate gradients or it."""

from __future__ import annotations

import numpy as np

REFINEMENTS = 8


def heavy_ball(rows, P, judge, x, momentum, max_iter):
    """Iterate x + (1 - b)^2 P P' A'(b - A x) + b (x - previous x); the errors shrink by sqrt(b) each time."""
    step, previous, best = (1.0 - momentum) ** 2, x, np.inf
    for n_iter in range(max_iter + 1):
        G, rss = rows.sweep(x)
        c = P.T(G)
        certificate, done = judge.judge(x, G, c, rss)
        length = float(np.linalg.norm(c))
        if done or n_iter == max_iter or not length <= 1e3 * best:  # the last: the sketch was no embedding
            return x, certificate, done, n_iter
        best = min(best, length)
        x, previous = x + step * P(c) + momentum * (x - previous), x
    raise AssertionError


def certified_steps(rows, P, judge, x, law, max_iter):
    """Conjugate gradients from the solution of the sketch; the last step is certified without reading the data again.

    Each read of the data is at x + P p for a direction p: the gradient there gives K p for K = P' A' A P, hence the
    best point on the line and the gradient at it. For Gaussian sketches S, given S A, the first error is P K^-1/2 z
    with z normal, and K is invariant under rotation: all errors have directions that do not depend on the columns,
    which is the `law` of `Judge.corrected`.
    """
    G, rss = rows.sweep(x)
    c = P.T(G)
    p = (1.0 - P.rho**2) * c
    for n_iter in range(1, max_iter + 1):
        found, certificate, done = judge.corrected(x, c, rss, law)
        if done or n_iter == max_iter:
            return found, certificate, done, n_iter
        G, there = rows.sweep(x + P(p))
        product = c - P.T(G)
        squares = np.einsum("ij,ij->j", c, c)
        curvature, slope = np.einsum("ij,ij->j", p, product), np.einsum("ij,ij->j", p, c)
        step = np.divide(slope, curvature, out=np.zeros_like(slope), where=curvature > 0.0)
        x = x + step * P(p)
        c = c - step * product
        rss = np.maximum(rss + step * (there - rss) + step * (step - 1.0) * curvature, 0.0)
        new = np.einsum("ij,ij->j", c, c)
        if not np.all(new <= 1e3 * squares):  # the sketch was no embedding
            return found, certificate, False, n_iter
        p = c + np.divide(new, slope, out=np.zeros_like(new), where=slope > 0.0) * p
    raise AssertionError


def refine(rows, P, judge, x, inner, momentum, max_iter):
    """Solve for corrections until the certificate is met; two rounds make the answer backward stable."""
    n_iter, best, last = 0, None, np.inf
    for n_round in range(REFINEMENTS):
        G, rss = rows.sweep(x)
        c = P.T(G)
        certificate, done = judge.judge(x, G, c, rss)
        worst = float(np.max(certificate.backward_error, initial=0.0))
        if best is None or worst < best[2]:
            best = (x, certificate, worst)
        stalled = n_round >= 4 and worst > 0.5 * last
        if done or stalled or n_iter >= max_iter:
            break
        last = worst
        y, used = inner(rows, P, judge, x, c, rss, momentum, max_iter - n_iter)
        n_iter += used
        x = x + P(y)
    x, certificate, _ = (x, certificate, 0) if done else best
    return x, certificate, judge.accepted(certificate, done), n_iter


def conjugate_gradients(rows, P, judge, x, c, rss, momentum, max_iter):
    """Solve P' A' A P y = c by conjugate gradients, all targets side by side."""
    y, residual, direction = np.zeros_like(c), c.copy(), c.copy()
    squares = start = np.einsum("ij,ij->j", c, c)
    rss = rss.copy()
    for n_iter in range(max_iter):
        if judge.near(x, residual, rss) or np.all(squares <= (1e-14**2) * start):
            return y, n_iter
        product = -P.T(rows.sweep(P(direction), homogeneous=True)[0])
        curvature = np.einsum("ij,ij->j", direction, product)
        step = np.divide(squares, curvature, out=np.zeros_like(squares), where=curvature > 0.0)
        y += step * direction
        residual -= step * product
        rss = np.maximum(rss - step * squares, 0.0)
        new = np.einsum("ij,ij->j", residual, residual)
        ratio = np.divide(new, squares, out=np.zeros_like(new), where=squares > 0.0)
        direction = residual + ratio * direction
        squares = new
    return y, max_iter


def inner_heavy_ball(rows, P, judge, x, c, rss, momentum, max_iter):
    """Solve P' A' A P y = c by the heavy ball."""
    step = (1.0 - momentum) ** 2
    y = previous = np.zeros_like(c)
    residual, start = c, np.linalg.norm(c)
    best, since = np.inf, 0
    for n_iter in range(max_iter):
        length = np.linalg.norm(residual)
        best, since = (length, 0) if length < 0.7 * best else (best, since + 1)
        if judge.near(x, residual, rss) or since == 4 or not 1e-14 * start < length:  # rounding stops it: start again
            return y, n_iter
        y, previous = y + step * residual + momentum * (y - previous), y
        residual = c + P.T(rows.sweep(P(y), homogeneous=True)[0])
    return y, max_iter
