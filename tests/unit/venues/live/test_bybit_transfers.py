"""What Bybit's answers about transfers become, where the sandbox can't be brought to give them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.live_face import BYBIT
from tests.support.told_exchange import ToldExchange
from tests.support.venue_intents import to_be_sent, transfer
from tests.support.verdict_rows import assert_met, each_row, said

from tightloop.errors import ExecutionError
from tightloop.handlers.calls import Ambiguous, Arrived, DepositAddress, NotFound, OrderFound, Refused, Unavailable
from tightloop.records.types import AccountRef, JournalEntry, PreparedTransfer
from tightloop.venues import bybit
from tightloop.venues.adapter import ClockGate
from tightloop.venues.bybit import connect
from tightloop.venues.credentials import checked
from tightloop.venues.live.bybit_rights import check_rights
from tightloop.venues.live.bybit_wallet_verdicts import OWN, VERDICTS
from tightloop.venues.live.exchange import LiveExchange
from tightloop.venues.live.verdicts import Row, Verdicts
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
DEPOSIT = {
    "id": "160237231",
    "coin": "USDT",
    "chain": "ETH",
    "amount": "98",
    "txID": REFERENCE,
    "status": 3,
    "toAddress": OUTSIDE,
    "tag": "",
    "depositFee": "",
    "successAt": str(THEN_MS),
    "depositType": "0",
}
LINE = {"id": "l1", "type": "TRANSFER_IN", "currency": "USDT", "change": "98", "transactionTime": str(THEN_MS + 900)}
LINE |= {"symbol": "", "side": "None", "qty": "98"}
CHAIN = {
    "chain": "ETH",
    "chainType": "Ethereum (ERC20)",
    "withdrawFee": "2",
    "depositMin": "0.5",
    "withdrawMin": "10",
    "minAccuracy": "2",
    "chainDeposit": "1",
    "chainWithdraw": "1",
    "withdrawPercentageFee": "0",
}
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
    """``answers``: by the end of the path, such as ``asset/transfer``; ``at``: requests are looked at by their path."""
    told: dict[str, Any] = {"GET /v5/market/time": result()}
    told |= {f"GET /v5/{path}": answer for path, answer in answers.items() if " " not in path}
    told |= {path: answer for path, answer in answers.items() if " " in path}

    async def run() -> Any:
        async with ToldExchange(told) as exchange:
            adapter = connect(BYBIT.lane(exchange.address, (OUTSIDE,)), KEYS)
            try:
                found = await work(adapter)  # type: ignore[arg-type]
            finally:
                await adapter.close()
            return [one for one in exchange.requests if one.path.endswith(at)] if at else found

    return asyncio.run(run())


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


# --- deposits ---------------------------------------------------------------------------------------------------------


def arrival(*lines: Any, **changed: Any) -> Any:
    answers = {DEPOSITS: rows({**DEPOSIT, **changed}), WITHDRAWALS: rows(), "account/transaction-log": log(*lines)}
    return ask(answers, lambda adapter: adapter.find_arrival(ACCOUNT, REFERENCE))


@pytest.mark.parametrize(
    ("changed", "arrived"),
    [
        ({}, True),
        ({"depositType": ""}, True),
        *(({"status": status}, False) for status in (0, 1, 2, 4, 10011, 10012)),
        ({"depositType": "10"}, False),
        ({"depositType": "20"}, False),
        ({"txID": "0x" + "34" * 32}, False),
    ],
)
def test_a_deposit_has_arrived_once_the_unified_account_has_it(changed: dict[str, Any], arrived: bool) -> None:
    found = arrival(LINE, **changed)
    assert isinstance(found, Arrived if arrived else NotFound), found
    if arrived:
        assert [(one.position_key, one.amount) for one in found.entry.deltas] == [("bybit:MarginBalance:USDT", D(98))]
        assert (found.entry.kind, found.entry.tx_hash) == ("deposit", REFERENCE)


@pytest.mark.parametrize(
    "changed",
    [
        {"change": "97"},
        {"currency": "USDC"},
        {"type": "INTEREST"},
        {"transactionTime": str(THEN_MS - 2 * MINUTE_MS)},
        {"transactionTime": str(THEN_MS + 11 * MINUTE_MS)},
    ],
)
def test_a_deposit_that_the_unified_account_did_not_get_lies_in_the_funding_account(changed: dict[str, Any]) -> None:
    found = arrival(LINE | changed)
    assert isinstance(found, Unavailable)
    assert (found.code, "funding account" in found.message) == ("EXI-016", True)
    assert isinstance(arrival(LINE | changed, successAt=str(NOW_MS - MINUTE_MS)), NotFound), "it may come yet"


def test_each_deposit_has_a_line_of_its_own() -> None:
    first = DEPOSIT | {"id": "1", "txID": "0x" + "34" * 32, "successAt": str(THEN_MS - 1000)}
    second = DEPOSIT | {"id": "2"}

    def came(*lines: Any) -> Any:
        answers = {DEPOSITS: rows(second, first), WITHDRAWALS: rows(), "account/transaction-log": log(*lines)}
        return ask(answers, lambda adapter: adapter.find_arrival(ACCOUNT, REFERENCE))

    assert isinstance(came(LINE), Unavailable), "the line is the first one's"
    assert came(LINE, LINE | {"id": "l2"}).entry.entry_id == "deposit-l2"
    twice = {DEPOSITS: rows(DEPOSIT, DEPOSIT | {"id": "2"})}
    assert isinstance(ask(twice, lambda adapter: adapter.find_arrival(ACCOUNT, REFERENCE)), Unavailable)


def test_the_ledger_tells_deposits_as_such_and_leaves_out_what_withdrawals_did() -> None:
    lines = (
        LINE,
        LINE | {"id": "l2", "type": "TRANSFER_OUT", "change": "-102"},
        LINE | {"id": "l3", "type": "TRANSFER_OUT", "change": "-102"},
        LINE | {"id": "l4", "change": "98.5"},
    )
    answers = {DEPOSITS: rows(DEPOSIT), WITHDRAWALS: rows(WITHDRAWN), "account/transaction-log": log(*lines)}
    markets = {"market/instruments-info": log()}
    told = ask(answers | markets, lambda adapter: adapter.ledger(ACCOUNT, None))
    shown = [(one.entry_id, one.kind, one.tx_hash, one.deltas[0].amount) for one in told.entries]
    assert shown == [
        ("log-l1", "deposit", REFERENCE, D(98)),
        ("log-l3", "transfer", None, D(-102)),
        ("log-l4", "transfer", None, D("98.5")),
    ], "one line is the withdrawal's, and the other somebody's who moved as much by hand"


# --- networks ---------------------------------------------------------------------------------------------------------


def coins(*chains: Any) -> dict[str, Any]:
    return {"asset/coin/query-info": result(rows=[{"coin": "USDT", "remainAmount": "1000", "chains": list(chains)}])}


def prepared(amount: str = "100", network: str | None = None, more: tuple[Any, ...] = (), **changed: Any) -> Any:
    made = transfer("a", "i1", NOW, "USDT", D(amount), OUTSIDE, lane="bybit", source="bybit:spot", network=network)
    answers = coins({**CHAIN, **changed}, *more) | {WITHDRAWALS: rows()}
    return ask(answers, lambda adapter: adapter.prepare(made, None))


def test_a_withdrawal_is_prepared_as_the_network_has_it() -> None:
    assert prepared().what == WITHDRAWAL
    arbitrum = CHAIN | {"chain": "ARBI"}
    assert prepared(network="ethereum", more=(arbitrum,)).what == WITHDRAWAL
    assert prepared(network="ARBI", more=(arbitrum,)).what.network == "ARBI"
    unclear = prepared(more=(arbitrum,))
    assert (unclear.code, "ethereum, arbitrum: say which" in unclear.message) == ("EXI-013", True)


@pytest.mark.parametrize(
    ("amount", "changed", "code", "words"),
    [
        ("9.99", {}, "EXI-007", "below the least withdrawal, 10"),
        ("1000.01", {}, "EXI-007", "above the greatest withdrawal, 1000"),
        ("100.001", {}, "EXI-007", "no multiple of 0.01"),
        ("100", {"chainWithdraw": "0"}, "EXI-013", "is suspended"),
        ("100", {"withdrawFee": ""}, "EXI-013", "is suspended"),
        ("100", {"withdrawPercentageFee": "0.022"}, "EXI-013", "takes 0.022 of the amount"),
        ("100", {"chain": "XRP"}, "EXI-013", "needs a tag"),
    ],
)
def test_what_the_network_does_not_take_is_refused(amount: str, changed: dict[str, Any], code: str, words: str) -> None:
    refused = prepared(amount, **changed)
    assert isinstance(refused, Refused)
    assert (refused.code, words in refused.message) == (code, True), refused


def address(*, tag: str = "", **changed: Any) -> Any:
    row = {"chainType": "ETH", "addressDeposit": OUTSIDE, "tagDeposit": tag, "chain": "ETH", "batchReleaseLimit": "-1"}
    answers = coins({**CHAIN, **changed}) | {"asset/deposit/query-address": result(coin="USDT", chains=[row])}
    return ask(answers, lambda adapter: adapter.deposit_address(ACCOUNT, "USDT", None))


def test_an_address_that_does_not_do_alone_is_none() -> None:
    assert address() == DepositAddress(OUTSIDE, "ethereum", D("0.5"))
    for changed in ({"tag": "108618262"}, {"chain": "XRP"}, {"chainDeposit": "0"}):
        assert isinstance(address(**changed), Refused)


# --- rights, and refusals ---------------------------------------------------------------------------------------------

KEY = {"readOnly": 0, "isMaster": True}
TRADING = {"Spot": ["SpotTrade"], "ContractTrade": ["Order", "Position"]}
ABLE = TRADING | {"Wallet": ["AccountTransfer", "Withdraw"]}


def test_a_key_may_withdraw_where_the_lane_does_and_nowhere_else() -> None:
    check_rights("bybit", KEY | {"permissions": ABLE}, trades=True, withdraws=True)
    check_rights("bybit", KEY | {"permissions": TRADING}, trades=True, withdraws=False)
    check_rights("bybit", KEY | {"permissions": TRADING, "readOnly": 1}, trades=False, withdraws=True)


@pytest.mark.parametrize(
    ("changed", "trades", "withdraws", "words"),
    [
        ({"permissions": ABLE}, True, False, "may withdraw, and the lane has no withdraws_to"),
        ({"permissions": ABLE, "readOnly": 1}, False, True, "may withdraw, and is to read only"),
        ({"permissions": TRADING}, True, True, "may not withdraw"),
        ({"permissions": ABLE, "isMaster": False}, True, True, "is a subaccount's"),
        ({"permissions": TRADING}, False, False, "is to read only, and may trade"),
        ({"permissions": {"Spot": ["SpotTrade"]}}, True, False, "may not trade"),
    ],
)
def test_a_key_with_other_rights_is_refused(changed: Any, trades: bool, withdraws: bool, words: str) -> None:
    with pytest.raises(ExecutionError, match=words) as refused:
        check_rights("bybit", KEY | changed, trades=trades, withdraws=withdraws)
    assert refused.value.code == "EIF-012"


@each_row(Verdicts(OWN))
def test_a_row_of_its_own_is_met_by_its_code_and_words(row: Row, code: str) -> None:
    assert_met(VERDICTS, row, code, ("errors", "asset"))


def test_what_no_row_knows_and_what_may_be_a_used_id_prove_nothing() -> None:
    for told in (said("999999"), said("10014"), said("10001"), said("131001"), said("10000"), said("HTTP 502")):
        assert isinstance(VERDICTS.of_act(told), Ambiguous), told
    assert isinstance(VERDICTS.of_act(said("10005")), Refused), "what holds for any request holds here"
