"""The published figures: gap against iteration for rules and updates, identification, finite termination."""

import numpy as np
import pytest
from bcd_oracles import dataset_a, dataset_b, dataset_c, soft

import sparseopt as so
from sparseopt.penalties import L1, Box


@pytest.fixture(scope="module")
def data_a():
    return dataset_a()


@pytest.fixture(scope="module")
def problem_a(data_a):
    X, y, _ = data_a
    return so.Problem(X, y, penalty=Box(), fit_intercept=False)


@pytest.fixture(scope="module")
def problem_b(data_a):
    X, _, w = data_a
    return so.Problem(X, dataset_b(X, w), "logistic", Box(), fit_intercept=False)


def trace(problem, max_iter=500, **rules):
    """Objectives of the summed loss."""
    result = so.block_coordinate_descent(
        problem, max_iter=max_iter, tol=0, track="objective", random_state=0, **rules
    )
    f = result.objectives * problem.total_weight
    assert np.all(np.diff(f) <= 1e-12 * abs(f[0]))  # monotone
    return f


FIXED, VARIABLE = {"partition": "sort"}, {"partition": "variable"}


@pytest.mark.parametrize(
    ("tau", "rules", "ratio"),
    [
        (5, dict(selection="gs", update="gradient", **FIXED), 2.1e-2),
        (5, dict(selection="gsl", update="gradient", **FIXED), 7.0e-4),
        (5, dict(selection="gs", update="gradient", **VARIABLE), 5.4e-3),
        (5, dict(selection="gsd", diag="sirt", update="gradient", **VARIABLE), 1.2e-3),
        (5, dict(selection="gs", update="matrix", **FIXED), 1.7e-2),
        (5, dict(selection="gsd", update="matrix", **VARIABLE), 7.6e-9),
        (50, dict(selection="gsl", update="gradient", **FIXED), 3.9e-7),
        (50, dict(selection="gs", update="gradient", **VARIABLE), 3.2e-7),
        (100, dict(selection="gsl", update="gradient", **FIXED), 1.0e-7),
        (100, dict(selection="gs", update="gradient", **VARIABLE), 7.3e-8),
        (5, dict(selection="random", update="gradient", **VARIABLE), 0.29),
        (5, dict(selection="cyclic", update="gradient", **FIXED), 8.3e-2),
        (50, dict(selection="lipschitz", update="gradient", **VARIABLE), 1.4e-2),
    ],
)
def test_gap_after_500_iterations_on_dataset_a(problem_a, tau, rules, ratio):
    f = trace(problem_a, block_size=tau, **rules)
    assert ratio / 2 <= f[-1] / f[0] <= 2 * ratio


@pytest.mark.parametrize(
    ("rules", "iterations", "slack"),
    [
        (dict(selection="gsd", **VARIABLE), 241, 10), (dict(selection="gsq", **FIXED), 475, 15),
        (dict(selection="gsl", **FIXED), 486, 15), (dict(selection="gsd", **FIXED), 483, 15),
    ],
)  # fmt: skip
def test_iterations_to_a_tiny_gap_on_dataset_a(problem_a, rules, iterations, slack):
    f = trace(problem_a, block_size=50, update="matrix", **rules)
    assert abs(int(np.argmax(f < 1e-8)) - iterations) <= slack


@pytest.mark.parametrize("tau", [5, 50, 100])
def test_order_of_the_rules(problem_a, tau):
    def reached(**rules):
        return trace(problem_a, 300, block_size=tau, **rules)[-1]

    assert reached(selection="gsl", update="gradient", **FIXED) < reached(selection="gs", update="gradient", **FIXED)
    gsd, gs = (reached(selection=rule, update="matrix") for rule in ("gsd", "gs"))
    assert gsd < reached(selection="gsd", diag="sirt", update="matrix") < gs
    # with gradient steps; with matrix steps and blocks of 100, random ones beat those of the largest gradients
    gradient = {rule: reached(selection=rule, update="gradient") for rule in ("gs", "gsd", "random")}
    assert max(gradient["gs"], gradient["gsd"]) < gradient["random"]


