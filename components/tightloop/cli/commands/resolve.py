"""``resolve``: how an order or transaction with an unknown outcome really ended."""

from __future__ import annotations

from typing import Annotated

import typer

from tightloop.cli.operator import Deltas, Operator, OwnKey, Reason, parsed_deltas, parsed_number
from tightloop.cli.registration import add


def resolve(
    operator: Operator,
    target: Annotated[str, typer.Argument(metavar="ID", help="Instruction id or client order id.")],
    outcome: Annotated[str, typer.Option("--outcome", help="none, filled, partially_filled, rejected, cancelled, …")],
    reason: Reason,
    deltas: Deltas = None,
    filled_amount: Annotated[
        str | None, typer.Option("--filled-amount", help="What it filled in all, in base units.")
    ] = None,
    key: OwnKey = None,
) -> None:
    """Record how an intent ended whose loop ended `unknown`. --delta: every change of a position, complete."""
    changes = parsed_deltas(deltas, "correction")
    filled = None if filled_amount is None else parsed_number(filled_amount, "--filled-amount")
    operator.order(
        "resolve",
        key or operator.strategy_of(target),
        reason,
        target_id=target,
        outcome=outcome,
        deltas=changes,
        filled_amount=filled,
    )


def add_to(app: typer.Typer) -> None:
    add(
        app,
        resolve,
        "tightloop resolve i-17 --outcome filled --filled-amount 0.1 --delta binance:BaseToken:BTC=0.1 \\",
        '  --delta binance:BaseToken:USDT=-4210 --reason "by the venue\'s support"',
    )
