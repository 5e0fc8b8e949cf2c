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
