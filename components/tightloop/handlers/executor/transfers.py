"""The life of a transfer once its source has shown it: asked for there, then at its destination, up to its end.

The source is asked until it can't give the money back any more: an exchange has sent it, a chain holds it deep enough.
From then on a reader of the destination is asked whether it has arrived.

With ``on_arrival`` the loop ends when it has; when it has not by ``arrive_by``, the loop ends ``unknown`` (EXI-017).
With ``on_debit`` the loop ends as soon as the source is settled. Either way the intent stays in the journal until the
money has arrived or an operator resolves it. An arrival after the loop's end is one ``correction`` of that loop, as of
any intent that is watched on: so the executor of the source stays the only writer of the transfer's reports.
"""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.errors import info
from tightloop.handlers import calls
from tightloop.handlers.executor import closing, corrections, reports, transit
from tightloop.handlers.executor.turn import ExecutorTurn, intent_name
from tightloop.records.types import JournalEntry

OVERDUE = "EXI-017"

# --- out of the source ------------------------------------------------------------------------------------------------


def on_found(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> None:
    """The source has shown how a transfer stands that can't be called back."""
    entry = closing.report_new(turn, _timed(turn, entry), found.entries)
    entry = replace(entry, cancel_at=None, status="working")
    if found.status == "open":
        if _is_late(turn, entry):
            closing.give_up(turn, _told(entry), OVERDUE, f"{transit.what(entry)} was not sent in time")
        else:
            _ask_later(turn, entry)
    elif found.status == "filled" and entry.transit is not None:
        _left(turn, entry, found)
    else:
        error = info(found.code, found.message or "") if found.code else None
        turn.audit(entry, "found", found.status, error, answer=found.raw)
        closing.close(turn, entry, reports.outcome_of(found, entry.filled_amount), error)


def _left(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> None:
    """The source is settled."""
    turn.audit(entry, "found", "it has left the source", answer=found.raw)
    entry = turn.put(replace(_referred(entry, found), tries=0, next_try_at=None))
    if transit.frees_at_debit(entry):
        closing.close(turn, entry, "filled", None)
    else:
        turn.context.call(intent_name(entry), transit.question(entry))


def _referred(entry: JournalEntry, found: calls.OrderFound) -> JournalEntry:
    """With what its arrival is found by."""
    if entry.transit is None:
        return entry
    return replace(entry, transit=replace(entry.transit, reference=found.tx_hash or found.venue_order_id))


# --- under way --------------------------------------------------------------------------------------------------------


def on_answer(turn: ExecutorTurn, entry: JournalEntry, answer: calls.Answer) -> None:
    """Of the destination, while the loop waits for the arrival."""
    if isinstance(answer, calls.Ledger) and answer.entries:
        arrived = transit.arrival(entry, answer.entries[0])
        closing.close(turn, closing.report_new(turn, entry, (arrived,)), "filled", None)
    elif _is_late(turn, entry):
        closing.give_up(turn, _told(entry), OVERDUE, _missing(entry))
    else:
        _ask_later(turn, entry)


# --- after its loop ---------------------------------------------------------------------------------------------------


def left_late(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> None:
    """The source shows only now, after the loop has ended without evidence, that it has left."""
    entry = _referred(_timed(turn, entry), found)
    fresh = tuple([one for one in found.entries if one.entry_id not in entry.reported_entries])
    corrections.tell(turn, entry, "unknown", fresh, None)


def watched(turn: ExecutorTurn, entry: JournalEntry, answer: calls.Answer) -> None:
    """The destination's answer about a transfer whose loop has ended."""
    if isinstance(answer, calls.Ledger) and answer.entries:
        corrections.correct(turn, entry, "filled", (transit.arrival(entry, answer.entries[0]),), None, None)
    elif _is_late(turn, entry):
        corrections.tell(turn, _told(entry), "unknown", (), info(OVERDUE, _missing(entry)))
    else:
        _ask_later(turn, entry)


# --- time -------------------------------------------------------------------------------------------------------------


def _timed(turn: ExecutorTurn, entry: JournalEntry) -> JournalEntry:
    """Its time counts from when its source first showed it."""
    if entry.transit is None or entry.transit.arrive_by is not None:
        return entry
    return replace(entry, transit=replace(entry.transit, arrive_by=turn.after(turn.settings.arrival_s)))


def _is_late(turn: ExecutorTurn, entry: JournalEntry) -> bool:
    """For the first time."""
    under_way = entry.transit
    if under_way is None or under_way.overdue or under_way.arrive_by is None:
        return False
    return turn.now >= under_way.arrive_by


def _told(entry: JournalEntry) -> JournalEntry:
    return entry if entry.transit is None else replace(entry, transit=replace(entry.transit, overdue=True))


def _missing(entry: JournalEntry) -> str:
    by = entry.transit.arrive_by if entry.transit else None
    return f"{transit.what(entry)} has not arrived by {by}"


def _ask_later(turn: ExecutorTurn, entry: JournalEntry) -> None:
    pause = turn.settings.arrival_pause(entry.tries)
    turn.put(replace(entry, tries=entry.tries + 1, next_try_at=turn.after(pause)))
