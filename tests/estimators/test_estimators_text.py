"""Tables with text in them: the columns are named, and what to do is said."""

import numpy as np
import pandas as pd
import pytest

import sparseopt as so

TABLE = pd.DataFrame({
    "city": ["Bern", "Basel", "Chur"] * 4, "rooms": np.arange(12.0), "lift": [True, False] * 6,
    "heating": pd.Categorical(["gas", "oil"] * 6), "size": [str(i) for i in range(12)],
})  # fmt: skip
Y = np.arange(12.0) ** 2


@pytest.mark.parametrize(
    "model",
    [so.Lasso(), so.LassoCV(cv=3), so.GroupLasso(), so.SBLRegressor(), so.RandomSupportRegressor(),
     so.SketchedRegressor(), so.BestSubsetRegressor(1), so.SparseRegressor(), so.SparseLogisticRegression(),
     so.TurboVBIRegressor()],
    ids=lambda model: type(model).__name__,
)  # fmt: skip
def test_columns_of_text_are_named(model):
    target = Y > 50 if "Logistic" in type(model).__name__ else Y
    with pytest.raises(ValueError, match=r"text in column 'city' \('Bern'\), 'heating' \('gas'\): make it numbers"):
        model.fit(TABLE, target)


def test_numbers_and_booleans_pass_also_as_text():
    model = so.Lasso(alpha=0.1).fit(TABLE[["rooms", "lift", "size"]], Y)
    assert model.coef_.shape == (3,) and np.isfinite(model.coef_).all()
    with pytest.raises(ValueError, match=r"text in column 'size' \('Bern'\)"):
        model.predict(TABLE[["rooms", "lift"]].assign(size=TABLE["city"]))


def test_a_regression_on_names_says_so():
    with pytest.raises(ValueError, match=r"y holds text \('Bern'\).*classifiers"):
        so.Lasso().fit(TABLE[["rooms"]], TABLE["city"])


def test_a_mistyped_name_of_the_package_is_guessed():
    with pytest.raises(AttributeError, match="did you mean LassoCV"):
        so.LasoCV  # noqa: B018


DAYS = pd.Series(pd.date_range("2024-01-01", periods=12))
DATES = {
    "days": DAYS, "with a zone": DAYS.dt.tz_localize("Europe/Zurich"), "durations": DAYS - DAYS[0],
}  # fmt: skip


@pytest.mark.parametrize("days", DATES.values(), ids=DATES)
@pytest.mark.parametrize("beside", [["rooms"], []])
def test_columns_of_dates_are_named_and_not_taken_for_nanoseconds(days, beside):
    with pytest.raises(ValueError, match="dates or times in column 'sold': make them numbers"):
        so.Lasso().fit(TABLE[beside].assign(sold=days), Y)


def test_dates_without_names_are_refused_in_x_and_y_and_in_predict():
    days = DAYS.to_numpy()
    for model in (so.Lasso(), so.SBLRegressor(), so.SketchedRegressor(), so.RandomSupportRegressor()):
        with pytest.raises(ValueError, match="X holds dates or times"):
            model.fit(days[:, None], Y)
        with pytest.raises(ValueError, match="y holds dates or times"):
            model.fit(TABLE[["rooms"]], DAYS)
    model = so.Lasso().fit(Y[:, None], Y)
    with pytest.raises(ValueError, match="X holds dates or times"):
        model.predict(days[:, None])


@pytest.mark.parametrize("target", [np.array(["a", "b"] * 6), ["a", "b"] * 6], ids=["array", "list"])
@pytest.mark.parametrize("model", [so.Lasso(), so.GroupLasso(), so.SBLRegressor(), so.SketchedRegressor()])
def test_a_regression_on_an_array_of_names_says_so(model, target):
    with pytest.raises(ValueError, match=r"y holds text \('a'\).*classifiers"):
        model.fit(TABLE[["rooms"]].to_numpy(), target)


def test_a_single_class_is_shown_as_it_is_written():
    with pytest.raises(ValueError, match=r"only one class \(1\)"):
        so.SparseLogisticRegression().fit(TABLE[["rooms"]], np.ones(12, dtype=int))
