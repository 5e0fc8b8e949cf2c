"""Transfers of the live adapters, over the sandboxes of their exchanges: the numbered cases that ask for no chain, and
what only a live exchange has: a list of addresses, histories that lag, movements without an id of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.lanes import REGISTRY
from tests.support.live_face import LiveFace
from tests.support.venue_intents import transfer

from tightloop.errors import ExecutionError
from tightloop.handlers.calls import Ambiguous, Arrived, DepositAddress, NotFound, Prepared, Refused, Unavailable
from tightloop.records.types import AccountRef, JournalEntry
from tightloop.venues import bybit
from tightloop.venues.bybit import connect
from tightloop.venues.credentials import checked
from tightloop.venues.live.transfers import APART_S, HISTORY_LAG_S
from tightloop.venues.sim.network import deposit_address

from . import test_transfers as cases
from .test_live_exchanges import Account

D = Decimal
NUMBERS = count(1)
OUTSIDE = deposit_address("binance", "elsewhere")  # of another account of the exchange: what is sent there arrives
ACTS_S = 3.0 + 2.0 + 2.0  # send window, acceptance window and clocks: then nothing that was sent can act any more
LATER_S = ACTS_S + HISTORY_LAG_S + 0.1


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveFace]:
    found = LiveFace(tmp_path_factory.mktemp("binance"), withdraws_to=(OUTSIDE.upper().replace("0X", "0x"),))
    yield found
    violations = found.control("GET", "/admin/documents")["violations"]
    found.close()
    assert violations == [], "every request of every case was as the exchange documents it"


@pytest.fixture
def live(face: LiveFace) -> Iterator[Account]:
    """An account of its own, and an adapter that has moved nothing yet."""
    found = Account(face, f"account-{next(NUMBERS)}")
    found.reconnect()
    yield found
    face.control("DELETE", "/admin/faults")


@pytest.fixture(autouse=True)
def goes_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbered cases withdraw to a wallet on a chain, which no exchange's sandbox has."""
    monkeypatch.setattr(cases, "wallet", lambda exchange: DepositAddress(OUTSIDE, "ethereum"))


# --- between the wallets of an account --------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "to", "sign"), [("spot", "perp", 1), ("perp", "spot", -1)])
def test_case_220_between_the_wallets_of_an_account_it_is_done_at_once(
    live: Account, source: str, to: str, sign: int
) -> None:
    cases.test_220_between_the_wallets_of_an_account_it_is_done_at_once(live, source, to, sign)


def test_case_221_an_asset_that_is_no_margin_is_refused_before_it_is_asked(live: Account) -> None:
    cases.test_221_an_asset_that_is_no_margin_is_refused_before_it_is_asked(live)


def test_case_222_what_a_position_needs_as_margin_stays(live: Account) -> None:
    cases.test_222_what_a_position_needs_as_margin_stays(live)


def inside(live: Account, name: str, amount: str = "500") -> JournalEntry:
    return cases.inside(live, name, "spot", "perp", D(amount))


def test_a_movement_is_told_by_no_ledger_besides(live: Account) -> None:
    begun = live.positions().cursor
    found = live.submit(inside(live, "m1"))
    assert [(one.position_key, one.amount, one.source) for one in found.entries[0].deltas] == [
        ("binance:BaseToken:USDT", D(-500), "transfer"),
        ("binance:MarginBalance:USDT", D(500), "transfer"),
    ]
    assert live.ledger(begun).entries == (), "it would count twice"


def test_a_movement_whose_answer_was_lost_is_found_by_what_it_was_and_when(live: Account) -> None:
    live.fault("lost_after", operations=["transfer"], count=1)
    entry = live.prepared(inside(live, "m1"))
    assert isinstance(live.submit(entry), Ambiguous)
    live.reconnect()  # as after a restart of the executor
    found = live.find(entry)
    assert (found.status, len(found.entries)) == ("filled", 1)


def test_a_movement_whose_request_was_lost_is_not_found_once_the_history_can_not_lag_any_more(live: Account) -> None:
    before = live.amounts()
    live.fault("lost_before", operations=["transfer"], count=1)
    entry = live.prepared(inside(live, "m1"))
    assert isinstance(live.submit(entry), Ambiguous)
    for _ in ("before anybody has looked for it", "and after that"):
        assert isinstance(live.prepare(inside(live, "m2")), Unavailable), "it may act yet, whatever the history shows"
        assert isinstance(live.find(entry), Unavailable)
    live.pass_time(LATER_S - 1)
    assert isinstance(live.find(entry), Unavailable)
    live.pass_time(1)
    assert isinstance(live.find(entry), NotFound)
    assert live.amounts() == before


