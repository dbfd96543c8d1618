"""One layer: the identities behind the errors, optimality, and the order of the methods."""

import importlib
import itertools

import numpy as np
import pytest

from sparseopt.bridge import Block, Neuron, compress_layer, posterior_scores
from sparseopt.bridge.gram import Gram
from sparseopt.bridge.methods import METHODS
from sparseopt.bridge.problem import layer_problem
from sparseopt.exceptions import ConvergenceWarning, IncompatibleError, InvalidProblemError

MASKS = ["magnitude", "wanda", "wina", "random", "erk"]
SOLVERS = [name for name, method in METHODS.items() if method.refits and not method.factors]
FREE = [name for name in SOLVERS if name != "group"]  # those that make any mask
CALIBRATED = ["refit", "sparsegpt", "admm", "obc", "iht", "srste", "bcd"]


def moments(X):
    return X.T @ X / len(X)


def test_error_is_what_the_data_say(layer):
    W, X = layer
    result = compress_layer(W, moments(X), sparsity=0.5)
    want = np.sum((X @ (W - result.W).T) ** 2) / np.sum((X @ W.T) ** 2)
    assert result.relerr == pytest.approx(want, rel=1e-9)
    old = np.sum((X @ (W - W * result.mask).T) ** 2) / np.sum((X @ W.T) ** 2)
    assert result.relerr_mask == pytest.approx(old, rel=1e-9)


def test_objective_with_other_inputs_is_what_the_data_say(layer):
    W, X = layer
    rng = np.random.default_rng(1)
    H = X + 0.3 * rng.standard_normal(X.shape)
    gram = Gram(moments(H), len(X), X.T @ H / len(X), moments(X))
    problem = layer_problem(W, gram, damp=0.02)
    V = rng.standard_normal(W.shape)
    plain = np.sum((X @ W.T - H @ V.T) ** 2) / len(X)
    damping = 0.02 * np.mean(np.diagonal(moments(H)))
    assert problem.objective(V) == pytest.approx(plain + damping * np.sum((V - W) ** 2), rel=1e-10)
    assert problem.error(V) == pytest.approx(plain / (np.sum((X @ W.T) ** 2) / len(X)), rel=1e-10)
    free = problem.free
    for _ in range(5):
        assert problem.objective(free) <= problem.objective(free + 0.01 * rng.standard_normal(W.shape))


@pytest.mark.parametrize("method", SOLVERS)
@pytest.mark.parametrize("pattern", ["unstructured", "row", "2:4", Neuron()], ids=str)
def test_results_are_stationary_on_patterns(method, pattern):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 16)) @ (np.eye(16) + 0.3 * rng.standard_normal((16, 16)))
    W, G = rng.standard_normal((6, 16)), moments(X)
    try:
        result = compress_layer(W, G, method=method, pattern=pattern, sparsity=0.5)
    except IncompatibleError:
        assert pattern not in ("unstructured", "row") or (pattern, method) == ("row", "group")
        return
    assert np.array_equal(result.W != 0.0, result.mask)
    assert result.stationarity < 1e-10
    damping = 0.01 * np.mean(np.diagonal(G))
    slope = (result.W - W) @ (G + damping * np.eye(16))
    assert np.abs(slope[result.mask]).max() < 1e-8
    assert result.relerr <= result.relerr_mask * (1 + 1e-9) or result.objective <= result.relerr_mask + 1e-12
    if pattern == "2:4":
        assert np.all(result.mask.reshape(6, 4, 4).sum(axis=2) == 2)
    elif pattern == "row":
        assert np.all(result.mask.sum(axis=1) == 8)
    elif pattern == "unstructured":
        assert result.mask.sum() == 48
    else:
        assert np.all(result.mask == result.mask[0]) and result.mask[0].sum() == 8


@pytest.mark.parametrize("method", MASKS)
def test_masks_leave_weights_alone(layer, method):
    W, X = layer
    result = compress_layer(W, moments(X), method=method, sparsity=0.4)
    assert result.mask.sum() == 36
    assert np.array_equal(result.W, np.where(result.mask, W, 0.0))
    better = compress_layer(W, moments(X), method=method, sparsity=0.4, refit=True, damp=0.0)
    assert np.array_equal(better.mask, result.mask)
    assert better.relerr <= result.relerr and better.relerr_mask == pytest.approx(result.relerr)


