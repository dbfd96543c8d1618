"""Solutions of group problems against cvxpy, scikit-learn and plain numpy certificates."""

from itertools import product

import cvxpy as cp
import numpy as np
import pytest
from group_oracles import gap, labelled, make_data, objective, optimum
from scipy import sparse
from sklearn.linear_model import LassoCV, MultiTaskLasso, MultiTaskLassoCV

import sparseopt as so
from sparseopt.penalties import Group, SparseGroup
from sparseopt.problem.group_certificates import excess
from sparseopt.solvers import _group_set
from sparseopt.solvers._quadratic import Quadratic
from sparseopt.solvers.group_working_set import GroupRounds

MODELS = {
    "group": dict(l1=0.0, ridge=0.0),
    "ridge": dict(l1=0.0, ridge=0.3),
    "sparse group": dict(l1=0.4, ridge=0.0),
    "nearly lasso": dict(l1=0.95, ridge=0.0),
}


@pytest.fixture(params=["gram", "columns"])
def way(request, monkeypatch):
    """Solve working sets on their Gram matrix, or by sweeps over columns."""
    monkeypatch.setattr(_group_set.GroupSet, "prefers_gram", lambda self, n_support: request.param == "gram")
    return request.param


def penalty_of(alpha, groups, l1, ridge, weights=None):
    if l1:
        return SparseGroup(alpha, l1, groups, weights=weights)
    return Group(alpha, groups, l1_ratio=1 - ridge, weights=weights)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_objective_is_that_of_an_interior_point_solver(model, share, way):
    X, y = make_data()
    labels = np.random.default_rng(1).integers(0, 14, X.shape[1])
    s = np.random.default_rng(2).uniform(0.2, 2.0, len(y))
    penalty = penalty_of(1.0, labels, **MODELS[model])
    penalty.alpha = share * so.Problem(X, y, penalty=penalty, sample_weight=s).alpha_max()
    problem = so.Problem(X, y, penalty=penalty, sample_weight=s)
    result = so.solve(problem, tol=1e-11)
    best = optimum(X, y, penalty.alpha, labelled(labels), s=s, **MODELS[model])
    found = objective(X, y, result.coef, result.intercept, penalty.alpha, labelled(labels), s=s, **MODELS[model])
    assert found == pytest.approx(best, rel=1e-7)
    assert found == pytest.approx(result.objective, rel=1e-12)
    assert found - best <= result.gap + 1e-9 * best
    assert problem.duality_gap(result.coef) <= 1e-10 * result.null_objective
    assert problem.violation(result.coef, result.intercept) <= 1e-4 * penalty.alpha


