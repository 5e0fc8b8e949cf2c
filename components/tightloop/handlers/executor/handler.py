"""The executor of a lane: journals each intent before the call that acts on it, and reports what the venue shows.

One loop of kind ``execute`` is one *intent* (``starting.py``, ``intents.py``): journalled, submitted, and asked for
until the venue has given evidence of its outcome. The loops ``refresh``, ``verify`` and ``adopt`` only read
(``account_loops.py``). A ``cancel`` reaches into the loop it names. All calls are performed by the runner after the
journal has committed.
"""

from __future__ import annotations

from datetime import datetime
from types import ModuleType
from typing import TypeGuard

import structlog
from msgspec.structs import replace

from tightloop.errors import ExecutionError
from tightloop.handlers.api import Context, Inbound
from tightloop.handlers.calls import Answer
from tightloop.handlers.executor import account_loops, intents, starting, watching
from tightloop.handlers.executor.settings import ExecutorSettings
from tightloop.handlers.executor.turn import ExecutorTurn
from tightloop.records.types import ControlCommand, JournalEntry, RoutedInstruction

log = structlog.get_logger()


class Executor:
    """Handler of one lane. Bounded state per key: one head and one entry per intent that is not resolved."""

    failure_code = "EXI-001"

    def __init__(self, settings: ExecutorSettings) -> None:
        self.settings = settings
        self.name = f"executor-{settings.lane.name}"
        self.changelog = f"execution_journal.{settings.lane.name}"
        self.inputs: tuple[str, ...] = (f"instructions.{settings.lane.name}", "control")

    def on_record(self, context: Context, record: Inbound) -> None:
        turn = ExecutorTurn(context, self.settings)
        if isinstance(record.value, ControlCommand):
            if record.value.command == "resolve":
                watching.resolve(turn, record.value)
        elif _is_routed(record.value):
            self._routed(turn, record.value, record.appended_at)
        _settle(turn)

    def _routed(self, turn: ExecutorTurn, routed: RoutedInstruction, appended_at: datetime | None) -> None:
        if routed.lane != self.settings.lane.name:
            raise ExecutionError("EXI-013", f"loop {routed.loop_no} is for lane {routed.lane}, not {self.name}")
        if routed.kind == "cancel":
            starting.request_cancel(turn, routed)
            return
        if routed.loop_no <= turn.head.last_loop_no:
            raise ExecutionError(
                "EXI-014", f"loop_no {routed.loop_no} is not above the last one seen, {turn.head.last_loop_no}"
            )
        turn.head = replace(turn.head, last_loop_no=routed.loop_no)
        turn.be_told(self.settings.lane.home, routed.account, routed.told)
        if turn.head.reading or turn.intents():
            starting.give_up_earlier(turn, routed.loop_no)
        if routed.kind == "execute":
            starting.start(turn, routed, appended_at)
        else:
            account_loops.start(turn, routed)

    def on_answer(self, context: Context, call_id: str, answer: Answer) -> None:
        turn = ExecutorTurn(context, self.settings)
        if call_id.startswith("intent|"):
            entry = context.get(call_id, JournalEntry)
            if entry is not None:
                _stage(entry).on_answer(turn, entry, answer)
        else:
            account_loops.on_answer(turn, call_id, answer)
        _settle(turn)

    def on_time(self, context: Context) -> None:
        turn = ExecutorTurn(context, self.settings)
        for entry in turn.intents():
            _stage(entry).on_time(turn, entry)
        account_loops.on_time(turn)
        _settle(turn)

    def on_hint(self, context: Context, client_order_id: str) -> None:
        """Its venue says that the order changed: it is asked about now, and not at its next poll. No more follows."""
        turn = ExecutorTurn(context, self.settings)
        for entry in turn.intents():
            is_polled = entry.status in ("sent", "working", "unknown") and entry.next_try_at is not None
            if is_polled and entry.client_order_id == client_order_id:
                entry = turn.put(replace(entry, next_try_at=turn.now))
                _stage(entry).on_time(turn, entry)
        _settle(turn)

    def on_restore(self, context: Context) -> None:
        """Ask the venue about every open intent: a predecessor may have submitted it, or not."""
        turn = ExecutorTurn(context, self.settings)
        for entry in turn.intents():
            (starting.prepare_at_once if entry.status == "preparing" else intents.ask_anew)(turn, entry)
        account_loops.resume(turn)
        _settle(turn)

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        """The manager halts the key; here nothing changes."""
        log.warning("record refused", key=context.key, topic=topic, offset=offset, code=error.code)


def _stage(entry: JournalEntry) -> ModuleType:
    """Before it is journalled to be sent, from then on, and after its loop has ended without evidence."""
    return {"preparing": starting, "unknown": watching}.get(entry.status, intents)


def _settle(turn: ExecutorTurn) -> None:
    """At the end of every event: what waited for an intent to end goes on."""
    account_loops.proceed(turn)
    starting.proceed(turn)
    turn.save()


def _is_routed(value: object) -> TypeGuard[RoutedInstruction]:
    return isinstance(value, RoutedInstruction)
