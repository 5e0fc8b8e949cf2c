"""OKX's bills and trades as ledger entries, and its orders as they are shown, in base units."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.support.live_face import OKX
from tests.support.told_session import ToldSession

from tightloop.errors import ExecutionError
from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import PreparedOrder
from tightloop.venues.live.dialect import Shown
from tightloop.venues.live.log_windows import cursor_at
from tightloop.venues.live.okx import Okx, _shown
from tightloop.venues.live.okx_bills import entries_after
from tightloop.venues.live.okx_trades import PAGE, trades_of
from tightloop.venues.times import milliseconds

D = Decimal
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
AT = str(milliseconds(NOON))
SWAP = {"id": "BTC-USDT-SWAP", "symbol": "BTC/USDT:USDT", "swap": True, "linear": True, "contractSize": "0.01"}
PERP = PreparedOrder(market="perp", symbol="BTC/USDT:USDT", side="sell", order_type="limit", amount=D("0.5"))
SHOWN = Shown(venue_order_id="7", client_order_id="mine", status="filled", filled=D("0.5"), remaining=D(0), at=NOON)
OF_ORDER = {"ordId": "7", "clOrdId": "mine", "uTime": AT, "sz": "50", "accFillSz": "0"}


def page(*rows: Any) -> dict[str, Any]:
    return {"code": "0", "data": list(rows)}


# --- bills ------------------------------------------------------------------------------------------------------------


def bill(kind: str, change: str, **fields: Any) -> dict[str, Any]:
    usual = {"billId": f"9{kind}", "type": kind, "subType": "", "ts": AT, "ccy": "USDT", "instId": "", "sz": "0"}
    return {**usual, "balChg": change, **fields}


def read(*bills: dict[str, Any]) -> list[LedgerEntry]:
    session: Any = ToldSession({"privateGetAccountBills": page(*bills)}, {SWAP["symbol"]: SWAP})
    found, _, more = asyncio.run(entries_after(session, "okx", cursor_at(NOON), NOON))
    assert not more
    return found


@pytest.mark.parametrize(("days", "lists"), [(6, ["Bills"]), (7, ["BillsArchive"]), (30, ["BillsArchive"])])
def test_bills_that_the_recent_list_may_not_have_are_asked_of_the_archive(days: int, lists: list[str]) -> None:
    session: Any = ToldSession(dict.fromkeys(("privateGetAccountBills", "privateGetAccountBillsArchive"), page()))
    now = NOON + timedelta(days=days)
    asyncio.run(entries_after(session, "okx", cursor_at(NOON), now))
    assert [endpoint.removeprefix("privateGetAccount") for endpoint, _ in session.asked] == lists


def test_what_trades_did_is_left_to_their_orders() -> None:
    assert read(bill("2", "-100", instId="BTC-USDT-SWAP")) == []


@pytest.mark.parametrize(
    ("kind", "told_as", "source"),
    [
        ("8", "funding", "funding"),
        ("7", "interest", "interest"),
        ("1", "transfer", "transfer"),
        ("999", "transfer", "transfer"),
    ],
)
def test_each_kind_of_bill_is_booked_by_what_it_is(kind: str, told_as: str, source: str) -> None:
    (entry,) = read(bill(kind, "-1.5"))
    assert (entry.entry_id, entry.kind, entry.event_time) == (f"bill-9{kind}", told_as, NOON)
    (delta,) = entry.deltas
    assert (delta.position_key, delta.amount, delta.source) == ("okx:MarginBalance:USDT", D("-1.5"), source)


@pytest.mark.parametrize(
    ("kind", "sub_kind", "moved"),
    [("5", "107", "-0.3"), ("5", "106", "0.3"), ("9", "125", "-0.3"), ("9", "126", "0.3")],
)
def test_what_is_closed_by_force_moves_its_position_in_base_units_too(kind: str, sub_kind: str, moved: str) -> None:
    (entry,) = read(bill(kind, "-20", subType=sub_kind, sz="30", instId="BTC-USDT-SWAP"))
    assert [(one.position_key, one.amount) for one in entry.deltas] == [
        ("okx:Perp:BTC/USDT:USDT", D(moved)),
        ("okx:MarginBalance:USDT", D(-20)),
    ]


def test_a_bill_that_moves_nothing_is_no_entry() -> None:
    assert read(bill("8", "0"), bill("7", "")) == []


# --- trades -----------------------------------------------------------------------------------------------------------


def fill(number: int, **changes: Any) -> dict[str, Any]:
    told = {"billId": str(number), "ordId": "7", "tradeId": f"t{number}", "ts": AT, "fillSz": "25", "fillPx": "40000"}
    return {**told, "fee": "-5.5", "feeCcy": "USDT", "execType": "T", "fillPnl": "12", **changes}


def trades(recent: Any, old: Any = None) -> tuple[tuple[LedgerEntry, ...], list[str]]:
    session: Any = ToldSession({"privateGetTradeFills": recent, "privateGetTradeFillsHistory": old})
    found = asyncio.run(trades_of(session, "okx", "BTC-USDT-SWAP", D("0.01"), SHOWN, PERP))
    return found, [endpoint for endpoint, _ in session.asked]


def test_a_trade_is_told_in_base_units_with_its_fee_and_what_it_realised() -> None:
    (first, second), _ = trades(page(fill(2), fill(1, fee="0.5", execType="M")))
    assert [(one.entry_id.rpartition("-")[2], one.liquidity) for one in (first, second)] == [
        ("t1", "maker"),
        ("t2", "taker"),
    ]
    assert (first.amount, first.cost, first.realised_pnl) == (D("0.25"), D(10000), D(12))
    assert [(one.position_key, one.amount, one.source) for one in second.deltas] == [
        ("okx:Perp:BTC/USDT:USDT", D("-0.25"), "trade"),
        ("okx:MarginBalance:USDT", D(12), "trade"),
        ("okx:MarginBalance:USDT", D("-5.5"), "fee"),
    ]
    assert first.deltas[-1].amount == D("0.5"), "a fee above zero is a rebate"


def test_trades_of_other_orders_are_none_of_its() -> None:
    found, _ = trades(page(fill(1), fill(2), fill(3, ordId="8")))
    assert len(found) == 2


def test_what_recent_trades_do_not_explain_is_looked_for_among_older_ones() -> None:
    found, asked = trades(page(fill(2)), page(fill(2), fill(1)))
    assert (len(found), asked) == (2, ["privateGetTradeFills", "privateGetTradeFillsHistory"])
    _, asked = trades(page(fill(2), fill(1)))
    assert asked == ["privateGetTradeFills"]


def test_a_full_page_has_another_behind_it() -> None:
    rows = [fill(number, fillSz="0.5") for number in range(PAGE + 5, 0, -1)]

    def answer(given: Any) -> Any:
        return page(*[one for one in rows if int(one["billId"]) < int(given.get("after") or 10**6)][:PAGE])

    found, _ = trades(answer)
    assert len(found) == PAGE + 5


# --- orders -----------------------------------------------------------------------------------------------------------


def test_a_perpetual_s_order_is_shown_in_base_units() -> None:
    told = _shown({**OF_ORDER, "state": "partially_filled", "accFillSz": "20"}, PERP, D("0.01"))
    assert (told.status, told.filled, told.remaining, told.at) == ("open", D("0.2"), D("0.3"), NOON)


@pytest.mark.parametrize(("source", "code"), [("31", "EXI-007"), ("0", "EXI-001"), ("1", None)])
def test_why_an_order_was_cancelled_says_what_is_told(source: str, code: str | None) -> None:
    told = _shown({**OF_ORDER, "state": "canceled", "cancelSource": source}, PERP, D("0.01"))
    assert (told.status, told.code) == ("cancelled", code)


ACCOUNT = {"acctLv": "2", "posMode": "net_mode", "perm": "read_only,trade"}


@pytest.mark.parametrize(
    ("account", "trading", "code"),
    [
        ({}, True, None),
        ({"perm": "read_only"}, False, None),
        ({"acctLv": "3"}, True, "EIF-010"),
        ({"posMode": "long_short_mode"}, True, "EIF-010"),
        ({"perm": "read_only,withdraw,trade"}, True, "EIF-012"),
        ({"perm": "read_only"}, True, "EIF-012"),
        ({}, False, "EIF-012"),
    ],
)
def test_an_account_that_is_not_as_needed_is_refused_at_the_start(
    account: dict[str, str], trading: bool, code: str | None
) -> None:
    key = {"key": "k", "secret": "s", "passphrase": "p"}
    dialect = Okx(OKX.lane("http://127.0.0.1:1"), OKX.credentials(key), reading=False)
    dialect._session = ToldSession({"privateGetAccountConfig": page(ACCOUNT | account)})  # type: ignore[assignment]
    try:
        asyncio.run(dialect.check(trades=trading))
        found = None
    except ExecutionError as error:
        found = error.code
    assert found == code
