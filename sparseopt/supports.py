"""Public name of :mod:`sparseopt.solvers.turbo_vbi.supports`."""

from .solvers.turbo_vbi.supports import *  # noqa: F403
from .solvers.turbo_vbi.supports import __all__  # noqa: F401
