"""What a path sends, counted: reductions for each alpha, and bytes against the model of the benchmark."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import sparseopt as so
from sparseopt.mpi import MpiRanks, RowDesign

MODEL = Path(__file__).parents[3] / "benchmarks" / "mpi_scaling" / "model.py"
N, P = 360, 600


def rows(comm, n=N, p=P):
    """Return X and predictors of this rank's rows, the same problem for any number of ranks."""
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((n, p)))
    eta = X[:, :20] @ rng.standard_normal(20) + 2.0 * rng.standard_normal(n)
    return np.array_split(X, comm.size)[comm.rank], np.array_split(eta, comm.size)[comm.rank]


def target(loss, eta):
    if loss == "multinomial":
        return np.digitize(eta, [-2.0, 2.0]).astype(float)
    return {"logistic": np.sign(eta), "poisson": np.round(np.exp(eta / 6.0))}.get(loss, eta)


PENALTIES = {"l1": so.penalties.L1(1.0), "elastic net": so.penalties.ElasticNet(1.0, 0.5),
             "group": so.penalties.Group(1.0, groups=5), "rows": so.penalties.RowGroup(1.0)}  # fmt: skip


# lengths of the coefficients, Gram matrices included, and messages for an alpha; on few rows and many classes second
# derivatives change, and are sent again, more often
LIMITS = [
    ("squared", "l1", (N, P), 100, 6.0, 1.0), ("squared", "elastic net", (N, P), 100, 6.0, 1.0),
    ("squared", "group", (N, P), 100, 6.0, 1.0), ("logistic", "l1", (N, P), 100, 6.0, 18.0),
    ("poisson", "l1", (N, P), 100, 6.0, 18.0), ("huber", "l1", (N, P), 100, 6.0, 26.0),
    ("logistic", "elastic net", (N, P), 100, 6.0, 22.0), ("multinomial", "l1", (150, 200), 100, 6.0, 26.0),
    ("multinomial", "rows", (150, 200), 100, 6.0, 26.0), ("multinomial", "l1", (N, P), 20, 16.0, 32.0),
    ("multinomial", "rows", (N, P), 20, 20.0, 36.0), ("logistic", "group", (150, 200), 100, 9.0, 26.0),
    ("huber", "group", (150, 200), 100, 9.0, 26.0),
]  # fmt: skip


@pytest.mark.parametrize("loss, penalty, shape, n_alphas, most, often", LIMITS)
def test_at_most_six_reductions_of_the_length_of_the_coefficients_for_an_alpha(
    comm, loss, penalty, shape, n_alphas, most, often
):
    if comm.size != (1 if shape == (N, P) else 2):
        pytest.skip("what each rank sends does not depend on their number: where many compute, one is enough")
    X, eta = rows(comm, *shape)
    ranks = MpiRanks(comm)
    design = RowDesign(X, ranks)
    path = so.solution_path(design, target(loss, eta), loss=loss, penalty=PENALTIES[penalty], n_alphas=n_alphas)
    assert path.converged.all() and np.count_nonzero(path.coefs[-1]) > 50
    traffic, size = ranks.traffic, path.coefs[-1].size
    assert 1.0 <= traffic.reductions(size) / n_alphas <= 6.0
    assert traffic.n_bytes == 8 * sum(length * count for (_, length), count in traffic.messages.items())
    assert traffic.n_bytes / (8 * size * n_alphas) <= most
    assert traffic.n_messages / n_alphas <= often


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("loss, ridge", [("logistic", 0.0), ("logistic", 0.5), ("poisson", 0.0)])
def test_paths_of_smooth_losses_are_exact_and_the_same_on_all_ranks(comm, loss, ridge, intercept):
    rng = np.random.default_rng(3)
    X = np.asfortranarray(rng.standard_normal((120, 60)) + 1.0)
    eta = X[:, ::9] @ rng.choice([-1.0, 1.0], 7)
    eta = (eta - eta.mean()) / eta.std() + 0.5 * rng.standard_normal(120)
    y = np.sign(eta) if loss == "logistic" else np.round(np.exp(eta / 2.0))
    mine = slice(*(round(120 * k / comm.size) for k in (comm.rank, comm.rank + 1)))
    path = so.solution_path(RowDesign(X[mine], comm), y[mine], loss=loss, n_alphas=8, eps=0.05, tol=1e-13,
                            penalty=so.penalties.ElasticNet(1.0, 1.0 - ridge), fit_intercept=intercept)  # fmt: skip
    assert path.converged.all()
    assert len(set(comm.allgather(path.coefs.tobytes() + path.intercepts.tobytes()))) == 1
    for alpha, coef, b in list(zip(path.alphas, path.coefs, path.intercepts, strict=True))[1:]:
        used = np.flatnonzero(coef)  # on these, and with these signs, Newton's method finds the minimiser
        A = np.column_stack([X[:, used], np.ones((120, int(intercept)))])
        w = np.append(coef[used], b) if intercept else coef[used]
        found, shrink = w.copy(), np.append(np.ones(used.size), np.zeros(int(intercept)))
        signs = np.append(np.sign(coef[used]), np.zeros(int(intercept)))
        for _ in range(10):
            z = A @ w
            if loss == "logistic":
                share = 1.0 / (1.0 + np.exp(y * z))
                theta, bend = y * share, share * (1.0 - share)
            else:
                theta, bend = y - np.exp(z), np.exp(z)
            slope = A.T @ theta - 120 * alpha * ((1.0 - ridge) * signs + ridge * shrink * w)
            w = w + np.linalg.solve((A.T * bend) @ A + np.diag(120 * alpha * ridge * shrink), slope)
        np.testing.assert_allclose(found, w, rtol=1e-8, atol=1e-9 * np.abs(w).max())


