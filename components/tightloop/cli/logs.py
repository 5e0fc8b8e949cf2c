"""Logs: one place that says where they go and how they look.

Always on standard error: JSON lines in a pipe or a file, short lines on a terminal. Tracebacks are plain and hold no
local variables, as these may hold secrets.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

LEVELS = ("debug", "info", "warning", "error")
VARIABLE = "TIGHTLOOP_LOG_LEVEL"
REPEAT_S = 10.0


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


class KafkaErrors:
    """What Kafka's client calls when it loses a broker: a line in our log, the same one every 10 s at most."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, error: KafkaError) -> None:
        import structlog

        now = time.monotonic()
        if now - self._told.get(error.name(), -REPEAT_S) >= REPEAT_S:
            self._told[error.name()] = now
            structlog.get_logger().warning("kafka client", code=error.name(), error=error.str())


def _renderers(structlog: Any) -> list[Any]:
    if sys.stderr.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
