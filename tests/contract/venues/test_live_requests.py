"""Every call of a live adapter, as its exchange documents it: the sandbox checks each request against the documents."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.documented_calls import named_by, paths
from tests.support.live_face import LiveFace
from tests.support.venue_intents import transfer

from tightloop.venues.live.binance_streams import FuturesFeed
from tightloop.venues.live.session import Said

from . import test_transfers
from .exchanges import Exchange
from .test_live_exchanges import Account

D = Decimal
OUTSIDE = "0x" + "ab" * 20
PREFIXES = {"public": "/api/v3", "private": "/api/v3", "sapi": "/sapi/v1"} | {
    f"fapi{side}{version}": f"/fapi/{version.lower() or 'v1'}"
    for side in ("Public", "Private")
    for version in ("", "V2", "V3")
}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Exchange]:
    face = LiveFace(tmp_path, withdraws_to=(OUTSIDE,))
    yield Account(face, "s")
    face.close()


def every_call(live: Exchange) -> None:
    """All that the adapter does, with each kind of order that it can send."""
    face, adapter = live.face, live.adapter
    face.drive(adapter.open())
    low = live.far_below()
    for name, make in (("spot", live.trade), ("perp", live.perp)):
        live.submit(make(f"{name} market", amount=D("0.05")))
        live.submit(make(f"{name} bounded", amount=D("0.05"), max_slippage_bps=D(50)))
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
    live.ledger(live.positions().cursor)
    money_moves(live)
    feed = FuturesFeed(face.dialect._sessions["perp"], "ws://127.0.0.1:1")
    face.drive(feed.url())
    face.drive(feed.keep_alive(lambda message: pytest.fail("a listen key is kept by REST")))


def money_moves(live: Exchange) -> None:
    for entry in (
        test_transfers.inside(live, "in", "spot", "perp", D(500)),
        test_transfers.inside(live, "out", "perp", "spot", D(500)),
        transfer(live.account, "gone", live.now(), "USDT", D(50), OUTSIDE, lane="binance", source="binance"),
    ):
        prepared = live.prepared(entry)
        live.submit(prepared)
        live.find(prepared)
    test_transfers.address(live.face, "binance", live.account)
    test_transfers.arrival(live.face, "binance", live.account, "0x" + "00" * 32)


def test_each_request_of_the_adapter_is_as_the_exchange_documents_it(live: Exchange) -> None:
    import ccxt.async_support as ccxt

    every_call(live)
    told = live.face.control("GET", "/admin/documents")
    assert told["violations"] == []
    named = paths(named_by("binance"), ccxt.binance, PREFIXES)
    assert named - told["asked"].keys() == set(), "what the adapter names was asked here"


def test_what_is_not_documented_is_refused_and_kept(live: Exchange) -> None:
    session = live.face.dialect._sessions["spot"]
    for given, code in (({"symbl": "BTCUSDT"}, "-1104"), ({}, "-1102"), ({"symbol": "BTCUSDT", "limit": "x"}, "-1100")):
        with pytest.raises(Said) as refused:
            live.face.drive(session.ask("privateGetMyTrades", given))
        assert refused.value.code == code
    kept = live.face.control("GET", "/admin/documents")["violations"]
    assert {one["endpoint"] for one in kept} == {"GET /api/v3/myTrades"}
    assert [one["what"] for one in kept][:1] == ["symbl is not documented"]
    assert all(one["source"].startswith("https://developers.binance.com/docs/") for one in kept)