def test_weights_of_zero_and_infinity(way):
    X, y = make_data(n=80)
    groups = labelled(np.arange(60) // 4)
    weights = np.ones(15)
    weights[[2, 5]], weights[0] = 0.0, np.inf
    for penalty, oracle in [(Group(0.3, 4, weights=weights), {}),
                            (Group(0.3, 4, weights=weights, l1_ratio=0.7), {"ridge": 0.3})]:  # fmt: skip
        result = so.solve(so.Problem(X, y, penalty=penalty), tol=1e-11)
        best = optimum(X, y, 0.3, groups, weights=weights, **oracle)
        assert result.objective == pytest.approx(best, rel=1e-7)
        assert np.all(result.coef[:4] == 0.0) and np.all(result.coef[8:12] != 0.0)
        assert result.converged


@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_gap_recomputed_from_nothing(ridge):
    X, y = make_data(seed=3)
    groups = labelled(np.arange(60) // 4)
    for intercept in (True, False):
        for share in (0.7, 0.2, 0.05):
            problem = so.Problem(X, y, penalty=Group(1.0, 4, l1_ratio=1 - ridge), fit_intercept=intercept)
            alpha = share * problem.alpha_max()
            model = so.GroupLasso(alpha, groups=4, l1_ratio=1 - ridge, fit_intercept=intercept, tol=1e-8).fit(X, y)
            independent = gap(X, y, model.coef_, alpha, groups, intercept=intercept, ridge=ridge)
            assert -1e-12 <= independent <= 3e-8 * problem.null_objective
            assert model.dual_gap_ <= 1e-8 * problem.null_objective


def test_alpha_max_is_where_the_first_group_enters():
    X, y = make_data()
    for make in (so.GroupLasso, so.SparseGroupLasso):
        estimator = make(groups=4)
        highest = so.Problem(X, y, penalty=estimator._penalty()).alpha_max()
        assert estimator.set_params(alpha=highest * 1.0001).fit(X, y).support_.size == 0
        assert estimator.set_params(alpha=highest * 0.999).fit(X, y).support_.size > 0


def test_groups_of_one_are_the_lasso():
    X, y = make_data(seed=5)
    alpha = 0.1 * so.Problem(X, y).alpha_max()
    lasso = so.Lasso(alpha, tol=1e-13).fit(X, y)
    for model in (so.GroupLasso(alpha, tol=1e-13), so.GroupLasso(alpha, groups=1, tol=1e-13),
                  so.SparseGroupLasso(alpha, l1_ratio=1.0, groups=4, tol=1e-13),
                  so.SparseGroupLasso(alpha, l1_ratio=0.3, tol=1e-13)):  # fmt: skip
        model.fit(X, y)
        np.testing.assert_allclose(model.coef_, lasso.coef_, atol=1e-9 * np.abs(lasso.coef_).max())
        np.testing.assert_allclose(model.intercept_, lasso.intercept_, rtol=1e-9)
    group = so.GroupLasso(alpha, groups=4, tol=1e-13).fit(X, y)
    sparse_group = so.SparseGroupLasso(alpha, l1_ratio=0.0, groups=4, tol=1e-13).fit(X, y)
    np.testing.assert_allclose(sparse_group.coef_, group.coef_, atol=1e-9)


@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_multi_task_lasso_is_that_of_scikit_learn(share, n_targets, way):
    X, Y = make_data(seed=7, n_outputs=n_targets)
    alpha = share * so.Problem(X, Y, penalty=Group()).alpha_max()
    ours = so.MultiTaskLasso(alpha, tol=1e-13).fit(X, Y)
    theirs = MultiTaskLasso(alpha, tol=1e-13, max_iter=100_000).fit(X, Y)
    scale = np.abs(theirs.coef_).max()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-8 * scale)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-8)
    rows = [np.array([j]) for j in range(X.shape[1])]
    null = so.Problem(X, Y, penalty=Group()).null_objective
    assert gap(X, Y, ours.coef_.T, alpha, rows) <= 1e-11 * null
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-7)
    assert ours.support_.tolist() == np.flatnonzero(np.any(theirs.coef_ != 0, axis=0)).tolist()


def test_sample_weights_are_repetition():
    X, y = make_data(seed=9)
    s = np.random.default_rng(0).integers(0, 4, len(y))
    Y = np.column_stack([y, X[:, 0] - y])
    for model, target in [(so.GroupLasso(0.2, groups=4, tol=1e-12), y),
                          (so.SparseGroupLasso(0.2, groups=4, tol=1e-12), y),
                          (so.MultiTaskLasso(0.2, tol=1e-12), Y)]:  # fmt: skip
        weighted = model.fit(X, target, sample_weight=s).coef_.copy()
        repeated = model.fit(np.repeat(X, s, axis=0), np.repeat(target, s, axis=0)).coef_
        np.testing.assert_allclose(weighted, repeated, atol=1e-7)
        assert np.any(weighted != 0)


def test_every_kind_of_array_gives_the_same(way):
    X, y = make_data(seed=11)
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.3, X, 0.0).astype(np.float32).astype(np.float64)
    s = np.random.default_rng(1).uniform(0.5, 2, len(y))
    kinds = [np.asfortranarray(X), np.ascontiguousarray(X), np.asfortranarray(X, dtype=np.float32),
             sparse.csc_matrix(X), sparse.csr_array(X), sparse.csc_array(X.astype(np.float32))]  # fmt: skip
    for model, target in [(so.GroupLasso(0.1, groups=4, tol=1e-12), y),
                          (so.SparseGroupLasso(0.1, groups=4, tol=1e-12), y),
                          (so.MultiTaskLasso(0.1, tol=1e-12), np.column_stack([y, -y * y]))]:  # fmt: skip
        expected = model.fit(kinds[0], target, sample_weight=s).coef_.copy()
        assert np.count_nonzero(expected)
        for kind in kinds[1:]:
            kind_before = kind.copy()
            model.fit(kind, target, sample_weight=s)
            np.testing.assert_allclose(model.coef_, expected, atol=1e-8)
            assert model.coef_.dtype == np.float64
            assert abs(kind - kind_before).max() == 0.0