def test_newton_beats_the_matrix_bound_on_dataset_b(problem_b):
    f = trace(problem_b, block_size=5, selection="gsd", update="newton")
    assert 1.9e-3 / 2 <= f[-1] <= 2 * 1.9e-3
    f = trace(problem_b, block_size=50, selection="gsd", update="newton")
    assert abs(int(np.argmax(f < 1e-8)) - 273) <= 15
    f = trace(problem_b, block_size=50, selection="gsd", update="matrix")
    assert f[-1] == pytest.approx(6.8, rel=0.1)


# ------------------------------------------------------------------ progress bounds along whole runs

@pytest.mark.parametrize("selection", ["gs", "gsl", "gsd", "gsq"])
@pytest.mark.parametrize("update", ["gradient", "matrix"])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_every_step_makes_the_progress_it_promises(selection, update, loss):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 40)) * np.exp(rng.standard_normal(40))
    y = np.sign(X[:, :5].sum(axis=1) + rng.standard_normal(60))
    problem = so.Problem(X, y, loss, Box(), fit_intercept=False)
    result = so.block_coordinate_descent(
        problem, partition="sort", block_size=4, selection=selection, update=update, max_iter=60, tol=0,
        track=("objective", "blocks"),
    )  # fmt: skip
    f, w = result.objectives, np.zeros(40)
    curvature = 1.0 if loss == "squared" else 0.25
    from scipy.special import expit

    for k, b in enumerate(result.blocks):
        slope = X @ w - y if loss == "squared" else -y * expit(-y * (X @ w))
        g, H = X[:, b].T @ slope / 60, curvature * X[:, b].T @ X[:, b] / 60
        if update == "gradient":
            L = np.linalg.eigvalsh(H)[-1]
            promised, d = g @ g / (2 * L), -g / L
        else:
            d = -np.linalg.solve(H, g)
            promised = -0.5 * (g @ d)
        assert f[k] - f[k + 1] >= promised - 1e-12 * f[0]
        w[b] += d
    np.testing.assert_allclose(result.coef, w, rtol=1e-7, atol=1e-10)


# ------------------------------------------------------------------ non-negative least squares: identification

@pytest.fixture(scope="module")
def bounded(data_a):
    X, y, _ = data_a
    problem = so.Problem(X, y, penalty=L1(50.0, positive=True), fit_intercept=False)
    w = so.block_coordinate_descent(problem, block_size=200, update="prox-newton", max_iter=60, tol=0).coef
    support = np.flatnonzero(w)
    # polished on the support, independently
    A = X[:, support].toarray()
    w[support] = np.linalg.solve(A.T @ A, A.T @ y - 50.0 * len(y))
    r = X @ w - y
    slope = X.T @ r + 50.0 * len(y)
    assert np.all(w[support] > 0) and np.all(np.delete(slope, support) > 0)  # the optimum, and not degenerate
    return problem, support, 0.5 * r @ r + 50.0 * len(y) * w.sum()


def identified(bounded, max_iter=500, **rules):
    problem, support, best = bounded
    result = so.block_coordinate_descent(
        problem, max_iter=max_iter, tol=0, track=("objective", "support"), random_state=0, **rules
    )
    gap = result.objectives * 1000 - best
    assert np.all(np.diff(gap) <= 1e-12 * (gap[0] + best))
    found = [k for k, s in enumerate(result.supports) if np.array_equal(s, support)]
    return (found[0] if found else None), int(np.argmax(gap < 1e-8)) or None, gap


def test_small_blocks_identify_and_end(bounded):
    first, end, _ = identified(bounded, 200, block_size=5, selection="gsd-q", update="prox-newton")
    assert abs(first - 21) <= 3 and abs(end - 60) <= 5
    tmp_first, tmp_end, _ = identified(bounded, 200, block_size=5, selection="gsd-q", update="tmp")
    assert abs(tmp_first - first) <= max(0.2 * first, 2) and abs(tmp_end - end) <= max(0.2 * end, 2)
    fixed_first, fixed_end, _ = identified(
        bounded, 300, partition="sort", block_size=5, selection="gs-q", update="prox-newton"
    )
    assert fixed_first >= first and fixed_end >= end


@pytest.mark.parametrize("tau", [50, 100])
@pytest.mark.parametrize("update", ["prox-newton", "tmp", "exact"])
def test_large_blocks_end_after_finitely_many_steps(bounded, tau, update):
    first, end, gap = identified(bounded, 8, block_size=tau, selection="gsd-q", update=update)
    assert first <= 8 and gap[-1] <= 1e-9 * gap[0]


