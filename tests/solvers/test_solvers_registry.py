"""Choosing a solver, what it refuses, and what it says when it did not arrive."""

import logging
import re

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import sparseopt as so
from sparseopt.exceptions import IncompatibleError
from sparseopt.penalties import L1
from sparseopt.solvers import available_solvers, registry


class Odd:
    """A penalty that no solver knows by name."""

    alpha = 1.0

    def value(self, w):
        return 0.0

    def prox(self, w, step):
        return w


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 600))  # wide enough for several rounds
    return so.Problem(X, X[:, :8] @ np.arange(1.0, 9.0) + rng.standard_normal(100), penalty=L1(0.05))


def test_the_working_set_solver_is_registered_and_chosen(problem):
    assert "working_set" in available_solvers() and available_solvers() == sorted(available_solvers())
    auto, named = so.solve(problem), so.solve(problem, "working_set")
    assert auto.solver == named.solver == "working_set"
    np.testing.assert_array_equal(auto.coef, named.coef)


def test_an_unknown_name_is_answered_with_the_known_ones(problem):
    with pytest.raises(ValueError, match="unknown solver 'simplex'.*auto.*working_set"):
        so.solve(problem, "simplex")


def test_what_a_solver_does_not_take_is_refused_with_the_reason_and_those_that_do():
    problem = so.Problem(np.eye(3), np.ones(3), penalty=Odd())
    result = so.solve(problem)
    assert result.solver == "prox_gradient" and result.converged
    for name in set(available_solvers()) - {"prox_gradient"}:
        with pytest.raises(IncompatibleError, match=rf"'{name}': .*penalt.*Usable here: \['prox_gradient'\]"):
            so.solve(problem, name)
    with pytest.raises(IncompatibleError, match="solve_path"):
        so.solution_path(np.eye(3), np.ones(3), penalty=Odd())
    assert issubclass(IncompatibleError, TypeError)


def test_what_no_solver_takes_is_refused_with_the_reasons(monkeypatch):
    others = {name: entry for name, entry in registry._SOLVERS.items() if name != "prox_gradient"}
    monkeypatch.setattr(registry, "_SOLVERS", others)
    with pytest.raises(IncompatibleError, match="no solver accepts this problem: .*penalty") as caught:
        so.solve(so.Problem(np.eye(3), np.ones(3), penalty=Odd()))
    assert all(f"{name}: " in str(caught.value) for name in others)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"tol": -1e-3}, "tol"), ({"tol": np.nan}, "tol"), ({"tol": np.inf}, "tol"), ({"tol": "1"}, "tol"),
        ({"tol": None}, "tol"), ({"tol": True}, "tol"), ({"max_iter": 0}, "max_iter"), ({"max_iter": 1.5}, "max_iter"),
        ({"max_iter": True}, "max_iter"), ({"init": np.ones(3)}, "init"), ({"init": np.full(300, np.nan)}, "init"),
        ({"n_threads": 0}, "n_threads"), ({"n_threads": -2}, "n_threads"),
    ],
)  # fmt: skip
def test_parameters_out_of_range_are_named_with_their_value(problem, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        so.solve(problem, **arguments)
    ((name, value),) = arguments.items()
    assert name == "init" or re.search(re.escape(str(value)), str(caught.value))


def test_a_problem_is_asked_for():
    with pytest.raises(TypeError, match="Problem"):
        so.solve(np.eye(3))


def test_stopping_early_is_said_with_what_was_reached_and_what_to_change(problem):
    with pytest.warns(ConvergenceWarning, match=r"tol=1e-12 was asked.*max_iter \(now 1\)") as caught:
        result = so.solve(problem, tol=1e-12, max_iter=1)
    assert not result.converged and result.gap > 1e-12 * problem.null_objective
    assert f"{result.relative_gap:.2e}" in str(caught[0].message)
    assert problem.duality_gap(result.coef) == pytest.approx(result.gap, rel=1e-6)


@pytest.mark.filterwarnings("error")
def test_a_callback_sees_every_iteration_and_may_stop(problem):
    seen = []
    result = so.solve(problem, tol=1e-12, callback=lambda coef: seen.append(coef.copy()))
    assert len(seen) == result.n_iter and result.converged
    np.testing.assert_array_equal(seen[-1], result.coef)
    stopped = so.solve(problem, tol=1e-12, callback=lambda coef: True)
    assert stopped.n_iter == 1 and not stopped.converged
    np.testing.assert_array_equal(stopped.coef, seen[0])


def test_history_and_log_tell_the_iterations(problem, caplog):
    with caplog.at_level(logging.INFO, logger="sparseopt"):
        result = so.solve(problem, tol=1e-10, verbose=2)
    assert len(caplog.records) == len(result.history) == result.n_iter + 1
    assert result.history[-1]["gap"] == result.gap and result.history[-1]["objective"] == result.objective
    assert np.all(np.diff([h["n_passes"] for h in result.history]) >= 0)
    assert result.history[-1]["n_passes"] == result.n_passes


def test_silent_by_default(problem, capsys, caplog):
    with caplog.at_level(logging.INFO, logger="sparseopt"):
        so.solve(problem)
    assert not caplog.records and capsys.readouterr() == ("", "")


def test_the_progress_bar_goes_away_also_after_an_error(problem, capsys):
    def fail(coef):
        raise KeyError("from the callback")

    with pytest.raises(KeyError, match="from the callback"):
        so.solve(problem, verbose=1, callback=fail)
    so.solve(problem, verbose=1)
    assert "sparseopt" in capsys.readouterr().err


def test_new_solvers_join_the_list(problem, monkeypatch):
    monkeypatch.setattr(registry, "_SOLVERS", dict(registry._SOLVERS))

    @registry.register("never", lambda problem: "it never does")
    def solve_never(problem, **options):
        raise AssertionError("must not be called")

    assert "never" in available_solvers()
    assert so.solve(problem).solver == "working_set"
    with pytest.raises(IncompatibleError, match="'never'.*it never does.*working_set"):
        so.solve(problem, "never")
