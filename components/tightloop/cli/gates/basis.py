"""BTC basis and ETH basis from end to end: every component a process of its own, on a real Kafka, judged afterwards."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tightloop.assembly.config import Config, load
from tightloop.checker import check
from tightloop.cli.demo.play import clean_up
from tightloop.cli.demo.script import LIFE, SPAN
from tightloop.cli.demo.trades import PERP, Fields, on_chain, step, trade
from tightloop.cli.gates.gate import Gate, expect, hold
from tightloop.cli.system.launch import end_supervisor, start_system
from tightloop.cli.system.plan import Plan
from tightloop.cli.system.system_state import SystemState, read_state
from tightloop.client.consumer import ResultConsumer
from tightloop.client.publisher import InstructionPublisher
from tightloop.errors import ExecutionError
from tightloop.records.types import ExecutionReport, Instruction, InstructionResult
from tightloop.runners.kafka.settings import KafkaSettings

AMOUNT = Decimal("0.05")  # BTC
DOLLARS, ETHER = Decimal(3000), Decimal("1.0")
LANES = "binance,bybit,ethereum"
RESULT_S = 60.0


class BasisSystem:
    """Started by the first gate that needs it, ended by :meth:`close`. ``market``: a folder of market data; None: a
    market made from a seed. ``bootstrap``: a Kafka that runs already; None: an embedded one.
    """

    def __init__(self, market: Path | None = None, bootstrap: str | None = None) -> None:
        self.market = market
        self._bootstrap = bootstrap
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._plan: Plan | None = None
        self.origin = datetime.now(UTC) - SPAN
        self.config = Config()

    def state(self) -> SystemState:
        """Of the running system. Raises ExecutionError when it does not come up."""
        if self._plan is None:
            variables = {"TIGHTLOOP_LANES": LANES}
            prefix = f"gates-{uuid.uuid4().hex[:8]}."
            self.config, _ = load(None, {"bootstrap": self._bootstrap, "prefix": prefix}, variables)
            self._plan = Plan(
                directory=Path(tempfile.mkdtemp(prefix="tightloop-gates-")),
                config=self.config,
                market=self.market,
                market_origin=self.origin,
                until_closed=True,
                variables=variables,
            )
            self._supervisor = start_system(self._plan, lambda step: None)
        state = read_state(self._plan.directory)
        if state is None:
            raise ExecutionError("EIF-010", f"{self._plan.directory} holds no state of a system")
        return state

    def close(self) -> None:
        """Ends what was started. Logs stay where a gate could not be judged because it did not start."""
        if self._supervisor is None or self._plan is None:
            return
        end_supervisor(self._supervisor)
        if self._bootstrap is not None:
            clean_up(KafkaSettings(bootstrap=self._bootstrap, prefix=self.config.prefix))
        shutil.rmtree(self._plan.directory, ignore_errors=True)

    def trade(self, strategy: str, legs: Sequence[Fields]) -> list[InstructionResult]:
        """Publish them, and return their results in order."""
        state = self.state()
        pause = SPAN / (len(legs) + 1)
        instructions = [
            Instruction(
                instruction_id=f"{strategy}-{number}",
                strategy_id=strategy,
                created_at=self.origin + pause * number,
                expires_at=datetime.now(UTC) + LIFE,
                sequence=number + 1,
                **fields,
            )
            for number, fields in enumerate(legs)
        ]
        with InstructionPublisher(state.bootstrap, prefix=self.config.prefix) as publisher:
            publisher.publish_all(instructions)
            return [publisher.await_result(one.instruction_id, RESULT_S) for one in instructions]

    def moved(self, strategy: str) -> dict[str, Decimal]:
        """What its executions changed, by position key, and nothing else."""
        sums: dict[str, Decimal] = {}
        consumer = ResultConsumer(
            "fills", self.state().bootstrap, prefix=self.config.prefix, from_="beginning", follow=False
        )
        with consumer:
            for record in consumer:
                if isinstance(record, ExecutionReport) and record.strategy_id == strategy and record.instruction_id:
                    for delta in record.deltas:
                        sums[delta.position_key] = sums.get(delta.position_key, Decimal(0)) + delta.amount
        return sums

    def judge(self) -> str:
        """By the independent checker, from the topics and the venues' own books."""
        state = self.state()
        verdict = check(state.bootstrap, self.config.prefix, state.simulator)
        hold("; ".join(str(one) for one in verdict.violations), not verdict.violations)
        expect("lost and twice", (verdict.lost, verdict.duplicates), (0, 0))
        took = f", a loop {verdict.loop_ms[0]:.0f} ms" if verdict.loop_ms else ""
        return f"{verdict.results} results, 0 lost, 0 twice{took}; market: {self.market or 'synthetic'}"


