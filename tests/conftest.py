"""Settings shared by all tests."""

from hypothesis import settings

# examples are drawn from a fixed seed, so that a run is repeatable; no deadline, since machines are shared
settings.register_profile("repeatable", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("repeatable")
