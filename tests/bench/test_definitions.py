"""Certificates, data sets and solvers of the benchmark folders."""

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("benchopt")

from sparseopt.cli.bench_suite import locate
from sparseopt.cli.bench_suite.catalogue import Topic, grid

ROOT = locate.find_root()
SMALL = {
    "dense": {"n_samples": 20, "n_features": 60, "rho": 0.5},
    "sparse": {"n_samples": 200, "n_features": 300, "density": 0.03},
    "toeplitz": {"n_samples": 30, "n_features": 40, "rho": 0.9, "snr": 5.0},
    "genotype": {"n_samples": 40, "n_features": 110},
    "text": {"n_samples": 60, "n_features": 300, "words": 20, "decay": 1.0},
    "tiny": {"layout": "sparse"},
    "bundled": {"data": "diabetes", "degree": 2},
}


@pytest.fixture(scope="module", params=["lasso", "path"])
def topic(request):
    return Topic(ROOT, request.param, "tiny")


@pytest.fixture(scope="module")
def lasso():
    return Topic(ROOT, "lasso", "tiny")


def objective_of(topic, layout):
    problem = next(p for p in topic.problems if layout in p.label)
    problem.objective._set_dataset(problem.dataset)
    return problem.objective


@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_gap_is_what_a_reference_solver_finds(lasso, layout):
    cvxpy = pytest.importorskip("cvxpy")
    objective = objective_of(lasso, layout)
    X = objective.X.toarray() if sparse.issparse(objective.X) else objective.X
    n, p = X.shape
    w = cvxpy.Variable(p)
    value = cvxpy.sum_squares(objective.y - X @ w) / (2 * n) + objective.alpha * cvxpy.norm1(w)
    optimum = cvxpy.Problem(cvxpy.Minimize(value)).solve(
        solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    at_optimum = objective.evaluate_result(w.value)
    assert at_optimum["value"] == pytest.approx(optimum, rel=1e-9)
    assert at_optimum["gap"] < 1e-6
    rng = np.random.default_rng(0)
    for scale in (1e-6, 1e-3, 1.0):
        trial = objective.evaluate_result(w.value + scale * rng.standard_normal(p))
        distance = (trial["value"] - optimum) / objective.null
        assert distance <= trial["gap"] * (1 + 1e-9) + 1e-12  # never promises too much


def test_gap_agrees_with_brute_force(lasso):
    objective = objective_of(lasso, "dense")
    X, y, alpha = objective.X, objective.y, objective.alpha
    n = len(y)
    w = np.zeros(X.shape[1])
    w[:5] = 0.1
    r = y - X @ w
    largest = n * alpha / np.abs(X.T @ r).max()
    factors = np.linspace(-largest, largest, 200_001)
    dual = max((y @ y - ((y[:, None] - r[:, None] * factors[i : i + 1000]) ** 2).sum(axis=0)).max()
               for i in range(0, len(factors), 1000)) / (2 * n)  # fmt: skip
    primal = r @ r / (2 * n) + alpha * np.abs(w).sum()
    found = objective.evaluate_result(w)
    assert found["value"] == pytest.approx(primal)
    assert found["gap"] * objective.null == pytest.approx(primal - dual, rel=1e-6)


def test_better_dual_points_count_and_worse_ones_do_no_harm(lasso):
    objective = objective_of(lasso, "dense")
    w = np.zeros(objective.X.shape[1])
    plain = objective.evaluate_result(w)["gap"]
    noise = np.random.default_rng(0).standard_normal((1, len(objective.y)))
    assert objective.evaluate_result(w, duals=noise)["gap"] <= plain
    assert objective.evaluate_result(w, duals=1e9 * noise)["gap"] <= plain
    assert objective.evaluate_result(np.full_like(w, np.nan))["gap"] == np.inf


def test_path_gap_is_the_worst_of_its_alphas():
    topic = Topic(ROOT, "path", "tiny")
    objective = objective_of(topic, "dense")
    coef = objective.get_one_result()["coef"]
    single = [
        objective.__class__.evaluate_result(_one_alpha(objective, a), coef[:1])["gap"]
        for a in objective.alphas
    ]
    assert objective.evaluate_result(coef)["gap"] == pytest.approx(max(single))
    assert single[0] == pytest.approx(0, abs=1e-12)  # zero is the solution at the largest alpha


def _one_alpha(objective, alpha):
    copy = type(objective).get_instance(**objective._parameters)
    copy.set_data(objective.X, objective.y)
    copy.alphas = np.array([alpha])
    return copy


def test_every_dataset_builds(topic):
    classes = {cls.name: cls for cls in topic.benchmark.get_datasets()}
    assert set(classes) == {*SMALL, "folder"}
    for name, parameters in SMALL.items():
        dataset = classes[name].get_instance(**parameters)
        X, y = dataset.get_data().values()
        assert X.shape[0] == len(y) and X.shape[1] > 0, name
        assert X.dtype == y.dtype == np.float64
        assert abs(y.mean()) < 1 + y.std()
        if sparse.issparse(X):
            assert X.format == "csc" and X.indices.dtype == np.int32 and X.has_sorted_indices
        else:
            assert X.flags.f_contiguous
            assert np.isfinite(X).all()
        again = classes[name].get_instance(**parameters).get_data()["y"]
        np.testing.assert_array_equal(y, again)  # seeded
        assert dataset.missing() is None and dataset.label


def test_bundled_data_are_real_and_wide(lasso):
    bundled = {cls.name: cls for cls in lasso.benchmark.get_datasets()}["bundled"]
    for parameters in grid({"data, degree": [("breast-cancer", 2), ("patches", 30)]}):
        X, y = bundled.get_instance(**parameters).get_data().values()
        np.testing.assert_allclose(X.std(axis=0), 1)
        np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-10)
        assert np.ptp(y) > 0


