"""What OKX's answers about its funding account become: deposits, balances, networks, addresses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.support.venue_intents import transfer

from tightloop.handlers.calls import Arrived, DepositAddress, NotFound, Refused, Unavailable
from tightloop.venues.live.okx_transfers import funding_of
from tightloop.venues.live.session import Said
from tightloop.venues.times import milliseconds

from .test_okx_transfers import (
    ACCOUNT,
    CHAIN,
    LONG_AGO,
    NOW,
    OUTSIDE,
    REFERENCE,
    WITHDRAWAL,
    ask,
    data,
    refusal,
)

D = Decimal
DEPOSITS = "asset/deposit-history"
DEPOSIT = {
    "amt": "98",
    "ccy": "USDT",
    "chain": CHAIN,
    "depId": "88",
    "state": "2",
    "to": OUTSIDE,
    "ts": str(milliseconds(LONG_AGO)),
    "txId": REFERENCE,
}
NETWORK = {
    "ccy": "USDT",
    "chain": CHAIN,
    "mainNet": False,
    "canWd": True,
    "canDep": True,
    "needTag": False,
    "fee": "2",
    "minWd": "10",
    "maxWd": "1000",
    "minDep": "0.5",
    "wdTickSz": "2",
    "burningFeeRate": "",
}

# --- deposits, and what the account holds -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "arrived"),
    [
        ({}, True),
        ({"state": "1"}, True),
        *(({"state": state}, False) for state in ("0", "8", "11", "12", "13", "14", "17")),
        ({"txId": "0x" + "34" * 32}, False),
    ],
)
def test_a_deposit_has_arrived_once_it_is_credited(changed: dict[str, Any], arrived: bool) -> None:
    answers = {DEPOSITS: data({**DEPOSIT, **changed})}
    found = ask(answers, lambda adapter: adapter.find_arrival(ACCOUNT, REFERENCE))
    assert isinstance(found, Arrived if arrived else NotFound), found
    if arrived:
        assert [(one.position_key, one.amount) for one in found.entry.deltas] == [("okx:MarginBalance:USDT", D(98))]


def test_two_deposits_of_one_transaction_are_no_evidence() -> None:
    answers = {DEPOSITS: data(DEPOSIT, DEPOSIT | {"depId": "89"})}
    assert isinstance(ask(answers, lambda adapter: adapter.find_arrival(ACCOUNT, REFERENCE)), Unavailable)


def balances(*funding: Any) -> dict[str, Any]:
    trading = {"details": [{"ccy": "USDT", "cashBal": "1000"}, {"ccy": "BTC", "cashBal": "1"}]}
    return {
        "account/balance": data(trading),
        "account/positions": data(),
        "public/instruments": data(),
        "asset/balances": funding[0] if funding else data({"ccy": "USDT", "bal": "500"}, {"ccy": "ETH", "bal": "2"}),
    }


def test_what_an_account_holds_is_what_lies_in_both_of_its_accounts() -> None:
    found = ask(balances(), lambda adapter: adapter._dialect.holdings())
    assert found == {"okx:MarginBalance:USDT": D(1500), "okx:BaseToken:BTC": D(1), "okx:BaseToken:ETH": D(2)}


def test_while_money_is_moved_between_the_two_what_it_holds_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([{"USDT": D(500)}, {"USDT": D(400)}])

    async def changing(session: Any) -> dict[str, Decimal]:
        return next(told)

    monkeypatch.setattr("tightloop.venues.live.okx.funding_of", changing)
    with pytest.raises(ValueError, match="the funding account changed"):
        ask(balances(), lambda adapter: adapter._dialect.holdings())


def test_where_demo_trading_has_no_funding_account_it_holds_nothing_there() -> None:
    found = ask(balances(refusal("50038")), lambda adapter: adapter._dialect.holdings())
    assert found["okx:MarginBalance:USDT"] == 1000
    with pytest.raises(Said):
        ask(balances(refusal("50026", 500)), lambda adapter: funding_of(adapter._dialect._session))


def test_what_is_moved_between_the_two_is_no_line_of_the_ledger() -> None:
    line = {"billId": "1", "type": "1", "subType": "12", "ccy": "USDT", "balChg": "-5", "instId": "", "sz": "5"}
    line |= {"ts": str(milliseconds(NOW)), "from": "18", "to": "6"}
    back = line | {"billId": "2", "subType": "11", "balChg": "5", "from": "6", "to": "18"}
    other = line | {"billId": "3", "balChg": "7", "subType": "11", "from": "", "to": ""}
    answers = {"account/bills": data(other, back, line), "public/instruments": data()}
    told = ask(answers, lambda adapter: adapter.ledger(ACCOUNT, None))
    assert [(one.entry_id, one.kind, one.deltas[0].amount) for one in told.entries] == [("bill-3", "transfer", D(7))]


# --- networks ---------------------------------------------------------------------------------------------------------


def prepared(amount: str = "100", network: str | None = None, more: tuple[Any, ...] = (), **changed: Any) -> Any:
    made = transfer("a", "i1", NOW, "USDT", D(amount), OUTSIDE, lane="okx", source="okx:spot", network=network)
    answers = {"asset/currencies": data({**NETWORK, **changed}, *more)}
    return ask(answers, lambda adapter: adapter.prepare(made, None))


def test_a_withdrawal_is_prepared_as_the_network_has_it() -> None:
    assert prepared().what == WITHDRAWAL
    arbitrum = NETWORK | {"chain": "USDT-Arbitrum One"}
    assert prepared(network="ethereum", more=(arbitrum,)).what == WITHDRAWAL
    assert prepared(network="arbitrum", more=(arbitrum,)).what.network == "USDT-Arbitrum One"
    assert "say which" in prepared(more=(arbitrum,)).message
    assert prepared(more=(arbitrum,), mainNet=True).what == WITHDRAWAL


@pytest.mark.parametrize(
    ("amount", "changed", "code", "words"),
    [
        ("9.99", {}, "EXI-007", "below the least withdrawal, 10"),
        ("1000.01", {}, "EXI-007", "above the greatest withdrawal, 1000"),
        ("100.001", {}, "EXI-007", "no multiple of 0.01"),
        ("100", {"canWd": False}, "EXI-013", "is suspended"),
        ("100", {"needTag": True}, "EXI-013", "needs a tag"),
        ("100", {"burningFeeRate": "0.05"}, "EXI-013", "takes 0.05 of the amount"),
    ],
)
def test_what_the_network_does_not_take_is_refused(amount: str, changed: dict[str, Any], code: str, words: str) -> None:
    refused = prepared(amount, **changed)
    assert isinstance(refused, Refused)
    assert (refused.code, words in refused.message) == (code, True), refused


ADDRESS = {"chain": CHAIN, "ccy": "USDT", "to": "6", "addr": OUTSIDE, "selected": True}


def address(*rows: Any, **changed: Any) -> Any:
    answers = {"asset/currencies": data({**NETWORK, **changed}), "asset/deposit-address": data(*(rows or (ADDRESS,)))}
    return ask(answers, lambda adapter: adapter.deposit_address(ACCOUNT, "USDT", None))


def test_an_address_that_does_not_do_alone_is_none() -> None:
    expected = DepositAddress(OUTSIDE, "ethereum", D("0.5"))
    other = ADDRESS | {"addr": "0x" + "cd" * 20}
    assert address() == address(ADDRESS, other | {"selected": False}, other | {"chain": "USDT-TRC20"}) == expected
    for named in ("tag", "memo", "pmtId", "addrEx"):
        assert isinstance(address(ADDRESS | {named: "108"}), Refused)
    assert isinstance(address(canDep=False), Refused)
    assert isinstance(address(ADDRESS | {"to": "18"}), Unavailable), "the trading account's ledger would tell of it"
    assert isinstance(address(ADDRESS, other), Unavailable)
