"""Public name of :mod:`sparseopt.problem.penalties`."""

from .problem.penalties import *  # noqa: F403
from .problem.penalties import __all__  # noqa: F401
