"""Public name of :mod:`sparseopt.problem.design`."""

from .problem.design import *  # noqa: F403
from .problem.design import __all__  # noqa: F401
