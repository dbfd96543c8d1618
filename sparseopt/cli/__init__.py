"""The command line: ``sparseopt`` or ``python -m sparseopt``."""

from .app import main

__all__ = ["main"]
