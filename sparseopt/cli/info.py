"""`sparseopt info`: what is installed, and what a fit would use."""

from __future__ import annotations

import click

from . import options


@click.command(short_help="Show versions, BLAS, OpenMP, MPI, threads and the machine.")
@options.as_json
@options.debug
def info(as_json):
    """Show versions, BLAS, OpenMP, MPI, the threads of a fit, and the machine."""
    from .facts import all_facts

    facts = all_facts()
    if as_json:
        from .json_text import to_json

        click.echo(to_json(facts))
        return
    for title, rows in facts.items():
        click.echo(title.replace("_", " "))
        for label, value in _rows(rows):
            click.echo(f"  {label.replace('_', ' '):<20}{value}")


def _rows(facts):
    if isinstance(facts, list):
        for item in facts:
            name, *rest = item.items()
            yield name[1], ", ".join(f"{label} {_word(value)}" for label, value in rest)
        return
    for label, value in facts.items():
        yield label, _word(value)


def _word(value) -> str:
    return (
        {None: "unknown", True: "yes", False: "no"}.get(value, value) if _is_flag(value) else value
    )


def _is_flag(value) -> bool:
    return value is None or isinstance(value, bool)
