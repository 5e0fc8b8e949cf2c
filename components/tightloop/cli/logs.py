"""Logs: one place that says where they go and how they look.

Always on standard error: JSON lines in a pipe or a file, short lines on a terminal. Tracebacks are plain and hold no
local variables, as these may hold secrets.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

LEVELS = ("debug", "info", "warning", "error")
VARIABLE = "TIGHTLOOP_LOG_LEVEL"


def configure(level: str | None = None) -> None:
    """For this process: structlog's loggers, and those of the standard library alike."""
    import structlog

    number = logging.getLevelNamesMapping()[(level or os.environ.get(VARIABLE) or "info").upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *_renderers(structlog)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(structlog)],
        )
    )
    logging.basicConfig(level=number, handlers=[handler], force=True)


def _renderers(structlog: Any) -> list[Any]:
    if sys.stderr.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
