"""The demo's instructions: who trades what, in which order, over a month of market; and what goes wrong on purpose."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

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
    books = [
        _Book(f"{name}-{number + 1}", seed, number, directory, len(range(number, instructions, strategies)))
        for number in range(strategies)
    ]
    each = -(-instructions // strategies)
    enough = [book for book in books if (book.count or 0) >= ENOUGH and book.exchange]
    if enough:
        enough[0].accidents.append(_Accident("rejected", (enough[0].count or 0) // 2))
        enough[-1].accidents.append(_Accident("drift", (enough[-1].count or 0) * 2 // 3))
    script = [
        books[number % strategies].next(origin + SPAN * (number // strategies) / each, now + LIFE)
        for number in range(instructions)
    ]
    return Script(
        instructions=tuple(script),
        rejected=enough[0].happened.get("rejected") if enough else None,
        drift=_drift(enough[-1], script) if enough else None,
    )


def warm_up_script(seed: int, directory: Directory, origin: datetime, now: datetime) -> Iterator[list[Instruction]]:
    """Rounds of other strategies' trades, one of each and whole groups, without end: the demo's, and no accident."""
    count = max(2, sum(1 for lane in directory.lanes.values() if lane.kind == "exchange"))
    books = [_Book(f"warm-up-{number + 1}", seed, number, directory, None) for number in range(count)]
    while True:
        yield [one for book in books for one in book.whole(origin, now + LIFE)]


@dataclass(frozen=True)
class _Accident:
    """``earliest``: it takes the place of the first step from there on that is not a group's."""

    what: Literal["rejected", "drift"]
    earliest: int


class _Book:
    """One strategy, and its series of trades: on an exchange of its own, and on every chain.

    ``count``: how many instructions it will have in all; None: nobody knows. ``happened``: accidents by their
    instruction's id.
    """

    def __init__(self, strategy: str, seed: int, number: int, directory: Directory, count: int | None) -> None:
        exchanges = [lane for lane in directory.lanes.values() if lane.kind == "exchange"]
        chains = [lane for lane in directory.lanes.values() if lane.kind == "chain"]
        self.strategy = strategy
        self.count = count
        self.exchange = exchanges[number % len(exchanges)] if exchanges else None
        self.accidents: list[_Accident] = []
        self.happened: dict[str, str] = {}
        self._lanes = [*([self.exchange] if self.exchange else []), *chains]
        self._trades = trades_of(random.Random(f"{seed}:{number}"), self._lanes)
        self._legs: list[Fields] = []
        self._groups = 0
        self._directory = directory
        self._step = 0

    def account_on(self, lane: LaneSpec) -> str:
        return self._directory.own_account(self.strategy, lane)

    def next(self, at: datetime, until: datetime) -> Instruction:
        instruction_id = f"{self.strategy}-{self._step + 1}"
        fields = self._legs.pop(0) if self._legs else self._begin(instruction_id)
        lane = next(lane for lane in self._lanes if _trades_at(lane, fields))
        self._step += 1
        return Instruction(
            instruction_id=instruction_id,
            strategy_id=self.strategy,
            created_at=at,
            expires_at=until,
            sequence=self._step,
            account=self.account_on(lane),
            **fields,
        )

    def whole(self, at: datetime, until: datetime) -> Iterator[Instruction]:
        """One, or all legs of a group."""
        yield self.next(at, until)
        while self._legs:
            yield self.next(at, until)

    def _begin(self, instruction_id: str) -> Fields:
        """The next trade's first leg; the others wait."""
        if self.exchange and self.accidents and self.accidents[0].earliest <= self._step:
            accident = self.accidents.pop(0)
            self.happened[accident.what] = instruction_id
            if accident.what == "rejected":
                return more_than_there_is(self.exchange.home)
            return trade(self.exchange.home, "spot", "buy", SMALL)
        legs = next(self._trades)
        if self.count is not None and self.count - self._step < len(legs):
            legs = legs[:1]  # there is no room for the others, and a group is whole or refused
        if len(legs) > 1:
            self._groups += 1
            group = {"group_id": f"{self.strategy}-group-{self._groups}", "group_size": len(legs)}
            legs = tuple({**leg, **group, "group_index": index} for index, leg in enumerate(legs))
        first, *self._legs = legs
        return first


def _trades_at(lane: LaneSpec, fields: Fields) -> bool:
    """A protocol or wallet is on the chain of the action; each chain of the demo has them all."""
    if fields["type"] == "cex_trade":
        return lane.home == str(fields["venue"])
    action: SmartContractAction | None = fields.get("smart_contract_action")
    return lane.kind == "chain" and (action is None or action.chain_id == (lane.chain_id or 0))


def _drift(book: _Book, script: Iterable[Instruction]) -> Drift | None:
    own = [one for one in script if one.strategy_id == book.strategy]
    at = next((place for place, one in enumerate(own) if one.instruction_id == book.happened.get("drift")), 0)
    if book.exchange is None or not at:
        return None
    return Drift(
        strategy_id=book.strategy,
        lane=book.exchange,
        account=book.account_on(book.exchange),
        amount=LOST,
        after=own[at - 1],
        noticed_by=own[at],
        rest=tuple(own[at + 1 :]),
    )
