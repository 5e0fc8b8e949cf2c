"""Bybit's positions in linear perpetuals: ``/v5/position/…``. Cross margin, as the engine has it.

https://bybit-exchange.github.io/docs/v5/position/position-info and the pages beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.bookkeeping import Line
from tightloop.venues.dialects.bybit.calls import Call
from tightloop.venues.dialects.bybit.listings import MAX_LEVERAGE
from tightloop.venues.dialects.bybit.margin import Margin
from tightloop.venues.dialects.bybit.placing import figure
from tightloop.venues.dialects.bybit.refusals import BybitError, wrong_parameter
from tightloop.venues.dialects.figures import joined, plain
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.commands import SetPositionMode
from tightloop.venues.sim.orders import Listing
from tightloop.venues.times import milliseconds

_HEDGED = "3"  # mode: both sides
_RISK_LIMIT = "2000000"


async def _list(call: Call) -> Any:
    """A symbol's whatever it is; of all that settle in a coin those that are not empty."""
    call.listings.require_choice(call.given, "symbol", "settleCoin")

    def ask() -> dict[str, Any]:
        margin = Margin(call)
        listings = call.listings.asked(call.given)
        if not call.given.get("symbol"):
            listings = [one for one in listings if one in margin.held and call.listings.chosen(one, call.given)]
        indexes = (1, 2) if margin.account.hedged else (0,)
        shown = [_shown(call, margin, listing, index) for listing in listings for index in indexes]
        return {"category": call.category, "nextPageCursor": "", "list": shown}

    return await call.look("positions", "", ask)


def _shown(call: Call, margin: Margin, listing: Listing, index: int) -> dict[str, Any]:
    amount = margin.held.get(listing, ZERO)
    lines = [line for line in call.lines() if line.listing is listing]
    bound, kept = plain(margin.bound(listing)), plain(margin.kept(listing))
    return {
        "positionIdx": index,
        "riskId": 1,
        "riskLimitValue": _RISK_LIMIT,
        "symbol": joined(listing.rules.symbol),
        "side": "Buy" if amount > 0 else "Sell" if amount < 0 else "",
        "size": plain(abs(amount)),
        "avgPrice": plain(margin.entry_price(listing)) if amount else "0",
        "positionValue": plain(abs(margin.account.perps.get(listing.rules.symbol, ZERO))) if amount else "",
        "tradeMode": 0,
        "autoAddMargin": 0,
        "positionStatus": "Normal",
        "leverage": margin.leverage(listing),
        "markPrice": plain(margin.mark(listing)),
        "liqPrice": "",
        "bustPrice": "",
        "positionIM": bound,
        "positionIMByMp": bound,
        "positionMM": kept,
        "positionMMByMp": kept,
        "positionBalance": bound,
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "sessionAvgPrice": "",
        "delta": "",
        "gamma": "",
        "vega": "",
        "theta": "",
        "unrealisedPnl": plain(margin.unrealised(listing)) if amount else "",
        "curRealisedPnl": plain(_realised(_current(lines))),
        "cumRealisedPnl": plain(_realised(lines)),
        "adlRankIndicator": 2 if amount else 0,
        "createdTime": str(milliseconds(lines[0].entry.event_time)) if lines else "0",
        "updatedTime": str(milliseconds(lines[-1].entry.event_time)) if lines else "0",
        "seq": lines[-1].number if lines else -1,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "tpslMode": "Full",
    }


def _current(lines: list[Line]) -> list[Line]:
    """Since the position was last empty."""
    for place in range(len(lines) - 1, -1, -1):
        if not lines[place].position:
            return lines[place + 1 :]
    return lines


def _realised(lines: list[Line]) -> Decimal:
    """Profit, funding and fees: all that they changed of the balance."""
    return sum(
        (
            delta.amount
            for line in lines
            if line.listing is not None
            for delta in line.entry.deltas
            if delta.position_key == line.listing.quote_key
        ),
        ZERO,
    )


def _set_leverage(call: Call) -> Any:
    listing = call.listings.named(call.given)
    buys, sells = figure("buyLeverage", call.given), figure("sellLeverage", call.given)
    if buys != sells:
        raise wrong_parameter("buy leverage not equal sell leverage")
    if not 1 <= buys <= MAX_LEVERAGE:
        raise BybitError(110013, "Cannot set leverage due to risk limit level.")
    if plain(buys) == Margin(call).leverage(listing):
        raise BybitError(110043, "Set leverage has not been modified.")
    call.venue.leverage[call.account_name, listing.rules.symbol] = plain(buys)
    return {}


def _switch_mode(call: Call) -> Any:
    """Of the whole account, whichever symbol or coin is named: the engine has one mode for all."""
    if not call.given.get("symbol") and not call.given.get("coin"):
        raise wrong_parameter("symbol or coin must be there")
    call.listings.asked(call.given)
    hedged, account = call.given["mode"] == _HEDGED, call.account()
    if hedged == account.hedged:
        raise BybitError(110025, "Position mode has not been modified.")
    if account.perps:
        raise BybitError(110024, "You have an existing position, so the position mode cannot be switched.")
    if any(order.listing.perp for order in account.working.values()):
        raise BybitError(110028, "You have existing open orders, so the position mode cannot be switched.")
    call.venue.desk.set_up(SetPositionMode(account=call.account_name, hedged=hedged))
    return {}


READS: dict[str, Callable[[Call], Any]] = {"GET /v5/position/list": _list}
TRADES: dict[str, Callable[[Call], Any]] = {
    "POST /v5/position/set-leverage": _set_leverage,
    "POST /v5/position/switch-mode": _switch_mode,
}
