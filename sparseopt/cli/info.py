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
            click.echo(f"  {label:<23}{value}")


_ABSENT = {"mpiexec": "not found", "OMP_NUM_THREADS": "not set"}


def _rows(facts):
    if isinstance(facts, list):
        for pool in facts:
            parts = [f"{pool['threads']} threads", pool["architecture"], pool["file"]]
            name = " ".join(filter(None, (pool["library"], pool["version"])))
            yield pool["kind"], ", ".join([name, *filter(None, parts)])
        return
    for label, value in facts.items():
        if value is None:
            absent = "unknown" if label in ("cpu", "memory_GiB", "cython") else "not installed"
            value = _ABSENT.get(label, absent)
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        yield label if label.isupper() else label.replace("_", " "), value
