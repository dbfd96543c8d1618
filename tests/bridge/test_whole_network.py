"""Sparse training of whole networks: gradients of single samples, penalties, budgets, what the methods keep."""

import numpy as np
import pytest

from sparseopt.bridge import FineTune, as_network, train_sparse
from sparseopt.bridge.report import count_clusters
from sparseopt.exceptions import IncompatibleError, InvalidProblemError

torch = pytest.importorskip("torch")
nn = torch.nn

from sparseopt.bridge.torch_fisher import fisher_diagonal  # noqa: E402
from sparseopt.bridge.torch_training import Trainer  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (X[:1200] / 16).astype("f4"), y[:1200]


@pytest.fixture(scope="module")
def trained(digits):
    torch.manual_seed(0)
    network = as_network(nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10)))
    FineTune(*digits, epochs=20, lr=3e-3, n_threads=1)(network, {})
    return network.model


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 3, groups=2, padding=1, stride=2)
        self.each = nn.Linear(6, 5)
        self.last = nn.Linear(5, 3)

    def forward(self, x):
        return self.last(torch.tanh(self.each(torch.relu(self.conv(x)).transpose(1, 2))).mean(dim=1))


@pytest.mark.parametrize(
    "model, shape",
    [
        (lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), (4,)),
        (lambda: nn.Sequential(nn.Conv2d(2, 3, 2, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3)), (2, 3, 3)),
        (Sequence, (4, 7)),
    ],
    ids=["linear", "conv", "sequence"],
)
def test_fisher_is_the_mean_square_of_the_gradients_of_samples(model, shape):
    network = as_network(model())
    X, y = torch.randn(21, *shape), torch.arange(21) % 3
    loss = nn.functional.cross_entropy
    names = [layer.name for layer in network.layers()]
    found = fisher_diagonal(network, names, [(X[:20], y[:20]), (X[20:], y[20:])], loss)
    for name in names:
        parameter, part, to_shape = network.weight_view(name)
        squares = 0.0
        for i in range(21):
            (gradient,) = torch.autograd.grad(loss(network.model(X[i : i + 1]), y[i : i + 1]), [parameter])
            squares = squares + gradient[part].double().numpy() ** 2
        np.testing.assert_allclose(found[name], to_shape.inverse(squares) / 21, rtol=1e-4, atol=1e-9)
    assert network.model.training and all(p.grad is None for p in network.model.parameters())


