"""``halt``: nothing more is dispatched."""

from __future__ import annotations

from typing import Annotated

import typer

from tightloop.cli.operator import Operator, Reason, Scope
from tightloop.cli.registration import add


def halt(
    scope: Scope,
    operator: Operator,
    cancel_working: Annotated[bool, typer.Option("--cancel-working", help="Also cancel the orders that work.")] = False,
    reason: Reason = "halted by hand",
) -> None:
    """Stop dispatching: one key, everything at a venue, or all. What is in flight is finished and applied."""
    operator.order("halt", scope.key, reason, cancel_working=cancel_working, **scope.fields)


def add_to(app: typer.Typer) -> None:
    add(app, halt, 'tightloop halt strategy-1 --reason "venue looks wrong"')
