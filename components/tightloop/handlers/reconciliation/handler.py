"""Reconciliation: is what the venues hold what is expected? Exactly one result for every final position version.

Each update is folded into a sum of its own (``fold``). For a final one every account it touched is read, and every
position of those accounts is compared, in both directions, with that sum as it stands at that moment (``compare``). It
tries until matched, or as long as the settings say (``attempts``); the snapshot that decided is published with the
result, in one event.

- A result that closes a loop is made from a snapshot of its own. A correction's or an adjustment's result (kind
  ``verify``, ``corrects_report_id`` or source ``adjustment``) stands beside the loops: whatever comparison of its
  accounts matches verifies it too, and a mismatch while a loop is under way says nothing, so it ends ``unavailable``
  (REC-001); the ``verify`` that the manager dispatches for it decides.
- The final update of a ``refresh``, ``verify`` or ``adopt`` whose executor could not read the venue (EXI-003) has the
  result ``unavailable`` at once: what accrued was not taken in, so that a comparison would say nothing.
- What ``error`` and ``execution_error`` of a result hold: see ``findings``.

State by key (topic ``reconciliation_state``): ``head``; ``position|<key>`` for each position that is not zero, or where
a difference was tolerated; ``pending|<version>`` and ``snapshot|<version>|<n>`` for final versions without a result,
each for no longer than the settings give it.
"""

from __future__ import annotations

from tightloop.domain import money
from tightloop.errors import ExecutionError
from tightloop.handlers.api import Context, Inbound
from tightloop.handlers.calls import Answer
from tightloop.handlers.reconciliation import verification
from tightloop.handlers.reconciliation.fold import fold
from tightloop.handlers.reconciliation.settings import ReconciliationSettings
from tightloop.handlers.reconciliation.turn import ReconciliationTurn
from tightloop.records.types import PositionUpdate


class Reconciliation:
    """The handler; it keeps nothing between events but its settings."""

    name = "reconciliation"
    failure_code = "REC-001"
    inputs: tuple[str, ...] = ("position_updates",)
    changelog = "reconciliation_state"

    def __init__(self, settings: ReconciliationSettings) -> None:
        self.settings = settings

    def on_record(self, context: Context, record: Inbound) -> None:
        """Raises ExecutionError: REC-004, REC-012 (see ``fold``), TLC-008 for an unknown enum symbol."""
        update = record.value
        if not isinstance(update, PositionUpdate):
            return
        if "UNKNOWN" in (update.loop_kind, update.outcome, update.report_kind):
            raise ExecutionError(
                "TLC-008",
                f"version {update.position_version}: loop_kind, outcome or report_kind is a symbol this version lacks",
            )
        with money.exact():
            turn = ReconciliationTurn(context, self.settings)
            folded = fold(turn, update)
            if folded is not None and update.is_final:
                verification.start(turn, update, folded)
            turn.save()

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        """Nothing: the manager halts the key, and a version that is missing shows with the next one."""

    def on_time(self, context: Context) -> None:
        """Attempts that got no answer are given up, and those whose pause is over begin."""
        with money.exact():
            turn = ReconciliationTurn(context, self.settings)
            verification.on_time(turn)
            turn.save()

    def on_answer(self, context: Context, call_id: str, answer: Answer) -> None:
        with money.exact():
            turn = ReconciliationTurn(context, self.settings)
            verification.on_answer(turn, call_id, answer)
            turn.save()

    def on_restore(self, context: Context) -> None:
        """Snapshots that were asked for are asked for again."""
        with money.exact():
            turn = ReconciliationTurn(context, self.settings)
            verification.on_restore(turn)
            turn.save()
