"""Instructions against their limits: the first breach, or none. Pure.

:func:`first_breach` judges any number of instructions together, in their order, as if all of them were dispatched now:
what is measured over time or in sum (rate, open and daily notional, positions) counts the earlier ones along. An
instruction alone is a list of one; a group's legs are a list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct

from tightloop.domain import money
from tightloop.handlers.manager.limits import measuring, use
from tightloop.handlers.manager.limits.measuring import Held
from tightloop.handlers.manager.limits.scopes import Scope
from tightloop.handlers.manager.limits.use import Figures
from tightloop.handlers.manager.limits.worth import Prices, Unmeasured
from tightloop.records.types import AccountRef, Instruction, LimitUse

T = TypeVar("T")
_BPS = Decimal(10_000)
_NOTIONALS = ("order_notional", "open_notional", "daily_notional")
_CONTRACTS = ("pool", "market", "contract", "path")  # parameters that name what a step acts on


class Asked(Struct, frozen=True):
    """An instruction, its account, the scopes that it is measured by, and what the account held when it was last
    compared. ``unified``: see :class:`tightloop.domain.venues.VenueSpec`.
    """

    instruction: Instruction
    account: AccountRef
    scopes: tuple[Scope, ...]
    held: Held
    unified: tuple[str, ...] = ()


class Breach(Struct, frozen=True):
    """``limit``: its name. ``message``: what broke which bound of whom, and what to do."""

    limit: str
    instruction_id: str
    message: str


class _Broken(Exception):
    def __init__(self, scope: Scope, limit: str, what: str, remedy: str) -> None:
        super().__init__(f"{limit} of {scope.name}: {what}; {remedy} {scope.key(limit)}")
        self.limit = limit


def first_breach(asked: Sequence[Asked], used: LimitUse, prices: Prices, currency: str, now: datetime) -> Breach | None:
    """Instruction by instruction; of each first what it names, then what it comes to."""
    broken = breach_by_name(asked)
    if broken is not None:
        return broken
    positions: dict[tuple[str, str, str], Decimal] = {}
    before = used
    for one in asked:
        try:
            _check_rate(one, used, now)
            found = figures(one, prices)
            _check_notionals(one, found.notional or money.ZERO, used, currency, now)
            _check_collar(one, prices)
            _check_positions(one, found, before, positions)
        except _Broken as error:
            return Breach(error.limit, one.instruction.instruction_id, str(error))
        used = use.with_dispatched(used, one.scopes, one.instruction.instruction_id, one.account, found, now)
    return None


def breach_by_name(asked: Sequence[Asked]) -> Breach | None:
    """The part of it that needs no prices and no use: symbols, protocols, contracts, destinations, gas."""
    for one in asked:
        try:
            for scope in one.scopes:
                _check_names(one.instruction, scope)
        except _Broken as error:
            return Breach(error.limit, one.instruction.instruction_id, str(error))
    return None


def needs_prices(asked: Asked) -> bool:
    """Is it measured by the market's prices?"""
    return any(scope.bounds.needs_prices for scope in asked.scopes)


def needs_held(asked: Asked) -> bool:
    """Must it be known what its account holds?"""
    measures = any(one.bounds.measures_notional for one in asked.scopes)
    return any(one.bounds.position for one in asked.scopes) or (measures and measuring.needs_held(asked.instruction))


def figures(asked: Asked, prices: Prices) -> Figures:
    """Raises _Broken for what a limit measures, and can't be told."""
    by_notional = next((one for one in asked.scopes if one.bounds.measures_notional), None)
    by_position = next((one for one in asked.scopes if one.bounds.position), None)
    notional: Decimal | None = None
    changes: tuple[measuring.Change, ...] = ()
    instruction, held = asked.instruction, asked.held
    if by_notional is not None:
        limit = next(name for name in _NOTIONALS if getattr(by_notional.bounds, name) is not None)
        notional = _measured(lambda: measuring.notional(instruction, prices, held), by_notional, limit)
    if by_position is not None:
        changes = _measured(
            lambda: tuple(measuring.changes(instruction, prices, held, asked.unified)), by_position, "position"
        )
    return Figures(notional, changes)


def _measured(measure: Callable[[], T], scope: Scope, limit: str) -> T:
    try:
        return measure()
    except Unmeasured as error:
        raise _Broken(scope, limit, f"can't be measured: {error}", "the limit is") from None


# --- what it names ----------------------------------------------------------------------------------------------------


