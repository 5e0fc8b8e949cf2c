"""The limits in one event of the interface manager: before instructions take the slot, and when they have ended.

What is needed from outside is asked for first. A price comes as the answer to a call (:class:`ReadPrices`), handled as
any other answer is, so that a replay judges by the same prices; what an account holds comes from its last
reconciliation, or else a ``refresh`` is dispatched for it. Where a strategy has no limits, none of this happens.

:func:`judge`, then :func:`book` when they take the slot; :func:`learn` of each reconciliation. A group's legs are
judged and booked together, when the first of them is to start.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from tightloop.domain import money
from tightloop.errors import ExecutionError, info
from tightloop.handlers.calls import Market, PricesRead, ReadPrices, Unavailable
from tightloop.handlers.manager.limits import judging, measuring, use
from tightloop.handlers.manager.limits.judging import Asked, Breach
from tightloop.handlers.manager.limits.scopes import Limits
from tightloop.handlers.manager.limits.worth import Prices, Unmeasured
from tightloop.handlers.manager.turn import LIMIT_USE, ManagerTurn
from tightloop.records.types import (
    AccountRef,
    ErrorInfo,
    HeldAmounts,
    Instruction,
    LimitUse,
    QueuedInstruction,
    ReconciliationResult,
)

CALL = "prices"
BREACHED = "EIM-013"
HELD = "held"
Read = PricesRead | Unavailable


class Waits(Struct, frozen=True):
    """Something is to be known first: prices, which were asked for; or what ``account`` holds."""

    account: AccountRef | None = None


class Judged(Struct, frozen=True):
    """They may be dispatched. ``prices`` None: nothing had to be measured."""

    asked: tuple[Asked, ...] = ()
    prices: Prices | None = None

    def price_of(self, instruction: Instruction) -> Decimal | None:
        """The market's price that the limits of a trade were checked against, in quote per base."""
        trade = instruction.cex_trade
        found = self.prices.known.get((instruction.venue, trade.symbol)) if trade and self.prices else None
        return found.price if found else None


UNLIMITED: Judged = Judged()


def is_unlimited(turn: ManagerTurn, queued: QueuedInstruction) -> bool:
    """Does no limit concern it?"""
    limits, directory = turn.settings.limits, turn.settings.directory
    return limits is None or not limits.scopes_of(queued.instruction, queued.account, directory)


def judge(
    turn: ManagerTurn, wanted: Sequence[QueuedInstruction], read: Read | None = None
) -> Judged | ErrorInfo | Waits:
    """May these be dispatched now, all of them, in this order? An ErrorInfo (EIM-013): no, and why.

    ``read``: what was answered of the prices, where this event is that answer.
    """
    limits = turn.settings.limits
    if limits is None or all(is_unlimited(turn, one) for one in wanted):
        return UNLIMITED
    asked = tuple(_asked(turn, limits, one) for one in wanted)
    broken = judging.breach_by_name(asked)
    if broken is not None:
        return _refused(broken, asked)
    for one in asked:
        if judging.needs_held(one) and _held(turn, one.account) is None:
            return Waits(one.account)
    try:
        markets = _markets(asked, limits)
    except Unmeasured as error:
        return info(BREACHED, f"its notional can't be measured: {error}")
    if markets and not _covers(read, markets):
        turn.context.call(CALL, ReadPrices(markets))
        return Waits()
    prices = _prices(limits, read, turn)
    broken = judging.first_breach(asked, _use(turn), prices, limits.currency, turn.now)
    if broken is not None:
        return _refused(broken, asked)
    return Judged(asked, prices)


def _refused(broken: Breach, asked: Sequence[Asked]) -> ErrorInfo:
    return info(BREACHED, broken.message if len(asked) == 1 else f"leg {broken.instruction_id}: {broken.message}")


def book(turn: ManagerTurn, judged: Judged) -> None:
    """They take the slot now: what they use of their limits is written down."""
    if judged.prices is None:
        return
    used = before = _use(turn)
    for one in judged.asked:
        figures = judging.figures(one, judged.prices)
        used = use.with_dispatched(used, one.scopes, one.instruction.instruction_id, one.account, figures, turn.now)
    if used != before:
        turn.put_limit_use(used)


