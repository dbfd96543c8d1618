"""Bad parameters: one clear error that names the parameter and its value, before any work."""

import re

import numpy as np
import pytest
from estimator_oracles import CROSS_VALIDATED, EVERY, SINGLE, make_data

NAN, INF = float("nan"), float("inf")
ROTTEN = np.full((60, 90), NAN)  # would be refused too: parameters come first


def names(error, parameter, value):
    """The message says which parameter, and shows the value."""
    message = str(error)
    assert re.search(rf"\b{parameter}\b", message), message
    assert "\n" not in message
    if value is not None:
        assert str(value) in message, message


# parameter, value, error, what of the value the message must show
COMMON = [
    *[("tol", v, ValueError, v) for v in (-1e-3, NAN, INF, -INF)],
    *[("tol", v, TypeError, repr(v)) for v in ("a", None, True, [1e-6], 1j)],
    *[("max_iter", v, ValueError, v) for v in (0, -5)],
    *[("max_iter", v, TypeError, repr(v)) for v in (1.5, "10", None, True, NAN)],
    *[("n_threads", v, ValueError, v) for v in (0, -2)],
    *[("n_threads", v, TypeError, repr(v)) for v in (1.5, "2", True)],
    *[("verbose", v, ValueError, v) for v in (-1,)],
    *[("verbose", v, TypeError, repr(v)) for v in ("yes", None, 0.5)],
    *[("fit_intercept", v, TypeError, repr(v)) for v in ("yes", None, 1, [True])],
    *[("positive", v, TypeError, repr(v)) for v in ("no", None, 0)],
]
ALPHA = [
    *[("alpha", v, ValueError, v) for v in (0, 0.0, -0.0, -1.0, NAN, INF, -INF, np.float64(0.0), np.float32(-2.0))],
    *[("alpha", v, TypeError, repr(v)) for v in ("a", None, True, [1.0], 1j, np.True_)],
    ("warm_start", "yes", TypeError, "'yes'"),
    ("warm_start", None, TypeError, "None"),
    *[("solver", v, ValueError, repr(v)) for v in ("newton_raphson", "", None, 3)],
    ("solver", ["auto"], (TypeError, ValueError), "['auto']"),
]
L1_RATIO = [
    *[("l1_ratio", v, ValueError, v) for v in (0.0, 0, -0.1, 1.0001, NAN, INF)],
    *[("l1_ratio", v, TypeError, repr(v)) for v in ("a", None, True)],
]
L1_RATIO_LIST = [
    ("l1_ratio", [], ValueError, "[]"),
    ("l1_ratio", [0.5, 0.0], ValueError, "0.0"),
    ("l1_ratio", [0.5, NAN], ValueError, "nan"),
    ("l1_ratio", [0.5, "a"], (TypeError, ValueError), "a"),
    ("l1_ratio", [[0.5, 0.7]], (TypeError, ValueError), "0.7"),
]
GRID = [
    ("alphas", [], ValueError, None),
    ("alphas", [0.1, 1.0], ValueError, "0.1"),
    ("alphas", [1.0, 0.1, 0.5], ValueError, "0.5"),
    ("alphas", [1.0, 1.0], ValueError, "1.0"),
    ("alphas", [1.0, -0.5], ValueError, "-0.5"),
    ("alphas", [1.0, 0.0], ValueError, "0.0"),
    ("alphas", [NAN, 1.0], ValueError, "nan"),
    ("alphas", [INF, 1.0], ValueError, "inf"),
    ("alphas", [[1.0], [0.5]], ValueError, "(2, 1)"),
    ("alphas", 1.0, ValueError, None),
    ("alphas", "auto", (TypeError, ValueError), "auto"),
    ("alphas", ["a", "b"], (TypeError, ValueError), "a"),
    ("alphas", [1.0, 1j], (TypeError, ValueError), None),
    ("alphas", [1.0, None], (TypeError, ValueError), None),
    *[("n_alphas", v, ValueError, v) for v in (0, -3)],
    *[("n_alphas", v, TypeError, repr(v)) for v in (2.5, "10", None, True)],
    *[("eps", v, ValueError, v) for v in (0.0, -1e-3, 1.0, 2.0, NAN, INF)],
    *[("eps", v, (TypeError, ValueError), repr(v)) for v in ("a", True, [1e-3])],
    *[("selection_rule", v, ValueError, repr(v)) for v in ("max", "", None, 1, ["min"])],
]
CV = [
    ("cv", 61, ValueError, "61"),
    ("cv", 1, ValueError, "1"),
    ("cv", 0, ValueError, "0"),
    ("cv", -2, ValueError, "-2"),
    ("cv", "five", (TypeError, ValueError), "five"),
    ("cv", 2.5, (TypeError, ValueError), "2.5"),
    ("cv", [], ValueError, "[]"),
    ("cv", [(np.arange(30), np.arange(50, 70))], ValueError, None),
    ("cv", [(np.arange(0), np.arange(30))], ValueError, None),
    ("cv", [(np.arange(30), np.arange(0))], ValueError, None),
    ("cv", [3, 4], (TypeError, ValueError), None),
]
WEIGHTS = [
    ("weights", np.ones(89), ValueError, "89"),
    ("weights", np.ones((90, 1)), ValueError, "(90, 1)"),
    ("weights", [], ValueError, "0"),
    ("weights", 2.0, ValueError, None),
    ("weights", np.r_[-1.5, np.ones(89)], ValueError, "-1.5"),
    ("weights", np.r_[np.ones(89), NAN], ValueError, "nan"),
    ("weights", np.r_[np.ones(89), -INF], ValueError, "-inf"),
    ("weights", ["a"] * 90, (TypeError, ValueError), None),
    ("weights", "uniform", (TypeError, ValueError), "uniform"),
    ("weights", np.ones(90, dtype=complex), (TypeError, ValueError), "complex"),
    ("weights", [None] * 90, (TypeError, ValueError), None),
]


