"""Tracebacks for logs: where something failed, and no local variables."""

from __future__ import annotations

import traceback

from tightloop.errors.redaction import redacted


def traced(error: BaseException) -> str:
    """The error's traceback as text, secrets masked.

    For code that secrets pass through, in place of ``exc_info``: a program of one's own may not have set up its logs,
    and structlog's default prints the local variables of every frame where ``rich`` is installed.
    """
    return redacted("".join(traceback.format_exception(error)))