def test_newton_steps_are_chosen_for_groups(comm):
    X, eta = rows(comm, 60, 30)
    penalty = so.penalties.Group(0.1, groups=5)
    result = so.solve(so.Problem(RowDesign(X, comm), np.sign(eta), "logistic", penalty), tol=1e-12)
    assert result.solver == "prox_newton" and result.converged
    reference = so.solve(so.Problem(RowDesign(X, comm), np.sign(eta), "logistic", penalty), "prox_gradient", tol=1e-9)
    np.testing.assert_allclose(result.coef, reference.coef, rtol=0.0, atol=1e-7)


def load_model():
    if not MODEL.exists():
        pytest.skip("the benchmarks are not here")
    spec = importlib.util.spec_from_file_location("mpi_scaling_model", MODEL)
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    return model


@pytest.mark.parametrize("penalty", ["l1", "elastic net"])
def test_bytes_and_messages_are_those_of_the_model(comm, penalty):
    model = load_model()
    X, eta = rows(comm)
    ranks = MpiRanks(comm)
    with model.course() as seen:
        so.solution_path(RowDesign(X, ranks), eta, penalty=PENALTIES[penalty])
    course = model.Course(N, P, **seen)
    agree(model, course, ranks.traffic)
    assert abs(model.n_messages(course) / ranks.traffic.n_messages - 1.0) < 0.25


@pytest.mark.parametrize("loss, penalty", [
    ("logistic", "l1"), ("huber", "elastic net"), ("poisson", "l1"), ("multinomial", "l1"), ("multinomial", "rows"),
    ("poisson", "group"), ("multinomial", "group"),
])  # fmt: skip
def test_bytes_of_smooth_losses_are_those_of_the_model(comm, loss, penalty):
    model, (n, p) = load_model(), (120, 150)
    X, eta = rows(comm, n, p)
    ranks = MpiRanks(comm)
    with model.smooth_course() as seen:
        path = so.solution_path(RowDesign(X, ranks), target(loss, eta), loss=loss, penalty=PENALTIES[penalty],
                                n_alphas=10)  # fmt: skip
    agree(model, model.SmoothCourse(n, p, n_outputs=path.coefs[-1].size // p, **seen), ranks.traffic)


def agree(model, course, traffic):
    assert abs(model.n_bytes(course) / traffic.n_bytes - 1.0) < 0.05
    for purpose, count in model.numbers(course).items():
        if purpose != "sums":
            assert count == traffic.numbers[purpose], purpose


def test_half_of_each_of_several_symmetric_matrices_is_sent(comm):
    count, old = 40, 13
    parts = np.random.default_rng(1).standard_normal((comm.size, 3, 50, count))
    parts = np.einsum("kbia,kbic->kbac", parts, parts)[:, :, old:]
    blocks, ranks = parts[comm.rank].copy(), MpiRanks(comm)
    ranks.total_symmetric_rows(blocks, old)
    np.testing.assert_allclose(blocks, parts.sum(axis=0), rtol=1e-12, atol=1e-10)
    assert ranks.traffic.messages == {("allreduce", 3 * (count * (count + 1) // 2 - old * (old + 1) // 2)): 1}


def test_half_of_a_gram_matrix_is_sent(comm, monkeypatch):
    monkeypatch.setattr("sparseopt.mpi.ranks.MOST_BUFFER", 2000)  # several messages
    monkeypatch.setattr("sparseopt.mpi.ranks.MIRROR", 7)
    total, old = 90, 31
    parts = np.random.default_rng(1).standard_normal((comm.size, 95, total))
    parts = np.einsum("kia,kib->kab", parts, parts)
    G = np.full((120, 120), np.nan)
    G[:total, :total] = parts[comm.rank]
    G[:old, :old] = parts.sum(axis=0)[:old, :old]
    ranks = MpiRanks(comm)
    ranks.total_symmetric(G, old, total)
    np.testing.assert_allclose(G[:total, :total], parts.sum(axis=0), rtol=1e-12, atol=1e-10)
    np.testing.assert_array_equal(G[:total, :total], G[:total, :total].T)
    assert np.isnan(G[total:]).all() and np.isnan(G[:, total:]).all()
    assert ranks.traffic.numbers["gram"] == total * (total + 1) // 2 - old * (old + 1) // 2
