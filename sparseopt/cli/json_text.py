"""Facts as JSON that every parser accepts."""

from __future__ import annotations

import json
import math

import numpy as np


def to_json(facts, indent: int | None = 2) -> str:
    """Encode facts; NaN and infinities, which JSON lacks, become null."""
    return json.dumps(_plain(facts), indent=indent, allow_nan=False)


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple | range):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return repr(value)
