"""Transfers of the live adapters, over the sandboxes of their exchanges: the numbered cases that ask for no chain, and
what only a live exchange has: a list of addresses, histories that lag, withdrawals that show no id of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.live_face import LIVE, LiveFace, LiveVenue, documented, skip_what_it_lacks
from tests.support.venue_intents import transfer

from tightloop.handlers.calls import Ambiguous, Arrived, DepositAddress, NotFound, Prepared, Refused, Unavailable
from tightloop.records.types import JournalEntry
from tightloop.venues.adapter import ClockGate
from tightloop.venues.live.transfers import APART_S, HISTORY_LAG_S
from tightloop.venues.sim.network import deposit_address

from . import test_transfers as cases
from .test_live_exchanges import Account

D = Decimal
NUMBERS = count(1)
SENT_WITHIN_S, CLOCKS_S = 3.0, 2.0
LATER_S = SENT_WITHIN_S + 2.0 + CLOCKS_S + HISTORY_LAG_S + 0.1  # with an acceptance window of 2 s


def later_s(live: Account) -> float:
    """Then nothing that was sent can act any more, and histories show what did."""
    taken_for_s = live.face.dialect.transfers.taken_for_s
    return LATER_S if taken_for_s is None else LATER_S - 2.0 + taken_for_s


def outside(venue: LiveVenue) -> str:
    """Of another account of the exchange: what is sent there arrives."""
    return deposit_address(venue.name, "elsewhere")


def sent(exchange: Any, name: str, *rest: Any, **fields: Any) -> JournalEntry:
    """With an id as long as the executor's."""
    made = transfer(exchange, name, *rest, **fields)
    return replace(made, client_order_id=blake2b(made.client_order_id.encode(), digest_size=16).hexdigest())


@pytest.fixture(scope="module", params=LIVE, ids=lambda venue: venue.name)
def venue(request: pytest.FixtureRequest) -> LiveVenue:
    found: LiveVenue = request.param
    return found


@pytest.fixture(autouse=True)
def has_the_case(venue: LiveVenue, request: pytest.FixtureRequest) -> None:
    skip_what_it_lacks(venue, request)


@pytest.fixture(scope="module")
def face(venue: LiveVenue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveFace]:
    listed = outside(venue).upper().replace("0X", "0x")
    with documented(LiveFace(tmp_path_factory.mktemp(venue.name), venue, withdraws_to=(listed,))) as found:
        yield found


@pytest.fixture
def live(face: LiveFace) -> Iterator[Account]:
    """An account of its own, and an adapter that has moved nothing yet."""
    found = Account(face, f"account-{next(NUMBERS)}")
    found.reconnect()
    if found.venue.funding:
        found._post("deposit", position_key=found.venue.deposit_key("USDT"), amount="100000", reference="0xfunds")
    yield found
    face.control("DELETE", "/admin/faults")


