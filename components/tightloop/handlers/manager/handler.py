"""The interface manager: owns each key's slot, its queue, its halts and its deadlines. Nothing else frees or halts.

=====================  ===============================================================================================
event                  what it does
=====================  ===============================================================================================
an instruction         known, refused, expired, queued, or dispatched at once (``intake.py``)
a reconciliation       ends a loop: frees the slot, verifies once more, suspends, or halts (``ending.py``)
result
a control command      halt, resume, cancel, adopt (``control.py``)
a dead letter          halts its key; a loop whose record it was can no longer close
time                   a deadline (EIM-012), an expiry, the next try of a suspended key, a refresh
prices                 limits have asked for them: the next instruction is judged (``limits/before_dispatch.py``)
=====================  ===============================================================================================

After each of them the slot, if free, goes to whatever is next (``dispatch.py``), in the same transaction.
"""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.errors import ExecutionError, error_info, info
from tightloop.handlers.api import Context, Inbound
from tightloop.handlers.calls import Answer, PricesRead, Unavailable
from tightloop.handlers.manager import control, dispatch, ending, groups, intake, waiting
from tightloop.handlers.manager.limits import before_dispatch
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.handlers.manager.turn import ManagerTurn, halt_id, halt_unread
from tightloop.records.types import ControlCommand, DeadLetter, ErrorInfo, Instruction, ReconciliationResult

NAME = "interface-manager"
# Topics whose records are not part of a loop.
_NO_LOOP = frozenset({"instructions", "control", "dead_letters", "loop_state"})


class InterfaceManager:
    """Handler. State per key, all of it bounded: a head, ``queue_limit`` queued instructions and legs of at most
    ``groups_limit`` groups, ``groups.REMEMBERED`` groups that are over, twice ``seen_limit`` ids, ``unresolved.LIMIT``
    results whose outcome is unknown.
    """

    name = NAME
    failure_code = "EIM-001"
    inputs: tuple[str, ...] = ("instructions", "reconciliation_results", "control", "dead_letters")
    changelog = "loop_state"

    def __init__(self, settings: ManagerSettings) -> None:
        self.settings = settings

    def on_record(self, context: Context, record: Inbound) -> None:
        turn = ManagerTurn(context, self.settings)
        value = record.value
        if isinstance(value, Instruction):
            intake.take_in(turn, record)
        elif isinstance(value, ReconciliationResult):
            ending.on_result(turn, value)
        elif isinstance(value, ControlCommand):
            if value.scope != "key":
                control.on_shared_command(turn, value, lambda key: ManagerTurn(context.other(key), self.settings))
                return
            control.on_command(turn, value)
        elif isinstance(value, DeadLetter):
            self._on_dead_letter(turn, value)
        turn.save()

    def _on_dead_letter(self, turn: ManagerTurn, letter: DeadLetter) -> None:
        """Another component's; the manager's own halted the key when it was written."""
        if letter.halts and letter.component != NAME:
            _halt_for(turn, letter.topic, letter.partition, letter.offset, letter.error)

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        if not error.halts:
            return
        try:
            turn = ManagerTurn(context, self.settings)
        except ExecutionError as unread:
            halt_unread(context, error_info(unread))
            return
        _halt_for(turn, topic, context.partition, offset, error_info(error))
        turn.save()

    def on_time(self, context: Context) -> None:
        turn = ManagerTurn(context, self.settings)
        groups.expire(turn)
        waiting.expire_queued(turn)
        _watch_deadline(turn)
        ending.retry_suspended(turn)
        dispatch.advance(turn)
        turn.save()

    def on_answer(self, context: Context, call_id: str, answer: Answer) -> None:
        if not isinstance(answer, PricesRead | Unavailable):
            raise ValueError(f"the interface manager asks for prices alone, and got {type(answer).__name__}: {call_id}")
        turn = ManagerTurn(context, self.settings)
        dispatch.advance(turn, answer)
        turn.save()

    def on_restore(self, context: Context) -> None:
        turn = ManagerTurn(context, self.settings)
        before_dispatch.forget_unused(turn)
        if turn.head.queued and turn.head.slot is None:
            dispatch.advance(turn)  # what waited for a price asks for it again
        turn.save()


def _halt_for(turn: ManagerTurn, topic: str, partition: int, offset: int, error: ErrorInfo) -> None:
    place = f"{topic}/{partition}@{offset}"
    turn.halt(halt_id(turn.head.strategy_id, "dead", place), error, place)
    slot = turn.head.slot
    if slot and not (topic in _NO_LOOP or topic.startswith(f"{NAME}:")):
        turn.update(slot=replace(slot, broken=True))


def _watch_deadline(turn: ManagerTurn) -> None:
    """The manager's deadline does not free the slot: it halts the key and still waits for the loop's result."""
    slot = turn.head.slot
    if slot is None or slot.overdue or slot.suspended or slot.deadline_at > turn.now:
        return
    turn.update(slot=replace(slot, overdue=True))
    message = f"loop {slot.loop_no} ({slot.kind}) on {slot.account.lane} has not ended by {slot.deadline_at}"
    turn.halt(halt_id(turn.head.strategy_id, "overdue", slot.loop_no), info("EIM-012", message))
