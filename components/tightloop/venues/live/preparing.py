"""From an instruction to exactly the order that a live exchange is sent. Rounding is the simulated exchanges' own
(``sim/preparing.py``), by the rules that the exchange lists. A slippage bound becomes the price of an IOC limit order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal

from msgspec.structs import replace

from tightloop.handlers.calls import Prepared, Refused
from tightloop.records.types import JournalEntry, PreparedOrder
from tightloop.venues.sim import rounding
from tightloop.venues.sim.bounds import outside
from tightloop.venues.sim.preparing import INVALID, UNSUPPORTED, listed, prepare_order
from tightloop.venues.sim.settings import SymbolRules

_BPS = Decimal("0.0001")
Rules = Callable[[str, str], Awaitable[SymbolRules | None]]
Price = Callable[[str, str], Awaitable[Decimal]]


async def prepare(entry: JournalEntry, rules_of: Rules, price_of: Price) -> Prepared | Refused:
    """Asks for the market's price only where the order itself needs one."""
    instruction = entry.routed.instruction
    trade = instruction.cex_trade if instruction else None
    if trade is None:
        return Refused(UNSUPPORTED, f"{entry.lane}: live exchanges execute trades alone so far")
    if trade.market == "spot" and trade.reduce_only:
        return Refused(INVALID, f"{trade.symbol}: a spot market has no position that reduce_only could reduce")
    if trade.order_type == "limit" and trade.price is None:
        return Refused(INVALID, f"{trade.symbol}: a limit order needs a price")
    rules = await rules_of(trade.market, trade.symbol)
    prepared = prepare_order(entry, listed([rules] if rules is not None else []))
    if isinstance(prepared, Refused) or rules is None or not isinstance(prepared.what, PreparedOrder):
        return prepared
    order = prepared.what
    if order.order_type == "market" and order.max_slippage_bps is not None:
        order = bounded_by_price(order, rules, order.reference_price or await price_of(order.market, order.symbol))
    elif order.quote_amount is not None and order.market == "perp":
        order = in_base_units(order, rules, await price_of(order.market, order.symbol))
    if order.amount is not None and not order.amount:
        return Refused(INVALID, f"{order.symbol}: {order.quote_amount or 0} buys less than the lot {rules.lot}")
    notional = None if order.amount is None or order.price is None else order.amount * order.price
    wrong = outside(rules, order.amount, notional, at_market=order.price is None, closes=order.reduce_only)
    return prepared if wrong is None and order is prepared.what else _checked(order, wrong)


def _checked(order: PreparedOrder, wrong: str | None) -> Prepared | Refused:
    return Prepared(order) if wrong is None else Refused(INVALID, f"{order.symbol}: {wrong}")


def bounded_by_price(order: PreparedOrder, rules: SymbolRules, reference: Decimal) -> PreparedOrder:
    """An IOC limit so far from the reference, rounded to the tick on the trader's side; quote amounts become base."""
    slippage = (order.max_slippage_bps or Decimal(0)) * _BPS
    buys = order.side == "buy"
    bound = reference * (1 + slippage if buys else 1 - slippage)
    price = rounding.multiple_down(bound, rules.tick) if buys else rounding.multiple_up(bound, rules.tick)
    if order.quote_amount is not None:  # a seller's bound is below the reference, and would make it sell more than said
        order = in_base_units(order, rules, max(price, reference))
    return replace(order, order_type="limit", time_in_force="IOC", price=price, reference_price=reference)


def in_base_units(order: PreparedOrder, rules: SymbolRules, price: Decimal) -> PreparedOrder:
    """What an amount in quote units comes to at that price, in whole lots."""
    exact = rounding.DOWN.divide(order.quote_amount or Decimal(0), price)
    return replace(order, amount=rounding.multiple_down(exact, rules.lot), quote_amount=None)
