"""The design families of the comparison, as (label, generator, options, what the family is for)."""

import sparseopt as so

D = so.datasets
FAMILIES = {
    "gaussian": (D.make_autoregressive, {"rho": 0.0, "signal": "sign"}, "easy"),
    "toeplitz": (D.make_autoregressive, {}, "easy"),
    "near duplicates": (D.make_near_duplicates, {}, "easy"),
    "triples": (D.make_dependent_triples, {}, "easy"),
    "random walk": (D.make_random_walk, {}, "medium"),
    "common factor": (D.make_common_factor, {}, "medium"),
    "latent, signs": (D.make_latent_factors, {"signal": "sign"}, "easy"),
    "latent": (D.make_latent_factors, {}, "medium"),
    "latent, mixed scales": (D.make_latent_factors, {"own": (1e-6, 1.0)}, "hard"),
    "nested groups": (D.make_nested_groups, {}, "hard"),
    "multiscale": (D.make_multiscale, {}, "hard"),
    "tree": (D.make_tree_factors, {}, "hard"),
    "decaying spectrum": (D.make_decaying_spectrum, {}, "medium"),
}


def draw(family, seed, n=200, d=500, k=None, noise=0.5):
    """Return (X, y, signal, support) of one instance."""
    make, options, _ = FAMILIES[family]
    options = dict(options, **({} if k is None else {"n_nonzero": k}))
    X, y, coef = make(n, d, noise=noise, random_state=seed, **options)
    support = coef.nonzero()[0]
    return X, y, X[:, support] @ coef[support], support
