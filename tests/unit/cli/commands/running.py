"""A command in this process."""

from __future__ import annotations

import logging
import sys

import structlog
from typer.testing import CliRunner, Result

from tightloop.cli.main import app


def run(*arguments: str, stdin: str | None = None) -> Result:
    """What the command sets for the logs of its process is set back: other tests read them."""
    settings, hook = structlog.get_config(), sys.excepthook
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        return CliRunner().invoke(app, list(arguments), input=stdin)
    finally:
        structlog.configure(**settings)
        sys.excepthook = hook
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
