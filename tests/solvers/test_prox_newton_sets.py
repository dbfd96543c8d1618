"""Large working sets, screening, weights of zero, units of y, and what a reading of X costs."""

import numpy as np
import pytest
from newton_problems import LOSSES, PENALTIES, make
from scipy import sparse
from sparseopt._ext._scalar_newton import NewtonSet

import sparseopt as so
from sparseopt.solvers import _newton_model, _smooth_state, prox_newton
from sparseopt.solvers.prox_newton import ProxNewton


@pytest.mark.parametrize("storage", ["dense", "csc"])
@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("loss", ["logistic", "multinomial", "poisson"])
def test_columns_and_gram_matrix_give_the_same_solution(monkeypatch, loss, kind, storage):
    X, y, s = make(loss, n=60, p=25)
    problem = so.Problem(sparse.csc_matrix(X) if storage == "csc" else X, y, loss, PENALTIES[kind], s)
    usual = so.solve(problem, tol=1e-11)
    monkeypatch.setattr(_newton_model, "MAX_GRAM", 0)
    swept = so.solve(problem, tol=1e-11)
    assert swept.converged
    np.testing.assert_allclose(swept.coef, usual.coef, atol=2e-6)
    assert problem.duality_gap(swept.coef, swept.intercept) <= 1e-10 * problem.null_objective


def test_a_set_larger_than_any_gram_matrix_still_grows(monkeypatch):
    """Sets used to stop growing at the largest Gram matrix, and fits never ended."""
    rng = np.random.default_rng(0)
    X = sparse.random_array((300, 2000), density=0.01, rng=rng, format="csc")
    y = np.sign(X @ rng.standard_normal(2000) + 0.1 * rng.standard_normal(300))
    monkeypatch.setattr(_newton_model, "MAX_GRAM", 50)
    monkeypatch.setattr(prox_newton, "FIRST_SET", 10)
    problem = so.Problem(X, np.where(y > 0, 1.0, -1.0), "logistic", so.penalties.L1(1e-4))
    result = so.solve(problem, tol=1e-8)
    assert np.count_nonzero(result.coef) > 50
    assert problem.duality_gap(result.coef, result.intercept) <= 1e-8 * problem.null_objective


@pytest.mark.parametrize("kind", ["l1", "elastic_net", "positive", "rows"])
@pytest.mark.parametrize("loss", ["logistic", "multinomial", "huber"])
def test_screening_leaves_out_only_what_is_zero(loss, kind):
    X, y, s = make(loss, n=50, p=400)
    problem = so.Problem(X, y, loss, PENALTIES[kind], s)
    best = so.solve(problem, tol=1e-12).coef
    for tol in (1e-2, 1e-4, 1e-6):
        state = ProxNewton(problem, 1, so.solve(problem, tol=tol).coef)
        state.set_levels(*problem.levels())
        state.certify()
        before = state.gap
        state.screen()
        out = np.setdiff1d(np.arange(400), np.arange(400) if state.alive is None else state.alive)
        assert not np.any(best[out])
        state.complete()
        assert state.gap == pytest.approx(before, rel=1e-12)
    assert out.size > 100  # the last of them


def test_poisson_is_not_screened():
    """Its second derivative has no bound, and so its dual points have no ball."""
    X, y, s = make("poisson")
    problem = so.Problem(X, y, "poisson", PENALTIES["l1"], s)
    state = ProxNewton(problem, 1, so.solve(problem).coef)
    state.set_levels(*problem.levels())
    state.certify()
    state.screen()
    assert state.alive is None


@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_rows_of_weight_zero_are_as_good_as_absent(loss, kind):
    X, y, s = make(loss, n=60)
    s[::3] = 0.0
    X[::6] *= 1e3  # whatever their entries are
    on = s > 0.0
    whole = so.Problem(X, y, loss, PENALTIES[kind], s)
    part = so.Problem(X[on], y[on], loss, PENALTIES[kind], s[on])
    ours, theirs = so.solve(whole, tol=1e-10), so.solve(part, tol=1e-10)
    assert ours.converged and np.isfinite(ours.gap)
    np.testing.assert_allclose(ours.coef, theirs.coef, atol=3e-5)
    np.testing.assert_allclose(ours.intercept, theirs.intercept, atol=3e-5)


