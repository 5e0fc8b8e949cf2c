"""What Binance's answers about orders become, where the sandbox can't be brought to give them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.live_face import live_lane
from tests.support.told_exchange import ToldExchange
from tests.support.venue_intents import perp, to_be_sent, trade

from tightloop.handlers.calls import Ambiguous, NotFound, NotSent, OrderFound, Refused, Unavailable
from tightloop.records.types import JournalEntry, PreparedOrder
from tightloop.venues import binance
from tightloop.venues.adapter import ClockGate
from tightloop.venues.binance import connect
from tightloop.venues.credentials import checked
from tightloop.venues.live.exchange import LiveExchange

D = Decimal
ID = "0123456789abcdef" * 2
NOW_MS = 1_760_000_000_000
KEYS = checked(binance.SPEC, "dev", {name: f"value-{name}" for name in binance.SPEC.credentials})
SPOT_MARKET = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    ],
}
PERPETUAL = SPOT_MARKET | {"contractType": "PERPETUAL", "marginAsset": "USDT", "deliveryDate": 4_133_404_800_000}
SPOT_ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": ID,
    "transactTime": NOW_MS,
    "updateTime": NOW_MS,
    "origQty": "1.00000000",
    "executedQty": "1.00000000",
    "cummulativeQuoteQty": "4000.00000000",
    "status": "FILLED",
}
FILL = {"price": "4000.00", "qty": "1.00", "commission": "0.001", "commissionAsset": "BTC", "tradeId": 56}
TRADE = {
    "id": 56,
    "orderId": 28,
    "price": "4000.00",
    "qty": "1.00",
    "quoteQty": "4000.00",
    "commission": "0.001",
    "commissionAsset": "BTC",
    "time": NOW_MS,
    "isMaker": False,
}
PERP_TRADE = TRADE | {"commission": "1.6", "commissionAsset": "USDT", "maker": True, "realizedPnl": "-12.5"}


def told(**answers: Any) -> dict[str, Any]:
    """An exchange that lists BTC and tells its time; ``answers``: ``POST_api_v3_order=(200, {...})``."""
    found: dict[str, Any] = {
        "GET /api/v3/exchangeInfo": (200, {"symbols": [SPOT_MARKET]}),
        "GET /fapi/v1/exchangeInfo": (200, {"symbols": [PERPETUAL]}),
        "GET /api/v3/time": (200, {"serverTime": NOW_MS}),
        "GET /fapi/v1/time": (200, {"serverTime": NOW_MS}),
    }
    for name, answer in answers.items():
        method, _, path = name.partition("_")
        found[f"{method} /{path.replace('_', '/')}"] = answer
    return found


def intent(make: Callable[..., JournalEntry] = trade) -> JournalEntry:
    entry = replace(make("s", "a", datetime.now(UTC), amount=D(1)), client_order_id=ID)
    market, symbol = ("spot", "BTC/USDT") if make is trade else ("perp", "BTC/USDT:USDT")
    order = PreparedOrder(market=market, symbol=symbol, side="buy", order_type="market", amount=D(1))  # type: ignore[arg-type]
    return to_be_sent(entry, order)


def gate() -> ClockGate:
    now = datetime.now(UTC)
    return ClockGate(lambda: datetime.now(UTC), now, timedelta(seconds=3), None)


def asked(answers: dict[str, Any], ask: Callable[[LiveExchange], Coroutine[Any, Any, Any]]) -> Any:
    async def work() -> Any:
        async with ToldExchange(answers) as exchange:
            found = connect(live_lane(exchange.address), KEYS)
            try:
                return await ask(found)
            finally:
                await found.close()

    return asyncio.run(work())


def submitted(answer: Any, **more: Any) -> Any:
    return asked(told(POST_api_v3_order=answer, **more), lambda adapter: adapter.submit(intent(), gate()))


def deltas(found: OrderFound) -> list[tuple[str, Decimal, str]]:
    return [(one.position_key, one.amount, one.source) for entry in found.entries for one in entry.deltas]


@pytest.mark.parametrize(
    ("commission", "asset", "charged"),
    [("0.001", "BTC", "-0.001"), ("0.0123", "BNB", "-0.0123"), ("-0.5", "USDT", "0.5"), ("0", "BNB", None)],
)
def test_a_fee_is_taken_from_whatever_asset_binance_took_it(commission: str, asset: str, charged: str | None) -> None:
    """A third asset where the account pays in BNB; a rebate is a negative fee."""
    order = SPOT_ORDER | {"fills": [FILL | {"commission": commission, "commissionAsset": asset}]}
    found = submitted((200, order))
    expected = [("binance:BaseToken:BTC", D(1), "trade"), ("binance:BaseToken:USDT", D(-4000), "trade")]
    if charged is not None:
        expected.append((f"binance:BaseToken:{asset}", D(charged), "fee"))
    assert deltas(found) == expected
    fees = [(fee.position_key, fee.amount) for entry in found.entries for fee in entry.fees]
    assert fees == ([(f"binance:BaseToken:{asset}", D(commission))] if charged is not None else [])


def test_what_a_trade_cost_is_what_binance_booked() -> None:
    """Amount times price may have more places than the quote, of which Binance keeps eight."""
    order = SPOT_ORDER | {"executedQty": "0.0001", "cummulativeQuoteQty": "0.00000345"}
    fill = FILL | {"qty": "0.0001", "price": "0.03456", "commission": "0"}
    trades = [TRADE | fill | {"quoteQty": "0.00000345"}]
    found = submitted((200, order | {"fills": [fill]}), GET_api_v3_myTrades=(200, trades))
    assert (found.status, found.entries[0].cost) == ("filled", D("0.00000345"))
    assert ("binance:BaseToken:USDT", D("-0.00000345"), "trade") in deltas(found)


def test_a_perpetuals_trade_moves_position_profit_and_fee() -> None:
    answers = told(POST_fapi_v1_order=(200, SPOT_ORDER), GET_fapi_v1_userTrades=(200, [PERP_TRADE]))
    found = asked(answers, lambda adapter: adapter.submit(intent(perp), gate()))
    assert deltas(found) == [
        ("binance:Perp:BTC/USDT:USDT", D(1), "trade"),
        ("binance:MarginBalance:USDT", D("-12.5"), "trade"),
        ("binance:MarginBalance:USDT", D("-1.6"), "fee"),
    ]
    (entry,) = found.entries
    assert (entry.liquidity, entry.realised_pnl, entry.client_order_id) == ("maker", D("-12.5"), ID)


def test_an_order_is_not_over_before_all_its_trades_are_shown() -> None:
    """Binance's trades may show up after the order that they fill."""
    behind = told(POST_fapi_v1_order=(200, SPOT_ORDER), GET_fapi_v1_userTrades=(200, []))
    found = asked(behind, lambda adapter: adapter.submit(intent(perp), gate()))
    assert (found.status, found.entries) == ("open", ()), "it is there, for certain"
    behind = told(GET_api_v3_order=(200, SPOT_ORDER), GET_api_v3_myTrades=(200, [TRADE | {"qty": "0.4"}]))
    answer = asked(behind, lambda adapter: adapter.find(intent()))
    assert isinstance(answer, Unavailable)
    assert "trades of 0.4" in answer.message
    whole = told(GET_api_v3_order=(200, SPOT_ORDER), GET_api_v3_myTrades=(200, [TRADE]))
    assert asked(whole, lambda adapter: adapter.find(intent())).status == "filled"


