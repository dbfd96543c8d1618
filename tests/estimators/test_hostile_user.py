"""Input that a careless or hostile user gives: one clear error or the right answer, never a crash or a wrong number."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp

import sparseopt as so
from sparseopt.exceptions import InvalidProblemError

N, P = 40, 8


def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, P))
    beta = np.zeros(P)
    beta[:3] = [2.0, -1.5, 1.0]
    return X, X @ beta + 0.1 * rng.standard_normal(N)


READERS = [
    so.Lasso(0.05),
    so.GroupLasso(0.05),
    so.BestSubsetRegressor(3),
    so.RandomSupportRegressor(random_state=0),
    so.SketchedRegressor(random_state=0),
    so.SBLRegressor(),
    so.SpectralPeeling(),
    so.GraphLabelPropagation(),
    so.SparseLogisticRegression(0.02),
    so.SparseClassifier(),
]


@pytest.mark.parametrize("form", ["csc", "csr"])
@pytest.mark.parametrize("index", [10**6, -3])
@pytest.mark.parametrize("model", READERS, ids=lambda m: type(m).__name__)
def test_a_corrupt_sparse_matrix_is_refused_before_anything_reads_it(model, index, form):
    X, y = data()
    if model.__class__.__name__ in ("GraphLabelPropagation", "SparseLogisticRegression", "SparseClassifier"):
        y = (y > 0).astype(int)
    good = sp.csc_array(X).asformat(form)
    model.fit(good, y)
    bad = good.copy()
    bad.indices[0] = index
    with pytest.raises(ValueError, match="indices|index"):
        model.fit(bad, y)
    with pytest.raises(ValueError, match="X is no valid sparse matrix"):
        (model.transform if hasattr(model, "transform") else model.predict)(bad)


def test_lstsq_sketched_refuses_a_corrupt_sparse_matrix():
    X, y = data()
    bad = sp.csr_array(X)
    bad.indices[0] = 10**6
    with pytest.raises(InvalidProblemError, match="A is no valid sparse matrix"):
        so.lstsq_sketched(bad, y)


@pytest.mark.parametrize("model", READERS[:6], ids=lambda m: type(m).__name__)
def test_a_million_threads_give_the_answer_of_one(model):
    if "n_threads" not in model.get_params():
        return
    X, y = data()
    one = model.set_params(n_threads=1).fit(X, y).coef_.copy()
    np.testing.assert_array_equal(model.set_params(n_threads=10**6).fit(X, y).coef_, one)


@pytest.mark.parametrize(
    "penalty", [so.penalties.Group(0.05, 2), so.penalties.SparseGroup(0.05, 0.5, 2)], ids=["group", "sparse_group"]
)
@pytest.mark.parametrize("task", ["huber", "logistic", "multinomial"])
def test_group_penalties_go_with_every_loss(penalty, task):
    X, y = data()
    if task == "huber":
        model = so.SparseRegressor(so.losses.Huber(1e6), penalty=penalty, tol=1e-9).fit(X, y)
        expected = so.SparseRegressor("squared", penalty=penalty, tol=1e-12).fit(X, y)
        np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-6)
        return
    labels = (y > 0).astype(int) + (0 if task == "logistic" else (y > 2))
    model = so.SparseClassifier(penalty=penalty, tol=1e-7, max_iter=1000).fit(X, labels)
    W = model.coef_[0] if task == "logistic" else model.coef_.T
    assert model.converged_
    # no coefficient near by is better
    loss = so.losses.Logistic() if task == "logistic" else so.losses.Multinomial(3)
    problem = so.Problem(X, labels.astype(float), loss, penalty)
    best = problem.objective(W)
    rng = np.random.default_rng(1)
    for size in (1e-1, 1e-2, 1e-3):
        for _ in range(20):
            assert problem.objective(W + size * rng.standard_normal(W.shape)) >= best - 1e-9


@pytest.mark.parametrize("value", [0.0, 5.0])
@pytest.mark.parametrize(
    "model",
    [so.GroupLasso(0.05), so.SparseGroupLasso(0.05), so.MultiTaskLasso(0.05), so.GroupLassoCV(cv=3, n_alphas=5)],
    ids=lambda m: type(m).__name__,
)
def test_constant_columns_warn_of_nothing(model, value):
    X, y = data()
    X[:, 3] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, np.column_stack([y, y]) if isinstance(model, so.MultiTaskLasso) else y)
    assert np.all(model.coef_[..., 3] == 0.0)


@pytest.mark.parametrize("k", [3, None])
def test_best_subsets_of_wildly_scaled_columns_end(k):
    X, y = data()
    scale = np.ones(P)
    scale[:2] = 1e150, 1e-150
    expected = so.BestSubsetRegressor(k).fit(X, y)
    model = so.BestSubsetRegressor(k).fit(X * scale, y)
    np.testing.assert_array_equal(model.support_, expected.support_)
    np.testing.assert_allclose(model.coef_ * scale, expected.coef_, rtol=1e-6)


@pytest.mark.parametrize("factor", [1e140, 1e-140])
def test_sparse_bayesian_learning_does_not_mind_the_unit_of_the_columns(factor):
    X, y = data()
    expected = so.SBLRegressor().fit(X, y)
    model = so.SBLRegressor().fit(X * factor, y)
    np.testing.assert_allclose(model.coef_ * factor, expected.coef_, rtol=1e-6)


@pytest.mark.parametrize("factor, word", [(1e300, "large"), (1e-300, "small"), (1e200, "large"), (1e-200, "small")])
def test_sparse_bayesian_learning_refuses_variances_that_are_no_numbers(factor, word):
    X, y = data()
    with pytest.raises(InvalidProblemError, match=f"of X is too {word}"):
        so.SBLRegressor().fit(X * factor, y)


@pytest.mark.parametrize("model", [READERS[3], READERS[4], READERS[5]], ids=lambda m: type(m).__name__)
def test_coefficients_that_are_no_numbers_are_refused(model):
    X, y = data()
    with pytest.raises(InvalidProblemError, match="column 0 of X is too small"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X * 1e-320, y)


@pytest.mark.parametrize("model", [READERS[4], READERS[5]], ids=lambda m: type(m).__name__)
def test_targets_whose_squares_overflow_are_refused(model):
    X, y = data()
    with pytest.raises(InvalidProblemError, match="too large: its squares|too large: their squares"):
        model.fit(X, y * 1e300)


def test_one_overwhelming_weight_leaves_sbl_standing():
    X, y = data()
    model = so.SBLRegressor().fit(X, y, sample_weight=np.r_[1e300, np.ones(N - 1)])
    assert np.all(np.isfinite(model.coef_))


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_label_propagation_refuses_distances_that_are_no_numbers(factor):
    X, y = data()
    with pytest.raises(InvalidProblemError, match="X is too"):
        so.GraphLabelPropagation().fit(X * factor, (y > 0).astype(int))


@pytest.mark.parametrize("model", [so.GroupLassoCV(cv=3), so.MultiTaskLassoCV(cv=3)], ids=lambda m: type(m).__name__)
def test_a_path_says_that_x_is_too_large(model):
    X, y = data()
    y = np.column_stack([y, y]) if isinstance(model, so.MultiTaskLassoCV) else y
    with pytest.raises(InvalidProblemError, match="too large"), warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X * 1e300, y)


@pytest.mark.parametrize("n_jobs, error", [("a", TypeError), (1.5, TypeError), (0, ValueError)])
@pytest.mark.parametrize(
    "model",
    [so.LassoCV(cv=3), so.BestSubsetRegressor(2), so.RandomSupportRegressor(), so.SparseLogisticRegressionCV(cv=3)],
    ids=lambda m: type(m).__name__,
)
def test_n_jobs_is_named(model, n_jobs, error):
    X, y = data()
    y = (y > 0).astype(int) if isinstance(model, so.SparseLogisticRegressionCV) else y
    with pytest.raises(error, match="n_jobs must be"):
        model.set_params(n_jobs=n_jobs).fit(X, y)


@pytest.mark.parametrize(
    "options, error, words",
    [
        (dict(verbose="a"), TypeError, "verbose must be"),
        (dict(verbose=-1), ValueError, "verbose must be"),
        (dict(callback=3), TypeError, "callback must be"),
        (dict(init="a"), TypeError, "init must hold real numbers"),
    ],
)
def test_solve_names_the_parameter(options, error, words):
    X, y = data()
    with pytest.raises(error, match=words):
        so.solve(so.Problem(X, y, penalty=so.penalties.L1(0.1)), **options)


@pytest.mark.parametrize(
    "options, error, words",
    [
        (dict(verbose="a"), TypeError, "verbose must be"),
        (dict(eps="a"), TypeError, "eps must be"),
        (dict(alphas="a"), TypeError, "alphas must hold real numbers"),
        (dict(fit_intercept="a"), TypeError, "fit_intercept must be"),
    ],
)
def test_solution_path_names_the_parameter(options, error, words):
    X, y = data()
    with pytest.raises(error, match=words):
        so.solution_path(X, y, **options)


def test_sketch_size_says_that_eps_is_too_small():
    with pytest.raises(ValueError, match="eps must be larger"):
        so.sketch_size(10, eps=1e-300)


def test_simulate_pilots_refuses_what_is_no_channel_and_no_number():
    with pytest.raises(TypeError, match="channel must be an IRSChannel"):
        so.channel.simulate_pilots(None)
    channel = so.channel.IRSChannel(2, 4, 16, grid=6, random_state=0)
    with pytest.raises(InvalidProblemError, match="pilots must be finite"):
        so.channel.simulate_pilots(channel, pilots=np.full((2, 3), np.nan))


@pytest.mark.parametrize("factor, word", [(1e200, "large"), (1e-200, "small")])
def test_least_squares_refuses_columns_whose_squares_are_no_numbers(factor, word):
    X, y = data()
    with pytest.raises(InvalidProblemError, match=f"column 0 of X is too {word}"):
        so.lstsq_sketched(X * factor, y)


@pytest.mark.parametrize("factor", [1e150, 1e-150, 1e160, 1e-200])
def test_a_kronecker_dictionary_of_extreme_scale_is_refused(factor):
    rng = np.random.default_rng(0)
    H = [rng.standard_normal((6, 10)) for _ in range(2)]
    y = np.kron(H[0][:, 2], H[1][:, 3])
    with pytest.raises(InvalidProblemError, match="rescale the factors"):
        so.KroneckerSBL().fit([H[0] * factor, H[1]], y)


def test_a_dictionary_of_large_scale_changes_nothing_but_the_unit():
    rng = np.random.default_rng(0)
    H = [rng.standard_normal((6, 10)) for _ in range(2)]
    y = np.kron(H[0][:, 2], H[1][:, 3]) + 0.01 * rng.standard_normal(36)
    expected = so.KroneckerSBL().fit(H, y)
    model = so.KroneckerSBL().fit([H[0] * 2.0**300, H[1] * 2.0**-200], y)
    np.testing.assert_allclose(model.coef_ * 2.0**100, expected.coef_, rtol=1e-8)


def test_parameters_of_the_wrong_kind_are_named():
    X, y = data()
    with pytest.raises(TypeError, match="comm must be None or an MPI communicator, got 3"):
        so.lstsq_sketched(X, y, comm=3)
    with pytest.raises(InvalidProblemError, match="at least one row"):
        so.lstsq_sketched(X[:0], y[:0])
    with pytest.raises(ValueError, match="row_offset must be an integer in"):
        so.RowSketch(row_offset=2**70).fit(X)
    with pytest.raises(ValueError, match="scales must be a sequence of numbers > 0, got 0"):
        so.datasets.make_multiscale(scales=0)
    with pytest.raises(ValueError, match="omega must be finite, got nan"):
        so.channel.steering_vector(4, np.nan)


@pytest.mark.parametrize(
    "model", [so.ElasticNet(0.05), so.GroupLasso(0.05), so.SparseGroupLasso(0.05)], ids=lambda m: type(m).__name__
)
def test_squares_that_overflow_give_no_warning_of_numpy(model):
    X, y = data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", so.ConvergenceWarning)
        warnings.simplefilter("error", RuntimeWarning)
        model.fit(X * 1e150, y * 1e150)
    assert np.isfinite(model.coef_).all()


@pytest.mark.parametrize(
    ("x_unit", "y_unit"), [(2.0**-500, 2.0**-500), (1.0, 2.0**-990), (2.0**-400, 2.0**400), (2.0**330, 2.0**-330)]
)
@pytest.mark.parametrize("how", [{}, {"criterion": "cv", "cv": 3}, {"n_nonzero_coefs": 3}], ids=str)
def test_best_subset_does_not_depend_on_units(x_unit, y_unit, how):
    X, y = data()
    model = so.BestSubsetRegressor(**how)
    plain = model.fit(X, y)
    expected, intercept = plain.coef_, plain.intercept_
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X * x_unit, y * y_unit)
    np.testing.assert_allclose(model.coef_ * (x_unit / y_unit), expected, rtol=1e-9)
    np.testing.assert_allclose(model.intercept_ / y_unit, intercept, rtol=1e-9)
    assert np.count_nonzero(model.coef_) == 3


@pytest.mark.parametrize("cv", [True, "loo", 1, -3, 2.0, {"n": 5}, 10**30], ids=repr)
@pytest.mark.parametrize(
    "model",
    [
        so.LassoCV(),
        so.GroupLassoCV(),
        so.SparseLogisticRegressionCV(),
        so.BestSubsetRegressor(3),
        so.BestSubsetRegressor(criterion="cv"),
        so.RandomSupportRegressor(),
        so.RandomSupportRegressor(criterion="cv"),
    ],
    ids=repr,
)
def test_cv_is_named_before_any_work(model, cv):
    X, y = data()
    y = (y > 0).astype(float)
    if cv == 10**30 and getattr(model, "criterion", "cv") != "cv":
        pytest.skip("the number of folds is compared with the rows where folds are made")
    with pytest.raises((TypeError, ValueError), match="^cv"):
        type(model)(**{**model.get_params(), "cv": cv}).fit(X, y)


@pytest.mark.parametrize(
    "model", [so.Lasso(), so.SBLRegressor(), so.SketchedRegressor()], ids=lambda m: type(m).__name__
)
def test_sparse_and_masked_targets_are_refused_by_name(model):
    X, y = data()
    with pytest.raises(InvalidProblemError, match="y must be dense"):
        model.fit(X, sp.csr_array(y[:, None]))
    with pytest.raises(InvalidProblemError, match="y has 1 masked"):
        model.fit(X, np.ma.masked_array(y, np.arange(N) == 3))
    with pytest.raises(InvalidProblemError, match="X has 8 masked"):
        model.fit(np.ma.masked_array(X, np.repeat(np.arange(N) == 3, P)), y)
    model.fit(np.ma.masked_array(X), np.ma.masked_array(y))  # nothing is masked


def test_text_in_a_table_of_targets_is_named():
    X, _ = data()
    with pytest.raises(InvalidProblemError, match=r"y holds text \('a'\)"):
        so.MultiTaskLasso().fit(X, np.array([["a", "b"]] * N))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "model", [so.TurboVBIRegressor(structure="iid"), so.SBLRegressor()], ids=lambda m: type(m).__name__
)
def test_entries_stored_twice_are_summed(model, weighted):
    X, y = data()
    weights = np.arange(N) + 1.0 if weighted else None
    once = sp.csc_array(np.where(np.abs(X) < 0.5, 0.0, X))
    parts = np.repeat(once.data, 2) * np.tile([0.25, 0.75], once.nnz)
    twice = sp.csc_array((parts, np.repeat(once.indices, 2), 2 * once.indptr), shape=X.shape)
    expected = model.fit(once, y, weights).coef_
    np.testing.assert_allclose(model.fit(twice, y, weights).coef_, expected, rtol=1e-9, atol=1e-12)
    assert twice.nnz == 2 * once.nnz


def test_a_box_says_that_y_is_too_large():
    X, y = data()
    with pytest.raises(InvalidProblemError, match="y is too large"):
        so.SparseRegressor(penalty=so.penalties.Box(-0.5, 0.5)).fit(X, y * 1e300)


def test_the_huber_loss_of_a_huge_residual_does_not_overflow():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = so.losses.Huber(2.0).values(np.array([1e300, 1.0]), np.zeros(2))
    np.testing.assert_allclose(value, [2e300, 0.5])


FACTORS = [np.eye(4, 6) + 0.1, np.eye(3, 5) + 0.1]


@pytest.mark.parametrize("seed", ["x", -1, 0.5, True, 2**40, [1.0], np.array(1.0)], ids=repr)
def test_a_bad_random_state_is_named(seed):
    X, y = data()
    problem = so.Problem(X, y, penalty=so.penalties.L1(alpha=0.1), fit_intercept=False)
    uses = [
        lambda: so.SketchedRegressor(random_state=seed, sketch="gaussian", solver="heavy_ball").fit(X, y),
        lambda: so.RandomSupportRegressor(random_state=seed).fit(X, y),
        lambda: so.KroneckerSBL(random_state=seed).fit(FACTORS, np.ones(12)),
        lambda: so.RowSketch(m=4, random_state=seed).fit(X),
        lambda: so.block_coordinate_descent(problem, random_state=seed),
        lambda: so.channel.IRSChannel(2, 2, 4, grid=2, n_paths=1, random_state=seed),
        lambda: so.datasets.make_correlated(random_state=seed),
        lambda: so.datasets.make_near_duplicates(random_state=seed),
    ]
    for use in uses:
        with pytest.raises((TypeError, ValueError), match="^random_state must be"):
            use()


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (so.LassoCV(), "n_alphas", 10**30),
        (so.SparseLogisticRegressionCV(), "n_alphas", 2**63),
        (so.LassoCV(), "n_jobs", 10**30),
        (so.TurboVBIRegressor(), "n_jobs", 2**63),
        (so.TurboVBIRegressor(structure="grid"), "shape", np.array(1.0)),
        (so.RandomSupportRegressor(), "n_draws", 10**30),
        (so.Lasso(), "alpha", Fraction(1, 3)),
        (so.SBLRegressor(), "tol", Fraction(1, 3)),
        (so.LassoCV(), "cv", [[0, 1], [1, 2]]),
        (so.RandomSupportRegressor(criterion="cv"), "cv", [[0, 1], [1, 2]]),
    ],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
def test_what_cannot_be_computed_is_named(model, name, value):
    X, y = data()
    if name == "n_alphas" and isinstance(model, so.SparseLogisticRegressionCV):
        y = (y > 0).astype(int)
    with pytest.raises((TypeError, ValueError), match=f"^{name}"):
        type(model)(**{**model.get_params(), name: value}).fit(X, y)


def test_large_integers_are_numbers():
    X, y = data()
    for model in (so.GroupLasso(10**30), so.MCPRegressor(10**30), so.MultiTaskLasso(10**30)):
        assert not np.any(model.fit(X, y[:, None] if isinstance(model, so.MultiTaskLasso) else y).coef_)
    so.MCPRegressor(0.1, tol=1e300).fit(X, y)
    model = so.KroneckerSBL(max_iter=10**30, noise_variance=10**30).fit(FACTORS, np.ones(12))
    assert model.noise_variance_ == 1e30


@pytest.mark.parametrize("weight", [True, False, np.True_])
def test_a_flag_is_no_sample_weight(weight):
    X, y = data()
    for model in (so.Lasso(), so.SparseRegressor(), so.GroupLassoCV(), so.MCPRegressor()):
        with pytest.raises(TypeError, match="sample_weight must be None, a number or an array.*got"):
            model.fit(X, y, sample_weight=weight)
    with pytest.raises(TypeError, match="sample_weight"):
        so.SparseLogisticRegression().fit(X, y > 0, sample_weight=weight)
