"""A command in this process."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from tightloop.cli.main import app


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)
