"""Cross-validated errors on gene expression (a folder given by SPARSEOPT_DATA or --data; nothing is shipped)."""

import time
import warnings

import numpy as np
from common.real import folder_has, from_folder
from sklearn.linear_model import ElasticNetCV, LassoCV
from sklearn.model_selection import KFold

import sparseopt as so

DATA = ("riboflavin", "bardet", "golub", "srbct")
FOLDS, REPEATS = 10, 2


class Abess:
    """abess with sizes up to 50 by its EBIC."""

    def fit(self, X, y):
        from abess.linear import LinearRegression

        self.model = LinearRegression(support_size=range(min(50, len(y) // 4) + 1), ic_type="ebic").fit(X, y)
        self.coef_ = self.model.coef_
        return self

    def predict(self, X):
        return self.model.predict(X)


METHODS = {
    "sparseopt": lambda: so.RandomSupportRegressor(n_draws=0),
    "sparseopt, sparse refit": lambda: so.RandomSupportRegressor(n_draws=0, refit="sparse"),
    "sparseopt, cv": lambda: so.RandomSupportRegressor(n_draws=0, criterion="cv"),
    "sparseopt, Lasso": lambda: so.RandomSupportRegressor(n_draws=0, base="lasso", refit="none", ebic_gamma=0.0),
    "LassoCV": lambda: LassoCV(cv=5),
    "ElasticNetCV": lambda: ElasticNetCV(l1_ratio=0.5, cv=5),
    "abess": Abess,
}


def there(name):
    """Whether the data are in the folder."""
    return folder_has(name)


def errors(name, method, seed):
    """One row: mean squared error of predictions of rows left out, over the variance of y; ten folds, twice."""
    X, y = from_folder(name)
    squares, sizes, seconds = [], [], []
    for repeat in range(REPEATS):
        for train, test in KFold(FOLDS, shuffle=True, random_state=seed + repeat).split(X):
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = METHODS[method]().fit(X[train], y[train])
            seconds.append(time.perf_counter() - start)
            squares.append((model.predict(X[test]) - y[test]) ** 2)
            sizes.append(np.count_nonzero(model.coef_))
    squares = np.concatenate(squares)
    yield dict(
        kind="real", problem=name, solver=method, n=X.shape[0], d=X.shape[1], error=float(squares.mean() / y.var()),
        error_median=float(np.median(squares) / y.var()), size=float(np.median(sizes)),
        seconds=float(np.median(seconds)),
    )  # fmt: skip
