"""Errors: one exception, ``ExecutionError``, and one catalogue of codes that says what each of them means.

The catalogue is data (``errors/catalogue/``); from it the command line and the docs are made. An ``ExecutionError``
carries a code of it, what was wrong in this case, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tightloop.errors.catalogue import brk, bus, eif, eim, exi, puh, rec, tlc
from tightloop.errors.catalogue.entry import ErrorEntry
from tightloop.errors.redaction import redacted, redacted_fields
from tightloop.records.types import ErrorInfo, Severity

CATALOGUE: dict[str, ErrorEntry] = {
    entry.code: entry for part in (eim, eif, rec, puh, exi, tlc, brk, bus) for entry in part.ENTRIES
}

_MARKER_CHARS = 40
MESSAGE_CHARS = 2000  # of an error's message; records, logs and halts hold it


class ExecutionError(ValueError):
    """Something went wrong that has a code. A caller that catches ``ValueError`` still works.

    ``code`` is one of the catalogue; severity, component, remedy and ``halts`` come from there unless given.
    ``context`` holds what helps to find the cause, as plain values. Secrets in it and in ``message`` are masked at
    once, so that no trace, log or record can show them. ``message`` is cut at ``MESSAGE_CHARS``. ``halts``: does a
    dead letter with this error halt its key? Raises KeyError when ``code`` is not in the catalogue.

    >>> error = ExecutionError("EIM-007", "amount must be above zero", context={"api_key": "never shown"})
    >>> isinstance(error, ValueError), error.code, error.severity, error.context
    (True, 'EIM-007', 'MEDIUM', {'api_key': '***'})
    """

    code: str
    message: str
    severity: Severity
    component: str
    context: dict[str, Any]
    remedy: str
    halts: bool

    def __init__(
        self,
        code: str,
        message: str,
        *,
        context: Mapping[str, Any] | None = None,
        severity: Severity | None = None,
        component: str | None = None,
        remedy: str | None = None,
        halts: bool | None = None,
    ) -> None:
        message = bounded(redacted(message))
        super().__init__(code, message)
        entry = CATALOGUE[code]
        self.code = code
        self.message = message
        self.severity = severity or entry.severity
        self.component = component or entry.component
        self.context = redacted_fields(context or {})
        self.remedy = redacted(remedy) if remedy else entry.operator
        self.halts = entry.halts if halts is None else halts

    @property
    def title(self) -> str:
        return CATALOGUE[self.code].title

    def __str__(self) -> str:
        return f"{self.code} {self.title}: {self.message}"

    def __repr__(self) -> str:
        shown = f", context={self.context!r}" if self.context else ""
        return f"ExecutionError({self.code!r}, {self.message!r}{shown})"


def bounded(text: str, most: int = MESSAGE_CHARS) -> str:
    """The text as a record can hold it: what is beyond ``most`` characters is cut and counted, and no UTF-8 fails."""
    if len(text) > most:
        kept = most - _MARKER_CHARS
        text = f"{text[:kept]}… ({len(text) - kept} more characters)"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def error_info(error: ExecutionError) -> ErrorInfo:
    """The error as it travels on records: code, message, severity. The context stays behind."""
    return ErrorInfo(code=error.code, message=error.message, severity=error.severity)


def info(code: str, message: str) -> ErrorInfo:
    """An error that is told of on a record, not raised. Raises KeyError when ``code`` is not in the catalogue."""
    return error_info(ExecutionError(code, message))


def error_entry(code: str) -> ErrorEntry:
    """The catalogue's entry, whatever the case of ``code``. Raises KeyError with the codes that come nearest."""
    entry = CATALOGUE.get(code.upper())
    if entry is None:
        near = sorted(known for known in CATALOGUE if known[:3] == code.upper()[:3]) or sorted(CATALOGUE)
        raise KeyError(f"no error {code!r}: there are {', '.join(near)}")
    return entry
