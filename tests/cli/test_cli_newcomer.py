"""What somebody stumbles over in the first hour with a table of their own: each message says what to do."""

import numpy as np
import pytest

TABLE = "city,area,lift,price\nBern,70,True,900\nBasel,55,False,700\nChur,90,True,1100\nBern,40,False,500\n"


@pytest.fixture
def write(tmp_path):
    def _write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return _write


def test_a_table_with_true_and_false_is_fitted_and_predicted(write, run, tmp_path):
    table, out = write("flats.csv", TABLE), tmp_path / "model.npz"
    done = run("fit", table, "--target", "price", "--drop", "city", "--estimator", "Lasso", "--out", out)
    assert done.status == 0 and "4 x 2" in done.out
    predicted = run("predict", out, table)
    np.testing.assert_allclose([float(line) for line in predicted.out.split()], [900, 700, 1100, 500], atol=60)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (TABLE, (), "which column is the target? Name it with --target COL; columns are 'city', 'area'"),
        (TABLE, ("--target", "Price"), "no target column 'Price', did you mean price?"),
        (TABLE, ("--target", "price", "--drop", "cty"), "did you mean city?"),
        (TABLE, ("--target", "price"), "text in 'city' ('Bern' in line 2)"),
        (TABLE, ("--target", "price"), "or leave the column out with --drop COL"),
        ("a;y\n1,5;2\n2,5;3\n", ("--target", "y"), "commas in the numbers of 'a' ('1,5' in line 2): write points"),
        ("a,y\n1,\n2,3\n", ("--target", "y"), "missing or infinite values in 'y' (1 row, first in line 2)"),
    ],
)
def test_a_table_that_cannot_be_used_says_what_to_do(write, refused, text, options, words):
    assert words in refused("fit", write("d.csv", text), "--estimator", "Lasso", *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--estimator", "lasso"), "did you mean Lasso?"),
        (("--estimator", "LassoCV", "--param", "n_alpha=5"), "did you mean n_alphas?"),
        (("--estimator", "Lasso", "--param", "solver=workingset"), "did you mean working_set?"),
    ],
)
def test_a_mistyped_name_is_guessed(write, refused, options, words):
    assert words in refused("fit", write("d.csv", TABLE), "--target", "price", "--drop", "city", *options)


def test_data_in_place_of_the_model_is_told_from_it(write, refused):
    message = refused("predict", write("flats.csv", TABLE), write("m.csv", TABLE))
    assert "the model comes first" in message and "pickle" not in message


def test_what_cross_validation_chose_is_shown(write, run):
    rows = "".join(f"{i % 7},{i % 5},{3 * (i % 7) + 0.1 * (i % 3)}\n" for i in range(40))
    done = run("fit", write("d.csv", f"a,b,y\n{rows}"), "--estimator", "LassoCV", "--json")
    chosen = done.json["cross_validation"]
    assert chosen["n_folds"] == 5 and chosen["alpha"] > 0 and chosen["mse"] >= 0


def test_an_estimator_whose_tolerance_is_a_word_is_shown(write, run):
    rows = "".join(f"{i % 7},{i % 5},{3 * (i % 7) + 0.1 * (i % 3)}\n" for i in range(40))
    done = run("fit", write("d.csv", f"a,b,y\n{rows}"), "--estimator", "SketchedRegressor")
    assert done.status == 0 and "statistical" in done.out, done.err


def test_non_zeros_are_counted_over_all_classes(write, run):
    rows = "".join(f"{i % 7},{i % 5},{i % 3}\n" for i in range(42))
    options = ("--estimator", "SparseLogisticRegression", "--param", "alpha=1e-4")
    done = run("fit", write("d.csv", f"a,b,y\n{rows}"), *options)
    assert done.status == 0 and "of 6 coefficients" in done.out


@pytest.mark.parametrize("name", ["KroneckerSBL", "KroneckerOMP", "GraphLabelPropagation"])
def test_what_is_no_linear_model_of_a_table_is_not_offered(write, refused, name):
    message = refused("fit", write("d.csv", TABLE), "--target", "price", "--drop", "city", "--estimator", name)
    assert message.count(name) == 1 and "known:" in message


def test_a_tab_separated_file_is_read(write, run):
    table = write("flats.tsv", TABLE.replace(",", "\t"))
    done = run("fit", table, "--target", "price", "--drop", "city", "--estimator", "Lasso")
    assert done.status == 0 and "4 x 2" in done.out


def test_several_columns_in_one_drop_are_taken_apart_by_the_message(write, refused):
    message = refused(
        "fit", write("d.csv", TABLE), "--target", "price", "--drop", "city,lift", "--estimator", "Lasso"
    )
    assert "no column to drop 'city,lift', give one for each column" in message


def test_a_target_of_text_is_not_to_be_left_out(write, refused):
    table = write("d.csv", "a,kind\n1,cat\n2,dog\n3,cat\n")
    message = refused("fit", table, "--target", "kind", "--estimator", "SparseLogisticRegression")
    assert "text in 'kind' ('cat' in line 2)" in message and "the target" in message and "--drop" not in message
