"""``halt``: nothing more is dispatched."""

from __future__ import annotations

from typing import Annotated

import typer

from tightloop.cli.operator import Operator, Reason, Scope
from tightloop.cli.output import note
from tightloop.cli.registration import add


def halt(
    scope: Scope,
    operator: Operator,
    cancel_working: Annotated[bool, typer.Option("--cancel-working", help="Also cancel the orders that work.")] = False,
    reason: Reason = "halted by hand",
) -> None:
    """Stop dispatching: one key, everything at a venue, or all. What is in flight is finished and applied."""
    operator.order("halt", scope.key, reason, cancel_working=cancel_working, **scope.fields)
    if scope.key is not None and operator.wait:
        _doubt_unknown(operator, scope.key)


def _doubt_unknown(operator: Operator, key: str) -> None:
    """A misspelt key is halted in vain; one that has not traded yet may be meant. Said after the halt, never before."""
    from tightloop.client.lookup import check_known
    from tightloop.errors import ExecutionError

    try:
        check_known(operator.settings, key, operator.directory)
    except ExecutionError as error:
        note(f"{error.message} The halt of {key!r} stands all the same.")


def add_to(app: typer.Typer) -> None:
    add(app, halt, 'tightloop halt strategy-1 --reason "venue looks wrong"')
