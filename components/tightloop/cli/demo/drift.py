"""A key that is made to drift: its balance changes, the next loop finds it and halts, an operator puts it right."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tightloop.cli.demo.progress import Progress
from tightloop.cli.demo.script import Drift
from tightloop.client.command_effects import carry_out
from tightloop.client.control import ControlClient
from tightloop.client.key_states import LoopStateReader
from tightloop.client.publisher import InstructionPublisher
from tightloop.domain.directory import Directory
from tightloop.errors import ExecutionError
from tightloop.records.types import Delta, Halt, InstructionResult
from tightloop.runners.kafka.settings import KafkaSettings

ACTOR = "demo"
AWAIT_S = 60.0


@dataclass
class DriftAct(threading.Thread):
    """Played beside the other strategies' trading. Afterwards ``halts`` and ``resumed_at`` say what happened, and
    ``problem`` what went wrong.
    """

    drift: Drift
    settings: KafkaSettings
    simulator: str
    directory: Directory
    progress: Progress
    halts: tuple[Halt, ...] = ()
    resumed_at: datetime | None = None
    problem: str | None = field(default=None)

    def __post_init__(self) -> None:
        super().__init__(name="drift", daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        try:
            self._play()
        except (ExecutionError, OSError, TimeoutError) as error:
            self.problem = f"{type(error).__name__}: {error}"

    def _play(self) -> None:
        self._await(self.drift.after.instruction_id)
        self._change_the_balance()
        with InstructionPublisher(
            self.settings.bootstrap, prefix=self.settings.prefix, client=self.settings.client
        ) as publisher:
            publisher.publish(self.drift.noticed_by)
            result = self._await(self.drift.noticed_by.instruction_id)
            if result.status != "halted":
                raise ExecutionError("REC-002", f"the drift of {self.drift.strategy_id} was not noticed")
            self._put_right()
            publisher.publish_all(self.drift.rest)

    def _await(self, instruction_id: str) -> InstructionResult:
        deadline = time.monotonic() + AWAIT_S
        while (result := self.progress.results.get(instruction_id)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"instruction {instruction_id} has no result after {AWAIT_S:g} s")
            time.sleep(0.02)
        return result

    def _change_the_balance(self) -> None:
        asked = {
            "lane": self.drift.lane.name,
            "account": self.drift.account,
            "position_key": self.drift.position_key,
            "amount": str(self.drift.amount),
        }
        request = urllib.request.Request(
            f"http://{self.simulator}/admin/drift", data=json.dumps(asked).encode(), method="POST"
        )
        urllib.request.urlopen(request, timeout=10).close()

    def _put_right(self) -> None:
        """What an operator does who has found out why: what is expected becomes what is held, and the key goes on."""
        key = self.drift.strategy_id
        head = LoopStateReader(self.settings, self.directory).read(key).keys[key].head
        self.halts = head.halts
        control = ControlClient(self.settings, ACTOR)
        gone = Delta(position_key=self.drift.position_key, amount=self.drift.amount, source="adjustment")
        version = self.progress.results[self.drift.noticed_by.instruction_id].position_version
        self._order(
            control,
            "adjust",
            "the venue took it back",
            venue=self.drift.lane.home,
            account=self.drift.account,
            expected_position_version=version,
            deltas=(gone,),
        )
        self._order(
            control,
            "resume",
            "its positions are right again",
            expected_halt_ids=tuple(one.halt_id for one in head.halts),
        )
        self.resumed_at = datetime.now(UTC)

    def _order(self, control: ControlClient, command: str, reason: str, **fields: object) -> None:
        effect = carry_out(control, control.command(command, self.drift.strategy_id, reason, **fields), AWAIT_S)
        if effect.state != "done":
            raise ExecutionError(
                "EIM-016", f"{command} of {self.drift.strategy_id} is {effect.state}: {effect.message}"
            )
