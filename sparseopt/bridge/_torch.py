"""The one place that imports torch, when it is needed."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..exceptions import MissingDependencyError


@cache
def load_torch() -> Any:
    """Return torch, or raise MissingDependencyError with the command that installs it."""
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError(
            'pip install "sparseopt[bridge]"  (without a GPU: first  '
            "pip install torch --index-url https://download.pytorch.org/whl/cpu)"
        ) from error
    return torch