def _asked(turn: ManagerTurn, limits: Limits, queued: QueuedInstruction) -> Asked:
    scopes = limits.scopes_of(queued.instruction, queued.account, turn.settings.directory)
    held = _held(turn, queued.account)
    venue = turn.settings.directory.venues.find(queued.instruction.venue)
    return Asked(queued.instruction, queued.account, scopes, held.amounts if held else {}, venue.unified)


def _use(turn: ManagerTurn) -> LimitUse:
    known = turn.context.get(LIMIT_USE, LimitUse)
    return known or LimitUse(strategy_id=turn.head.strategy_id, produced_at=turn.now)


# --- prices -----------------------------------------------------------------------------------------------------------


def _markets(asked: Sequence[Asked], limits: Limits) -> tuple[Market, ...]:
    wanted = [measuring.asked_markets(one.instruction, limits) for one in asked if judging.needs_prices(one)]
    return tuple(dict.fromkeys(market for markets in wanted for market in markets))


def _covers(read: Read | None, markets: Sequence[Market]) -> bool:
    """Were these the markets that were asked about? What could not be answered at all is not asked again."""
    if isinstance(read, PricesRead):
        return set(markets) <= {(one.venue, one.symbol) for one in read.prices}
    return read is not None


def _prices(limits: Limits, read: Read | None, turn: ManagerTurn) -> Prices:
    found = read.prices if isinstance(read, PricesRead) else ()
    problem = f"market data can't be read: {read.message}" if isinstance(read, Unavailable) else None
    return Prices(limits, found, turn.now, turn.settings.clock_margin_s, problem)


# --- what accounts hold -----------------------------------------------------------------------------------------------


def _held(turn: ManagerTurn, account: AccountRef) -> HeldAmounts | None:
    return turn.context.get(_name(account), HeldAmounts)


def _name(account: AccountRef) -> str:
    return f"{HELD}|{account.lane}|{account.account}"


def learn(turn: ManagerTurn, result: ReconciliationResult) -> None:
    """Keep what the accounts of a reconciliation hold, where a limit may need it. It compared all positions of each."""
    limits = turn.settings.limits
    if limits is None or result.status not in ("matched", "mismatched"):
        return
    directory = turn.settings.directory
    lane = directory.lanes.get(result.lane)
    if lane is None:
        return
    own = AccountRef(lane=lane.name, venue=lane.home, account=result.account)
    found: dict[tuple[str, str], tuple[AccountRef, dict[str, Decimal]]] = {(own.lane, own.account): (own, {})}
    for check in result.checks:
        try:
            place = directory.place_of(check.position_key, turn.head.strategy_id)
        except ExecutionError:
            continue  # a key that can't be read fails its comparison, and halts
        if place.account is not None:
            _, amounts = found.setdefault((place.account.lane, place.account.account), (place.account, {}))
            if check.actual:
                amounts[plain_key(place.key)] = check.actual
    for account, amounts in found.values():
        _keep(turn, limits, account, amounts, result.position_version)


def plain_key(key: str) -> str:
    """``venue:type:symbol``, without the account."""
    venue, _, rest = key.partition(":")
    return f"{venue.partition('@')[0]}:{rest}"


def _keep(turn: ManagerTurn, limits: Limits, account: AccountRef, amounts: dict[str, Decimal], version: int) -> None:
    lane = turn.settings.directory.lanes.get(account.lane)
    on_chain = lane is not None and lane.kind == "chain"
    if limits.needs_positions(turn.head.strategy_id, account, on_chain=on_chain):
        kept = HeldAmounts(
            strategy_id=turn.head.strategy_id,
            account=account,
            position_version=version,
            amounts={key: money.tidy(amount) for key, amount in sorted(amounts.items())},
            produced_at=turn.now,
        )
        turn.context.put(_name(account), kept)
    elif _held(turn, account) is not None:
        turn.context.delete(_name(account))


def forget_unused(turn: ManagerTurn) -> None:
    """After a restart without limits: what was known then would be out of date when there are limits again."""
    if turn.settings.limits is not None:
        return
    for name, _ in list(turn.context.scan(HELD, HeldAmounts)):
        turn.context.delete(name)
    if turn.context.get(LIMIT_USE, LimitUse) is not None:
        turn.context.delete(LIMIT_USE)
