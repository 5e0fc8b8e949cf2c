"""How far back a live adapter's ledger tells what accrued, over the sandbox of each exchange."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.live_face import LIVE, LiveFace, documented

from .test_live_exchanges import Account

D = Decimal
WEEKS_S = 20 * 86_400.0


@pytest.fixture(params=LIVE, ids=lambda venue: venue.name)
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
    with documented(LiveFace(tmp_path, request.param)) as face:
        yield Account(face, "s")


def told_since(live: Account, cursor: str) -> list[Decimal]:
    """The amounts of all entries, by as many questions as it takes."""
    found, more = [], True
    while more:
        ledger = live.ledger(cursor)
        cursor, more = ledger.cursor, ledger.more
        found += [delta.amount for entry in ledger.entries for delta in entry.deltas]
    return found


def test_what_accrued_weeks_ago_is_told_once_to_a_cursor_as_old(live: Account) -> None:
    """OKX's list of recent bills has seven days, and its archive three months."""
    live.submit(live.perp("a", amount=D("0.3")))
    begun = live.positions().cursor
    live.market_goes_on(8 * 3600 + 60)
    live.pass_time(WEEKS_S)
    live.market_goes_on(8 * 3600)
    paid = [D(delta["amount"]) for one in live.entries() if one["kind"] == "funding" for delta in one["deltas"]]
    assert len(paid) >= 2
    assert told_since(live, begun) == paid
