"""Which accounts an update touches, and how new a snapshot of each must be. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from tightloop.domain.directory import Directory, same_account
from tightloop.handlers.calls import Positions
from tightloop.records.types import AccountMark, AccountRef, Delta, PositionUpdate

N = TypeVar("N", int, datetime)


def touched(
    update: PositionUpdate, deltas: Iterable[Delta], strategy_id: str, directory: Directory
) -> tuple[AccountRef, ...]:
    """The update's own account first, then those of its deltas. Raises ExecutionError PUH-007 for an unreadable key."""
    own = AccountRef(lane=update.lane, venue=update.venue, account=update.account)
    places = [directory.place_of(delta.position_key, strategy_id).account for delta in deltas]
    return merged((own,), [account for account in places if account is not None])


def merged(accounts: tuple[AccountRef, ...], others: Iterable[AccountRef]) -> tuple[AccountRef, ...]:
    for other in others:
        if other not in accounts and not any(same_account(other, account) for account in accounts):
            accounts = (*accounts, other)
    return accounts


def contains(accounts: Iterable[AccountRef], others: Iterable[AccountRef]) -> bool:
    """Whether every one of ``others`` is among ``accounts``."""
    known = tuple(accounts)
    return all(any(same_account(other, account) for account in known) for other in others)


def marked(marks: tuple[AccountMark, ...], update: PositionUpdate) -> tuple[AccountMark, ...]:
    """The marks with that of the update's own account moved on. Evidence of one account says nothing of another's."""
    own = AccountRef(lane=update.lane, venue=update.venue, account=update.account)
    before = mark_of(marks, own) or AccountMark(lane=own.lane, venue=own.venue, account=own.account)
    after = replace(
        before,
        venue_sequence=_later(before.venue_sequence, update.venue_sequence),
        block_number=_later(before.block_number, update.block_number),
        venue_time=_later(before.venue_time, update.venue_time),
    )
    if after == before and before in marks:
        return marks
    return (*(mark for mark in marks if mark is not before), after)


def mark_of(marks: Iterable[AccountMark], account: AccountRef) -> AccountMark | None:
    for mark in marks:
        if mark.lane == account.lane and mark.account == account.account:
            return mark
    return None


def staleness(mark: AccountMark | None, positions: Positions) -> str | None:
    """In what the snapshot is older than what was applied, for a person; ``None`` when it is not.

    The venue's sequence decides where both sides have one, then the block, then the venue's time.
    """
    if mark is None:
        return None
    for name, least, found in (
        ("sequence", mark.venue_sequence, positions.venue_sequence),
        ("block", mark.block_number, positions.block_number),
    ):
        if least is not None and found is not None:
            return f"{name} {found} is before {least}" if found < least else None
    if mark.venue_time is not None and positions.as_of < mark.venue_time:
        return f"{positions.as_of.isoformat()} is before {mark.venue_time.isoformat()}"
    return None


def _later(one: N | None, other: N | None) -> N | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