@pytest.fixture(autouse=True)
def goes_outside(venue: LiveVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbered cases withdraw to a wallet on a chain, which no exchange's sandbox has."""
    monkeypatch.setattr(cases, "wallet", lambda exchange: DepositAddress(outside(venue), "ethereum"))
    monkeypatch.setattr(cases, "transfer", sent)


def withdrawal(live: Account, name: str, amount: str = "1000") -> JournalEntry:
    return cases.withdrawal(live, name, D(amount))


def debited(entries: Any) -> Decimal:
    found: Decimal = -sum((delta.amount for entry in entries for delta in entry.deltas), D(0))
    return found


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
    key, before = cases.key(live), live.amounts()
    entry = live.prepared(cases.withdrawal(live, "w1"))
    taken = live.submit(entry)
    assert (taken.status, taken.tx_hash, len(taken.entries)) == ("open", None, 1)
    (debit,) = taken.entries
    assert live.amounts()[key] == before[key] - debited(taken.entries)
    live.pass_time(cases.SENT_AFTER_S)
    found = live.find(entry)
    assert (found.status, found.entries) == ("filled", (debit,))
    live.face.use("elsewhere")
    held = live.amounts()[key]
    assert isinstance(cases.arrival(live.face, live.lane, "elsewhere", found.tx_hash), NotFound)
    live.pass_time(cases.CREDITED_AFTER_S)
    came = cases.arrival(live.face, live.lane, "elsewhere", found.tx_hash)
    assert isinstance(came, Arrived)
    travelled = -sum(delta.amount for delta in debit.deltas if delta.source == "transfer")
    assert [(one.position_key, one.amount) for one in came.entry.deltas] == [(key, travelled)]
    assert (came.entry.kind, came.entry.tx_hash) == ("deposit", found.tx_hash)
    assert live.amounts()[key] == held + travelled


def test_what_a_withdrawal_did_is_told_by_no_ledger_besides(live: Account) -> None:
    begun = live.positions().cursor
    live.fault("withdrawal_fails", operations=["transfer"], count=1)
    failed = live.prepared(withdrawal(live, "w1"))
    live.submit(failed)
    live.pass_time(60)
    live.submit(withdrawal(live, "w2", "500"))
    live.pass_time(60)
    assert live.find(failed).status == "reverted"
    assert live.ledger(begun).entries == (), "it would count twice"


def test_case_204_a_request_that_is_lost_is_not_found_and_nothing_moved(live: Account) -> None:
    before = live.amounts()
    live.fault("lost_before", operations=["transfer"], count=1)
    entry = live.prepared(cases.withdrawal(live, "w1"))
    assert isinstance(live.submit(entry), Ambiguous)
    assert isinstance(live.find(entry), Unavailable)
    live.pass_time(later_s(live) - 1)
    assert isinstance(live.find(entry), Unavailable)
    live.pass_time(1)
    assert isinstance(live.find(entry), NotFound)
    assert live.amounts() == before


def test_case_206_a_request_signed_long_ago_moves_nothing(venue: LiveVenue, tmp_path: Path) -> None:
    """By the real clock: it comes later than the acceptance window, when its sender has given up."""
    face = LiveFace(tmp_path, venue, manual=False, mutation_timeout_s=0.4, withdraws_to=(outside(venue),))
    try:
        live = Account(face, "s")
        before = live.amounts()
        live.fault("late_before", operations=["transfer"], count=1, delay_s=2.1)
        assert isinstance(live.submit(live.prepared(withdrawal(live, "w1"))), Ambiguous)
        live.pass_time(2.3)
        assert live.amounts() == before
        assert [one["result"] for one in live.requests()] == [], "it was not young enough to be taken"
    finally:
        face.close()


def test_an_address_that_the_lane_does_not_name_is_refused_before_it_is_asked_and_again_before_it_is_sent(
    live: Account,
) -> None:
    prepared = live.prepared(withdrawal(live, "w1"))
    refused = live.prepare(cases.withdrawal(live, "w2", D(100), to="0x" + "ab" * 20))
    assert (refused.code, "withdraws_to" in refused.message) == ("EXI-013", True)
    live.face.withdraws_to = ("0x" + "cd" * 20,)  # the configuration changed between journal and submission
    try:
        live.reconnect()
        again = live.submit(prepared)
    finally:
        live.face.withdraws_to = (outside(live.venue),)
        live.reconnect()
    assert isinstance(again, Refused)
    assert live.requests() == []


def test_a_withdrawal_like_another_is_not_prepared_within_its_time(live: Account) -> None:
    live.submit(withdrawal(live, "w1"))
    for _ in ("before a restart", "and after one"):
        again = live.prepare(withdrawal(live, "w2", "500"))
        assert isinstance(again, Unavailable), "which amount a history shows is not said: it counts for nothing"
        assert "was moved a moment ago" in again.message
        live.reconnect()
    live.pass_time(APART_S - 0.1)
    assert isinstance(live.prepare(withdrawal(live, "w2")), Unavailable)
    live.pass_time(0.2)
    second = live.prepared(withdrawal(live, "w2"))
    assert live.submit(second).status == "open"
    assert live.find(second).status == "open", "the one before is not within its time"


def test_while_nobody_knows_of_a_withdrawal_none_like_it_is_prepared(live: Account) -> None:
    live.fault("lost_before", operations=["transfer"], count=1)
    lost = live.prepared(withdrawal(live, "w1"))
    assert isinstance(live.submit(lost), Ambiguous)
    live.pass_time(APART_S + 0.1)
    assert isinstance(live.prepare(withdrawal(live, "w2", "500")), Unavailable), "it may act yet"
    live.pass_time(LATER_S)
    assert isinstance(live.find(lost), NotFound)
    assert isinstance(live.prepare(withdrawal(live, "w2")), Prepared)


def test_of_two_withdrawals_in_one_anothers_time_nothing_is_known(live: Account) -> None:
    """Somebody made the other one by hand."""
    entry = live.prepared(withdrawal(live, "w1"))
    live.fault("lost_after", operations=["transfer"], count=1)
    assert isinstance(live.submit(entry), Ambiguous)
    what = entry.submissions[-1].transfer
    gate = ClockGate(live.now, live.now(), timedelta(seconds=3), None)
    theirs = live.face.drive(live.face.dialect.transfers.withdraw("another", what, gate))
    asked = live.find(entry)
    assert isinstance(asked, Unavailable)
    assert (asked.code, "can be told from the others" in asked.message) == ("EXI-016", True)
    assert live.find(replace(entry, venue_order_id=theirs)).venue_order_id == theirs, "its number was told before"


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
    mine = cases.address(live.face, live.lane, live.account)
    assert mine == DepositAddress(deposit_address(live.lane, live.account), "ethereum", D("0.01"))
    assert cases.address(live.face, live.lane, live.account, network=live.venue.ethereum) == mine, "by either name"


def test_case_231_what_does_not_arrive_there_has_no_address(live: Account) -> None:
    for asset, network in (("DOGE", None), ("USDT", "etherium"), ("BTC", None)):
        told = cases.address(live.face, live.lane, live.account, asset, network)
        assert isinstance(told, Refused)
        assert told.code == "EXI-013", told


def test_a_deposit_is_seen_by_its_transaction_once_it_is_there(live: Account) -> None:
    reference, key = "0x" + f"{hash(live.account) % 10**12:064x}", live.key("BaseToken:ETH")
    begun = live.positions().cursor
    assert isinstance(cases.arrival(live.face, live.lane, live.account, reference), NotFound)
    before = live.amounts()[key]
    live._post("deposit", position_key=live.venue.deposit_key("ETH"), amount="1.5", reference=reference)
    came = cases.arrival(live.face, live.lane, live.account, reference)
    assert [(one.position_key, one.amount) for one in came.entry.deltas] == [(key, D("1.5"))]
    assert live.amounts()[key] == before + D("1.5")
    shown = live.ledger(begun).entries
    assert [(one.kind, one.tx_hash) for one in shown] in ([], [("deposit", reference)]), "told as what it is, or not"


def test_case_223_where_both_markets_share_a_wallet_nothing_is_moved_inside(live: Account) -> None:
    cases.test_223_where_both_markets_share_a_wallet_nothing_is_moved_inside(live)
