"""Selections against brute force, progress bounds, Lipschitz constants, kernels."""

import itertools

import numpy as np
import pytest
from bcd_oracles import random_quadratic, soft
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import expit, softmax
from sparseopt._ext._bcd import RULES, Heap, add_rows, block_sums, scores, scores_at, top

import sparseopt as so
from sparseopt.penalties import L1, Box


def first_block(problem, x0, **rules):
    """The block chosen first and its score, and the objective before and after."""
    result = so.block_coordinate_descent(
        problem, init=x0, max_iter=1, tol=0, track=("objective", "blocks"), random_state=0, **rules
    )
    return result.blocks[0], result.history[0]["score"], result.objectives


def brute_scores(A, g, blocks):
    H = [A[np.ix_(b, b)] for b in blocks]
    L = np.diag(A)
    return {
        "gs": np.array([g[b] @ g[b] for b in blocks]),
        "gsl": np.array([g[b] @ g[b] / np.linalg.eigvalsh(h)[-1] for b, h in zip(blocks, H, strict=True)]),
        "gsd": np.array([np.sum(g[b] ** 2 / L[b]) for b in blocks]),
        "gsd sirt": np.array([np.sum(g[b] ** 2 / np.abs(A).sum(axis=1)[b]) for b in blocks]),
        "gsq": np.array([g[b] @ np.linalg.solve(h, g[b]) for b, h in zip(blocks, H, strict=True)]),
    }


