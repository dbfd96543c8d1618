"""The figures that judge by the objective: small runs, recomputed."""

import importlib.util

import numpy as np
import pytest

from sparseopt.cli.bench_suite import locate

ROOT = locate.find_root()


def load(topic, monkeypatch):
    path = ROOT / topic / "figure.py"
    spec = importlib.util.spec_from_file_location(f"{topic}_figure", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.syspath_prepend(str(ROOT))
    spec.loader.exec_module(module)
    compiled = ("skglm", "skglm, path")  # by numba, which takes longer than all of this
    monkeypatch.setattr(module, "SOLVERS", {k: v for k, v in module.SOLVERS.items() if k not in compiled})
    return module


def test_best_subset(monkeypatch, tmp_path):
    figure = load("best_subset", monkeypatch)
    setting = (80, 60, 0.5, 4, 5.0, 0)
    monkeypatch.setattr(figure, "QUICK", [setting])
    problem = figure.draw_problem(*setting)
    planted = problem["X"][:, problem["support"]]
    residual = problem["y"] - planted @ np.linalg.lstsq(planted, problem["y"], rcond=None)[0]
    rows = list(figure.compute(quick=True, repeats=1))
    by_name = {row["solver"]: row for row in rows}
    assert {"sparseopt", "OMP"} <= set(by_name)
    ours = by_name["sparseopt"]
    assert ours["mse"] <= np.mean(residual**2) * (1 + 1e-9) and ours["found"] == ours["n_nonzero"] == 4
    assert all(row["seconds"] > 0 and row["mse"] >= ours["mse"] * (1 - 1e-9) for row in rows)
    quality, *_ = figure.verdicts(rows)
    assert quality["ours"] == pytest.approx(ours["mse"]) and quality["ours"] <= quality["theirs"] * (1 + 1e-9)
    figure.draw(rows)["best_subset"].savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_nonconvex(monkeypatch, tmp_path):
    import sparseopt as so

    figure = load("nonconvex", monkeypatch)
    setting = (60, 80, 0.5, 5, 0.2, 0)
    monkeypatch.setattr(figure, "QUICK", [setting])
    rows = list(figure.compute(quick=True, repeats=1))
    assert [row["solver"] for row in rows] == ["sparseopt"]
    assert rows[0]["certificate"] <= 10 * figure.TOL and rows[0]["n_nonzero"] > 0
    problem = figure.draw_problem(*setting)
    coef = figure.by_sparseopt(problem).coef_
    penalty = so.penalties.MCP(problem["alpha"], figure.GAMMA)
    facts = so.Problem(problem["X"], problem["y"], penalty=penalty, fit_intercept=False)
    objective, violation = figure.judge(problem, coef)
    assert objective == pytest.approx(facts.objective(coef), rel=1e-12)
    assert violation * problem["alpha"] == pytest.approx(facts.violation(coef), abs=1e-12)
    assert figure.verdicts(rows) == []  # nobody to compare with
    figure.draw(rows)["nonconvex"].savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000