def test_two_movements_that_are_alike_are_not_prepared_within_one_anothers_time(live: Account) -> None:
    live.submit(inside(live, "m1"))
    for _ in ("before a restart", "and after one"):
        again = live.prepare(inside(live, "m2"))
        assert isinstance(again, Unavailable)
        assert "was moved a moment ago" in again.message
        live.reconnect()
    assert live.submit(inside(live, "m3", "501")).status == "filled", "another amount is told from it"
    live.pass_time(APART_S - 0.1)
    assert isinstance(live.prepare(inside(live, "m4")), Unavailable)
    live.pass_time(0.2)
    first = live.prepared(inside(live, "m4"))
    assert live.submit(first).status == "filled"
    assert live.find(first).status == "filled", "the one before is not within its time"


def test_a_movement_that_was_refused_holds_none_like_it_back(live: Account) -> None:
    refused = live.submit(inside(live, "m1", "100000000"))
    assert isinstance(refused, Refused)
    assert refused.code == "EXI-006"
    assert isinstance(live.prepare(inside(live, "m2", "100000000")), Prepared)


def test_of_two_movements_in_one_anothers_time_nothing_is_known(live: Account) -> None:
    entry = live.prepared(inside(live, "m1"))
    live.fault("duplicate_request", operations=["transfer"], count=1)
    found = live.submit(entry)
    assert (found.status, len(found.entries)) == ("filled", 1), "the answer named one of them"
    asked = live.find(entry)
    assert isinstance(asked, Unavailable)
    assert (asked.code, "can be told from the others" in asked.message) == ("EXI-016", True)
    told = live.find(replace(entry, venue_order_id=found.venue_order_id))
    assert told.entries == found.entries


def test_case_206_a_request_signed_long_ago_moves_nothing(tmp_path: Path) -> None:
    """By the real clock: it comes later than the acceptance window, when its sender has given up."""
    face = LiveFace(tmp_path, manual=False, mutation_timeout_s=0.4, withdraws_to=(OUTSIDE,))
    try:
        live = Account(face, "s")
        before = live.amounts()
        for name, make in (("m1", inside), ("w1", cases.withdrawal)):
            live.fault("late_before", operations=["transfer"], count=1, delay_s=2.1)
            assert isinstance(live.submit(live.prepared(make(live, name))), Ambiguous)
        live.pass_time(2.3)
        assert live.amounts() == before
        assert [one["result"] for one in live.requests()] == [], "neither was young enough to be taken"
    finally:
        face.close()


# --- out of the exchange ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [
        cases.test_201_the_fee_is_a_delta_of_its_own_as_the_exchange_takes_it,
        cases.test_202_a_withdrawal_that_fails_gives_all_of_it_back,
        cases.test_203_an_answer_that_is_lost_is_found_by_its_id,
        cases.test_205_an_id_that_is_pending_is_no_second_withdrawal,
        cases.test_207_what_an_exchange_does_not_move_is_refused_before_it_is_asked,
        cases.test_208_more_than_there_is_is_refused_and_nothing_moves,
    ],
    ids=lambda case: case.__name__.removeprefix("test_")[:40],
)
def test_a_withdrawal(live: Account, case: Any) -> None:
    case(live)


def test_case_200_a_withdrawal_is_taken_then_sent_then_credited(live: Account) -> None:
    live.pass_time(60)  # what other cases sent there has come
    before = live.amounts()
    entry = live.prepared(cases.withdrawal(live, "w1"))
    taken = live.submit(entry)
    assert (taken.status, taken.tx_hash, len(taken.entries)) == ("open", None, 1)
    (debit,) = taken.entries
    assert live.amounts()["binance:BaseToken:USDT"] == before["binance:BaseToken:USDT"] - 1000
    live.pass_time(cases.SENT_AFTER_S)
    found = live.find(entry)
    assert (found.status, found.entries) == ("filled", (debit,))
    live.face.use("elsewhere")
    held = live.amounts()["binance:BaseToken:USDT"]
    assert isinstance(cases.arrival(live.face, "binance", "elsewhere", found.tx_hash), NotFound)
    live.pass_time(cases.CREDITED_AFTER_S)
    came = cases.arrival(live.face, "binance", "elsewhere", found.tx_hash)
    assert isinstance(came, Arrived)
    travelled = -sum(delta.amount for delta in debit.deltas if delta.source == "transfer")
    assert [(one.position_key, one.amount) for one in came.entry.deltas] == [("binance:BaseToken:USDT", travelled)]
    assert (came.entry.kind, came.entry.tx_hash) == ("deposit", found.tx_hash)
    assert live.amounts()["binance:BaseToken:USDT"] == held + travelled


