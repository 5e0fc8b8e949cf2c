"""What Bybit's answers about deposits, its log and its networks become."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.support.venue_intents import transfer

from tightloop.handlers.calls import Arrived, DepositAddress, NotFound, Refused, Unavailable

from .test_bybit_transfers import (
    ACCOUNT,
    DEPOSITS,
    LINE,
    MINUTE_MS,
    NOW,
    NOW_MS,
    OUTSIDE,
    REFERENCE,
    THEN_MS,
    WITHDRAWAL,
    WITHDRAWALS,
    WITHDRAWN,
    ask,
    log,
    result,
    rows,
)

D = Decimal
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
