"""Intervals of what a number of draws can tell."""

import importlib.util

import numpy as np
import pytest

from sparseopt.cli.bench_suite import locate


@pytest.fixture(scope="module")
def reported():
    path = locate.find_root() / "common" / "reported.py"
    spec = importlib.util.spec_from_file_location("reported_for_tests", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("scale, statistic", [("log", np.mean), ("log", np.median), ("rate", np.mean)])
def test_a_report_of_the_same_experiment_is_within_nine_times_of_ten(reported, scale, statistic):
    rng, inside, runs = np.random.default_rng(1), 0, 300
    for _ in range(runs):
        ours, theirs = (rng.beta(2.0, 3.0, n) if scale == "rate" else rng.lognormal(0.0, 1.0, n) for n in (60, 100))
        options = dict(scale=scale, statistic=statistic, draws=200)
        inside += reported.compare(ours, statistic(theirs), 100, **options)[3]
    assert 0.82 <= inside / runs <= 0.96  # medians of few draws are a little coarse


def test_values_that_do_not_vary_allow_only_themselves(reported):
    assert reported.compare([0.0] * 20, 0.0, 50, scale="rate") == (0.0, 0.0, 0.0, True)
    assert not reported.compare([0.0] * 20, 0.06, 50, scale="rate")[3]
    assert reported.compare([2.0] * 20, 2.0, 50)[1:] == (2.0, 2.0, True)


def test_cells_and_their_count(reported):
    cells = [reported.cell([2.0] * 5, value, 50, str) for value in (2.0, 3.0)]
    assert cells == ["2.0; 2.0 [2.0, 2.0]", "3.0; 2.0 [2.0, 2.0] **outside**"]
    assert reported.count([["a", "am", c] for c in cells], 1) == ["together", "all", "1 of 2 within"]


def test_differences_are_of_the_same_draws(reported):
    theirs = np.random.default_rng(0).lognormal(0.0, 2.0, 50)
    np.testing.assert_allclose(reported.difference(theirs / 10.0, theirs), (-10.0, -10.0, -10.0), atol=1e-9)
