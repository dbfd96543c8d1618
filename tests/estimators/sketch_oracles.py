"""Dense oracles: sketches as matrices, designs on which sparse sketches fail, exact backward errors."""

import numpy as np

UNIT = 2.0**-53


def hadamard_transform(x):
    """H x down the columns, from the definition of one level."""
    x = np.array(x, dtype=np.float64)
    n, h = x.shape[0], 1
    while h < n:
        x = x.reshape(n // (2 * h), 2, h, -1)
        x = np.stack([x[:, 0] + x[:, 1], x[:, 0] - x[:, 1]], 1).reshape(n, -1)
        h *= 2
    return x


def random_signs(seed, stream, first, count):
    """The counter-based signs, from their definition in Python integers."""
    mask = 2**64 - 1

    def mix(x):
        x = (x + 0x9E3779B97F4A7C15) & mask
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        return x ^ (x >> 31)

    out = np.empty(count)
    for i in range(count):
        w, bit = divmod(first + i, 64)
        key = mix((seed * 0xD1342543DE82EF95 + stream) & mask)
        word = mix(key ^ ((w * 0xA24BAED4963EE407 + 0x9FB21C651E98DF25) & mask))
        out[i] = -1.0 if (word >> bit) & 1 else 1.0
    return out


def dense_block_sum(n, m, seed, row0=0, row_signs=True):
    """The block-sum Hadamard sketch of rows row0 .. row0 + n as an m x n matrix."""
    from scipy.linalg import hadamard

    H = hadamard(m).astype(np.float64)
    S = np.empty((m, n))
    first = row0 // m * m
    D = random_signs(seed, 1, first, row0 + n - first)
    for start in range(first, row0 + n, m):
        E = random_signs(seed, 2, start, m) if row_signs else np.ones(m)
        a, b = max(start, row0), min(start + m, row0 + n)
        S[:, a - row0 : b - row0] = E[:, None] * H[:, a - start : b - start] * D[a - first : b - first]
    return S * m**-0.5


def prescribed(n, d, cond, residual, seed):
    """(A, b, x): singular values from 1 down to 1 / cond, ||x|| = 1, ||b - A x|| = residual and orthogonal to A."""
    rng = np.random.default_rng(seed)
    U, _ = np.linalg.qr(rng.standard_normal((n, d + 1)))
    V, _ = np.linalg.qr(rng.standard_normal((d, d)))
    A = (U[:, :d] * np.logspace(0, -np.log10(cond), d)) @ V.T
    x = V @ rng.standard_normal(d)
    x /= np.linalg.norm(x)
    return A, A @ x + residual * U[:, d], x


def backward_error(A, b, x):
    """Karlson-Walden backward error relative to ||A||_F, the gradient in extended precision."""
    wide = np.longdouble
    r = b.astype(wide) - A.astype(wide) @ x.astype(wide)
    g = (A.astype(wide).T @ r).astype(np.float64)
    _, s, Vt = np.linalg.svd(A.astype(np.float64), full_matrices=False)
    length = np.linalg.norm(x)
    tau = (float(np.sqrt(r @ r)) / length) ** 2
    return np.linalg.norm((Vt @ g) / np.sqrt(s**2 + tau)) / length / np.linalg.norm(A)


def heavy_tailed(n, d, rng):
    """Cauchy rows and noise."""
    A = rng.standard_cauchy((n, d))
    return A, A.sum(axis=1) + rng.standard_cauchy(n)


def one_hot(n, d, rng):
    """A factor with Zipf levels, rare ones in few rows; ten outliers."""
    p = 1 / np.arange(1, d + 1) ** 1.5
    level = rng.choice(d, n, p=p / p.sum())
    level[:d] = np.arange(d)
    A = np.zeros((n, d))
    A[np.arange(n), level] = 1
    y = rng.standard_normal(d)[level] + 0.01 * rng.standard_normal(n)
    y[rng.choice(n, 10, replace=False)] += 10
    return A, y


def gaussian(n, d, rng):
    A = rng.standard_normal((n, d))
    return A, A.sum(axis=1) + rng.standard_normal(n)


DESIGNS = {"gaussian": gaussian, "heavy_tailed": heavy_tailed, "one_hot": one_hot}
