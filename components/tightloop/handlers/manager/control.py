"""Operators' commands, each a record on ``control``. One that does not fit the key's state is refused and changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import structlog
from msgspec.structs import replace

from tightloop.domain.groups import leg_in_flight
from tightloop.domain.lengths import check_command
from tightloop.errors import ExecutionError, bounded, info
from tightloop.handlers.manager import bounds, dispatch, ending, group_run, groups, waiting
from tightloop.handlers.manager.turn import ManagerTurn, halt_id
from tightloop.records.types import AccountRef, ControlCommand, Halt, SharedHalts

log = structlog.get_logger()
REMEMBERED_COMMANDS = 32


def on_command(turn: ManagerTurn, command: ControlCommand) -> None:
    """For one key. Raises ExecutionError EIM-016 (no halt). Commands that others act on are left to them."""
    act = {"halt": _halt, "resume": _resume, "cancel": _cancel, "adopt": _adopt}.get(command.command)
    if act is None or command.command_id in turn.head.command_ids:
        return
    check_command(command)
    act(turn, command)
    turn.update(command_ids=(*turn.head.command_ids, command.command_id)[-REMEMBERED_COMMANDS:])
    dispatch.advance(turn)


def _refused(command: ControlCommand, why: str) -> ExecutionError:
    return ExecutionError("EIM-016", f"{command.command} {command.command_id}: {why}", halts=False)


def _halt(turn: ManagerTurn, command: ControlCommand) -> None:
    cause = halt_id(turn.head.strategy_id, "command", command.command_id)
    turn.halt(cause, info("EIM-011", f"operator: {command.reason}"), command.command_id, command.actor)
    if command.cancel_working:
        dispatch.cancel_in_flight(turn, None)


def _resume(turn: ManagerTurn, command: ControlCommand) -> None:
    """Verify every account; only ``matched`` clears the halts named. A loop that can no longer close is ended first."""
    named = command.expected_halt_ids
    standing = {one.halt_id for one in turn.head.halts}
    if not named or not set(named) <= standing:
        raise _refused(command, f"it must name halts that stand: {sorted(standing) or 'none does'}, not {list(named)}")
    if turn.head.unlocated and not command.accept_unverified:
        ids = ", ".join(turn.head.unlocated)
        why = f"transfers ended unknown, and their source has not shown yet whether they left: {ids}"
        raise _refused(command, f"{why}; wait for their correction, or resolve them")
    _end_hopeless_loop(turn)
    if command.accept_unverified or not turn.adopted():
        left = tuple(one for one in turn.head.halts if one.halt_id not in named)
        unlocated = turn.head.unlocated if left else ()  # while a halt stands, its transfers are not accepted
        turn.update(halts=left, unlocated=unlocated)
        _give_up_verification(turn)
        return
    _verify_for(turn, turn.adopted(), named)
    slot = turn.head.slot
    if slot and slot.suspended:
        turn.update(slot=replace(slot, retry_at=turn.now))


def _give_up_verification(turn: ManagerTurn) -> None:
    """One that a resume had asked for and that is suspended, as the venue can't be read, would hold the slot until it
    can: it has nothing left to clear. One that is under way ends by itself (``ending.py``).
    """
    slot = turn.head.slot
    if slot is not None and slot.suspended and ending.clears_nothing(turn, slot):
        dispatch.free(turn)


def _verify_for(turn: ManagerTurn, accounts: tuple[AccountRef, ...], halt_ids: tuple[str, ...]) -> None:
    turn.update(checks=bounds.with_resume(turn.head.checks, accounts, halt_ids))


def _end_hopeless_loop(turn: ManagerTurn) -> None:
    """A loop whose record is a dead letter, or that is overdue, will not close by itself any more.

    Its executor is told, whether a verification follows or not: what it still holds of the loop must not be submitted
    while the slot is free.
    """
    slot = turn.head.slot
    if slot is None or not (slot.broken or slot.overdue):
        return
    dispatch.cancel_in_flight(turn, None)
    if slot.result is None:
        dispatch.free(turn)
        return
    error = info("EIM-012", f"loop {slot.loop_no} could no longer close and was ended by a resume")
    outcome = slot.result.outcome or "unknown"  # known when only the verification after its loop is hopeless
    dispatch.free(turn, replace(slot.result, status="halted", outcome=outcome, error=error))


def _cancel(turn: ManagerTurn, command: ControlCommand) -> None:
    target = command.target_id or ""
    group = groups.named(turn, instruction_id=target) or groups.named(turn, group_id=target)
    if group is not None:
        if (flies := leg_in_flight(group, turn.head.slot)) is not None:
            dispatch.cancel_in_flight(turn, flies)
        group_run.cancel(turn, group)
    elif not waiting.cancel_queued(turn, target) and not dispatch.cancel_in_flight(turn, target):
        raise _refused(command, f"{target or 'no target'} is neither queued nor in flight")


def _adopt(turn: ManagerTurn, command: ControlCommand) -> None:
    version = command.expected_position_version
    cause = halt_id(turn.head.strategy_id, "adopt", version)
    if not any(one.halt_id == cause for one in turn.head.halts):
        raise _refused(command, f"no account waits to be adopted at position version {version}")
    turn.update(halts=tuple(one for one in turn.head.halts if one.halt_id != cause))


# --- a venue, or all --------------------------------------------------------------------------------------------------


def on_shared_command(turn: ManagerTurn, command: ControlCommand, other: Callable[[str], ManagerTurn]) -> None:
    """For a venue or for all: one record a partition. ``turn`` is the partition's own; ``other`` opens a key's.

    Raises ExecutionError EIM-016 (no halt).
    """
    known = turn.context.shared().get("halts", SharedHalts) or SharedHalts(produced_at=turn.now)
    act = {"halt": _halt_shared, "resume": _resume_shared}.get(command.command)
    if act is None:
        raise _refused(command, "it is for one key only")
    check_command(command)
    if command.scope == "venue" and turn.settings.directory.venues.get(command.venue or "") is None:
        raise _refused(command, f"there is no venue {command.venue!r}")
    if command.command_id in known.command_ids:
        return
    halts = act(turn, known.halts, command, other)
    command_ids = (*known.command_ids, command.command_id)[-REMEMBERED_COMMANDS:]
    turn.context.shared().put("halts", SharedHalts(halts=halts, command_ids=command_ids, produced_at=turn.now))


def _halt_shared(
    turn: ManagerTurn, standing: tuple[Halt, ...], command: ControlCommand, other: Callable[[str], ManagerTurn]
) -> tuple[Halt, ...]:
    halt = Halt(
        halt_id=halt_id("", "command", command.command_id),
        code="EIM-011",
        message=bounded(f"operator: {command.reason}"),
        severity="HIGH",
        scope=command.scope,
        venue=command.venue,
        since=turn.now,
        actor=bounded(command.actor, bounds.ACTOR_CHARS),
        cause_id=command.command_id,
    )
    venues = turn.settings.directory.venues
    if not bounds.stops_more(standing, halt, venues):
        raise _refused(
            command, f"{len(standing)} halts of venues and of all stand, and stop what it would: resume some"
        )
    if command.cancel_working:
        for one in _every_key(turn, other):
            slot = one.head.slot
            if slot is None or slot.result is None:
                continue
            named = (slot.result.venue, *slot.further_venues)
            if command.scope == "all" or any(venues.same(command.venue, venue) for venue in named):
                dispatch.cancel_in_flight(one, None)
                one.save()
    return (*standing, halt)


def _resume_shared(
    turn: ManagerTurn, standing: tuple[Halt, ...], command: ControlCommand, other: Callable[[str], ManagerTurn]
) -> tuple[Halt, ...]:
    """The halt moves to each key that has an account there, and goes when that key's own verification has matched."""
    named = set(command.expected_halt_ids)
    cleared = tuple(one for one in standing if one.halt_id in named)
    if not named or len(cleared) != len(named):
        ids = sorted(one.halt_id for one in standing)
        raise _refused(command, f"it must name halts of a venue or of all that stand: {ids}, not {sorted(named)}")
    remaining = tuple(one for one in standing if one not in cleared)
    turn.context.shared().put("halts", SharedHalts(halts=remaining, produced_at=turn.now))  # before keys look at it
    for one in _every_key(turn, other):
        if not command.accept_unverified:
            _move_to_key(one, cleared)
        dispatch.advance(one)
        one.save()
    return remaining


def _every_key(turn: ManagerTurn, other: Callable[[str], ManagerTurn]) -> Iterator[ManagerTurn]:
    """Of the partition; but for those whose head can't be read: they are halted, and the command must still reach the
    others.
    """
    for key in turn.context.keys():  # noqa: SIM118  a Context is not a mapping
        try:
            one = other(key)
        except ExecutionError as error:
            log.error("a command for all passes a key by", key=key, code=error.code, error=error.message)
            continue
        yield one


def _move_to_key(one: ManagerTurn, cleared: tuple[Halt, ...]) -> None:
    for halt in cleared:
        accounts = tuple(account for account in one.adopted() if _is_at(one, halt, account))
        if accounts:
            one.add_halt(halt)
            if not one.head.unlocated:
                _verify_for(one, accounts, (halt.halt_id,))


def _is_at(one: ManagerTurn, halt: Halt, account: AccountRef) -> bool:
    """Does the account lie on a lane that has the venue halted?"""
    return halt.scope == "all" or halt.venue is None or one.settings.directory.has_venue(account.lane, halt.venue)
