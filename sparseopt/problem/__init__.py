"""What is minimised: designs, losses, penalties, and the problem they make. Facts, no algorithms."""

from ._problem import Problem

__all__ = ["Problem"]
