"""Which estimators there are, by name."""

from __future__ import annotations

import inspect

from .._suggest import suggestion
from .failures import WrongUse


def estimator_names() -> list[str]:
    """Public estimators, sorted."""
    return sorted(_classes())


def estimator_class(name: str) -> type:
    """The class of that name, or one line that says which names there are."""
    classes = _classes()
    if name in classes:
        return classes[name]
    raise WrongUse(
        f"unknown estimator {name!r}{suggestion(name, classes)}; known: {_listed(classes)}"
    )


def cv_sibling(name: str) -> type | None:
    """The class that chooses this estimator's strength by cross-validation, if there is one."""
    return _classes().get(f"{name}CV")


def _listed(names) -> str:
    return ", ".join(sorted(names))


def _classes() -> dict[str, type]:
    from sparseopt import estimators

    public = {name: getattr(estimators, name) for name in estimators.__all__}
    return {name: c for name, c in public.items() if inspect.isclass(c) and _is_linear_model(c)}


def _is_linear_model(kind: type) -> bool:
    """Whether it is fitted to a table and predicts from `coef_` and `intercept_`: what a model file can hold."""
    from sklearn.base import ClassifierMixin, RegressorMixin

    fit = getattr(kind, "fit", None)
    if fit is None or not issubclass(kind, ClassifierMixin | RegressorMixin):
        return False
    first = list(inspect.signature(fit).parameters)[1:3]
    described = inspect.getdoc(kind) or ""
    return first == ["X", "y"] and "coef_" in described and "intercept_" in described
