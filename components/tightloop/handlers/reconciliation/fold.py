"""Reconciliation's own sum of the deltas, apart from the handler's, and what it notices on the way.

Entry point: :func:`fold`. What holds:

1. Every version is folded once. One that came before is ignored; one of the latest ``REMEMBERED`` that came before
   with other content is refused (REC-012).
2. A version whose predecessor is missing is folded all the same (REC-009); the missing one is folded when it comes.
3. Where the own sum is not what the update expects, the update is believed from then on, as the versions to come build
   on it, and the disagreement is an error (REC-010), except while a missing version explains it.
4. REC-009 and REC-010 stand in the head until a result that matches and ends a loop has told of them.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tightloop.domain.deltas import added_up
from tightloop.errors import ExecutionError, error_info
from tightloop.handlers import numbering
from tightloop.handlers.content import HEX_DIGITS, digest
from tightloop.handlers.reconciliation import freshness, sums
from tightloop.handlers.reconciliation.turn import ReconciliationTurn
from tightloop.records.types import AccountRef, Delta, PositionUpdate, ReconciliationHead

REMEMBERED = 16


class Folded(Struct, frozen=True):
    """``accounts``: where a final update is to be verified. ``deltas``: what its loop has changed, this update
    included; of one that closes no loop, what it changed itself.

    ``closes_loop``: the update is the final one of its loop, and the first such.
    """

    accounts: tuple[AccountRef, ...]
    deltas: tuple[Delta, ...]
    closes_loop: bool


def fold(turn: ReconciliationTurn, update: PositionUpdate) -> Folded | None:
    """Take an update in; ``None`` when it came before.

    Raises ExecutionError REC-012 (same version, other content) and REC-004 (a position key that can't be read).
    """
    context, head, directory = turn.context, turn.head, turn.settings.directory
    version, content = update.position_version, digest(update)
    late = version <= head.position_version
    if late and not numbering.contains(head.missing, version):
        _check_same(head, version, content)
        return None
    try:
        deltas = directory.plain_deltas(update.deltas, context.key)
        touched = freshness.touched(update, deltas, context.key, directory)
    except ExecutionError as error:
        raise ExecutionError("REC-004", f"version {version}: {error.message}") from error
    fault = _out_of_order(head, update)
    counted = _count(head, version, content)
    sums.add(context, deltas, version)
    if not late:
        differing = sums.restate(context, update.expected_positions, version, directory)
        if differing and not counted["missing"] and fault is None:
            fault = ExecutionError("REC-010", f"version {version}: {'; '.join(differing)}")
    closes = update.report_kind == "final" and update.loop_no != head.last_final_loop
    if update.loop_no == head.open_loop and (closes or not update.is_final):
        touched = freshness.merged(touched, head.touched)
        deltas = added_up((*head.deltas, *deltas))
    turn.update(
        **counted,
        **_follow_loop(head, update, touched, deltas),
        accounts=freshness.marked(head.accounts, update),
        error=head.error or (error_info(fault) if fault else None),
    )
    return Folded(touched, deltas, closes)


def _follow_loop(
    head: ReconciliationHead, update: PositionUpdate, touched: tuple[AccountRef, ...], deltas: tuple[Delta, ...]
) -> dict[str, Any]:
    """What changes in the head: which loop is under way, as far as updates tell, what it has touched and changed."""
    loop_no, is_open = update.loop_no, head.open_loop
    if update.report_kind == "final":
        last = max(head.last_final_loop, loop_no)
        if is_open is not None and is_open <= loop_no:
            return {"last_final_loop": last, "open_loop": None, "touched": (), "deltas": ()}
        return {"last_final_loop": last}
    if update.is_final or loop_no <= head.last_final_loop or (is_open is not None and loop_no < is_open):
        return {}
    return {"open_loop": loop_no, "touched": touched, "deltas": deltas}


def _check_same(head: ReconciliationHead, version: int, content: str) -> None:
    place = _place(head, version)
    if place >= 0 and head.digests[place : place + HEX_DIGITS] != content:
        raise ExecutionError(
            "REC-012", f"version {version} came again with other content", context={"position_version": version}
        )


def _out_of_order(head: ReconciliationHead, update: PositionUpdate) -> ExecutionError | None:
    version, last = update.position_version, head.position_version
    if version > last + 1:
        jumped = numbering.spelled((last + 1, version - 1))
        return ExecutionError("REC-009", f"version {version} came, and {jumped} is missing")
    if update.previous_version != version - 1:
        return ExecutionError("REC-010", f"version {version} says that it follows {update.previous_version}")
    return None


def _count(head: ReconciliationHead, version: int, content: str) -> dict[str, Any]:
    """What changes in the head as this version is counted."""
    last = head.position_version
    if version > last:
        blanks = "-" * HEX_DIGITS * min(version - last - 1, REMEMBERED)
        return {
            "position_version": version,
            "missing": numbering.with_gap(head.missing, last + 1, version - 1),
            "digests": (head.digests + blanks + content)[-REMEMBERED * HEX_DIGITS :],
        }
    place = _place(head, version)
    digests = head.digests
    if place >= 0:
        digests = digests[:place] + content + digests[place + HEX_DIGITS :]
    return {"missing": numbering.without(head.missing, version), "digests": digests}


def _place(head: ReconciliationHead, version: int) -> int:
    """Where ``digests`` holds a version; negative when it no longer does."""
    return len(head.digests) - HEX_DIGITS * (head.position_version - version + 1)
