"""Public name of :mod:`sparseopt.problem.losses`."""

from .problem.losses import *  # noqa: F403
from .problem.losses import __all__  # noqa: F401
