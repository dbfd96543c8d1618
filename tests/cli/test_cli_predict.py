"""`sparseopt predict`: the same numbers as the estimator, whatever the file."""

import io
import pickle

import numpy as np
import pytest
from sklearn.datasets import dump_svmlight_file

import sparseopt as so


@pytest.fixture
def expected(problem):
    return so.Lasso(alpha=0.1).fit(*problem).predict(problem[0])


@pytest.fixture
def fitted(run, tmp_path):
    """Fit a file and return the model's path."""

    def _fitted(path, *options):
        out = tmp_path / "m.npz"
        args = ("--estimator", "Lasso", "--param", "alpha=0.1", "--out", out, "--quiet")
        outcome = run("fit", path, *args, *options)
        assert outcome.status == 0, outcome.err
        return out

    return _fitted


def numbers(outcome):
    assert outcome.status == 0, outcome.err
    return np.loadtxt(io.StringIO(outcome.out))


def test_npz(run, fitted, npz, expected):
    outcome = run("predict", fitted(npz), npz)
    np.testing.assert_allclose(numbers(outcome), expected, rtol=1e-12)


def test_columns_are_found_by_name_and_only_those_in_use_are_needed(
    run, refused, fitted, csv, problem, expected, tmp_path
):
    model = fitted(csv, "--target", "price")
    np.testing.assert_allclose(numbers(run("predict", model, csv)), expected, rtol=1e-12)
    with np.load(model) as stored:
        used = np.flatnonzero(stored["coef"])[::-1]
    few = tmp_path / "few.csv"
    header = ",".join(["city", *(f"f{j}" for j in used)])
    rows = [",".join(["Rome", *map(repr, row)]) for row in problem[0][:, used].tolist()]
    few.write_text("\n".join([header, *rows]))
    np.testing.assert_allclose(numbers(run("predict", model, few)), expected, rtol=1e-12)
    few.write_text("\n".join([header.replace(f"f{used[0]}", "other"), *rows]))
    assert f"no column 'f{used[0]}'" in refused("predict", model, few)


@pytest.mark.parametrize("zero_based", [True, False])
def test_libsvm_counts_as_the_fitted_file_did(run, fitted, problem, expected, tmp_path, zero_based):
    X, y = problem
    dump_svmlight_file(X, y, str(tmp_path / "d.svm"), zero_based=zero_based)
    model = fitted(tmp_path / "d.svm")
    np.testing.assert_allclose(numbers(run("predict", model, tmp_path / "d.svm")), expected)
    X = X[:5].copy()
    X[:, [0, 19]] = 0  # a later file that lacks the first and the last feature
    dump_svmlight_file(X, y[:5], str(tmp_path / "later.svm"), zero_based=zero_based)
    reference = so.Lasso(alpha=0.1).fit(*problem).predict(X)
    np.testing.assert_allclose(numbers(run("predict", model, tmp_path / "later.svm")), reference)


def test_a_target_among_unnamed_columns_must_be_named(
    run, refused, fitted, problem, expected, tmp_path
):
    X, y = problem
    np.save(tmp_path / "d.npy", np.c_[X[:, :7], y, X[:, 7:]])
    np.save(tmp_path / "x.npy", X)
    model = fitted(tmp_path / "d.npy", "--target", 7)
    np.testing.assert_allclose(
        numbers(run("predict", model, tmp_path / "d.npy", "--target", 7)), expected
    )
    np.testing.assert_allclose(numbers(run("predict", model, tmp_path / "x.npy")), expected)
    assert "has 21 features" in refused("predict", model, tmp_path / "d.npy")


@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_out_writes_a_file(run, refused, fitted, npz, expected, tmp_path, suffix):
    model, out = fitted(npz), tmp_path / f"p{suffix}"
    outcome = run("predict", model, npz, "--out", out)
    assert (outcome.status, outcome.out) == (0, "")
    written = np.load(out) if suffix == ".npy" else np.loadtxt(out, skiprows=1)
    np.testing.assert_allclose(written, expected, rtol=1e-12)
    assert "must end in" in refused("predict", model, npz, "--out", tmp_path / "p.txt")


def test_json(run, fitted, npz, expected):
    facts = run("predict", fitted(npz), npz, "--json").json
    assert facts["n_samples"] == 60
    np.testing.assert_allclose(facts["predictions"], expected)


def test_nonfinite_data_is_explained(run, refused, fitted, npz, problem, tmp_path):
    model = fitted(npz)
    X = problem[0].copy()
    with np.load(model) as stored:
        j = np.flatnonzero(stored["coef"])[0]
    X[4, j] = np.nan
    np.save(tmp_path / "x.npy", X)
    assert f"column {j} (1 row)" in refused("predict", model, tmp_path / "x.npy")


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code ran')",))


def test_files_that_are_no_models_are_refused_and_run_nothing(refused, npz, tmp_path):
    bad = tmp_path / "bad.npz"
    assert "no such model" in refused("predict", bad, npz)
    assert "not a model file" in refused("predict", npz, npz)
    bad.write_bytes(pickle.dumps(Evil()))
    assert "not a model file" in refused("predict", bad, npz)
    np.savez(bad, coef=np.array([Evil()], dtype=object))
    assert "not a model file" in refused("predict", bad, npz)
    texts = dict(estimator="Lasso", parameters="{}", certificate="{}", sparseopt_version="0")
    np.savez(bad, coef=np.ones(3), intercept=np.float64(0), feature_names=np.arange(4), **texts)
    assert "its arrays disagree" in refused("predict", bad, npz)
    np.savez(bad, coef=np.ones(3), intercept=np.float64(0), feature_names=np.arange(3), **texts)
    assert "the model was fitted to 3" in refused("predict", bad, npz)


def test_a_column_the_model_needs_cannot_be_left_out(run, refused, tmp_path):
    table, model = tmp_path / "d.csv", tmp_path / "m.npz"
    table.write_text("a,b,y\n1,2,3\n2,1,4\n3,5,6\n4,2,1\n5,1,2\n")
    options = ("--estimator", "Lasso", "--param", "alpha=0.01", "--out", model, "--quiet")
    assert run("fit", table, *options).status == 0
    for cell, words in (("x", "text in 'b'"), ("", "missing or infinite values in 'b'")):
        table.write_text(f"a,b,y\n1,{cell},3\n2,3,4\n")
        message = refused("predict", model, table)
        assert words in message and "--drop" not in message
