"""Fit once and print the peak of extra memory in bytes: run as a script by the memory tests.

The peak is the kernel's own high-water mark of the process, reset before the fit, so that nothing an allocator or a
compiled kernel does can hide.
"""

import sys

import numpy as np
from scipy import sparse

import sparseopt as so


def resident(field):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field):
                return 1024 * int(line.split()[1])
    raise RuntimeError(f"no {field} in /proc/self/status")


def reset_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def make_design(kind, n, p):
    rng = np.random.default_rng(0)
    if kind == "csc":
        per_column = n // 10
        data = rng.standard_normal(p * per_column)
        # one entry in every ten rows: in order and without duplicates, which would have to be copied
        rows = 10 * np.arange(per_column, dtype=np.int32) + rng.integers(0, 10, (p, per_column), dtype=np.int32)
        X = sparse.csc_matrix((data, rows.ravel(), np.arange(0, data.size + 1, per_column)), shape=(n, p))
        return X, X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    X = np.empty((n, p), dtype=np.float32 if kind == "float32" else np.float64, order="C" if kind == "c" else "F")
    for first in range(0, p, 100):
        X[:, first : first + 100] = rng.standard_normal((n, X[:, first : first + 100].shape[1]))
    return X, X.nbytes


def main(name, kind, n, p, weighted, eps):
    X, size = make_design(kind, int(n), int(p))
    rng = np.random.default_rng(1)
    y = np.asarray(X[:, :8] @ rng.uniform(1.0, 2.0, 8)).ravel() + rng.standard_normal(X.shape[0])
    s = rng.uniform(0.5, 2.0, y.size) if weighted == "weighted" else None
    parameters = dict(n_alphas=10, n_jobs=2, cv=3, eps=float(eps)) if name.endswith("CV") else dict(alpha=0.1)
    estimator = getattr(so, name)
    small = np.random.default_rng(0).standard_normal((30, 20))
    estimator(**parameters).fit(small, small[:, 0])  # imports and thread stacks are not the fit's
    reset_peak()
    before = resident("VmRSS")
    model = estimator(**parameters).fit(X, y, sample_weight=s)
    model.predict(X)
    peak = resident("VmHWM")
    assert model.support_.size >= 8
    print(size, max(peak - before, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
