"""Which instruction ids had their one result: how long each is remembered, and what is kept when it is forgotten.

Memory is bounded, so ids are forgotten. What must never happen is that one which is forgotten gets a second result.
Therefore forgetting raises a mark: of numbered ids the highest ``sequence`` forgotten, of others the latest
``created_at``. An id that is not known and lies above the mark never had a result; one at or below it may have had it,
and is not taken in (EIM-009). So it never matters for that in which order, when, and by which clock ids are forgotten.
What does matter is that nothing new lies below the mark; therefore an id is kept

- with a ``sequence``: until a higher one was used up, and room is needed;
- without: until nothing dated before it is taken in any more anyhow (twice ``max_age``).

What was refused although it is *ahead* (its ``sequence`` above all that were used up, its ``created_at`` in the future)
is kept until that is caught up with. There are at most ``ahead_limit`` of those.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tightloop.errors import ExecutionError
from tightloop.handlers.manager import waiting
from tightloop.handlers.manager.turn import ManagerTurn
from tightloop.records.types import Instruction, SeenInstruction

_LOOKED_AT = 2  # entries per instruction: each that comes in may forget so many


def refuse_spent(turn: ManagerTurn, instruction: Instruction) -> None:
    """For an id that is not known. Raises ExecutionError EIM-009 (no halt) where it may have had its result."""
    head = turn.head
    if instruction.sequence is not None:
        if head.forgotten_sequence is not None and instruction.sequence <= head.forgotten_sequence:
            why = f"has sequence {instruction.sequence}; ids up to {head.forgotten_sequence} are not remembered"
            raise spent(instruction, f"{why}, so it may have had its result")
    elif head.forgotten_until is not None and instruction.created_at <= head.forgotten_until:
        why = f"was created at {instruction.created_at}; ids up to {head.forgotten_until} are not remembered"
        raise spent(instruction, f"{why}, so it may have had its result; number instructions with `sequence`")


def spent(instruction: Instruction, why: str) -> ExecutionError:
    return ExecutionError("EIM-009", f"instruction {instruction.instruction_id} {why}", halts=False)


def remember(turn: ManagerTurn, instruction: Instruction, content: str) -> None:
    """Raises ExecutionError EIM-015 (no halt) when there is no room for another id."""
    _forget_old(turn)
    if turn.head.seen >= 2 * turn.settings.seen_limit:
        raise _full(turn.head.seen, "are remembered")
    turn.put_seen(
        SeenInstruction(
            strategy_id=instruction.strategy_id,
            instruction_id=instruction.instruction_id,
            content_hash=content,
            seen_at=turn.now,
            created_at=instruction.created_at,
            sequence=instruction.sequence,
            produced_at=turn.now,
        )
    )
    turn.update(seen=turn.head.seen + 1)


def mark_refused(turn: ManagerTurn, instruction: Instruction) -> None:
    """Its number was not used up, or it is dated ahead. Raises ExecutionError EIM-015 (no halt) for one too many."""
    seen = waiting.seen_of(turn, instruction.instruction_id)
    if not _is_ahead(turn, seen):
        return
    if turn.head.seen_ahead >= turn.settings.ahead_limit:
        raise _full(turn.head.seen_ahead, "were refused with a sequence or a date ahead of all taken in")
    turn.put_seen(replace(seen, ahead=True))
    turn.update(seen_ahead=turn.head.seen_ahead + 1)


def _full(count: int, what: str) -> ExecutionError:
    return ExecutionError("EIM-015", f"{count} instruction ids {what}: no room for one", halts=False)


def _is_ahead(turn: ManagerTurn, seen: SeenInstruction) -> bool:
    if seen.sequence is not None:
        return turn.head.last_sequence is None or seen.sequence > turn.head.last_sequence
    return _dated(seen) > turn.after(turn.settings.clock_margin_s)


def _dated(seen: SeenInstruction) -> datetime:
    return seen.created_at or seen.seen_at


def _forget_old(turn: ManagerTurn) -> None:
    """The oldest by writing. One that must be kept, although it is its turn, goes behind the others."""
    horizon = turn.after(-2 * turn.settings.max_age_s - turn.settings.clock_margin_s)
    crowded = turn.head.last_sequence is not None and turn.head.seen > turn.settings.sequenced_seen_limit
    for name, seen in turn.context.oldest("seen", SeenInstruction, _LOOKED_AT):
        old = max(seen.seen_at, _dated(seen)) < horizon
        if not (old or crowded or seen.ahead):
            return
        ahead = _is_ahead(turn, seen)
        if seen.ahead and not ahead:
            seen = replace(seen, ahead=False)
            turn.update(seen_ahead=turn.head.seen_ahead - 1)
        turn.context.delete(name)
        due = old or (crowded and seen.sequence is not None)
        if due and not ahead and not waiting.is_queued(turn, seen):
            _forget(turn, seen)
        else:
            turn.context.put(name, seen)


def _forget(turn: ManagerTurn, seen: SeenInstruction) -> None:
    head = turn.head
    turn.update(seen=head.seen - 1)
    if seen.sequence is not None:
        known = head.forgotten_sequence
        turn.update(forgotten_sequence=seen.sequence if known is None else max(known, seen.sequence))
    else:
        until = head.forgotten_until
        turn.update(forgotten_until=_dated(seen) if until is None else max(until, _dated(seen)))
