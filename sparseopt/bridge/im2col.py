"""The patches that a convolution multiplies with its kernels, in numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


def im2col(
    x: NDArray, kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int], dilations: Sequence[int]
) -> NDArray:
    """Return (samples * positions, channels * kernel) patches of x (samples, channels, ...), zeros beyond the borders.

    Parameters
    ----------
    x : ndarray of shape (samples, channels, length, ...)
    kernel, strides, dilations : sequence of int
        One for each axis behind the channels.
    pads : sequence of int
        Zeros before each axis, then behind each.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge.im2col import im2col
    >>> im2col(np.array([[[1.0, 2.0, 3.0]]]), kernel=[2], strides=[1], pads=[0, 1], dilations=[1])
    array([[1., 2.],
           [2., 3.],
           [3., 0.]])
    """
    axes = len(kernel)
    x = np.pad(x, [(0, 0), (0, 0), *zip(pads[:axes], pads[axes:], strict=True)])
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    windows = sliding_window_view(x, spans, axis=tuple(range(2, 2 + axes)))
    step = (
        slice(None),
        slice(None),
        *(slice(None, None, s) for s in strides),
        *(slice(None, None, d) for d in dilations),
    )
    windows = windows[step]  # (samples, channels, positions..., kernel...)
    order = (0, *range(2, 2 + axes), 1, *range(2 + axes, 2 + 2 * axes))
    return windows.transpose(order).reshape(-1, x.shape[1] * int(np.prod(kernel)))
