"""Which columns of a table are features and which one is the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..._suggest import suggestion
from ...exceptions import InvalidProblemError
from ._table import listed, quoted

_DEFAULT_TARGETS = ("y", "target")


def choose(
    names: Sequence, target, columns, drop, require_target: bool
) -> tuple[list[int], int | None]:
    """Return (positions of the features, position of the target or None).

    Parameters
    ----------
    names : list of str, or range when the table has no header
    """
    position = {str(name): j for j, name in enumerate(names)}
    if len(position) < len(names):
        twice = [quoted(name) for name, times in Counter(names).items() if times > 1]
        raise InvalidProblemError(f"column names occur more than once: {listed(twice)}")
    goal = None
    if target is not None:
        goal = _find(target, position, names, "target column")
    elif columns is None and require_target:
        goal = _default_target(position, names)
    left_out = {_find(name, position, names, "column to drop") for name in drop}
    if columns is None:
        features = [j for j in range(len(names)) if j != goal and j not in left_out]
    else:
        features = [_find(name, position, names, "column") for name in columns]
    if not features:
        raise InvalidProblemError("no feature is left beside the target")
    if goal in left_out:
        raise InvalidProblemError("the target cannot be dropped")
    return features, goal


def _find(name, position: dict[str, int], names: Sequence, role: str) -> int:
    if str(name) in position:
        return position[str(name)]
    try:
        number = int(name)
    except ValueError:
        number = len(names)
    if -len(names) <= number < len(names):
        return number % len(names)
    several = [part.strip() for part in str(name).split(",")]
    together = len(several) > 1 and all(part in position for part in several)
    hint = ", give one for each column" if together else suggestion(str(name), position)
    raise InvalidProblemError(f"there is no {role} {quoted(str(name))}{hint}; {_what_there_is(names)}")


def _default_target(position: dict[str, int], names: Sequence) -> int:
    there = [name for name in _DEFAULT_TARGETS if name in position]
    if len(there) == 1:
        return position[there[0]]
    raise InvalidProblemError(f"which column is the target? Name it; {_what_there_is(names)}")


def _what_there_is(names: Sequence) -> str:
    if isinstance(names, range):
        return f"the file has no header, its columns are 0 to {len(names) - 1} (-1: the last)"
    return f"columns are {listed([quoted(name) for name in names])}"
