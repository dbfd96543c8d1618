"""Training what compression left: zeros stay zeros, the rest gets better, N:M patterns move and stay patterns."""

import numpy as np
import pytest

from sparseopt.bridge import FineTune, as_network, compress
from sparseopt.bridge.patterns import NM
from sparseopt.exceptions import InvalidProblemError

torch = pytest.importorskip("torch")
nn = torch.nn


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
    return (X / 16).astype("f4"), y


def classifier():
    return nn.Sequential(nn.Linear(64, 32), nn.Dropout(0.1), nn.ReLU(), nn.Linear(32, 10))


@pytest.fixture(scope="module")
def trained(digits):
    torch.manual_seed(0)
    network = as_network(classifier())
    FineTune(*digits, epochs=8, lr=3e-3, n_threads=1)(network, {})
    return network.model


def accuracy(network, digits):
    return np.mean(network.outputs(digits[0]).argmax(axis=1) == digits[1])


def test_weights_that_went_stay_away_and_the_others_learn(trained, digits):
    plain = compress(trained, digits[0], method="magnitude", sparsity=0.9, allocate="uniform")
    tune = FineTune(*digits, epochs=4, lr=3e-3, n_threads=1)
    tuned = compress(trained, digits[0], method="magnitude", sparsity=0.9, allocate="uniform", fine_tune=tune)
    assert accuracy(tuned.network, digits) > accuracy(plain.network, digits) + 0.1
    assert tune.losses_[-1] < tune.losses_[0] and len(tune.losses_) == 4
    for before, after in zip(plain.network.layers(), tuned.network.layers(), strict=True):
        np.testing.assert_array_equal(after.weight[before.weight == 0], 0.0)
        assert not np.array_equal(after.weight, before.weight) and not np.array_equal(after.bias, before.bias)
    assert tuned.model.training and torch.get_num_threads() == 1
    assert all(parameter.grad is None for parameter in tuned.model.parameters())


def test_training_is_repeatable_and_leaves_the_generator_of_torch_alone(trained, digits):
    outputs = []
    for _ in range(2):
        network = as_network(trained)
        torch.manual_seed(5)
        expected = torch.rand(1)
        torch.manual_seed(5)
        FineTune(*digits, epochs=1)(network, {})
        assert torch.rand(1) == expected
        outputs.append(network.outputs(digits[0]))
    np.testing.assert_array_equal(*outputs)


def test_one_step_is_the_gradient_on_the_mask():
    """A linear model: the first step of Adam moves by lr times the sign of the gradient, where the mask is."""
    x, y = np.eye(3, dtype="f4"), np.zeros((3, 2), dtype="f4")
    model = nn.Linear(3, 2, bias=False)
    network = as_network(model)
    mask = np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)
    FineTune([(torch.from_numpy(x), torch.from_numpy(y))], loss="mse", epochs=1, lr=0.01)(network, {"": mask})
    W = model.weight.detach().numpy()
    np.testing.assert_allclose(network.layers()[0].weight, np.where(mask, W - 0.01 * np.sign(W), 0.0), atol=1e-5)


def test_patterns_may_move_and_end_exact(trained, digits):
    tune = FineTune(*digits, epochs=3, lr=3e-3, pattern="1:4", decay=0.01)
    plain = compress(trained, digits[0], method="magnitude", pattern="1:4")
    result = compress(trained, digits[0], method="magnitude", pattern="1:4", fine_tune=tune)
    assert accuracy(result.network, digits) > accuracy(plain.network, digits)
    assert sum(tune.flips_) > 0
    for layer in result.network.layers():
        groups = (layer.weight != 0).reshape(len(layer.weight), -1, 4).sum(axis=2)
        assert groups.max() == 1
        np.testing.assert_array_equal(layer.weight[~result.masks[layer.name]], 0.0)
        assert result.masks[layer.name].sum() == layer.weight.size // 4


def test_decay_makes_patterns_settle(trained, digits):
    """Without decay of the weights outside, masks flip on and on; the decay is what lets them come to rest."""
    flips = []
    for decay in (0.0, 0.05):
        tune = FineTune(*digits, epochs=2, lr=1e-3, pattern="1:4", decay=decay)
        network = as_network(trained)
        tune(network, {layer.name: NM(1, 4).mask(layer.weight**2, 0) for layer in network.layers()})
        flips.append(tune.flips_[-1])
    assert flips[1] < flips[0]


def test_groups_of_a_convolution_embeddings_and_half_precision_train_too():
    model = nn.Sequential(nn.Embedding(6, 4), nn.Conv1d(4, 4, 2, groups=2), nn.Flatten(), nn.Linear(12, 3))
    network = as_network(model)
    masks = {l.name: np.random.default_rng(0).random(l.weight.shape) < 0.5 for l in network.layers()}
    assert list(masks) == ["0", "1.group0", "1.group1", "3"]
    words, y = np.random.default_rng(1).integers(0, 6, (40, 4)), np.arange(40) % 3
    FineTune(words, y, epochs=2)(network, masks)
    for layer in network.layers():
        np.testing.assert_array_equal(layer.weight != 0, masks[layer.name])
    half = as_network(nn.Linear(4, 3).to(torch.bfloat16))
    FineTune(torch.rand(20, 4).to(torch.bfloat16), torch.arange(20) % 3, epochs=1)(half, {"": np.eye(3, 4) > 0})
    np.testing.assert_array_equal(half.layers()[0].weight != 0, np.eye(3, 4) > 0)


def test_bad_calls(trained, digits):
    for options, message in [
        (dict(epochs=0), "epochs must be"), (dict(lr=0.0), "lr must be"), (dict(loss="hinge"), "loss must be"),
        (dict(pattern="block"), "pattern must be None or N:M"), (dict(decay=-1.0), "decay must be"),
        (dict(n_threads=0), "n_threads must be"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            FineTune(*digits, **options)
    network = as_network(trained)
    with pytest.raises(InvalidProblemError, match="needs targets y"):
        FineTune(digits[0])(network, {})
    with pytest.raises(InvalidProblemError, match="X has 1797 samples, y has 3"):
        FineTune(digits[0], digits[1][:3])(network, {})
    with pytest.raises(InvalidProblemError, match="3 does not divide the 64 inputs of layer '0'"):
        FineTune(*digits, pattern="1:3")(network, {"0": np.ones((32, 64), dtype=bool)})
    with pytest.raises(InvalidProblemError, match="no batches"):
        FineTune(iter([]))(network, {})
    with pytest.raises(InvalidProblemError, match="the loss became .*smaller lr"):
        FineTune(*digits, loss=lambda outputs, targets: outputs.sum() * float("nan"))(network, {})
    assert network.model.training
    with pytest.raises(TypeError, match="trains torch models, got a NumpyNetwork"):
        compress([(np.eye(4), None, None)], np.eye(4), sparsity=0.5, fine_tune=FineTune(*digits))