@pytest.mark.parametrize("penalty", ["l1", "elasticnet", "group"])
@pytest.mark.parametrize("loss", ["logistic", "multinomial"])
def test_classifier_with_sample_weights_of_zero(loss, penalty):
    X, y, s = make(loss, n=60)
    s[::3] = 0.0
    on = s > 0.0
    options = dict(alpha=0.02, penalty=penalty, tol=1e-10)
    ours = so.SparseLogisticRegression(**options).fit(X, y, sample_weight=s)
    theirs = so.SparseLogisticRegression(**options).fit(X[on], y[on], sample_weight=s[on])
    assert ours.dual_gap_ <= 1e-9
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("intercept", [True, False])
def test_unpenalised_columns_have_a_proven_gap(loss, intercept):
    X, y, s = make(loss, n=60)
    weights = np.ones(12)
    weights[[2, 5]] = 0.0
    problem = so.Problem(X, y, loss, so.penalties.L1(0.05, weights=weights), s, fit_intercept=intercept)
    result = so.solve(problem, tol=1e-9)
    assert result.converged and result.gap <= 1e-9 * problem.null_objective
    best = so.solve(problem, tol=1e-12).objective
    rng = np.random.default_rng(3)
    for size in (1e-4, 1e-2):
        w = result.coef + size * rng.standard_normal(result.coef.shape)
        bound = problem.duality_gap(w)
        assert np.isnan(bound) or bound >= problem.objective(w) - best - 1e-12
    assert np.isfinite(problem.duality_gap(result.coef, result.intercept))


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3, 1e5])
@pytest.mark.parametrize("p", [30, 200])
def test_huber_converges_whatever_the_unit_of_y(unit, p):
    """At 1e3 nearly all residuals lie where the loss is linear: its second derivative says nothing there."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, p))
    y = unit * (2.0 * X[:, 0] + rng.standard_normal(80))
    alpha = so.Problem(X, y, "huber").alpha_max()
    problem = so.Problem(X, y, "huber", so.penalties.L1(0.1 * alpha))
    result = so.solve(problem)
    assert result.converged and np.any(result.coef)
    assert problem.duality_gap(result.coef, result.intercept) <= 1.1e-6 * problem.null_objective


def test_huber_has_no_unit_of_its_own():
    X, y, _ = make("huber")
    alpha = 0.05
    one = so.solve(so.Problem(X, y, so.losses.Huber(0.01), so.penalties.L1(0.01 * alpha)), tol=1e-10)
    other = so.solve(so.Problem(X, 1e4 * y, so.losses.Huber(100.0), so.penalties.L1(100.0 * alpha)), tol=1e-10)
    np.testing.assert_allclose(other.coef, 1e4 * one.coef, atol=1e-2)


def test_passes_count_every_reading_of_x(monkeypatch):
    """What the solver says it read is no less than the entries its products touched."""
    X, y, _ = make("logistic", n=200, p=300)
    problem = so.Problem(X, y, "logistic", so.penalties.L1(0.01))
    monkeypatch.setattr(_smooth_state, "compiled_loss", lambda problem: None)
    formed = []
    extend = _newton_model.ScalarModel.extend

    def watched(model, new):
        extend(model, new)
        formed.append(model.cols.size)

    monkeypatch.setattr(_newton_model.ScalarModel, "extend", watched)
    result = so.solve(problem)
    assert formed and result.n_passes >= 1.0 + result.n_iter + sum(formed) / 300.0


@pytest.mark.parametrize("storage", [np.asfortranarray, sparse.csc_array])
def test_passes_count_what_compiled_steps_read(monkeypatch, storage):
    X, y, _ = make("logistic", n=200, p=300)
    problem = so.Problem(storage(X), y, "logistic", so.penalties.L1(0.01))
    least = []

    class Watched(NewtonSet):
        def improve(self, members, *arguments):
            steps, gathered = self.steps, self.gathered
            super().improve(members, *arguments)
            least.append((self.steps - steps) * members.size + self.gathered - gathered)

    monkeypatch.setattr(prox_newton, "NewtonSet", Watched)
    result = so.solve(problem)
    assert sum(least) and result.n_passes >= 1.0 + result.n_iter + sum(least) / 300.0


@pytest.mark.parametrize("storage", [np.asfortranarray, sparse.csc_array])
def test_known_products_are_not_read_again(monkeypatch, storage):
    X, y, s = make("logistic", n=60, p=40)
    problem = so.Problem(storage(X), y, "logistic", so.penalties.L1(0.01), s)
    results = []
    for share in (2.0, 0.0):  # never, and whenever something is known
        monkeypatch.setattr(_smooth_state, "KNOWN", share)
        results.append(so.solve(problem, tol=1e-10))
        assert results[-1].gap == pytest.approx(problem.duality_gap(results[-1].coef), abs=1e-13)
    again, known = results
    np.testing.assert_allclose(known.coef, again.coef, atol=1e-9)
    assert known.n_passes < again.n_passes


def test_a_detour_through_larger_levels_ends_at_the_same_minimum(monkeypatch):
    X, y, _ = make("logistic", n=60, p=80)
    problem = so.Problem(X, y, "logistic", so.penalties.L1(0.001))
    straight, taken = so.solve(problem, tol=1e-10), []
    go_around = ProxNewton._go_around

    def watched(state, *arguments):
        taken.append(state.detour)
        go_around(state, *arguments)

    monkeypatch.setattr(ProxNewton, "_go_around", watched)
    monkeypatch.setattr(prox_newton, "LOST", 2.0)  # whatever happens, steps count as cut
    around = so.solve(problem, tol=1e-10)
    assert len(taken) == 1 and taken[0] > prox_newton.FAR
    assert around.converged and straight.converged
    assert around.objective == pytest.approx(straight.objective, abs=2e-10)
