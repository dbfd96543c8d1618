"""The runner and the report behind ``sparseopt bench``; README.md here says how they fit."""

OURS = "sparseopt"
