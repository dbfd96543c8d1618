"""Channels: the model, the estimator on and off the grid, measures of quality, bad input."""

import pickle
import warnings

import numpy as np
import pytest
from sbl_oracles import decibel, dense_posterior, kron
from scipy.optimize import check_grad
from sklearn.base import clone

import sparseopt as so
from sparseopt.channel.geometry import Manifold
from sparseopt.channel.offgrid import evidence_gradient, merge_close, refine_angles

ch = so.channel


def quiet_fit(*data, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", so.ConvergenceWarning)
        return ch.IRSChannelEstimator(**options).fit(*data)


def test_steering_vectors():
    a = ch.steering_vector(16, [0.3, -0.7])
    np.testing.assert_allclose(np.linalg.norm(a, axis=0), 1.0)
    np.testing.assert_allclose(a[1] / a[0], np.exp(1j * np.pi * np.array([0.3, -0.7])))
    np.testing.assert_allclose(ch.steering_vector(4, 0.5, spacing=1.0)[1] * 2, np.exp(1j * np.pi), atol=1e-15)
    grid = ch.angle_grid(16)
    A = ch.steering_vector(16, grid)
    np.testing.assert_allclose(A.conj().T @ A, np.eye(16), atol=1e-12)  # a full period: a Fourier basis


@pytest.mark.parametrize("off_grid", [False, True])
def test_received_signals_are_the_kronecker_model(off_grid):
    """The tensor of all pilots is (Theta^T D x X^T conj(A_ms) x A_bs) applied to the path gains."""
    channel = ch.IRSChannel(off_grid=off_grid, random_state=3)
    Y, pilots, phases, _ = ch.simulate_pilots(channel, snr_db=300.0, random_state=4)
    n = np.arange(256)
    total = np.zeros(Y.shape, dtype=complex)
    scale = np.sqrt(6 * 256 / 3) * np.sqrt(16 * 256 / 3)
    aod = channel.angles["aod_ms"]
    for arrival, gain_ms in zip(channel.angles["aoa_irs"], channel.gains[0], strict=True):
        for angle, gain_bs in zip(channel.angles["aoa_bs"], channel.gains[1], strict=True):
            difference = (channel.angles["aod_irs"] - arrival)[0]
            parts = [
                phases.T @ np.exp(-1j * np.pi * n * difference) / 256,
                pilots.T @ ch.steering_vector(6, aod).conj()[:, 0],
                ch.steering_vector(16, angle),
            ]
            total += scale * gain_ms * gain_bs * kron([p[:, None] for p in parts]).reshape(Y.shape)
    np.testing.assert_allclose(Y, total, atol=1e-9 * np.abs(Y).max())


def test_simulation_is_seeded_and_has_the_noise_it_says():
    channel = ch.IRSChannel(random_state=0)
    first, again = (ch.simulate_pilots(ch.IRSChannel(random_state=0), random_state=1) for _ in range(2))
    np.testing.assert_array_equal(first.Y, again.Y)
    many = ch.simulate_pilots(channel, 40, 60, snr_db=7.0, random_state=2)
    clean = np.swapaxes(channel.response(many.phases) @ many.pilots, 1, 2)
    assert np.mean(np.abs(many.Y - clean) ** 2) == pytest.approx(many.noise_variance, rel=0.02)
    assert np.mean(np.abs(clean) ** 2) / many.noise_variance == pytest.approx(10**0.7)
    np.testing.assert_allclose(np.linalg.norm(many.pilots, axis=0), 1.0)
    for kind in ("binary", "phase"):
        np.testing.assert_allclose(np.linalg.norm(ch.irs_configurations(64, 3, kind=kind), axis=0), 1.0)
    assert [len(s) for s in channel.support] == [3, 1, 3]


def errors(snr, draws=20, slots=3, configurations=6, known=True, **options):
    """Aggregated errors; pilots and configurations are drawn anew every ten channels."""
    out = []
    for t in range(draws):
        pilots = ch.pilot_symbols(6, slots, random_state=900 + t // 10)
        phases = ch.irs_configurations(256, configurations, random_state=950 + t // 10)
        channel = ch.IRSChannel(random_state=7000 + t)
        data = ch.simulate_pilots(channel, snr_db=snr, pilots=pilots, phases=phases, random_state=t)
        noise = data.noise_variance if known else None
        model = quiet_fit(*data[:3], noise_variance=noise, **options)
        out.append(ch.nmse(model.predict_channel(phases), channel.response(phases)))
    return np.array(out)


@pytest.mark.parametrize("snr, limit", [(4.0, -15.5), (12.0, -23.5), (20.0, -32.0)])
def test_accuracy_on_the_published_setting(snr, limit):
    assert decibel(errors(snr).mean()) <= limit


@pytest.mark.parametrize("snr, limit", [(4.0, -17.0), (12.0, -25.0), (20.0, -34.0)])
def test_accuracy_of_the_decomposed_solver(snr, limit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert decibel(np.median(errors(snr, known=False, solver="decompose"))) <= limit


def test_learned_noise_and_coupling():
    assert decibel(errors(12.0, draws=10, known=False).mean()) <= -23.0
    assert decibel(errors(12.0, draws=10, coupling=(0.8, None, 0.8)).mean()) <= -23.5


def test_configurations_never_seen():
    channel = ch.IRSChannel(random_state=2)
    data = ch.simulate_pilots(channel, 4, 10, snr_db=25.0, random_state=3)
    model = quiet_fit(*data[:3])
    phases = ch.irs_configurations(256, 30, kind="phase", random_state=9)
    assert model.predict_channel(phases).shape == (30, 16, 6)
    assert ch.nmse(model.predict_channel(phases), channel.response(phases)) < 1e-3
    assert model.score(channel.response(phases), phases) > 30.0
    for name, truth in [
        ("irs", channel.angles["irs"]),
        ("ms", channel.angles["aod_ms"]),
        ("bs", channel.angles["aoa_bs"]),
    ]:
        np.testing.assert_allclose(np.sort(model.angles_[name]), np.sort(truth), atol=1e-12)


def test_gradient_of_the_evidence_by_angles_variances_and_noise():
    rng = np.random.default_rng(0)
    manifolds = [Manifold(rng.standard_normal((4, 9)), -1, 0.5, 0.3), Manifold(np.eye(5), 1, 0.5, 0.4)]
    angles, Y = [np.array([0.1, 0.5]), np.array([-0.3, 0.2, 0.6])], rng.standard_normal((2, 4, 5)) + 1j

    def cost(x):
        gamma = [np.exp(x[5:7]), np.exp(x[7:10])]
        H = [m.atoms(a) for m, a in zip(manifolds, (x[:2], x[2:5]), strict=True)]
        return evidence_gradient(H, gamma, np.exp(x[10]), Y), H, gamma

    def gradient(x):
        (_, forces, by_noise), H, gamma = cost(x)
        D = [m.derivatives(a) for m, a in zip(manifolds, (x[:2], x[2:5]), strict=True)]
        angle = [
            2 * g * np.sum(d.conj() * (F @ h), axis=0).real for g, d, F, h in zip(gamma, D, forces, H, strict=True)
        ]
        variance = [g * np.sum(h.conj() * (F @ h), axis=0).real for g, F, h in zip(gamma, forces, H, strict=True)]
        return np.concatenate([*angle, *variance, [np.exp(x[10]) * by_noise]])

    x = np.concatenate([*angles, rng.standard_normal(6) * 0.3])
    (value, _, _), H, gamma = cost(x)
    assert value == pytest.approx(dense_posterior(H, gamma, np.exp(x[10]), Y.reshape(2, -1))[2], rel=1e-10)
    assert check_grad(lambda v: cost(v)[0][0], gradient, x) < 1e-4 * np.linalg.norm(gradient(x))


def single_factor(seed, snr):
    """Three sources on an array of 16 elements, at least 0.3 apart: the setting of the specification."""
    rng = np.random.default_rng(seed)
    true = np.sort(rng.uniform(-0.8, -0.3) + np.cumsum([0.0, *rng.uniform(0.3, 0.5, 2)]))
    gains = np.exp(2j * np.pi * rng.uniform(size=3))
    clean = ch.steering_vector(16, true) @ gains
    s2 = np.mean(np.abs(clean) ** 2) / 10 ** (snr / 10)
    return true, clean + np.sqrt(s2 / 2) * (rng.standard_normal(16) + 1j * rng.standard_normal(16)), s2


def test_off_grid_angles_of_one_array():
    on, off = [], []
    manifold, grid = Manifold(np.eye(16), 1, 0.5, 0.25), -1 + (2 * np.arange(50) + 1) / 50
    for seed in range(30):
        true, y, s2 = single_factor(seed, 25.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", so.ConvergenceWarning)
            model = so.KroneckerSBL(noise_variance=s2).fit([manifold.atoms(grid)], y)
        from sparseopt.channel.offgrid import solve_off_grid

        g, s = model.gamma_[0], model.support_[0]
        angles, result = solve_off_grid(
            [manifold], [grid[s]], [g[s]], s2, y[None], [0.04], [2.0], dict(noise_variance=s2)
        )
        for place, power, out in ((grid[s], g[s], on), (angles[0], result.gamma[0][result.support[0]], off)):
            nearest = [place[np.abs(place - t) < 0.1][np.argmax(power[np.abs(place - t) < 0.1])] for t in true]
            out.append(np.mean((np.array(nearest) - true) ** 2))
    assert np.median(off) <= 5e-6
    assert np.median(on) >= 5e-5


def test_off_grid_channels():
    """At 25 dB the angles are at least five times as exact as half a step of the grid."""
    angle_errors, gains = {"ms": [], "bs": [], "irs": []}, []
    for seed in range(6):
        channel = ch.IRSChannel(off_grid=True, random_state=seed)
        data = ch.simulate_pilots(channel, 6, 20, snr_db=25.0, kind="phase", random_state=seed)
        options = dict(grid=(256, 18, 18), noise_variance=data.noise_variance)
        truth = channel.response(data.phases)
        on, off = (quiet_fit(*data[:3], off_grid=flag, **options) for flag in (False, True))
        gains.append([ch.nmse(m.predict_channel(data.phases), truth) for m in (on, off)])
        for name, true in [("ms", "aod_ms"), ("bs", "aoa_bs"), ("irs", "irs")]:
            found = off.angles_[name]
            angle_errors[name] += [np.min(np.abs((found - a + 1) % 2 - 1)) for a in channel.angles[true]]
    assert np.median(angle_errors["ms"]) <= (1 / 18) / 5
    assert np.median(angle_errors["bs"]) <= (1 / 18) / 5
    assert np.median(angle_errors["irs"]) <= (1 / 256) / 5
    assert decibel(np.median(gains, axis=0)[1]) <= decibel(np.median(gains, axis=0)[0]) - 5.0


def test_refined_angles_never_worsen_the_evidence():
    manifold, grid = Manifold(np.eye(16), 1, 0.5, 0.25), ch.angle_grid(20)
    for seed in range(10):
        _, y, s2 = single_factor(seed, 15.0)
        at = np.arange(6, 16, 2)
        gamma = [np.ones(5)]
        before = evidence_gradient([manifold.atoms(grid[at])], gamma, s2, y[None])[0]
        for learn in (False, True):
            angles, g, noise = refine_angles([manifold], [grid[at]], gamma, s2, y[None], [0.1], learn)
            assert evidence_gradient([manifold.atoms(angles[0])], g, noise, y[None])[0] <= before
            assert np.all(np.abs(angles[0] - grid[at]) <= 0.1 + 1e-12) and (noise == pytest.approx(s2) or learn)


def test_merging_is_periodic_and_keeps_the_variance():
    angles, gamma = merge_close(np.array([-0.999, 0.0, 0.001, 0.999]), np.array([2.0, 1.0, 3.0, 1.0]), 0.01, 2.0)
    np.testing.assert_allclose(angles, [-0.999, 0.001])
    np.testing.assert_allclose(gamma, [3.0, 4.0])


def test_users_in_one_call():
    pilots, phases = ch.pilot_symbols(6, 4, random_state=0), ch.irs_configurations(256, 10, random_state=0)
    options = dict(pilots=pilots, phases=phases, snr_db=15.0)
    data = [ch.simulate_pilots(ch.IRSChannel(random_state=t), random_state=t, **options) for t in range(5)]
    together = quiet_fit(np.stack([d.Y for d in data]), pilots, phases)
    H = together.predict_channel(phases)
    assert H.shape == (5, 10, 16, 6) and together.noise_variance_.shape == (5,)
    for t, d in enumerate(data):
        alone = quiet_fit(d.Y, pilots, phases).predict_channel(phases)
        np.testing.assert_allclose(H[t], alone, rtol=1e-9, atol=1e-9 * np.abs(alone).max())


@pytest.mark.parametrize("off_grid", [False, True])
def test_noise_of_each_user(off_grid):
    pilots, phases = ch.pilot_symbols(6, 4, random_state=0), ch.irs_configurations(256, 10, random_state=0)
    data = [ch.simulate_pilots(ch.IRSChannel(random_state=t), pilots=pilots, phases=phases, snr_db=5.0 + 10.0 * t,
                               random_state=t) for t in range(2)]  # fmt: skip
    noise = np.array([d.noise_variance for d in data])
    Y = np.stack([d.Y for d in data])
    together = quiet_fit(Y, pilots, phases, noise_variance=noise, off_grid=off_grid)
    np.testing.assert_allclose(together.noise_variance_, noise)
    for i, d in enumerate(data):
        alone = quiet_fit(d.Y, pilots, phases, noise_variance=noise[i], off_grid=off_grid)
        np.testing.assert_allclose(together.gains_[i], alone.gains_, rtol=1e-6, atol=1e-9)
    with pytest.raises(ValueError, match="each of the 2 users"):
        quiet_fit(Y, pilots, phases, noise_variance=[0.1, 0.2, 0.3])


def test_nothing_received():
    pilots, phases = ch.pilot_symbols(6, 3, random_state=0), ch.irs_configurations(256, 4, random_state=0)
    for off_grid in (False, True):
        model = ch.IRSChannelEstimator(off_grid=off_grid).fit(np.zeros((4, 3, 16)), pilots, phases)
        assert np.all(model.predict_channel(phases) == 0) and model.noise_variance_ > 0


def test_scores_of_estimates():
    rng = np.random.default_rng(0)
    H = rng.standard_normal((3, 4, 2)) + 1j * rng.standard_normal((3, 4, 2))
    assert ch.nmse(H, H) == 0.0 and ch.nmse(0 * H, H) == 1.0
    np.testing.assert_allclose(ch.nmse(2 * H, H, aggregated=False), 1.0)
    assert ch.nmse(np.ones(2), np.zeros(2)) == np.inf and ch.nmse(np.zeros(2), np.zeros(2)) == 0.0
    assert ch.support_recovery_rate([0.0, 1.0, 1e-4], [1.0, 1.0, 0.0]) == 0.5
    assert ch.support_recovery_rate([0.0], [0.0]) == 1.0
    assert ch.symbol_error_rate(H, H, snr_db=30.0, random_state=0) == 0.0
    coin = ch.symbol_error_rate(H, H, snr_db=-40.0, n_symbols=20_000, random_state=0)
    assert coin == pytest.approx(0.75, abs=0.02)
    two = ch.symbol_error_rate(H, H, snr_db=4.0, order=2, n_symbols=200_000, random_state=0)
    from scipy.stats import norm

    assert two == pytest.approx(norm.sf(np.sqrt(2 * 10**0.4)), rel=0.05)
    singular = np.linalg.svd(H, compute_uv=False)[:, 0]
    power = np.mean(np.abs(H) ** 2)
    best = np.mean(np.log2(1 + 10 * singular**2 / power))
    assert ch.spectral_efficiency(H, H, snr_db=10.0) == pytest.approx(best)
    assert ch.spectral_efficiency(rng.standard_normal(H.shape), H, snr_db=10.0) < best


Y0, X0, T0 = np.ones((4, 3, 16), complex), np.ones((6, 3)), np.ones((32, 4))


@pytest.mark.parametrize(
    "data, error, text",
    [
        ((np.ones((4, 2, 16)), X0, T0), ValueError, r"Y must have shape \(4, 3, n_bs\).*\(4, 2, 16\)"),
        ((np.ones(192), X0, T0), ValueError, "Y must have shape"),
        ((Y0[:, :, :0], X0, T0), ValueError, "Y must have shape"),
        ((np.full((4, 3, 16), np.nan), X0, T0), ValueError, "Y contains NaN"),
        ((Y0, np.ones(6), T0), ValueError, "pilots must be two-dimensional"),
        ((Y0, X0, np.full((32, 4), np.inf)), ValueError, "phases contains"),
        ((Y0, X0, np.ones((0, 4))), ValueError, "phases must be"),
        ((Y0, [["a"]], T0), ValueError, "pilots must hold"),
    ],
)
def test_bad_data(data, error, text):
    with pytest.raises(error, match=text):
        ch.IRSChannelEstimator().fit(*data)


@pytest.mark.parametrize(
    "name, value, error",
    [("grid", 0, ValueError), ("grid", (18, 18), ValueError), ("grid", 1.5, TypeError), ("off_grid", 1, TypeError),
     ("spacing", 0.0, ValueError), ("noise_variance", -1.0, ValueError), ("solver", "x", ValueError),
     ("coupling", (0.5, 0.5), ValueError)],
)  # fmt: skip
def test_bad_parameters(name, value, error):
    with pytest.raises(error, match="n must be" if value in (0, 1.5) and name == "grid" else name):
        ch.IRSChannelEstimator(**{name: value}).fit(Y0, X0, T0)


def test_bad_simulations():
    channel = ch.IRSChannel(random_state=0)
    for call, text in [
        (lambda: ch.IRSChannel(n_ms=0), "n_ms"), (lambda: ch.IRSChannel(n_paths=19), "n_paths"),
        (lambda: channel.response(np.ones((5, 2))), r"\(256, K\), got \(5, 2\)"),
        (lambda: ch.simulate_pilots(channel, pilots=np.ones((5, 3))), "pilots"),
        (lambda: ch.simulate_pilots(channel, kind="x"), "kind"), (lambda: ch.steering_vector(0, 0.1), "n_elements"),
        (lambda: ch.nmse([1.0], [1.0, 2.0]), "shapes differ"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=text):
            call()
    with pytest.raises(ValueError, match="256 rows"):
        quiet_fit(*ch.simulate_pilots(channel, random_state=0)[:3]).predict_channel(np.ones((5, 1)))


def test_the_estimator_can_be_cloned_and_pickled():
    data = ch.simulate_pilots(ch.IRSChannel(random_state=0), random_state=0)
    model = clone(ch.IRSChannelEstimator(grid=(20, 18, 18), noise_variance=data.noise_variance))
    model = pickle.loads(pickle.dumps(model.fit(*data[:3])))
    assert model.predict_channel(data.phases).shape == (6, 16, 6) and repr(model)
