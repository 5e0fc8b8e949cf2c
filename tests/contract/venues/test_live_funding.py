"""What OKX's withdrawals need besides: the funding account, which they leave, and the trading account that fills it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import pytest
from tests.support.live_face import OKX, LiveFace, documented

from tightloop.handlers.calls import Ambiguous, NotFound, Refused, Unavailable
from tightloop.records.types import JournalEntry

from . import test_transfers as cases
from .test_live_exchanges import Account
from .test_live_transfers import later_s, outside, sent

D = Decimal
NUMBERS = count(1)
KEY, FUNDING = "okx:MarginBalance:USDT", "okx:Funding:USDT"


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveFace]:
    with documented(LiveFace(tmp_path_factory.mktemp("okx"), OKX, withdraws_to=(outside(OKX),))) as found:
        yield found


@pytest.fixture
def live(face: LiveFace) -> Iterator[Account]:
    """An account of its own, whose funding account is empty."""
    yield Account(face, f"account-{next(NUMBERS)}")
    face.control("DELETE", "/admin/faults")


def withdrawal(live: Account, name: str, amount: str = "1000") -> JournalEntry:
    made = {"lane": "okx", "source": "okx:spot"}
    return sent(live.account, name, live.now(), "USDT", D(amount), outside(OKX), **made)


def lies(live: Account) -> tuple[Decimal, Decimal]:
    """In the trading account, and in the funding account, by the venue's own books."""
    held = live.books()["balances"]
    return D(held[KEY]), D(held.get(FUNDING, "0"))


def moved(live: Account) -> list[str]:
    return [one["amount"] for one in live.books()["transfers"]]


def test_what_it_lacks_is_moved_there_first_which_is_no_change_of_a_position(live: Account) -> None:
    begun, (trading, _) = live.positions(), lies(live)
    found = live.submit(live.prepared(withdrawal(live, "w1")))
    assert (found.status, moved(live)) == ("open", ["1002", "1000"]), "the fee with it"
    assert lies(live) == (trading - 1002, 0)
    assert live.amounts()[KEY] == begun.amounts[KEY] - 1002
    assert live.ledger(begun.cursor).entries == (), "the movement is none, and its own loop tells of the withdrawal"


def test_what_lies_there_is_used_first(live: Account) -> None:
    live._post("deposit", position_key=FUNDING, amount="1500", reference="0xaa")
    assert live.submit(withdrawal(live, "w1")).status == "open"
    assert live.submit(withdrawal(live, "w2")).status == "open"
    assert moved(live) == ["1000", "504", "1000"]


@pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
def test_while_that_is_in_doubt_nothing_is_withdrawn_and_nothing_more_is_moved(live: Account, fault: str) -> None:
    before = live.amounts()
    entry = live.prepared(withdrawal(live, "w1"))
    live.fault(fault, operations=["transfer"], count=1)
    assert isinstance(live.submit(entry), Ambiguous)
    assert isinstance(live.find(entry), Unavailable), "the movement may act yet, and another one would be one more"
    live.pass_time(later_s(live))
    assert isinstance(live.find(entry), NotFound)
    assert live.amounts() == before, "in one of its accounts or the other"
    assert live.submit(entry).status == "open"
    assert moved(live) == ["1002", "1000"]
    assert live.amounts()[KEY] == before[KEY] - 1002


def test_what_a_position_needs_as_margin_stays_and_nothing_is_withdrawn(live: Account) -> None:
    live.submit(live.perp("p1", amount=D(100)))
    before = live.amounts()
    refused = live.submit(withdrawal(live, "w1", f"{before[KEY] - 10:f}".partition(".")[0]))
    assert isinstance(refused, Refused), refused
    assert (refused.code, moved(live), live.amounts() == before) == ("EXI-006", [], True)


def test_what_arrives_there_counts_and_what_is_moved_on_by_hand_changes_nothing(live: Account) -> None:
    begun = live.positions()
    live._post("deposit", position_key=FUNDING, amount="400", reference="0xbb")
    assert cases.arrival(live.face, "okx", live.account, "0xbb").entry.deltas[0].amount == 400
    assert live.amounts()[KEY] == begun.amounts[KEY] + 400
    given = {"ccy": "USDT", "amt": "400", "from": "6", "to": "18"}
    live.face.drive(live.face.dialect._session.ask("privatePostAssetTransfer", given))
    assert live.amounts()[KEY] == begun.amounts[KEY] + 400
    assert live.ledger(begun.cursor).entries == ()
