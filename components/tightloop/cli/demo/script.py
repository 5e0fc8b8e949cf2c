"""The demo's instructions: basis trades, put on and taken off on exchange and chain, over a month of market."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tightloop.domain.directory import Directory, LaneSpec
from tightloop.records.types import Action, CexTrade, Instruction, SmartContractAction, WalletTransfer

SPAN = timedelta(days=30)  # of the market, over which the decisions are spread
LIFE = timedelta(minutes=10)  # of an instruction: the demo's decisions lie in the past, where the default would end
ADDRESS = "0x000000000000000000000000000000000000dEaD"
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"


def write_script(
    seed: int, strategies: int, instructions: int, directory: Directory, origin: datetime, now: datetime
) -> list[Instruction]:
    """``instructions`` in all, one strategy after the other; the same for the same arguments.

    ``origin``: the wall time that stands for the market's first record: decisions lie between it and ``SPAN`` later.
    """
    exchanges = [lane for lane in directory.lanes.values() if lane.kind == "exchange"]
    chains = [lane for lane in directory.lanes.values() if lane.kind == "chain"]
    books = []
    for number in range(strategies):
        strategy, chance = f"demo-{number + 1}", random.Random(f"{seed}:{number}")
        lanes = [*(exchanges[number % len(exchanges) :][:1] if exchanges else ()), *chains]
        books.append(_Book(strategy, [_cycle(chance, lane, directory.own_account(strategy, lane)) for lane in lanes]))
    each = -(-instructions // strategies)
    script = []
    for number in range(instructions):
        book, step = books[number % strategies], number // strategies
        fields = next(book.trades)
        script.append(
            Instruction(
                instruction_id=f"{book.strategy}-{step + 1}",
                strategy_id=book.strategy,
                created_at=origin + SPAN * step / each,
                expires_at=now + LIFE,
                sequence=step + 1,
                **fields,
            )
        )
    return script


class _Book:
    """One strategy, and its endless series of trades."""

    def __init__(self, strategy: str, cycles: Sequence[Iterator[dict[str, Any]]]) -> None:
        self.strategy = strategy
        self.trades = _in_turn(cycles)


def _in_turn(cycles: Sequence[Iterator[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    while True:
        for cycle in cycles:
            yield next(cycle)


def _cycle(chance: random.Random, lane: LaneSpec, account: str) -> Iterator[dict[str, Any]]:
    """What is traded on one lane, over and over, in the strategy's own account there."""
    steps = _carry_on_chain(chance, lane.chain_id or 0) if lane.kind == "chain" else _cash_and_carry(chance, lane.home)
    for fields in steps:
        yield {**fields, "account": account}


def _cash_and_carry(chance: random.Random, venue: str) -> Iterator[dict[str, Any]]:
    """Buy spot, sell the perpetual; later the other way round."""
    while True:
        amount = Decimal(chance.randint(10, 80)).scaleb(-3)
        yield _trade(venue, "spot", "buy", amount)
        yield _trade(venue, "perp", "sell", amount)
        yield _trade(venue, "perp", "buy", amount, reduce_only=True)
        yield _trade(venue, "spot", "sell", amount)


def _carry_on_chain(chance: random.Random, chain_id: int) -> Iterator[dict[str, Any]]:
    """Swap into WETH and lend it, borrow USDT against it; then back. One step moves the gas money."""
    while True:
        dollars, borrowed = Decimal(chance.randint(20, 60) * 100), Decimal(chance.randint(5, 10) * 100)
        ether = Decimal(chance.randint(5, 15)).scaleb(-1)
        swap = _one("uniswap", "swap", token_in="USDT", token_out="WETH", amount=dollars)
        supply = _one("aave", "supply", token_in="WETH", amount_rule="previous_output")
        yield _on_chain(chain_id, "aave", swap, supply, atomic=True)
        yield _on_chain(chain_id, "aave", _one("aave", "borrow", token_out="USDT", amount=borrowed))
        yield _on_chain(
            chain_id, "uniswap", _one("uniswap", "swap", token_in="USDC", token_out="WETH", amount=ether * 1000)
        )
        yield _transfer(ether.scaleb(-2))
        yield _on_chain(chain_id, "aave", _one("aave", "repay", token_in="USDT", amount_rule="all"))
        yield _on_chain(chain_id, "aave", _one("aave", "withdraw", token_out="WETH", amount_rule="all"))
        yield _on_chain(chain_id, "uniswap", _one("uniswap", "swap", token_in="WETH", token_out="USDT", amount=ether))


def _trade(venue: str, market: Any, side: Any, amount: Decimal, *, reduce_only: bool = False) -> dict[str, Any]:
    symbol = SPOT if market == "spot" else PERP
    trade = CexTrade(
        market=market, symbol=symbol, side=side, order_type="market", amount=amount, reduce_only=reduce_only
    )
    return {"type": "cex_trade", "venue": venue, "cex_trade": trade}


def _one(protocol: str, operation: str, **fields: Any) -> Action:
    return Action(protocol=protocol, operation=operation, **fields)


def _on_chain(chain_id: int, venue: str, *actions: Action, atomic: bool = False) -> dict[str, Any]:
    payload = SmartContractAction(chain_id=chain_id, atomic=atomic, actions=actions)
    return {"type": "smart_contract_action", "venue": venue, "smart_contract_action": payload}


def _transfer(amount: Decimal) -> dict[str, Any]:
    transfer = WalletTransfer(source="wallet", destination=ADDRESS, asset="ETH", amount=amount)
    return {"type": "wallet_transfer", "venue": "wallet", "wallet_transfer": transfer}