def test_scores():
    W = np.array([[1.0, 2.0, -3.0], [4.0, 0.5, 1.0]])
    G = np.diag([100.0, 1.0, 4.0])
    kept = {
        name: np.flatnonzero(compress_layer(W, G + 0.0, method=name, k=2).mask).tolist()
        for name in ("magnitude", "wanda")
    }
    assert kept == {"magnitude": [2, 3], "wanda": [0, 3]}
    assert compress_layer(W, G, method="wina", k=2, pattern=Neuron()).mask.any(axis=0).tolist() == [True, False, False]
    first = compress_layer(W, G, method="random", k=3, random_state=1).mask
    assert np.array_equal(first, compress_layer(W, G, method="random", k=3, random_state=1).mask)


def exhaustive(W, G, k):
    """The smallest tr((V - W) G (V - W)') with k non-zeros."""
    best, size = np.inf, W.size
    H = np.linalg.inv(G)
    for gone in itertools.combinations(range(size), size - k):
        lost = 0.0
        for r in range(len(W)):
            out = [i % W.shape[1] for i in gone if i // W.shape[1] == r]
            if out:
                lost += W[r, out] @ np.linalg.solve(H[np.ix_(out, out)], W[r, out])
        best = min(best, lost)
    return best


@pytest.mark.parametrize("seed", range(4))
def test_bound_and_methods_against_all_supports(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((40, 4)) @ rng.standard_normal((4, 4))
    W, G = rng.standard_normal((3, 4)), moments(X)
    damped = G + 0.01 * np.mean(np.diagonal(G)) * np.eye(4)
    energy = np.sum(W * (W @ G))
    for k in (3, 6, 9):
        best = exhaustive(W, damped, k) / energy
        for method in FREE:
            result = compress_layer(W, G, method=method, k=k)
            kept = int(result.mask.sum())  # a method may need fewer
            own = best if kept == k else exhaustive(W, damped, kept) / energy
            assert kept <= k and result.lower_bound <= own * (1 + 1e-9)
            assert result.objective >= own * (1 - 1e-9)
        assert compress_layer(W, G, method="obc", k=k).objective <= 3.0 * best


def test_bound_is_the_truth_for_independent_inputs():
    W = np.array([[3.0, 1.0, 0.5, 2.0]])
    result = compress_layer(W, np.eye(4), k=2, damp=0.0)
    assert result.lower_bound == pytest.approx(result.relerr) == pytest.approx(1.25 / 14.25)


@pytest.mark.parametrize("sparsity", [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
def test_calibration_beats_magnitude_on_digits(digit_layers, sparsity):
    for W, G in digit_layers:
        found = {m: compress_layer(W, G, method=m, sparsity=sparsity) for m in ["magnitude", *CALIBRATED]}
        assert all(found[method].relerr < found["magnitude"].relerr for method in CALIBRATED)
        value = {method: result.objective for method, result in found.items()}
        assert value["obc"] <= value["sparsegpt"]
        assert value["obc"] <= value["refit"]


@pytest.fixture(scope="module")
def digit_layers(mlp, digits):
    layers, h = [], digits[0]
    for W, b in zip(mlp.coefs_, mlp.intercepts_, strict=True):
        layers.append((np.ascontiguousarray(W.T), moments(h)))
        h = np.maximum(h @ W + b, 0.0)
    return layers


def test_nm_gains_from_decay():
    rng = np.random.default_rng(0)
    ratio = []
    for _ in range(4):  # 64 inputs x 32 outputs, neighbours correlated by .6
        X = rng.standard_normal((512, 64))
        for j in range(1, 64):
            X[:, j] = 0.6 * X[:, j - 1] + 0.8 * X[:, j]
        W, G = rng.standard_normal((32, 64)), moments(X)
        error = {m: compress_layer(W, G, method=m, pattern="2:4", damp=0.0).relerr for m in ("refit", "srste", "admm")}
        ratio.append(np.sqrt([error["srste"] / error["refit"], error["admm"] / error["refit"]]))
    assert np.all(np.mean(ratio, axis=0) <= 0.95)


def test_scaling_inputs_and_outputs_changes_nothing(layer):
    W, X = layer
    s = np.logspace(-2, 2, 10)
    plain = compress_layer(W, moments(X), method="obc", sparsity=0.6, damp=0.0)
    scaled = compress_layer(W / s, moments(X * s), method="obc", sparsity=0.6, damp=0.0)
    assert np.array_equal(plain.mask, scaled.mask)
    np.testing.assert_allclose(scaled.W * s, plain.W, atol=1e-8)
    louder = compress_layer(1e3 * W, moments(X), method="admm", sparsity=0.6)
    assert louder.relerr == pytest.approx(compress_layer(W, moments(X), method="admm", sparsity=0.6).relerr)


def test_threads_change_nothing(layer):
    W, X = layer
    for method in FREE:
        one, two = (compress_layer(W, moments(X), method=method, sparsity=0.6, n_threads=n) for n in (1, 2))
        assert np.array_equal(one.W, two.W)


def test_targets_of_another_network(layer):
    W, X = layer
    T = X @ W.T + 0.1 * np.random.default_rng(0).standard_normal((200, 6))
    result = compress_layer(W, moments(X), B=T.T @ X / 200, sparsity=0.0, damp=0.0)
    np.testing.assert_allclose(result.W, np.linalg.lstsq(X, T, rcond=None)[0].T, atol=1e-8)
    assert result.relerr < 1e-9
    same = compress_layer(W, moments(X), B=W @ moments(X), sparsity=0.5)
    np.testing.assert_allclose(same.W, compress_layer(W, moments(X), sparsity=0.5).W, atol=1e-8)


def test_diagonal_moments_are_solved_exactly(layer):
    W, _ = layer
    d = np.arange(10.0)
    for method in ("admm", "magnitude"):
        result = compress_layer(W, d, method=method, k=20, damp=0.0)
        cost = np.sort((W**2 * d).ravel())
        assert result.relerr == pytest.approx(cost[:40].sum() / cost.sum()) == pytest.approx(result.lower_bound)


def test_dead_inputs_lose_their_weights(layer):
    W, X = layer
    X = X.copy()
    X[:, 3] = 0.0
    for method in METHODS:
        if METHODS[method].factors or method == "magnitude":
            continue
        result = compress_layer(W, moments(X), method=method, sparsity=0.3)
        assert not result.W[:, 3].any() and np.isfinite(result.W).all()
    result = compress_layer(W, moments(X), method="magnitude", sparsity=0.3)
    assert np.array_equal(result.W, np.where(np.abs(W) >= np.sort(np.abs(W).ravel())[18], W, 0.0))
    want = np.sum((X @ (W - result.W).T) ** 2) / np.sum((X @ W.T) ** 2)
    assert result.relerr == pytest.approx(want, rel=1e-9)


def test_singular_moments_are_damped_with_a_warning(layer):
    W, X = layer
    G = moments(np.repeat(X[:, :5], 2, axis=1))
    with pytest.warns(ConvergenceWarning, match="damp=0; used damp="):
        result = compress_layer(W, G, sparsity=0.5, damp=0.0)
    assert np.isfinite(result.W).all()


def test_max_iter_is_heeded_and_told(layer):
    W, X = layer
    result = compress_layer(W, moments(X), max_iter=2)
    assert result.n_iter == 2 and not result.converged


def test_blocks(layer):
    W, X = layer
    result = compress_layer(W, moments(X), method="admm", pattern=Block(2, 5), sparsity=0.5)
    blocks = result.mask.reshape(3, 2, 2, 5).transpose(0, 2, 1, 3).reshape(6, 10)
    assert np.all(blocks.all(axis=1) | ~blocks.any(axis=1)) and result.mask.sum() == 30
    with pytest.raises(IncompatibleError, match="'obc' cannot make the pattern 'block:2x5'; these can: .*'admm'"):
        compress_layer(W, moments(X), method="obc", pattern=Block(2, 5))


def test_posterior_scores_agree_with_draws():
    rng = np.random.default_rng(0)
    mean, std = np.array([0.3, -1.0, 0.0]), np.array([0.5, 0.2, 1.0])
    draws = np.abs(mean + std * rng.standard_normal((400_000, 3)))
    np.testing.assert_allclose(posterior_scores(mean, std, "mean_abs"), draws.mean(axis=0), atol=5e-3)
    np.testing.assert_allclose(posterior_scores(mean, std), draws.mean(axis=0) / draws.std(axis=0), rtol=1e-2)
    np.testing.assert_allclose(posterior_scores(mean, std, "snr"), [0.6, 5.0, 0.0])
    with pytest.raises(ValueError, match="std must be > 0"):
        posterior_scores(mean, 0.0 * std)


@pytest.mark.parametrize(
    "change, error, words",
    [
        (dict(sparsity=1.0), ValueError, r"sparsity must be a number in \[0.0, 1.0\), got 1.0"),
        (dict(sparsity=-0.1), ValueError, "sparsity"),
        (dict(sparsity="half"), TypeError, "sparsity must be a number"),
        (dict(k=0), ValueError, r"k must be an integer in \[1, 60\], got 0"),
        (dict(k=3, sparsity=0.5), ValueError, "sparsity or k"),
        (dict(method="best"), ValueError, r"method must be one of \['admm'"),
        (dict(pattern="3:4"), ValueError, "4 does not divide the 10 inputs"),
        (dict(damp=-1.0), ValueError, "damp"),
        (dict(refit=1), TypeError, "refit must be True or False"),
        (dict(max_iter=0), ValueError, "max_iter"),
        (dict(W=np.ones((2, 10), dtype=np.int8)), TypeError, "W must be float32 or float64, got int8; quantized"),
        (dict(W=np.full((2, 10), np.nan)), InvalidProblemError, "W contains NaN"),
        (dict(W=np.ones(10)), InvalidProblemError, "W must be a matrix"),
        (dict(G=np.eye(9)), InvalidProblemError, r"G must have shape \(10, 10\)"),
        (dict(G=np.eye(10, dtype=np.float16)), TypeError, "float16"),
        (dict(G=np.triu(np.ones((10, 10)))), InvalidProblemError, "symmetric"),
        (dict(G=-np.eye(10)), InvalidProblemError, "negative diagonal"),
        (dict(G=np.full((10, 10), np.inf)), InvalidProblemError, "NaN or infinity"),
        (dict(B=np.ones((2, 2))), InvalidProblemError, "B must be finite with shape"),
    ],
)
def test_bad_input(layer, change, error, words):
    given = dict(W=layer[0], G=moments(layer[1])) | change
    with pytest.raises(error, match=words):
        compress_layer(given.pop("W"), given.pop("G"), **given)


@pytest.mark.parametrize("pattern", ["unstructured", "2:4"])
def test_a_support_found_in_single_precision_is_refitted_in_double(layer, monkeypatch, pattern):
    W, X = np.tile(layer[0], 2)[:, :12], layer[1] @ np.random.default_rng(1).standard_normal((10, 12))
    double = compress_layer(W, moments(X), pattern=pattern)
    monkeypatch.setattr(importlib.import_module("sparseopt.bridge.methods.admm"), "SINGLE", 0)
    single = compress_layer(W, moments(X), pattern=pattern)
    assert single.stationarity < 1e-12 and single.W.dtype == np.float64
    assert single.relerr < 1.01 * double.relerr and single.n_nonzero == double.n_nonzero


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", ["zero weights", "zero inputs", "constant inputs", "equal inputs"])
@pytest.mark.filterwarnings("ignore:.*max_iter:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_degenerate_layers_are_solved_quietly(method, case):
    rng = np.random.default_rng(0)
    W, x = rng.standard_normal((4, 8)), rng.standard_normal((20, 8))
    if case == "zero weights":
        W = np.zeros_like(W)
    else:
        x = {"zero inputs": 0.0 * x, "constant inputs": np.ones_like(x), "equal inputs": x[:, [0] * 8]}[case]
    result = compress_layer(W, x.T @ x / 20, method=method, sparsity=0.5)
    assert np.isfinite(result.W).all() and result.n_nonzero <= 32
    assert 0.0 <= result.relerr < 1.0 + 1e-9 and result.lower_bound <= result.objective + 1e-9
