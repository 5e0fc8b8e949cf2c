"""What the cases of transactions that wait have in common."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from tests.support.venue_faces import Face
from tests.support.venue_intents import actions, swap, to_be_sent

from tightloop.handlers.calls import OrderFound
from tightloop.records.types import JournalEntry, PreparedTransaction
from tightloop.venues.sim.transactions import signed

D = Decimal
GWEI = D("1e-9")


def entry(face: Face, account: str, name: str = "a", **fields: Any) -> JournalEntry:
    return actions(account, name, face.now(), swap("USDT", "WETH", D(1000)), **fields)


def latest(made: JournalEntry) -> PreparedTransaction:
    transaction = made.submissions[-1].transaction
    assert transaction is not None
    return transaction


def paying(made: JournalEntry, cap: Decimal, tip: Decimal) -> JournalEntry:
    """The same, with a sibling that pays this."""
    transaction = replace(latest(made), max_fee_per_gas=cap, max_priority_fee_per_gas=tip)
    return to_be_sent(made, signed(made.account, transaction), "bump")


def assert_waits(found: Any) -> None:
    assert isinstance(found, OrderFound), found
    assert (found.status, found.confirmations, found.entries, found.cursor_after) == ("open", None, (), None)
