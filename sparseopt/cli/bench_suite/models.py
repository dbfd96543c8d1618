"""The model behind the coefficient picture: a cross-validated Lasso on real data."""

import time

import numpy as np

from . import machine


def diabetes_path(degree=2, n_splits=10):
    """Fit ``LassoCV`` to the diabetes data with products of columns; return what the plot needs.

    Returns
    -------
    story : dict
        Arrays ``alphas, coefs, mean, error, names``, the two alphas chosen, and how long it took.
    """
    from sklearn.datasets import load_diabetes
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    import sparseopt

    data = load_diabetes()
    products = PolynomialFeatures(degree, include_bias=False)
    X = products.fit_transform(StandardScaler().fit_transform(data.data))
    X = StandardScaler().fit_transform(X)
    names = products.get_feature_names_out(data.feature_names)
    # the square of a column with two values is that column again: the Lasso may then use either
    again = np.triu(np.abs(X.T @ X) / X.shape[0] > 1.0 - 1e-9, k=1).any(axis=0)
    X, names = np.asfortranarray(X[:, ~again]), names[~again]
    load = machine.OtherLoad()
    start = time.perf_counter()
    model = sparseopt.LassoCV(cv=n_splits).fit(X, data.target)
    seconds, load = time.perf_counter() - start, load.read()
    alphas = np.asarray(model.alphas_)
    mean = model.mse_path_.mean(axis=1)
    error = model.mse_path_.std(axis=1, ddof=1) / np.sqrt(model.mse_path_.shape[1])
    best = int(np.argmin(mean))
    sparser = int(np.flatnonzero(mean <= mean[best] + error[best])[0])
    path = sparseopt.solution_path(X, data.target, alphas=alphas)
    null = np.var(data.target) / 2
    return {
        "alphas": alphas,
        "coefs": path.coefs,
        "mean": mean,
        "error": error,
        "names": [name.replace(" ", " x ") for name in names],
        "alpha": float(model.alpha_),
        "alpha_1se": float(alphas[sparser]),
        "n_nonzero": int(np.count_nonzero(model.coef_)),
        "n_nonzero_1se": int(np.count_nonzero(path.coefs[sparser])),
        "n_features": X.shape[1],
        "n_samples": X.shape[0],
        "n_splits": n_splits,
        "seconds": seconds,
        "load": load,
        "gap": float(np.max(path.gaps) / null),
        "passes": float(path.n_passes),
    }