def test_training_under_a_penalty_ends_at_its_minimiser():
    """A linear model, so that the minimiser is known; the penalties span ten decades."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 4)).astype("f4")
    y = (X @ np.array([[1.0, -2.0, 0.5, 3.0]]).T).astype("f4")
    network = as_network(nn.Linear(4, 1, bias=False))
    trainer = Trainer(network, {"": np.ones((1, 4), dtype=bool)}, "mse", 0.05, 1)
    precision = np.array([[1e-6, 0.5, 1e4, 2.0]])
    trainer.penalise({"": precision})
    batch = torch.from_numpy(X), torch.from_numpy(y)
    trainer.train([batch] * 400, 0.1 * 0.985 ** np.arange(400))
    gram = 2.0 * X.T.astype(float) @ X / 50
    want = np.linalg.solve(gram + np.diag(precision[0]), 2.0 * X.T @ y[:, 0] / 50)
    np.testing.assert_allclose(network.layers()[0].weight[0], want, atol=5e-3)


@pytest.mark.parametrize("method", ["magnitude", "fisher", "turbo_vbi"])
def test_the_budget_is_exact_and_the_network_still_works(trained, digits, method):
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    found = train_sparse(trained, *digits, method=method, budget=300, epochs=12, rounds=4, lr=3e-3, n_threads=1)
    assert sum(mask.sum() for mask in found.masks.values()) == 300
    for layer in found.network.layers():
        np.testing.assert_array_equal(layer.weight[~found.masks[layer.name]], 0.0)
    assert np.mean(found.network.outputs(digits[0]).argmax(axis=1) == digits[1]) > 0.7
    assert [round(row["n_active"]) for row in found.history][-1] == 300 and len(found.history) == 4
    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())
    if method == "turbo_vbi":
        assert found.history[-1]["expected"] == pytest.approx(300, abs=1.0)


def test_one_round_of_magnitude_is_pruning_as_torch_does_it(trained, digits):
    from torch.nn.utils import prune

    found = train_sparse(trained, *digits, method="magnitude", sparsity=0.8, rounds=1, epochs=0.1, n_threads=1)
    copy = as_network(trained).model
    weights = [(copy[0], "weight"), (copy[2], "weight")]
    prune.global_unstructured(weights, pruning_method=prune.L1Unstructured, amount=0.8)
    for name in ("0", "2"):
        np.testing.assert_array_equal(found.masks[name], copy[int(name)].weight_mask.numpy() != 0)


def test_neighbours_stay_together_under_a_structured_prior(trained, digits):
    options = dict(sparsity=0.85, epochs=8, rounds=4, lr=3e-3, temperature=0.1, n_threads=1)
    plain = train_sparse(trained, *digits, **options)
    image = train_sparse(trained, *digits, pattern={"0": "cluster:8x8"}, **options)
    counts = [count_clusters(found.masks["0"], (8, 8)) / found.masks["0"].sum() for found in (plain, image)]
    assert counts[1] < 0.6 * counts[0]


def test_layers_that_are_left_out_stay_dense_and_results_repeat(trained, digits):
    options = dict(exclude="2", sparsity=0.9, epochs=2, rounds=2, n_threads=1, random_state=3)
    one, two = (train_sparse(trained, *digits, **options) for _ in range(2))
    assert list(one.masks) == ["0"] and one.masks["0"].sum() == round(0.1 * 64 * 24)
    assert np.all(one.network.layers()[1].weight != 0)
    for a, b in zip(one.network.layers(), two.network.layers(), strict=True):
        np.testing.assert_array_equal(a.weight, b.weight)


@pytest.mark.parametrize(
    "options, error, message",
    [
        (dict(method="obc"), ValueError, "method must be one of"),
        (dict(sparsity=1.0), ValueError, "sparsity must be"),
        (dict(sparsity=0.5, budget=3), ValueError, "give one of sparsity and budget"),
        (dict(budget=0), ValueError, "budget must be"),
        (dict(epochs=0), ValueError, "epochs must be"),
        (dict(rounds=0), ValueError, "rounds must be"),
        (dict(tuning=1.0), ValueError, "tuning must be"),
        (dict(temperature=0.0), ValueError, "temperature must be"),
        (dict(inactive_ratio=1.0), ValueError, "inactive_ratio must be"),
        (dict(n_fisher=0), ValueError, "n_fisher must be"),
        (dict(loss="hinge"), ValueError, "loss must be"),
        (dict(layers="conv"), ValueError, "there is no layer 'conv'"),
        (dict(pattern={"conv": "cluster"}), ValueError, "pattern: there is no layer 'conv'"),
        (dict(pattern="cluster:28x28"), ValueError, "is no row of 64 inputs"),
        (dict(pattern="cluster", method="magnitude"), IncompatibleError, "knows no pattern 'cluster'"),
    ],
)
def test_bad_calls(trained, digits, options, error, message):
    with pytest.raises(error, match=message):
        train_sparse(trained, *digits, **options)


def test_bad_data_and_models(trained, digits):
    X, y = digits
    with pytest.raises(InvalidProblemError, match="X has 1200 samples, y has 3"):
        train_sparse(trained, X, y[:3])
    with pytest.raises(InvalidProblemError, match="got y=None"):
        train_sparse(trained, X, None)
    with pytest.raises(InvalidProblemError, match="the loss became .*inf; choose a smaller lr"):
        train_sparse(trained, X, y, loss=lambda outputs, targets: outputs.sum() * np.inf, method="magnitude")
    with pytest.raises(TypeError, match="trains torch models, got a NumpyNetwork"):
        train_sparse([(np.eye(4), None, None)], np.eye(4), np.arange(4))
    words = nn.Sequential(nn.Embedding(6, 4), nn.Flatten(), nn.Linear(8, 3))
    ids, targets = np.random.default_rng(0).integers(0, 6, (40, 2)), np.arange(40) % 3
    with pytest.raises(IncompatibleError, match="'0' is an embedding, so it has no Fisher diagonal"):
        train_sparse(words, ids, targets, epochs=1, rounds=1)
    assert train_sparse(words, ids, targets, epochs=1, rounds=1, exclude="0", sparsity=0.5).masks["2"].sum() == 12


FEW = np.random.default_rng(0).standard_normal((20, 8)).astype("f4")
CLASSES = np.arange(20) % 4


@pytest.mark.parametrize(
    "X, y, options, message",
    [
        (np.full_like(FEW, np.nan), CLASSES, {}, "X contains NaN"),
        (FEW, np.array(["a"] * 20), {}, "y must hold numbers, got <U1"),
        (FEW[:, :5], CLASSES, {}, r"inputs of torch.float32 with shape \[20, 5\].* fails: .*mat1"),
        (FEW, CLASSES + 3, {}, "targets of torch.int64 .* fails: .*out of bounds"),
        (FEW, FEW[:, :3], dict(loss="mse"), r"targets of torch.float32 with shape \[20, 3\] fails"),
        (FEW, CLASSES, dict(loss=lambda outputs, targets: outputs), "loss must return a tensor with one number"),
        (FEW, CLASSES, dict(loss=lambda outputs, targets: 1.0), "loss must return a tensor with one number"),
    ],
)
@pytest.mark.parametrize("method", ["turbo_vbi", "magnitude"])
def test_data_that_cannot_train_a_model_are_named(X, y, options, message, method):
    with pytest.raises(InvalidProblemError, match=message):
        train_sparse(nn.Linear(8, 4), X, y, method=method, epochs=2, rounds=2, **options)


def test_layers_without_gradients_are_named_and_types_of_models_kept():
    model = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4)).double()
    assert train_sparse(model, FEW, CLASSES, epochs=2, rounds=2).model[0].weight.dtype == torch.float64
    model[0].weight.requires_grad_(False)
    with pytest.raises(InvalidProblemError, match="layer '0' has requires_grad=False"):
        train_sparse(model, FEW, CLASSES)
    with pytest.raises(InvalidProblemError, match="no parameter of the model may be trained"):
        FineTune(FEW, CLASSES)(as_network(model.requires_grad_(False)), {})


class HalfUsed(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.spare = nn.Linear(8, 4), nn.Linear(8, 4)

    def forward(self, x):
        return self.used(x)


def test_layers_that_the_loss_does_not_see_are_named():
    with pytest.raises(InvalidProblemError, match="does not depend on layer 'spare'"):
        train_sparse(HalfUsed(), FEW, CLASSES, epochs=2, rounds=2)
    found = train_sparse(HalfUsed(), FEW, CLASSES, epochs=2, rounds=2, exclude="spare", sparsity=0.5)
    assert list(found.masks) == ["used"] and found.masks["used"].sum() == 16


def test_what_went_stays_away_and_rounds_follow_the_budget(trained, digits, monkeypatch):
    """Between rounds no more weights are in the network than the cubic to the budget allows."""
    seen = []
    train = Trainer.train

    def watched(self, batches, rates):
        value = train(self, batches, rates)
        self.project()
        seen.append({name: self._matrix(name) != 0 for name in self._views})
        return value

    monkeypatch.setattr(Trainer, "train", watched)
    found = train_sparse(trained, *digits, budget=300, epochs=4, rounds=4, lr=3e-3, n_threads=1)
    left = [round(row["n_active"]) for row in found.history]
    for masks, n in zip(seen[1:], left, strict=True):
        assert sum(mask.sum() for mask in masks.values()) <= n
    for before, after in zip(seen, seen[1:], strict=False):
        assert all(np.all(before[name] | ~after[name]) for name in after)
