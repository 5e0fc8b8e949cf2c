"""The demo's instructions: who trades what, in which order, over a month of market; and what goes wrong on purpose."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tightloop.cli.demo.trades import Fields, more_than_there_is, trade, trades_of
from tightloop.domain.directory import Directory, LaneSpec
from tightloop.records.types import Instruction, SmartContractAction

SPAN = timedelta(days=30)  # of the market, over which the decisions are spread
LIFE = timedelta(minutes=10)  # of an instruction: the demo's decisions lie in the past, where the default would end
ENOUGH = 8  # instructions of a strategy, for one of them to go wrong
SMALL = Decimal("0.01")  # BTC
LOST = Decimal("-0.25")  # BTC that leave an account, and no ledger entry says so


@dataclass(frozen=True)
class Drift:
    """``strategy_id``'s balance is changed by ``amount`` once ``after`` has ended; ``noticed_by`` is published then,
    and ``rest`` when the key is resumed.
    """

    strategy_id: str
    lane: LaneSpec
    account: str
    amount: Decimal
    after: Instruction
    noticed_by: Instruction
    rest: tuple[Instruction, ...]

    @property
    def position_key(self) -> str:
        return f"{self.lane.home}:BaseToken:BTC"


@dataclass(frozen=True)
class Script:
    """``instructions``: all, those that are held back by ``drift`` among them. ``rejected``: what a venue must refuse;
    None, as ``drift``, where there are too few instructions or no exchange.
    """

    instructions: tuple[Instruction, ...]
    rejected: str | None
    drift: Drift | None

    @property
    def at_once(self) -> list[Instruction]:
        """What waits for nothing but its turn."""
        held = {one.instruction_id for one in (self.drift.noticed_by, *self.drift.rest)} if self.drift else set()
        return [one for one in self.instructions if one.instruction_id not in held]


def write_script(
    seed: int,
    strategies: int,
    instructions: int,
    directory: Directory,
    origin: datetime,
    now: datetime,
    name: str = "demo",
) -> Script:
    """``instructions`` in all, one strategy after the other; the same for the same arguments.

    ``origin``: the wall time that stands for the market's first record: decisions lie between it and ``SPAN`` later.
    """
    books = [_Book(f"{name}-{number + 1}", seed, number, directory) for number in range(strategies)]
    each = -(-instructions // strategies)
    counts = [len(range(number, instructions, strategies)) for number in range(strategies)]
    enough = [book for book, count in zip(books, counts, strict=True) if count >= ENOUGH and book.exchange]
    if enough:
        enough[0].rejects_at = counts[books.index(enough[0])] // 2
        enough[-1].drifts_at = counts[books.index(enough[-1])] * 2 // 3
    script = [
        books[number % strategies].next(origin + SPAN * (number // strategies) / each, now + LIFE)
        for number in range(instructions)
    ]
    return Script(
        instructions=tuple(script),
        rejected=enough[0].named(enough[0].rejects_at) if enough else None,
        drift=_drift(enough[-1], script) if enough else None,
    )


def warm_up_script(seed: int, directory: Directory, origin: datetime, now: datetime) -> Iterator[list[Instruction]]:
    """Rounds of other strategies' instructions, one of each, without end: what the demo trades, and no accident."""
    count = max(2, sum(1 for lane in directory.lanes.values() if lane.kind == "exchange"))
    books = [_Book(f"warm-up-{number + 1}", seed, number, directory) for number in range(count)]
    while True:
        yield [book.next(origin, now + LIFE) for book in books]


class _Book:
    """One strategy, and its endless series of trades: on an exchange of its own, and on every chain."""

    def __init__(self, strategy: str, seed: int, number: int, directory: Directory) -> None:
        exchanges = [lane for lane in directory.lanes.values() if lane.kind == "exchange"]
        chains = [lane for lane in directory.lanes.values() if lane.kind == "chain"]
        self.strategy = strategy
        self.exchange = exchanges[number % len(exchanges)] if exchanges else None
        lanes = [*([self.exchange] if self.exchange else []), *chains]
        self._trades = trades_of(random.Random(f"{seed}:{number}"), lanes)
        self._lanes = lanes
        self._directory = directory
        self._step = 0
        self.rejects_at = self.drifts_at = -1

    def named(self, step: int) -> str:
        return f"{self.strategy}-{step + 1}"

    def account_on(self, lane: LaneSpec) -> str:
        return self._directory.own_account(self.strategy, lane)

    def next(self, at: datetime, until: datetime) -> Instruction:
        fields = self._fields()
        lane = next(lane for lane in self._lanes if _trades_at(lane, fields))
        step, self._step = self._step, self._step + 1
        return Instruction(
            instruction_id=self.named(step),
            strategy_id=self.strategy,
            created_at=at,
            expires_at=until,
            sequence=step + 1,
            account=self.account_on(lane),
            **fields,
        )

    def _fields(self) -> Fields:
        if self.exchange and self._step == self.rejects_at:
            return more_than_there_is(self.exchange.home)
        if self.exchange and self._step == self.drifts_at:
            return trade(self.exchange.home, "spot", "buy", SMALL)
        return next(self._trades)


def _trades_at(lane: LaneSpec, fields: dict[str, Any]) -> bool:
    """A protocol or wallet is on the chain of the action; each chain of the demo has them all."""
    if fields["type"] == "cex_trade":
        return lane.home == str(fields["venue"])
    action: SmartContractAction | None = fields.get("smart_contract_action")
    return lane.kind == "chain" and (action is None or action.chain_id == (lane.chain_id or 0))


def _drift(book: _Book, script: Iterable[Instruction]) -> Drift | None:
    own = [one for one in script if one.strategy_id == book.strategy]
    if book.exchange is None:
        return None
    return Drift(
        strategy_id=book.strategy,
        lane=book.exchange,
        account=book.account_on(book.exchange),
        amount=LOST,
        after=own[book.drifts_at - 1],
        noticed_by=own[book.drifts_at],
        rest=tuple(own[book.drifts_at + 1 :]),
    )
