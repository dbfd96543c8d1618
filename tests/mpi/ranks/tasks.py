"""Run by ``python -m mpi4py.futures``: cross-validation on the other ranks."""

import os

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV

import sparseopt as so
import sparseopt.mpi  # noqa: F401 - registers the backend


def where(x):
    return os.getpid(), 2 * x


def fail(x):
    raise ZeroDivisionError(f"task {x}")


def main():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 10))
    y = X[:, 0] + 0.1 * rng.standard_normal(60)
    search = GridSearchCV(so.Lasso(), {"alpha": [0.01, 0.1, 1.0]}, n_jobs=-1, cv=3)
    cv = so.LassoCV(n_alphas=10, cv=3, n_jobs=-1)
    with joblib.parallel_config(backend="mpi"):
        pairs = joblib.Parallel(n_jobs=-1)(joblib.delayed(where)(x) for x in range(8))
        assert [value for _, value in pairs] == list(range(0, 16, 2))
        assert os.getpid() not in {pid for pid, _ in pairs}
        search.fit(X, y)
        cv.fit(X, y)
        try:
            joblib.Parallel(n_jobs=-1)(joblib.delayed(fail)(x) for x in range(3))
        except ZeroDivisionError as error:
            print("raised", error)
    serial = GridSearchCV(so.Lasso(), {"alpha": [0.01, 0.1, 1.0]}, cv=3).fit(X, y)
    assert search.best_params_ == serial.best_params_
    np.testing.assert_array_equal(search.best_estimator_.coef_, serial.best_estimator_.coef_)
    np.testing.assert_array_equal(cv.mse_path_, so.LassoCV(n_alphas=10, cv=3).fit(X, y).mse_path_)
    print("workers", len({pid for pid, _ in pairs}))


if __name__ == "__main__":
    main()