@pytest.mark.parametrize(("n", "tau", "trials"), [(9, 3, 140), (11, 5, 60)])
def test_greedy_rules_find_the_best_of_all_blocks(n, tau, trials):
    rng = np.random.default_rng(0)
    subsets = [np.array(b) for b in itertools.combinations(range(n), tau)]
    for _ in range(trials):
        A, c = random_quadratic(rng, n)
        x0 = rng.standard_normal(n)
        problem, g = so.Problem.quadratic(A, c), A @ x0 - c
        best = brute_scores(A, g, subsets)
        for rule, diag in (("gs", "lipschitz"), ("gsd", "lipschitz"), ("gsd", "sirt")):
            b, score, _ = first_block(problem, x0, selection=rule, diag=diag, block_size=tau, update="matrix")
            key = "gsd sirt" if diag == "sirt" else rule
            np.testing.assert_array_equal(b, subsets[int(np.argmax(best[key]))])
            assert score == pytest.approx(best[key].max(), rel=1e-9)
        fixed = [np.sort(b) for b in np.array_split(rng.permutation(n), n // 2)]
        best = brute_scores(A, g, fixed)
        for rule in ("gs", "gsl", "gsd", "gsq"):
            b, score, f = first_block(problem, x0, partition=fixed, selection=rule, update="matrix")
            np.testing.assert_array_equal(b, fixed[int(np.argmax(best[rule]))])
            assert score == pytest.approx(best[rule].max(), rel=1e-9)
        # the last was gsq: for quadratics its score is twice the decrease, and no block decreases more
        assert f[0] - f[1] == pytest.approx(score / 2, rel=1e-9)
        b, gain, f = first_block(problem, x0, partition=fixed, selection="mi", update="matrix")
        assert gain == pytest.approx(score / 2, rel=1e-9) and f[0] - f[1] == pytest.approx(gain, rel=1e-9)


def test_hard_thresholding_never_promises_less_than_gsd():
    rng = np.random.default_rng(1)
    better = 0
    for _ in range(40):
        A, c = random_quadratic(rng, 12)
        problem, x0 = so.Problem.quadratic(A, c), rng.standard_normal(12)
        g = A @ x0 - c
        gsd, _, f_gsd = first_block(problem, x0, selection="gsd", block_size=4, update="matrix")
        gsq, score, f_gsq = first_block(problem, x0, selection="gsq", block_size=4, update="matrix")
        assert score == pytest.approx(g[gsq] @ np.linalg.solve(A[np.ix_(gsq, gsq)], g[gsq]), rel=1e-8)
        assert f_gsq[1] <= f_gsd[1] + 1e-9 * abs(f_gsd[0])
        better += f_gsq[1] < f_gsd[1] - 1e-9 * abs(f_gsd[0])
    assert better >= 3  # the search does find better blocks


def test_order_of_the_progress_bounds():
    rng = np.random.default_rng(2)
    for _ in range(50):
        A, c = random_quadratic(rng, 9)
        g, L, D = A @ rng.standard_normal(9) - c, np.diag(A), np.abs(A).sum(axis=1)
        assert np.linalg.eigvalsh(np.diag(D) - A)[0] > -1e-9
        blocks = [np.array(b) for b in itertools.combinations(range(9), 3)]
        best = brute_scores(A, g, blocks)
        slack = 1.0 + 1e-10
        assert np.all(best["gsl"] <= best["gsq"] * slack) and np.all(best["gsd"] / 3 <= best["gsq"] * slack)
        assert np.all(best["gsd sirt"] <= best["gsq"] * slack)
        assert min(np.linalg.eigvalsh(3 * np.diag(L[b]) - A[np.ix_(b, b)])[0] for b in blocks) > -1e-9


def test_proximal_rules_choose_what_theory_says():
    """The two-variable examples of Nutini et al., ICML 2015, supplement 8: f = |A x - b|^2 / 2 is twice the mean."""
    A = np.diag([1.0, 0.7])

    def chosen(b, penalty, x0, rule):
        problem = so.Problem(A, b, penalty=penalty, fit_intercept=False)
        block, score, f = first_block(problem, np.array(x0), selection=rule, update="prox-gradient")
        return block[0], score, 2.0 * f

    for rule, coordinate, value, ratio in (("gs-s", 1, 6.5, 0.88), ("gs-r", 0, 5.2, 0.12), ("gs-q", 0, 5.2, 0.12)):
        j, _, f = chosen([-1.0, -3.0], Box(lower=0.0), [1.0, 0.1], rule)
        assert j == coordinate
        assert f[1] == pytest.approx(value, abs=0.02)
        assert (f[1] - 5.0) / (f[0] - 5.0) == pytest.approx(ratio, abs=0.01)
    for rule, coordinate, value, ratio in (("gs-r", 0, 2.9, 0.84), ("gs-q", 1, 2.2, 0.16)):
        j, score, f = chosen([2.0, -1.0], L1(0.5), [0.4, 0.5], rule)
        assert j == coordinate
        assert f[1] == pytest.approx(value, abs=0.03)
        assert (f[1] - 2.0) / (f[0] - 2.0) == pytest.approx(ratio, abs=0.01)
        if rule == "gs-r":
            assert score == pytest.approx(0.6**2)


@pytest.mark.parametrize("rule", ["gs-s", "gs-r", "gs-q"])
@pytest.mark.parametrize("kind", ["l1", "positive", "box"])
def test_proximal_scores_against_their_definition(rule, kind):
    rng = np.random.default_rng(3)
    p = 500
    lam = np.full(p, 0.0 if kind == "box" else 0.7)
    low = np.full(p, {"l1": -np.inf, "positive": 0.0, "box": -0.5}[kind])
    high = np.full(p, 0.5 if kind == "box" else np.inf)
    x = np.clip(np.where(rng.random(p) < 0.5, 0.0, rng.standard_normal(p)), low, high)
    g, d = 2.0 * rng.standard_normal(p), np.exp(rng.standard_normal(p))
    out = np.empty(p)
    scores(RULES[rule], x, g, d, lam, low, high, out)
    expected = np.empty(p)
    for j in range(p):
        lo, hi = max(low[j], -1e4), min(high[j], 1e4)
        grid = np.unique(np.r_[np.linspace(lo, hi, 2001), x[j], 0.0, lo, hi])
        grid = grid[(grid >= lo) & (grid <= hi)]
        grid = np.r_[grid, np.clip(soft(x[j] - g[j] / d[j], lam[j] / d[j]), lo, hi)]
        model = g[j] * (grid - x[j]) + 0.5 * d[j] * (grid - x[j]) ** 2 + lam[j] * (np.abs(grid) - abs(x[j]))
        k = int(np.argmin(model))
        if rule == "gs-q":
            expected[j] = -model[k]
        elif rule == "gs-r":
            expected[j] = (grid[k] - x[j]) ** 2
        else:
            slopes = [lam[j] * np.sign(x[j])] if x[j] else [-lam[j], lam[j]]
            s_low, s_high = min(slopes), max(slopes)
            s_low = -np.inf if x[j] <= low[j] else s_low
            s_high = np.inf if x[j] >= high[j] else s_high
            expected[j] = (np.clip(-g[j], s_low, s_high) + g[j]) ** 2
    np.testing.assert_allclose(out, expected, rtol=1e-9, atol=1e-12)


# ------------------------------------------------------------------ kernels

@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0, 5.0]), st.integers(0, 1)), min_size=1, max_size=40),
    st.integers(0, 45),
)
def test_top_is_a_stable_sort(items, count):
    key = np.array([k for k, _ in items])
    free = np.array([f for _, f in items], dtype=np.int8)
    order = sorted(range(len(items)), key=lambda i: (-key[i], -free[i], i))
    np.testing.assert_array_equal(top(key, free, count), np.sort(order[:count]))


def test_heap_agrees_with_a_scan_after_many_updates():
    rng = np.random.default_rng(4)
    keys = np.round(rng.random(500), 2)  # many ties
    heap = Heap(keys)
    for _ in range(5000):
        changed = rng.integers(0, 500, size=20)
        keys[changed] = np.round(rng.random(20), 2)
        heap.update(changed, keys)
        item, key = heap.best()
        assert item == np.argmax(keys) and key == keys[item]