def test_screening_never_drops_a_group_of_the_solution():
    X, y = make_data(n=40, p=400, seed=13)
    for penalty in (Group(1.0, 4), SparseGroup(1.0, 0.5, 4), Group(1.0, 4, l1_ratio=0.8)):
        highest = so.Problem(X, y, penalty=penalty).alpha_max()
        penalty.alpha = 0.3 * highest
        problem = so.Problem(X, y, penalty=penalty)
        needed = np.unique(np.flatnonzero(so.solve(problem, tol=1e-13).coef) // 4)
        quadratic = Quadratic(problem, 1)
        state, screened = GroupRounds(quadratic), 0
        for _ in range(8):
            state.certify()
            state.screen()
            screened = max(screened, np.count_nonzero(~state.alive))
            assert np.all(state.alive[needed])
            if state.select() == 0 and state.gap <= 1e-10 * quadratic.null:
                break
            state.improve(0.1 * state.gap)
        assert screened > 30  # it does drop others
        state.complete()
        assert np.all(state.alive) and state.gap >= 0.0
        assert np.all(excess(state.groups, state.c.T, state.l1, state.lam)[~np.isin(np.arange(100), needed)] < 1e-6)


def test_warm_start_and_init_need_one_round():
    X, y = make_data(seed=15)
    model = so.GroupLasso(0.2, groups=4, tol=1e-10, warm_start=True).fit(X, y)
    cold = model.coef_.copy()
    assert model.fit(X, y).n_iter_ == 1
    np.testing.assert_allclose(model.coef_, cold, atol=1e-6)
    Y = np.column_stack([y, y**2])
    multi = so.MultiTaskLasso(0.2, tol=1e-10, warm_start=True).fit(X, Y)
    assert multi.fit(X, Y).n_iter_ == 1


def test_constant_columns_duplicates_and_a_constant_target():
    X, y = make_data(seed=17)
    X[:, 1] = 3.0
    X[:, 8:12] = X[:, 0:4]
    model = so.GroupLasso(0.1, groups=4, tol=1e-10).fit(X, y)
    assert model.coef_[1] == 0.0 and model.converged_
    assert so.SparseGroupLasso(0.05, groups=4, tol=1e-10).fit(X, y).converged_
    flat = so.GroupLasso(groups=4).fit(X, np.full(len(y), 2.0))
    assert flat.support_.size == 0 and flat.intercept_ == pytest.approx(2.0) and flat.converged_


def test_not_converged_is_said():
    X, y = make_data(p=1200, seed=19)  # more than one set of groups takes
    with pytest.warns(so.ConvergenceWarning, match="tol=1e-12 was asked"):
        so.GroupLasso(0.001, groups=4, tol=1e-12, max_iter=1).fit(X, y)


def test_a_sparse_group_penalty_of_two_targets_is_left_to_the_composite_solver():
    X, Y = make_data(n_outputs=2)
    problem = so.Problem(X, Y, penalty=SparseGroup(0.1, 0.5, 4))
    with pytest.raises(so.exceptions.IncompatibleError, match="single output.*Usable here: .*prox_gradient"):
        so.solve(problem, "group_working_set")
    result = so.solve(problem, tol=1e-9)
    assert result.solver == "prox_gradient" and result.converged
    assert 0 < np.count_nonzero(result.coef) < result.coef.size // 2
    W, b = cp.Variable(result.coef.shape), cp.Variable((1, 2))
    loss = cp.sum_squares(Y - X @ W - np.ones((len(X), 1)) @ b) / (2 * len(X))
    norms = sum(cp.norm(W[start : start + 4], "fro") for start in range(0, X.shape[1], 4))
    reference = cp.Problem(cp.Minimize(loss + 0.05 * cp.sum(cp.abs(W)) + 0.05 * 2.0 * norms)).solve(solver=cp.CLARABEL)
    assert result.objective == pytest.approx(reference, rel=1e-7)


@pytest.mark.parametrize(
    "penalty", [Group(0.05, 4), Group(0.05, np.arange(60)[::-1]), SparseGroup(0.05, 0.3, 4)],
    ids=["groups of four", "reversed labels", "sparse group"],
)  # fmt: skip
def test_the_composite_solver_certifies_groups_as_the_group_solver_does(penalty):
    X, y = make_data(seed=23)
    X[:, 5] = 0.0
    problem = so.Problem(X, y, penalty=penalty)
    ours, other = so.solve(problem, tol=1e-12), so.solve(problem, "prox_gradient", tol=1e-9)
    assert ours.solver == "group_working_set" and other.converged
    np.testing.assert_allclose(other.coef, ours.coef, atol=1e-5)
    assert other.objective == pytest.approx(ours.objective, rel=1e-9)
    assert other.violation == pytest.approx(problem.violation(other.coef, other.intercept), rel=1e-3, abs=1e-12)
    robust = so.solve(so.Problem(X, y, "huber", penalty))  # other losses
    assert robust.solver == "prox_gradient" and robust.converged


@pytest.mark.parametrize("penalty", [Group(1.0, 4), Group(1.0, 4, l1_ratio=0.7), SparseGroup(1.0, 0.4, 4)], ids=str)
def test_paths_are_made_of_single_solutions(penalty, way):
    X, y = make_data(seed=21)
    s = np.random.default_rng(0).uniform(0.5, 2, len(y))
    path = so.solution_path(X, y, penalty=penalty, n_alphas=12, eps=0.02, sample_weight=s, tol=1e-9)
    assert path.converged.all() and path.coefs.shape == (12, 60)
    assert np.all(path.coefs[0] == 0.0) and np.all(np.diff(path.objectives) < 0)
    for i in (3, 7, 11):
        single = penalty.__class__(**{**penalty.get_params(), "alpha": path.alphas[i]})
        result = so.solve(so.Problem(X, y, penalty=single, sample_weight=s), tol=1e-10)
        assert path.objectives[i] == pytest.approx(result.objective, rel=1e-8)
        np.testing.assert_allclose(path.intercepts[i], result.intercept, rtol=1e-4)


def test_paths_of_several_targets():
    X, Y = make_data(seed=23, n_outputs=3)
    path = so.solution_path(X, Y, penalty=Group(), n_alphas=8, eps=0.05, tol=1e-9)
    assert path.coefs.shape == (8, 60, 3) and path.intercepts.shape == (8, 3) and path.converged.all()
    model = so.MultiTaskLasso(path.alphas[5], tol=1e-11).fit(X, Y)
    np.testing.assert_allclose(path.coefs[5].T, model.coef_, atol=1e-4)


def test_cross_validation_agrees_with_scikit_learn():
    X, Y = make_data(seed=25, n_outputs=2)
    theirs = MultiTaskLassoCV(n_alphas=12, eps=0.02, cv=3, tol=1e-9, max_iter=100_000) if _old_name() else \
        MultiTaskLassoCV(alphas=12, eps=0.02, cv=3, tol=1e-9, max_iter=100_000)  # fmt: skip
    theirs.fit(X, Y)
    ours = so.MultiTaskLassoCV(alphas=theirs.alphas_, cv=3, tol=1e-10).fit(X, Y)
    assert ours.alpha_ == pytest.approx(theirs.alpha_)
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-5)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    single = LassoCV(alphas=theirs.alphas_, cv=3, tol=1e-9, max_iter=100_000).fit(X, Y[:, 0])
    group = so.GroupLassoCV(alphas=theirs.alphas_, cv=3, tol=1e-10).fit(X, Y[:, 0])
    np.testing.assert_allclose(group.mse_path_, single.mse_path_, rtol=1e-4)


