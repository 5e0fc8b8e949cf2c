"""From a trade instruction to exactly the order that a simulated exchange is sent: rounded to its steps. Pure.

Amounts are rounded down to whole lots, limits to ticks towards the safe side: a buyer never offers more than was said,
a seller never takes less. What is too small then, or what the exchange does not list, is refused here, before anything
is journalled as sent. What depends on the market's price at that moment only the exchange itself can judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from tightloop.domain import money
from tightloop.errors.nearest import hint
from tightloop.handlers.calls import Prepared, Refused
from tightloop.records.types import CexTrade, JournalEntry, PreparedOrder
from tightloop.venues.sim import rounding
from tightloop.venues.sim.bounds import outside
from tightloop.venues.sim.settings import SymbolRules

INVALID = "EXI-007"
UNSUPPORTED = "EXI-013"
ZERO = Decimal(0)
Listed = Mapping[tuple[str, str], SymbolRules]  # by market and symbol


def listed(rules: Iterable[SymbolRules]) -> Listed:
    return {(one.market, one.symbol): one for one in rules}


def prepare_order(entry: JournalEntry, listings: Listed) -> Prepared | Refused:
    instruction = entry.routed.instruction
    trade = instruction.cex_trade if instruction else None
    if trade is None:
        return Refused(UNSUPPORTED, f"{entry.lane} executes trades only")
    rules = listings.get((trade.market, trade.symbol))
    if rules is None:
        others = (symbol for market, symbol in listings if market == trade.market)
        told = f"{entry.lane} has no {trade.market} market {trade.symbol}"
        return Refused(INVALID, told + hint(trade.symbol, others))
    amount = None if trade.amount is None else rounding.multiple_down(trade.amount, rules.lot)
    price = None if trade.price is None else _to_tick(trade.price, rules.tick, trade.side == "buy")
    reason = _refusal(trade, rules, amount, price)
    if reason is not None:
        return Refused(INVALID, f"{trade.symbol}: {reason}")
    return Prepared(
        PreparedOrder(
            market=trade.market,
            symbol=trade.symbol,
            side=trade.side,
            order_type=trade.order_type,
            amount=amount,
            quote_amount=trade.quote_amount,
            price=price,
            time_in_force=trade.time_in_force,
            reduce_only=trade.reduce_only,
            reference_price=trade.reference_price or entry.routed.reference_price,
            max_slippage_bps=trade.max_slippage_bps,
            rounded_off=ZERO if trade.amount is None or amount is None else trade.amount - amount,
        )
    )


def _to_tick(price: Decimal, tick: Decimal, buy: bool) -> Decimal:
    return rounding.multiple_down(price, tick) if buy else rounding.multiple_up(price, tick)


def _refusal(trade: CexTrade, rules: SymbolRules, amount: Decimal | None, price: Decimal | None) -> str | None:
    """Why the exchange would refuse it whatever the market does; None: it may take it."""
    if amount is not None and not amount:
        return f"{money.text(trade.amount or amount)} is less than the lot {money.text(rules.lot)}"
    if price is not None and not price:
        return f"{money.text(trade.price or price)} is less than the tick {money.text(rules.tick)}"
    notional = trade.quote_amount if amount is None else None if price is None else amount * price
    at_market = price is None and trade.max_slippage_bps is None
    return outside(rules, amount, notional, at_market=at_market, closes=trade.reduce_only)
