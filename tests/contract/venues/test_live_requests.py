"""Every call of a live adapter, as its exchange documents it: the sandbox checks each request against the documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from tests.support.documented_calls import named_by, paths
from tests.support.live_face import LIVE, LiveFace, LiveVenue

from tightloop.records.types import JournalEntry
from tightloop.venues.live.session import Said

from . import test_transfers
from .test_live_exchanges import Account
from .test_live_transfers import sent

D = Decimal
OUTSIDE = "0x" + "ab" * 20
DAYS_S = 4 * 86_400.0  # then OKX tells of a trade in another list, and after twice as long of a bill


class Requests(Struct, frozen=True, kw_only=True):
    """How an exchange's requests are named and judged.

    ``prefixes``: of its paths, by ccxt's name of the part of the API. ``session``: one of the dialect's, and
    ``question``: an endpoint that it asks. ``right``: parameters that its documents allow; ``wrong``: changes of them,
    each with the code that the sandbox refuses it with (None: it answers) and what it keeps of it. ``source``: what the
    pages' addresses begin with.
    """

    prefixes: Mapping[str, str]
    session: str
    question: str
    right: Mapping[str, Any]
    wrong: tuple[tuple[Mapping[str, Any], str | None, str], ...]
    source: str


BINANCE_PREFIXES = {"public": "/api/v3", "private": "/api/v3", "sapi": "/sapi/v1"} | {
    f"fapi{side}{version}": f"/fapi/{version.lower() or 'v1'}"
    for side in ("Public", "Private")
    for version in ("", "V2", "V3")
}
REQUESTS = {
    "binance": Requests(
        prefixes=BINANCE_PREFIXES,
        session="spot",
        question="privateGetMyTrades",
        right={"symbol": "BTCUSDT"},
        wrong=(
            ({"symbl": "BTCUSDT"}, "-1104", "symbl is not documented"),
            ({"symbol": None}, "-1102", "symbol is missing"),
            ({"limit": "x"}, "-1100", "limit is 'x', and no integer"),
        ),
        source="https://developers.binance.com/docs/",
    ),
    "bybit": Requests(
        prefixes={"public": "", "private": ""},
        session="unified",
        question="privateGetV5ExecutionList",
        right={"category": "spot"},
        wrong=(
            ({"symbl": "BTCUSDT"}, None, "symbl is not documented"),
            ({"category": None}, "10001", "category is missing"),
            ({"limit": "x"}, "10001", "limit is 'x', and no integer"),
        ),
        source="https://bybit-exchange.github.io/docs/v5/",
    ),
    "okx": Requests(
        prefixes={"public": "/api/v5", "private": "/api/v5"},
        session="trading",
        question="privateGetTradeFillsHistory",
        right={"instType": "SPOT"},
        wrong=(
            ({"symbl": "BTC-USDT"}, None, "symbl is not documented"),
            ({"instType": None}, "50014", "instType is missing"),
            ({"limit": "x"}, "51000", "limit is 'x', and no integer"),
        ),
        source="https://www.okx.com/docs-v5/en/#",
    ),
}


@pytest.fixture(params=LIVE, ids=lambda venue: venue.name)
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
    venue: LiveVenue = request.param
    face = LiveFace(tmp_path, venue, withdraws_to=(OUTSIDE,))
    yield Account(face, "s")
    face.close()


def every_call(live: Account) -> None:
    """All that the adapter does, with each kind of order that it can send; and what it asks some days later."""
    face = live.face
    said: list[Any] = []

    async def say(message: Any) -> None:
        said.append(message)

    face.drive(live.adapter.open())
    begun = live.positions().cursor
    for feed in face.dialect._feeds:
        face.drive(feed.url())
        face.drive(feed.keep_alive(say))
    last = orders(live)
    live.find(live.prepared(live.trade("never sent")))
    money_moves(live)
    live.pass_time(DAYS_S)
    live.find(last)
    live.pass_time(DAYS_S)
    more = True
    while more:
        found = live.ledger(begun)
        begun, more = found.cursor, found.more


def orders(live: Account) -> JournalEntry:
    """The last of them, which is filled."""
    low = live.far_below()
    for name, make in (("spot", live.trade), ("perp", live.perp)):
        live.submit(live.prepared(make(f"{name} market", amount=D("0.05"))))
        live.submit(live.prepared(make(f"{name} bounded", amount=D("0.05"), max_slippage_bps=D(50))))
        for time_in_force in ("GTC", "IOC", "FOK", "PO"):
            fields: dict[str, Any] = {"order_type": "limit", "price": low, "time_in_force": time_in_force}
            entry = live.prepared(make(f"{name} {time_in_force}", amount=D("0.05"), **fields))
            live.submit(entry)
            live.find(entry)
            if time_in_force == "GTC":
                live.fill(entry, amount="0.02")
                live.find(entry)
            live.cancel(entry)
    live.submit(live.trade("spent", quote_amount=D(1000)))
    closing = live.prepared(live.perp("closed", side="sell", amount=D("0.05"), reduce_only=True))
    live.submit(closing)
    live.find(closing)
    return closing


def money_moves(live: Account) -> None:
    made = [sent(live.account, "gone", live.now(), "USDT", D(50), OUTSIDE, lane=live.lane, source=live.lane)]
    if not live.settings.unified:
        made += [
            test_transfers.inside(live, "in", "spot", "perp", D(500)),
            test_transfers.inside(live, "out", "perp", "spot", D(500)),
        ]
    for entry in made:
        prepared = live.prepared(entry)
        live.submit(prepared)
        live.find(prepared)
    test_transfers.address(live.face, live.lane, live.account)
    test_transfers.arrival(live.face, live.lane, live.account, "0x" + "00" * 32)


def test_each_request_of_the_adapter_is_as_the_exchange_documents_it(live: Account) -> None:
    import ccxt.async_support as ccxt

    every_call(live)
    told = live.face.control("GET", "/admin/documents")
    assert told["violations"] == []
    named = paths(named_by(live.lane), getattr(ccxt, live.lane), REQUESTS[live.lane].prefixes)
    assert named - told["asked"].keys() == set(), "what the adapter names was asked here"


def test_what_is_not_documented_is_kept_and_refused_as_the_exchange_does_it(live: Account) -> None:
    by, face = REQUESTS[live.lane], live.face
    session = face.dialect._sessions[by.session]
    face.drive(session.ask(by.question, by.right))
    for changed, code, _ in by.wrong:
        given = {name: value for name, value in {**by.right, **changed}.items() if value is not None}
        try:
            face.drive(session.ask(by.question, given))
            refused = None
        except Said as said:
            refused = said.code
        assert refused == code, given
    kept = face.control("GET", "/admin/documents")["violations"]
    assert [one["what"] for one in kept] == [what for _, _, what in by.wrong]
    assert len({one["endpoint"] for one in kept}) == 1
    assert all(one["source"].startswith(by.source) for one in kept)
