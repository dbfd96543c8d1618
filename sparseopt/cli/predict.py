"""`sparseopt predict`: apply a model file to new rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from . import data, notices, options
from .failures import WrongUse
from .json_text import to_json
from .output import check_output, written_whole

_BLOCK = 2**22  # entries of X held at a time


@click.command(short_help="Predict with a model that `fit` wrote.")
@click.argument("model_path", metavar="MODEL", type=click.Path(path_type=Path))
@click.argument("path", metavar="DATA", type=click.Path(path_type=Path))
@data.target
@data.key
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write .csv or .npy instead."
)
@options.as_json
@options.debug
def predict(model_path, path, target, key, out, as_json):
    """Predict the target for every row of DATA with MODEL, one number per line.

    Columns are found by name where MODEL and DATA have names; only those with a non-zero
    coefficient are needed then. A target in DATA is ignored; give --target where it would be taken
    for a feature.
    """
    from .model_file import load

    model = load(model_path)
    if out is not None:
        existing = tuple(p for p in (model_path, path) if p.exists())
        check_output(out, (".csv", ".npy"), inputs=existing)
    with notices.collected():
        table, coef = _matched(model, path, target, key)
        values = _product(table.X, coef) + model.intercept
        if not np.isfinite(values).all():
            data.refuse_nonfinite(table, None)
        values = model.predict(values)
    if out is not None:
        _write(out, values)
    if as_json:
        click.echo(to_json({"n_samples": len(values), "predictions": values}))
    elif out is None:
        click.echo(_lines(values), nl=False)


def _matched(model, path: Path, target, key):
    """The columns of DATA that the model uses, and their coefficients."""
    from ..datasets.readers import format_of

    names, kind = model.feature_names, format_of(path)
    used = np.arange(len(names))
    columns: Sequence | None = None
    if kind.module == "libsvm":
        first = names.start if isinstance(names, range) else 1
        columns = range(first, first + len(names))
    elif "columns" in kind.options and not isinstance(names, range):
        if isinstance(names[0], str):
            used = np.flatnonzero(np.atleast_2d(model.coef).any(axis=0))
            used = used if used.size else np.arange(1)  # a table needs a column
        columns = [names[j] for j in used]
    table = data.load(path, target=target, key=key, require_target=False, columns=columns)
    if columns is None:
        used = _positions(names, table.feature_names)
    coef = model.coef[..., used]
    if table.X.shape[1] != coef.shape[-1]:
        raise WrongUse(
            f"{path} has {table.X.shape[1]} features, the model was fitted to {coef.shape[-1]}; "
            "--target names a column that is not a feature"
        )
    return table, coef


def _positions(ours: Sequence, theirs: Sequence) -> np.ndarray:
    """For each column of the data, where its coefficient is; by position unless both have names."""
    if isinstance(ours, range) or isinstance(theirs, range):
        return np.arange(len(ours))
    where = {name: j for j, name in enumerate(ours)}
    differing = where.keys() ^ set(theirs)
    if differing:
        raise WrongUse(f"model and data do not share the feature {str(min(differing, key=str))!r}")
    return np.array([where[name] for name in theirs])


def _product(X, coef) -> np.ndarray:
    """X times coef in blocks of rows, so that float32 or mapped data is never copied whole."""
    if hasattr(X, "tocsc"):
        return X @ coef.T
    step = max(1, _BLOCK // X.shape[1])
    blocks = [X[start : start + step] @ coef.T for start in range(0, X.shape[0], step)]
    return np.concatenate(blocks)


def _write(out: Path, values: np.ndarray) -> None:
    with written_whole(out) as file:
        if out.suffix.lower() == ".npy":
            np.save(file, values, allow_pickle=False)
        else:
            n_targets = 1 if values.ndim == 1 else values.shape[1]
            names = (
                ["prediction"] if n_targets == 1 else [f"prediction_{t}" for t in range(n_targets)]
            )
            file.write((",".join(names) + "\n" + _lines(values)).encode("ascii"))


def _lines(values: np.ndarray) -> str:
    rows = values.reshape(len(values), -1).tolist()
    return "".join(",".join(map(repr, row)) + "\n" for row in rows)
