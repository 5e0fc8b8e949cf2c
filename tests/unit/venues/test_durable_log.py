"""The log of commands: torn tails, other processes, other settings, damage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tightloop.venues.sim import commands as c
from tightloop.venues.sim.log import LogDamaged
from tightloop.venues.sim.sandbox import ManualClock, Sandbox
from tightloop.venues.sim.settings import SimSettings, exchange

D = Decimal
NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def settings(folder: Path, **changes: object) -> SimSettings:
    return replace(SimSettings(data_dir=str(folder), exchanges=(exchange("binance"),), chains=()), **changes)


def order(name: str) -> c.PlaceOrder:
    return c.PlaceOrder(
        account="s",
        client_order_id=name,
        market="spot",
        symbol="BTC/USDT",
        side="buy",
        order_type="market",
        amount=D("0.1"),
        timestamp=NOW,
        decided_at=NOW,
    )


def kept(folder: Path, names: str = "ab") -> Path:
    venue = Sandbox(settings(folder), ManualClock(NOW))
    for name in names:
        venue.act("binance", order(name), NOW)
    venue.close()
    return folder / "books.jsonl"


def fills(folder: Path) -> list[str | None]:
    venue = Sandbox(settings(folder), ManualClock(NOW))
    try:
        return [entry.client_order_id for entry in venue.ledger("binance", "s", 0).entries]
    finally:
        venue.close()


def test_every_acknowledged_command_is_there_after_a_restart(tmp_path: Path) -> None:
    kept(tmp_path, "abc")
    assert fills(tmp_path) == ["a", "b", "c"]


def test_nothing_is_on_disk_before_the_flush_that_precedes_the_answer(tmp_path: Path) -> None:
    venue = Sandbox(settings(tmp_path), ManualClock(NOW))
    size = (tmp_path / "books.jsonl").stat().st_size
    venue.act("binance", order("a"), NOW)
    assert (tmp_path / "books.jsonl").stat().st_size == size
    venue.flush()
    assert (tmp_path / "books.jsonl").stat().st_size > size
    venue.close()


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_torn_last_line_is_dropped_and_the_log_goes_on_after_it(tmp_path: Path, cut: int) -> None:
    path = kept(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])
    assert fills(tmp_path) == ["a"]
    venue = Sandbox(settings(tmp_path), ManualClock(NOW))
    venue.act("binance", order("c"), NOW)
    venue.close()
    assert fills(tmp_path) == ["a", "c"]


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = kept(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b"garbage\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(LogDamaged, match="line 3"):
        fills(tmp_path)


def test_a_second_process_on_the_same_books_is_refused(tmp_path: Path) -> None:
    venue = Sandbox(settings(tmp_path), ManualClock(NOW))
    with pytest.raises(LogDamaged, match="in use"):
        Sandbox(settings(tmp_path), ManualClock(NOW))
    venue.close()


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"seed": 2}, "seed"),
        ({"exchanges": (exchange("okx"),)}, "exchanges"),
        ({"market_origin": NOW + timedelta(hours=1)}, "market_origin"),
    ],
)
def test_books_kept_with_other_settings_are_refused(tmp_path: Path, changes: dict[str, object], name: str) -> None:
    kept(tmp_path)
    with pytest.raises(LogDamaged, match=name):
        Sandbox(settings(tmp_path, **changes), ManualClock(NOW))


def test_host_and_port_may_change_and_the_market_origin_is_kept(tmp_path: Path) -> None:
    kept(tmp_path)
    later = Sandbox(settings(tmp_path, host="::1", port=9), ManualClock(NOW + timedelta(hours=3)))
    assert later.market_origin == NOW
    later.close()
