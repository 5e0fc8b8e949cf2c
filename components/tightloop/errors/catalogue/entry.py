"""What the catalogue says about a code."""

from __future__ import annotations

from msgspec import Struct

from tightloop.records.types import Severity


class ErrorEntry(Struct, frozen=True, kw_only=True):
    """One code.

    ``halts``: does a dead letter with this code halt its key?
    ``cause``: what brings it about. ``system``: what the system does by itself. ``operator``: what a person does.
    ``reserved``: why nothing raises it; ``None`` for a code that is in use.
    """

    code: str
    title: str
    severity: Severity
    component: str
    cause: str
    system: str
    operator: str
    halts: bool = True
    reserved: str | None = None


class Component:
    """The entries of one component: ``title`` and the texts as in :class:`ErrorEntry`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(
        self,
        code: str,
        title: str,
        severity: Severity,
        cause: str,
        system: str,
        operator: str,
        *,
        halts: bool = True,
        reserved: str | None = None,
    ) -> ErrorEntry:
        return ErrorEntry(
            code=code,
            title=title,
            severity=severity,
            component=self._name,
            cause=cause,
            system=system,
            operator=operator,
            halts=halts,
            reserved=reserved,
        )