def _old_name():
    import inspect

    return inspect.signature(MultiTaskLassoCV).parameters["alphas"].default is None


def test_cross_validation_rules_jobs_and_weights():
    X, y = make_data(seed=27)
    settings = dict(groups=4, n_alphas=15, eps=0.02, cv=4)
    least = so.GroupLassoCV(**settings).fit(X, y)
    careful = so.GroupLassoCV(**settings, selection_rule="1se").fit(X, y)
    assert careful.alpha_ >= least.alpha_
    assert set(np.unique(least.active_groups_)) >= {0, 1, 2}
    threads = so.GroupLassoCV(**settings, n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(threads.mse_path_, least.mse_path_)
    np.testing.assert_array_equal(threads.coef_, least.coef_)
    again = so.GroupLassoCV(**settings).fit(X, y, sample_weight=np.full(len(y), 3.0))
    np.testing.assert_allclose(again.mse_path_, least.mse_path_, rtol=1e-6)


def test_results_do_not_depend_on_threads():
    X, y = make_data(n=300, p=2000, seed=29)
    fits = [so.GroupLasso(0.1, groups=4, n_threads=t, tol=1e-8).fit(np.asfortranarray(X), y).coef_ for t in (1, 2)]
    np.testing.assert_array_equal(*fits)


@pytest.mark.parametrize("x, y", [(1e100, 1e-100), (1e-100, 1e100), (1e60, 1e-60)])
@pytest.mark.parametrize("model", ["group", "sparse group"])
def test_scales_whose_coefficients_have_no_squares(model, x, y, capfd):
    """Coefficients are of size y / x: the same problem in other units, whichever squares vanish or overflow."""
    X, t = make_data(n=50)
    groups = labelled(np.arange(X.shape[1]) // 4)
    one, other = (penalty_of(1.0, groups, **MODELS[model]) for _ in range(2))
    one.alpha = 0.1 * so.Problem(X, t, penalty=one).alpha_max()
    other.alpha = one.alpha * (x * y)
    for layout in (np.asfortranarray, sparse.csc_matrix):
        base = so.solve(so.Problem(layout(X), t, penalty=one), tol=1e-12)
        moved = so.solve(so.Problem(layout(X * x), t * y, penalty=other), tol=1e-12)
        assert moved.converged
        np.testing.assert_allclose(moved.coef * (x / y), base.coef, atol=1e-6 * np.abs(base.coef).max())
        np.testing.assert_array_equal(moved.coef != 0.0, base.coef != 0.0)
    assert capfd.readouterr() == ("", "")  # LAPACK would say what it was not given


def test_cross_validation_takes_the_same_alpha_in_other_units():
    X, t = make_data(n=60)
    one = so.GroupLassoCV(groups=np.arange(X.shape[1]) // 4, n_alphas=20, cv=3).fit(X, t)
    other = so.GroupLassoCV(groups=np.arange(X.shape[1]) // 4, n_alphas=20, cv=3).fit(X * 1e100, t * 1e-100)
    np.testing.assert_allclose(other.alphas_, one.alphas_, rtol=1e-12)
    assert other.alpha_ == pytest.approx(one.alpha_, rel=1e-12)
    np.testing.assert_allclose(other.coef_ * 1e200, one.coef_, atol=1e-5)


@pytest.mark.parametrize("n, p, size", [(3, 12, 3), (5, 20, 2), (8, 64, 4)])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5], ids=["group", "sparse group"])
def test_long_steps_on_a_singular_gram_matrix_end_at_the_minimum(n, p, size, l1_ratio):
    """With few rows the objective is linear along combinations of groups: a Newton step there has no end."""
    for seed, level in product((0, 1, 8, 9), (1e-2, 1e-3, 1e-4)):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((n, p))
        y = X[:, 0] + 0.1 * rng.standard_normal(n)
        for intercept in (True, False):
            top = so.Problem(X, y, "squared", SparseGroup(1.0, l1_ratio, size), None, intercept).alpha_max()
            problem = so.Problem(X, y, "squared", SparseGroup(level * top, l1_ratio, size), None, intercept)
            result = so.solve(problem)
            assert result.converged and problem.duality_gap(result.coef) <= 1.001e-6 * problem.null_objective


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize(
    "penalty",
    [Group(0.05, 4), Group(0.05, 4, weights=[0, 1, np.inf, 1], l1_ratio=0.6), SparseGroup(0.05, 0.3, 4)],
    ids=["group", "free and excluded groups", "sparse group"],
)
def test_groups_agree_with_cvxpy(loss, penalty):
    X, y = make_data(seed=29)
    X, y = X[:, :16], y > np.median(y) if loss == "logistic" else y
    problem = so.Problem(X, y, loss, penalty, np.linspace(0.5, 2.0, len(y)))
    ours, other = so.solve(problem, tol=1e-9), so.solve(problem, "cvxpy")
    assert ours.objective == pytest.approx(other.objective, rel=1e-6)
    np.testing.assert_allclose(ours.coef, other.coef, atol=1e-3)
