"""What Bybit's answers about transfers become, where the sandbox can't be brought to give them."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.live_face import BYBIT
from tests.support.told_exchange import ask_told
from tests.support.venue_intents import to_be_sent, transfer

from tightloop.handlers.calls import Ambiguous, NotFound, OrderFound, Unavailable
from tightloop.records.types import AccountRef, JournalEntry, PreparedTransfer
from tightloop.venues import bybit
from tightloop.venues.adapter import ClockGate
from tightloop.venues.bybit import connect
from tightloop.venues.credentials import checked
from tightloop.venues.live.exchange import LiveExchange
from tightloop.venues.times import milliseconds

D = Decimal
NOW = datetime.now(UTC).replace(microsecond=0)
NOW_MS = milliseconds(NOW)
LONG_AGO = NOW - timedelta(minutes=30)
MINUTE_MS = 60_000
ID = "0123456789abcdef" * 2
OUTSIDE = "0x" + "ab" * 20
REFERENCE = "0x" + "12" * 32
ACCOUNT = AccountRef(lane="bybit", venue="bybit", account="a")
KEYS = checked(bybit.SPEC, "dev", {name: f"value-{name}" for name in bybit.SPEC.credentials})
WITHDRAWAL = PreparedTransfer(asset="USDT", amount=D(100), source="spot", address=OUTSIDE, network="ETH", fee=D(2))
THEN_MS = milliseconds(LONG_AGO)
WITHDRAWN = {
    "coin": "USDT",
    "chain": "ETH",
    "amount": "100",
    "txID": REFERENCE,
    "status": "success",
    "toAddress": OUTSIDE,
    "tag": "",
    "withdrawFee": "2",
    "createTime": str(THEN_MS),
    "updateTime": str(THEN_MS + MINUTE_MS),
    "withdrawId": "10000",
    "withdrawType": 0,
}
LINE = {"id": "l1", "type": "TRANSFER_IN", "currency": "USDT", "change": "98", "transactionTime": str(THEN_MS + 900)}
LINE |= {"symbol": "", "side": "None", "qty": "98"}
WITHDRAWALS, DEPOSITS = "asset/withdraw/query-record", "asset/deposit/query-record"


def result(**told: Any) -> tuple[int, Any]:
    return 200, {"retCode": 0, "retMsg": "OK", "result": told, "time": NOW_MS}


def rows(*found: Any) -> tuple[int, Any]:
    return result(rows=list(found), nextPageCursor="")


def log(*lines: Any) -> tuple[int, Any]:
    return result(list=list(lines), nextPageCursor="")


def entry(what: PreparedTransfer = WITHDRAWAL, at: datetime = LONG_AGO, known: str | None = None) -> JournalEntry:
    made = transfer("a", "i1", at, "USDT", D(100), OUTSIDE, lane="bybit", source="bybit:spot")
    return to_be_sent(replace(made, client_order_id=ID, venue_order_id=known), what)


def ask(answers: dict[str, Any], work: Callable[[LiveExchange], Coroutine[Any, Any, Any]], at: str = "") -> Any:
    """``answers``, ``at``: see ``ask_told``."""
    clock = {"GET /v5/market/time": result()}
    return ask_told(clock, "/v5/", answers, lambda address: connect(BYBIT.lane(address, (OUTSIDE,)), KEYS), work, at)


def found_withdrawal(*lines: Any, known: str | None = None, more: tuple[Any, ...] = (), **changed: Any) -> Any:
    row = {name: value for name, value in {**WITHDRAWN, **changed}.items() if value is not None}
    answers = {WITHDRAWALS: rows(row, *more), DEPOSITS: rows(), "account/transaction-log": log(*lines)}
    return ask(answers, lambda adapter: adapter.find(entry(known=known)))


# --- withdrawals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("SecurityCheck", "open"),
        ("Pending", "open"),
        ("MoreInformationRequired", "open"),
        ("BlockchainConfirmed", "filled"),
        ("success", "filled"),
    ],
)
def test_each_status_of_a_withdrawal_is_what_it_is_documented_to_be(status: str, expected: str) -> None:
    found = found_withdrawal(status=status)
    assert (found.status, found.tx_hash) == (expected, REFERENCE if expected == "filled" else None)
    (debit,) = found.entries
    assert [(one.position_key, one.amount, one.source) for one in debit.deltas] == [
        ("bybit:MarginBalance:USDT", D(-100), "transfer"),
        ("bybit:MarginBalance:USDT", D(-2), "fee"),
    ]


@pytest.mark.parametrize("status", ["CancelByUser", "Reject", "Fail"])
def test_a_withdrawal_that_failed_is_over_once_the_unified_account_has_its_money_again(status: str) -> None:
    back = LINE | {"id": "l2", "change": "102", "transactionTime": str(THEN_MS + MINUTE_MS + 500)}
    found = found_withdrawal(back, status=status, txID="")
    assert (found.status, found.code) == ("reverted", "EXI-001")
    assert sum(one.amount for line in found.entries for one in line.deltas) == 0
    assert [milliseconds(line.event_time) - THEN_MS for line in found.entries] == [0, MINUTE_MS + 500]
    other = found_withdrawal(back | {"change": "101"}, status=status, txID="")
    assert isinstance(other, Unavailable)
    assert "it lies in the funding account" in other.message
    young = found_withdrawal(status=status, txID="", updateTime=str(NOW_MS - MINUTE_MS))
    assert young.status == "open", "it may come yet"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"status": "Unknown"}, "status Unknown is not documented"),
        ({"txID": ""}, "names no transaction"),
        ({"amount": "98"}, "is not the 100 USDT that was asked for"),
        ({"chain": "ARBI"}, "on ARBI, and not on ETH"),
        ({"tax": "1"}, "a tax of 1 was taken"),
        ({"createTime": None}, "KeyError"),
    ],
)
def test_a_withdrawal_that_is_not_what_was_asked_for_is_no_evidence(changed: dict[str, Any], words: str) -> None:
    found = found_withdrawal(**changed)
    assert isinstance(found, Unavailable)
    assert (found.code, words in found.message) == ("EXI-016", True), found


def test_a_withdrawal_is_the_only_one_to_its_address_or_nothing_is_known() -> None:
    assert found_withdrawal(toAddress=OUTSIDE.upper().replace("0X", "0x")).status == "filled"
    assert isinstance(found_withdrawal(toAddress="0x" + "cd" * 20), NotFound)
    assert isinstance(found_withdrawal(coin="USDC"), NotFound)
    other = WITHDRAWN | {"withdrawId": "10001"}
    unclear = found_withdrawal(more=(other,))
    assert isinstance(unclear, Unavailable)
    assert unclear.code == "EXI-016"
    assert found_withdrawal(more=(other,), known="10001").venue_order_id == "10001", "its number was told before"
    for changed in ({"coin": "USDC"}, {"toAddress": "0x" + "cd" * 20}):
        assert isinstance(found_withdrawal(known="10000", **changed), Unavailable), "that number is something else"


def test_a_withdrawal_is_asked_about_within_the_time_in_which_it_may_have_acted_or_by_its_number() -> None:
    (asked,) = ask({WITHDRAWALS: rows()}, lambda adapter: adapter.find(entry()), at=WITHDRAWALS)
    given = [asked.given[name] for name in ("coin", "startTime", "endTime")]
    assert given == ["USDT", str(THEN_MS - 2000), str(THEN_MS + 3000 + 2000 + 2000)]
    (asked,) = ask({WITHDRAWALS: rows()}, lambda adapter: adapter.find(entry(known="7")), at=WITHDRAWALS)
    assert (asked.given["withdrawID"], "startTime" in asked.given) == ("7", False)


def test_what_was_tried_for_longer_than_bybit_can_be_asked_about_is_not_known() -> None:
    tried = replace(entry(), first_journalled_at=LONG_AGO - timedelta(days=31))
    assert isinstance(ask({WITHDRAWALS: rows()}, lambda adapter: adapter.find(tried)), Unavailable)


def submitted(answers: dict[str, Any], at: str = "") -> Any:
    young = entry(at=datetime.now(UTC))
    ahead = timedelta(seconds=0.5)  # the gate's own clock, which is what counts
    gate = ClockGate(lambda: datetime.now(UTC) + ahead, young.journalled_at, timedelta(seconds=3), None)
    return ask(answers, lambda adapter: adapter.submit(young, gate), at=at)


def test_what_is_taken_and_not_shown_yet_is_open_and_was_asked_for_with_our_id() -> None:
    answers = {"POST /v5/asset/withdraw/create": result(id="10195"), WITHDRAWALS: rows()}
    found = submitted(answers)
    assert isinstance(found, OrderFound)
    assert (found.status, found.venue_order_id, found.entries) == ("open", "10195", ())
    (asked,) = submitted(answers, at="withdraw/create")
    sent = json.loads(asked.body)
    assert sent.pop("timestamp") == int(asked.headers["X-BAPI-TIMESTAMP"]), "as it was signed"
    assert sent == {
        "coin": "USDT",
        "chain": "ETH",
        "address": OUTSIDE,
        "amount": "100",
        "forceChain": 1,
        "accountType": "UTA",
        "feeType": 0,
        "requestId": ID,
    }


@pytest.mark.parametrize("answer", [None, result(), (200, []), (200, {"retCode": 10016, "retMsg": "Server error."})])
def test_an_answer_that_says_nothing_leaves_everything_open(answer: Any) -> None:
    assert isinstance(submitted({"POST /v5/asset/withdraw/create": answer}), Ambiguous)
