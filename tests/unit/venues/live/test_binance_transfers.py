"""What Binance's answers about transfers become, where the sandbox can't be brought to give them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.live_face import BINANCE
from tests.support.told_exchange import ask_told
from tests.support.venue_intents import to_be_sent, transfer

from tightloop.handlers.calls import Ambiguous, Arrived, DepositAddress, NotFound, OrderFound, Refused, Unavailable
from tightloop.records.types import AccountRef, JournalEntry, PreparedTransfer
from tightloop.venues import binance
from tightloop.venues.adapter import ClockGate
from tightloop.venues.binance import connect
from tightloop.venues.credentials import checked
from tightloop.venues.live.exchange import LiveExchange

D = Decimal
NOW_MS = 1_760_000_000_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
LONG_AGO = NOW - timedelta(minutes=10)
ID = "0123456789abcdef" * 2
OUTSIDE = "0x" + "ab" * 20
REFERENCE = "0x" + "12" * 32
ACCOUNT = AccountRef(lane="binance", venue="binance", account="a")
KEYS = checked(binance.SPEC, "dev", {name: f"value-{name}" for name in binance.SPEC.credentials})
WITHDRAWAL = PreparedTransfer(asset="USDT", amount=D(100), source="spot", address=OUTSIDE, network="ETH", fee=D(2))
MOVEMENT = PreparedTransfer(asset="USDT", amount=D(100), source="spot", destination="perp")
WITHDRAWN = {
    "id": "b6ae22b3aa844210a7041aee7589627c",
    "amount": "98",
    "transactionFee": "2",
    "coin": "USDT",
    "status": 6,
    "address": OUTSIDE,
    "txId": REFERENCE,
    "applyTime": "2025-10-09 08:43:20",
    "completeTime": "2025-10-09 08:44:20",
    "network": "ETH",
    "withdrawOrderId": ID,
    "walletType": 0,
}
MOVED = {"asset": "USDT", "amount": "100", "type": "MAIN_UMFUTURE", "status": "CONFIRMED", "tranId": 7}
MOVED |= {"timestamp": NOW_MS}
DEPOSIT = {
    "id": "769800519366885376",
    "amount": "98",
    "coin": "USDT",
    "network": "ETH",
    "status": 1,
    "address": OUTSIDE,
    "addressTag": "",
    "txId": REFERENCE,
    "insertTime": NOW_MS,
    "completeTime": NOW_MS,
    "walletType": 0,
    "travelRuleStatus": 0,
}
NETWORK = {
    "network": "ETH",
    "isDefault": True,
    "depositEnable": True,
    "withdrawEnable": True,
    "sameAddress": False,
    "withdrawTag": False,
    "withdrawFee": "2",
    "withdrawMin": "10",
    "withdrawMax": "1000",
    "withdrawIntegerMultiple": "0.01",
    "depositDust": "0.5",
}


def entry(what: PreparedTransfer, at: datetime = LONG_AGO) -> JournalEntry:
    made = transfer("a", "i1", at, "USDT", D(100), OUTSIDE, lane="binance", source="binance:spot")
    return to_be_sent(replace(made, client_order_id=ID), what)


def ask(answers: dict[str, Any], work: Callable[[LiveExchange], Coroutine[Any, Any, Any]], at: str = "") -> Any:
    """``answers``, ``at``: see ``ask_told``."""
    clock = {"GET /api/v3/time": (200, {"serverTime": NOW_MS})}
    return ask_told(
        clock, "/sapi/v1/", answers, lambda address: connect(BINANCE.lane(address, (OUTSIDE,)), KEYS), work, at
    )


def found_withdrawal(**changed: Any) -> Any:
    row = {name: value for name, value in {**WITHDRAWN, **changed}.items() if value is not None}
    return ask({"capital/withdraw/history": (200, [row])}, lambda adapter: adapter.find(entry(WITHDRAWAL)))


# --- withdrawals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [(0, "open"), (1, "reverted"), (2, "open"), (3, "reverted"), (4, "open"), (5, "reverted"), (6, "filled")],
)
def test_each_status_of_a_withdrawal_is_what_it_is_documented_to_be(status: int, expected: str) -> None:
    found = found_withdrawal(status=status)
    assert (found.status, found.tx_hash) == (expected, REFERENCE if expected == "filled" else None)
    assert found.code == ("EXI-001" if expected == "reverted" else None)
    debit, *back = found.entries
    assert [(one.position_key, one.amount, one.source) for one in debit.deltas] == [
        ("binance:BaseToken:USDT", D(-98), "transfer"),
        ("binance:BaseToken:USDT", D(-2), "fee"),
    ]
    assert len(back) == (1 if expected == "reverted" else 0)
    if back:
        assert sum(one.amount for line in found.entries for one in line.deltas) == 0
        assert sum(one.amount for line in found.entries for one in line.fees) == 0
        assert back[0].event_time - debit.event_time == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"status": 7}, "status 7 is not documented"),
        ({"txId": ""}, "names no transaction"),
        ({"amount": "100"}, "is not the 100 USDT that was asked for"),
        ({"transactionFee": "3"}, "is not the 100 USDT that was asked for"),
        ({"coin": "ETH"}, "which nobody asked for"),
        ({"address": "0x" + "cd" * 20}, "which nobody asked for"),
        ({"applyTime": None}, "KeyError"),
    ],
)
def test_a_withdrawal_that_is_not_what_was_asked_for_is_no_evidence(changed: dict[str, Any], words: str) -> None:
    found = found_withdrawal(**changed)
    assert isinstance(found, Unavailable)
    assert (found.code, words in found.message) == ("EXI-016", True), found


def test_an_address_comes_back_in_other_letters_and_another_ones_withdrawal_is_none() -> None:
    assert found_withdrawal(address=OUTSIDE.upper().replace("0X", "0x")).status == "filled"
    assert isinstance(found_withdrawal(withdrawOrderId="another"), NotFound)


def test_a_withdrawal_is_asked_about_by_its_id_within_the_time_in_which_it_may_have_acted() -> None:
    (asked,) = ask(
        {"capital/withdraw/history": (200, [])},
        lambda adapter: adapter.find(entry(WITHDRAWAL)),
        at="capital/withdraw/history",
    )
    begins = int(LONG_AGO.timestamp() * 1000)
    given = [asked.given[name] for name in ("withdrawOrderId", "startTime", "endTime")]
    assert given == [ID, str(begins - 2000), str(begins + 3000 + 2000 + 2000)]


def test_what_was_tried_for_longer_than_binance_can_be_asked_about_is_not_known() -> None:
    tried = replace(entry(WITHDRAWAL), first_journalled_at=LONG_AGO - timedelta(days=7))
    found = ask({"capital/withdraw/history": (200, [])}, lambda adapter: adapter.find(tried))
    assert isinstance(found, Unavailable)


def test_not_there_counts_once_the_history_can_not_lag_any_more() -> None:
    for ago_s, kind in ((26.0, Unavailable), (28.0, NotFound)):
        young = entry(WITHDRAWAL, NOW - timedelta(seconds=ago_s))
        found = ask({"capital/withdraw/history": (200, [])}, lambda adapter, young=young: adapter.find(young))
        assert isinstance(found, kind), (ago_s, found)


def test_what_is_taken_and_not_shown_yet_is_open() -> None:
    answers = {
        "POST /sapi/v1/capital/withdraw/apply": (200, {"id": "7213fea8"}),
        "capital/withdraw/history": (200, []),
    }
    young = entry(WITHDRAWAL, datetime.now(UTC))
    gate = ClockGate(lambda: datetime.now(UTC), young.journalled_at, timedelta(seconds=3), None)
    found = ask(answers, lambda adapter: adapter.submit(young, gate))
    assert isinstance(found, OrderFound)
    assert (found.status, found.venue_order_id, found.entries) == ("open", "7213fea8", ())
    (asked,) = ask(answers, lambda adapter: adapter.submit(young, gate), at="withdraw/apply")
    sent = {name: asked.given[name] for name in ("coin", "network", "address", "amount", "withdrawOrderId")}
    assert sent == {"coin": "USDT", "network": "ETH", "address": OUTSIDE, "amount": "100", "withdrawOrderId": ID}
    assert asked.given["walletType"] == "0", "out of the spot wallet, whatever the account prefers"


@pytest.mark.parametrize("answer", [None, (200, {}), (200, []), (500, {"code": -1000, "msg": "unknown"})])
def test_an_answer_that_says_nothing_leaves_everything_open(answer: Any) -> None:
    young = entry(WITHDRAWAL, datetime.now(UTC))
    gate = ClockGate(lambda: datetime.now(UTC), young.journalled_at, timedelta(seconds=3), None)
    answers = {"POST /sapi/v1/capital/withdraw/apply": answer}
    assert isinstance(ask(answers, lambda adapter: adapter.submit(young, gate)), Ambiguous)


# --- between the wallets ----------------------------------------------------------------------------------------------


def found_movements(*rows: dict[str, Any], total: int | None = None, known: str | None = None) -> Any:
    told = {"total": len(rows) if total is None else total, "rows": [MOVED | one for one in rows]}
    asked = replace(entry(MOVEMENT), venue_order_id=known)
    return ask({"asset/transfer": (200, told)}, lambda adapter: adapter.find(asked))


@pytest.mark.parametrize(
    ("status", "expected", "lines"), [("CONFIRMED", "filled", 1), ("PENDING", "open", 0), ("FAILED", "rejected", 0)]
)
def test_each_status_of_a_movement_is_what_it_is_documented_to_be(status: str, expected: str, lines: int) -> None:
    found = found_movements({"status": status})
    assert (found.status, found.venue_order_id, len(found.entries)) == (expected, "7", lines)


def test_a_movement_is_the_only_one_of_its_asset_and_amount_or_nothing_is_known() -> None:
    others = ({"amount": "100.01", "tranId": 8}, {"asset": "USDC", "tranId": 9})
    assert found_movements({}, *others).venue_order_id == "7"
    assert isinstance(found_movements(*others), NotFound)
    for unclear in (found_movements({}, {"tranId": 8}), found_movements({}, total=101)):
        assert isinstance(unclear, Unavailable)
        assert unclear.code == "EXI-016"
    assert found_movements({}, {"tranId": 8}, known="8").venue_order_id == "8", "its number was told before"
    assert isinstance(found_movements({"status": "NEW"}), Unavailable)


def test_a_movement_that_binance_tells_no_longer_of_is_not_known() -> None:
    old = entry(MOVEMENT, NOW - timedelta(days=181))
    found = ask({"asset/transfer": (200, {"total": 0})}, lambda adapter: adapter.find(old))
    assert isinstance(found, Unavailable)


# --- deposits ---------------------------------------------------------------------------------------------------------


def arrival(**changed: Any) -> Any:
    rows = [{**DEPOSIT, **changed}]
    return ask({"capital/deposit/hisrec": (200, rows)}, lambda adapter: adapter.find_arrival(ACCOUNT, REFERENCE))


@pytest.mark.parametrize(
    ("changed", "arrived"),
    [
        ({}, True),
        ({"status": 6}, True),
        ({"status": 0}, False),
        ({"status": 2}, False),
        ({"status": 7}, False),
        ({"status": 8}, False),
        ({"travelRuleStatus": 1}, False),
        ({"txId": "0x" + "34" * 32}, False),
    ],
)
def test_a_deposit_has_arrived_once_it_is_credited(changed: dict[str, Any], arrived: bool) -> None:
    found = arrival(**changed)
    assert isinstance(found, Arrived if arrived else NotFound), found
    if arrived:
        assert [(one.position_key, one.amount) for one in found.entry.deltas] == [("binance:BaseToken:USDT", D(98))]


def test_a_deposit_elsewhere_than_in_the_spot_wallet_is_not_counted_there() -> None:
    found = arrival(walletType=1)
    assert isinstance(found, Unavailable)
    assert "into the funding wallet" in found.message
    twice = (200, [DEPOSIT, DEPOSIT | {"id": "2"}])
    found = ask({"capital/deposit/hisrec": twice}, lambda adapter: adapter.find_arrival(ACCOUNT, REFERENCE))
    assert isinstance(found, Unavailable)


# --- networks ---------------------------------------------------------------------------------------------------------


def prepared(amount: str = "100", **changed: Any) -> Any:
    coins = [{"coin": "USDT", "networkList": [{**NETWORK, **changed}]}, {"coin": "ETH", "networkList": [NETWORK]}]
    made = transfer("a", "i1", NOW, "USDT", D(amount), OUTSIDE, lane="binance", source="binance:spot")
    return ask({"capital/config/getall": (200, coins)}, lambda adapter: adapter.prepare(made, None))


def test_a_withdrawal_is_prepared_as_the_network_has_it() -> None:
    assert prepared().what == WITHDRAWAL


@pytest.mark.parametrize(
    ("amount", "changed", "code", "words"),
    [
        ("9.99", {}, "EXI-007", "below the least withdrawal, 10"),
        ("1000.01", {}, "EXI-007", "above the greatest withdrawal, 1000"),
        ("100.001", {}, "EXI-007", "no multiple of 0.01"),
        ("12", {"withdrawFee": "12"}, "EXI-007", "below the least withdrawal, 12.01"),
        ("100", {"withdrawEnable": False}, "EXI-013", "is suspended"),
        ("100", {"withdrawTag": True}, "EXI-013", "needs a tag"),
        ("100", {"sameAddress": True}, "EXI-013", "needs a tag"),
    ],
)
def test_what_the_network_does_not_take_is_refused(amount: str, changed: dict[str, Any], code: str, words: str) -> None:
    refused = prepared(amount, **changed)
    assert isinstance(refused, Refused)
    assert (refused.code, words in refused.message) == (code, True), refused


def address(*, tag: str = "", **changed: Any) -> Any:
    coins = [{"coin": "USDT", "networkList": [{**NETWORK, **changed}]}]
    answers = {
        "capital/config/getall": (200, coins),
        "capital/deposit/address": (200, {"coin": "USDT", "address": OUTSIDE, "tag": tag, "url": ""}),
    }
    return ask(answers, lambda adapter: adapter.deposit_address(ACCOUNT, "USDT", "ethereum"))


def test_an_address_that_does_not_do_alone_is_none() -> None:
    assert address() == DepositAddress(OUTSIDE, "ethereum", D("0.5"))
    for changed in ({"tag": "108618262"}, {"sameAddress": True}, {"depositEnable": False}):
        assert isinstance(address(**changed), Refused)


def test_where_there_is_no_wallet_api_transfers_are_refused() -> None:
    made = transfer("a", "i1", NOW, "USDT", D(100), OUTSIDE, lane="binance", source="binance:spot")
    refused = ask({}, lambda adapter: adapter.prepare(made, None))
    assert isinstance(refused, Refused)
    assert refused.code == "EXI-013"
    assert isinstance(ask({}, lambda adapter: adapter.deposit_address(ACCOUNT, "USDT", None)), Refused)
