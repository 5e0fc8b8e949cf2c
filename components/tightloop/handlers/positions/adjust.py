"""The operator's ``adjust``: changes what is expected, when it was decided on the current version.

Every command is answered with exactly one final update: with its deltas, or without any and with PUH-013 (the version
has moved on) or PUH-012 (invalid). A command that came before is not answered again; the latest ``COMMANDS`` ids are
remembered, and one forgotten would be refused as decided on an old version.
"""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.domain.directory import Directory
from tightloop.domain.lengths import check_command
from tightloop.domain.validate import check_amounts
from tightloop.errors import ExecutionError, error_info
from tightloop.handlers.api import Context
from tightloop.handlers.content import digest
from tightloop.handlers.positions import balances, update
from tightloop.handlers.positions.checks import check_deltas
from tightloop.handlers.positions.turn import PositionsTurn
from tightloop.records.types import (
    AccountRef,
    AppliedCommands,
    ControlCommand,
    Delta,
    PositionHead,
)

COMMANDS = 64
_NAME = "commands"


def adjust(turn: PositionsTurn, command: ControlCommand) -> None:
    """Apply it and publish its update; a command that was answered before changes nothing.

    Raises ExecutionError PUH-012 for what can't even be answered: no single key is meant, no account is known to
    verify, or the id came before with other content.
    """
    context, head, directory = turn.context, turn.head, turn.settings.directory
    if command.scope != "key" or not context.key:
        raise _invalid(command, f"it must be for one key; its scope is {command.scope}")
    check_command(command)
    known = context.get(_NAME, AppliedCommands) or AppliedCommands(strategy_id=context.key, produced_at=context.now)
    content = digest(command)
    if command.command_id in known.command_ids:
        if known.digests[known.command_ids.index(command.command_id)] == content:
            return
        raise _invalid(command, "it came again with other content; use a new id")
    context.put(
        _NAME,
        replace(
            known,
            command_ids=(*known.command_ids, command.command_id)[-COMMANDS:],
            digests=(*known.digests, content)[-COMMANDS:],
            produced_at=context.now,
        ),
    )
    account = _account(context.key, head, command, directory)
    try:
        deltas = _checked(context, head, command, directory)
    except ExecutionError as error:
        if account is None:
            raise
        turn.publish(update.of_command(head, command, account, (), (), error_info(error), turn.now))
        return
    if account is None:
        raise _invalid(command, "it names no account: give venue and account")
    expected = balances.apply(context, deltas, head.position_version + 1)
    turn.publish(update.of_command(head, command, account, deltas, expected, None, turn.now))


def _checked(context: Context, head: PositionHead, command: ControlCommand, directory: Directory) -> tuple[Delta, ...]:
    """The command's deltas. Raises ExecutionError PUH-012 or PUH-013."""
    wanted, current = command.expected_position_version, head.position_version
    if wanted is None:
        raise _invalid(command, f"expected_position_version is missing (the current one is {current})")
    if not command.deltas:
        raise _invalid(command, "it has no deltas")
    try:
        if command.venue is not None:
            directory.venues.find(command.venue)
        plain = directory.plain_deltas(command.deltas, context.key)
        deltas = tuple(replace(delta, source="adjustment") for delta in plain)
        check_deltas(deltas, context.key, directory)
        check_amounts(deltas)
        negative = balances.below_zero(balances.expected_after(context, deltas))
    except ExecutionError as error:
        raise _invalid(command, error.message) from error
    if wanted != current:
        raise ExecutionError(
            "PUH-013",
            f"adjust {command.command_id} was decided on version {wanted}, the current one was {current}; "
            f"with this refusal it is {current + 1}",
            context={"expected": wanted, "current": current},
        )
    if negative:
        raise _invalid(command, f"{negative[0].position_key} would be {negative[0].amount}, below zero")
    return deltas


def _account(strategy_id: str, head: PositionHead, command: ControlCommand, directory: Directory) -> AccountRef | None:
    """The account the answer is about: the one named, else that of the first delta, else that of the latest report."""
    try:
        if command.venue is None:
            return _first_account(strategy_id, command.deltas, directory) or head.account
        return directory.account_at(command.venue, command.account, strategy_id)
    except ExecutionError:  # a venue or a delta that can't be read: the answer will say so
        return head.account


def _first_account(strategy_id: str, deltas: tuple[Delta, ...], directory: Directory) -> AccountRef | None:
    places = (directory.place_of(delta.position_key, strategy_id) for delta in deltas)
    return next((place.account for place in places if place.account is not None), None)


def _invalid(command: ControlCommand, what: str) -> ExecutionError:
    return ExecutionError("PUH-012", f"adjust {command.command_id}: {what}")
