"""An engine with a journal as a process of its own, to be killed: ``python -m tests.support.engine_process SPEC``.

SPEC is a JSON file: ``folder`` (journal, orders to ``instruments.py``, and ``told``: what subscribers were told),
``port`` (the simulated venues' server), ``created_at``, and ``loops`` (how many instructions each strategy has).
Strategy ``s1`` trades on the exchange, ``w1`` swaps on the chain. Every start publishes all instructions, and ends
with 0 when each has its result. Its points are those of the chaos run, and these as well: ``before_journal`` and
``after_journal_write`` (around the frame that holds an intent), ``before_sync`` and ``after_sync`` (around making it
durable), ``before_told`` and ``after_told`` (around telling subscribers), ``before_short``, ``in_short`` and
``after_short`` (around replacing the file by a shorter one).
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.chaos import instruments

from tightloop.assembly import live
from tightloop.assembly.config import Config
from tightloop.handlers.calls import Submit
from tightloop.records.types import Instruction
from tightloop.runners.bus import Stored
from tightloop.runners.journal import journal
from tightloop.runners.journal.file import JournalFile
from tightloop.runners.journal.journal import Journal
from tightloop.runners.seat import Seat
from tightloop.testing import action, swap, trade
from tightloop.venues.sim.client import SimChain, SimExchange

OWN_POINTS = ("before_journal", "after_journal_write", "before_sync", "after_sync")
OTHER_POINTS = ("before_told", "after_told", "before_short", "in_short", "after_short")  # of no strategy in particular
SHORT_BYTES = 20_000
STRATEGIES = {"s1": "binance", "w1": "ethereum"}


def pointed_journal(points: instruments.Points) -> type[Journal]:
    class PointedFile(JournalFile):
        def replace(self, payloads: Iterable[bytes]) -> None:
            points.reach("before_short")
            super().replace(self._half_done(payloads))
            points.reach("after_short")

        def _half_done(self, payloads: Iterable[bytes]) -> Iterator[bytes]:
            for number, payload in enumerate(payloads):
                if number == 2:
                    points.reach("in_short")
                yield payload

    class PointedJournal(Journal):
        submits: tuple[str, ...] = ()  # the strategies whose intents are journalled and were not synced yet

        def __init__(self, *parts: Any) -> None:
            journal.JournalFile = PointedFile
            super().__init__(*parts, short_bytes=SHORT_BYTES)

        def committed(self, seat: Seat, *parts: Any) -> None:
            entries = [call.entry for *_, call in seat.worker.asked if isinstance(call, Submit)]
            for entry in entries:
                points.reach("before_journal", entry.strategy_id)
            super().committed(seat, *parts)
            for entry in entries:
                self.submits = (*self.submits, entry.strategy_id)
                points.reach("after_journal_write", entry.strategy_id)

        def sync(self) -> None:
            about, self.submits = self.submits, ()
            for strategy_id in about:
                points.reach("before_sync", strategy_id)
            super().sync()
            for strategy_id in about:
                points.reach("after_sync", strategy_id)

        def told(self) -> None:
            points.reach("after_told")
            super().told()

    return PointedJournal


def instructions(created_at: datetime, loops: int) -> Iterable[Instruction]:
    whole: dict[str, Any] = {"expires_at": created_at + timedelta(hours=1)}
    for number in range(loops):
        side = "sell" if number % 2 else "buy"
        yield trade(f"s1-{number}", created_at, strategy_id="s1", side=side, amount=Decimal("0.01"), **whole)
        step = swap("USDT", "WETH", Decimal(100 + number))
        yield action(f"w1-{number}", created_at, step, strategy_id="w1", **whole)


def written(folder: Path) -> list[dict[str, Any]]:
    """What subscribers were told so far, in this order; a last line that was cut short is left out."""
    file = folder / "told"
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines]


def main(spec: dict[str, Any]) -> int:
    folder, port = Path(spec["folder"]), spec["port"]
    points = instruments.Points(folder)
    live.Journal = pointed_journal(points)
    lanes = Config().directory().lanes
    adapters = {
        "binance": instruments.PointedAdapter(
            SimExchange(lanes["binance"], "127.0.0.1", port), points, frozenset(), None
        ),
        "ethereum": instruments.PointedAdapter(
            SimChain(lanes["ethereum"], "127.0.0.1", port), points, frozenset(), None
        ),
    }
    published = list(instructions(datetime.fromisoformat(spec["created_at"]), spec["loops"]))
    missing = {one.instruction_id for one in published}
    missing -= {one["instruction_id"] for one in written(folder) if one["topic"] == "instruction_results"}
    with (folder / "told").open("a") as told:

        def tell(stored: Stored) -> None:
            points.reach("before_told")
            instruction_id = getattr(stored.record, "instruction_id", None)
            line = {
                "topic": stored.topic,
                "partition": stored.partition,
                "offset": stored.offset,
                "value": base64.b64encode(stored.value or b"").decode(),
                "instruction_id": instruction_id,
            }
            told.write(json.dumps(line) + "\n")
            told.flush()
            if stored.topic == "instruction_results":
                missing.discard(instruction_id or "")

        engine = live.LiveEngine(Config(), adapters, folder / "engine.journal")
        engine.bus.subscribe(tell)
        engine.restore()
        for instruction in published:
            engine.bus.publish(instruction)
        ended = engine.serve(lambda: not missing, timeout_s=60.0)
        engine.close()
    return 0 if ended else 1


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
