"""Sparse optimization and statistics."""
