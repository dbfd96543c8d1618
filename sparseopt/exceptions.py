"""All errors of the package, and scikit-learn's convergence warning.

Each error is also one of Python's own, so that ``except ValueError`` works as expected. Messages say what is wrong,
the actual values, and what to do.
"""

from sklearn.exceptions import ConvergenceWarning

__all__ = [
    "ConvergenceWarning",
    "DivergenceError",
    "IncompatibleError",
    "InvalidProblemError",
    "MissingDependencyError",
    "RankMismatchError",
    "SparseOptError",
]


class SparseOptError(Exception):
    """Base of all errors of the package."""


class InvalidProblemError(SparseOptError, ValueError):
    """Data or parameters are out of range or contradict each other."""


class IncompatibleError(SparseOptError, TypeError):
    """Solver, loss, penalty and design do not go together; the message lists what would."""


class DivergenceError(SparseOptError, ArithmeticError):
    """An objective or a state became non-finite."""


class RankMismatchError(SparseOptError, RuntimeError):
    """State that should be the same on all MPI ranks differs."""


class MissingDependencyError(SparseOptError, ImportError):
    """An optional dependency is not installed; the message is the pip command."""
