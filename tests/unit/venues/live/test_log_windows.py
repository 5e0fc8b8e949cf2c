"""A ledger that is read by windows of time tells each entry once, whenever it shows up within the overlap."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from tightloop.venues.live.log_windows import LONGEST, OVERLAP, Reach, Row, Rows, cursor_at, rows_after
from tightloop.venues.times import milliseconds

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
REACH = Reach("exchange: log", 90 * DAY)


class Log:
    """``most``: entries that are told at once."""

    def __init__(self, most: int = 1000, reach: Reach = REACH) -> None:
        self._reach = reach
        self.rows: list[Row] = []
        self.asked: list[tuple[datetime, datetime]] = []
        self._most = most

    def add(self, name: str, at: datetime, *, trade: bool = False) -> None:
        self.rows.append(Row(milliseconds(at), name, trade, {"id": name}))

    def read_all(self, cursor: str, now: datetime) -> list[str]:
        """By as many questions as it takes."""
        told, more = [], True
        while more:
            found = self.read(cursor, now)
            cursor, more = found.cursor, found.more
            told += names(found)
        return told

    def read(self, cursor: str | None, now: datetime) -> Rows:
        async def told(start: datetime, end: datetime) -> list[Row] | None:
            self.asked.append((start, end))
            found = [row for row in self.rows if milliseconds(start) <= row.at_ms <= milliseconds(end)]
            return found if len(found) <= self._most else None

        return asyncio.run(rows_after(told, cursor, now, self._reach))


def names(found: Rows) -> list[str]:
    return [row["id"] for row in found.fresh]


def test_each_entry_is_told_once_and_oldest_first() -> None:
    log = Log()
    log.add("b", NOON + 2 * MINUTE)
    log.add("a", NOON + MINUTE)
    first = log.read(cursor_at(NOON), NOON + 3 * MINUTE)
    assert (names(first), first.more) == (["a", "b"], False)
    log.add("c", NOON + 4 * MINUTE)
    second = log.read(first.cursor, NOON + 5 * MINUTE)
    assert names(second) == ["c"]
    assert names(log.read(second.cursor, NOON + 60 * MINUTE)) == []


def test_an_entry_that_shows_up_late_is_told() -> None:
    log = Log()
    log.add("b", NOON + 2 * MINUTE)
    first = log.read(cursor_at(NOON), NOON + 3 * MINUTE)
    log.add("late", NOON + MINUTE)
    assert names(log.read(first.cursor, NOON + 9 * MINUTE)) == ["late"]


def test_what_trades_did_is_left_out() -> None:
    log = Log()
    log.add("trade", NOON, trade=True)
    log.add("funding", NOON)
    assert names(log.read(cursor_at(NOON), NOON + MINUTE)) == ["funding"]


def test_weeks_are_read_one_after_the_other() -> None:
    log = Log()
    for day in range(20):
        log.add(f"{day:02}", NOON + timedelta(days=day))
    assert log.read_all(cursor_at(NOON), NOON + 20 * DAY) == [f"{day:02}" for day in range(20)]
    assert all(end - start <= LONGEST for start, end in log.asked)


def test_a_window_with_too_many_entries_is_halved_until_it_can_be_told() -> None:
    log = Log(most=4)
    for number in range(12):
        log.add(f"{number:02}", NOON + 6 * number * MINUTE)
    assert log.read_all(cursor_at(NOON), NOON + timedelta(hours=3)) == [f"{number:02}" for number in range(12)]


def test_more_in_the_overlap_than_can_be_told_is_no_answer() -> None:
    log = Log(most=2)
    for number in range(5):
        log.add(str(number), NOON + number * timedelta(seconds=1))
    with pytest.raises(ValueError, match="more than"):
        log.read(cursor_at(NOON), NOON + MINUTE)


def test_without_a_cursor_a_week_is_told_and_what_is_none_is_refused() -> None:
    log = Log()
    log.add("old", NOON - timedelta(days=6))
    assert names(log.read(None, NOON)) == ["old"]
    assert timedelta(minutes=10) == OVERLAP
    with pytest.raises(ValueError, match="no cursor"):
        log.read("not one", NOON)


def test_a_cursor_stays_short_however_many_entries_lie_in_the_overlap() -> None:
    log = Log()
    for number in range(500):
        log.add(f"an id as long as exchanges make them, {number:04}", NOON + number * timedelta(seconds=1))
    found = log.read(cursor_at(NOON), NOON + 9 * MINUTE)
    assert len(found.fresh) == 500
    assert len(found.cursor) < 4096
    assert names(log.read(found.cursor, NOON + 9 * MINUTE)) == []


def test_no_window_lies_in_two_lists_and_nothing_between_them_is_missed() -> None:
    recent = 7 * DAY
    log = Log(reach=Reach("exchange: log", 90 * DAY, recent))
    for hour in range(0, 17 * 24, 6):
        log.add(f"{hour:03}", NOON + timedelta(hours=hour))
    now = NOON + 17 * DAY
    assert log.read_all(cursor_at(NOON), now) == [f"{hour:03}" for hour in range(0, 17 * 24, 6)]
    older = [(start, end) for start, end in log.asked if start < now - recent]
    assert older
    assert all(end <= now - recent + DAY for _, end in older), "the rest is the recent list's"
    assert len(log.asked) <= 4


def test_what_is_no_longer_kept_is_said_once_and_what_is_kept_is_told() -> None:
    log = Log()
    log.add("forgotten", NOON)
    log.add("kept", NOON + 60 * DAY)
    with capture_logs() as said:
        assert log.read_all(cursor_at(NOON), NOON + 100 * DAY) == ["kept"]
    assert [(one["log_level"], one["ledger"], one["told_from"]) for one in said] == [
        ("warning", "exchange: log", (NOON + 10 * DAY).isoformat())
    ]
    assert "REC-002" in said[0]["remedy"]


def test_what_is_still_kept_is_told_without_a_word() -> None:
    log = Log()
    log.add("old", NOON)
    with capture_logs() as said:
        assert log.read_all(cursor_at(NOON), NOON + 89 * DAY) == ["old"]
    assert said == []