def cases():
    for name in sorted(EVERY):
        lists = [COMMON, WEIGHTS]
        if name in SINGLE:
            lists.append(ALPHA)
        else:
            lists += [GRID, CV]
        if name.startswith("elastic"):
            lists.append(L1_RATIO)
        if name == "elastic_net_cv":
            lists.append(L1_RATIO_LIST)
        for group in lists:
            for k, (parameter, value, error, shown) in enumerate(group):
                text = re.sub(r"\s+", " ", repr(value))[:24]
                yield pytest.param(name, parameter, value, error, shown, id=f"{name}-{parameter}-{k}-{text}")


@pytest.mark.parametrize("name, parameter, value, error, shown", list(cases()))
def test_bad_parameter(name, parameter, value, error, shown):
    X, y = make_data()
    model = EVERY[name](**{parameter: value})  # constructors check nothing: scikit-learn's rule
    if name in CROSS_VALIDATED and parameter not in ("n_alphas", "alphas"):
        model.set_params(n_alphas=5)
    with pytest.raises(error) as caught:
        model.fit(X, y)
    names(caught.value, parameter, shown)
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("name", sorted(EVERY))
@pytest.mark.parametrize("parameter, value", [("tol", -1.0), ("max_iter", 0), ("n_threads", 0), ("fit_intercept", 2)])
def test_parameters_are_checked_before_the_data(name, parameter, value):
    with pytest.raises((TypeError, ValueError), match=parameter):
        EVERY[name](**{parameter: value}).fit(ROTTEN, np.ones(60))


def test_unknown_solver_lists_the_known():
    X, y = make_data()
    with pytest.raises(ValueError, match=r"solver must be one of .*auto.*working_set.*, got 'magic'"):
        SINGLE["lasso"](solver="magic").fit(X, y)


def test_alpha_zero_says_what_to_use_instead():
    X, y = make_data()
    with pytest.raises(ValueError, match=r"alpha.*0.*LinearRegression"):
        SINGLE["lasso"](0).fit(X, y)


def test_ratio_zero_says_what_to_use_instead():
    X, y = make_data()
    with pytest.raises(ValueError, match=r"l1_ratio.*0.*Ridge"):
        SINGLE["elastic_net"](l1_ratio=0).fit(X, y)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_numpy_numbers_are_numbers(name):
    X, y = make_data()
    parameters = dict(tol=np.float32(1e-6), max_iter=np.int32(50), n_threads=np.int64(1), verbose=np.int8(0))
    parameters |= dict(positive=np.False_, fit_intercept=np.True_)
    if name in SINGLE:
        parameters["alpha"] = np.float32(0.5)
    else:
        parameters |= dict(n_alphas=np.int16(5), eps=np.float32(0.1))
    assert np.all(np.isfinite(EVERY[name](**parameters).fit(X, y).coef_))


@pytest.mark.parametrize("name", sorted(EVERY))
def test_integer_parameters_that_mean_floats(name):
    X, y = make_data()
    EVERY[name](**({"alpha": 1} if name in SINGLE else {"alphas": [2, 1]}), tol=1).fit(X, y)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_failed_fit_leaves_the_last_one(name):
    """A notebook user mistypes a parameter: the fitted model must stay whole."""
    X, y = make_data()
    model = EVERY[name](**({"alpha": 0.1} if name in SINGLE else {"n_alphas": 5})).fit(X, y)
    before = model.predict(X)
    model.set_params(tol=-1.0)
    with pytest.raises(ValueError, match="tol"):
        model.fit(X[:, :40], y)
    np.testing.assert_array_equal(model.predict(X), before)