def group(name: str, *legs: Fields) -> list[Fields]:
    """The later legs take what the first has filled."""
    shared = {"group_id": name, "group_size": len(legs)}
    return [{**leg, **shared, "group_index": index, "scale_to_filled": index > 0} for index, leg in enumerate(legs)]


def btc_legs() -> list[Fields]:
    """Spot long and perpetual short, as one group; later the other way round."""
    opened = (trade("binance", "spot", "buy", AMOUNT), trade("binance", "perp", "sell", AMOUNT))
    closed = (trade("binance", "perp", "buy", AMOUNT, reduce_only=True), trade("binance", "spot", "sell", AMOUNT))
    return [*group("open", *opened), *group("close", *closed)]


def eth_legs(chain_id: int) -> list[Fields]:
    """WETH bought and lent on the chain, the perpetual sold at an exchange; later everything back."""
    buy = step("uniswap", "swap", token_in="USDT", token_out="WETH", amount=DOLLARS)
    lend = step("aave", "supply", token_in="WETH", amount_rule="previous_output")
    take = step("aave", "withdraw", token_out="WETH", amount_rule="all")
    sell = step("uniswap", "swap", token_in="WETH", token_out="USDT", amount_rule="previous_output")
    return [
        on_chain(chain_id, "aave", buy, lend, atomic=True),
        _perpetual("sell"),
        _perpetual("buy"),
        on_chain(chain_id, "aave", take, sell, atomic=True),
    ]


def _perpetual(side: str) -> Fields:
    fields = trade("bybit", "perp", side, ETHER, reduce_only=side == "buy")
    order = fields["cex_trade"]
    return {**fields, "cex_trade": type(order)(**{**_of(order), "symbol": "ETH/USDT:USDT"})}


def _of(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}  # type: ignore[attr-defined]


def gates(system: BasisSystem) -> list[Gate]:
    """Both trades, on one system that the first of them starts."""

    def btc_basis() -> str:
        _all_filled(system.trade("btc-basis", btc_legs()))
        moved = system.moved("btc-basis")
        expect("the perpetual at the end", moved.get(f"binance:Perp:{PERP}", Decimal(0)), Decimal(0))
        left = moved["binance:BaseToken:BTC"]
        hold(f"what is left of the spot leg is a fee at most: {left}", abs(left) <= AMOUNT * Decimal("0.002"))
        return system.judge()

    def eth_basis() -> str:
        lane = next(lane for lane in Config().directory().lanes.values() if lane.kind == "chain")
        _all_filled(system.trade("eth-basis", eth_legs(lane.chain_id or 1)))
        moved = system.moved("eth-basis")
        expect("the perpetual at the end", moved.get("bybit:Perp:ETH/USDT:USDT", Decimal(0)), Decimal(0))
        expect("what is lent at the end", moved.get("aave:aToken:WETH", Decimal(0)), Decimal(0))
        hold("it was swapped back", abs(moved["wallet:BaseToken:USDT"]) < DOLLARS)
        return system.judge()

    return [
        Gate("BTC basis", "opens and closes through Kafka", btc_basis),
        Gate("ETH basis", "opens and closes through Kafka", eth_basis),
    ]


def _all_filled(results: Sequence[InstructionResult]) -> None:
    ended = [(one.instruction_id, one.status, one.outcome) for one in results]
    hold(f"all reconciled and filled: {ended}", {one[1:] for one in ended} == {("reconciled", "filled")})
