"""Names of a package whose modules are imported when a name is first used, so that one fit does not pay for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(
    namespace: dict, names: Mapping[str, str], modules: Mapping[str, str] | None = None
) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a package.

    Parameters
    ----------
    namespace : dict
        ``globals()`` of the package.
    names : mapping
        The module where each name lives, relative to the package where it begins with a dot.
    modules : mapping, optional
        The same for names that stand for a whole module.
    """
    package, modules = namespace["__name__"], modules or {}

    def load(name: str) -> object:
        if name in namespace:  # asked for by a function of the package
            return namespace[name]
        if name in names:
            value = getattr(import_module(names[name], package), name)
        elif name in modules:
            value = import_module(modules[name], package)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        namespace[name] = value
        return value

    return load
