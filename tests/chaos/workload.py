"""What the strategies of the chaos run publish: every kind of instruction on both lanes, seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tightloop.records.types import (
    Action,
    Cancel,
    CexTrade,
    ControlCommand,
    Instruction,
    SmartContractAction,
    WalletTransfer,
)

D = Decimal
LIFE = timedelta(seconds=45)
ELSEWHERE = "0x" + "ab" * 20


def instruction(strategy_id: str, name: str, *, sequence: int | None = None, **payload: Any) -> Instruction:
    """An instruction of now. ``payload``: ``venue``, and one payload."""
    (kind,) = (one for one in payload if one != "venue")
    now = datetime.now(UTC)
    return Instruction(
        instruction_id=name,
        strategy_id=strategy_id,
        type=kind,
        created_at=now,
        expires_at=now + LIFE,
        sequence=sequence,
        **payload,
    )


def with_notes(one: Instruction, notes: dict[str, str]) -> Instruction:
    return replace(one, metadata=notes)


def instruction_of(value: dict[str, Any]) -> Instruction:
    """The record of a trade as the judge has read it, to publish it again as it was."""
    trade = CexTrade(**value["cex_trade"])
    return Instruction(**{**value, "expected_deltas": (), "cex_trade": trade})


def market(side: str = "buy", amount: str = "0.01", symbol: str = "BTC/USDT") -> dict[str, Any]:
    kind = "perp" if symbol.endswith(":USDT") else "spot"
    trade = CexTrade(market=kind, symbol=symbol, side=side, order_type="market", amount=D(amount))
    return {"venue": "binance", "cex_trade": trade}


def limit(timeout_ms: int, side: str = "buy", price: str = "100", amount: str = "0.1") -> dict[str, Any]:
    """An order that rests, far from the market, until it is cancelled."""
    trade = CexTrade(
        market="spot",
        symbol="BTC/USDT",
        side=side,
        order_type="limit",
        price=D(price),
        amount=D(amount),
        timeout_ms=timeout_ms,
    )
    return {"venue": "binance", "cex_trade": trade}


def swap(token_in: str = "USDC", token_out: str = "WETH", amount: str = "100") -> dict[str, Any]:
    step = Action(protocol="uniswap", operation="swap", token_in=token_in, token_out=token_out, amount=D(amount))
    return {"venue": "uniswap", "smart_contract_action": SmartContractAction(chain_id=1, actions=(step,))}


def lend(operation: str, token: str = "USDT", amount: str = "50") -> dict[str, Any]:
    side = "token_in" if operation in ("supply", "repay") else "token_out"
    step = Action(protocol="aave", operation=operation, amount=D(amount), **{side: token})
    return {"venue": "aave", "smart_contract_action": SmartContractAction(chain_id=1, actions=(step,))}


def transfer(asset: str = "USDC", amount: str = "5") -> dict[str, Any]:
    moved = WalletTransfer(source="wallet", destination=ELSEWHERE, asset=asset, amount=D(amount))
    return {"venue": "wallet", "wallet_transfer": moved}


def cancel(venue: str, target: str) -> dict[str, Any]:
    return {"venue": venue, "cancel": Cancel(instruction_id=target)}


def halt(strategy_id: str, command_id: str) -> ControlCommand:
    return ControlCommand(
        command_id=command_id,
        strategy_id=strategy_id,
        command="halt",
        actor="chaos",
        reason="set before everything else",
        issued_at=datetime.now(UTC),
    )


def resume(strategy_id: str, halt_ids: tuple[str, ...]) -> ControlCommand:
    """The operator has seen what halted it, and wants it to go on if its positions match."""
    now = datetime.now(UTC)
    return ControlCommand(
        command_id=f"resume-{strategy_id}-{now:%H%M%S%f}",
        strategy_id=strategy_id,
        command="resume",
        expected_halt_ids=halt_ids,
        actor="chaos",
        reason="it was over",
        issued_at=now,
    )


def resolve(strategy_id: str, instruction_id: str) -> ControlCommand:
    """The operator has seen that the venue never had it."""
    return ControlCommand(
        command_id=f"resolve-{instruction_id}",
        strategy_id=strategy_id,
        command="resolve",
        target_id=instruction_id,
        outcome="none",
        actor="chaos",
        reason="the venue's log has no request for it",
        issued_at=datetime.now(UTC),
    )


def _exchange(chance: random.Random) -> dict[str, Any]:
    side = chance.choice(("buy", "sell"))
    return chance.choice(
        (
            market(side, "0.01"),
            market(side, "0.1", "ETH/USDT"),
            market(side, "0.01", "BTC/USDT:USDT"),
            market(side, "0.05", "ETH/USDT:USDT"),
            limit(chance.choice((300, 900, 2000))),
            market(side, "0.0000001"),  # below the lot: the exchange refuses it
        )
    )


def _chain(chance: random.Random) -> dict[str, Any]:
    return chance.choice(
        (
            swap(),
            swap("WETH", "USDC", "0.05"),
            lend("supply"),
            lend("withdraw", amount="10"),  # reverts while nothing is supplied
            lend("borrow", "USDC", "2"),
            lend("repay", "USDC", "1"),
            transfer(),
        )
    )


class Strategy:
    """A strategy's instructions, one after another. Even ones number theirs (``sequence``), odd ones do not.

    ``lanes``: where it trades. Now and then it publishes one again, or cancels an order of its own that rests.
    """

    def __init__(self, number: int, seed: int, lanes: str) -> None:
        self.strategy_id = f"chaos-{number}"
        self.lanes = lanes
        self._chance = random.Random(f"{seed}:{number}")
        self._numbers = number % 2 == 0
        self._count = 0
        self._last: Instruction | None = None

    def next(self) -> list[Instruction]:
        """What it publishes at one go: mostly one instruction."""
        if self._last is not None and self._chance.random() < 0.05:
            return [self._last]
        if self.lanes != "chain" and self._chance.random() < 0.1:
            order = self._new(**limit(20_000))
            return [order, self._new(**cancel("binance", order.instruction_id))]
        kind = _chain if self.lanes == "chain" or (self.lanes == "both" and self._chance.random() < 0.5) else _exchange
        self._last = self._new(**kind(self._chance))
        return [self._last]

    def on(self, lane: str) -> Instruction:
        """One more, sure to act on this lane."""
        return self._new(**(market() if lane == "binance" else transfer()))

    def _new(self, **payload: Any) -> Instruction:
        self._count += 1
        sequence = self._count if self._numbers else None
        return instruction(self.strategy_id, f"{self.strategy_id}-{self._count}", sequence=sequence, **payload)


def strategies(seed: int) -> list[Strategy]:
    """Eight of them: three on the exchange, two on the chain, three on both."""
    lanes = ("exchange", "chain", "both", "exchange", "both", "chain", "exchange", "both")
    return [Strategy(number, seed, lane) for number, lane in enumerate(lanes)]


def shuffled(chance: random.Random, everyone: list[Strategy]) -> Iterator[Strategy]:
    """Endlessly, each as often as the others."""
    while True:
        order = list(everyone)
        chance.shuffle(order)
        yield from order
