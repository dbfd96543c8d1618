"""`sparseopt fit`: results, certificates, model files."""

import json

import numpy as np
import pytest

import sparseopt as so

FIT = ("--estimator", "Lasso", "--param", "alpha=0.1")


def test_coefficients_are_those_of_the_estimator(run, npz, problem, tmp_path):
    out = tmp_path / "m.npz"
    outcome = run("fit", npz, *FIT, "--param", "tol=1e-10", "--out", out, "--json")
    assert outcome.status == 0 and outcome.err == ""
    reference = so.Lasso(alpha=0.1, tol=1e-10).fit(*problem)
    with np.load(out, allow_pickle=False) as model:
        np.testing.assert_array_equal(model["coef"], reference.coef_)
        assert model["intercept"] == reference.intercept_
        assert model["estimator"] == "Lasso"
        assert json.loads(str(model["parameters"]))["alpha"] == 0.1
        assert json.loads(str(model["certificate"]))["converged"] is True
        assert model["sparseopt_version"] == so.__version__
        np.testing.assert_array_equal(model["feature_names"], np.arange(20))
    facts = outcome.json
    assert facts["n_nonzero"] == np.count_nonzero(reference.coef_)
    assert facts["data"]["n_samples"] == 60 and facts["data"]["n_features"] == 20
    assert facts["parameters"]["verbose"] == 0


def test_certificate_agrees_with_plain_numpy(run, npz, problem, tmp_path):
    facts = run("fit", npz, *FIT, "--out", tmp_path / "m.npz", "--json").json
    X, y = problem
    with np.load(tmp_path / "m.npz") as model:
        w, b = model["coef"], model["intercept"]
    residual = y - X @ w - b
    objective = 0.5 * np.mean(residual**2) + 0.1 * np.abs(w).sum()
    residual -= residual.mean()
    centred = y - y.mean()
    scale = min(1.0, 0.1 * 60 / np.abs(X.T @ residual).max())
    dual = (np.sum(centred**2) - np.sum((centred - scale * residual) ** 2)) / 120
    proof = facts["certificate"]
    assert proof["objective"] == pytest.approx(objective, rel=1e-12)
    assert proof["null_objective"] == pytest.approx(0.5 * y.var(), rel=1e-12)
    assert proof["relative_gap"] == pytest.approx(proof["gap"] / (0.5 * y.var()))
    assert proof["relative_gap"] <= 1e-6
    assert objective - dual <= 1e-6 * 0.5 * y.var()
    assert facts["converged"] is True


def test_people_see_names_sizes_and_the_certificate(run, csv):
    outcome = run("fit", csv, *FIT, "--target", "price")
    assert outcome.status == 0
    for text in ("60 x 20, dense", "Lasso(alpha=0.1", "converged", "duality gap", "passes over X"):
        assert text in outcome.out
    assert "\n  f" in outcome.out


def test_quiet_prints_nothing(run, npz):
    outcome = run("fit", npz, *FIT, "--quiet")
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")


def test_verbose_logs_iterations_on_stderr(run, npz):
    outcome = run("fit", npz, *FIT, "--verbose", "--json")
    assert outcome.json["converged"]
    assert "gap" in outcome.err


def test_cv_uses_the_sibling(run, npz, problem, tmp_path):
    out = tmp_path / "m.npz"
    args = ("--estimator", "Lasso", "--cv", 4, "--param", "n_alphas=20", "--out", out, "--json")
    facts = run("fit", npz, *args).json
    reference = so.LassoCV(cv=4, n_alphas=20).fit(*problem)
    assert facts["estimator"] == "LassoCV"
    assert facts["cross_validation"]["alpha"] == pytest.approx(reference.alpha_)
    with np.load(out) as model:
        assert model["estimator"] == "LassoCV"
        assert json.loads(str(model["parameters"]))["alpha_"] == pytest.approx(reference.alpha_)
    named = run("fit", npz, "--estimator", "LassoCV", *args[2:]).json
    assert named["largest_coefficients"] == facts["largest_coefficients"]


