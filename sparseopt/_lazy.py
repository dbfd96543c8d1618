"""Names of a package whose modules are imported when a name is first used, so that one fit does not pay for all."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from importlib import import_module

from ._suggest import suggestion


def lazy_names(
    namespace: dict, names: Mapping[str, str], modules: Mapping[str, str] | None = None, first: str | None = None
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
    first : str, optional
        A large foreign module that all of `names` need, see `import_large`.
    """
    package, modules = namespace["__name__"], modules or {}

    def load(name: str) -> object:
        if name in namespace:  # asked for by a function of the package
            return namespace[name]
        if name in names:
            if first is not None and first not in sys.modules:
                import_large(first)
            value = getattr(import_module(names[name], package), name)
        elif name in modules:
            value = import_module(modules[name], package)
        else:
            hint = "" if name.startswith("_") else suggestion(name, [*names, *modules])
            message = f"module {package!r} has no attribute {name!r}{hint}"
            raise AttributeError(message)
        namespace[name] = value
        return value

    return load


def import_large(module: str) -> None:
    """Import a module of very many objects, in about four fifths of the time.

    They all stay, so the garbage collector has nothing to find among them: it rests, and takes them for old without
    looking at them. And the import starts here, with few calls on the stack: frames lie in pieces of 16 kB, and
    a loop that calls across the end of a piece maps and unmaps memory each time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        __import__(module)
    finally:
        if enabled:
            if gc.get_freeze_count() == 0:  # else someone has frozen objects, and must find them so
                gc.freeze()
                gc.unfreeze()
            gc.enable()
