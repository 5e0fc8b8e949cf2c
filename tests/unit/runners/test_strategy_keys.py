"""An account's position keys, as venues answer them, become the strategy's: in one place, for every answer."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from tightloop.handlers import calls
from tightloop.records.types import Delta, Fee
from tightloop.runners.strategy_keys import named

NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
KEY = "binance:Perp:BTC/USDT:USDT"
NAMED = "binance@desk:Perp:BTC/USDT:USDT"
ENTRY = calls.LedgerEntry(
    entry_id="1",
    sequence=None,
    kind="trade",
    event_time=NOW,
    deltas=(Delta(position_key=KEY, amount=Decimal(1), source="trade"),),
    fees=(Fee(position_key=KEY, amount=Decimal(1), kind="trading"),),
)
FOUND = calls.OrderFound("filled", NOW, entries=(ENTRY,))
LEDGER = calls.Ledger((ENTRY,), "1", NOW)
HELD = calls.Positions(NOW, {KEY: Decimal(1)}, "1")


def test_the_account_of_the_strategys_own_name_is_left_out() -> None:
    for answer in (FOUND, LEDGER, HELD):
        assert named(answer, "s1", "s1") is answer


def test_any_other_account_is_named_in_every_key() -> None:
    for answer in (FOUND, LEDGER):
        made = named(answer, "desk", "s1")
        assert isinstance(made, calls.OrderFound | calls.Ledger)
        assert made.entries[0].deltas[0].position_key == NAMED
        assert made.entries[0].fees[0].position_key == NAMED
    held = named(HELD, "desk", "s1")
    assert isinstance(held, calls.Positions)
    assert held.amounts == {NAMED: Decimal(1)}


def test_an_answer_without_positions_stays_as_it_is() -> None:
    away = calls.Unavailable("EXI-003", "away")
    assert named(away, "desk", "s1") is away
