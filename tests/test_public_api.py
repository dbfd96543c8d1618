"""The public names and their parameters, frozen: a change shows as a difference of public_api.txt."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator

import sparseopt as so

FROZEN = Path(__file__).with_name("public_api.txt")
TAILS = (
    "", ".bridge", ".channel", ".datasets", ".designs", ".exceptions", ".losses", ".mpi", ".penalties", ".supports",
)  # fmt: skip
MODULES = tuple("sparseopt" + tail for tail in TAILS)


def signature(value):
    if inspect.isclass(value) and issubclass(value, BaseException):
        return ""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return ""
    star = False
    words = []
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            words.append("*")
            star = True
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        words.append(parameter.name + default)
    return f"({', '.join(words)})"


def current():
    lines = []
    for module in MODULES:
        loaded = importlib.import_module(module)
        for name in sorted(loaded.__all__):
            value = getattr(loaded, name)
            if inspect.ismodule(value) or isinstance(value, str):
                lines.append(f"{module}.{name}")
            else:
                lines.append(f"{module}.{name}{signature(value)}")
    return "\n".join(lines) + "\n"


def test_public_names_are_frozen():
    assert current() == FROZEN.read_text(), "the public interface changed: if on purpose, update tests/public_api.txt"


def public_objects():
    for module in MODULES:
        loaded = importlib.import_module(module)
        for name in loaded.__all__:
            value = getattr(loaded, name)
            if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__.startswith("sparseopt"):
                yield pytest.param(value, id=f"{module}.{name}")


@pytest.mark.parametrize("value", list(public_objects()))
def test_public_objects_are_documented(value):
    text = inspect.getdoc(value) or ""
    assert len(text.splitlines()[0]) > 10
    if inspect.isclass(value) and issubclass(value, BaseException):
        return
    if value.__module__.startswith(("sparseopt.estimators", "sparseopt.solvers", "sparseopt.problem")):
        plain = ("Design", "PathResult", "CscDesign", "DenseDesign")
        assert ">>> " in text or inspect.isabstract(value) or value.__name__ in plain
    names = [p for p in inspect.signature(value).parameters if p not in ("self", "args", "kwargs")]
    for name in names:
        assert name in text, f"parameter {name} is not documented"


def test_every_estimator_can_be_built_with_no_arguments():
    estimators = [
        value for value in map(lambda name: getattr(so, name), so.__all__)
        if inspect.isclass(value) and issubclass(value, BaseEstimator)
    ]  # fmt: skip
    assert len(estimators) > 20
    for value in (*estimators, so.channel.IRSChannelEstimator):
        assert value().get_params() is not None


def test_constructors_are_keyword_only_after_the_first():
    for name in ("Lasso", "ElasticNet", "LassoCV", "ElasticNetCV"):
        parameters = list(inspect.signature(getattr(so, name)).parameters.values())
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters[1:]), name
        getattr(so, name)()


def test_unknown_names_raise_and_dir_lists_the_public_ones():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = so.no_such_name
    assert set(dir(so)) == set(so.__all__)


def test_importing_an_estimator_is_light():
    script = (
        "import sys, sparseopt\n"
        "first = set(sys.modules)\n"
        "sparseopt.Lasso\n"
        "heavy = ['sklearn.linear_model', 'sklearn.model_selection', 'matplotlib', 'click', 'tqdm']\n"
        "heavy += ['torch', 'mpi4py']\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "print('sklearn' in first)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "False"]


def test_example_of_the_readme_runs():
    readme = Path(__file__).parents[1] / "README.md"
    blocks = readme.read_text().split("```python\n")[1:]
    scope = {}
    for block in blocks:
        exec(block.split("```")[0], scope)
    model, X, y = scope["model"], scope["X"], scope["y"]
    eta = X.to_numpy() @ model.coef_ + model.intercept_
    objective = 0.5 * np.mean((y - eta) ** 2) + model.alpha_ * np.abs(model.coef_).sum()
    assert objective == pytest.approx(model.objective_, rel=1e-9)
    assert scope["problem"].duality_gap(model.coef_) == pytest.approx(model.dual_gap_, abs=1e-9 * model.objective_)
