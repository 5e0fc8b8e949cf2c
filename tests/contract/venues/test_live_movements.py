"""Movements between the wallets of an account, live: at Binance alone, as the others have one wallet. They bear no id
of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import pytest
from msgspec.structs import replace
from tests.support.live_face import LiveFace, documented

from tightloop.handlers.calls import Ambiguous, NotFound, Prepared, Refused, Unavailable
from tightloop.records.types import JournalEntry
from tightloop.venues.live.transfers import APART_S

from . import test_transfers as cases
from .test_live_exchanges import Account
from .test_live_transfers import LATER_S

D = Decimal
NUMBERS = count(1)


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveFace]:
    with documented(LiveFace(tmp_path_factory.mktemp("binance"))) as found:
        yield found


@pytest.fixture
def live(face: LiveFace) -> Iterator[Account]:
    """An account of its own, and an adapter that has moved nothing yet."""
    found = Account(face, f"account-{next(NUMBERS)}")
    found.reconnect()
    yield found
    face.control("DELETE", "/admin/faults")


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
