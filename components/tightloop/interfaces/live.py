"""Loops at live venues in this process: by the real clock, with a journal in a local file in place of Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tightloop.assembly.build import surroundings
from tightloop.assembly.config import Config
from tightloop.assembly.live import LiveEngine
from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import Positions
from tightloop.interfaces.loops import Executed
from tightloop.interfaces.prices import DataProvider, names_of, price_of, seen_at
from tightloop.records.types import (
    AccountRef,
    Cancel,
    ControlCommand,
    DeadLetter,
    ExecutionReport,
    Halt,
    Instruction,
    InstructionResult,
    LoopHead,
    MarketPrice,
)
from tightloop.runners.bus import Stored
from tightloop.runners.strategy_keys import named
from tightloop.venues import connections
from tightloop.venues.credentials import Credentials

ADOPTION = "EIM-014"  # the halt of an account that was taken over and waits for its owner's word
_TURN_S = 0.5


class ToldPrices:
    """What a data provider tells now: what limits are measured by."""

    def __init__(self, provider: DataProvider) -> None:
        self._provider = provider

    async def read(self, markets: Sequence[tuple[str, str]]) -> tuple[MarketPrice, ...]:
        """Raises ExecutionError EIM-007 for a price that is none."""
        now = datetime.now(UTC)
        told = self._provider.get_market_data(now)
        return tuple(self._price(venue, symbol, told, now) for venue, symbol in markets)

    @staticmethod
    def _price(venue: str, symbol: str, told: Mapping[str, Any], now: datetime) -> MarketPrice:
        for name in names_of(venue, symbol):
            quote = told.get(name)
            if quote is not None:
                return MarketPrice(
                    venue=venue,
                    symbol=symbol,
                    price=price_of(name, quote),
                    price_venue=venue,
                    price_symbol=name.removeprefix(f"{venue}:"),
                    event_time=seen_at(name, quote, now),
                )
        return MarketPrice(venue=venue, symbol=symbol)

    async def close(self) -> None:
        """Nothing is held open."""


class LiveLoops:
    """Every component on the lanes of ``config``, live or simulated as it says. ``provider``: whose prices limits are
    measured by; None: what is limited by a price is refused (EIM-013).

    What is wrong is refused before anything is built. The file is locked; intents that an earlier process left open are
    resolved before the first instruction. ``credentials``: of live lanes, by their home venue; others are read from
    variables. Raises ExecutionError EIF-003, EIF-006, EIF-007, EIF-008, EIF-010, EIF-013, and TLC-017 to TLC-020 for
    the journal.
    """

    def __init__(
        self,
        config: Config,
        journal: Path | None,
        credentials: Mapping[str, Credentials] | None = None,
        provider: DataProvider | None = None,
    ) -> None:
        self._config = config
        lanes, around, given = config.directory().lanes, surroundings(config), dict(credentials or {})
        for lane in lanes.values():
            connections.check(lane, around, given.get(lane.home))
        if journal is None:
            raise ExecutionError(
                "EIF-013",
                "live trading in process needs a journal, and none is given",
                remedy="Give `journal=`, the path of a file of this process's own.",
            )
        self._engine = LiveEngine(
            config,
            {name: connections.adapter(lane, around, given.get(lane.home)) for name, lane in lanes.items()},
            Path(journal),
            prices=None if provider is None else ToldPrices(provider),
        )
        self._reports: dict[tuple[str, str], dict[str, ExecutionReport]] = {}
        self._results: dict[tuple[str, str], InstructionResult] = {}
        self._refused: list[ExecutionError] = []
        self._engine.bus.subscribe(self._told, ["fills", "instruction_results", "dead_letters"])
        self._engine.restore()

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def execute(self, instruction: Instruction, at: datetime, prices: Mapping[str, Any]) -> Executed:
        """Run the instruction's whole loop. ``at`` and ``prices`` are a backtest's: here time and prices are real.

        Raises ExecutionError EIM-009 for an id that was used before with other content, or by an earlier process, and
        EIM-014 when its account was taken over and waits for :meth:`adopt`: the instruction is withdrawn then.
        """
        return self.execute_all((instruction,), at, prices)[0]

    def execute_all(
        self, instructions: Sequence[Instruction], at: datetime, prices: Mapping[str, Any]
    ) -> list[Executed]:
        """The same for several of one strategy, published together."""
        names = [(one.strategy_id, one.instruction_id) for one in instructions]
        self._refused.clear()
        for instruction in instructions:
            self._engine.post(instruction)
        while not self._ended(names):
            self._engine.serve(lambda: self._ended(names), _TURN_S)
            if self._refused:
                raise self._refused[0]
            waiting = self._adoption(names[0][0])
            if waiting is not None and not self._ended(names):
                self._withdraw(instructions)
                raise ExecutionError(
                    ADOPTION,
                    waiting.message,
                    context={"halt_id": waiting.halt_id},
                    remedy="Look at what the account holds, and call `adopt` with that version.",
                )
            if not self._ended(names) and self._idle(names[0][0]):
                ids = ", ".join(name for owner, name in names if (owner, name) not in self._results)
                raise ExecutionError("EIM-009", f"{ids}: executed before by this journal; its result was told then")
        return [Executed(self._results[name], tuple(self._reports.get(name, {}).values())) for name in names]

    def _ended(self, names: Sequence[tuple[str, str]]) -> bool:
        return bool(self._refused) or all(name in self._results for name in names)

    def _idle(self, strategy_id: str) -> bool:
        """Nothing of the strategy is under way, or waits."""
        head = self._head(strategy_id)
        return head is not None and head.slot is None and not head.queued and not head.legs

    def _head(self, strategy_id: str) -> LoopHead | None:
        return self._engine.state("interface-manager", strategy_id, "head", LoopHead)

    def _adoption(self, strategy_id: str) -> Halt | None:
        return next((halt for halt in self.halts(strategy_id) if halt.code == ADOPTION), None)

    def _withdraw(self, instructions: Sequence[Instruction]) -> None:
        """What waits behind an adoption must not run when that comes, whenever that is."""
        for one in instructions:
            self._engine.post(
                Instruction(
                    instruction_id=f"withdraw-{one.instruction_id}",
                    strategy_id=one.strategy_id,
                    type="cancel",
                    venue=one.venue,
                    created_at=self.now,
                    cancel=Cancel(instruction_id=one.instruction_id),
                )
            )
        names = [(one.strategy_id, one.instruction_id) for one in instructions]
        self._engine.serve(lambda: self._ended(names))

    def adopt(self, strategy_id: str, position_version: int, reason: str) -> None:
        """What the account held at that version is expected from now on.

        Raises ExecutionError EIM-014 when it still waits: it is another version.
        """
        now = self.now
        self._engine.post(
            ControlCommand(
                command_id=f"adopt-{strategy_id}-{position_version}-{now.timestamp()}",
                strategy_id=strategy_id,
                command="adopt",
                scope="key",
                actor="in process",
                reason=reason,
                issued_at=now,
                produced_at=now,
                expected_position_version=position_version,
            )
        )
        if not self._engine.serve(lambda: self._adoption(strategy_id) is None, 10 * _TURN_S):
            waiting = self._adoption(strategy_id)
            raise ExecutionError(ADOPTION, f"version {position_version} is another one: {waiting and waiting.message}")

    def halts(self, strategy_id: str) -> tuple[Halt, ...]:
        """Those of the strategy that stand."""
        head = self._head(strategy_id)
        return head.halts if head is not None else ()

    def held(self, strategy_id: str) -> dict[str, Decimal]:
        """What the venues hold for the strategy now, by position key, asked with credentials that only read.

        Raises ExecutionError REC-005 when one does not tell.
        """
        found: dict[str, Decimal] = {}
        directory = self._config.directory()
        for lane in directory.lanes.values():
            for account in directory.accounts_of(strategy_id, lane):
                told = asyncio.run(self._positions(lane, account))
                found |= named(told, account.account, strategy_id).amounts
        return found

    async def _positions(self, lane: LaneSpec, account: AccountRef) -> Positions:
        reader = connections.reader(lane, surroundings(self._config))
        try:
            answer = await reader.positions(account)
        finally:
            await reader.close()
        if not isinstance(answer, Positions):
            raise ExecutionError("REC-005", f"{account.account} at {account.lane}: {answer.message}")
        return answer

    def close(self) -> None:
        """Let go of venues and journal. Whoever opens it next goes on where this one stood."""
        self._engine.close()

    def _told(self, stored: Stored) -> None:
        """Each record at least once, the same again after a restart."""
        record = stored.record
        if isinstance(record, ExecutionReport) and record.instruction_id is not None:
            name = record.strategy_id, record.instruction_id
            self._reports.setdefault(name, {}).setdefault(record.report_id, record)
        elif isinstance(record, InstructionResult) and record.resolves is None:
            self._results.setdefault((record.strategy_id, record.instruction_id), record)
        elif isinstance(record, DeadLetter) and record.topic == "instructions":
            self._refused.append(ExecutionError(record.error.code, record.error.message))
