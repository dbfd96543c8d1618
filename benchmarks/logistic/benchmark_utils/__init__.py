"""Code shared by the topics lives in benchmarks/common; benchopt imports it by this name."""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parents[2] / "common")]
