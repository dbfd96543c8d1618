"""Options that several commands share."""

from __future__ import annotations

import click


def _remember_debug(ctx, param, value):
    if value:
        ctx.meta["sparseopt.debug"] = True


debug = click.option(
    "--debug", is_flag=True, is_eager=True, expose_value=False, callback=_remember_debug,
    help="Show the traceback of a failure.",
)  # fmt: skip

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
