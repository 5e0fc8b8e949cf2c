"""``cancel``: an instruction is taken from its queue, or its order is cancelled at the venue."""

from __future__ import annotations

from typing import Annotated

import typer

from tightloop.cli.operator import Operator, OwnKey, Reason
from tightloop.cli.registration import add


def cancel(
    operator: Operator,
    target: Annotated[str, typer.Argument(metavar="ID", help="The instruction's id, or a group's.")],
    reason: Reason = "cancelled by hand",
    key: OwnKey = None,
) -> None:
    """Cancel an instruction that is queued, or whose order works; of a group, or a leg of one, all that is left of it.

    What has filled counts.
    """
    operator.order("cancel", key or operator.strategy_of(target), reason, target_id=target)


def add_to(app: typer.Typer) -> None:
    add(app, cancel, "tightloop cancel i-17", "tightloop cancel basis-3")
