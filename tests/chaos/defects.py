"""Three mistakes that a storm's verdict once passed over, put into a component's process to see the judge find them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tightloop.errors import ExecutionError
from tightloop.handlers.executor import starting
from tightloop.handlers.manager import ending, intake

BURY, CANCEL, DOUBLE = "bury", "cancel", "double"
BURIED = "buried"  # instructions whose id ends so


def put_in(which: str) -> None:
    _PUT_IN[which]()


def _bury() -> None:
    """Some instructions go to the dead letters, for no reason."""
    sound = intake.take_in

    def take_in(turn: Any, record: Any) -> None:
        if record.value.instruction_id.endswith(BURIED):
            raise ExecutionError("EIM-001", "a bug", halts=False)
        sound(turn, record)

    intake.take_in = take_in


def _cancel() -> None:
    """Orders are cancelled as soon as they rest, without a request and before their time is over."""
    sound = starting._new_entry

    def new_entry(turn: Any, routed: Any) -> Any:
        return replace(sound(turn, routed), cancel_at=turn.now)

    starting._new_entry = new_entry


def _double() -> None:
    """Results tell twice what was filled."""
    sound = ending._learn

    def learn(slot: Any, result: Any, wrong: Any) -> Any:
        learnt = sound(slot, result, wrong)
        if learnt.result is None or not learnt.result.filled_amount:
            return learnt
        return replace(learnt, result=replace(learnt.result, filled_amount=2 * learnt.result.filled_amount))

    ending._learn = learn


_PUT_IN: dict[str, Callable[[], None]] = {BURY: _bury, CANCEL: _cancel, DOUBLE: _double}
