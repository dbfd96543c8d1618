"""Smaller trained networks: every layer is a sparse regression on calibration data."""
