"""One loop after another in process: an instruction goes in, its result and reports come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tightloop.assembly.engine import Engine
from tightloop.assembly.lanes import with_lanes
from tightloop.domain import money
from tightloop.domain.deltas import by_position
from tightloop.errors import ExecutionError
from tightloop.interfaces.prices import DataProvider, ProvidedMarket
from tightloop.interfaces.settings import InProcessConfig
from tightloop.records.types import (
    AccountRef,
    DeadLetter,
    ErrorInfo,
    ExecutionReport,
    Halt,
    Instruction,
    InstructionResult,
    LoopHead,
)
from tightloop.runners.bus import Stored
from tightloop.runners.clock import ManualClock
from tightloop.runners.strategy_keys import named
from tightloop.venues import registry
from tightloop.venues.sim.commands import OpenAccount
from tightloop.venues.sim.settings import ExchangeSettings, SimSettings


class Executed(Struct, frozen=True):
    """How an instruction ended: its result, and all that was reported of its execution, oldest first."""

    result: InstructionResult
    reports: tuple[ExecutionReport, ...]


class BacktestLoops:
    """Every component on simulated venues, by a clock that stands at the latest instruction's time.

    ``initial_positions`` of the configuration are what the strategies hold before the first instruction; None: the
    simulated venues' own opening balances, which are ample. Accounts that they do not name are empty then.
    Raises ExecutionError EIF-007 for a venue that has no simulation.
    """

    def __init__(
        self,
        config: InProcessConfig,
        provider: DataProvider | None,
    ) -> None:
        self._config = config
        self._directory = config.directory()
        self._provider = provider
        opening = config.initial_positions
        self._opening = None if opening is None else dict(opening)
        self._venues = self._simulated()
        self._clock: ManualClock | None = None
        self._engine: Engine | None = None
        self._market: ProvidedMarket | None = None
        self._opened: set[str] = set()
        self._reports: list[ExecutionReport] = []
        self._results: list[InstructionResult] = []
        self._refused: ExecutionError | None = None
        self._executed: dict[tuple[str, str], Executed] = {}

    @property
    def now(self) -> datetime | None:
        """The clock's time, which is later than the last instruction's where that took time; None: nothing was yet."""
        return self._clock.now() if self._clock else None

    def execute(self, instruction: Instruction, at: datetime, prices: Mapping[str, Any]) -> Executed:
        """Run the instruction's whole loop, letting the clock go on as long as it takes.

        ``prices``: those that the instruction carries itself, by symbol. Raises ExecutionError EIM-009 for an id that
        was used before with other content.
        """
        return self.execute_all((instruction,), at, prices)[0]

    def execute_all(
        self, instructions: Sequence[Instruction], at: datetime, prices: Mapping[str, Any]
    ) -> list[Executed]:
        """The same for several of one strategy, published together: they end in the order in which they run."""
        engine, clock, market = self._started(at)
        if at > clock.now():
            engine.advance((at - clock.now()).total_seconds())
        self._open(instructions[0].strategy_id)
        market.carried.update(prices)
        self._reports.clear()
        self._results.clear()
        self._refused = None
        for instruction in instructions:
            engine.bus.publish(instruction)
        engine.run()
        return [self._ended_loop(engine, one) for one in instructions]

    def _ended_loop(self, engine: Engine, instruction: Instruction) -> Executed:
        name = instruction.strategy_id, instruction.instruction_id
        while (result := self._result_of(name)) is None:
            if self._refused is not None:
                raise self._refused
            if name in self._executed:  # the same once more changes nothing
                return self._executed[name]
            if not engine.advance_to_next():
                raise RuntimeError(f"{name} has no result, and nothing is left to do")
        own = [one for one in self._reports if one.instruction_id == instruction.instruction_id]
        self._executed[name] = Executed(result, tuple(own))
        return self._executed[name]

    def halts(self, strategy_id: str) -> tuple[Halt, ...]:
        """Those of the strategy that stand."""
        engine = self._engine
        head = engine.state("interface-manager", strategy_id, "head", LoopHead) if engine is not None else None
        return head.halts if head is not None else ()

    def held(self, strategy_id: str) -> dict[str, Decimal]:
        """What the simulated venues' books hold for the strategy, by position key; nothing before the first loop."""
        if self._engine is None:
            return dict(self._opening or {})
        found: dict[str, Decimal] = {}
        for account in self._accounts(strategy_id):
            answer = self._engine.sandbox.positions(account.lane, account.account)
            found |= named(answer, account.account, strategy_id).amounts
        return found

    def _accounts(self, strategy_id: str) -> list[AccountRef]:
        lanes = self._directory.lanes.values()
        return [account for lane in lanes for account in self._directory.accounts_of(strategy_id, lane)]

    def _started(self, at: datetime) -> tuple[Engine, ManualClock, ProvidedMarket]:
        if self._engine is None or self._clock is None or self._market is None:
            self._clock = ManualClock(at)
            self._market = ProvidedMarket(self._provider, at, self._clock.now)
            self._engine = Engine(
                self._config, self._clock, sim=replace(self._venues, market_origin=at), market=self._market
            )
            self._engine.bus.subscribe(self._reported, ["fills"])
            self._engine.bus.subscribe(self._ended, ["instruction_results"])
            self._engine.bus.subscribe(self._buried, ["dead_letters"])
        return self._engine, self._clock, self._market

    def _simulated(self) -> SimSettings:
        """Raises ExecutionError EIF-007 for a venue that has no simulation."""
        none = SimSettings(exchanges=(), chains=())
        settings = with_lanes(none, self._directory.lanes, registry.known())
        return replace(settings, exchanges=tuple(self._with_own_rules(one) for one in settings.exchanges))

    def _with_own_rules(self, made: ExchangeSettings) -> ExchangeSettings:
        fees = self._config.fees.get(made.venue)
        own = {} if fees is None else fees.model_dump(exclude_none=True)
        if self._config.slippage_bps is not None:
            own["slippage_bps"] = self._config.slippage_bps
        return replace(made, **own)

    def _open(self, strategy_id: str) -> None:
        """Give the strategy's accounts what they hold before anything, at its first instruction."""
        if self._opening is None or self._engine is None or strategy_id in self._opened:
            return
        self._opened.add(strategy_id)
        sandbox = self._engine.sandbox
        held: dict[tuple[str, str], dict[str, Decimal]] = {
            (account.lane, account.account): {} for account in self._accounts(strategy_id)
        }
        for key, amount in self._opening.items():
            place = self._directory.place_of(key, strategy_id)
            if place.account is None or (place.account.lane, place.account.account) not in held:
                raise ExecutionError("EIF-010", f"initial_positions: {key} is in no account of {strategy_id}")
            held[place.account.lane, place.account.account][_plain(key)] = amount
        for (lane, account), opening in held.items():
            sandbox.act(lane, OpenAccount(account=account, opening=opening), sandbox.now())

    def _reported(self, stored: Stored) -> None:
        if isinstance(stored.record, ExecutionReport):
            self._reports.append(stored.record)

    def _ended(self, stored: Stored) -> None:
        if isinstance(stored.record, InstructionResult):
            self._results.append(stored.record)

    def _buried(self, stored: Stored) -> None:
        letter = stored.record
        if isinstance(letter, DeadLetter) and letter.topic == "instructions":
            self._refused = ExecutionError(letter.error.code, letter.error.message)

    def _result_of(self, name: tuple[str, str]) -> InstructionResult | None:
        return next((one for one in self._results if (one.strategy_id, one.instruction_id) == name), None)


