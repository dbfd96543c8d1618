"""The group of commands, imported only when called, and what a failure looks like."""

from __future__ import annotations

import importlib
import sys

import click

from .._suggest import suggestion
from . import launch
from .failures import Interrupted, as_click_error, one_line

# command -> (module, attribute, help line). The help line stands here so that `sparseopt --help`
# imports nothing heavy; a command's module is imported when the command is called.
COMMANDS = {
    "info": ("info", "info", "Show versions, BLAS, OpenMP, MPI, threads and the machine."),
    "fit": ("fit", "fit", "Fit a sparse model to a data file."),
    "predict": ("predict", "predict", "Predict with a model that `fit` wrote."),
    "compress": ("compress", "compress", "Compress a trained network."),
    "bench": ("bench", "bench", "Measure solvers against each other and write a report."),
}


class Commands(click.Group):
    """Loads commands lazily; every failure is one line on stderr and an exit status."""

    def list_commands(self, ctx):
        return list(COMMANDS)

    def get_command(self, ctx, name):
        if name not in COMMANDS:
            ctx.fail(
                f"no command {name!r}{suggestion(name, COMMANDS)}; there are {', '.join(COMMANDS)}"
            )
        module, attribute, _ = COMMANDS[name]
        return getattr(importlib.import_module(f".{module}", __package__), attribute)

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click ends quietly when the reader of a pipe has left
        except (Exception, KeyboardInterrupt) as error:
            raise as_click_error(error, debug=ctx.meta.get("sparseopt.debug", False)) from error

    def main(self, args=None, prog_name=None, standalone_mode=True, **extra):
        launch.hush()
        _make_output_safe()
        message = ""
        try:
            status = super().main(args, "sparseopt", standalone_mode=False, **extra)
        except Interrupted as error:
            message, status = error.message, error.exit_code
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx else "sparseopt"
            message = error.format_message().rstrip(".")
            message, status = f"{message} (see {where} --help)", error.exit_code
        except click.ClickException as error:
            message, status = error.format_message(), error.exit_code
        except click.Abort:
            message, status = "interrupted", Interrupted.exit_code
        if message:
            click.echo(f"sparseopt: {one_line(message)}", err=True)
        sys.exit(launch.leave(status if isinstance(status, int) else 0, one_line(message)))


def _make_output_safe() -> None:
    """A terminal that cannot show a character gets its escape, not an exception."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _version(ctx, param, value):
    if value and not ctx.resilient_parsing:
        from sparseopt import __version__

        click.echo(f"sparseopt {__version__}")
        ctx.exit()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Show the version.",
)  # fmt: skip
@click.pass_context
def main(ctx):
    """Sparse models with certificates, from the command line.

    Exit status: 0 done; 1 the job failed; 2 wrong usage, file or option; 130 interrupted.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
