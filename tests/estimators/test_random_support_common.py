"""The scikit-learn contract of the random-support estimators."""

from sklearn.utils.estimator_checks import parametrize_with_checks

import sparseopt as so


@parametrize_with_checks(
    [
        so.RandomSupportRegressor(),
        so.RandomSupportRegressor(refit="dictionary", eig_factor=0.3),
        so.RandomSupportRegressor(base="lasso", refit="none"),
        so.RandomSupportRegressor(criterion="cv", cv=3),
        so.SpectralPeeling(),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