def _plain(key: str) -> str:
    """A position key as the account itself has it: without the account's name."""
    head, colon, rest = key.partition(":")
    return f"{head.partition('@')[0]}{colon}{rest}"


def as_data(executed: Executed) -> dict[str, Any]:
    """The result as plain data, under the names of the public API; amounts are Decimals, times datetimes in UTC."""
    result, reports = executed.result, executed.reports
    deltas = by_position(delta for report in reports for delta in report.deltas)
    return {
        "success": result.status == "reconciled" and result.outcome in ("filled", "partially_filled"),
        "instruction_id": result.instruction_id,
        "strategy_id": result.strategy_id,
        "venue": result.venue,
        "status": result.status,
        "outcome": result.outcome,
        "filled_amount": None if result.filled_amount is None else money.tidy(result.filled_amount),
        "fills": [_fill(report) for report in reports if report.venue_trade_ids],
        "execution_deltas": {key: money.tidy(amount) for key, amount in deltas.items() if amount},
        "fees": _fees(reports),
        "error": _error(result.error),
    }


def _fees(reports: Iterable[ExecutionReport]) -> dict[str, Decimal]:
    sums = money.sums((fee.position_key, fee.amount) for report in reports for fee in report.fees)
    return {key: money.tidy(amount) for key, amount in sums.items()}


def _fill(report: ExecutionReport) -> dict[str, Any]:
    amount, cost = report.amount, report.cost
    return {
        "symbol": report.symbol,
        "side": report.side,
        "amount": money.tidy(amount),
        "cost": None if cost is None else money.tidy(cost),
        "price": None if not amount or cost is None else money.tidy(money.price(cost, amount)),
        "liquidity": report.liquidity,
        "venue_trade_ids": list(report.venue_trade_ids),
        "tx_hash": report.tx_hash,
        "time": report.event_time,
    }


def _error(error: ErrorInfo | None) -> dict[str, Any] | None:
    return None if error is None else {"code": error.code, "message": error.message}
