"""One step of a transaction: what it is given, what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from msgspec import Struct

from tightloop.errors.nearest import hint
from tightloop.venues.sim.books import ZERO, Reverted, VenueError
from tightloop.venues.sim.commands import ChainAction
from tightloop.venues.sim.drafts import Draft
from tightloop.venues.sim.protocols.tokens import Tokens

HELD = "wallet:BaseToken:"


class Step(Struct, frozen=True):
    """What one action did. ``output`` is what ``previous_output`` means to the next."""

    operation: str
    symbol: str
    amount: Decimal
    output: Decimal
    cost: Decimal | None = None


class Acting(NamedTuple):
    """``before``: the step before. ``at``: the market time whose prices count. ``worse_bps``: injected slippage."""

    draft: Draft
    action: ChainAction
    before: Step | None
    at: datetime
    worse_bps: Decimal


Operation = Callable[[Acting], Step]


class OnChainProtocol(Protocol):
    """``check`` raises VenueError for what no node would take; an operation raises Reverted. ``parameters``: the names
    that an action's may have.
    """

    operations: dict[str, Operation]
    parameters: frozenset[str]

    def check(self, action: ChainAction) -> None: ...


def asked_units(acting: Acting, tokens: Tokens, token: str, source: str | None, everything: int | None = None) -> int:
    """How much is meant, in whole units of ``token``: of the position ``source`` where all of it is, or ``everything``.
    Raises Reverted when that is nothing.
    """
    action = acting.action
    if action.amount_rule == "previous_output":
        amount = ZERO if acting.before is None else acting.before.output
    elif action.amount_rule == "number":
        amount = action.amount or ZERO
    elif everything is not None:
        return _some(everything, token)
    else:
        amount = acting.draft.balance(source or "")
    return _some(tokens.units(token, amount), token)


def _some(units: int, token: str) -> int:
    if units <= 0:
        raise Reverted("insufficient_balance", f"nothing of {token} to use")
    return units


def check_token(tokens: Tokens, place: str, token: str | None) -> str:
    """A token of the chain's list. Raises VenueError."""
    if token is None:
        raise VenueError("invalid_order", f"{place} must be given")
    if token not in tokens.decimals:
        unknown = f"{place}: {token} is not in this chain's token list"
        raise VenueError("invalid_order", unknown + hint(token, tokens.decimals))
    return token


def check_amount(action: ChainAction) -> None:
    """Raises VenueError for a number that is none to act with."""
    if action.amount_rule == "number" and (action.amount is None or action.amount <= 0):
        raise VenueError("invalid_order", "an amount above zero is needed")
