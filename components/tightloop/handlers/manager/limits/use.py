"""What a strategy has used of its limits. Pure functions over :class:`~tightloop.records.types.LimitUse`.

Bounded: a scope keeps as many times as its order rate looks back at, one day's sum, and the strategy as many
instructions of unknown outcome as the manager does (``unresolved.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from tightloop.domain import money
from tightloop.handlers.manager.limits.scopes import OrderRate, Scope
from tightloop.records.types import AccountRef, LimitUse, OpenInstruction, ScopeUse

MOST_OPEN = 128  # twice the results of unknown outcome that are kept: the oldest are forgotten, as those are


class Figures(Struct, frozen=True):
    """What an instruction comes to. ``notional`` None, ``changes`` empty: no limit measures them."""

    notional: Decimal | None = None
    changes: tuple[tuple[str, Decimal], ...] = ()

    def summed(self) -> dict[str, Decimal]:
        """By position, to the places of a record."""
        return {key: money.ratio(change, Decimal(1)) for key, change in money.sums(self.changes).items()}


def of_scope(use: LimitUse, name: str) -> ScopeUse:
    return next((one for one in use.scopes if one.scope == name), ScopeUse(scope=name))


def dispatched_lately(used: ScopeUse, rate: OrderRate, now: datetime) -> int:
    since = now - timedelta(seconds=rate.seconds)
    return sum(at > since for at in used.dispatched)


def dispatched_today(used: ScopeUse, now: datetime) -> Decimal:
    """By the day of UTC. A clock that went back over midnight begins no new day."""
    return used.daily_notional if used.day is not None and used.day >= _day(now) else money.ZERO


def still_open(use: LimitUse, name: str) -> Decimal:
    return money.total(one.notional for one in use.open if name in one.scopes)


def may_change(use: LimitUse, account: AccountRef, key: str) -> tuple[Decimal, Decimal]:
    """By how much what may still act on the account might lower a position, and raise it."""
    changes = [one.changes[key] for one in use.open if one.account == account and key in one.changes]
    zero = money.ZERO
    return money.total(min(one, zero) for one in changes), money.total(max(one, zero) for one in changes)


def with_dispatched(
    use: LimitUse,
    scopes: Sequence[Scope],
    instruction_id: str,
    account: AccountRef,
    figures: Figures,
    now: datetime,
) -> LimitUse:
    """With one more instruction, which is dispatched now."""
    found, notional = use.scopes, figures.notional
    for scope in scopes:
        used = _dispatched(of_scope(use, scope.name), scope, notional, now)
        found = (*(one for one in found if one.scope != scope.name), used)
    opened = use.open
    if notional is not None or figures.changes:
        one = OpenInstruction(
            instruction_id=instruction_id,
            notional=notional or money.ZERO,
            scopes=tuple(scope.name for scope in scopes if scope.bounds.measures_notional),
            account=account,
            changes={key: change for key, change in figures.summed().items() if change},
        )
        opened = (*opened, one)[-MOST_OPEN:]
    return replace(use, scopes=found, open=opened)


def _dispatched(used: ScopeUse, scope: Scope, notional: Decimal | None, now: datetime) -> ScopeUse:
    bounds = scope.bounds
    if bounds.order_rate is not None:
        since = now - timedelta(seconds=bounds.order_rate.seconds)
        used = replace(used, dispatched=(*(at for at in used.dispatched if at > since), now))
    if bounds.daily_notional is not None and notional is not None:
        total = money.CONTEXT.add(dispatched_today(used, now), notional)
        used = replace(used, day=max(_day(now), used.day or ""), daily_notional=total)
    return used


def without(use: LimitUse, instruction_id: str) -> LimitUse:
    """It can act no more. The same record where it was not among the open ones."""
    kept = tuple(one for one in use.open if one.instruction_id != instruction_id)
    return use if len(kept) == len(use.open) else replace(use, open=kept)


def _day(now: datetime) -> str:
    return now.date().isoformat()
