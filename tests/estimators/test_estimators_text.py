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