def test_cv_with_a_seed_shuffles_the_folds(run, npz):
    fit = ("fit", npz, "--estimator", "Lasso", "--cv", 3, "--json")
    one, two, other = (run(*fit, "--seed", s).json["cross_validation"] for s in (1, 1, 2))
    assert one == two != other


def test_held_back_rows_are_scored_and_not_fitted(run, npz):
    facts = run("fit", npz, *FIT, "--test-fraction", 0.25, "--json").json
    assert facts["test"]["n_samples"] == 15
    assert 0.5 < facts["test"]["r2"] < 1
    again = run("fit", npz, *FIT, "--test-fraction", 0.25, "--seed", 7, "--json").json
    assert again["test"] != facts["test"]


def test_parameters_are_literals_or_words(run, npz):
    params = ("--param", "alpha=1e-1", "--param", "fit_intercept=false", "--param", "positive=True")
    facts = run("fit", npz, "--estimator", "ElasticNet", *params, "--json").json
    assert facts["intercept"] == 0.0
    assert facts["parameters"]["fit_intercept"] is False
    assert all(item["coef"] > 0 for item in facts["largest_coefficients"])


def test_threads_reach_the_estimator(run, npz):
    facts = run("fit", npz, *FIT, "--threads", 2, "--json").json
    assert facts["parameters"]["n_threads"] == 2


def test_sparse_data(run, tmp_path):
    path = tmp_path / "d.svm"
    path.write_text("".join(f"{i % 3} {1 + i % 4}:{i + 1} {6 + i % 2}:2\n" for i in range(40)))
    facts = run("fit", path, *FIT, "--json").json
    assert facts["data"]["sparse"] and facts["data"]["n_features"] == 7
    assert 0 < facts["data"]["density"] < 1
    assert "of the entries stored" in run("fit", path, *FIT).out


def test_several_targets(run, tmp_path, problem):
    X, y = problem
    np.savez(tmp_path / "d.npz", X=X, y=np.c_[y, -y])
    out = tmp_path / "m.npz"
    facts = run("fit", tmp_path / "d.npz", *FIT, "--out", out, "--json").json
    assert facts["converged"]
    with np.load(out) as model:
        assert model["coef"].shape == (2, 20) and model["intercept"].shape == (2,)
        np.testing.assert_allclose(model["coef"][0], -model["coef"][1])
    assert run("fit", tmp_path / "d.npz", *FIT).status == 0


def test_all_coefficients_zero_is_a_result(run, npz):
    outcome = run("fit", npz, "--estimator", "Lasso", "--param", "alpha=1e6")
    assert outcome.status == 0
    assert "all coefficients are zero" in outcome.out


def test_not_converged_warns_and_still_writes(run, tmp_path):
    X, y, _ = so.datasets.make_correlated(200, 1000, rho=0.95, random_state=0)
    np.savez(tmp_path / "d.npz", X=X, y=y)
    out = tmp_path / "m.npz"
    params = ("--param", "alpha=1e-4", "--param", "tol=1e-14", "--param", "max_iter=1")
    outcome = run(
        "fit", tmp_path / "d.npz", "--estimator", "Lasso", *params, "--out", out, "--json"
    )
    assert outcome.status == 0
    assert outcome.err.startswith("sparseopt: warning: ") and outcome.err.count("\n") == 1
    assert outcome.json["converged"] is False
    with np.load(out) as model:
        assert json.loads(str(model["certificate"]))["converged"] is False
    shown = run("fit", tmp_path / "d.npz", "--estimator", "Lasso", *params).out
    assert "NOT CONVERGED" in shown


def test_debug_shows_the_traceback(run, npz):
    outcome = run("fit", npz, "--estimator", "Lasso", "--param", "alpha=-1", "--debug")
    assert outcome.status == 2
    assert "Traceback" in outcome.err


def test_a_failure_of_the_job_is_one_line_and_status_1(run, npz, monkeypatch):
    def fail(self, X, y):
        raise ArithmeticError("the objective\nis not finite")

    monkeypatch.setattr(so.Lasso, "fit", fail)
    outcome = run("fit", npz, *FIT)
    assert outcome.status == 1 and outcome.err.count("\n") == 1
    assert "the objective is not finite" in outcome.err
    assert "Traceback" in run("fit", npz, *FIT, "--debug").err
