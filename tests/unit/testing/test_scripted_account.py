"""The positions of a scripted venue's account bear the names that the venue's own have."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tightloop.runners.clock import ManualClock
from tightloop.testing.scripted_account import Books
from tightloop.venues import registry

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def books(lane: str) -> Books:
    return Books(registry.known().lane(lane), ManualClock(NOON), Decimal(60_000), None)


@pytest.mark.parametrize(
    ("lane", "cash"), [("binance", "BaseToken"), ("bybit", "MarginBalance"), ("okx", "MarginBalance")]
)
def test_cash_is_the_margin_balance_where_the_account_is_unified(lane: str, cash: str) -> None:
    found = books(lane)
    assert set(found.amounts) == {f"{lane}:{cash}:USDT", f"{lane}:BaseToken:BTC"}
    found.accrue("interest", "USDT", Decimal(5))
    found.drift("BTC", Decimal(-1))
    assert found.amounts == {f"{lane}:{cash}:USDT": Decimal(1_000_005), f"{lane}:BaseToken:BTC": Decimal(9)}


def test_a_wallet_holds_its_tokens() -> None:
    assert set(books("ethereum").amounts) == {f"wallet:BaseToken:{token}" for token in ("ETH", "USDT", "WETH")}