def test_random_blocks_do_not_identify(bounded):
    first, _, gap = identified(bounded, 500, block_size=5, selection="random", update="prox-newton")
    assert first is None and gap[-1] > 1e5


def lasso_optimum(H, c, lam):
    x, L = np.zeros(len(c)), np.linalg.eigvalsh(H)[-1]
    for _ in range(20000):
        x = soft(x - (H @ x - c) / L, lam / L)
    return x, L


@pytest.mark.parametrize("selection", ["cyclic", "gsd-q"])
def test_identification_within_the_bound(selection):
    """After the last iterate outside delta / (2 L), p more iterations suffice."""
    rng = np.random.default_rng(5)
    p = 40
    for _ in range(15):
        A = rng.standard_normal((60, p))
        y = A[:, :5] @ rng.standard_normal(5) * 2 + rng.standard_normal(60)
        H, c = A.T @ A + 12.0 * np.eye(p), A.T @ y
        lam = 0.3 * np.abs(c).max()
        x, L = lasso_optimum(H, c, lam)
        zero = np.abs(x) < 1e-12
        delta = (lam - np.abs(H @ x - c)[zero]).min()
        points = []
        problem = so.Problem.quadratic(H, c, penalty=L1(lam))
        start = rng.standard_normal(p)
        so.block_coordinate_descent(
            problem, partition="order", selection=selection, update="prox-gradient", init=start, max_iter=2000, tol=0,
            callback=lambda w, points=points: points.append(w.copy()),
        )  # fmt: skip
        points = np.array([start, *points])
        far = np.flatnonzero(np.linalg.norm(points - x, axis=1) > delta / (2 * L))
        wrong = np.flatnonzero(np.any(points[:, zero] != 0.0, axis=1))
        assert wrong[-1] + 1 <= far[-1] + 1 + p


def test_two_metric_projection_is_superlinear_on_logistic():
    rng = np.random.default_rng(5)
    n, p = 300, 400
    X, w = rng.standard_normal((n, p)), np.zeros(p)
    w[:12] = 2.0 * rng.standard_normal(12)
    y = np.where(rng.random(n) < 1 / (1 + np.exp(-X @ w)), 1.0, -1.0)
    problem = so.Problem(X, y, "logistic", L1(0.2 * np.abs(X.T @ y).max() / (2 * n)), fit_intercept=False)
    run = dict(selection="gsd-q", update="tmp", track="objective", tol=0)
    best = so.block_coordinate_descent(problem, block_size=200, max_iter=100, **run)
    gap = so.block_coordinate_descent(problem, block_size=40, max_iter=6, **run).objectives - best.objective
    assert best.gap <= 1e-12 * best.null_objective
    assert gap[-1] <= 1e-12 * gap[0]
    late = gap[gap * n < 1.0] * n
    for now, after in zip(late[:-1], late[1:], strict=True):
        assert after <= 1e-10 or np.log10(after) <= 1.5 * np.log10(now)


@pytest.mark.parametrize(
    ("tau", "rules", "published"),
    [
        (5, dict(selection="gs", update="gradient", **FIXED), 3510.0),
        (5, dict(selection="gs", update="gradient", **VARIABLE), 3090.0),
        (5, dict(selection="gs", update="newton", **VARIABLE), 1070.0),
        (5, dict(selection="gsd", update="newton", **VARIABLE), 280.0),
        (50, dict(selection="gsd", update="newton", **VARIABLE), 1.6e-4),
    ],
)
def test_objective_after_500_iterations_on_dataset_c(tau, rules, published):
    """50 classes, 50,000 variables; values read off the published figure, 3912 at the start."""
    problem = so.Problem(*dataset_c(), "multinomial", Box(), fit_intercept=False)
    f = trace(problem, block_size=tau, **rules)
    assert f[0] == pytest.approx(1000.0 * np.log(50.0))
    assert f[-1] == pytest.approx(published, rel=0.1)


def test_learnt_constants_beat_known_ones_on_fixed_blocks(problem_b):
    """Figure 9 on dataset B, blocks of 50 in order."""
    options = dict(partition="order", selection="gsl", block_size=50)
    known, learnt = (trace(problem_b, update=update, **options)[-1] for update in ("gradient", "backtrack"))
    assert known == pytest.approx(69.0, rel=0.1) and learnt == pytest.approx(11.2, rel=0.3)