def test_folder_data_are_read_lazily(lasso, tmp_path, monkeypatch):
    folder = {cls.name: cls for cls in lasso.benchmark.get_datasets()}["folder"]
    monkeypatch.delenv("SPARSEOPT_DATA", raising=False)
    golub = folder.get_instance(data="golub")
    assert "--data" in golub.missing() and not folder.is_installed()
    with pytest.raises(FileNotFoundError, match="golub.npz"):
        golub.get_data()
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 4)).astype(np.float32)
    X[:, 3] = 7  # a constant column is dropped
    np.savez(tmp_path / "golub.npz", X=X, y=np.array([0, 0, 1, 1, 1, 0]))
    (tmp_path / "w8a.svm.bz2").write_bytes(_compressed("1 1:0.5 3:1\n-1 2:1\n-1 \n"))
    monkeypatch.setenv("SPARSEOPT_DATA", str(tmp_path))
    assert golub.missing() is None and folder.is_installed()
    X, y = golub.get_data().values()
    assert X.shape == (6, 3)
    np.testing.assert_array_equal(np.unique(y), [-1, 1])
    X, y = folder.get_instance(data="w8a").get_data().values()
    assert X.shape == (3, 3) and X.format == "csc"
    assert "srbct" in folder.get_instance(data="srbct").missing()


def _compressed(text):
    import bz2

    return bz2.compress(text.encode())


@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_installed_solvers_reach_a_certified_gap(topic, layout):
    objective = objective_of(topic, layout)
    assert "sparseopt" in topic.installed and "scikit-learn" in topic.installed
    for label, solver in topic.installed.items():
        if solver.compiles:
            continue  # compiling takes longer than all of this
        skip, _ = solver._set_objective(objective)
        if not skip:
            solver.run(solver.tolerances[-1])
            assert objective.evaluate_result(**solver.get_result())["gap"] < 1e-6, label
            assert list(solver.tolerances) == sorted(solver.tolerances, reverse=True)


def test_a_peer_that_does_not_import_is_left_out(tmp_path):
    import shutil

    for name in ("common", "lasso"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "lasso" / "solvers" / "absent.py").write_text(
        "import no_such_package\n"
        "from benchmark_utils.solvers import Base\n\n\n"
        "class Solver(Base):\n"
        '    name = "absent"\n'
        '    requirements = ["pip::no-such-package"]\n'
    )
    topic = Topic(tmp_path, "lasso", "tiny")
    assert {"name": "absent", "install": "pip install no-such-package"} in topic.absent
    assert "absent" not in topic.installed


def test_seed_changes_simulated_data(lasso):
    other = Topic(ROOT, "lasso", "tiny", seed=1)
    first, second = objective_of(lasso, "dense"), objective_of(other, "dense")
    assert not np.array_equal(first.X, second.X)


@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_group_lasso_gaps_are_certified(layout):
    group = Topic(ROOT, "group_lasso", "tiny")
    objective = objective_of(group, layout)
    solver = group.installed["sparseopt"]
    solver._set_objective(objective)
    solver.run(solver.tolerances[-1])
    coef = solver.get_result()["coef"]
    best = objective.evaluate_result(coef)
    assert best["gap"] < 1e-9 and best["n_nonzero"] % 10 == 0
    rng = np.random.default_rng(0)
    for scale in (1e-6, 1e-3, 1.0):
        trial = objective.evaluate_result(coef + scale * rng.standard_normal(coef.size))
        assert (trial["value"] - best["value"]) / objective.null <= trial["gap"] + 1e-9


def test_grouped_data_build():
    classes = {cls.name: cls for cls in Topic(ROOT, "group_lasso", "tiny").benchmark.get_datasets()}
    for kind in ("dense", "text"):
        X, y = classes["grouped"].get_instance(kind=kind, n_samples=40, n_features=200).get_data().values()
        assert X.shape[0] == len(y) == 40 and X.shape[1] % 10 == 0 and abs(y.mean()) < 1e-9


@pytest.mark.parametrize("layout", ["dense", "sparse"])
@pytest.mark.parametrize("name", ["logistic", "multinomial"])
def test_classification_gaps_are_certified(name, layout):
    topic = Topic(ROOT, name, "tiny")
    objective = objective_of(topic, layout)
    for label, solver in topic.installed.items():
        if not solver.compiles:
            solver._set_objective(objective)
            solver.run(solver.tolerances[-1])
            assert objective.evaluate_result(**solver.get_result())["gap"] < 1e-6, label
    solver = topic.installed["sparseopt"]
    best = solver.get_result()["coef"]
    value = objective.evaluate_result(best)["value"]
    rng = np.random.default_rng(0)
    for scale in (1e-6, 1e-3, 1.0):
        trial = objective.evaluate_result(best + scale * rng.standard_normal(best.shape))
        assert (trial["value"] - value) / objective.null <= trial["gap"] + 1e-9
    zero = objective.get_one_result()["coef"]
    assert objective.evaluate_result(zero)["value"] == pytest.approx(objective.null)
    objective.alpha = objective.alpha / objective.reg  # the smallest that gives the empty model
    assert objective.evaluate_result(zero)["gap"] < 1e-12


def test_classes_build():
    cls = {cls.name: cls for cls in Topic(ROOT, "multinomial", "tiny").benchmark.get_datasets()}["classes"]
    for kind in ("digits", "dense", "text"):
        X, y = cls.get_instance(kind=kind, n_samples=40, n_features=200).get_data().values()
        assert X.shape[0] == len(y)
        np.testing.assert_array_equal(np.unique(y), np.arange(10 if kind == "digits" else 4))
