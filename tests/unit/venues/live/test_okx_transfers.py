"""What OKX's answers about transfers become, where the sandbox can't be brought to give them."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.live_face import OKX
from tests.support.told_exchange import ask_told
from tests.support.venue_intents import to_be_sent, transfer

from tightloop.handlers.calls import (
    Ambiguous,
    GateClosed,
    NotFound,
    NotSent,
    OrderFound,
    Refused,
    Unavailable,
)
from tightloop.records.types import AccountRef, JournalEntry, PreparedTransfer
from tightloop.venues import okx
from tightloop.venues.adapter import ClockGate, GateShut
from tightloop.venues.credentials import checked
from tightloop.venues.live.exchange import LiveExchange
from tightloop.venues.okx import connect
from tightloop.venues.times import milliseconds

D = Decimal
NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - timedelta(minutes=30)
ID = "0123456789abcdef" * 2
OUTSIDE = "0x" + "ab" * 20
REFERENCE = "0x" + "12" * 32
ACCOUNT = AccountRef(lane="okx", venue="okx", account="a")
KEYS = checked(okx.SPEC, "dev", {name: f"value-{name}" for name in okx.SPEC.credentials})
CHAIN = "USDT-ERC20"
WITHDRAWAL = PreparedTransfer(asset="USDT", amount=D(100), source="spot", address=OUTSIDE, network=CHAIN, fee=D(2))
WITHDRAWN = {
    "note": "",
    "chain": CHAIN,
    "fee": "2",
    "feeCcy": "USDT",
    "ccy": "USDT",
    "clientId": ID,
    "amt": "100",
    "txId": REFERENCE,
    "to": OUTSIDE,
    "state": "2",
    "ts": str(milliseconds(LONG_AGO)),
    "wdId": "67485",
}
UNDER_WAY = ("19", "17", "10", "0", "4", "5", "6", "8", "9", "12", "7", "1", "15", "16", "-3")
TAKE, MOVE = "POST /api/v5/asset/withdrawal", "POST /api/v5/asset/transfer"
HISTORY = "asset/withdrawal-history"


def data(*told: Any) -> tuple[int, Any]:
    return 200, {"code": "0", "msg": "", "data": list(told)}


def refusal(code: str, status: int = 200) -> tuple[int, Any]:
    return status, {"code": code, "msg": "words", "data": []}


def entry(at: datetime = LONG_AGO) -> JournalEntry:
    made = transfer("a", "i1", at, "USDT", D(100), OUTSIDE, lane="okx", source="okx:spot")
    return to_be_sent(replace(made, client_order_id=ID), WITHDRAWAL)


def ask(answers: dict[str, Any], work: Callable[[LiveExchange], Coroutine[Any, Any, Any]], at: str = "") -> Any:
    """``answers``, ``at``: see ``ask_told``."""
    clock = {"GET /api/v5/public/time": data({"ts": str(milliseconds(NOW))})}
    return ask_told(clock, "/api/v5/", answers, lambda address: connect(OKX.lane(address, (OUTSIDE,)), KEYS), work, at)


def found_withdrawal(**changed: Any) -> Any:
    row = {name: value for name, value in {**WITHDRAWN, **changed}.items() if value is not None}
    return ask({HISTORY: data(row)}, lambda adapter: adapter.find(entry()))


# --- withdrawals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        *((state, "open") for state in UNDER_WAY),
        ("-2", "reverted"),
        ("-1", "reverted"),
        ("2", "filled"),
    ],
)
def test_each_state_of_a_withdrawal_is_what_it_is_documented_to_be(state: str, expected: str) -> None:
    found = found_withdrawal(state=state)
    assert (found.status, found.tx_hash) == (expected, REFERENCE if expected == "filled" else None)
    debit, *back = found.entries
    assert [(one.position_key, one.amount, one.source) for one in debit.deltas] == [
        ("okx:MarginBalance:USDT", D(-100), "transfer"),
        ("okx:MarginBalance:USDT", D(-2), "fee"),
    ]
    assert len(back) == (1 if expected == "reverted" else 0)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"state": "20"}, "state 20 is not documented"),
        ({"txId": ""}, "names no transaction"),
        ({"amt": "98"}, "is not the 100 USDT that was asked for"),
        ({"chain": "USDT-TRC20"}, "which nobody asked for"),
        ({"ccy": "USDC"}, "which nobody asked for"),
        ({"to": "0x" + "cd" * 20}, "which nobody asked for"),
        ({"feeCcy": "ETH"}, "2 ETH, which is not understood"),
        ({"fee": "0.01eth"}, "can't be read"),
        ({"ts": None}, "KeyError"),
    ],
)
def test_a_withdrawal_that_is_not_what_was_asked_for_is_no_evidence(changed: dict[str, Any], words: str) -> None:
    found = found_withdrawal(**changed)
    assert isinstance(found, Unavailable)
    assert (found.code, words in found.message) == ("EXI-016", True), found


def test_a_withdrawal_is_found_by_our_id_and_two_with_one_are_no_evidence() -> None:
    assert found_withdrawal(to=OUTSIDE.upper().replace("0X", "0x")).status == "filled"
    assert isinstance(found_withdrawal(clientId="another"), NotFound)
    (asked,) = ask({HISTORY: data()}, lambda adapter: adapter.find(entry()), at=HISTORY)
    assert asked.given["clientId"] == ID
    twice = ask({HISTORY: data(WITHDRAWN, WITHDRAWN | {"wdId": "7"})}, lambda adapter: adapter.find(entry()))
    assert (twice.code, "2 withdrawals bear the id" in twice.message) == ("EXI-016", True)


def test_not_there_counts_once_okx_takes_the_request_no_longer() -> None:
    for ago_s, kind in ((54.0, Unavailable), (56.0, NotFound)):
        young = entry(NOW - timedelta(seconds=ago_s))
        found = ask({HISTORY: data()}, lambda adapter, young=young: adapter.find(young))
        assert isinstance(found, kind), "3 s to send it, 30 s to take it, 2 s of clocks, 20 s of lag"


def submitted(answers: dict[str, Any], at: str = "", gate: Any = None) -> Any:
    young = entry(datetime.now(UTC))
    open_ = ClockGate(lambda: datetime.now(UTC), young.journalled_at, timedelta(seconds=3), None)
    return ask({HISTORY: data()} | answers, lambda adapter: adapter.submit(young, gate or open_), at=at)


def in_funding(amount: str) -> dict[str, Any]:
    return {"asset/balances": data({"ccy": "USDT", "bal": "500", "frozenBal": "0", "availBal": amount})}


ENOUGH, LITTLE = in_funding("102"), in_funding("101.5")
TAKEN = {TAKE: data({"wdId": "67485", "clientId": ID, "amt": "100", "ccy": "USDT", "chain": CHAIN})}
MOVED = {MOVE: data({"transId": "754147"}), "asset/transfer-state": data({"transId": "754147", "state": "success"})}


def test_what_is_taken_and_not_shown_yet_is_open_and_was_asked_for_with_our_id() -> None:
    found = submitted(ENOUGH | TAKEN)
    assert isinstance(found, OrderFound)
    assert (found.status, found.venue_order_id, found.entries) == ("open", "67485", ())
    (asked,) = submitted(ENOUGH | TAKEN, at="asset/withdrawal")
    sent = {"ccy": "USDT", "amt": "100", "dest": "4", "toAddr": OUTSIDE, "chain": CHAIN, "clientId": ID}
    assert json.loads(asked.body) == sent
    assert submitted(ENOUGH | TAKEN, at="asset/transfer") == [], "the funding account has enough"


def test_what_the_funding_account_lacks_is_moved_there_first() -> None:
    assert submitted(LITTLE | MOVED | TAKEN).status == "open"
    (asked,) = submitted(LITTLE | MOVED | TAKEN, at="asset/transfer")
    sent = {"type": "0", "ccy": "USDT", "amt": "0.5", "from": "18", "to": "6", "clientId": ID}
    assert json.loads(asked.body) == sent
    before, after = submitted(LITTLE | MOVED | TAKEN, at="asset/transfer-state")
    assert (before.given["clientId"], after.given["transId"]) == (ID, "754147")
    empty = submitted({"asset/balances": data()} | MOVED | TAKEN, at="asset/transfer")
    assert json.loads(empty[0].body)["amt"] == "102"


STATE = "asset/transfer-state"
PENDING = {STATE: data({"transId": "754147", "state": "pending"})}


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({MOVE: None}, Ambiguous),
        (MOVED | PENDING, NotSent),
        ({MOVE: refusal("58350")}, Refused),
        ({MOVE: refusal("58112")}, Ambiguous),
        ({MOVE: data()}, Ambiguous),
        ({"asset/balances": None}, NotSent),
        (MOVED | {STATE: None}, NotSent),
        (MOVED | {STATE: refusal("50011", 429)}, NotSent),
        (MOVED | {STATE: refusal("50026", 500)}, Ambiguous),
    ],
)
def test_nothing_is_withdrawn_before_that_is_done(answers: dict[str, Any], kind: type) -> None:
    given = LITTLE | TAKEN | {STATE: data()} | answers
    assert isinstance(submitted(given), kind)
    assert submitted(given, at="asset/withdrawal") == []


def test_while_what_was_moved_is_on_its_way_no_more_is_moved() -> None:
    assert submitted(LITTLE | TAKEN | MOVED | PENDING, at="asset/transfer") == []
    failed = {STATE: data({"transId": "754147", "state": "failed"})}
    assert len(submitted(LITTLE | TAKEN | MOVED | failed, at="asset/transfer")) == 1, "it has moved nothing"
    unknown = {STATE: refusal("58000")}
    assert len(submitted(LITTLE | TAKEN | MOVED | unknown, at="asset/transfer")) == 1


class OpenOnce:
    """A gate through which one request goes."""

    def __init__(self) -> None:
        self.passed = 0

    def pass_through(self) -> datetime:
        self.passed += 1
        if self.passed > 1:
            raise GateShut("the send window is over")
        return datetime.now(UTC)


def test_each_of_the_two_requests_goes_through_the_gate() -> None:
    assert isinstance(submitted(LITTLE | MOVED | TAKEN, gate=OpenOnce()), GateClosed)
    assert submitted(LITTLE | MOVED | TAKEN, gate=OpenOnce(), at="asset/withdrawal") == []


@pytest.mark.parametrize("answer", [None, data(), data({}), (200, []), refusal("50001", 503), refusal("51000")])
def test_an_answer_that_says_nothing_leaves_everything_open(answer: Any) -> None:
    assert isinstance(submitted(ENOUGH | {TAKE: answer}), Ambiguous)
