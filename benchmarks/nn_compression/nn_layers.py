"""Time of one layer, dense and compressed, on one thread, and the size of its file."""

import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

SHAPES = ((300, 784), (1024, 1024), (4096, 1024))  # (out, in)
BATCHES = (1, 64)


def seconds(f, least=0.2, rounds=5):
    """Return the least mean time of a call over some rounds."""
    f()
    n, start = 1, time.perf_counter()
    f()
    n = max(1, int(least / rounds / max(time.perf_counter() - start, 1e-7)))
    best = np.inf
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(n):
            f()
        best = min(best, (time.perf_counter() - start) / n)
    return best


def layer_rows(seed=0):
    """Yield a row for every layer, number of inputs at a time, and kind of compression."""
    import torch
    from threadpoolctl import threadpool_limits

    from sparseopt.bridge import SparseLinear

    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    with threadpool_limits(1):
        for out, n in SHAPES:
            W = rng.standard_normal((out, n)).astype(np.float32)
            sparse = np.where(rng.random(W.shape) < 0.1, W, np.float32(0.0))
            few = np.ascontiguousarray(W[:, : n // 2])  # half of the units that feed it went
            kinds = {"dense": W, "half of the units": few, "a tenth of the weights": sparse}
            layer = SparseLinear(sparse, n_threads=1)
            sizes = {name: file_size(matrix) for name, matrix in kinds.items()}
            for batch in BATCHES:
                x = rng.standard_normal((batch, n)).astype(np.float32)
                calls = [torch_call(torch, W, x), torch_call(torch, few, x[:, : n // 2].copy()), partial(layer, x)]
                times = {name: seconds(call) for name, call in zip(kinds, calls, strict=True)}
                for name, value in times.items():
                    yield dict(
                        kind="layer", problem=f"layer {out} x {n}, {batch} inputs", solver=name, seconds=value,
                        ratio=times["dense"] / value, bytes=sizes[name], size_ratio=sizes["dense"] / sizes[name],
                        shape=[out, n], batch=batch,
                    )  # fmt: skip


def torch_call(torch, W, x):
    """Return a function that multiplies as torch's own linear layers do."""
    weight, rows = torch.from_numpy(W), torch.from_numpy(x)

    def call():
        with torch.inference_mode():
            return torch.nn.functional.linear(rows, weight)

    return call


def file_size(W):
    """Return the bytes of a file with this layer alone."""
    from sparseopt.bridge import save

    with tempfile.TemporaryDirectory() as folder:
        return save(Path(folder) / "layer.safetensors", [(W, None, None)])