def test_an_answer_about_another_order_is_none() -> None:
    other = SPOT_ORDER | {"clientOrderId": "f" * 32, "fills": [FILL]}
    assert isinstance(submitted((200, other)), Ambiguous)
    answers = told(GET_api_v3_order=(200, other), GET_api_v3_myTrades=(200, [TRADE]))
    assert isinstance(asked(answers, lambda adapter: adapter.find(intent())), Unavailable)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        (200, {"unexpected": True}),
        (200, None),
        (200, SPOT_ORDER | {"status": "A_NEW_ONE", "fills": []}),
        (200, SPOT_ORDER | {"executedQty": "many", "fills": []}),
        (500, "<html>"),
        (503, {"code": -1007, "msg": "Timeout waiting for response from backend server."}),
        (400, {"code": -9999, "msg": "A refusal of tomorrow."}),
        (400, {"code": -2010, "msg": "Duplicate order sent."}),
        (302, {"moved": "elsewhere"}),
    ],
)
def test_what_can_not_be_read_for_certain_is_asked_about(answer: Any) -> None:
    assert isinstance(submitted(answer), Ambiguous)


def test_refusals_are_told_apart() -> None:
    assert isinstance(submitted((400, {"code": -1013, "msg": "Filter failure: LOT_SIZE"})), Refused)
    late = submitted((429, {"code": -1003, "msg": "Too much request weight used."}))
    assert isinstance(late, NotSent) and late.code == "EXI-002"
    key = submitted((401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}))
    assert isinstance(key, Refused) and key.code == "EXI-004"
    assert "value-" not in repr(key)


def test_a_cancel_that_binance_does_not_know_shows_what_became_of_the_order() -> None:
    unknown = (400, {"code": -2011, "msg": "Unknown order sent."})
    filled = told(DELETE_api_v3_order=unknown, GET_api_v3_order=(200, SPOT_ORDER), GET_api_v3_myTrades=(200, [TRADE]))
    assert asked(filled, lambda adapter: adapter.cancel(intent(), gate())).status == "filled"
    nothing = told(DELETE_api_v3_order=unknown, GET_api_v3_order=(400, {"code": -2013, "msg": "Order does not exist."}))
    assert isinstance(asked(nothing, lambda adapter: adapter.cancel(intent(), gate())), NotFound)


def test_hedged_positions_make_a_snapshot_unreadable() -> None:
    position = {"symbol": "BTCUSDT", "positionSide": "LONG", "positionAmt": "1"}
    answers = told(
        GET_api_v3_account=(200, {"balances": []}),
        GET_fapi_v3_account=(200, {"assets": [], "positions": [position]}),
        GET_fapi_v1_income=(200, []),
    )
    answer = asked(answers, lambda adapter: adapter.positions(None))  # type: ignore[arg-type]
    assert isinstance(answer, Unavailable)
    assert "hedge mode" in answer.message
