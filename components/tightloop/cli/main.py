"""The entry of ``tightloop``: its commands, and how errors are shown."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tightloop.cli import logs


class _Commands(TyperGroup):
    """Errors that have a code end with code, message and remedy, and with the exit code that fits."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ValueError as error:  # which an ExecutionError is; its module is imported only when there is one
            from tightloop.cli.exits import exit_code
            from tightloop.errors import ExecutionError

            if not isinstance(error, ExecutionError):
                raise
            typer.echo(f"{error.code} {error.title}: {error.message}\nWhat to do: {error.remedy}", err=True)
            raise typer.Exit(exit_code(error)) from None

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)  # as they were added: the main ones first


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help comes up in half the time
    pretty_exceptions_enable=False,  # tracebacks with local variables would show secrets
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(wanted: bool) -> None:
    if wanted:
        from tightloop import __version__, is_compiled

        typer.echo(f"{__version__} (compiled)" if is_compiled() else __version__)
        raise typer.Exit


@app.callback(epilog="Example:\n\n\b\n  tightloop demo\n  tightloop COMMAND --help")
def _begin(
    log_level: Annotated[
        str | None, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The tight loop: instructions executed on venues, applied to positions, reconciled, one at a time per strategy."""
    if log_level is not None:
        if log_level.lower() not in logs.LEVELS:
            raise typer.BadParameter(f"there are {', '.join(logs.LEVELS)}", param_hint="--log-level")
        os.environ[logs.VARIABLE] = log_level.lower()  # for the processes that this one starts, too


def _add_commands() -> None:
    from tightloop.cli.commands import (
        adjust,
        adopt,
        bench,
        cancel,
        config,
        dead_letters,
        demo,
        doctor,
        down,
        errors,
        export,
        gates,
        halt,
        publish,
        resolve,
        resume,
        run,
        sandbox,
        schemas,
        show,
        status,
        tail,
        topics,
        up,
    )

    started = (demo, up, down, run, status)
    used = (publish, tail, show, export, halt, resume, adjust, resolve, cancel, adopt, dead_letters)
    for module in (*started, *used, topics, schemas, errors, config, doctor, gates, bench, sandbox):
        module.add_to(app)


_add_commands()


def main() -> None:
    app()
