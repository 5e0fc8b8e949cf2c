"""Logs: one place that says where they go and how they look.

Always on standard error: JSON lines in a pipe or a file, short lines on a terminal. Secrets are masked in every field.
Tracebacks are plain and hold no local variables; that of an error which ends the process is masked too.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import MutableMapping
from types import TracebackType
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
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(structlog)],
        )
    )
    logging.basicConfig(level=number, handlers=[handler], force=True)
    sys.excepthook = _print_masked


def _print_masked(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from tightloop.errors.redaction import redacted

    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))


def _masked(logger: Any, method: str, fields: MutableMapping[str, Any]) -> dict[str, Any]:
    from tightloop.errors.redaction import redacted_fields

    return redacted_fields(fields)


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
    masked = [structlog.processors.format_exc_info, _masked]
    if sys.stderr.isatty():
        return [*masked, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [*masked, structlog.processors.JSONRenderer()]
