"""The income of a futures wallet as a ledger: nothing twice, nothing missed, whatever comes late."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tightloop.venues.live import binance_income
from tightloop.venues.live.binance_income import OVERLAP_MS, cursor_at, entries_after

START = 1_760_000_000_000
NOW = datetime.fromtimestamp(START / 1000, UTC) + timedelta(days=1)
MARGIN = "binance:MarginBalance:USDT"


class Income:
    """Binance's answers to ``GET /fapi/v1/income``."""

    def __init__(self, page: int = 1000) -> None:
        self.rows: list[dict[str, Any]] = []
        self.page = page

    def add(
        self, at_ms: int, number: int, kind: str = "FUNDING_FEE", amount: str = "-1.5", symbol: str = "BTCUSDT"
    ) -> None:
        row = {"incomeType": kind, "income": amount, "asset": "USDT", "tranId": number, "time": START + at_ms}
        self.rows.append(row | {"symbol": symbol, "info": kind, "tradeId": ""})

    async def ask(self, endpoint: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        assert endpoint == "fapiPrivateGetIncome"
        found = [row for row in self.rows if row["time"] >= given.get("startTime", 0)]
        return sorted(found, key=lambda row: row["time"])[: self.page]


def read(income: Income, cursor: str | None, now: datetime = NOW) -> tuple[list[str], str, bool]:
    entries, after, more = asyncio.run(entries_after(income, "binance", cursor, now))  # type: ignore[arg-type]
    return [entry.entry_id.split("-")[2] for entry in entries], after, more


def test_what_accrued_is_told_once() -> None:
    income = Income()
    income.add(0, 1)
    first, cursor, more = read(income, cursor_at(datetime.fromtimestamp(START / 1000, UTC)))
    assert (first, more) == (["1"], False)
    assert read(income, cursor) == ([], cursor, False)
    income.add(8 * 3600 * 1000, 2)
    second, later, _ = read(income, cursor)
    assert second == ["2"]
    assert read(income, later)[0] == []
    assert read(income, cursor)[0] == ["2"], "an old cursor still tells all that came after it"


def test_what_shows_up_late_is_not_missed() -> None:
    income = Income()
    income.add(0, 1)
    income.add(300_000, 3)
    cursor = read(income, None)[1]
    income.add(200_000, 2)
    income.add(300_000, 4, symbol="ETHUSDT")
    assert read(income, cursor)[0] == ["2", "4"]


def test_of_two_with_one_number_each_counts() -> None:
    income = Income()
    income.add(0, 1)
    income.add(0, 1, kind="API_REBATE", symbol="")
    income.add(0, 1, symbol="ETHUSDT")
    income.add(0, 1)
    income.rows[-1]["asset"] = "BNB"
    entries, _, _ = asyncio.run(entries_after(income, "binance", None, NOW))  # type: ignore[arg-type]
    assert len({entry.entry_id for entry in entries}) == 4


def test_what_trades_and_movements_did_is_theirs_to_tell() -> None:
    income = Income()
    for number, kind in enumerate(
        ("REALIZED_PNL", "COMMISSION", "FUNDING_FEE", "TRANSFER", "REFERRAL_KICKBACK", "NEW_ONE")
    ):
        income.add(number, number, kind)
    entries, _, _ = asyncio.run(entries_after(income, "binance", None, NOW))  # type: ignore[arg-type]
    assert [(one.kind, one.deltas[0].source) for one in entries] == [
        ("funding", "funding"),
        ("reward", "reward"),
        ("transfer", "transfer"),
    ]
    assert {delta.position_key for one in entries for delta in one.deltas} == {MARGIN}
    assert {one.client_order_id for one in entries} == {None}


def test_a_long_history_is_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_income, "PAGE", 3)
    income = Income(page=3)
    for number in range(8):
        income.add(number * 1000, number, kind="COMMISSION" if number % 2 else "FUNDING_FEE")
    told: list[str] = []
    cursor, more = cursor_at(datetime.fromtimestamp(START / 1000, UTC)), True
    while more:
        found, cursor, more = read(income, cursor)
        told += found
    assert told == ["0", "2", "4", "6"]


def test_more_at_one_moment_than_a_page_holds_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_income, "PAGE", 3)
    income = Income(page=3)
    for number in range(4):
        income.add(0, number)
    _, cursor, more = read(income, None)
    assert more
    with pytest.raises(ValueError, match="there may be more"):
        read(income, cursor)


def test_a_cursor_stays_short() -> None:
    income = Income()
    for number in range(900):
        income.add(number * 100, number)
    _, cursor, _ = read(income, None)
    assert len(cursor) < 4096
    income.add(900 * 100, 900)
    assert read(income, cursor)[0] == ["900"]


def test_the_overlap_moves_on() -> None:
    income = Income()
    income.add(0, 1)
    cursor = read(income, None)[1]
    income.add(10 * OVERLAP_MS, 2)
    later = read(income, cursor)[1]
    assert later.count('"') == 2, "of what is older than the overlap no id is kept"


def test_a_cursor_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no cursor"):
        read(Income(), "17")


def test_where_nothing_accrues_the_place_stays_within_what_is_kept() -> None:
    income, cursor, now = Income(), cursor_at(NOW), NOW
    with capture_logs() as said:
        for _ in range(40):
            now += timedelta(days=5)
            _, cursor, _ = read(income, cursor, now)
    assert said == []
    at_ms = int(now.timestamp() * 1000) - START
    income.add(at_ms, 1)
    assert read(income, cursor, now + timedelta(minutes=1))[0] == ["1"]


def test_a_place_before_what_is_kept_is_said_once_and_what_is_kept_is_told() -> None:
    income, now = Income(), NOW + timedelta(days=120)
    income.add(110 * 86_400_000, 1)
    with capture_logs() as said:
        told, cursor, _ = read(income, cursor_at(NOW), now)
        assert read(income, cursor, now)[0] == []
    assert told == ["1"]
    (warning,) = said
    assert (warning["log_level"], warning["ledger"]) == ("warning", "binance: fapi/v1/income")
    assert "tightloop adjust" in warning["remedy"]
