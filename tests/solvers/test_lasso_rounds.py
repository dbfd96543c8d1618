"""Rounds in one compiled call against the same rounds step by step, and against the optimality conditions."""

import numpy as np
import pytest
from sparseopt._ext._lasso_rounds import LassoRounds

import sparseopt as so
from sparseopt.designs import as_design
from sparseopt.penalties import L1
from sparseopt.solvers._quadratic import Quadratic
from sparseopt.solvers.working_set import is_small, run, run_small


def problem(case, n=40, p=150):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((n, p)) + 0.8 * rng.standard_normal((n, 1)) + 2.0
    X[:, 7], X[:, 9] = 1.5, X[:, 8]
    y = X[:, :4] @ [1.0, -2.0, 3.0, 0.5] + rng.standard_normal(n)
    omega = None
    if case == "levels":
        omega = rng.uniform(0.5, 2.0, p)
        omega[[0, 20]] = np.inf
    weights = rng.integers(0, 3, n).astype(float) if case == "weights" else None
    if case == "float32":
        X = X.astype(np.float32)
    X = np.ascontiguousarray(X) if case == "rows" else np.asfortranarray(X)
    if case == "tall":
        X, y = np.asfortranarray(X[:, :12]), y
    penalty = L1(0.05, weights=omega, positive=case == "positive")
    return so.Problem(X, y, penalty=penalty, sample_weight=weights, fit_intercept=case != "no intercept")


CASES = ["plain", "no intercept", "weights", "positive", "levels", "float32", "rows", "tall"]


@pytest.mark.parametrize("tol", [1e-3, 1e-12])
@pytest.mark.parametrize("start", ["zero", "dense"])
@pytest.mark.parametrize("case", CASES)
def test_one_call_does_what_the_rounds_do(case, start, tol):
    task = problem(case)
    p = task.design.n_features
    lam, mu = task.levels()
    begin = np.zeros(p) if start == "zero" else np.abs(np.random.default_rng(5).standard_normal(p))
    driven, compiled = begin.copy(), begin.copy()
    quadratic = Quadratic(task, 1)
    expected = run(quadratic, driven, lam, mu, task.penalty.positive, tol=tol, max_iter=50, on_round=lambda *_: False)
    found, history = run_small(Quadratic(task, 1), compiled, lam, task.penalty.positive, tol, 50)
    assert mu == 0.0 and is_small(task.design) and found.converged and expected.converged
    scale = quadratic.null
    assert found.primal == pytest.approx(expected.primal, abs=2.0 * tol * scale)
    gap = task.duality_gap(compiled) * task.total_weight
    assert found.gap == pytest.approx(gap, abs=1e-11 * scale) and gap <= tol * scale * 1.01
    assert found.violation == pytest.approx(task.violation(compiled, task.intercept(compiled)) * task.total_weight,
                                            abs=1e-9 * np.max(quadratic.gradient))
    assert len(history) == found.n_iter + 1 and history[-1]["gap"] == found.gap / task.total_weight
    if tol < 1e-9:
        np.testing.assert_allclose(task.design.matvec(compiled), task.design.matvec(driven), atol=1e-5)
    constant = 7 if p > 12 or case != "no intercept" else 0
    if task.fit_intercept:
        assert compiled[constant] == 0.0
    if case == "levels":
        assert not np.any(compiled[[0, 20]])


def test_rounds_end_at_their_bound_and_when_only_rounding_is_left():
    task = problem("plain", 60, 800)
    lam, _ = task.levels()
    end, history = run_small(Quadratic(task, 1), np.zeros(800), lam, False, 1e-12, 1)
    assert end.n_iter == 1 and not end.converged and len(history) == 2
    task = so.Problem(np.eye(5), np.full(5, 1e-200), penalty=L1(1e-210), fit_intercept=False)
    assert so.solve(task).converged


def test_wrong_shapes_are_refused():
    columns = as_design(np.asfortranarray(np.ones((4, 3)))).columns()
    good = [columns, np.ones(4), None, np.ones(3), np.ones(3), np.ones(3), False, 10, 1]
    rounds = LassoRounds(*good)
    with pytest.raises(ValueError, match="w has 2 entries"):
        rounds.run(np.zeros(2), 1.0, 1e-3, 1, 1.2, 0.1, 5, 10)
    for at, value in [(1, np.ones(3)), (2, np.ones(2)), (3, np.ones(2)), (5, np.ones(4)),
                      (0, as_design(np.empty((0, 3), order="F")).columns())]:  # fmt: skip
        bad = list(good)
        bad[at] = value
        with pytest.raises(ValueError):
            LassoRounds(*bad)


def test_a_caller_who_watches_sees_every_round():
    task, seen = problem("plain"), []
    watched = so.solve(task, tol=1e-10, callback=lambda coef: seen.append(np.count_nonzero(coef)))
    alone = so.solve(task, tol=1e-10)
    assert len(seen) == watched.n_iter
    assert alone.n_iter == watched.n_iter and alone.n_passes == pytest.approx(watched.n_passes, abs=1.0)
    np.testing.assert_allclose(alone.coef.sum(), watched.coef.sum(), atol=1e-6)