def test_case_204_a_request_that_is_lost_is_not_found_and_nothing_moved(live: Account) -> None:
    before = live.amounts()
    live.fault("lost_before", operations=["transfer"], count=1)
    entry = live.prepared(cases.withdrawal(live, "w1"))
    assert isinstance(live.submit(entry), Ambiguous)
    assert isinstance(live.find(entry), Unavailable)
    live.pass_time(LATER_S)
    assert isinstance(live.find(entry), NotFound)
    assert live.amounts() == before


def test_an_address_that_the_lane_does_not_name_is_refused_before_it_is_asked_and_again_before_it_is_sent(
    live: Account,
) -> None:
    prepared = live.prepared(cases.withdrawal(live, "w1"))
    other = transfer(
        live.account, "w2", live.now(), "USDT", D(100), "0x" + "ab" * 20, lane="binance", source="binance:spot"
    )
    refused = live.prepare(other)
    assert (refused.code, "withdraws_to" in refused.message) == ("EXI-013", True)
    live.face.withdraws_to = ("0x" + "cd" * 20,)  # the configuration changed between journal and submission
    try:
        live.reconnect()
        again = live.submit(prepared)
    finally:
        live.face.withdraws_to = (OUTSIDE,)
        live.reconnect()
    assert isinstance(again, Refused)
    assert live.requests() == []


def test_two_withdrawals_with_one_id_are_no_evidence(live: Account) -> None:
    entry = live.prepared(cases.withdrawal(live, "w1"))
    live.submit(entry)
    live.pass_time(cases.SENT_AFTER_S)
    live.submit(entry)
    found = live.find(entry)
    assert isinstance(found, Unavailable)
    assert "2 withdrawals bear the id" in found.message


# --- into it ----------------------------------------------------------------------------------------------------------


def test_case_230_each_account_has_an_address_of_its_own(live: Account) -> None:
    mine = cases.address(live.face, "binance", live.account)
    assert mine == DepositAddress(deposit_address("binance", live.account), "ethereum", D("0.01"))
    assert cases.address(live.face, "binance", live.account, network="ETH") == mine, "by either name of the network"


def test_case_231_what_does_not_arrive_there_has_no_address(live: Account) -> None:
    for asset, network in (("DOGE", None), ("USDT", "etherium"), ("BTC", None)):
        told = cases.address(live.face, "binance", live.account, asset, network)
        assert isinstance(told, Refused)
        assert told.code == "EXI-013", told


def test_a_deposit_is_seen_by_its_transaction_once_it_is_there(live: Account) -> None:
    reference = "0x" + f"{hash(live.account) % 10**12:064x}"
    assert isinstance(cases.arrival(live.face, "binance", live.account, reference), NotFound)
    before = live.amounts()["binance:BaseToken:ETH"]
    live._post("deposit", position_key="binance:BaseToken:ETH", amount="1.5", reference=reference)
    came = cases.arrival(live.face, "binance", live.account, reference)
    assert [(one.position_key, one.amount) for one in came.entry.deltas] == [("binance:BaseToken:ETH", D("1.5"))]
    assert live.amounts()["binance:BaseToken:ETH"] == before + D("1.5")


# --- elsewhere --------------------------------------------------------------------------------------------------------


def test_a_lane_of_an_exchange_that_moves_nothing_live_yet_is_refused_with_addresses_and_moves_nothing() -> None:
    keys = checked(bybit.SPEC, "dev", {name: f"value-{name}" for name in bybit.SPEC.credentials})
    lane = replace(REGISTRY.lane("bybit"), simulated=False, endpoint="http://127.0.0.1:1", withdraws_to=(OUTSIDE,))
    moving = transfer("a", "t1", datetime.now(UTC), "USDT", D(5), OUTSIDE, lane="bybit", source="bybit:spot")

    async def work() -> None:
        found = connect(lane, keys)
        with pytest.raises(ExecutionError, match="nothing is transferred from or to bybit live yet") as refused:
            await found.open()
        assert refused.value.code == "EIF-010"
        account = AccountRef(lane="bybit", venue="bybit", account="a")
        assert (await found.prepare(moving, None)).code == "EXI-013"
        assert (await found.deposit_address(account, "USDT", None)).code == "EXI-013"
        assert isinstance(await found.find_arrival(account, "0x"), Unavailable)
        await found.close()

    asyncio.run(work())