def _check_names(instruction: Instruction, scope: Scope) -> None:
    trade, payload = instruction.cex_trade, instruction.smart_contract_action
    if trade is not None:
        _allow(scope, "symbols", trade.symbol)
    if instruction.wallet_transfer is not None:
        _allow(scope, "destinations", instruction.wallet_transfer.destination)
    if payload is None:
        return
    for step in payload.actions:
        _allow(scope, "protocols", step.protocol)
        for name in _CONTRACTS:
            if name in step.parameters:
                _allow(scope, "contracts", step.parameters[name])
    most = scope.bounds.max_fee
    if most is not None and (payload.max_fee is None or payload.max_fee > most):
        named = "none is named" if payload.max_fee is None else money.text(payload.max_fee)
        what = f"the most to spend on gas may be {money.text(most)}, and {named}"
        raise _Broken(scope, "max_fee", what, "name a smart_contract_action.max_fee within it, or raise")


def _allow(scope: Scope, limit: str, name: str) -> None:
    allowed: frozenset[str] | None = getattr(scope.bounds, limit)
    if allowed is None or name in allowed:
        return
    if name.startswith("0x") and name.lower() in {one.lower() for one in allowed}:
        return  # an address is the same in whichever case its letters are written
    shown = ", ".join(sorted(allowed)[:10]) or "none"
    raise _Broken(scope, limit, f"{name} is not allowed: there are {shown}", "use one of them, or add it to")


# --- what it comes to -------------------------------------------------------------------------------------------------


def _check_rate(one: Asked, used: LimitUse, now: datetime) -> None:
    for scope in one.scopes:
        rate = scope.bounds.order_rate
        if rate is None:
            continue
        lately = use.dispatched_lately(use.of_scope(used, scope.name), rate, now)
        if lately >= rate.orders:
            what = f"it would be order {lately + 1} within {rate.seconds:g} s, and {rate.orders} may be dispatched"
            raise _Broken(scope, "order_rate", what, "publish it again later, under a new id, or raise")


def _check_notionals(one: Asked, amount: Decimal, used: LimitUse, currency: str, now: datetime) -> None:
    for scope in one.scopes:
        bounds, before = scope.bounds, use.of_scope(used, scope.name)
        ways = (
            ("order_notional", bounds.order_notional, money.ZERO, "", "publish a smaller one, or raise"),
            (
                "open_notional",
                bounds.open_notional,
                use.still_open(used, scope.name),
                "with what may still act",
                "wait for it to end, `tightloop resolve` what is unknown, or raise",
            ),
            (
                "daily_notional",
                bounds.daily_notional,
                use.dispatched_today(before, now),
                "with what was dispatched today (UTC)",
                "publish a smaller one, wait for the next day, or raise",
            ),
        )
        for limit, bound, already, beside, remedy in ways:
            total = money.CONTEXT.add(amount, already)
            if bound is not None and total > bound:
                parts = f" ({money.text(amount)} {beside}, {money.text(already)})" if beside else ""
                what = f"{money.text(total)} {currency}{parts} is above {money.text(bound)}"
                raise _Broken(scope, limit, what, remedy)


def _check_collar(one: Asked, prices: Prices) -> None:
    scopes = [scope for scope in one.scopes if scope.bounds.price_collar_bps is not None]
    if not scopes:
        return
    named = _measured(lambda: measuring.named_prices(one.instruction, prices, one.held), scopes[0], "price_collar_bps")
    for scope in scopes:
        most = scope.bounds.price_collar_bps or money.ZERO
        for price, market in named:
            away = (price.price - market) * _BPS
            bad = {"above": away, "below": -away, "both": abs(away)}[price.worse]
            if bad > most * market:
                off = f"{money.ratio(bad, market):.4f}"
                what = (
                    f"{price.what} {money.text(price.price)} is {off} bps from the market's {money.text(market)}, and "
                    f"may be {money.text(most)}"
                )
                raise _Broken(scope, "price_collar_bps", what, "name a price nearer to the market, or raise")


def _check_positions(
    one: Asked, found: Figures, used: LimitUse, positions: dict[tuple[str, str, str], Decimal]
) -> None:
    """What may still act counts along where it would make the position larger."""
    scopes = [scope for scope in one.scopes if scope.bounds.position]
    for key, change in found.changes:
        place = (one.account.lane, one.account.account, key)
        before = positions.get(place, one.held.get(key, money.ZERO))
        positions[place] = money.CONTEXT.add(before, change)
        lowered, raised = use.may_change(used, one.account, key)
        worst = money.CONTEXT.add(before, raised if change > 0 else lowered)
        for scope in scopes:
            _check_position(scope, key, worst, money.CONTEXT.add(worst, change))


def _check_position(scope: Scope, key: str, before: Decimal, after: Decimal) -> None:
    """What makes a position smaller may be done whatever its size."""
    _, kind, symbol = key.split(":", 2)
    bounds = scope.bounds.position or {}
    bound = bounds.get(f"{kind}:{symbol}", bounds.get(symbol))
    if bound is not None and abs(after) > bound and abs(after) > abs(before):
        what = (
            f"{key} would be {money.text(after)}, from {money.text(before)}, and may be {money.text(bound)} either way"
        )
        raise _Broken(scope, "position", what, "publish a smaller one, reduce the position, or raise")
