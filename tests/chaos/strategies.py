"""The strategies of the chaos run: what each publishes, on which lanes, from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from tests.chaos import chain_actions, workload

from tightloop.records.types import Instruction

EXCHANGES = ("binance", "bybit", "okx")
CHAIN = "ethereum"
LANES = (*EXCHANGES, CHAIN)
_TRADES_ON = (  # each lane by several, alone and with others
    ("binance",),
    (CHAIN,),
    ("binance", CHAIN),
    ("bybit",),
    ("okx", CHAIN),
    (CHAIN,),
    ("binance", "okx"),
    LANES,
    ("bybit", CHAIN),
    ("okx",),
)


LIMITED, MAY_MOVE = f"chaos-{len(_TRADES_ON)}", Decimal(40)  # the strategy after these, and its USDC of a day


class Strategy:
    """A strategy's instructions, one after another. Even ones number theirs (``sequence``), odd ones do not.

    ``lanes``: where it trades. Now and then it publishes one again, cancels an order of its own that rests, or
    publishes a group.
    """

    def __init__(self, number: int, seed: int, lanes: tuple[str, ...]) -> None:
        self.strategy_id = f"chaos-{number}"
        self.lanes = lanes
        self._chance = random.Random(f"{seed}:{number}")
        self._numbers = number % 2 == 0
        self._count = 0
        self._last: Instruction | None = None

    @property
    def exchanges(self) -> list[str]:
        return [lane for lane in self.lanes if lane in EXCHANGES]

    def next(self) -> list[Instruction]:
        """What it publishes at one go: mostly one instruction."""
        chance = self._chance.random()
        if self._last is not None and chance < 0.05:
            return [self._last]
        if self.exchanges and chance < 0.15:
            venue = self._chance.choice(self.exchanges)
            order = self._new(**workload.limit(20_000, venue=venue))
            return [order, self._new(**workload.cancel(venue, order.instruction_id))]
        if chance < 0.3:
            return self._group()
        between = self.exchanges and chance < 0.4 and (len(self.lanes) > 1 or "binance" in self.lanes)
        self._last = self._new(**(_transfer(self._chance, self.lanes) if between else self._any()))
        return [self._last]

    def on(self, lane: str) -> Instruction:
        """One more, sure to act on this lane."""
        return self._new(**(workload.transfer() if lane == CHAIN else workload.market(venue=lane)))

    def _any(self) -> dict[str, Any]:
        lane = self._chance.choice(self.lanes)
        return chain_actions.any_of_them(self._chance) if lane == CHAIN else _trade(self._chance, lane)

    def _group(self) -> list[Instruction]:
        """Two legs or three: a trade and its hedge, which takes what the first has filled; or whatever comes."""
        if self.exchanges and self._chance.random() < 0.6:
            venue, other = self._chance.choice(self.exchanges), self._chance.choice(self.exchanges)
            legs = [
                workload.market("buy", "0.02", venue=venue),
                workload.market("sell", "0.02", "BTC/USDT:USDT", venue=other),
            ]
            rules: dict[str, Any] = {"scale_to_filled": True}
        else:
            legs, rules = [self._any() for _ in range(self._chance.choice((2, 3)))], {}
        made = [self._new(**leg) for leg in legs]
        group_id, on_failure = f"{made[0].instruction_id}-group", self._chance.choice(("cancel_rest",) * 5 + ("halt",))
        return [
            replace(
                leg,
                group_id=group_id,
                group_index=index,
                group_size=len(made),
                on_failure=on_failure,
                **(rules if index else {}),
            )
            for index, leg in enumerate(made)
        ]

    def _new(self, **payload: Any) -> Instruction:
        self._count += 1
        sequence = self._count if self._numbers else None
        return workload.instruction(self.strategy_id, f"{self.strategy_id}-{self._count}", sequence=sequence, **payload)


class Limited(Strategy):
    """Only moves money out, for as long as its limit of a day lets it, and goes on asking. Now and then it repeats
    itself.
    """

    def next(self) -> list[Instruction]:
        if self._last is None or self._chance.random() > 0.1:
            self._last = self._new(**workload.transfer())
        return [self._last]


def _trade(chance: random.Random, venue: str) -> dict[str, Any]:
    side = chance.choice(("buy", "sell"))
    return chance.choice(
        (
            workload.market(side, "0.01", venue=venue),
            workload.market(side, "0.1", "ETH/USDT", venue),
            workload.market(side, "0.01", "BTC/USDT:USDT", venue),
            workload.market(side, "0.1", "ETH/USDT:USDT", venue),
            workload.spend("500", side, venue),
            workload.limit(chance.choice((300, 900, 2000)), venue=venue),
            workload.market(side, "0.0000001", venue=venue),  # below the lot: the exchange refuses it
        )
    )


def _transfer(chance: random.Random, lanes: tuple[str, ...]) -> dict[str, Any]:
    """Between two accounts of the strategy, or the wallets of one."""
    release = chance.choice(("on_arrival", "on_debit"))
    places = ["wallet" if lane == CHAIN else lane for lane in lanes]
    source = chance.choice(places)
    if len(places) == 1 or (source == "binance" and chance.random() < 0.3):  # the others have one wallet
        wallets = chance.sample(("spot", "perp"), 2)
        return workload.transfer("USDT", "30", f"{source}:{wallets[0]}", f"{source}:{wallets[1]}")
    destination = chance.choice([one for one in places if one != source])
    asset, amount = chance.choice((("USDT", "20"), ("ETH", "0.02"), ("USDT", "1")))  # the last is too little for some
    return workload.transfer(asset, amount, source, destination, release)


def strategies(seed: int) -> list[Strategy]:
    traders = [Strategy(number, seed, lanes) for number, lanes in enumerate(_TRADES_ON)]
    return [*traders, Limited(len(traders), seed, (CHAIN,))]


def shuffled(chance: random.Random, everyone: list[Strategy]) -> Iterator[Strategy]:
    """Endlessly, each as often as the others."""
    while True:
        order = list(everyone)
        chance.shuffle(order)
        yield from order
