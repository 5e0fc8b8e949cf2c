"""What a strategy has used of its limits. Pure functions over :class:`~tightloop.records.types.LimitUse`.

Bounded: a scope keeps as many times as its order rate looks back at, one day's sum, and the strategy as many
instructions of unknown outcome as the manager does (``unresolved.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.handlers.manager.limits.scopes import OrderRate, Scope
from tightloop.records.types import LimitUse, OpenNotional, ScopeUse

MOST_OPEN = 128  # twice the results of unknown outcome that are kept: the oldest are forgotten, as those are


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


def with_dispatched(
    use: LimitUse, scopes: Sequence[Scope], instruction_id: str, notional: Decimal | None, now: datetime
) -> LimitUse:
    """With one more instruction, which is dispatched now. ``notional`` None: no limit measures it."""
    found = use.scopes
    for scope in scopes:
        used = _dispatched(of_scope(use, scope.name), scope, notional, now)
        found = (*(one for one in found if one.scope != scope.name), used)
    opened = use.open
    if notional is not None:
        names = tuple(scope.name for scope in scopes if scope.bounds.measures_notional)
        opened = (*opened, OpenNotional(instruction_id=instruction_id, notional=notional, scopes=names))[-MOST_OPEN:]
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
