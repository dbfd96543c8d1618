"""Random and hostile problems: every one converges, near separability and with extreme weights, too."""

import numpy as np
import pytest

import sparseopt as so

PENALTIES = {
    "l1": so.penalties.L1, "elastic_net": lambda a: so.penalties.ElasticNet(a, 0.5),
    "positive": lambda a: so.penalties.L1(a, positive=True), "rows": so.penalties.RowGroup,
}  # fmt: skip


def draw(rng, loss):
    n, p = int(10 * 20 ** rng.random()), int(2 * 250 ** rng.random())
    X = np.asfortranarray(rng.standard_normal((n, p)) * np.exp(rng.normal(0.0, rng.choice([0.0, 1.5]), p)))
    if rng.random() < 0.3:
        X[:, p // 2 : 2 * (p // 2)] = X[:, : p // 2]  # every column twice
    z = X[:, :3].sum(axis=1)
    z = (z - z.mean()) / z.std() + rng.choice([0.0, 0.5]) * rng.standard_normal(n)  # without noise: separable
    if loss == "poisson":
        return X, rng.poisson(np.exp(np.clip(z, -3.0, 2.0))).astype(float)
    cuts = np.quantile(z, [0.5] if loss == "logistic" else np.arange(1, 4) / 4)
    return X, np.digitize(z, cuts).astype(float)


@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("loss", ["logistic", "multinomial", "poisson"])
def test_every_problem_converges(loss, kind):
    rng = np.random.default_rng([len(loss), len(kind)])
    for _ in range(8):
        X, y = draw(rng, loss)
        s = np.exp(rng.normal(0.0, 1.0, len(y))) if rng.random() < 0.3 else None
        intercept = bool(rng.random() < 0.8)
        top = so.Problem(X, y, loss, PENALTIES[kind](1.0), s, intercept).alpha_max()
        problem = so.Problem(X, y, loss, PENALTIES[kind](top * 0.5 * 0.002 ** rng.random()), s, intercept)
        for tol in (1e-6, 1e-9):
            result = so.solve(problem, "prox_newton", tol=tol)
            assert result.converged and result.n_iter < 50
            gap = problem.duality_gap(result.coef, result.intercept)
            assert gap <= 2.0 * tol * problem.null_objective


@pytest.mark.parametrize("loss", ["logistic", "multinomial"])
def test_classes_of_tiny_weight_leave_the_small_digits_alone(loss):
    rng = np.random.default_rng(0)
    y = np.repeat([0.0, 1.0, 2.0], [30, 10, 10]) if loss == "multinomial" else np.repeat([0.0, 1.0], [30, 20])
    X = np.asfortranarray(10.0 * rng.standard_normal((50, 2)) + 20.0 * y[:, None] * [1.0, -1.0])
    path = so.solution_path(X, y, loss=loss, sample_weight=np.where(y == 0.0, 500.0, 1e-4), n_alphas=30, eps=1e-2)
    assert path.converged.all()


def test_multinomial_loss_keeps_relative_precision():
    loss = so.losses.Multinomial(n_classes=3)
    eta = np.array([[40.0, 0.0, -1.0], [800.0, 0.0, 0.0]])
    small = np.exp(-40.0) * (1.0 + np.exp(-1.0))
    np.testing.assert_allclose(loss.values([0.0, 0.0], eta), [small, 0.0], rtol=1e-12)
    u = loss.gradient([0.0, 0.0], eta)
    np.testing.assert_allclose(u[0, 0], -small, rtol=1e-12)
    np.testing.assert_allclose(u.sum(axis=1), 0.0, atol=0.0)
    # Fenchel's equality
    np.testing.assert_allclose(loss.conjugate([0.0, 0.0], u), (u * (eta - eta[:, :1])).sum(1) - [small, 0.0], rtol=1e-9)
