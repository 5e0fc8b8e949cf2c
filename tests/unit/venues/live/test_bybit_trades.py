"""Bybit's trades: what each realised comes from the transaction log, which may lag behind."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.told_session import ToldSession, bybit_list

from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import PreparedOrder
from tightloop.venues.live.bybit_trades import trades_of
from tightloop.venues.live.dialect import Shown

D = Decimal
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
AT = str(int(NOON.timestamp() * 1000))
CLOSES = PreparedOrder(
    market="perp", symbol="BTC/USDT:USDT", side="sell", order_type="market", amount=D("0.5"), reduce_only=True
)
SHOWN = Shown(
    venue_order_id="7",
    client_order_id="mine",
    status="filled",
    filled=D("0.5"),
    remaining=D(0),
    at=NOON,
)
TRADE = "perp-BTC/USDT:USDT"
NAMED = {"category": "linear", "symbol": "BTCUSDT"}


def execution(number: int, **changes: Any) -> dict[str, Any]:
    told = {
        "execId": f"e{number}",
        "execType": "Trade",
        "orderId": "7",
        "execTime": AT,
        "seq": number,
        "execQty": "0.25",
        "execValue": "10000",
        "execFee": "5.5",
        "feeCurrency": "",
        "isMaker": False,
        "closedSize": "0.25",
        "extraFees": "",
    }
    return told | changes


def read(executions: list[dict[str, Any]], log: list[dict[str, Any]]) -> tuple[LedgerEntry, ...]:
    told = {
        "privateGetV5ExecutionList": bybit_list(*executions),
        "privateGetV5AccountTransactionLog": bybit_list(*log),
    }
    session: Any = ToldSession(told)
    return asyncio.run(trades_of(session, "bybit", NAMED, SHOWN, CLOSES))


def line(number: int, cash_flow: str) -> dict[str, Any]:
    return {"id": f"l{number}", "tradeId": f"e{number}", "cashFlow": cash_flow}


def test_what_a_trade_realised_is_read_from_the_log() -> None:
    first, second = read([execution(2), execution(1)], [line(1, "12"), line(2, "-3")])
    assert [(one.entry_id, one.realised_pnl) for one in (first, second)] == [
        (f"{TRADE}-e1", D(12)),
        (f"{TRADE}-e2", D(-3)),
    ]
    assert [(one.position_key, one.amount, one.source) for one in first.deltas] == [
        ("bybit:Perp:BTC/USDT:USDT", D("-0.25"), "trade"),
        ("bybit:MarginBalance:USDT", D(12), "trade"),
        ("bybit:MarginBalance:USDT", D("-5.5"), "fee"),
    ]


def test_a_trade_that_the_log_does_not_show_yet_proves_nothing_yet() -> None:
    with pytest.raises(ValueError, match="does not show yet what e2 realised"):
        read([execution(1), execution(2)], [line(1, "12")])


def test_a_trade_that_opens_has_realised_nothing_and_needs_no_log() -> None:
    (only,) = read([execution(1, closedSize="0")], [])
    assert only.realised_pnl in (None, D(0))


def test_trades_of_other_orders_and_funding_are_none_of_its() -> None:
    others = [execution(2, orderId="8"), execution(3, execType="Funding")]
    (only,) = read([execution(1), *others], [line(1, "12")])
    assert only.entry_id == f"{TRADE}-e1"


def test_further_fees_are_not_passed_over() -> None:
    with pytest.raises(ValueError, match="further fees"):
        read([execution(1, extraFees=[{"fee": "1"}])], [line(1, "12")])
