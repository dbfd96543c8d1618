"""
A channel over an intelligent surface, from eighteen pilots
===========================================================

A mobile station with 6 antennas, a surface with 256 elements and a base station with 16: every entry of what is
received mixes thousands of products. In the angles it is sparse, and the support is a product of three sets. Sparse
Bayesian learning finds the sets, and with them the channel for configurations of the surface that were never used.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparseopt as so

channel = so.channel.IRSChannel(random_state=6)
Y, pilots, phases, noise_variance = so.channel.simulate_pilots(
    channel, n_slots=3, n_configurations=6, snr_db=15, random_state=106
)
model = so.channel.IRSChannelEstimator(noise_variance=noise_variance).fit(Y, pilots, phases)
result = model.results_[0]
found, true = ([len(s) for s in support] for support in (result.support, channel.support))
print("received:", Y.shape, " support found:", found, " true:", true)

# %%
# Error against the noise, beside orthogonal matching pursuit on the same dictionary; medians of ten channels.

unseen = so.channel.irs_configurations(256, 30, random_state=7)
levels = np.arange(0, 26, 5)


def error(snr, seed, greedy):
    truth = so.channel.IRSChannel(random_state=seed)
    Y, pilots, phases, noise_variance = so.channel.simulate_pilots(truth, snr_db=snr, random_state=100 + seed)
    estimator = so.channel.IRSChannelEstimator(noise_variance=noise_variance).fit(Y, pilots, phases)
    if not greedy:
        return so.channel.nmse(estimator.predict_channel(unseen), truth.response(unseen))
    # pursuit on the same dictionaries: differences of cosines at the surface, cosines at the stations
    grid = so.channel.angle_grid(18)
    irs, ms, bs = (so.channel.steering_vector(n, a) for n, a in ((256, grid + 1.0), (6, grid), (16, grid)))
    pursuit = so.KroneckerOMP(noise_variance=noise_variance).fit([phases.T @ irs.conj(), pilots.T @ ms.conj(), bs], Y)
    gains = pursuit.coef_.reshape(18, 18, 18)
    guess = np.einsum("ka,mc,bd,acd->kbm", unseen.T @ irs.conj(), ms.conj(), bs, gains, optimize=True)
    return so.channel.nmse(guess, truth.response(unseen))


curves = {
    name: [np.median([error(snr, seed, greedy) for seed in range(10)]) for snr in levels]
    for name, greedy in (("sparse Bayesian learning", False), ("matching pursuit", True))
}

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
names = ("angle differences at the surface", "angles at the mobile station", "angles at the base station")
for k, (gamma, name) in enumerate(zip(result.gamma, names, strict=True)):
    left.vlines(np.arange(gamma.size), k, k + 0.85 * gamma / gamma.max(), color="tab:blue", lw=3)
    left.plot(channel.support[k], np.full(len(channel.support[k]), k - 0.07), "^", color="tab:orange", ms=6)
    left.text(18.5, k + 0.4, name, va="center", fontsize=9)
left.set(xlabel="grid point", yticks=[], xlim=(-1, 30), title="variances found, and the truth (triangles)")
for (name, values), color in zip(curves.items(), ("tab:blue", "0.5"), strict=True):
    right.plot(levels, 10 * np.log10(values), "o-", color=color, label=name)
right.set(xlabel="signal-to-noise ratio [dB]", ylabel="error on unseen configurations [dB]")
right.legend(frameon=False)
plt.show()
