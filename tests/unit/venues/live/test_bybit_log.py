"""Bybit's transaction log as ledger entries: what each kind of line is, and what is told elsewhere."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.told_session import ToldSession, bybit_list

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.live.bybit_log import entries_after
from tightloop.venues.live.log_windows import cursor_at
from tightloop.venues.times import milliseconds

D = Decimal
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MARKETS = {"BTC/USDT:USDT": {"id": "BTCUSDT", "symbol": "BTC/USDT:USDT", "swap": True}}


def line(kind: str, change: str, **fields: Any) -> dict[str, Any]:
    usual = {"id": kind, "type": kind, "transactionTime": str(milliseconds(NOON)), "currency": "USDT", "symbol": ""}
    return {**usual, "change": change, "side": "None", "qty": "0", "category": "", **fields}


def read(*lines: dict[str, Any]) -> list[LedgerEntry]:
    session: Any = ToldSession({"privateGetV5AccountTransactionLog": bybit_list(*lines)}, MARKETS)
    found, _, more = asyncio.run(entries_after(session, "bybit", cursor_at(NOON), NOON, withdraws=False))
    assert not more
    return found


def test_what_trades_did_is_left_to_their_orders() -> None:
    assert read(line("TRADE", "-100", symbol="BTCUSDT", category="linear")) == []


@pytest.mark.parametrize(
    ("kind", "told_as", "source"),
    [
        ("SETTLEMENT", "funding", "funding"),
        ("INTEREST", "interest", "interest"),
        ("BONUS", "reward", "reward"),
        ("FEE_REFUND", "reward", "reward"),
        ("CURRENCY_BUY", "transfer", "transfer"),
        ("ONE_OF_NEXT_YEAR", "transfer", "transfer"),
    ],
)
def test_each_kind_of_line_is_booked_by_what_it_is(kind: str, told_as: str, source: str) -> None:
    (entry,) = read(line(kind, "-1.5"))
    assert (entry.entry_id, entry.kind, entry.event_time) == (f"log-{kind}", told_as, NOON)
    (delta,) = entry.deltas
    assert (delta.position_key, delta.amount, delta.source) == ("bybit:MarginBalance:USDT", D("-1.5"), source)


def test_a_coin_that_settles_nothing_is_a_balance_of_its_own() -> None:
    (entry,) = read(line("AIRDROP", "3", currency="MNT"))
    assert entry.deltas[0].position_key == "bybit:BaseToken:MNT"


def test_a_liquidation_moves_its_position_too() -> None:
    (entry,) = read(line("LIQUIDATION", "-20", symbol="BTCUSDT", category="linear", side="Sell", qty="0.1"))
    assert [(one.position_key, one.amount) for one in entry.deltas] == [
        ("bybit:Perp:BTC/USDT:USDT", D("-0.1")),
        ("bybit:MarginBalance:USDT", D(-20)),
    ]


def test_a_line_that_moves_nothing_is_no_entry() -> None:
    assert read(line("SETTLEMENT", "0"), line("INTEREST", "")) == []
