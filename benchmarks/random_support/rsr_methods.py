"""What RandomSupportRegressor is compared with. Every method: (X, y, signal, support) -> fitted values.

No method fits an intercept and all see columns of mean square one. Sizes are chosen by EBIC with gamma 1 among at most
50 columns unless the name says otherwise; a star means that the size (or alpha) with the smallest error to the true
signal was taken, which no user can do.
"""

import warnings

import numpy as np
from common.timing import importable
from sklearn.linear_model import LassoCV, RidgeCV, lars_path, lasso_path

import sparseopt as so
from sparseopt.solvers.random_support import candidates
from sparseopt.solvers.random_support.criterion import ebic
from sparseopt.solvers.random_support.forward import forward_selection
from sparseopt.solvers.random_support.polish import delete, swap
from sparseopt.solvers.random_support.refit import least_squares, prefix_rss

LARGEST = 50


def unit(X):
    return np.asfortranarray(X / np.linalg.norm(X, axis=0))


def fitted(A, y, support):
    support = list(support)
    return A[:, support] @ least_squares(A[:, support], y)[0]


def by_ebic(A, y, order):
    """The prefix with the smallest EBIC, one column at least."""
    n, d = A.shape
    order = list(order)
    value = ebic(prefix_rss(A[:, order], y)[1:], n, d, np.arange(1, len(order) + 1))
    return order[: int(np.argmin(value)) + 1]


def best_prefix(A, y, order, signal):
    """Fitted values of the prefix that is closest to the truth."""
    Q = np.linalg.qr(A[:, order])[0]
    fits = np.cumsum(Q * (Q.T @ y), axis=1)
    return fits[:, ((fits - signal[:, None]) ** 2).mean(axis=0).argmin()]


def lasso_cv(X, y, signal, support):
    """scikit-learn's LassoCV (coordinate descent, stopped at 1000 sweeps)."""
    return X @ LassoCV(alphas=50, cv=5, fit_intercept=False, max_iter=1000).fit(X, y).coef_


def lasso_exact(X, y, signal, support):
    """The whole exact Lasso path by homotopy (LARS), best alpha in hindsight."""
    _, _, coefs = lars_path(X, y, method="lasso", max_iter=400)
    fits = X @ coefs
    error = ((fits - signal[:, None]) ** 2).mean(axis=0)
    return fits[:, int(np.nanargmin(error))]


def ridge_threshold(X, y, signal, support):
    model = RidgeCV(alphas=np.logspace(-6, 4, 30) * len(y), fit_intercept=False).fit(X, y)
    A = unit(X)
    return fitted(A, y, by_ebic(A, y, np.argsort(-np.abs(model.coef_))[:LARGEST]))


