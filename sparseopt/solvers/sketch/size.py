"""How many rows a sketch needs."""

from __future__ import annotations

from math import ceil, log
from numbers import Integral, Real

from ..._validation import check_option, check_scalar

KINDS = ("blocksum", "srht", "gaussian", "sjlt", "countsketch")
SMALLEST_BLOCK = 64


def sketch_size(d, eps=0.5, delta=0.01, k=1, kind="blocksum", n=None) -> int:
    r"""Return how many rows a sketch needs for a coordinate-wise guarantee.

    With that many rows the least-squares coefficients of the sketched problem satisfy, with probability
    ``1 - delta`` and for all coordinates j and targets at once,

    .. math:: |x'_j - x^*_j| \le \frac{\epsilon}{\sqrt d} \|b - A x^*\|_2 \sqrt{[(A^\top A)^{-1}]_{jj}} .

    The number is ``d + 1 + ceil(2 d ln(2 d k / delta) / eps^2)``, which is exact for Gaussian sketches; block-sum and
    subsampled Hadamard sketches have the same errors in every design that was tried.

    Parameters
    ----------
    d : int
        Coefficients, with the intercept.
    eps : float, default=0.5
        Size of the error, > 0.
    delta : float, default=0.01
        Probability of failure, in (0, 1).
    k : int, default=1
        Targets.
    kind : {"blocksum", "srht", "gaussian", "sjlt", "countsketch"}
        "blocksum" takes the next power of two. For "countsketch" no number of rows of this size is enough.
    n : int, optional
        Rows of the data. Where the sketch would have more than a quarter of them, it is not worth making, and n is
        returned.

    Returns
    -------
    int

    Examples
    --------
    >>> import sparseopt as so
    >>> so.sketch_size(100, eps=0.5, delta=0.05)
    8192
    >>> so.sketch_size(100, eps=0.5, delta=0.05, kind="gaussian")
    6737
    """
    check_scalar("d", d, Integral, low=1)
    check_scalar("eps", eps, Real, low=0.0, closed="neither")
    check_scalar("delta", delta, Real, low=0.0, high=1.0, closed="neither")
    check_scalar("k", k, Integral, low=1)
    check_option("kind", kind, KINDS)
    check_scalar("n", n, Integral, low=1, allow_none=True)
    rows = 2 * d * log(2 * d * k / delta)
    if rows >= 2.0**62 * eps * eps:
        raise ValueError(f"eps must be larger for d={d}: the sketch would have more than 2**62 rows, got {eps!r}")
    m = int(d) + 1 + ceil(rows / eps**2)
    if kind == "blocksum":
        m = power_of_two(m)
    return int(n) if n is not None and 4 * m > n else m


def power_of_two(m: int) -> int:
    """Return the smallest block of the Hadamard sketch with at least m rows."""
    return max(SMALLEST_BLOCK, 1 << (int(m) - 1).bit_length())
