"""Did a command work? What its handlers wrote because of it, read from the topics they write."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from tightloop.client.connect import Place, end_offsets
from tightloop.client.control import ControlClient
from tightloop.client.reader import Received, TopicReader
from tightloop.errors import ExecutionError
from tightloop.records.types import (
    ControlCommand,
    DeadLetter,
    ExecutionReport,
    LoopHead,
    PositionUpdate,
    SharedHalts,
)
from tightloop.wire import codec

_WATCHED = ("loop_state", "dead_letters", "position_updates", "fills")


class Effect(Struct, frozen=True):
    """``done``: it worked. ``accepted``: it is under way. ``refused``: it changed nothing. ``failed``: it was carried
    out and did not reach its aim. ``unseen``: nothing was seen in time.
    """

    state: Literal["done", "accepted", "refused", "failed", "unseen"]
    message: str

    @property
    def final(self) -> bool:
        return self.state not in ("accepted", "unseen")


def carry_out(
    control: ControlClient, command: ControlCommand, wait_s: float, told: Callable[[Effect], None] = lambda effect: None
) -> Effect:
    """Write the command, and wait for what comes of it. ``told``: each step, such as that it is being verified."""
    partitions = {partition for _, partition in control.places(command)}
    watched: list[Place] = [(topic, partition) for topic in _WATCHED for partition in partitions]
    ends = end_offsets(control.settings, watched)
    control.send(command)
    judge = _Judge(command, partitions)
    latest = _unseen(command, wait_s)
    deadline = time.monotonic() + wait_s
    with TopicReader(control.settings, _WATCHED, ends, partitions) as reader:
        while not latest.final and (left := deadline - time.monotonic()) > 0:
            received = reader.poll(left)
            effect = judge.of(received) if received is not None else None
            if effect is not None and effect != latest:
                latest = effect
                told(effect)
    return latest


def _unseen(command: ControlCommand, wait_s: float) -> Effect:
    seen = f"no effect was seen within {wait_s:g} s"
    if command.command == "resolve":  # an executor that holds no such intent has nothing to say
        return Effect("unseen", f"{seen}: no executor that runs holds an unresolved intent {command.target_id}")
    return Effect("unseen", f"{seen}: `tightloop status` says what runs")


class _Judge:
    """Knows what each command leaves behind."""

    def __init__(self, command: ControlCommand, partitions: set[int]) -> None:
        self._command = command
        self._open = set(partitions)  # where a command for a venue or all has not been seen to work yet

    def of(self, received: Received) -> Effect | None:
        try:
            record = received.record() if received.value is not None else None
        except ExecutionError:
            return None
        match record:
            case DeadLetter():
                return self._refusal(record)
            case SharedHalts() if self._command.scope != "key":
                return self._shared(record, received.partition)
            case LoopHead() if record.strategy_id == self._command.strategy_id:
                return self._head(record)
            case PositionUpdate() if record.causation_id == self._command.command_id:
                return self._adjusted(record)
            case ExecutionReport() if record.resolved_by == self._command.command_id:
                return Effect("done", f"resolved: a correction of loop {record.loop_no} was published")
        return None

    def _refusal(self, letter: DeadLetter) -> Effect | None:
        if letter.topic != "control" or not letter.value:
            return None
        try:
            original = codec.decode(letter.value)
        except ExecutionError:
            return None
        if not isinstance(original, ControlCommand) or original.command_id != self._command.command_id:
            return None
        return Effect("refused", f"{letter.error.code} {letter.error.message}")

    def _shared(self, record: SharedHalts, partition: int) -> Effect | None:
        if self._command.command == "halt":
            works = any(halt.cause_id == self._command.command_id for halt in record.halts)
        else:
            works = not any(halt.halt_id in self._command.expected_halt_ids for halt in record.halts)
        if works:
            self._open.discard(partition)
        if self._open:
            return None
        if self._command.command == "halt":
            return Effect("done", f"halted ({self._command.scope}) on every partition")
        return Effect("done", "cleared on every partition; each key goes on once its own positions are verified")

    def _head(self, head: LoopHead) -> Effect | None:
        command = self._command
        if command.command == "halt":
            own = next((halt for halt in head.halts if halt.cause_id == command.command_id), None)
            return Effect("done", f"halted: halt {own.halt_id}") if own else None
        if command.command_id not in head.command_ids:
            return None
        if command.command == "resume":
            return _resumed(command, head)
        if command.command == "adopt":
            return Effect("done", "adopted")
        if command.command == "cancel":
            return Effect("done", _cancelled(command.target_id, head))
        return None

    def _adjusted(self, update: PositionUpdate) -> Effect:
        if update.error is not None:
            return Effect("refused", f"{update.error.code} {update.error.message}")
        return Effect("done", f"adjusted: the expected positions are at version {update.position_version}")


def _cancelled(target: str | None, head: LoopHead) -> str:
    """``head``: as the command left it. What was in the slot stays there until its loop ends; nothing else is."""
    slot = head.slot
    if slot is not None and slot.result is not None and target in (head.group_id, slot.result.group_id):
        leg = slot.result.instruction_id
        return f"group {target}: {leg} is being cancelled at {slot.account.venue}, and no leg after it starts"
    if slot is None or slot.result is None or slot.result.instruction_id != target:
        return f"{target} was taken from the queue; nothing of it was sent"
    if slot.kind == "execute":
        return f"{target} is being cancelled at {slot.account.venue}; what did fill counts"
    return f"{target} is past its venue, its positions are being verified: there is nothing left to cancel"


def _resumed(command: ControlCommand, head: LoopHead) -> Effect:
    named = set(command.expected_halt_ids)
    standing = [halt for halt in head.halts if halt.halt_id in named]
    if not standing:
        others = f"; {len(head.halts)} other halts stand" if head.halts else ""
        return Effect("done", f"resumed{_unverified(command, head)}{others}")
    under_way = named & {one for check in head.checks for one in check.halt_ids}
    if under_way or (head.slot is not None and named & set(head.slot.halt_ids)):
        return Effect("accepted", "its positions are being verified; it goes on when they match")
    new = [halt for halt in head.halts if halt.halt_id not in named]
    causes = ", ".join(f"{halt.code} {halt.message}" for halt in new) or "see `tightloop status`"
    return Effect("failed", f"still halted: its positions were verified and did not match ({causes})")


def _unverified(command: ControlCommand, head: LoopHead) -> str:
    """Why it goes on without a verification, if it does."""
    if command.accept_unverified:
        return "; its positions were not verified, as was asked for"
    if not any(known.adopted for known in head.accounts):
        return "; it has no adopted account yet, so that there was nothing to verify"
    return ""
