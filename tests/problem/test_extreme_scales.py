"""Groups, counts and nonconvex penalties at the edge of what float64 holds: the right answer, without a warning."""

import numpy as np
import pytest
from scipy.optimize import brentq

import sparseopt as so
from sparseopt.penalties import L1

pytestmark = pytest.mark.filterwarnings("error")
SCALES = [(1e150, 1.0), (1e-150, 1.0), (1e100, 1e-100), (1.0, 1e150), (1.0, 1e-150)]


def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 8))
    return X, X[:, 0] + 0.1 * rng.standard_normal(50)


@pytest.mark.parametrize("of_x, of_y", SCALES)
def test_group_lasso_in_any_units(of_x, of_y):
    X, y = data()
    plain = so.GroupLasso(alpha=0.05, groups=2, tol=1e-10).fit(X, y)
    scaled = so.GroupLasso(alpha=0.05 * of_x * of_y, groups=2, tol=1e-10).fit(of_x * X, of_y * y)
    assert scaled.converged_ and plain.support_.size
    np.testing.assert_allclose(scaled.coef_ * of_x / of_y, plain.coef_, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("of_x, of_y", [scales for scales in SCALES if 1.0 in scales])
@pytest.mark.parametrize("kind", [so.GroupLassoCV, so.MultiTaskLassoCV])
def test_cross_validation_in_any_units(kind, of_x, of_y):
    X, y = data()
    options = {"groups": 2} if kind is so.GroupLassoCV else {}
    target = y if options else np.column_stack([y, -y])
    plain = kind(n_alphas=5, cv=3, **options).fit(X, target)
    scaled = kind(n_alphas=5, cv=3, **options).fit(of_x * X, of_y * target)
    assert scaled.alpha_ == pytest.approx(plain.alpha_ * of_x * of_y, rel=1e-9)
    np.testing.assert_array_equal(scaled.support_, plain.support_)


@pytest.mark.parametrize("value", [0.3, 3.0, 7.3, 1e6])
@pytest.mark.parametrize("weights", [None, np.arange(50.0)])
def test_equal_counts_need_no_coefficient(value, weights):
    X, _ = data()
    problem = so.Problem(X, np.full(50, value), "poisson", L1(0.01), sample_weight=weights)
    result = so.solve(problem)
    assert result.converged and not np.any(result.coef)
    assert result.intercept == pytest.approx(np.log(value))


def test_groups_of_columns_far_from_zero():
    rng = np.random.default_rng(2)
    for p in (12, 900):
        X = rng.standard_normal((60, p)) + 1e5
        y = X[:, :3] @ [1.0, 2.0, -1.0] + 0.1 * rng.standard_normal(60)
        for alpha in (0.01, 0.1):
            far = so.GroupLasso(alpha, groups=3).fit(X, y)
            near = so.GroupLasso(alpha, groups=3).fit(X - 1e5, y)
            assert far.converged_ and far.n_iter_ < 20
            assert far.objective_ == pytest.approx(near.objective_, rel=1e-4)


@pytest.mark.parametrize("m", [1, 4])
@pytest.mark.parametrize("unit, size", [(1.0, 1.0), (1e300, 1.0), (1e-300, 1.0), (1e200, 1e-20), (1.0, 1e150)])
def test_the_norm_of_a_single_group_is_the_root_of_its_equation(m, unit, size):
    """Orthogonal columns of different lengths: ||w|| = h solves sum (c_i / (d_i h + level))^2 = 1."""
    d = unit * np.geomspace(1.0, 20.0, m)
    X = np.zeros((m, m))
    np.fill_diagonal(X, np.sqrt(m * d))
    y = size * np.arange(1.0, m + 1.0)
    c = np.sqrt(d / m) * y
    level = 0.3 * np.linalg.norm(c)
    most = np.linalg.norm(c) / d.min()
    root = most * brentq(lambda u: np.sum((c / (d * most * u + level)) ** 2) - 1.0, 0.0, 1.0, xtol=1e-15)
    penalty = so.penalties.Group(level, groups=m, weights=[1.0])
    result = so.solve(so.Problem(X, y, penalty=penalty, fit_intercept=False), tol=1e-12)
    assert result.converged and np.linalg.norm(result.coef / root) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("share", [0.1, 1e-120])
@pytest.mark.parametrize("of_x, of_y", [*SCALES, (1e150, 1e150), (1e-150, 1e150), (1e153, 1e153)])
@pytest.mark.parametrize("kind", [so.MCPRegressor, so.SCADRegressor])
def test_nonconvex_penalties_at_extreme_scales(kind, of_x, of_y, share):
    X, y = data()
    model = kind(share * of_x * of_y, gamma=3.7).fit(of_x * X, of_y * y)
    assert model.converged_ and np.all(np.isfinite(model.coef_))
    assert model.objective_ <= 0.5 * np.var(of_y * y) * (1.0 + 1e-12)
