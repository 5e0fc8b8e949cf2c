"""The position update handler: applies what happened to what is expected, and says so.

Every report on ``fills`` makes exactly one record on ``position_updates``, with a gapless ``position_version``; so does
every ``adjust`` on ``control``. A report that came before changes nothing.

An update is final for a ``final`` report, a ``correction`` and an ``adjust``; besides for whatever else comes after
its loop's final report (PUH-006), as the error would otherwise reach nobody.

State by key (topic ``positions``), every part bounded: ``head``; ``position|<key>`` for each position that is not zero;
``loop|<nn>`` and ``unsettled|<loop_no>`` (see ``reported``); ``commands`` (see ``adjust``).
"""

from __future__ import annotations

from tightloop.domain import money
from tightloop.errors import ExecutionError
from tightloop.handlers.api import Context, Inbound
from tightloop.handlers.calls import Answer
from tightloop.handlers.positions.adjust import adjust
from tightloop.handlers.positions.applying import apply_report
from tightloop.handlers.positions.settings import PositionSettings
from tightloop.handlers.positions.turn import PositionsTurn
from tightloop.records.types import ControlCommand, ExecutionReport


class PositionUpdates:
    """The handler; it keeps nothing between events but its settings."""

    name = "position-update-handler"
    failure_code = "PUH-003"
    inputs: tuple[str, ...] = ("fills", "control")
    changelog = "positions"

    def __init__(self, settings: PositionSettings) -> None:
        self.settings = settings

    def on_record(self, context: Context, record: Inbound) -> None:
        """Raises ExecutionError: PUH-004, PUH-005, PUH-007, PUH-012 (see ``applying``, ``adjust``)."""
        value = record.value
        with money.exact():
            if isinstance(value, ExecutionReport):
                turn = PositionsTurn(context, self.settings)
                apply_report(turn, value)
                turn.save()
            elif isinstance(value, ControlCommand) and value.command == "adjust":
                turn = PositionsTurn(context, self.settings)
                adjust(turn, value)
                turn.save()

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        """Nothing: the manager halts the key, and the number of a report that is missing shows with the next one."""

    def on_time(self, context: Context) -> None:
        """Nothing is ever waited for."""

    def on_answer(self, context: Context, call_id: str, answer: Answer) -> None:
        """Nothing is ever asked."""

    def on_restore(self, context: Context) -> None:
        """Nothing was under way."""
