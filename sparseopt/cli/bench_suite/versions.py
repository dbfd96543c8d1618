"""Which version of what ran."""

import importlib
import importlib.metadata

from . import OURS


def version_of(distribution):
    """Installed version, or None."""
    try:
        return importlib.metadata.version(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None


def our_version():
    """The version of the code that runs, which may not be installed."""
    return importlib.import_module(OURS).__version__
