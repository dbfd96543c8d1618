"""Delta-GS-s: GS-s that prefers what it has touched."""

import numpy as np
import pytest

import sparseopt as so


def draw(seed=0, n=60, p=200):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.7 * rng.standard_normal((n, 1))
    y = X[:, :8] @ rng.standard_normal(8) + 0.5 * rng.standard_normal(n)
    return so.Problem(X, y, penalty=so.penalties.L1(0.1), fit_intercept=False)


def run(problem, selection, **options):
    return so.block_coordinate_descent(problem, selection=selection, update="prox-gradient", max_iter=600, tol=0,
                                       track=("blocks", "objective"), **options)  # fmt: skip


@pytest.mark.parametrize("block_size", [1, 4])
@pytest.mark.parametrize("partition", ["variable", "order"])
def test_with_delta_one_it_is_gs_s(partition, block_size):
    plain, ours = (run(draw(), name, partition=partition, block_size=block_size, delta=1.0)
                   for name in ("gs-s", "delta-gs-s"))  # fmt: skip
    assert all(np.array_equal(np.sort(a), np.sort(b)) for a, b in zip(plain.blocks, ours.blocks, strict=True))


@pytest.mark.parametrize("delta", [1 / 64, 1 / 8, 1 / 2])
def test_choices_follow_the_rule(delta):
    """Replay the run with scores from the definition."""
    problem = draw()
    result = run(problem, "delta-gs-s", delta=delta)
    X, n = problem.design.array, problem.design.n_samples
    w, touched = np.zeros(200), np.zeros(200, dtype=bool)
    bends = np.sum(X**2, axis=0) / n
    for block in result.blocks[:200]:
        g = X.T @ (X @ w - problem.y) / n
        size = np.where(w != 0.0, np.abs(g + 0.1 * np.sign(w)), np.maximum(np.abs(g) - 0.1, 0.0)) ** 2
        old = size[touched].max(initial=-1.0)
        allowed = np.ones(200, dtype=bool) if delta * size.max() >= old else touched
        (j,) = block
        assert allowed[j] and size[j] >= size[allowed].max() * (1.0 - 1e-9) - 1e-15
        touched[j] = True
        v = w[j] - g[j] / bends[j]
        w[j] = np.sign(v) * max(abs(v) - 0.1 / bends[j], 0.0)


def test_smaller_delta_touches_fewer_coordinates_and_ends_at_the_same_minimum():
    problem = draw()
    best = so.solve(problem, tol=1e-12).objective
    touched = []
    for delta in (1.0, 1 / 4, 1 / 64):
        result = so.block_coordinate_descent(problem, selection="delta-gs-s", update="prox-gradient", delta=delta,
                                             max_iter=20_000, tol=1e-10, track="blocks")  # fmt: skip
        assert result.objective == pytest.approx(best, rel=1e-8)
        touched.append(np.unique(np.concatenate(result.blocks)).size)
    assert touched[2] < touched[0] and touched[1] <= touched[0]


def test_a_warm_start_counts_as_touched():
    problem = draw()
    w = so.solve(problem, tol=1e-3).coef
    result = so.block_coordinate_descent(problem, selection="delta-gs-s", update="prox-gradient", delta=1e-9, init=w,
                                         max_iter=50, tol=0, track="blocks")  # fmt: skip
    assert set(np.concatenate(result.blocks[:10])) <= set(np.flatnonzero(w))


@pytest.mark.parametrize("delta", [0.0, 1.5, np.nan, "a"])
def test_bad_delta_is_refused(delta):
    with pytest.raises((ValueError, TypeError), match="delta"):
        run(draw(), "delta-gs-s", delta=delta)
