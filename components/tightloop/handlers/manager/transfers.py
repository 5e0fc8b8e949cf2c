"""What a transfer's own loop tells of its destination, which that account's executor must not tell once more.

The executor of the source reports the arrival, or will. The destination's executor reads it in the account's ledger,
where it looks like any deposit: with the next loop of that account it is told which ones are spoken for.
"""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.handlers.manager.turn import ManagerTurn
from tightloop.records.types import AccountRef, ReconciliationResult

LIMIT = 256  # of one account; of more the oldest are forgotten


def learn(turn: ManagerTurn, result: ReconciliationResult) -> None:
    """A result of a transfer's loop says by what its arrival is found, and where."""
    mark = result.transfer
    known = turn.known(mark.destination) if mark else None
    if mark is not None and known is not None and mark.reference not in known.told:
        turn.put_account(replace(known, told=(*known.told, mark.reference)[-LIMIT:]))


def to_tell(turn: ManagerTurn, account: AccountRef) -> tuple[str, ...]:
    """Of this account, what its executor has not been told of yet."""
    known = turn.known(account)
    return known.told if known else ()


def are_told(turn: ManagerTurn, account: AccountRef) -> None:
    """They went out with the loop."""
    known = turn.known(account)
    if known is not None and known.told:
        turn.put_account(replace(known, told=()))