def test_kernels_refuse_what_would_leave_memory():
    a, one = np.zeros(3), np.ones(3)
    intp = np.intp
    with pytest.raises(ValueError, match="out has 2 entries"):
        scores(0, a, a.copy(), one, a, a, a, np.zeros(2))
    with pytest.raises(ValueError, match="index 3 is outside"):
        scores_at(0, np.array([3]), a, a, one, a, a, a, np.zeros(3))
    with pytest.raises(ValueError, match="outside 0..2"):
        Heap(a).update(np.array([5]), a)
    with pytest.raises(ValueError, match="heap is empty"):
        Heap(np.zeros(0)).best()
    with pytest.raises(ValueError, match="outside 0..2"):
        block_sums(a, np.array([0, 7]), np.array([0, 2]), np.zeros(1))
    X = sparse.csr_array(np.eye(3))
    with pytest.raises(ValueError, match="row 4 is outside"):
        add_rows(X.indptr, X.indices, X.data, np.array([4]), np.ones(1), np.zeros(3), np.zeros(3, np.int8),
                 np.zeros(3, intp))  # fmt: skip
    assert top(np.zeros(0), np.zeros(0, np.int8), 4).size == 0


def test_scores_take_pending_rows_of_a_read_only_matrix():
    rng = np.random.default_rng(5)
    p = 3000
    rows, steps, g, d = rng.standard_normal((4, p)), rng.standard_normal(4), rng.standard_normal(p), np.ones(p)
    rows.flags.writeable = steps.flags.writeable = d.flags.writeable = False
    expected, out, zero, inf = g + steps @ rows, np.empty(p), np.zeros(p), np.full(p, np.inf)
    scores(RULES["gsd"], zero, g, d, zero, -inf, inf, out, rows, steps)
    np.testing.assert_allclose(g, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(out, expected**2, rtol=1e-10, atol=1e-12)


# ------------------------------------------------------------------ Lipschitz constants

def test_bounds_of_the_logistic_hessian():
    rng = np.random.default_rng(6)
    X = rng.standard_normal((30, 6))
    y = np.where(rng.random(30) < 0.5, 1.0, -1.0)
    smooth = linear_smooth(so.Problem(X, y, "logistic", Box(), fit_intercept=False))
    b = np.array([0, 2, 5])
    for _ in range(200):
        w = 3.0 * rng.standard_normal(6)
        q = expit(X @ w) * expit(-X @ w) / 30
        H = (X[:, b] * q[:, None]).T @ X[:, b]
        assert np.linalg.eigvalsh(smooth.bound(b) - H)[0] > -1e-12
        smooth.x[:] = w
        smooth.refresh()
        np.testing.assert_allclose(smooth.hessian(b), H, rtol=1e-10)
    assert np.all(smooth.curvature == pytest.approx(0.25 * np.mean(X**2, axis=0)))


@pytest.mark.parametrize("block", [[4], [0, 1], [0, 1, 2, 3], [1, 6, 11], [0, 4, 8], [0, 5, 6, 7]])
def test_bounds_of_the_multinomial_hessian(block):
    rng = np.random.default_rng(7)
    n, p, K = 25, 3, 4
    X = rng.standard_normal((n, p))
    y = rng.integers(0, K, n).astype(float)
    y[:K] = np.arange(K)
    smooth = linear_smooth(so.Problem(X, y, "multinomial", Box(), fit_intercept=False))
    b = np.array(block)
    for _ in range(100):
        W = 2.0 * rng.standard_normal((p, K))
        share = softmax(X @ W, axis=1)
        H = sum(
            np.kron(np.outer(x, x), np.diag(s) - np.outer(s, s)) for x, s in zip(X, share, strict=True)
        )[np.ix_(b, b)] / n  # fmt: skip
        assert np.linalg.eigvalsh(smooth.bound(b) - H)[0] > -1e-12
        smooth.x[:] = W.ravel()
        smooth.refresh()
        np.testing.assert_allclose(smooth.hessian(b), H, rtol=1e-9, atol=1e-12)
    bound = np.kron(X.T @ X / n, 0.5 * (np.eye(K) - 1.0 / K))
    np.testing.assert_allclose(smooth.product(W.ravel()), bound @ W.ravel(), rtol=1e-10)
    np.testing.assert_allclose(smooth.sirt(), np.abs(bound).sum(axis=1), rtol=1e-10)
    if len(block) == K and max(block) < K:
        np.testing.assert_allclose(smooth.bound(b), bound[np.ix_(b, b)], rtol=1e-10)


def linear_smooth(problem):
    """The smooth part at zero."""
    from sparseopt.solvers.bcd.driver import _shape, _smooth

    p, K = _shape(problem)
    return _smooth(problem, 0.0, np.zeros(p * K), 1)