def components(X, y, signal, support, best=False):
    """Principal-component regression, number of components by BIC (or in hindsight)."""
    n = len(y)
    U = np.linalg.svd(X, full_matrices=False)[0][:, : n // 2]
    inside = U.T @ y
    rss = y @ y - np.concatenate([[0.0], np.cumsum(inside**2)])
    fits = np.column_stack([np.zeros(n), np.cumsum(U * inside, axis=1)])
    if best:
        return fits[:, ((fits - signal[:, None]) ** 2).mean(axis=0).argmin()]
    return fits[:, int(np.argmin(n * np.log(rss / n) + np.arange(rss.size) * np.log(n)))]


def components_best(X, y, signal, support):
    return components(X, y, signal, support, best=True)


def omp(X, y, signal, support):
    A = unit(X)
    return fitted(A, y, by_ebic(A, y, forward_selection(A, y, LARGEST, normalise=False)))


def omp_best(X, y, signal, support):
    A = unit(X)
    return best_prefix(A, y, forward_selection(A, y, 2 * LARGEST, normalise=False), signal)


def stepwise(X, y, signal, support):
    """Forward stepwise (orthogonal least squares), then exact exchanges and deletions."""
    A = unit(X)
    n, d = A.shape
    chosen = by_ebic(A, y, forward_selection(A, y, LARGEST))
    if len(chosen) <= 20:
        chosen = swap(A, y, chosen)
    chosen = delete(A, y, chosen, lambda rss, size: ebic(rss, n, d, size))
    return fitted(A, y, chosen)


def stepwise_best(X, y, signal, support):
    A = unit(X)
    return best_prefix(A, y, forward_selection(A, y, 2 * LARGEST), signal)


def abess(X, y, signal, support):
    from abess.linear import LinearRegression

    model = LinearRegression(support_size=range(LARGEST + 1), ic_type="ebic", fit_intercept=False).fit(X, y)
    return X @ model.coef_


def abess_best(X, y, signal, support):
    from abess.linear import LinearRegression

    fits = [np.zeros(len(y))]
    for size in (4, 6, 8, 10, 13, 16, 20, 26, 32, 40):
        fits.append(X @ LinearRegression(support_size=size, ic_type="loss", fit_intercept=False).fit(X, y).coef_)
    return min(fits, key=lambda fit: ((fit - signal) ** 2).mean())


def puffer(X, y, signal, support):
    """All singular values set to one (Jia and Rohe), Lasso path, least squares, EBIC."""
    n, d = X.shape
    U, s, V = np.linalg.svd(X, full_matrices=False)
    keep = s > 1e-10 * s[0]
    FX = np.sqrt(n) * U[:, keep] @ V[keep]
    Fy = np.sqrt(n) * U[:, keep] @ (U[:, keep].T @ y / s[keep])
    highest = np.abs(FX.T @ Fy).max() / n
    coefs = lasso_path(FX, Fy, alphas=highest * np.logspace(0, -3, 40), max_iter=300, tol=1e-3)[1]
    A = unit(X)
    best = (np.inf, ())
    for chosen in {tuple(np.flatnonzero(coef)) for coef in coefs.T}:
        if 0 < len(chosen) <= LARGEST:
            best = min(best, (float(ebic(least_squares(A[:, chosen], y)[1], n, d, len(chosen))), chosen))
    return fitted(A, y, best[1]) if best[1] else np.zeros(n)


def factor_adjusted(X, y, signal, support):
    """r principal components out once, r = 0, ..., 20 by EBIC, forward stepwise on what is left."""
    A = unit(X)
    n, d = A.shape
    U = np.linalg.svd(A, full_matrices=False)[0]
    best = (np.inf, [])
    for r in range(21):
        V = U[:, :r]
        R = A - V @ (V.T @ A)
        norms = np.linalg.norm(R, axis=0)
        alive = norms > 1e-11
        R = np.asfortranarray(np.where(alive, R / np.where(alive, norms, 1.0), 0.0))
        order = list(forward_selection(R, y - V @ (V.T @ y), LARGEST))
        if order:
            value = ebic(prefix_rss(A[:, order], y)[1:], n, d, np.arange(1, len(order) + 1))
            i = int(np.argmin(value))
            best = min(best, (float(value[i]), order[: i + 1]))
    return fitted(A, y, best[1])


def truth(X, y, signal, support):
    """Least squares on the true support."""
    return fitted(unit(X), y, support)


def ours(**options):
    def run(X, y, signal, support):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return so.RandomSupportRegressor(fit_intercept=False, random_state=0, **options).fit(X, y).predict(X)

    return run


def charged_for_sets(X, y, signal, support):
    """Ours with the usual criterion, which charges greedy selection for the set it found and not for its order."""
    usual = candidates.Scorer.__call__

    def call(self, rss, size, n_dense=0, *, ordered=False):
        return usual(self, rss, size, n_dense, ordered=False)

    candidates.Scorer.__call__ = call
    try:
        return ours(n_draws=0)(X, y, signal, support)
    finally:
        candidates.Scorer.__call__ = usual


METHODS = {
    "sparseopt": ours(),
    "sparseopt, averaged": ours(average=True),
    "sparseopt, one round": ours(max_rounds=1),
    "sparseopt, Lasso": ours(base="lasso", refit="none"),
    "LassoCV": lasso_cv,
    "Lasso exact*": lasso_exact,
    "ridge threshold": ridge_threshold,
    "PCR": components,
    "PCR*": components_best,
    "OMP": omp,
    "OMP*": omp_best,
    "stepwise + swaps": stepwise,
    "stepwise*": stepwise_best,
    "abess": abess,
    "abess*": abess_best,
    "Puffer": puffer,
    "factor-adjusted": factor_adjusted,
    "true support": truth,
}
OWN = ("sparseopt", "sparseopt, averaged", "sparseopt, one round", "sparseopt, Lasso")
HINDSIGHT = ("Lasso exact*", "PCR*", "OMP*", "stepwise*", "abess*", "true support")


def available():
    """Names of the methods whose packages are installed and wanted."""
    packages = {name: (name.rstrip("*") if name.startswith("abess") else "sklearn", name) for name in METHODS}
    return list(importable(packages))
