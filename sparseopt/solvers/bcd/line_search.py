"""Step lengths: backtracking by interpolation until the Armijo condition holds."""

from __future__ import annotations

import math

ARMIJO = 1e-4
TRIALS = 30


def backtrack(value, start: float, slope: float, step: float = 1.0):
    """Return (a, value(a)) with value(a) <= start + 1e-4 a slope, or (0, start) when no step that small is found.

    Parameters
    ----------
    value : callable
        The objective along the direction.
    start, slope : float
        Value and derivative at zero; the slope is negative.
    step : float, default=1.0
        First trial.
    """
    if not slope < 0.0:
        return 0.0, start
    a, past = step, None
    for _ in range(TRIALS):
        new = value(a)
        if new <= start + ARMIJO * a * slope:
            return a, new
        guess = _interpolate(start, slope, a, new, past)
        past = (a, new)
        a = min(max(guess, 0.1 * a), 0.6 * a) if math.isfinite(guess) else 0.5 * a
    return 0.0, start


def _interpolate(start, slope, a, new, past):
    """Minimiser of the quadratic through one trial, or of the cubic through two."""
    if not math.isfinite(new):
        return 0.5 * a
    z = new - start - a * slope
    if past is None or not math.isfinite(past[1]):
        return -slope * a * a / (2.0 * z) if z > 0.0 else 0.5 * a
    a0, z0 = past[0], past[1] - start - past[0] * slope
    c = 1.0 / (a0 * a0 * a * a * (a - a0))
    cubic = c * (a0 * a0 * z - a * a * z0)
    square = c * (a * a * a * z0 - a0 * a0 * a0 * z)
    root = square * square - 3.0 * cubic * slope
    return (-square + math.sqrt(root)) / (3.0 * cubic) if root > 0.0 and cubic != 0.0 else 0.5 * a
